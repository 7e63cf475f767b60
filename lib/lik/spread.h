/*
 * spread.h - a standard deviation (or scale) that the decoder tells for each record: behind the output of a value's mean there
 * is one, o', that widens it,
 *
 *   log sd = theta + log(1 + exp(o')),
 *
 * so that theta, which stays above the floor, is the smallest one.
 */
#ifndef LIK_SPREAD_H
#define LIK_SPREAD_H

#include <math.h>

#include "lik/lik.h"

/* What o' starts at: theta is as far below the marginal's log sd. */
static const float SPREAD_START = 1.8545865f;
static const double SPREAD_BELOW = 2;

static inline const float *spread_mean(const struct lik_block *b, const float *o, size_t j, size_t ld) {
    return o + (b->spread ? 2 * j : j) * ld;
}

/* log sd - theta of record i. */
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

#endif
