/*
 * norm.c - layer normalisation over the features of a record (1607.06450), y = (x - mean) / sqrt(var + eps).
 *
 * No gain and bias of its own: a dense layer always follows and has both. Records lie across the vector lanes, so
 * every record is summed in the same order wherever it stands.
 */
#include <math.h>

#include "base/mat.h"
#include "base/vmath.h"
#include "nn/nn.h"

static const float EPS = 1e-5f;

/* Mean and 1/sd of up to MAT_SHARD records over v->in features. */
VM_WIDE static void moments(const struct nn_node *v, const float *x, size_t n, size_t ld, float *mean, float *rsd) {
    float var[MAT_SHARD];
    float inv = 1.0f / (float)v->in;
    for (size_t i = 0; i < n; i++)
        mean[i] = var[i] = 0;
    for (size_t f = 0; f < v->in; f++)
        for (size_t i = 0; i < n; i++)
            mean[i] += x[f * ld + i];
    for (size_t i = 0; i < n; i++)
        mean[i] *= inv;
    for (size_t f = 0; f < v->in; f++)
        for (size_t i = 0; i < n; i++) {
            float d = x[f * ld + i] - mean[i];
            var[i] += d * d;
        }
    for (size_t i = 0; i < n; i++)
        rsd[i] = 1 / sqrtf(var[i] * inv + EPS);
}

VM_WIDE static void norm_forward(const struct nn_node *v, const float *w, const float *x, const float *skip, float *y,
                         struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)skip, (void)noise;
    float mean[MAT_SHARD], rsd[MAT_SHARD];
    for (size_t at = 0; at < c.n; at += MAT_SHARD) {
        size_t n = c.n - at < MAT_SHARD ? c.n - at : MAT_SHARD;
        moments(v, x + at, n, c.ld, mean, rsd);
        for (size_t f = 0; f < v->in; f++)
            for (size_t i = 0; i < n; i++)
                y[f * c.ld + at + i] = (x[f * c.ld + at + i] - mean[i]) * rsd[i];
    }
}

/* dx = (dy - mean(dy) - y mean(dy y)) / sd */
VM_WIDE static void norm_backward(const struct nn_node *v, const float *w, const float *x, const float *y, float *dy,
                          float *dx, float *dskip, struct nn_cols c, const struct nn_noise *noise) {
    (void)w, (void)dskip, (void)noise;
    float mean[MAT_SHARD], rsd[MAT_SHARD], a[MAT_SHARD], b[MAT_SHARD];
    float inv = 1.0f / (float)v->in;
    for (size_t at = 0; at < c.n; at += MAT_SHARD) {
        size_t n = c.n - at < MAT_SHARD ? c.n - at : MAT_SHARD;
        moments(v, x + at, n, c.ld, mean, rsd);
        for (size_t i = 0; i < n; i++)
            a[i] = b[i] = 0;
        for (size_t f = 0; f < v->in; f++)
            for (size_t i = 0; i < n; i++) {
                size_t p = f * c.ld + at + i;
                a[i] += dy[p];
                b[i] += dy[p] * y[p];
            }
        for (size_t f = 0; f < v->in; f++)
            for (size_t i = 0; i < n; i++) {
                size_t p = f * c.ld + at + i;
                float g = (dy[p] - a[i] * inv - y[p] * (b[i] * inv)) * rsd[i];
                dx[p] = v->acc ? dx[p] + g : g;
            }
    }
}

const struct nn_op nn_layernorm = {.name = "layernorm", .forward = norm_forward, .backward = norm_backward};
