/*
 * conformal.c - scores that p-values are made of where rows are few: collected across folds (cross-conformal; Vovk 2015,
 * Barber et al. 2021).
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "score/score.h"

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

void conformal_sort(float *cal, size_t n) { qsort(cal, n, sizeof *cal, by_value); }

struct cross {
    size_t n;
    const uint64_t *order;
    const size_t *bound;
    conformal_fit_fn *fit;
    void *ctx;
    float *cal;
    int *result;
    struct vae_err *err; /* [folds] */
};

static void cross_task(void *ctx, size_t f, size_t worker) {
    (void)worker;
    struct cross *c = ctx;
    size_t from = c->bound[f], to = c->bound[f + 1], m = 0;
    if (from == to)
        return;
    uint64_t *rows = mem_array(c->n, sizeof *rows);
    if (!rows) {
        c->result[f] = err_set(&c->err[f], VAE_EOS, "out of memory");
        return;
    }
    for (size_t i = 0; i < c->n; i++)
        if (i < from || i >= to)
            rows[m++] = c->order[i];
    c->result[f] = c->fit(c->ctx, rows, m, c->order + from, to - from, c->cal + from, c->n, &c->err[f]);
    free(rows);
}

int conformal_cross(size_t n, const uint64_t *order, size_t folds, const size_t *bound, struct pool *pool, conformal_fit_fn *fit,
                    void *ctx, size_t nscores, float *cal, struct vae_err *err) {
    struct cross c = {n, order, bound, fit, ctx, cal, mem_array(folds, sizeof(int)), mem_array(folds, sizeof(struct vae_err))};
    int r = c.result && c.err ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!r)
        pool_run(pool, folds, cross_task, &c);
    for (size_t f = 0; f < folds && !r; f++)
        if ((r = c.result[f]) && err)
            *err = c.err[f];
    for (size_t b = 0; b < nscores && !r; b++)
        conformal_sort(cal + b * n, n);
    free(c.result), free(c.err);
    return r;
}
