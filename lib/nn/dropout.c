/*
 * dropout.c - y = x * mask / (1 - rate) while training, y = x else (1207.0580).
 *
 * The mask is a function of (seed, step, record number, feature, node) alone, so it is drawn again for the way back
 * instead of being kept. What tells the nodes of a model apart, those of encoder and decoder too, is where their weights
 * would stand.
 */
#include "base/rng.h"
#include "nn/nn.h"

static void dropout_apply(const struct nn_node *v, const float *x, float *y, bool add, struct nn_cols c,
                          const struct nn_noise *noise) {
    bool on = noise && noise->step && v->rate > 0;
    float keep = on ? 1 / (1 - v->rate) : 1;
    uint32_t limit = (uint32_t)(v->rate * 65536.0f);
    uint64_t key = on ? noise->seed + ((uint64_t)v->w0 << 32) : 0;
    for (size_t i = 0; i < c.n; i++) {
        uint32_t bits[4] = {0, 0, 0, 0};
        for (size_t f = 0; f < v->out; f++) {
            size_t p = f * c.ld + i;
            if (on && f % 8 == 0) { /* 16 bits a feature */
                uint64_t row = noise->rows[i];
                uint32_t ctr[4] = {(uint32_t)RNG_DROPOUT << 24 | (uint32_t)(f / 8), (uint32_t)noise->step,
                                   (uint32_t)row, (uint32_t)(row >> 32) << 16 | (uint32_t)v->src};
                rng_philox(key, ctr, bits);
            }
            uint32_t u = bits[f % 8 / 2] >> (f % 2 * 16) & 0xffff;
            float g = u >= limit || !on ? x[p] * keep : 0;
            y[p] = add ? y[p] + g : g;
        }
    }
}

static void dropout_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                            struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)skip;
    dropout_apply(v, x, y, false, c, noise);
}

static void dropout_backward(const struct nn_node *v, const float *w, const float *x, const float *y, const float *dy,
                             float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)x, (void)y, (void)dskip;
    dropout_apply(v, dy, dx, v->acc, c, noise);
}

const struct nn_op nn_dropout = {.name = "dropout", .forward = dropout_forward, .backward = dropout_backward};
