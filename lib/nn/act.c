/*
 * act.c - elementwise activations: SiLU x/(1+exp(-x)) (1702.03118), ReLU, tanh.
 *
 * Each is a pair of functions over short runs of values; the loops over the panel are shared.
 */
#include "base/vmath.h"
#include "nn/nn.h"

enum { RUN = 256 };

/* y = f(x); dx = dy f'(x), given x and y; dx may be dy. */
typedef void act_fn(const float *x, float *y, size_t n);
typedef void act_grad_fn(const float *x, const float *y, const float *dy, float *dx, size_t n);

VM_WIDE static void silu(const float *x, float *y, size_t n) {
    float s[RUN];
    vm_sigmoid(s, x, n);
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] * s[i];
}

VM_WIDE static void silu_grad(const float *x, const float *y, const float *dy, float *dx, size_t n) {
    float s[RUN];
    vm_sigmoid(s, x, n);
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * (s[i] + y[i] * (1 - s[i]));
}

VM_WIDE static void relu(const float *x, float *y, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

VM_WIDE static void relu_grad(const float *x, const float *y, const float *dy, float *dx, size_t n) {
    (void)y;
    for (size_t i = 0; i < n; i++)
        dx[i] = x[i] > 0 ? dy[i] : 0;
}

static void tanh_act(const float *x, float *y, size_t n) { vm_tanh(y, x, n); }

VM_WIDE static void tanh_grad(const float *x, const float *y, const float *dy, float *dx, size_t n) {
    (void)x;
    for (size_t i = 0; i < n; i++)
        dx[i] = dy[i] * (1 - y[i] * y[i]);
}

/* A panel without gaps between its features is one long row. */
static void each(act_fn *f, const struct nn_node *v, const float *x, float *y, struct nn_cols c) {
    bool whole = c.n == c.ld;
    size_t rows = whole ? 1 : v->out, len = whole ? v->out * c.n : c.n;
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < len; i += RUN)
            f(x + r * c.ld + i, y + r * c.ld + i, len - i < RUN ? len - i : RUN);
}

static void each_grad(act_grad_fn *f, const struct nn_node *v, const float *x, const float *y, const float *dy,
                      float *dx, struct nn_cols c) {
    float t[RUN];
    for (size_t r = 0; r < v->out; r++)
        for (size_t i = 0; i < c.n; i += RUN) {
            size_t at = r * c.ld + i, n = c.n - i < RUN ? c.n - i : RUN;
            f(x + at, y + at, dy + at, v->acc ? t : dx + at, n);
            for (size_t j = 0; v->acc && j < n; j++)
                dx[at + j] += t[j];
        }
}

#define ACTIVATION(op, fname, f, g)                                                                             \
    static void f##_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y, \
                            struct nn_cols c, const struct nn_noise *noise) {                                   \
        (void)w, (void)skip, (void)noise;                                                                       \
        each(f, v, x, y, c);                                                                                    \
    }                                                                                                           \
    static void f##_backward(const struct nn_node *v, const float *w, const float *x, const float *y,           \
                             float *dy, float *dx, float *dskip, struct nn_cols c,                        \
                             const struct nn_noise *noise) {                                                    \
        (void)w, (void)dskip, (void)noise;                                                                      \
        each_grad(g, v, x, y, dy, dx, c);                                                                       \
    }                                                                                                           \
    const struct nn_op op = {.name = fname, .act = true, .forward = f##_forward, .backward = f##_backward};

ACTIVATION(nn_silu, "silu", silu, silu_grad)
ACTIVATION(nn_relu, "relu", relu, relu_grad)
ACTIVATION(nn_tanh, "tanh", tanh_act, tanh_grad)
