/*
 * conformal.c - from scores to p-values: split conformal prediction (Vovk, Gammerman & Shafer 2005) and, where rows are
 * few, scores collected across folds (cross-conformal; Vovk 2015, Barber et al. 2021).
 */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "score/score.h"

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void conformal_sort(float *cal, size_t n) { qsort(cal, n, sizeof *cal, by_value); }

double conformal_p(const float *cal, size_t n, float s) {
    size_t low = 0, high = n; /* cal[0..low) < s <= cal[high..n); a score that is no number is above all */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (cal[mid] >= s)
            high = mid;
        else
            low = mid + 1;
    }
    return (1 + (double)(n - low)) / ((double)n + 1);
}

double conformal_threshold(const float *cal, size_t n, double alpha, double *smallest) {
    *smallest = 1 / ((double)n + 1);
    /* p <= alpha iff at most m calibration scores are >= s: s above the (m+1)-th largest */
    double m = floor(alpha * ((double)n + 1) * (1 + 1e-12) - 1);
    if (m < 0)
        return INFINITY;
    if (m >= (double)n)
        return -INFINITY;
    return (double)nextafterf(cal[n - 1 - (size_t)m], INFINITY);
}

struct cross {
    size_t n, gap, folds;
    const uint64_t *order;
    conformal_fit_fn *fit;
    void *ctx;
    float *cal;
    int *result;
    struct vae_err *err; /* [folds] */
};

static void cross_task(void *ctx, size_t f, size_t worker) {
    (void)worker;
    struct cross *c = ctx;
    size_t from = c->n * f / c->folds, to = c->n * (f + 1) / c->folds, m = 0;
    uint64_t *rows = mem_array(c->n, sizeof *rows);
    if (!rows) {
        c->result[f] = err_set(&c->err[f], VAE_EOS, "out of memory");
        return;
    }
    for (size_t i = 0; i < c->n; i++)
        if (i + c->gap < from || i >= to + c->gap)
            rows[m++] = c->order[i];
    c->result[f] = c->fit(c->ctx, rows, m, c->order + from, to - from, c->cal + from, c->n, &c->err[f]);
    free(rows);
}

int conformal_cross(size_t n, size_t gap, size_t folds, uint64_t seed, struct pool *pool, conformal_fit_fn *fit, void *ctx,
                    size_t nscores, float *cal, struct vae_err *err) {
    uint64_t *order = mem_array(n, sizeof *order);
    struct cross c = {n, gap, folds, order, fit, ctx, cal, mem_array(folds, sizeof(int)),
                      mem_array(folds, sizeof(struct vae_err))};
    int r = order && c.result && c.err ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!r) {
        for (uint64_t i = 0; i < n; i++)
            order[gap ? i : rng_permute(i, n, seed, RNG_SPLIT, 1)] = i;
        pool_run(pool, folds, cross_task, &c);
    }
    for (size_t f = 0; f < folds && !r; f++)
        if ((r = c.result[f]) && err)
            *err = c.err[f];
    for (size_t b = 0; b < nscores && !r; b++)
        conformal_sort(cal + b * n, n);
    free(order), free(c.result), free(c.err);
    return r;
}
