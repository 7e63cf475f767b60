/*
 * prior.h - distributions over the latents to draw from. N(0,1) is the prior of the reported objective; what the
 * encoder makes of real data fills only a part of it, so draws look better from a prior fitted to the encoded training
 * rows. A row of a table each.
 *
 * z[n,k] is row-major here, one latent vector a row.
 */
#ifndef PRIOR_PRIOR_H
#define PRIOR_PRIOR_H

#include <stddef.h>
#include <stdint.h>

#include "vae.h"

struct prior {
    const char *name, *about;
    /* Parameters as one array, to be stored with the model: how many for k latents and a fit of n rows. */
    size_t (*size)(size_t k, size_t n);
    /* Fits param[size] to z[n,k]. */
    int (*fit)(size_t k, size_t n, const float *z, uint64_t seed, float *param, struct vae_err *);
    /* Does param[size] describe a distribution over k latents? VAE_EDATA if not. */
    int (*check)(size_t k, size_t size, const float *param, struct vae_err *);
    /* A draw z[k] for output row `row`. */
    void (*sample)(size_t k, size_t size, const float *param, uint64_t seed, uint64_t row, float *z);
    /* log p(z) in nats. */
    double (*logp)(size_t k, size_t size, const float *param, const float *z);
};

extern const struct prior prior_normal, prior_gmm;
extern const struct prior *const prior_table[]; /* ends with NULL */
const struct prior *prior_by_name(const char *);

#endif
