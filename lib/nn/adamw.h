/*
 * adamw.h - Adam with decoupled weight decay (Loshchilov & Hutter 2019, 1711.05101) and an exponential moving
 * average of the weights, which is what is evaluated and kept.
 *
 * Works on any range of the weights, so that a step is cut in chunks for the threads; each chunk is a few loops over
 * memory that is read once.
 */
#ifndef NN_ADAMW_H
#define NN_ADAMW_H

#include <stddef.h>
#include <stdint.h>

#include "vae.h"

struct adamw {
    size_t n;
    float *m, *v, *ema; /* first and second moments, averaged weights: [n] each */
    float *mem;
};

struct adamw_step {
    uint64_t t;       /* number of this step, from 1 */
    float lr, decay;  /* learning rate; weight decay (times lr) */
    float clip;       /* factor on the gradient */
    float ema;        /* weight of the old average, 1: leave it alone, 0: take the weights */
};

int adamw_init(struct adamw *, size_t n, struct vae_err *);
void adamw_free(struct adamw *);
/* Weights from..from+n-1 of w and g; rate scales the learning rate. */
void adamw_update(struct adamw *, const struct adamw_step *, float *w, const float *g, float rate, size_t from,
                  size_t n);
/* Sum of squares of g[n] in double. */
double adamw_square(const float *g, size_t n);

#endif
