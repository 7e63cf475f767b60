/* spell.h - lines from latents, symbol by symbol. */
#ifndef MODEL_SPELL_H
#define MODEL_SPELL_H

#include "model/model.h"

enum { SPELL_BEAM_MAX = 16 }; /* a panel */

/* How a worker spells. */
struct spell {
    double temperature;  /* of symbols that are drawn: logits are divided by it */
    size_t beam;         /* without draws: hypotheses that are followed; 1: the most probable symbol each time */
    struct nn_work work; /* where beam > 1 */
};
/* 0, VAE_EOS, or VAE_EUSAGE for a beam that a model, or a panel, has no room for. */
int spell_init(struct spell *, const struct vae_model *, double temperature, size_t beam, struct vae_err *);
void spell_free(struct spell *);

/* The latents and conditions in a full panel of the decoder's input -> the lines in pass->x: draws (a function of seed
 * and rows[i] alone), or the most probable symbols. Symbols that training lines have once, for which there is no name,
 * are left out. */
void spell_lines(const struct vae_model *, struct model_pass *, struct spell *, bool sample, uint64_t seed,
                 const uint64_t *rows);

#endif
