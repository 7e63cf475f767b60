/*
 * conv.c - convolution from a large image to a small one, and its transpose from the small to the large.
 *
 *   conv:    small[Y, X, o] = b[o] + sum over i, j, c of W[o, i, j, c] large[Y stride - top + i, X stride - left + j, c]
 *   deconv:  large[y, x, c] = b[c] + what each small[Y, X, o] W[o, i, j, c] adds there
 *
 * W[o,k,k,c], o the channels of the small image in both, then the biases. Either is the other's way back to its input
 * (Dumoulin & Visin, 1603.07285), so there are two moves: gather(), large to small, and scatter(), small to large.
 *
 * Channels are innermost, so what one row of the window meets is one run of features, and a small pixel is the sum of k
 * products W_i[o, run] large[run, records] without copying anything. Where a window is so narrow that such products are too thin,
 * what it meets is copied together first and is one product.
 *
 * Started with W ~ N(0, 1 / (terms of a sum)), b = 0.
 */
#include <math.h>
#include <string.h>

#include "base/mat.h"
#include "base/rng.h"
#include "base/vmath.h"
#include "nn/bias.h"

enum { BLOCK = 64, RUN = 2 * MAT_SHARD, NARROW = 128 };

/* What row i of the window meets at a stop: n features of the large image from f on, by the weights from w on. */
struct run {
    size_t f, w, n;
};

static size_t pixels(struct nn_image m) { return m.h * m.w; }
static size_t reach(const struct nn_window *v) { return v->k * v->k * v->large.c; } /* weights of a channel */
static bool narrow(const struct nn_window *v) { return reach(v) <= NARROW; }

struct nn_window nn_window(struct nn_image large, size_t channels, size_t k, size_t stride) {
    struct nn_image small = {(large.h + stride - 1) / stride, (large.w + stride - 1) / stride, channels};
    size_t y = (small.h - 1) * stride + k, x = (small.w - 1) * stride + k;
    return (struct nn_window){large, small, k, stride, y > large.h ? (y - large.h) / 2 : 0, x > large.w ? (x - large.w) / 2 : 0};
}

/* The first and the number of the k taps at `at` (less `before`) that lie within 0..size-1. */
static size_t within(size_t at, size_t before, size_t k, size_t size, size_t *first) {
    size_t end = size + before > at ? size + before - at : 0;
    *first = at < before ? before - at : 0;
    end = end < k ? end : k;
    return end > *first ? end - *first : 0;
}

/* run[k]: how many rows of the window meet the image at the stop of small pixel p. */
static size_t runs(const struct nn_window *v, size_t p, struct run *run) {
    size_t y = p / v->small.w * v->stride, x = p % v->small.w * v->stride, i0, j0;
    size_t ni = within(y, v->top, v->k, v->large.h, &i0), nj = within(x, v->left, v->k, v->large.w, &j0);
    for (size_t i = 0; i < ni; i++)
        run[i] = (struct run){((y + i0 + i - v->top) * v->large.w + x + j0 - v->left) * v->large.c,
                              ((i0 + i) * v->k + j0) * v->large.c, nj * v->large.c};
    return nj ? ni : 0;
}

/* What the window meets -> patch[reach, n], 0 outside. n <= RUN. */
static void collect(const struct nn_window *v, const struct run *run, size_t nruns, const float *large, size_t n, size_t ld,
                    float *patch) {
    memset(patch, 0, reach(v) * n * sizeof *patch);
    for (size_t r = 0; r < nruns; r++)
        for (size_t f = 0; f < run[r].n; f++)
            memcpy(patch + (run[r].w + f) * n, large + (run[r].f + f) * ld, n * sizeof *patch);
}

VM_WIDE static void spread(const struct run *run, size_t nruns, const float *patch, size_t n, size_t ld, float *large) {
    for (size_t r = 0; r < nruns; r++)
        for (size_t f = 0; f < run[r].n; f++)
            for (size_t i = 0; i < n; i++)
                large[(run[r].f + f) * ld + i] += patch[(run[r].w + f) * n + i];
}

/* small = beta small + W large */
static void gather(const struct nn_window *v, const float *w, const float *large, float beta, float *small,
                   struct nn_cols c) {
    float patch[NARROW * RUN];
    struct run run[NN_MAX_WINDOW];
    size_t o = v->small.c, k = reach(v);
    for (size_t at = 0; at < c.n; at += RUN)
        for (size_t p = 0; p < pixels(v->small); p++) {
            size_t n = c.n - at < RUN ? c.n - at : RUN, nruns = runs(v, p, run);
            float *to = small + p * o * c.ld + at;
            if (narrow(v)) {
                collect(v, run, nruns, large + at, n, c.ld, patch);
                mat_gemm(false, false, o, n, k, w, k, patch, n, beta, to, c.ld);
                continue;
            }
            for (size_t r = 0; r < nruns; r++)
                mat_gemm(false, false, o, n, run[r].n, w + run[r].w, k, large + run[r].f * c.ld + at, c.ld, r ? 1 : beta, to,
                         c.ld);
        }
}

/* large += W^T small */
static void scatter(const struct nn_window *v, const float *w, const float *small, float *large, struct nn_cols c) {
    float patch[NARROW * RUN];
    struct run run[NN_MAX_WINDOW];
    size_t o = v->small.c, k = reach(v);
    for (size_t at = 0; at < c.n; at += RUN)
        for (size_t p = 0; p < pixels(v->small); p++) {
            size_t n = c.n - at < RUN ? c.n - at : RUN, nruns = runs(v, p, run);
            const float *from = small + p * o * c.ld + at;
            if (narrow(v)) {
                mat_gemm(true, false, k, n, o, w, k, from, c.ld, 0, patch, n);
                spread(run, nruns, patch, n, c.ld, large + at);
                continue;
            }
            for (size_t r = 0; r < nruns; r++)
                mat_gemm(true, false, run[r].n, n, o, w + run[r].w, k, from, c.ld, 1, large + run[r].f * c.ld + at, c.ld);
        }
}

/* dW[block of the small image's channels, one row of the window, or all of a narrow one] = sum of small large^T */
static void weights(const struct nn_window *v, size_t task, const float *large, const float *small, float *dw,
                    struct nn_cols c) {
    float patch[NARROW * RUN];
    struct run run[NN_MAX_WINDOW];
    size_t k = reach(v), rows = narrow(v) ? 1 : v->k, o = task / rows * BLOCK, row = task % rows;
    size_t m = v->small.c - o < BLOCK ? v->small.c - o : BLOCK, width = k / rows;
    for (size_t i = 0; i < m; i++)
        memset(dw + (o + i) * k + row * width, 0, width * sizeof *dw);
    for (size_t p = 0; p < pixels(v->small); p++) {
        size_t nruns = runs(v, p, run);
        const float *s = small + (p * v->small.c + o) * c.ld;
        for (size_t at = 0; at < c.n && narrow(v); at += RUN) {
            size_t n = c.n - at < RUN ? c.n - at : RUN;
            collect(v, run, nruns, large + at, n, c.ld, patch);
            mat_gemm(false, true, m, k, n, s + at, c.ld, patch, n, 1, dw + o * k, k);
        }
        for (size_t r = 0; r < nruns && !narrow(v); r++)
            if (run[r].w / width == row)
                mat_gemm(false, true, m, run[r].n, c.n, s, c.ld, large + run[r].f * c.ld, c.ld, 1, dw + o * k + run[r].w, k);
    }
}

static size_t conv_ntasks(const struct nn_node *v) {
    return (v->win.small.c + BLOCK - 1) / BLOCK * (narrow(&v->win) ? 1 : v->win.k);
}

static void start(const struct nn_node *v, float *w, uint64_t seed, uint64_t block, double terms) {
    size_t n = reach(&v->win) * v->win.small.c;
    rng_normals(w, reach(&v->win), v->win.small.c, v->win.small.c, seed, RNG_INIT, block, NULL, 0);
    float sd = v->gain * (float)sqrt(1 / terms);
    for (size_t i = 0; i < n; i++)
        w[i] *= sd;
    memset(w + n, 0, (v->nw - n) * sizeof *w);
}

static size_t shape(const struct nn_window *v, size_t s[NN_MAX_DIMS]) {
    s[0] = v->small.c, s[1] = s[2] = v->k, s[3] = v->large.c;
    return 4;
}

/* ---- large to small --------------------------------------------------------------------------------------- */

static size_t conv_shape(const struct nn_node *v, size_t s[NN_MAX_DIMS], size_t *nb) {
    *nb = v->win.small.c;
    return shape(&v->win, s);
}

static void conv_init(const struct nn_node *v, float *w, uint64_t seed, uint64_t block) {
    start(v, w, seed, block, (double)reach(&v->win));
}

static void conv_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                         struct nn_cols c, const struct nn_noise *noise) {
    (void)skip, (void)noise;
    bias_fill(w + v->nw - v->nb, v->nb, y, v->out, c);
    gather(&v->win, w, x, 1, y, c);
}

void nn_conv_pixel(const struct nn_node *v, size_t p, const float *w, const float *x, float *y, struct nn_cols c) {
    size_t o = v->win.small.c, k = v->win.large.c;
    y += p * o * c.ld;
    bias_fill(w + v->nw - v->nb, o, y, o, c);
    mat_gemm(false, false, o, c.n, k, w, k, x + p * k * c.ld, c.ld, 1, y, c.ld);
}

static void conv_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                          float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)x, (void)y, (void)dskip, (void)noise;
    for (size_t f = 0; f < v->in && !v->acc; f++)
        memset(dx + f * c.ld, 0, c.n * sizeof *dx);
    scatter(&v->win, w, dy, dx, c);
}

static void conv_grad(const struct nn_node *v, size_t task, const float *x, const float *skip, const float *y,
                      const float *dy, float *dw, struct nn_cols c) {
    (void)skip, (void)y;
    weights(&v->win, task, x, dy, dw, c);
    if (task == 0)
        bias_grad(dy, pixels(v->win.small), v->nb, dw + v->nw - v->nb, v->nb, c);
}

const struct nn_op nn_conv = {
    .name = "conv", .shape = conv_shape, .init = conv_init, .forward = conv_forward, .backward = conv_backward,
    .ntasks = conv_ntasks, .grad = conv_grad,
};

/* ---- small to large --------------------------------------------------------------------------------------- */

static size_t deconv_shape(const struct nn_node *v, size_t s[NN_MAX_DIMS], size_t *nb) {
    *nb = v->win.large.c;
    return shape(&v->win, s);
}

static void deconv_init(const struct nn_node *v, float *w, uint64_t seed, uint64_t block) {
    double stops = (double)v->win.k / (double)v->win.stride; /* that reach a pixel, each way */
    start(v, w, seed, block, stops * stops * (double)v->win.small.c);
}

static void deconv_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                           struct nn_cols c, const struct nn_noise *noise) {
    (void)skip, (void)noise;
    bias_fill(w + v->nw - v->nb, v->nb, y, v->out, c);
    scatter(&v->win, w, x, y, c);
}

static void deconv_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                            float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)x, (void)y, (void)dskip, (void)noise;
    gather(&v->win, w, dy, v->acc ? 1 : 0, dx, c);
}

static void deconv_grad(const struct nn_node *v, size_t task, const float *x, const float *skip, const float *y,
                        const float *dy, float *dw, struct nn_cols c) {
    (void)skip, (void)y;
    weights(&v->win, task, dy, x, dw, c);
    if (task == 0)
        bias_grad(dy, pixels(v->win.large), v->nb, dw + v->nw - v->nb, v->nb, c);
}

const struct nn_op nn_deconv = {
    .name = "deconv", .shape = deconv_shape, .init = deconv_init, .forward = deconv_forward, .backward = deconv_backward,
    .ntasks = conv_ntasks, .grad = deconv_grad,
};
