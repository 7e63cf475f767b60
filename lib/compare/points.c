/* points.c - rows as points in space, and how near synthetic ones lie to those of TRAIN. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "compare/compare.h"

enum { FAR = 10, QUERIES = 8000, SLICE = 16000, SLICES = 4, BLOCK = 256 };

static bool any_missing(const struct compare *c, const struct compare_column *col) {
    bool missing = false;
    for (size_t t = 0; t < COMPARE_TABLES; t++)
        for (size_t i = 0; i < c->n[t] && !missing; i++)
            missing = isnan(col->value[t][i]);
    return missing;
}

static size_t hot(const struct compare_column *col) {
    size_t n = 0;
    for (size_t l = 0; l < col->levels.n; l++)
        n += col->levels.count[l] > 0;
    return n < COMPARE_HOT ? n : COMPARE_HOT;
}

size_t compare_dimensions(const struct compare *c) {
    size_t d = 0;
    for (size_t j = 0; j < c->ncols; j++)
        d += c->col[j].number ? (size_t)1 + any_missing(c, &c->col[j]) : hot(&c->col[j]) + 1;
    return d;
}

struct counted {
    uint64_t count;
    size_t level;
};
static int more_first(const void *a, const void *b) {
    const struct counted *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
                                : (x->level > y->level) - (x->level < y->level);
}

/* axis[level]: which of the column's features says it; hot(col) for all that are not frequent. */
static size_t *axes(const struct compare_column *col) {
    size_t n = col->levels.n, most = hot(col), *axis = mem_array(n, sizeof *axis);
    struct counted *order = mem_array(n, sizeof *order);
    for (size_t l = 0; l < n && axis && order; l++)
        order[l] = (struct counted){col->levels.count[l], l};
    if (axis && order) {
        qsort(order, n, sizeof *order, more_first);
        for (size_t k = 0; k < n; k++)
            axis[order[k].level] = k < most ? k : most;
    } else {
        free(axis);
        axis = NULL;
    }
    free(order);
    return axis;
}

int compare_place(const struct compare *c, size_t t, const uint64_t *rows, size_t n, float *x, struct vae_err *err) {
    size_t d = compare_dimensions(c), at = 0;
    memset(x, 0, n * d * sizeof *x);
    for (size_t j = 0; j < c->ncols; j++) {
        const struct compare_column *col = &c->col[j];
        if (col->number) {
            bool missing = any_missing(c, col);
            for (size_t i = 0; i < n; i++) {
                double v = col->value[t][rows[i]], z = (v - col->median) / col->sd;
                x[i * d + at] = isnan(v) ? 0 : (float)(z > FAR ? FAR : z < -FAR ? -FAR : z);
                if (missing)
                    x[i * d + at + 1] = isnan(v) ? 1.0f : 0.0f;
            }
            at += 1 + missing;
            continue;
        }
        size_t *axis = axes(col);
        if (!axis)
            return err_set(err, VAE_EOS, "out of memory");
        for (size_t i = 0; i < n; i++)
            x[i * d + at + axis[col->code[t][rows[i]]]] = 1;
        at += hot(col) + 1;
        free(axis);
    }
    return 0;
}

uint64_t compare_sample(const struct compare *c, size_t t, size_t step, uint64_t i) {
    return rng_permute(i, c->n[t], c->seed, RNG_COMPARE, t * 16 + step);
}

/* n sampled rows of table t, from the `from`-th on. */
static int place_sample(const struct compare *c, size_t t, size_t step, size_t from, size_t n, float *x,
                        struct vae_err *err) {
    uint64_t *rows = mem_array(n, sizeof *rows);
    int r = rows ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < n && !r; i++)
        rows[i] = compare_sample(c, t, step, from + i);
    if (!r)
        r = compare_place(c, t, rows, n, x, err);
    free(rows);
    return r;
}

/* ---- nearest neighbours ------------------------------------------------------------------------------------------ */

struct nearest {
    const float *q, *x, *square; /* queries [nq,d], points [n,d], their squares [n] */
    size_t nq, n, d;
    float *product;              /* [workers,BLOCK,BLOCK] */
    double *distance;            /* [nq] squared */
};

static double distance(const float *a, const float *b, size_t d) {
    double sum = 0;
    for (size_t j = 0; j < d; j++) {
        double diff = (double)a[j] - (double)b[j];
        sum += diff * diff;
    }
    return sum;
}

/* A block of queries: the nearest point by products, its distance then as it is, so that copies are at 0. */
static void nearest_task(void *ctx, size_t task, size_t worker) {
    const struct nearest *s = ctx;
    size_t from = task * BLOCK, m = s->nq - from < BLOCK ? s->nq - from : BLOCK;
    float *p = s->product + worker * BLOCK * BLOCK, best[BLOCK];
    size_t at[BLOCK];
    for (size_t i = 0; i < m; i++)
        best[i] = INFINITY, at[i] = 0;
    for (size_t x0 = 0; x0 < s->n; x0 += BLOCK) {
        size_t k = s->n - x0 < BLOCK ? s->n - x0 : BLOCK;
        mat_gemm(false, true, m, k, s->d, s->q + from * s->d, s->d, s->x + x0 * s->d, s->d, 0, p, BLOCK);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < k; j++) {
                float far = s->square[x0 + j] - 2 * p[i * BLOCK + j];
                if (far < best[i])
                    best[i] = far, at[i] = x0 + j;
            }
    }
    for (size_t i = 0; i < m; i++)
        s->distance[from + i] = distance(s->q + (from + i) * s->d, s->x + at[i] * s->d, s->d);
}

/* distance[nq] from each query to the nearest of x[n,d]. */
static int find_nearest(const struct compare *c, const float *q, size_t nq, const float *x, size_t n, size_t d,
                        double *far, struct vae_err *err) {
    float *square = mem_floats(n), *product = mem_floats(pool_threads(c->pool) * BLOCK * BLOCK);
    struct nearest s = {q, x, square, nq, n, d, product, far};
    int r = square && product ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < n && !r; i++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += (double)x[i * d + j] * (double)x[i * d + j];
        square[i] = (float)sum;
    }
    if (!r)
        pool_run(c->pool, (nq + BLOCK - 1) / BLOCK, nearest_task, &s);
    free(square), free(product);
    return r;
}

/*
 * A synthetic row is as often nearer to a slice of TRAIN than to as many rows of TEST, if it is as fresh as these. Of k
 * slices, a copy of a TRAIN row is nearest to the one that holds it.
 */
int compare_copied(const struct compare *c, double *copied, struct vae_err *err) {
    size_t train = c->n[COMPARE_TRAIN], test = c->n[COMPARE_TEST], synth = c->n[COMPARE_SYNTH], d = compare_dimensions(c);
    size_t n = train < test ? train : test, nq = synth < QUERIES ? synth : QUERIES, values, query;
    n = n < SLICE ? n : SLICE;
    size_t k = train / n < SLICES ? train / n : SLICES;
    bool fits = mem_mul(n, d, &values) && mem_mul(nq, d, &query);
    float *q = fits ? mem_floats(query) : NULL, *x = fits ? mem_floats(values) : NULL;
    double *fresh = mem_array(nq, sizeof *fresh), *near = mem_array(nq, sizeof *near), share = 0;
    int r = q && x && fresh && near ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!r)
        r = place_sample(c, COMPARE_SYNTH, 0, 0, nq, q, err);
    if (!r)
        r = place_sample(c, COMPARE_TEST, 0, 0, n, x, err);
    if (!r)
        r = find_nearest(c, q, nq, x, n, d, fresh, err);
    for (size_t s = 0; s < k && !r; s++) {
        r = place_sample(c, COMPARE_TRAIN, 1, s * n, n, x, err);
        if (!r)
            r = find_nearest(c, q, nq, x, n, d, near, err);
        for (size_t i = 0; i < nq && !r; i++)
            share += near[i] < fresh[i] ? 1 : near[i] > fresh[i] ? 0 : 0.5;
    }
    free(q), free(x), free(fresh), free(near);
    *copied = 100 * (share / (double)(k * nq) - 0.5) * 2 * (double)k;
    return r;
}
