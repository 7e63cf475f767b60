/*
 * prior.h - distributions over the latents to draw from. N(0,1) is the prior of the objective, unless one is trained
 * with the model; what the encoder makes of real data fills only a part of it, so draws look better from a prior
 * fitted to the encoded training rows. A prior over codes is always that of the objective. A row of a table each.
 *
 * z[n,k] is row-major here, one latent vector a row, numbers or codes as whole numbers, but for priors in training.
 * What is told of a record stands behind its codes: z[n,k + told].
 */
#ifndef PRIOR_PRIOR_H
#define PRIOR_PRIOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mat.h"
#include "base/pool.h"
#include "nn/nn.h"
#include "vae.h"

/* What a prior is over: k numbers, or k codes of so many values each, given `told` numbers. */
struct prior_space {
    size_t k, codes, told; /* codes: 0 of numbers; told: 0 but for a prior that is told the conditions */
};

/* Columns col..col+n-1 of a pass: feature-major z[k,ld], param[size], and room that joint->work() made for ld
 * columns. */
struct prior_panel {
    size_t k, size;
    const float *param, *z;
    size_t col, n, ld;
    void *work;
};

/* What a prior has besides that takes the place of N(0,1) in the objective and is trained with the model. */
struct prior_joint {
    /* Its parameters are the means and log variances that the encoder makes of pseudo-inputs, which are trained:
     * mean[k], log variance[k] of each. Else they are trained themselves, and start() fills them. */
    bool encoded;
    void (*start)(size_t k, size_t size, float *param, uint64_t seed);
    /* Room for all that follows, of one pass; without gradients for logp alone. work_free() of the prior frees it. */
    void *(*work)(size_t k, size_t size, size_t ld, bool gradients, struct vae_err *);
    /* logp[n] += log p(z). */
    void (*logp)(const struct prior_panel *, double *logp);
    /* Behind logp() of the same columns: dz[.,ld] (of all columns) += pull[n] * d log p(z) / dz. */
    void (*backward)(const struct prior_panel *, const float *pull, float *dz);
    /* Behind backward() of columns 0..n-1: dparam[size] = the gradient of sum pull log p(z), in tasks, each element by
     * one. */
    size_t (*ntasks)(size_t k, size_t size);
    void (*grad)(const struct prior_panel *, size_t task, float *dparam);
};

struct prior {
    const char *name, *about;
    bool codes;                      /* it is over codes, else over numbers */
    bool told;                       /* it is p(z|c) where a model has conditions, else p(z) */
    const struct prior_joint *joint; /* NULL: fitted when the model is trained */
    /* Of codes: a net that is trained with the model; its weights (placed from 0
     * on) are the parameters. What is told [told], then codes one-hot [k * codes], those of one behind those of the
     * other, -> logits [k * codes] of each given those before. */
    int (*net)(struct nn_net *, const struct prior_space *, float dropout, struct vae_err *);
    /* Parameters as one array, to be stored with the model: how many for a fit of n rows. */
    size_t (*size)(const struct prior_space *, size_t n);
    /* Fits param[size] to z[n,k]; the same bits for any pool (NULL: alone). NULL where it is trained with the model,
     * and of codes. */
    int (*fit)(const struct prior_space *, size_t n, const float *z, uint64_t seed, struct pool *, float *param,
               struct vae_err *);
    /* How many times fit() asks pool_stopped() about, at equal distances: from that its time can be told. NULL: it
     * takes none. */
    size_t (*rounds)(const struct prior_space *, size_t n);
    /* Does param[size] describe such a distribution? VAE_EDATA if not. */
    int (*check)(const struct prior_space *, size_t size, const float *param, struct vae_err *);
    /* Buffers for one thread that draws, or NULL where none are needed (NULL here), or NULL and err. */
    void *(*work)(const struct prior_space *, size_t size, struct vae_err *);
    void (*work_free)(void *);
    /* A panel of draws z[MAT_PANEL,k] for output rows rows[MAT_PANEL]; a draw is a function of (seed, row) alone.
     * Noise is scaled by `temperature` (1: the distribution as fitted; below: nearer to its middle), or the logits of
     * codes divided by it. What is told stands in z already. */
    void (*sample)(const struct prior_space *, size_t size, const float *param, uint64_t seed, const uint64_t *rows,
                   float temperature, void *work, float *z);
    /* log p(z) in nats of a panel z[MAT_PANEL,k]. */
    void (*logp)(const struct prior_space *, size_t size, const float *param, const float *z, void *work, double *logp);
};

extern const struct prior prior_normal, prior_gmm, prior_flow, prior_vamp, prior_realnvp, prior_uniform,
    prior_autoregressive;
extern const struct prior *const prior_table[]; /* ends with NULL */
const struct prior *prior_by_name(const char *);

#endif
