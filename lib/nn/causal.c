/*
 * causal.c - a dense layer over positions: features are blocks, one a position, and a position is given those before
 * it and, unless strict, itself. A strict one and any number of others behind it make p(x) = prod_g p(x_g | x_<g) in
 * one pass (MADE, Germain et al. 2015, 1502.03509). With the features in the order of the positions what a block is
 * given is a prefix of the input, so that a block is one product and no weight is masked away.
 *
 *   y_g = W_g [lead, x_0 .. x_h] + b_g        h = g, strict: g - 1
 *
 * Weights: W_g[out / blocks, width of its prefix] one behind the other, then b[out].
 */
#include <math.h>
#include <string.h>

#include "base/mat.h"
#include "base/rng.h"
#include "nn/bias.h"

static size_t block_in(const struct nn_node *v) { return (v->in - v->lead) / v->blocks; }
static size_t block_out(const struct nn_node *v) { return v->out / v->blocks; }

/* Inputs that block g is given. */
static size_t prefix(const struct nn_node *v, size_t g) { return v->lead + (v->strict ? g : g + 1) * block_in(v); }

/* Where the weights of block g stand. */
static size_t offset(const struct nn_node *v, size_t g) {
    size_t before = v->strict ? g * (g - (g > 0)) / 2 : g * (g + 1) / 2; /* blocks of inputs of all blocks before g */
    return block_out(v) * (g * v->lead + before * block_in(v));
}

static size_t causal_shape(const struct nn_node *v, size_t shape[NN_MAX_DIMS], size_t *nb) {
    *shape = offset(v, v->blocks);
    *nb = v->out;
    return 1;
}

static void causal_init(const struct nn_node *v, float *w, uint64_t seed, uint64_t block) {
    size_t n = v->nw - v->out;
    rng_normals(w, n, 1, 1, seed, RNG_INIT, block, NULL, 0);
    for (size_t g = 0; g < v->blocks; g++) {
        size_t m = prefix(v, g);
        float sd = v->gain * sqrtf(1.0f / (float)(m ? m : 1));
        for (size_t i = offset(v, g); i < offset(v, g + 1); i++)
            w[i] *= sd;
    }
    memset(w + n, 0, v->out * sizeof *w);
}

void nn_causal_block(const struct nn_node *v, size_t g, const float *w, const float *x, float *y, struct nn_cols c) {
    size_t m = block_out(v), k = prefix(v, g);
    y += g * m * c.ld;
    bias_fill(w + v->nw - v->out + g * m, m, y, m, c);
    if (k)
        mat_gemm(false, false, m, c.n, k, w + offset(v, g), k, x, c.ld, 1, y, c.ld);
}

static void causal_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                           struct nn_cols c, const struct nn_noise *noise) {
    (void)skip, (void)noise;
    for (size_t g = 0; g < v->blocks; g++)
        nn_causal_block(v, g, w, x, y, c);
}

static void causal_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                            float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)x, (void)y, (void)dskip, (void)noise;
    size_t m = block_out(v), last = prefix(v, v->blocks - 1);
    for (size_t f = v->acc ? v->in : last; f < v->in; f++) /* the last position of a strict layer tells nobody */
        memset(dx + f * c.ld, 0, c.n * sizeof *dx);
    for (size_t g = v->blocks; g-- > 0;) {
        size_t k = prefix(v, g);
        bool first = g + 1 == v->blocks && !v->acc;
        if (k)
            mat_gemm(true, false, k, c.n, m, w + offset(v, g), k, dy + g * m * c.ld, c.ld, first ? 0 : 1, dx, c.ld);
    }
}

static size_t causal_ntasks(const struct nn_node *v) { return v->blocks; }

static void causal_grad(const struct nn_node *v, size_t task, const float *x, const float *skip, const float *y,
                        const float *dy, float *dw, struct nn_cols c) {
    (void)skip, (void)y;
    size_t m = block_out(v), k = prefix(v, task);
    dy += task * m * c.ld;
    if (k)
        mat_gemm(false, true, m, k, c.n, dy, c.ld, x, c.ld, 0, dw + offset(v, task), k);
    bias_grad(dy, 1, 0, dw + v->nw - v->out + task * m, m, c);
}

const struct nn_op nn_causal = {
    .name = "causal", .shape = causal_shape, .init = causal_init, .forward = causal_forward,
    .backward = causal_backward, .ntasks = causal_ntasks, .grad = causal_grad,
};
