/*
 * autoregressive.c - P(codes) = prod_g P(c_g | c_1 .. c_g-1) by a net of causal layers (nn/causal.c) that gives all
 * of them in one pass, as MADE does (Germain et al. 2015, 1502.03509). It is trained along with the encoder, which so
 * feels what its codes cost.
 *
 * Its last layer starts at 0: all codes alike. Drawing goes code by code; of each layer only the block of that code
 * has to be computed.
 */
#include "prior/autoregressive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/vmath.h"

enum { RUN = 64, LAYERS = 1, WIDTH = 32 };

/* The first layer alone is given what is told. */
static struct nn_node layer(const struct prior_space *s, size_t in, size_t out, bool first) {
    size_t lead = first ? s->told : 0;
    return (struct nn_node){.op = &nn_causal, .in = lead + in, .out = out, .blocks = s->k, .lead = lead,
                            .strict = first};
}

/* x + V act(W act(x)) behind what is there, the dropout before V. */
static int add_block(struct nn_net *net, const struct prior_space *s, size_t width, float dropout,
                     struct vae_err *err) {
    size_t src = net->n;
    int r = nn_add(net, &nn_silu, width, width, 0, 0, err);
    if (!r)
        r = nn_add_node(net, layer(s, width, width, false), err);
    if (!r)
        r = nn_add(net, &nn_silu, width, width, 0, 0, err);
    if (!r && dropout > 0)
        r = nn_add(net, &nn_dropout, width, width, net->n, dropout, err);
    if (!r)
        r = nn_add_node(net, layer(s, width, width, false), err);
    if (!r) {
        net->node[net->n - 1].gain = 0;
        r = nn_add(net, &nn_residual, width, width, src, 0, err);
    }
    return r;
}

static int ar_net(struct nn_net *net, const struct prior_space *s, float dropout, struct vae_err *err) {
    size_t width = WIDTH * s->k, values = s->k * s->codes;
    int r = nn_add_node(net, layer(s, values, width, true), err);
    for (size_t i = 0; i < LAYERS && !r; i++)
        r = add_block(net, s, width, dropout, err);
    if (!r)
        r = nn_add(net, &nn_silu, width, width, 0, 0, err);
    if (!r)
        r = nn_add_node(net, layer(s, width, values, false), err);
    if (!r) {
        net->node[net->n - 1].gain = 0;
        nn_place(net, 0);
    }
    return r;
}

/* Weights of the net, as ar_net() makes it. */
static size_t ar_size(const struct prior_space *s, size_t n) {
    (void)n;
    size_t pairs = s->k * (s->k - 1) / 2, all = pairs + s->k, layer = (all * WIDTH + s->k) * WIDTH;
    return (pairs * s->codes + s->k * (s->told + 1)) * WIDTH + 2 * LAYERS * layer + (all * WIDTH + s->k) * s->codes;
}

static int ar_check(const struct prior_space *s, size_t size, const float *param, struct vae_err *err) {
    bool ok = size == ar_size(s, 0);
    for (size_t i = 0; i < size && ok; i++)
        ok = isfinite(param[i]);
    return ok ? 0 : err_set(err, VAE_EDATA, "the autoregressive prior does not fit the model");
}

void ar_hot(const struct prior_space *s, const float *c, float *e, size_t n, size_t ld) {
    for (size_t j = 0; j < s->k; j++)
        for (size_t v = 0; v < s->codes; v++)
            for (size_t i = 0; i < n; i++)
                e[(j * s->codes + v) * ld + i] = c[j * ld + i] == (float)v;
}

/* Logits [codes,n] of one code -> their log probabilities, and p = the probabilities where it is not NULL. n <= RUN. */
VM_WIDE static void log_softmax(size_t codes, float *logits, float *p, size_t n, size_t ld) {
    float all[RUN];
    vm_logsumexp(all, logits, codes, n, ld);
    for (size_t v = 0; v < codes; v++) {
        for (size_t i = 0; i < n; i++)
            logits[v * ld + i] -= all[i];
        if (p)
            vm_exp(p + v * ld, logits + v * ld, n);
    }
}

void ar_cost(const struct prior_space *s, float *logits, const float *share, double *cost, double *by, float *d,
             float scale, size_t n, size_t ld) {
    for (size_t j = 0; j < s->k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * s->codes * ld + at;
            log_softmax(s->codes, logits + p, d ? d + p : NULL, m, ld);
            for (size_t v = 0; v < s->codes; v++, p += ld)
                for (size_t i = 0; i < m; i++) {
                    double t = (double)share[p + i] * (double)logits[p + i];
                    cost[at + i] -= t;
                    if (by)
                        by[j] -= t;
                    if (d)
                        d[p + i] = scale * (d[p + i] - share[p + i]);
                }
        }
}

/* ---- drawing ----------------------------------------------------------------------------------------------- */

struct ar_work {
    struct nn_net net;
    struct nn_work pass;
    float *c, *p; /* [k,MAT_PANEL] codes; [codes,MAT_PANEL] probabilities of one */
};

static void ar_work_free(void *work) {
    struct ar_work *w = work;
    if (!w)
        return;
    nn_work_free(&w->pass);
    nn_net_free(&w->net);
    free(w->c), free(w->p), free(w);
}

static void *ar_work(const struct prior_space *s, size_t size, struct vae_err *err) {
    (void)size;
    struct ar_work *w = mem_array(1, sizeof *w);
    int r = w ? ar_net(&w->net, s, 0, err) : err_set(err, VAE_EOS, "out of memory");
    if (!r)
        r = nn_work_init(&w->pass, &w->net, MAT_PANEL, false, err);
    if (!r) {
        w->c = mem_floats(s->k * MAT_PANEL), w->p = mem_floats(s->codes * MAT_PANEL);
        if (w->c && w->p)
            return w;
        err_set(err, VAE_EOS, "out of memory");
    }
    ar_work_free(w);
    return NULL;
}

/* The logits of code g, those before it standing in the input: block g of every layer. */
static void forward_block(struct ar_work *w, const struct prior_space *s, const float *param, size_t g) {
    const struct nn_cols c = {MAT_PANEL, MAT_PANEL};
    for (size_t i = 0; i < w->net.n; i++) {
        struct nn_node v = w->net.node[i];
        float *const *act = w->pass.act;
        size_t at = g * (v.out / s->k) * MAT_PANEL;
        if (v.op == &nn_causal) {
            nn_causal_block(&v, g, param + v.w0, act[i], act[i + 1], c);
        } else { /* each feature for itself */
            v.in = v.out = v.out / s->k;
            v.op->forward(&v, param, act[i] + at, act[v.src] + at, act[i + 1] + at, c, NULL);
        }
    }
}

/* What is told of the records of a panel -> the input. */
static void tell(struct ar_work *w, const struct prior_space *s, const float *z) {
    mat_transpose(MAT_PANEL, s->told, z + s->k, s->k + s->told, w->pass.act[0], MAT_PANEL);
}

static void ar_sample(const struct prior_space *s, size_t size, const float *param, uint64_t seed, const uint64_t *rows,
                      float temperature, void *work, float *z) {
    (void)size;
    struct ar_work *w = work;
    float *e = w->pass.act[0] + s->told * MAT_PANEL, *logits = w->pass.act[w->net.n];
    tell(w, s, z);
    memset(e, 0, s->k * s->codes * MAT_PANEL * sizeof *e);
    for (size_t g = 0; g < s->k; g++) {
        size_t at = g * s->codes * MAT_PANEL;
        forward_block(w, s, param, g);
        for (size_t i = 0; i < s->codes * MAT_PANEL; i++)
            logits[at + i] /= temperature;
        log_softmax(s->codes, logits + at, w->p, MAT_PANEL, MAT_PANEL);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            size_t v = 0;
            double u;
            rng_uniform(&u, 1, seed, RNG_PRIOR, g, rows[i]);
            while (v + 1 < s->codes && (u -= (double)w->p[v * MAT_PANEL + i]) >= 0)
                v++;
            e[at + v * MAT_PANEL + i] = 1;
            z[i * (s->k + s->told) + g] = (float)v;
        }
    }
}

static void ar_logp(const struct prior_space *s, size_t size, const float *param, const float *z, void *work,
                    double *logp) {
    (void)size;
    struct ar_work *w = work;
    float *e = w->pass.act[0] + s->told * MAT_PANEL;
    tell(w, s, z);
    mat_transpose(MAT_PANEL, s->k, z, s->k + s->told, w->c, MAT_PANEL);
    ar_hot(s, w->c, e, MAT_PANEL, MAT_PANEL);
    nn_forward(&w->net, param, &w->pass, 0, MAT_PANEL, NULL);
    memset(logp, 0, MAT_PANEL * sizeof *logp);
    ar_cost(s, w->pass.act[w->net.n], e, logp, NULL, NULL, 0, MAT_PANEL, MAT_PANEL);
    for (size_t i = 0; i < MAT_PANEL; i++)
        logp[i] = -logp[i];
}

const struct prior prior_autoregressive = {
    .name = "autoregressive", .about = "each code given those before it, by a net trained with the model",
    .codes = true, .told = true, .net = ar_net, .size = ar_size, .check = ar_check,
    .work = ar_work, .work_free = ar_work_free, .sample = ar_sample, .logp = ar_logp,
};
