/*
 * near.c - generated records that are copies, or nearly, of given ones.
 *
 * Distance: numbers in standard deviations of the training rows (missing: the mean, and 1 apart from what is not), levels 1 apart
 * where they differ; the squares add up. A near-copy is nearer to a given row than all but 1 % of the given rows are to
 * each other, or equal to one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "gen/generate.h"

enum { BLOCK = 64, MOST_ROWS = 20000 /* of the given rows among each other */ };
static const double QUANTILE = 0.01;

/* Features of a value: its level one-hot (halved in square), or the number and whether it is there. */
static size_t width_of(const struct schema *s, size_t column) {
    return s->col[column].levels.n ? s->col[column].levels.n + 1 : 2;
}

static size_t total_width(const struct vae_model *m) {
    size_t n = 0;
    for (size_t j = 0; j < m->schema->d; j++)
        n += width_of(m->schema, m->feature[j].column);
    return n;
}

static void features(const struct vae_model *m, const double *raw, size_t n, float *f, size_t width, double *square) {
    const struct schema *s = m->schema;
    memset(f, 0, n * width * sizeof *f);
    for (size_t i = 0; i < n; i++) {
        float *to = f + i * width;
        square[i] = 0;
        for (size_t j = 0; j < s->d; j++) {
            const struct schema_col *c = &s->col[m->feature[j].column];
            double v = raw[i * s->d + j], sd = s->stats.sd[j] > 0 ? s->stats.sd[j] : 1;
            size_t w = width_of(s, m->feature[j].column);
            if (c->levels.n)
                to[isnan(v) ? w - 1 : v < (double)(w - 1) ? (size_t)v : w - 1] = 0.70710678f;
            else if (isnan(v))
                to[1] = 1;
            else
                to[0] = (float)((v - s->stats.mean[j]) / sd);
            for (size_t a = 0; a < w; a++)
                square[i] += (double)to[a] * (double)to[a];
            to += w;
        }
    }
}

struct search {
    const struct gen_given *g;
    const float *query;
    const double *square; /* [n] of the queries */
    size_t n, width;
    bool self;            /* the queries are the given rows: a row is not its own neighbour */
    double *nearest;      /* [n] squared */
    float *products;      /* [workers,BLOCK,BLOCK] */
};

static void search_task(void *ctx, size_t task, size_t worker) {
    struct search *s = ctx;
    size_t q0 = task * BLOCK, nq = s->n - q0 < BLOCK ? s->n - q0 : BLOCK;
    float *dot = s->products + worker * BLOCK * BLOCK;
    for (size_t i = 0; i < nq; i++)
        s->nearest[q0 + i] = INFINITY;
    for (size_t g0 = 0; g0 < s->g->n; g0 += BLOCK) {
        size_t ng = s->g->n - g0 < BLOCK ? s->g->n - g0 : BLOCK;
        mat_gemm(false, true, nq, ng, s->width, s->query + q0 * s->width, s->width, s->g->feature + g0 * s->width,
                 s->width, 0, dot, BLOCK);
        for (size_t i = 0; i < nq; i++)
            for (size_t j = 0; j < ng; j++) {
                double t = s->square[q0 + i] + s->g->square[g0 + j] - 2 * (double)dot[i * BLOCK + j];
                if (!(s->self && q0 + i == g0 + j) && t < s->nearest[q0 + i])
                    s->nearest[q0 + i] = t;
            }
    }
}

/* Squared distance of each query to its nearest given row; 0 or VAE_EOS. */
static int nearest(struct search *s, struct pool *pool, struct vae_err *err) {
    s->products = mem_array((pool ? pool_threads(pool) : 1) * BLOCK * BLOCK, sizeof *s->products);
    if (!s->products)
        return err_set(err, VAE_EOS, "out of memory");
    pool_run(pool, (s->n + BLOCK - 1) / BLOCK, search_task, s);
    free(s->products);
    return 0;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Rounding of the products must not make two equal rows differ. */
static double rounding(const struct gen_given *g) {
    double top = 0;
    for (size_t i = 0; i < g->n; i++)
        top = g->square[i] > top ? g->square[i] : top;
    return 1e-5 * (1 + top);
}

int gen_near_distance(const struct vae_model *m, struct gen_given *g, struct pool *pool, struct vae_err *err) {
    size_t values;
    g->width = total_width(m);
    g->feature = mem_mul(g->n, g->width, &values) ? mem_floats(values) : NULL;
    g->square = mem_array(g->n, sizeof *g->square);
    size_t n = g->n < MOST_ROWS ? g->n : MOST_ROWS;
    double *d = mem_array(n, sizeof *d);
    int r = g->feature && g->square && d ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", g->n);
    if (!r) {
        features(m, g->raw, g->n, g->feature, g->width, g->square);
        struct search s = {.g = g, .query = g->feature, .square = g->square, .n = n, .width = g->width, .self = true,
                           .nearest = d};
        r = nearest(&s, pool, err);
    }
    if (!r) {
        qsort(d, n, sizeof *d, by_value);
        double at = d[(size_t)(QUANTILE * (double)n)], least = rounding(g);
        g->distance = n > 1 && isfinite(at) && at > least ? at : least;
    }
    free(d);
    return r;
}

size_t gen_drop_copies(const struct vae_model *m, const struct gen_given *g, double *raw, size_t n, struct pool *pool) {
    size_t d = m->schema->d, left = 0;
    float *f = mem_floats(n * g->width);
    double *square = mem_array(2 * n, sizeof *square);
    struct search s = {.g = g, .query = f, .square = square, .n = n, .width = g->width, .nearest = square + n};
    if (f && square) {
        features(m, raw, n, f, g->width, square);
        if (!nearest(&s, pool, NULL))
            for (size_t i = 0; i < n; i++)
                if (s.nearest[i] > g->distance)
                    memmove(raw + left++ * d, raw + i * d, d * sizeof *raw);
    }
    free(f), free(square);
    return left;
}
