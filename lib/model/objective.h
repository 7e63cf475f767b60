/*
 * objective.h - what training makes small: a row of a table each. Sums over values in nats. What is reported is always a
 * bound on log p(x), whatever was optimised.
 *
 * Columns 0..batch-1 of a pass hold the records of a step; with several draws of z a record, draw k of the record in column
 * i stands in column k * batch + i.
 */
#ifndef MODEL_OBJECTIVE_H
#define MODEL_OBJECTIVE_H

#include "model/model.h"

struct objective {
    const char *name, *about;
    bool draws;    /* several draws a record */
    bool couples;  /* the records of a step know of one another: all of them are encoded before one is decoded */
    double weight; /* of its own term, unless told */
    bool (*suits)(const struct model_config *); /* can it be had with such posteriors and prior? NULL: with any */
    /* Floats that a pass of ld columns keeps for it (pass->own). NULL: none. */
    size_t (*room)(const struct vae_model *, size_t ld);

    /* Columns col..col+n-1 have h, z and kl: decodes them, and the way back, as model_train_shard() says. */
    void (*decode)(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                   const struct model_objective *, const struct nn_noise *);
    /* Columns are loaded: nll + kl = minus the bound on log p(x) that training is judged by. */
    void (*bound)(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                  const struct model_objective *, const uint64_t *rows);

    /* Those that couple: columns col..col+n-1 are encoded, and leave what the others will ask of them; */
    void (*share)(const struct vae_model *, struct model_pass *, size_t col, size_t n, const struct model_objective *,
                  const struct nn_noise *);
    /* all have done so (NULL: there is nothing to do); */
    void (*couple)(const struct vae_model *, struct model_pass *, size_t col, size_t n, const struct model_objective *);
    /* all have done that. dec.grad[0] += the gradient of the term with respect to z; */
    void (*pull)(const struct vae_model *, struct model_pass *, size_t col, size_t n, const struct model_objective *);
    /* after bottleneck_backward(), enc.grad[enc.n] += that with respect to h with z held (NULL: there is none). */
    void (*push)(const struct vae_model *, struct model_pass *, size_t col, size_t n);
};

extern const struct objective objective_elbo, objective_iwae, objective_tc, objective_mmd;
extern const struct objective *const objective_table[]; /* ends with NULL */
const struct objective *objective_by_name(const char *);

/* decode and bound of the ELBO, for those that add a term to it. */
void elbo_decode(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                 const struct model_objective *, const struct nn_noise *);
void elbo_bound(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                const struct model_objective *, const uint64_t *rows);

#endif
