/*
 * vamp.c - the variational mixture of posteriors (Tomczak & Welling 2018, 1705.07120): a mixture, all components of one
 * weight, of the posteriors of pseudo-inputs u_c that are trained with the model,
 *
 *   p(z) = 1/C sum_c N(z; mean(u_c), exp(v(u_c)))
 *
 * Parameters, for each of C components: mean[k], log variance v[k].
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/vmath.h"
#include "prior/prior.h"

enum { MAX_COMPONENTS = 256, ROWS_A_COMPONENT = 20, RUN = 64, LANES = 16, TASK = 8 };
static const double LOG_2PI = 1.83787706640934548356;
static const float LOGVAR_RANGE = 30; /* no component is narrower or wider than e^-+15 */

static size_t vamp_size(const struct prior_space *s, size_t n) {
    size_t c = n / ROWS_A_COMPONENT;
    return 2 * s->k * (c < 1 ? 1 : c > MAX_COMPONENTS ? MAX_COMPONENTS : c);
}

static int vamp_check(const struct prior_space *s, size_t size, const float *param, struct vae_err *err) {
    size_t k = s->k;
    bool ok = size > 0 && size % (2 * k) == 0 && size / (2 * k) <= MAX_COMPONENTS;
    for (size_t i = 0; ok && i < size; i++)
        ok = isfinite(param[i]) && (i / k % 2 == 0 || fabsf(param[i]) <= LOGVAR_RANGE);
    return ok ? 0 : err_set(err, VAE_EDATA, "the vamp prior does not fit the model");
}

struct vamp {
    size_t k, ld;
    float *share; /* [C,ld] of the components in a record; behind backward(), times pull */
    float *z;     /* [k,MAT_PANEL] */
};

static void vamp_free(void *work) {
    struct vamp *v = work;
    if (v)
        free(v->share), free(v->z);
    free(v);
}

static void *joint_work(size_t k, size_t size, size_t ld, bool gradients, struct vae_err *err) {
    (void)gradients;
    struct vamp *v = mem_array(1, sizeof *v);
    size_t n;
    if (v) {
        v->k = k, v->ld = ld;
        v->share = mem_mul(size / (2 * k), ld, &n) ? mem_floats(n) : NULL;
        v->z = mem_floats(k * MAT_PANEL);
        if (v->share && v->z)
            return v;
    }
    err_set(err, VAE_EOS, "out of memory for %zu components", size / (2 * k));
    vamp_free(v);
    return NULL;
}

static void *vamp_work(const struct prior_space *s, size_t size, struct vae_err *err) {
    return joint_work(s->k, size, MAT_PANEL, false, err);
}

/* l[n] -= sum over m latents of (z - mean)^2 / var / 2. */
VM_WIDE static void distances(size_t m, const float *mean, const float *precision, const float *z, float *l, size_t n,
                              size_t ld) {
    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < n; i++) {
            float d = z[j * ld + i] - mean[j];
            l[i] -= 0.5f * precision[j] * d * d;
        }
}

VM_WIDE static void less(float *l, const float *by, size_t n) {
    for (size_t i = 0; i < n; i++)
        l[i] -= by[i];
}

/* 1 / var of m latents, and half the sum of their log variances. */
static double precisions(const float *logvar, size_t m, float *precision) {
    double sum = 0;
    for (size_t j = 0; j < m; j++) {
        precision[j] = -logvar[j];
        sum += 0.5 * (double)logvar[j];
    }
    vm_exp(precision, precision, m);
    return sum;
}

/* Up to RUN columns: log N of each component, then the shares; logp. */
static void mix(const struct prior_panel *x, size_t col, size_t n, double *logp) {
    const struct vamp *v = x->work;
    size_t k = x->k, c = x->size / (2 * k), ld = v->ld;
    float *share = v->share + col, precision[RUN], all[RUN];
    for (size_t a = 0; a < c; a++) {
        const float *mean = x->param + a * 2 * k, *logvar = mean + k;
        float *l = share + a * ld;
        memset(l, 0, n * sizeof *l);
        double base = 0.5 * (double)k * LOG_2PI;
        for (size_t j = 0; j < k; j += RUN) {
            size_t m = k - j < RUN ? k - j : RUN;
            base += precisions(logvar + j, m, precision);
            distances(m, mean + j, precision, x->z + j * x->ld + col, l, n, x->ld);
        }
        for (size_t i = 0; i < n; i++)
            l[i] -= (float)base;
    }
    vm_logsumexp(all, share, c, n, ld);
    for (size_t a = 0; a < c; a++) {
        less(share + a * ld, all, n);
        vm_exp(share + a * ld, share + a * ld, n);
    }
    for (size_t i = 0; i < n; i++)
        logp[i] += (double)all[i] - log((double)c);
}

static void joint_logp(const struct prior_panel *x, double *logp) {
    for (size_t at = 0; at < x->n; at += RUN)
        mix(x, x->col + at, x->n - at < RUN ? x->n - at : RUN, logp + at);
}

/* dz += share (mean - z) / var */
VM_WIDE static void towards(size_t m, const float *mean, const float *precision, const float *z, const float *share,
                            float *dz, size_t n, size_t ld) {
    for (size_t j = 0; j < m; j++)
        for (size_t i = 0; i < n; i++)
            dz[j * ld + i] += share[i] * precision[j] * (mean[j] - z[j * ld + i]);
}

VM_WIDE static void times(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] *= x[i];
}

static void joint_backward(const struct prior_panel *x, const float *pull, float *dz) {
    const struct vamp *v = x->work;
    size_t k = x->k;
    float precision[RUN];
    for (size_t a = 0; a < x->size / (2 * k); a++) {
        const float *mean = x->param + a * 2 * k, *logvar = mean + k;
        float *share = v->share + a * v->ld + x->col;
        times(share, pull, x->n);
        for (size_t j = 0; j < k; j += RUN) {
            size_t m = k - j < RUN ? k - j : RUN;
            precisions(logvar + j, m, precision);
            towards(m, mean + j, precision, x->z + j * x->ld + x->col, share, dz + j * x->ld + x->col, x->n, x->ld);
        }
    }
}

static size_t joint_tasks(size_t k, size_t size) { return (size / (2 * k) + TASK - 1) / TASK; }

/* Sums over the records of share d / var and share (d^2 / var - 1) / 2, d = z - mean, in lanes: one order at any width.
 */
VM_WIDE static void sums(const float *z, const float *share, float mean, float precision, size_t n, float *dmean,
                         float *dlogvar) {
    float first[LANES] = {0}, second[LANES] = {0};
    double a = 0, b = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++) {
            float d = z[i + l] - mean, s = share[i + l] * precision * d;
            first[l] += s;
            second[l] += s * d - share[i + l];
        }
    for (; i < n; i++) {
        float d = z[i] - mean, s = share[i] * precision * d;
        first[i % LANES] += s;
        second[i % LANES] += s * d - share[i];
    }
    for (size_t l = 0; l < LANES; l++)
        a += (double)first[l], b += (double)second[l];
    *dmean = (float)a;
    *dlogvar = (float)(0.5 * b);
}

static void joint_grad(const struct prior_panel *x, size_t task, float *dparam) {
    const struct vamp *v = x->work;
    size_t k = x->k, c = x->size / (2 * k), end = (task + 1) * TASK < c ? (task + 1) * TASK : c;
    float precision[RUN];
    for (size_t a = task * TASK; a < end; a++) {
        const float *mean = x->param + a * 2 * k, *logvar = mean + k;
        float *d = dparam + a * 2 * k;
        for (size_t j = 0; j < k; j++) {
            if (j % RUN == 0)
                precisions(logvar + j, k - j < RUN ? k - j : RUN, precision);
            sums(x->z + j * x->ld, v->share + a * v->ld, mean[j], precision[j % RUN], x->n, d + j, d + k + j);
        }
    }
}

static void vamp_sample(const struct prior_space *s, size_t size, const float *param, uint64_t seed,
                        const uint64_t *rows, float temperature, void *work, float *z) {
    (void)work;
    size_t k = s->k;
    for (size_t i = 0; i < MAT_PANEL; i++) {
        double u;
        float sd[RUN], *to = z + i * k;
        rng_uniform(&u, 1, seed, RNG_PRIOR, 1, rows[i]);
        rng_normals(to, k, 1, 1, seed, RNG_PRIOR, 0, NULL, rows[i]);
        const float *mean = param + (size_t)(u * (double)(size / (2 * k))) * 2 * k, *logvar = mean + k;
        for (size_t j = 0; j < k; j++) {
            if (j % RUN == 0) {
                size_t m = k - j < RUN ? k - j : RUN;
                for (size_t a = 0; a < m; a++)
                    sd[a] = 0.5f * logvar[j + a];
                vm_exp(sd, sd, m);
            }
            to[j] = mean[j] + sd[j % RUN] * (temperature * to[j]);
        }
    }
}

static void vamp_logp(const struct prior_space *s, size_t size, const float *param, const float *z, void *work,
                      double *logp) {
    size_t k = s->k;
    struct vamp *v = work;
    const struct prior_panel x = {k, size, param, v->z, 0, MAT_PANEL, MAT_PANEL, v};
    mat_transpose(MAT_PANEL, k, z, k, v->z, MAT_PANEL);
    memset(logp, 0, MAT_PANEL * sizeof *logp);
    joint_logp(&x, logp);
}

static const struct prior_joint joint = {
    .encoded = true,
    .work = joint_work,
    .logp = joint_logp,
    .backward = joint_backward,
    .ntasks = joint_tasks,
    .grad = joint_grad,
};

const struct prior prior_vamp = {
    .name = "vamp",
    .about = "a mixture of posteriors of pseudo-inputs, trained with the model as the prior of the objective",
    .joint = &joint,
    .size = vamp_size,
    .check = vamp_check,
    .work = vamp_work,
    .work_free = vamp_free,
    .sample = vamp_sample,
    .logp = vamp_logp,
};
