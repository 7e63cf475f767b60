/* models.h - small models for the tests, and the arithmetic of a model written down again in double. */
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H

#include <stdbool.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/model.h"
#include "prior/realnvp.h"
#include "test.h"
#include "windows.h"

enum { MODELS_WIDE = 512 }; /* most features of a layer here */

/* Likelihoods these models can have for every column, and whose arithmetic is written down again here; the others are walked by
 * test_lik_more, test_chain and test_tables. */
static inline bool models_knows(const struct lik *l) {
    return l == &lik_gaussian || l == &lik_laplace || l == &lik_bernoulli || l == &lik_cbernoulli;
}

/* A schema of columns of these widths (ending with 0), learnt from raw[n,d]. */
static inline struct schema *models_schema(const size_t *widths, const struct schema_transform *t, const double *raw,
                                           size_t n) {
    struct vae_head *h = rec_head_new("data", NULL);
    struct vae_err err = {0};
    for (size_t i = 0; widths[i]; i++) {
        char name[24];
        snprintf(name, sizeof name, "c%zu", i);
        rec_head_add(h, name, REC_F64, widths[i] > 1, &widths[i], NULL);
    }
    struct schema *s = schema_new(h, NULL);
    uint64_t *rows = mem_array(n, sizeof *rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = i;
    for (size_t i = 0; i < s->ncols; i++)
        s->col[i].transform = t;
    CHECK(!schema_learn(s, raw, rows, n, 16, &err), "%s", err.msg);
    free(rows);
    rec_head_free(h);
    return s;
}

/* raw[n,d]: correlated columns in units from 0.01 to 1000; `binary`: 0 and 1. */
static inline double *models_data(size_t n, size_t d, bool binary) {
    double *raw = mem_array(n * d, sizeof *raw);
    float *e = mem_floats(d + 2);
    for (size_t i = 0; i < n; i++) {
        rng_normals(e, d + 2, 1, 1, 17, RNG_TEST, 1, NULL, i);
        for (size_t j = 0; j < d; j++) {
            double v = 0.5 * (double)e[j] + (double)e[d + j % 2] * (j % 3 ? 1 : -0.7);
            raw[i * d + j] = binary ? v > 0 : (v + (double)j) * pow(10, (double)(j % 6) - 2);
        }
    }
    free(e);
    return raw;
}

/* A model started at random, its weights shaken so that none is zero. */
static inline struct vae_model *models_new(const struct model_config *c, const size_t *widths, const double *raw,
                                           size_t n, uint64_t seed) {
    struct vae_err err = {0};
    const struct schema_transform *t = c->lik->max <= 1 ? &schema_unit : &schema_standard;
    struct vae_model *m = model_new(c, models_schema(widths, t, raw, n), &err);
    CHECK(m != NULL, "%s", err.msg);
    model_marginals(m);
    model_start(m, seed);
    float *e = mem_floats(m->nw);
    rng_normals(e, m->nw, 1, 1, seed, RNG_TEST, 2, NULL, 0);
    for (size_t i = 0; i < m->nw; i++) /* those of a RealNVP less: six layers on end go far */
        m->w[i] += (i >= m->wprior && i < m->wlik && !m->npseudo ? 0.03f : 0.15f) * e[i];
    free(e);
    CHECK(!pseudo_settle(m, &err), "%s", err.msg);
    return m;
}

/* What there is to be trained between encoder and decoder: a family of posteriors, and a prior or NULL. */
struct models_kind {
    const struct latent *latent;
    const struct prior *joint;
};

/* Kind i of all that go together and are numbers; false behind the last. Without a prior of its own first. */
static inline bool models_kind(size_t i, struct models_kind *kind) {
    size_t at = 0;
    for (int joint = 0; joint < 2; joint++)
        for (size_t q = 0; latent_table[q]; q++)
            for (size_t t = 0; prior_table[t]; t++) {
                bool own = prior_table[t]->joint != NULL;
                if (latent_table[q]->codes || prior_table[t]->codes || own != joint ||
                    (own ? !latent_table[q]->backward_logq : prior_table[t] != &prior_normal))
                    continue;
                *kind = (struct models_kind){latent_table[q], own ? prior_table[t] : NULL};
                if (at++ == i)
                    return true;
            }
    return false;
}

static inline void models_set_kind(struct model_config *c, const struct models_kind *kind) {
    enum { COMPONENTS = 3 };
    c->latent = kind->latent, c->joint = kind->joint;
    size_t top = model_top(c);
    c->joint_size = !kind->joint                  ? 0
                    : kind->joint->joint->encoded ? 2 * top * COMPONENTS
                                                  : kind->joint->size(&(struct prior_space){.k = top}, 1);
}

static inline const char *models_kind_name(const struct models_kind *kind) {
    static char name[64];
    snprintf(name, sizeof name, "%s %s", kind->latent->name, kind->joint ? kind->joint->name : "normal");
    return name;
}

/* ---- in double ---------------------------------------------------------------------------------------------- */

/* One record through a net of the operations named here: x[in] -> y[out]. */
static inline void models_forward(const struct nn_net *net, const double *w, const double *x, double *y) {
    static double act[40][MODELS_WIDE];
    memcpy(act[0], x, nn_in(net) * sizeof *x);
    for (size_t i = 0; i < net->n; i++) {
        const struct nn_node *v = &net->node[i];
        const double *a = act[i], *p = w + v->w0;
        double *b = act[i + 1], mean = 0, var = 0;
        const char *op = v->op->name;
        for (size_t f = 0; f < v->in; f++)
            mean += a[f] / (double)v->in;
        for (size_t f = 0; f < v->in; f++)
            var += (a[f] - mean) * (a[f] - mean) / (double)v->in;
        for (size_t f = 0; f < v->out; f++)
            if (!strcmp(op, "dense")) {
                b[f] = p[v->in * v->out + f];
                for (size_t g = 0; g < v->in; g++)
                    b[f] += p[f * v->in + g] * a[g];
            } else if (!strcmp(op, "causal")) { /* blocks given those before, weights of each output one behind the other */
                size_t width = v->in / v->blocks, sees = (f / (v->out / v->blocks) + !v->strict) * width;
                b[f] = w[v->w0 + v->nw - v->out + f];
                for (size_t g = 0; g < sees; g++)
                    b[f] += p[g] * a[g];
                p += sees;
            } else if (!strcmp(op, "layernorm")) {
                b[f] = (a[f] - mean) / sqrt(var + 1e-5);
            } else if (!strcmp(op, "residual")) {
                b[f] = a[f] + act[v->src][f];
            } else if (!strcmp(op, "silu")) {
                b[f] = a[f] / (1 + exp(-a[f]));
            } else if (!strcmp(op, "tanh")) {
                b[f] = tanh(a[f]);
            } else if (!strcmp(op, "relu")) {
                b[f] = fmax(a[f], 0);
            } else if (!strcmp(op, "bias")) {
                b[f] = a[f] + p[f];
            } else if (f == 0) { /* all features at once */
                bool down = !strcmp(op, "conv");
                if (!down && strcmp(op, "deconv") != 0)
                    abort();
                windows_apply(&v->win, down, p, a, b, 1);
            }
    }
    memcpy(y, act[net->n], nn_out(net) * sizeof *y);
}

/* Of one value by its output o and its free parameter: -log p, in input units with the scale; mean and variance. */
static inline double models_nll(const struct lik *l, double x, double o, double theta, double scale) {
    double s = exp(theta);
    if (l == &lik_gaussian)
        return 0.5 * pow((x - o) / s, 2) + theta + 0.5 * log(2 * M_PI) + log(scale);
    if (l == &lik_laplace)
        return fabs(x - o) / s + theta + log(2) + log(scale);
    if (l == &lik_cbernoulli)
        return log(expm1(o) / o) - x * o + log(scale);
    return x * log1p(exp(-o)) + (1 - x) * log1p(exp(o));
}

static inline double models_mean(const struct lik *l, double o) {
    return l == &lik_bernoulli ? 1 / (1 + exp(-o)) : l == &lik_cbernoulli ? 1 / -expm1(-o) - 1 / o : o;
}

static inline double models_var(const struct lik *l, double o, double theta) {
    double p = 1 / (1 + exp(-o)), half = o / 2;
    return l == &lik_bernoulli    ? p * (1 - p)
           : l == &lik_cbernoulli ? 1 / (o * o) - 0.25 / pow(sinh(half), 2)
                                  : exp(2 * theta) * (l == &lik_laplace ? 2 : 1);
}

static inline double models_hold(double logvar) { return fmin(fmax(logvar, -14), 6); }

/* The encoder's outputs for pseudo-inputs: a mixture. */
static inline double models_vamp(const struct vae_model *m, const double *w, const double *z) {
    size_t k = m->ntop, c = m->npseudo;
    double sum = 0, in[MODELS_WIDE], h[MODELS_WIDE];
    for (size_t a = 0; a < c; a++) {
        double l = 0;
        for (size_t f = 0; f < m->nfeature; f++)
            in[f] = w[m->wprior + f * c + a];
        models_forward(&m->enc, w, in, h);
        for (size_t j = 0; j < k; j++)
            l -= 0.5 * (pow(z[j] - h[j], 2) / exp(models_hold(h[k + j])) + models_hold(h[k + j]) + log(2 * M_PI));
        sum += exp(l) / (double)c;
    }
    return log(sum);
}

/* log p(z[k]) of a RealNVP with weights w; z becomes what is behind the layers. */
static inline double models_realnvp(size_t k, const double *w, double *z) {
    double logp = 0, in[MODELS_WIDE], out[MODELS_WIDE];
    for (size_t l = 0, at = 0; l < realnvp_layers(k); l++) {
        struct nn_net net = {0};
        size_t stays = 0, moves = 0;
        if (realnvp_net(&net, k, l, NULL))
            abort();
        at = nn_place(&net, at);
        in[0] = 0;
        for (size_t j = 0; j < k; j++)
            if (!realnvp_moves(k, l, j))
                in[stays++] = z[j];
        models_forward(&net, w, in, out);
        for (size_t j = 0; j < k; j++)
            if (realnvp_moves(k, l, j)) {
                double s = (double)REALNVP_BOUND * tanh(out[moves] / (double)REALNVP_BOUND);
                z[j] = z[j] * exp(s) + out[nn_out(&net) / 2 + moves++];
                logp += s;
            }
        nn_net_free(&net);
    }
    for (size_t j = 0; j < k; j++)
        logp -= 0.5 * (z[j] * z[j] + log(2 * M_PI));
    return logp;
}

/* Everything about one record x[d] (model units) and one draw eps[k]. */
struct models_parts {
    double nll, kl, kl_free, logp, logq; /* nll in input units; kl_free: each latent's at least free_nats */
    double z[64], out[MODELS_WIDE], mean[MODELS_WIDE]; /* out: of the decoder; mean: E[x | z] in model units */
};

static inline struct models_parts models_record(const struct vae_model *m, const double *w, const float *x,
                                                const double *eps, double free_nats) {
    struct models_parts r = {0};
    size_t d = m->schema->d, k = m->config.latent_dim, top = m->ntop;
    double in[MODELS_WIDE], h[MODELS_WIDE], *o = r.out, z[64];
    struct {
        double kl, kl_free, logp, logq;
    } level[2] = {{0}};
    for (size_t j = 0; j < d; j++) {
        double v = (double)x[j], a = fabs(v);
        in[j] = a <= 4 ? v : copysign(4 + log(1 + a - 4), v);
    }
    models_forward(&m->enc, w, in, h);
    for (size_t j = 0; j < k; j++) { /* Gaussian posteriors; their priors, of a lower level told by the upper one */
        size_t l = j >= top, i = j - l * top, n = l ? k - top : top;
        const double *at = h + 2 * l * top;
        double mu = at[i], logvar = models_hold(at[n + i]), prior[2] = {0, 0}, t[MODELS_WIDE];
        if (l) {
            models_forward(&m->down, w, r.z, t);
            prior[0] = t[i], prior[1] = models_hold(t[n + i]);
            double precision = exp(-logvar) + exp(-prior[1]);
            mu = (mu * exp(-logvar) + prior[0] * exp(-prior[1])) / precision;
            logvar = -log(precision);
        }
        double far = mu - prior[0], kl = 0.5 * ((exp(logvar) + far * far) / exp(prior[1]) - 1 - logvar + prior[1]);
        r.z[j] = mu + exp(logvar / 2) * eps[j];
        level[l].kl += kl;
        level[l].kl_free += fmax(kl, free_nats);
        level[l].logp -= 0.5 * (pow(r.z[j] - prior[0], 2) / exp(prior[1]) + prior[1] + log(2 * M_PI));
        level[l].logq -= 0.5 * (eps[j] * eps[j] + logvar + log(2 * M_PI));
    }
    if (m->config.joint) { /* a divergence by the draw, and free nats of all latents together */
        memcpy(z, r.z, top * sizeof *z);
        level[0].logp = m->npseudo ? models_vamp(m, w, z) : models_realnvp(top, w + m->wprior, z);
        level[0].kl = level[0].kl_free = level[0].logq - level[0].logp;
        if (free_nats > 0)
            level[0].kl_free = fmax(level[0].kl, free_nats * (double)top);
    }
    for (size_t l = 0; l < 2; l++) {
        r.kl += level[l].kl, r.kl_free += level[l].kl_free;
        r.logp += level[l].logp, r.logq += level[l].logq;
    }
    models_forward(&m->dec, w, r.z, o);
    for (size_t c = 0, j = 0, theta = m->wlik; c < m->schema->ncols; c++) {
        const struct lik *l = m->config.lik;
        for (size_t e = j + m->schema->col[c].width; j < e; j++) {
            r.nll += models_nll(l, (double)x[j], o[j], l->params ? w[theta] : 0, m->schema->scale[j]);
            r.mean[j] = models_mean(l, o[j]);
        }
        theta += (size_t)l->params; /* one a column, whatever its width */
    }
    return r;
}

static inline double *models_weights(const struct vae_model *m) {
    double *w = mem_array(m->nw, sizeof *w);
    for (size_t i = 0; i < m->nw; i++)
        w[i] = (double)m->w[i];
    return w;
}

/* All rows in model units. */
static inline float *models_rows(const struct vae_model *m, const double *raw, size_t n) {
    float *x = mem_floats(n * m->schema->d);
    schema_to_model(m->schema, raw, NULL, n, x);
    return x;
}

#endif
