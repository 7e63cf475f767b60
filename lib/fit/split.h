/* split.h - which rows are held out: split.c. */
#ifndef FIT_SPLIT_H
#define FIT_SPLIT_H

#include "fit/fit.h"
#include "score/score.h"

/* order[n] of all rows; what is held out is its end. step: 0, and 1 for folds, another order of the same kind. VAE_EDATA where a
 * column has too few values to split by. */
int split_order(const struct fit_plan *, const struct fit_rows *, uint64_t step, uint64_t *order, struct vae_err *);
/* Where to cut the n rows `order` (all of them, or without a fold), next to `at`: no group is on both sides, and at least so many
 * of them are before it. n: nowhere. */
size_t split_cut(const struct fit_rows *, const uint64_t *order, size_t n, size_t at, size_t least);
/* The rows to fit, of which the last ones stop the training, *nfit, and behind them plan->ncal for p-values -> order, which has room
 * for all. What a plan has of either becomes what it is. */
int split_rows(struct fit_plan *, const struct fit_rows *, uint64_t *order, size_t *nfit, struct vae_err *);
/* conformal_cross() over plan->folds stretches of such an order; of windows without those beside a stretch. */
int split_cross(const struct fit_plan *, const struct fit_rows *, struct pool *, conformal_fit_fn *, void *ctx, size_t nscores,
                float *cal, struct vae_err *);

#endif
