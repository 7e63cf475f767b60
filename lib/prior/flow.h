/* flow.h - what drawing from a flow and training it share. Panels are feature-major. */
#ifndef PRIOR_FLOW_H
#define PRIOR_FLOW_H

#include "nn/nn.h"
#include "prior/prior.h"

enum { FLOW_WAVES = 8 };

/* The net v[k] of z[k], the 2 * FLOW_WAVES features of the time and what is told. */
int flow_net(struct nn_net *, const struct prior_space *, size_t width, struct vae_err *);
/* The width of the net in `size` parameters, 0: none fits. */
size_t flow_width(const struct prior_space *, size_t size);
/* Features of the times t[n]: sines and cosines -> f[2 * FLOW_WAVES, n]. */
void flow_time(const float *t, float *f, size_t n, size_t ld);
/* The velocity of a standard normal is this times z. */
float flow_drift(float t);
size_t flow_rounds(const struct prior_space *, size_t n);
int flow_fit(const struct prior_space *, size_t n, const float *z, uint64_t seed, struct pool *, float *param,
             struct vae_err *);

#endif
