/* autoregressive.h - the arithmetic of codes and their probabilities, for those who train the net. Panels are
 * feature-major. */
#ifndef PRIOR_AUTOREGRESSIVE_H
#define PRIOR_AUTOREGRESSIVE_H

#include "prior/prior.h"

/* c[k,n] -> one-hot e[k * codes,n] */
void ar_hot(const struct prior_space *, const float *c, float *e, size_t n, size_t ld);
/* Logits [k * codes,n] become log probabilities, by code; cost[i] -= sum of share * log probability, by[k] (may be
 * NULL) -= that of each code over the records; d (may be NULL) = scale * its gradient in the logits. share[k *
 * codes,n]: each code's sum to 1. */
void ar_cost(const struct prior_space *, float *logits, const float *share, double *cost, double *by, float *d,
             float scale, size_t n, size_t ld);

#endif
