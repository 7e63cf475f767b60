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

#include "base/mat.h"
#include "base/pool.h"
#include "vae.h"

struct prior {
    const char *name, *about;
    /* Parameters as one array, to be stored with the model: how many for k latents and a fit of n rows. */
    size_t (*size)(size_t k, size_t n);
    /* Fits param[size] to z[n,k]; the same bits for any pool (NULL: alone). */
    int (*fit)(size_t k, size_t n, const float *z, uint64_t seed, struct pool *, float *param, struct vae_err *);
    /* How many times fit() asks pool_stopped() about, at equal distances: from that its time can be told. NULL: it takes none. */
    size_t (*rounds)(size_t k, size_t n);
    /* Does param[size] describe a distribution over k latents? VAE_EDATA if not. */
    int (*check)(size_t k, size_t size, const float *param, struct vae_err *);
    /* Buffers for one thread that draws, or NULL where none are needed (NULL here), or NULL and err. */
    void *(*work)(size_t k, size_t size, struct vae_err *);
    void (*work_free)(void *);
    /* A panel of draws z[MAT_PANEL,k] for output rows rows[MAT_PANEL]; a draw is a function of (seed, row) alone. Noise is
     * scaled by `temperature` (1: the distribution as fitted; below: nearer to its middle). */
    void (*sample)(size_t k, size_t size, const float *param, uint64_t seed, const uint64_t *rows, float temperature,
                   void *work, float *z);
    /* log p(z) in nats of a panel z[MAT_PANEL,k]. */
    void (*logp)(size_t k, size_t size, const float *param, const float *z, void *work, double *logp);
};

extern const struct prior prior_normal, prior_gmm, prior_flow;
extern const struct prior *const prior_table[]; /* ends with NULL */
const struct prior *prior_by_name(const char *);

#endif
