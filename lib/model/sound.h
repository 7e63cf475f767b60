/* sound.h - where sound is joined to what a model learns from (front/audio.h). */
#ifndef MODEL_SOUND_H
#define MODEL_SOUND_H

#include <jansson.h>

#include "base/rec.h"

/* Is this sound as it is read, sample frames? */
bool sound_is(const struct vae_head *);
/* The reader of sound gives the records of `front` (the origin's of a model or a stream), or where that is NULL, of the words of
 * --audio. 0 or VAE_E*. */
int sound_front(struct vae_in *, const char *text, const json_t *front, struct vae_err *);
/* Are records that sound was made into already those of `front`? 0; VAE_EDATA says what both are. */
int sound_same(struct vae_in *, const json_t *front, struct vae_err *);

#endif
