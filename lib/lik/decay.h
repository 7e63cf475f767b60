/*
 * decay.h - densities on 0..1 that fall as exp(-w x), w >= 0: the continuous Bernoulli, and the width of a cell of a
 * logistic. No cancellation for any w: by series where w is small.
 */
#ifndef LIK_DECAY_H
#define LIK_DECAY_H

#include <math.h>
#include <stddef.h>

/* log of the integral of exp(-w x) over 0..1, log((1 - exp(-w)) / w); y may be w. */
void decay_log(float *y, const float *w, size_t n);
/* Mean of the density, 1/w - 1/(exp(w) - 1), from 1/2 down; y may be w. */
void decay_mean(float *y, const float *w, size_t n);

/* The same of one, in double. */
static inline double decay_log_of(double w) { return w > 0 ? log(-expm1(-w) / w) : 0; }
static inline double decay_mean_of(double w) { return w > 1e-4 ? 1 / w - 1 / expm1(w) : 0.5 - w / 12; }
/* The x below which is the share u of the density. */
static inline double decay_inverse(double w, double u) { return w > 1e-12 ? -log1p(u * expm1(-w)) / w : u; }

#endif
