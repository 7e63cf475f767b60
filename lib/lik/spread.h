/*
 * spread.h - what the likelihoods of a location and a scale share: x = location + scale T.
 *
 * The location is the value's output o. Of a value's free parameters, or of the block's where tied, the first is theta,
 * the log of the scale; it stays above the floor, as without one -log p has no bound on a column that the decoder can
 * predict exactly. With block->spread the decoder tells a scale for each value of each record: behind o there is an
 * output o' that widens it,
 *
 *   log scale = theta + log(1 + exp(o')),
 *
 * so that theta is the smallest one.
 */
#ifndef LIK_SPREAD_H
#define LIK_SPREAD_H

#include <math.h>

#include "lik/lik.h"

/* The locations of value j, one a record. */
static inline const float *spread_mean(const struct lik_block *b, const float *o, size_t j, size_t ld) {
    return o + (b->spread ? 2 * j : j) * ld;
}

/* log scale - theta of record i. */
static inline double spread_log(const struct lik_block *b, const float *o, size_t j, size_t i, size_t ld) {
    if (!b->spread)
        return 0;
    double v = (double)o[(2 * j + 1) * ld + i];
    return v > 0 ? v + log1p(exp(-v)) : log1p(exp(v));
}

/* Its derivative in o'. */
static inline double spread_slope(const struct lik_block *b, const float *o, size_t j, size_t i, size_t ld) {
    return b->spread ? 1 / (1 + exp(-(double)o[(2 * j + 1) * ld + i])) : 0;
}

/* mean() of those whose mean is the location. */
void spread_location(const struct lik_block *, const float *o, const float *theta, float *out, size_t n, size_t ld);
/* Of start(): the location at the marginal mean, the scale at `factor` of the marginal's sd, which gives T that sd; one
 * that is for all values at the mean of theirs. */
void spread_start(const struct lik_block *, const struct lik_marginals *, double factor, float *bias, float *theta);
/* Of project(): theta above the floor; one that is for all values above the lowest of theirs. */
void spread_project(const struct lik_block *, const struct lik_marginals *, float *theta);
/* stat() and settle() of those whose best scale is the mean of |x - location|^power, to 1/power. With block->spread the
 * smallest scale has no closed form: it stays. */
void spread_stat(const struct lik_block *, const float *x, const float *o, int power, double *stat, size_t n,
                 size_t ld);
void spread_settle(const struct lik_block *, const double *stat, int power, double prior, float *theta);

#endif
