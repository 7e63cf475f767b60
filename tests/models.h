/* models.h - small models for the tests, and the arithmetic of a model written down again in double. */
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H

#include <stdbool.h>

#include "base/mem.h"
#include "base/rng.h"
#include "model/model.h"
#include "test.h"

enum { MODELS_WIDE = 512 }; /* most features of a layer here */

/* Likelihoods these models can have for every column, and whose arithmetic is written down again here; the others are walked by
 * test_lik_more, test_chain and test_tables. */
static inline bool models_knows(const struct lik *l) { return l == &lik_gaussian || l == &lik_bernoulli; }

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
    for (size_t i = 0; i < m->nw; i++)
        m->w[i] += 0.15f * e[i];
    free(e);
    return m;
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
            } else {
                abort();
            }
    }
    memcpy(y, act[net->n], nn_out(net) * sizeof *y);
}

/* Everything about one record x[d] (model units) and one draw eps[k]. */
struct models_parts {
    double nll, kl, kl_free, logp, logq; /* nll in input units; kl_free: each latent's at least free_nats */
    double z[64], mean[MODELS_WIDE];     /* mean: E[x | z] in model units */
};

static inline double models_hold(double logvar) { return fmin(fmax(logvar, -14), 6); }

static inline struct models_parts models_record(const struct vae_model *m, const double *w, const float *x,
                                                const double *eps, double free_nats) {
    struct models_parts r = {0};
    size_t d = m->schema->d, k = m->config.latent_dim;
    double in[MODELS_WIDE], h[MODELS_WIDE], o[MODELS_WIDE];
    for (size_t j = 0; j < d; j++) {
        double v = (double)x[j], a = fabs(v);
        in[j] = a <= 4 ? v : copysign(4 + log(1 + a - 4), v);
    }
    models_forward(&m->enc, w, in, h);
    for (size_t j = 0, top = m->ntop; j < k; j++) { /* Gaussian posteriors; their priors, of a lower level told by the upper one */
        const double *at = j < top ? h : h + 2 * top;
        size_t level = j < top ? top : k - top, i = j < top ? j : j - top;
        double mu = at[i], logvar = models_hold(at[level + i]), prior[2] = {0, 0}, t[MODELS_WIDE];
        if (j >= top) {
            models_forward(&m->down, w, r.z, t);
            prior[0] = t[i], prior[1] = models_hold(t[level + i]);
            double precision = exp(-logvar) + exp(-prior[1]);
            mu = (mu * exp(-logvar) + prior[0] * exp(-prior[1])) / precision;
            logvar = -log(precision);
        }
        double far = mu - prior[0], kl = 0.5 * ((exp(logvar) + far * far) / exp(prior[1]) - 1 - logvar + prior[1]);
        r.z[j] = mu + exp(logvar / 2) * eps[j];
        r.kl += kl;
        r.kl_free += fmax(kl, free_nats);
        r.logp -= 0.5 * (pow(r.z[j] - prior[0], 2) / exp(prior[1]) + prior[1] + log(2 * M_PI));
        r.logq -= 0.5 * (eps[j] * eps[j] + logvar + log(2 * M_PI));
    }
    models_forward(&m->dec, w, r.z, o);
    for (size_t c = 0, j = 0, theta = m->wlik; c < m->schema->ncols; c++) {
        bool gauss = !strcmp(m->config.lik->name, "gaussian");
        size_t width = m->schema->col[c].width;
        for (size_t e = j + width; j < e; j++) {
            double xj = (double)x[j];
            if (gauss) {
                double sd = exp(w[theta]);
                r.nll += 0.5 * pow((xj - o[j]) / sd, 2) + log(sd) + 0.5 * log(2 * M_PI) + log(m->schema->scale[j]);
            } else {
                r.nll += xj * log1p(exp(-o[j])) + (1 - xj) * log1p(exp(o[j]));
            }
            r.mean[j] = gauss ? o[j] : 1 / (1 + exp(-o[j]));
        }
        theta += gauss; /* one a column, whatever its width */
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
