/* bias.c - y = x + b, b[out]: what a convolution, whose biases are those of its channels, cannot say of single values. */
#include "nn/bias.h"

#include <string.h>

#include "base/vmath.h"

enum { BLOCK = 128 };

VM_WIDE void bias_fill(const float *b, size_t nb, float *y, size_t rows, struct nn_cols c) {
    for (size_t r = 0, o = 0; r < rows; r++, o = o + 1 < nb ? o + 1 : 0)
        for (size_t i = 0; i < c.n; i++)
            y[r * c.ld + i] = b[o];
}

VM_WIDE void bias_grad(const float *dy, size_t groups, size_t step, float *db, size_t nb, struct nn_cols c) {
    for (size_t o = 0; o < nb; o++) {
        double part[8] = {0}, sum = 0;
        for (size_t g = 0; g < groups; g++) {
            const float *row = dy + (g * step + o) * c.ld;
            size_t i = 0;
            for (; i + 8 <= c.n; i += 8)
                for (size_t k = 0; k < 8; k++)
                    part[k] += (double)row[i + k];
            for (; i < c.n; i++)
                part[i % 8] += (double)row[i];
        }
        for (size_t k = 0; k < 8; k++)
            sum += part[k];
        db[o] = (float)sum;
    }
}

static size_t bias_shape(const struct nn_node *v, size_t shape[NN_MAX_DIMS], size_t *nb) {
    (void)shape;
    *nb = v->out;
    return 0;
}

static void bias_init(const struct nn_node *v, float *w, uint64_t seed, uint64_t block) {
    (void)seed, (void)block;
    memset(w, 0, v->out * sizeof *w);
}

VM_WIDE static void bias_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                                 struct nn_cols c, const struct nn_noise *noise) {
    (void)skip, (void)noise;
    for (size_t r = 0; r < v->out; r++)
        for (size_t i = 0; i < c.n; i++)
            y[r * c.ld + i] = x[r * c.ld + i] + w[r];
}

VM_WIDE static void bias_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                                  float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)x, (void)y, (void)dskip, (void)noise;
    for (size_t r = 0; r < v->out; r++)
        for (size_t i = 0; i < c.n; i++)
            dx[r * c.ld + i] = v->acc ? dx[r * c.ld + i] + dy[r * c.ld + i] : dy[r * c.ld + i];
}

static size_t bias_ntasks(const struct nn_node *v) { return (v->out + BLOCK - 1) / BLOCK; }

static void bias_task(const struct nn_node *v, size_t task, const float *x, const float *skip, const float *y,
                      const float *dy, float *dw, struct nn_cols c) {
    size_t o = task * BLOCK, m = v->out - o < BLOCK ? v->out - o : BLOCK;
    (void)x, (void)skip, (void)y;
    bias_grad(dy + o * c.ld, 1, 0, dw + o, m, c);
}

const struct nn_op nn_bias = {
    .name = "bias", .shape = bias_shape, .init = bias_init, .forward = bias_forward, .backward = bias_backward,
    .ntasks = bias_ntasks, .grad = bias_task,
};
