/*
 * stencil.c - y[Y, X, o] = x[Y, X, o] + sum over i, j, c of W[o, i, j, c] a[Y - top + i, X - left + j, c], with a an image that is among
 * the inputs of the net (from node->from on), and (i, j) those places of the window that come before (Y, X), row by row: what is
 * above, and what is left of it. So a decoder is given the pixels before each pixel (van den Oord et al. 2016, 1601.06759), and
 * p(x|z) = prod_p p(x_p | z, x_<p) is one pass. Outside the image a is 0.
 *
 * Started at W = 0. No gradient goes back to a, which is data. Weights W[o, taps], taps in the order of the image, the channel innermost.
 */
#include <string.h>

#include "base/mat.h"
#include "base/vmath.h"
#include "nn/nn.h"

enum { RUN = 2 * MAT_SHARD, CHANNELS = 4, TAPS = (NN_MAX_WINDOW * NN_MAX_WINDOW / 2) * CHANNELS };

/* Values before the pixel in the window. */
static size_t taps(const struct nn_window *v) { return (v->top * v->k + v->left) * v->large.c; }

static size_t stencil_shape(const struct nn_node *v, size_t shape[NN_MAX_DIMS], size_t *nb) {
    shape[0] = v->win.small.c, shape[1] = taps(&v->win);
    *nb = 0;
    return 2;
}

static void stencil_init(const struct nn_node *v, float *w, uint64_t seed, uint64_t block) {
    (void)seed, (void)block;
    memset(w, 0, v->nw * sizeof *w);
}

/* Row i of the window at pixel p: places from..to-1 of it lie before the pixel and within the image. *at: the pixel that the first of
 * these is. */
static size_t row_within(const struct nn_window *v, size_t p, size_t i, size_t *from, size_t *at) {
    size_t y = p / v->large.w, x = p % v->large.w, to = i < v->top ? v->k : v->left;
    if (y + i < v->top)
        return *from = 0;
    *from = x < v->left ? v->left - x : 0;
    to = to < v->large.w + v->left - x ? to : v->large.w + v->left - x;
    *at = (y + i - v->top) * v->large.w + x + *from - v->left;
    return to > *from ? to : *from;
}

/* What stands before pixel p -> patch[taps, n]. */
static void collect(const struct nn_window *v, size_t p, const float *image, size_t n, size_t ld, float *patch) {
    size_t c = v->large.c, from, at = 0;
    memset(patch, 0, taps(v) * n * sizeof *patch);
    for (size_t i = 0; i <= v->top; i++) {
        size_t to = row_within(v, p, i, &from, &at);
        for (size_t f = 0; f < (to - from) * c; f++)
            memcpy(patch + ((i * v->k + from) * c + f) * n, image + (at * c + f) * ld, n * sizeof *patch);
    }
}

/* Columns at.. of pixel p alone. */
static void forward_pixel(const struct nn_node *v, size_t p, const float *w, const float *x, const float *image, float *y,
                          size_t at, size_t n, size_t ld) {
    float patch[TAPS * RUN];
    size_t o = v->win.small.c, k = taps(&v->win);
    collect(&v->win, p, image + at, n, ld, patch);
    for (size_t f = p * o; f < (p + 1) * o; f++)
        memcpy(y + f * ld + at, x + f * ld + at, n * sizeof *y);
    mat_gemm(false, false, o, n, k, w, k, patch, n, 1, y + p * o * ld + at, ld);
}

static void stencil_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                            struct nn_cols c, const struct nn_noise *noise) {
    (void)noise;
    for (size_t at = 0; at < c.n; at += RUN)
        for (size_t p = 0; p < v->win.large.h * v->win.large.w; p++)
            forward_pixel(v, p, w, x, skip + v->from * c.ld, y, at, c.n - at < RUN ? c.n - at : RUN, c.ld);
}

void nn_stencil_pixel(const struct nn_node *v, size_t p, const float *w, const float *x, const float *input, float *y,
                      struct nn_cols c) {
    forward_pixel(v, p, w, x, input + v->from * c.ld, y, 0, c.n, c.ld);
}

VM_WIDE static void stencil_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                                     float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)x, (void)y, (void)dskip, (void)noise;
    for (size_t f = 0; f < v->out; f++)
        for (size_t i = 0; i < c.n; i++)
            dx[f * c.ld + i] = v->acc ? dx[f * c.ld + i] + dy[f * c.ld + i] : dy[f * c.ld + i];
}

/* A task for each row of the window. */
static size_t stencil_ntasks(const struct nn_node *v) { return v->win.top + (v->win.left > 0); }

static void stencil_grad(const struct nn_node *v, size_t task, const float *x, const float *skip, const float *y,
                         const float *dy, float *dw, struct nn_cols c) {
    (void)x, (void)y;
    const struct nn_window *win = &v->win;
    size_t o = win->small.c, k = taps(win), ch = win->large.c, first = task * win->k * ch;
    size_t width = (task < win->top ? win->k : win->left) * ch;
    for (size_t i = 0; i < o; i++)
        memset(dw + i * k + first, 0, width * sizeof *dw);
    for (size_t p = 0; p < win->large.h * win->large.w; p++) {
        size_t from, at = 0, to = row_within(win, p, task, &from, &at);
        if (to > from)
            mat_gemm(false, true, o, (to - from) * ch, c.n, dy + p * o * c.ld, c.ld, skip + (v->from + at * ch) * c.ld, c.ld, 1,
                     dw + first + from * ch, k);
    }
}

const struct nn_op nn_stencil = {
    .name = "stencil", .shape = stencil_shape, .init = stencil_init, .forward = stencil_forward,
    .backward = stencil_backward, .ntasks = stencil_ntasks, .grad = stencil_grad,
};
