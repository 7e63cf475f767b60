/* latents.h - the latents in a stream, numbers or codes: where they are, reading them, and whose they are. */
#ifndef MODEL_LATENTS_H
#define MODEL_LATENTS_H

#include "base/rec.h"
#include "model/model.h"

/* k numbers of a record: a vector field, or with field -1 one text column each. */
struct latents_columns {
    int field;
    int cell[MODEL_MAX_LATENT];
};
struct latents {
    size_t k, codes;             /* codes: they are such, whole numbers below it; 0: they are not */
    /* the field mu (or the first numeric one that is not just carried), or columns z1, z2, ...; of codes the field
     * codes, or columns code1, code2, ... */
    struct latents_columns mean;
    bool has_sd;
    struct latents_columns sd;   /* the field sd, or columns sd1, sd2, ... */
};

/* Finds the latents in a head, and their standard deviations where all are there. k 0: as many as there are.
 * VAE_EDATA. */
int latents_find(struct latents *, const struct vae_head *, size_t k, struct vae_err *);
/* The same of k codes of so many values. */
int latents_find_codes(struct latents *, const struct vae_head *, size_t k, size_t codes, struct vae_err *);
/* Are they codes, by their names? */
bool latents_named_codes(const struct vae_head *);
/* Those of record i of a batch -> z[k], and -> sd[k] where it is not NULL. VAE_EROW where one is no finite number, or
 * no code. */
int latents_read(const struct latents *, const struct vae_head *, const struct vae_batch *, size_t i, float *z,
                 float *sd, struct vae_err *);
/* keep[field]: is it carried? What was kept is, and text columns that are no latents and no sd's. */
void latents_others(const struct latents *, const struct vae_head *, bool *keep);

/* VAE_EDATA where the head names another model than this one. */
int latents_check_model(const struct vae_head *, const struct vae_model *, struct vae_err *);
/* How the head of a stream names the model, {"id","path"}; NULL when out of memory. */
json_t *latents_model_ref(const struct vae_model *, bool no_path);

#endif
