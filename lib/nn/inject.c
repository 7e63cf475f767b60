/*
 * inject.c - y = x + C a, with a the last inputs of the net, C[out,na] row-major: what every block of a decoder is told again,
 * its conditions. Started at C = 0. No gradient goes back to a, which is data.
 */
#include <string.h>

#include "base/mat.h"
#include "base/vmath.h"
#include "nn/nn.h"

enum { BLOCK = 128 };

static size_t inject_shape(const struct nn_node *v, size_t shape[NN_MAX_DIMS], size_t *nb) {
    shape[0] = v->out, shape[1] = v->told;
    *nb = 0;
    return 2;
}

static void inject_init(const struct nn_node *v, float *w, uint64_t seed, uint64_t block) {
    (void)seed, (void)block;
    memset(w, 0, v->nw * sizeof *w);
}

static const float *told(const struct nn_node *v, const float *input, struct nn_cols c) {
    return input + v->from * c.ld;
}

static void inject_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                           struct nn_cols c, const struct nn_noise *noise) {
    (void)noise;
    for (size_t f = 0; f < v->out; f++)
        memcpy(y + f * c.ld, x + f * c.ld, c.n * sizeof *y);
    mat_gemm(false, false, v->out, c.n, v->told, w, v->told, told(v, skip, c), c.ld, 1, y, c.ld);
}

VM_WIDE static void inject_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                                    float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)x, (void)y, (void)dskip, (void)noise;
    for (size_t f = 0; f < v->out; f++)
        for (size_t i = 0; i < c.n; i++)
            dx[f * c.ld + i] = v->acc ? dx[f * c.ld + i] + dy[f * c.ld + i] : dy[f * c.ld + i];
}

static size_t inject_ntasks(const struct nn_node *v) { return (v->out + BLOCK - 1) / BLOCK; }

static void inject_grad(const struct nn_node *v, size_t task, const float *x, const float *skip, const float *y,
                        const float *dy, float *dw, struct nn_cols c) {
    (void)x, (void)y;
    size_t o = task * BLOCK, m = v->out - o < BLOCK ? v->out - o : BLOCK;
    mat_gemm(false, true, m, v->told, c.n, dy + o * c.ld, c.ld, told(v, skip, c), c.ld, 0, dw + o * v->told, v->told);
}

const struct nn_op nn_inject = {
    .name = "inject", .shape = inject_shape, .init = inject_init, .forward = inject_forward,
    .backward = inject_backward, .ntasks = inject_ntasks, .grad = inject_grad,
};
