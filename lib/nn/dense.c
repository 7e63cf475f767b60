/*
 * dense.c - y = W x + b, W[out,in] row-major, b[out] behind it.
 *
 * Started with W ~ N(0, 1/in) (LeCun et al., "Efficient BackProp", 1998), b = 0. The gradient of the weights is
 * cut in blocks of output features: dW[block] = dy[block,n] x[in,n]^T, one product over all records of the batch.
 */
#include <math.h>
#include <string.h>

#include "base/mat.h"
#include "base/rng.h"
#include "nn/bias.h"

enum { BLOCK = 128 };

static size_t dense_shape(const struct nn_node *v, size_t shape[NN_MAX_DIMS], size_t *nb) {
    shape[0] = v->out, shape[1] = v->in;
    *nb = v->out;
    return 2;
}

static void dense_init(const struct nn_node *v, float *w, uint64_t seed, uint64_t block) {
    rng_normals(w, v->in, v->out, v->out, seed, RNG_INIT, block, NULL, 0); /* drawn as [in,out] for speed: all alike */
    float sd = v->gain * sqrtf(1.0f / (float)v->in);
    for (size_t i = 0; i < v->in * v->out; i++)
        w[i] *= sd;
    memset(w + v->in * v->out, 0, v->out * sizeof *w);
}

static void dense_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                          struct nn_cols c, const struct nn_noise *noise) {
    (void)skip, (void)noise;
    bias_fill(w + v->in * v->out, v->out, y, v->out, c);
    mat_gemm(false, false, v->out, c.n, v->in, w, v->in, x, c.ld, 1, y, c.ld);
}

static void dense_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                           float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)x, (void)y, (void)dskip, (void)noise;
    size_t in = v->grad_in ? v->grad_in : v->in;
    mat_gemm(true, false, in, c.n, v->out, w, v->in, dy, c.ld, v->acc ? 1 : 0, dx, c.ld);
}

static size_t dense_ntasks(const struct nn_node *v) { return (v->out + BLOCK - 1) / BLOCK; }

static void dense_grad(const struct nn_node *v, size_t task, const float *x, const float *skip, const float *y,
                       const float *dy, float *dw, struct nn_cols c) {
    (void)skip, (void)y;
    size_t o = task * BLOCK, m = v->out - o < BLOCK ? v->out - o : BLOCK;
    mat_gemm(false, true, m, v->in, c.n, dy + o * c.ld, c.ld, x, c.ld, 0, dw + o * v->in, v->in);
    bias_grad(dy + o * c.ld, 1, 0, dw + v->in * v->out + o, m, c);
}

const struct nn_op nn_dense = {
    .name = "dense", .shape = dense_shape, .init = dense_init, .forward = dense_forward,
    .backward = dense_backward, .ntasks = dense_ntasks, .grad = dense_grad,
};
