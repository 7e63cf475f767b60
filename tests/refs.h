/* refs.h - the operations of nn_ops written down again in double: y[out,n] from x[in,n], columns n apart. */
#ifndef TESTS_REFS_H
#define TESTS_REFS_H

#include "nn/nn.h"
#include "test.h"
#include "windows.h"

typedef void ref_fn(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y, size_t n);

static void ref_dense(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y,
                      size_t n) {
    (void)skip;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < n; i++) {
            double s = w[in * out + o];
            for (size_t f = 0; f < in; f++)
                s += w[o * in + f] * x[f * n + i];
            y[o * n + i] = s;
        }
}

static void ref_layernorm(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y,
                          size_t n) {
    (void)w, (void)skip, (void)out;
    for (size_t i = 0; i < n; i++) {
        double mean = 0, var = 0;
        for (size_t f = 0; f < in; f++)
            mean += x[f * n + i] / (double)in;
        for (size_t f = 0; f < in; f++)
            var += (x[f * n + i] - mean) * (x[f * n + i] - mean) / (double)in;
        for (size_t f = 0; f < in; f++)
            y[f * n + i] = (x[f * n + i] - mean) / sqrt(var + 1e-5);
    }
}

#define ELEMENTWISE(name, expr)                                                                                        \
    static void name(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y,           \
                     size_t n) {                                                                                       \
        (void)w, (void)skip, (void)in;                                                                                 \
        for (size_t i = 0; i < out * n; i++)                                                                           \
            y[i] = expr;                                                                                               \
    }
ELEMENTWISE(ref_silu, x[i] / (1 + exp(-x[i])))
ELEMENTWISE(ref_relu, fmax(x[i], 0))
ELEMENTWISE(ref_tanh, tanh(x[i]))

static void ref_residual(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y,
                         size_t n) {
    (void)w, (void)in;
    for (size_t i = 0; i < out * n; i++)
        y[i] = x[i] + skip[i];
}

/* What an injection of skip[out,n] adds: all of its rows but the first, where there are several; and no more than 8. */
static size_t told_from(size_t out) {
    return out > 9 ? out - 8 : out > 1;
}

static void ref_inject(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y,
                       size_t n) {
    (void)in;
    size_t from = told_from(out), told = out - from;
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < n; i++) {
            y[o * n + i] = x[o * n + i];
            for (size_t f = 0; f < told; f++)
                y[o * n + i] += w[o * told + f] * skip[(from + f) * n + i];
        }
}

static double *the_mask; /* [out,n] what dropout multiplies by: drawn by the operation itself from ones */

static void ref_dropout(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y,
                        size_t n) {
    (void)w, (void)in, (void)skip;
    for (size_t i = 0; i < out * n; i++)
        y[i] = x[i] * the_mask[i];
}

static struct nn_node the_blocks; /* of a causal layer: blocks, lead and strict; of a gru: from, told, blocks and strict */

/* Block g of y from what is in front of x's blocks and those of them that it may see; W_g one behind the other, then b. */
static void ref_causal(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y, size_t n) {
    (void)skip;
    size_t m = out / the_blocks.blocks, a = (in - the_blocks.lead) / the_blocks.blocks, weights = 0;
    const double *row = w;
    for (size_t o = 0; o < out; o++)
        weights += the_blocks.lead + a * (o / m + !the_blocks.strict);
    for (size_t o = 0; o < out; o++) {
        size_t sees = the_blocks.lead + a * (o / m + !the_blocks.strict);
        for (size_t i = 0; i < n; i++) {
            double s = w[weights + o];
            for (size_t f = 0; f < sees; f++)
                s += row[f] * x[f * n + i];
            y[o * n + i] = s;
        }
        row += sees;
    }
}

/* One position of a gru: h[H,n] before and after. w: W[3H,S], V[3H,lead], U[3H,H]; b[3H]. */
static void ref_gru_step(const double *w, const double *b, size_t H, size_t lead, const double *x, size_t at, bool start, double *h,
                         size_t n) {
    const struct nn_node *v = &the_blocks;
    size_t S = v->told + 1, in = lead + v->blocks;
    const double *V = w + 3 * H * S, *U = V + 3 * H * lead;
    double *a = calloc(6 * H, sizeof *a), *s = a + 3 * H;
    for (size_t i = 0; i < n; i++) {
        double x0 = start ? NAN : x[at * n + i], symbol = isnan(x0) ? -1 : nearbyint(x0);
        if (isnan(x0) && !v->strict)
            continue;
        size_t k = symbol >= 0 && symbol < (double)v->told ? (size_t)symbol : v->told;
        for (size_t j = 0; j < 3 * H; j++) {
            a[j] = b[j] + w[j * S + k], s[j] = 0;
            for (size_t f = 0, l = 0; f < in; f++)
                if (f < v->from || f >= v->from + v->blocks)
                    a[j] += V[j * lead + l++] * x[f * n + i];
            for (size_t f = 0; f < H; f++)
                s[j] += U[j * H + f] * h[f * n + i];
        }
        for (size_t j = 0; j < H; j++) {
            double r = 1 / (1 + exp(-a[j] - s[H + j])), u = 1 / (1 + exp(-a[H + j] - s[2 * H + j]));
            h[j * n + i] = u * h[j * n + i] + (1 - u) * tanh(a[2 * H + j] + r * s[j]);
        }
    }
    free(a);
}

/* How many positions of record i are computed: up to the last symbol of its panel and those behind it. */
static size_t ref_gru_length(const struct nn_node *v, const double *x, size_t i, size_t n) {
    size_t T = 0;
    for (size_t t = 0; t < v->blocks; t++)
        for (size_t k = i - i % MAT_PANEL; k < n; k++)
            T = isnan(x[(v->from + t) * n + k]) ? T : t + 1;
    return T;
}

static void ref_gru(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y, size_t n) {
    (void)skip;
    const struct nn_node *v = &the_blocks;
    size_t ways = v->strict ? 1 : 2, H = out / (v->strict ? v->blocks : 2), lead = in - v->blocks;
    size_t each = 3 * H * (v->told + 1 + lead + H);
    for (size_t k = 0; k < ways; k++) {
        double *h = calloc(H * n, sizeof *h);
        for (size_t s = 0; s < v->blocks; s++) {
            size_t t = k ? v->blocks - 1 - s : s;
            ref_gru_step(w + k * each, w + ways * each + k * 3 * H, H, lead, x, v->from + t - v->strict, v->strict && t == 0, h, n);
            for (size_t i = 0; i < H * n && v->strict; i++)
                y[t * H * n + i] = t < ref_gru_length(v, x, i % n, n) ? h[i] : 0;
        }
        for (size_t i = 0; i < H * n && !v->strict; i++)
            y[k * H * n + i] = h[i];
        free(h);
    }
}

static void ref_bias(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y, size_t n) {
    (void)in, (void)skip;
    for (size_t i = 0; i < out * n; i++)
        y[i] = x[i] + w[i / n];
}

static struct nn_window the_window; /* of the convolutions */

static void ref_conv(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y, size_t n) {
    (void)in, (void)out, (void)skip;
    windows_apply(&the_window, true, w, x, y, n);
}

static void ref_deconv(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y, size_t n) {
    (void)in, (void)out, (void)skip;
    windows_apply(&the_window, false, w, x, y, n);
}

/* The image is the last rows of skip. */
static size_t stencil_from(size_t out) { return out - the_window.large.h * the_window.large.w * the_window.large.c; }

static void ref_stencil(size_t in, size_t out, const double *w, const double *x, const double *skip, double *y, size_t n) {
    const struct nn_window *v = &the_window;
    size_t W = v->large.w, ch = v->large.c, C = v->small.c, taps = (v->top * v->k + v->left) * ch;
    const double *image = skip + stencil_from(out) * n;
    memcpy(y, x, in * n * sizeof *y);
    for (size_t p = 0; p < v->large.h * W; p++)
        for (size_t q = 0; q < p; q++) { /* every pixel before it that the window meets; what is negative wraps and is large */
            size_t i = q / W + v->top - p / W, j = q % W + v->left - p % W;
            for (size_t o = 0; o < C && i < v->k && j < v->k; o++)
                for (size_t c = 0; c < ch; c++)
                    for (size_t r = 0; r < n; r++)
                        y[(p * C + o) * n + r] += w[o * taps + (i * v->k + j) * ch + c] * image[(q * ch + c) * n + r];
        }
}

enum shape_kind { ANY, SQUARE /* as many features out as in */, DOWN, UP, SAME /* over the_window */, TEXT /* over the_blocks */ };
static const struct ref {
    const char *name;
    ref_fn *fn;
    enum shape_kind kind;
} refs[] = {
    {"dense", ref_dense, ANY},        {"layernorm", ref_layernorm, SQUARE}, {"silu", ref_silu, SQUARE},
    {"relu", ref_relu, SQUARE},       {"tanh", ref_tanh, SQUARE},           {"residual", ref_residual, SQUARE},
    {"dropout", ref_dropout, SQUARE}, {"inject", ref_inject, SQUARE},       {"bias", ref_bias, SQUARE},
    {"conv", ref_conv, DOWN},         {"deconv", ref_deconv, UP},             {"causal", ref_causal, ANY},
    {"gru", ref_gru, TEXT},           {"stencil", ref_stencil, SAME},
};

static const struct ref *ref_of(const struct nn_op *op) {
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++)
        if (!strcmp(refs[i].name, op->name))
            return &refs[i];
    return NULL;
}

#endif
