/* codes.h - latents that are codes: columns col..col+n-1 of a pass from the encoder's outputs to z, and what that
 * costs. */
#ifndef MODEL_CODES_H
#define MODEL_CODES_H

#include "model/model.h"

static inline bool codes_are(const struct vae_model *m) { return m->codes.codes > 0; }

/* The codes -> pass->code and z: the most probable ones or, where they are drawn, draws by pass->eps. */
void codes_find(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n, bool draw);
/* Those in pass->code -> z. */
void codes_place(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n);
/* Of them, as bottleneck_kl() and bottleneck_ratio(). */
void codes_kl(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n, double *by);
void codes_ratio(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n, double *ratio);

/* A pass of the training: z and pass->kl; and behind the decoder's way back the gradient of the encoder's outputs,
 * and of those of the prior's net. */
void codes_train(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                 const struct model_objective *, const struct nn_noise *);
void codes_backward(const struct vae_model *, const float *w, struct model_pass *, size_t col, size_t n,
                    const struct model_objective *, const struct nn_noise *);

/* Parameters of the family that no gradient moves: tasks behind the update of a step, none for most families. fresh:
 * what is out of use starts anew. */
size_t codes_learn_tasks(const struct vae_model *);
void codes_learn(const struct vae_model *, float *w, struct model_pass *, size_t task, size_t n, bool fresh,
                 uint64_t seed, uint64_t step);

#endif
