/*
 * tail.h - p beyond the calibration sample: a generalised Pareto distribution of how far scores are above a high one.
 *
 *   P(X > u + x given X > u) = (1 + shape x / scale)^(-1/shape), exp(-x / scale) for shape 0
 */
#ifndef SCORE_TAIL_H
#define SCORE_TAIL_H

#include <stddef.h>

#include "vae.h"

struct tail {
    size_t n;            /* calibration scores */
    double top;          /* the highest of them, up to which p is conformal */
    double shape, scale; /* of what is above it; the shape is never negative: such a tail ends, and p would be 0 behind its end */
};

/* The n calibration scores, ascending -> the tail. VAE_EDATA where they are too few or too much alike. */
int tail_fit(struct tail *, const float *cal, size_t n, struct vae_err *);
/* p of a score above all calibration scores: in (0, 1/(n + 1)], falling. */
double tail_p(const struct tail *, float s);
/* The least score with p <= alpha, for an alpha below 1/(n + 1). */
double tail_threshold(const struct tail *, double alpha);

/* Shape and scale (from u on) of x[n], ascending, all above 0, at least two: Zhang & Stephens' estimates. */
void tail_estimate(const double *x, size_t n, double *shape, double *scale);

#endif
