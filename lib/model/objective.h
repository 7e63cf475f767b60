/*
 * objective.h - what training makes small: a row of a table each. Sums over values in nats, one draw or several of z a
 * record. What is reported is always a bound on log p(x), whatever was optimised.
 *
 * Columns 0..batch-1 of a pass hold the records of a step; draw k of the record in column i stands in column
 * k * batch + i, where there are several.
 */
#ifndef MODEL_OBJECTIVE_H
#define MODEL_OBJECTIVE_H

#include "model/model.h"

struct objective {
    const char *name, *about;
    bool draws;                         /* several draws a record */
    bool (*suits)(const struct model_config *); /* can it be had with such posteriors and prior? NULL: with any */
    /* Floats that a pass of ld columns keeps for it (pass->own). NULL: none. */
    size_t (*room)(const struct vae_model *, size_t ld);
    /* Columns col..col+n-1 have h, z and kl: decodes them, and the way back, as model_train_shard() says. */
    void (*decode)(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                   const struct model_objective *, const struct nn_noise *);
    /* Columns are loaded: nll + kl = minus the bound on log p(x) that training is judged by. */
    void (*bound)(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                  const struct model_objective *, const uint64_t *rows);
};

extern const struct objective objective_elbo, objective_iwae;
extern const struct objective *const objective_table[]; /* ends with NULL */
const struct objective *objective_by_name(const char *);

#endif
