/*
 * tc.c - beta-TC (Chen et al. 2018, 1802.04942): the total correlation of the latents of all records counts `weight` times.
 *
 *   mean over x of KL(q(z|x) || p(z)) = I(z; x) + TC + sum_j KL(q(z_j) || p(z_j)),    TC = KL(q(z) || prod_j q(z_j))
 *
 * with q(z) = 1/N sum_n q(z|x_n) over the N training rows. What is made small is nll + beta (KL + (weight - 1) TC): the three
 * terms count 1, weight and 1. KL is in closed form; TC is estimated from the B records of a step, each with its draw z_i:
 *
 *   TC_i = log q(z_i) - sum_j log q(z_ij),    q(z_i) ~ 1/N q(z_i|x_i) + (1 - 1/N) / (B - 1) sum over the others of q(z_i|x_n)
 *
 * (stratified: the row that z_i came of is known to be one of the N; both are unbiased for q). Sums of densities are
 * taken over q(z_i|x_i), which makes them at least 1/N: d_inj = log q(z_ij|x_n) - log q(z_ij|x_i).
 */
#include <math.h>
#include <string.h>

#include "base/vmath.h"
#include "model/objective.h"

enum { RUN = 64, LANES = 16 };

/* Draws and posteriors of all records, a plane [k,ld] each; k is m->zdim. */
struct planes {
    size_t k, ld;
    float *z, *mean, *rate, *log_rate; /* rate: 1/sd */
    float *own;                        /* log q(z_ij|x_i), without the constant that all densities have */
    float *sum;                        /* log of the weighed sum over n of exp d_inj */
    float *dz, *dmean, *dlogvar;       /* gradient of the term */
    float *joint;                      /* [ld] as sum, of all latents together */
};

static struct planes planes_of(const struct vae_model *m, const struct model_pass *p) {
    size_t plane = m->zdim * p->ld;
    float *a = p->own;
    return (struct planes){m->zdim,       p->ld,         a,             a + plane,     a + 2 * plane, a + 3 * plane,
                           a + 4 * plane, a + 5 * plane, a + 6 * plane, a + 7 * plane, a + 8 * plane,
                           a + 9 * plane};
}

static size_t tc_room(const struct vae_model *m, size_t ld) { return (9 * m->zdim + 1) * ld; }

static bool tc_suits(const struct model_config *c) { return c->latent->moments && !c->joint; }

/* What the posterior of x_i counts in its own sums, and each other one. */
struct shares {
    float own, other;
};

static struct shares shares_of(const struct model_objective *obj) {
    double n = (double)obj->population, b = (double)obj->batch;
    return (struct shares){(float)(1 / n), b > 1 ? (float)((1 - 1 / n) / (b - 1)) : 0};
}

/* Sum in lanes: one order at any vector width. */
VM_WIDE static float sum_of(const float *x, size_t n) {
    float part[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            part[k] += x[i + k];
    for (; i < n; i++)
        part[i % LANES] += x[i];
    for (size_t k = 0; k < LANES; k++)
        sum += part[k];
    return sum;
}

/* d[n] of latent j: the draw of record i by the posteriors of columns at.. */
VM_WIDE static void by_others(const struct planes *a, size_t j, size_t i, size_t at, size_t n, float *d) {
    const float *mean = a->mean + j * a->ld + at, *rate = a->rate + j * a->ld + at, *log_rate = a->log_rate + j * a->ld + at;
    float z = a->z[j * a->ld + i], own = a->own[j * a->ld + i];
    for (size_t c = 0; c < n; c++) {
        float t = (z - mean[c]) * rate[c];
        d[c] = log_rate[c] - 0.5f * t * t - own;
    }
}

/* d[n] of latent j: the draws of columns at.. by the posterior of record i. */
VM_WIDE static void of_others(const struct planes *a, size_t j, size_t i, size_t at, size_t n, float *d) {
    const float *z = a->z + j * a->ld + at, *own = a->own + j * a->ld + at;
    float mean = a->mean[j * a->ld + i], rate = a->rate[j * a->ld + i], log_rate = a->log_rate[j * a->ld + i];
    for (size_t c = 0; c < n; c++) {
        float t = (z[c] - mean) * rate;
        d[c] = log_rate - 0.5f * t * t - own[c];
    }
}

VM_WIDE static void add(float *to, const float *x, size_t n) {
    for (size_t c = 0; c < n; c++)
        to[c] += x[c];
}

/* Record i is none of the others. */
static void leave_out(size_t i, size_t at, size_t n, float *d) {
    if (i >= at && i < at + n)
        d[i - at] = -INFINITY;
}

static void tc_share(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const struct model_objective *obj,
                     const struct nn_noise *noise) {
    (void)obj, (void)noise;
    const struct planes a = planes_of(m, p);
    m->config.latent->mean(a.k, model_h(p) + col, a.mean + col, n, a.ld);
    m->config.latent->sd(a.k, model_h(p) + col, a.rate + col, n, a.ld);
    for (size_t j = 0; j < a.k; j++) {
        size_t at = j * a.ld + col;
        memcpy(a.z + at, model_z(p) + at, n * sizeof *a.z); /* a chain is going to hide some of it */
        vm_log(a.log_rate + at, a.rate + at, n);
        for (size_t i = at; i < at + n; i++) {
            a.log_rate[i] = -a.log_rate[i], a.rate[i] = 1 / a.rate[i];
            float t = (a.z[i] - a.mean[i]) * a.rate[i];
            a.own[i] = a.log_rate[i] - 0.5f * t * t;
        }
    }
}

/* sum and joint of record i. */
static void sum_record(const struct planes *a, size_t i, size_t batch, struct shares w) {
    float d[RUN], all[RUN];
    double top = 0, joint = (double)w.own; /* joint times exp(top) */
    for (size_t j = 0; j < a->k; j++)
        a->sum[j * a->ld + i] = 0;
    for (size_t at = 0; at < batch; at += RUN) {
        size_t n = batch - at < RUN ? batch - at : RUN;
        float high = -INFINITY;
        memset(all, 0, sizeof all);
        for (size_t j = 0; j < a->k; j++) {
            by_others(a, j, i, at, n, d);
            add(all, d, n);
            leave_out(i, at, n, d);
            vm_exp(d, d, n);
            a->sum[j * a->ld + i] += sum_of(d, n);
        }
        leave_out(i, at, n, all);
        for (size_t c = 0; c < n; c++)
            high = all[c] > high ? all[c] : high;
        if ((double)high > top) {
            joint *= exp(top - (double)high);
            top = (double)high;
        }
        for (size_t c = 0; c < n; c++)
            all[c] -= (float)top;
        vm_exp(all, all, n);
        joint += (double)(w.other * sum_of(all, n));
    }
    a->joint[i] = (float)(top + log(joint));
}

static void tc_couple(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const struct model_objective *obj) {
    const struct planes a = planes_of(m, p);
    const struct shares w = shares_of(obj);
    for (size_t i = col; i < col + n; i++)
        sum_record(&a, i, obj->batch, w);
    for (size_t j = 0; j < a.k; j++) {
        float *sum = a.sum + j * a.ld + col;
        for (size_t i = 0; i < n; i++)
            sum[i] = w.own + w.other * sum[i];
        vm_log(sum, sum, n);
    }
}

/* of[n]: the parts that the posteriors of columns at.. have in the joint sum of record i; in[n]: that of i's in theirs. */
static void joint_parts(const struct planes *a, size_t i, size_t at, size_t n, float *of, float *in) {
    float d[RUN];
    memset(of, 0, n * sizeof *of), memset(in, 0, n * sizeof *in);
    for (size_t j = 0; j < a->k; j++) {
        by_others(a, j, i, at, n, d);
        add(of, d, n);
        of_others(a, j, i, at, n, d);
        add(in, d, n);
    }
    for (size_t c = 0; c < n; c++)
        of[c] -= a->joint[i], in[c] -= a->joint[at + c];
    leave_out(i, at, n, of), leave_out(i, at, n, in);
    vm_exp(of, of, n), vm_exp(in, in, n);
}

/* part[n] of the sums of record i alone, of[n] of its joint one: they become terms of d/dz. */
VM_WIDE static void z_terms(const struct planes *a, size_t j, size_t i, size_t at, size_t n, const float *of, float *part) {
    const float *mean = a->mean + j * a->ld + at, *rate = a->rate + j * a->ld + at;
    float z = a->z[j * a->ld + i];
    for (size_t c = 0; c < n; c++)
        part[c] = (part[c] - of[c]) * (z - mean[c]) * rate[c] * rate[c];
}

/* part[n] that i has in the sums of others, in[n] in their joint ones: they become terms of d/dmean, var[n] those of d/dlogvar. */
VM_WIDE static void posterior_terms(const struct planes *a, size_t j, size_t i, size_t at, size_t n, const float *in,
                                    float *part, float *var) {
    const float *z = a->z + j * a->ld + at;
    float mean = a->mean[j * a->ld + i], rate = a->rate[j * a->ld + i];
    for (size_t c = 0; c < n; c++) {
        float g = in[c] - part[c], t = (z[c] - mean) * rate;
        part[c] = g * t * rate;
        var[c] = 0.5f * g * (t * t - 1);
    }
}

/* What columns at.. add to the gradient of latent j of record i, but for their share. */
static void add_gradient(const struct planes *a, size_t j, size_t i, size_t at, size_t n, const float *of, const float *in) {
    const float *sum = a->sum + j * a->ld;
    size_t to = j * a->ld + i;
    float part[RUN], var[RUN];
    by_others(a, j, i, at, n, part);
    for (size_t c = 0; c < n; c++)
        part[c] -= sum[i];
    leave_out(i, at, n, part);
    vm_exp(part, part, n);
    z_terms(a, j, i, at, n, of, part);
    a->dz[to] += sum_of(part, n);
    of_others(a, j, i, at, n, part);
    for (size_t c = 0; c < n; c++)
        part[c] -= sum[at + c];
    leave_out(i, at, n, part);
    vm_exp(part, part, n);
    posterior_terms(a, j, i, at, n, in, part, var);
    a->dmean[to] += sum_of(part, n);
    a->dlogvar[to] += sum_of(var, n);
}

/* Latent j of n <= RUN records from i on: the others' part by their share, the record's own, all times `factor`. */
VM_WIDE static void finish(const struct planes *a, size_t j, size_t i, size_t n, struct shares w, float factor) {
    size_t at = j * a->ld + i;
    float all[RUN] = {0}, one[RUN] = {0};
    for (size_t c = 0; c < n; c++)
        all[c] = -a->joint[i + c], one[c] = -a->sum[at + c];
    vm_exp(all, all, n), vm_exp(one, one, n);
    for (size_t c = 0; c < n; c++) {
        float rate = a->rate[at + c], t = (a->z[at + c] - a->mean[at + c]) * rate, g = w.own * (all[c] - one[c]);
        a->dz[at + c] = factor * (w.other * a->dz[at + c] - g * t * rate);
        a->dmean[at + c] = factor * (w.other * a->dmean[at + c] + g * t * rate);
        a->dlogvar[at + c] = factor * (w.other * a->dlogvar[at + c] + 0.5f * g * (t * t - 1));
    }
}

static void tc_pull(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const struct model_objective *obj) {
    const struct planes a = planes_of(m, p);
    const struct shares w = shares_of(obj);
    float of[RUN], in[RUN], factor = obj->scale * obj->beta * (obj->weight - 1);
    for (size_t j = 0; j < a.k; j++)
        for (size_t i = j * a.ld + col; i < j * a.ld + col + n; i++)
            a.dz[i] = a.dmean[i] = a.dlogvar[i] = 0;
    for (size_t i = col; i < col + n; i++)
        for (size_t at = 0; at < obj->batch; at += RUN) {
            size_t here = obj->batch - at < RUN ? obj->batch - at : RUN;
            joint_parts(&a, i, at, here, of, in);
            for (size_t j = 0; j < a.k; j++)
                add_gradient(&a, j, i, at, here, of, in);
        }
    for (size_t j = 0; j < a.k; j++) {
        for (size_t at = col; at < col + n; at += RUN)
            finish(&a, j, at, col + n - at < RUN ? col + n - at : RUN, w, factor);
        add(p->dec.grad[0] + j * a.ld + col, a.dz + j * a.ld + col, n);
    }
}

static void tc_push(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    const struct planes a = planes_of(m, p);
    m->config.latent->moments(a.k, model_h(p) + col, a.dmean + col, a.dlogvar + col, p->enc.grad[p->enc.n] + col, n, a.ld);
}

const struct objective objective_tc = {
    .name = "tc", .about = "the ELBO with a weight on the total correlation of the latents", .couples = true, .weight = 6,
    .suits = tc_suits, .room = tc_room, .share = tc_share, .couple = tc_couple, .pull = tc_pull, .push = tc_push,
    .decode = elbo_decode, .bound = elbo_bound,
};
