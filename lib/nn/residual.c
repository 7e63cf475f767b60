/* residual.c - y = x + an earlier activation (1512.03385). Its gradient goes both ways. */
#include <string.h>

#include "base/vmath.h"
#include "nn/nn.h"

VM_WIDE static void residual_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                             struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)noise;
    for (size_t f = 0; f < v->out; f++)
        for (size_t i = 0; i < c.n; i++)
            y[f * c.ld + i] = x[f * c.ld + i] + skip[f * c.ld + i];
}

VM_WIDE static void residual_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                              float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)x, (void)y, (void)noise;
    for (size_t f = 0; f < v->out; f++) {
        memcpy(dskip + f * c.ld, dy + f * c.ld, c.n * sizeof *dy);
        for (size_t i = 0; i < c.n; i++)
            dx[f * c.ld + i] = v->acc ? dx[f * c.ld + i] + dy[f * c.ld + i] : dy[f * c.ld + i];
    }
}

const struct nn_op nn_residual = {.name = "residual", .forward = residual_forward, .backward = residual_backward};
