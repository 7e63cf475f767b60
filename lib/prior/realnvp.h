/* realnvp.h - the layers of a RealNVP, which training, drawing and the tests share. */
#ifndef PRIOR_REALNVP_H
#define PRIOR_REALNVP_H

#include "nn/nn.h"
#include "prior/prior.h"

enum { REALNVP_LAYERS = 6 };
#define REALNVP_BOUND 2.0f /* of a log scale */

/* Layers for k latents. */
static inline size_t realnvp_layers(size_t k) { return k > 1 ? REALNVP_LAYERS : 1; }
/* Does this layer change latent j? Two layers in turn go by one bit of its number: those with 0, then those with 1. */
bool realnvp_moves(size_t k, size_t layer, size_t j);
/* The net of a layer: the latents that stay (or a 0, where none does) -> log scales and shifts of those that move. */
int realnvp_net(struct nn_net *, size_t k, size_t layer, struct vae_err *);

#endif
