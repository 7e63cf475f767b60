/*
 * dropout.c - y = x * mask / (1 - rate) while training, y = x else (1207.0580). The rate is rounded to 1/256.
 *
 * The mask is a function of (seed, step, record number, feature, node) alone, so it is drawn again for the way back
 * instead of being kept: a byte a feature, 16 to a Philox block.
 */
#include <string.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "nn/nn.h"

enum { BYTES = 16 };

/* Features f..f+BYTES-1 of n <= RNG_BLOCK records: y = factor[record] x, or added. */
VM_WIDE static void mask(uint32_t (*words)[RNG_BLOCK], uint32_t limit, bool add, const float *x, float *y, size_t nf,
                         size_t n, size_t ld) {
    float keep = 256 / (256 - (float)limit);
    for (size_t f = 0; f < nf; f++)
        for (size_t i = 0; i < n; i++) {
            float g = (words[f / 4][i] >> (f % 4 * 8) & 0xff) >= limit ? x[f * ld + i] * keep : 0;
            y[f * ld + i] = add ? y[f * ld + i] + g : g;
        }
}

static void dropout_apply(const struct nn_node *v, const float *x, float *y, bool add, struct nn_cols c,
                          const struct nn_noise *noise) {
    bool on = noise && noise->step && v->rate > 0;
    uint32_t limit = on ? (uint32_t)(v->rate * 256 + 0.5f) : 0, words[4][RNG_BLOCK] = {{0}};
    for (size_t at = 0; at < c.n; at += RNG_BLOCK) {
        size_t n = c.n - at < RNG_BLOCK ? c.n - at : RNG_BLOCK;
        for (size_t f = 0; f < v->out; f += BYTES) {
            size_t nf = v->out - f < BYTES ? v->out - f : BYTES, p = f * c.ld + at;
            if (on) /* place and offset of the weights tell the nodes of a model apart */
                rng_words(words, n, noise->seed ^ ((uint64_t)v->w0 * 1024 + v->src) << 16, RNG_DROPOUT, noise->step, noise->rows + at, 0,
                          f / BYTES);
            mask(words, limit, add, x + p, y + p, nf, n, c.ld);
        }
    }
}

static void dropout_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                            struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)skip;
    dropout_apply(v, x, y, false, c, noise);
}

static void dropout_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                             float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)x, (void)y, (void)dskip;
    dropout_apply(v, dy, dx, v->acc, c, noise);
}

const struct nn_op nn_dropout = {.name = "dropout", .forward = dropout_forward, .backward = dropout_backward};
