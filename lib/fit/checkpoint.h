/*
 * checkpoint.h - the state of a training in a file, to go on from after a kill.
 *
 * The file is a container of tensors like a model's (vae-model(5)), replaced as a whole, so that at every instant the name
 * holds one that can be gone on from. Beside the state stands the plan: all that shapes the result. A run with another
 * plan cannot go on from it, one with the same plan ends with the same bytes as if nothing had happened.
 */
#ifndef FIT_CHECKPOINT_H
#define FIT_CHECKPOINT_H

#include "fit/state.h"

struct checkpoint;

/* resume: goes on from the file where it is there; else such a file is VAE_EUSAGE. every: seconds between two, NaN: a minute. A
 * damaged one, or another file of that name, is VAE_EDATA, and stays as it is. VAE_ECREATE where none can be written. */
struct checkpoint *checkpoint_open(const char *path, bool resume, double every, struct vae_err *);
void checkpoint_free(struct checkpoint *);

/* Steps of the run the file is of, to be known before the plan is; 0: there is nothing to go on from. */
size_t checkpoint_steps(const struct checkpoint *);
/* The plan of this run, given away. VAE_EDATA, VAE_EUSAGE: the file is of other data, or other options, and which. */
int checkpoint_plan(struct checkpoint *, json_t *plan, struct vae_err *);

/* The state the file holds, where it holds one. c may be NULL, here and below. */
int checkpoint_restore(struct checkpoint *, struct train_state *, size_t steps, struct vae_err *);
/* The training that was over before that one, if it was a second one; else trial->w stays NULL. Asked before it is restored. */
int checkpoint_before(const struct checkpoint *, size_t nw, struct train_trial *, struct vae_err *);
/* Is it time for one? */
bool checkpoint_due(const struct checkpoint *);
/* Writes one. What fails is kept for checkpoint_trouble(), as training goes on without. A state with numbers that are not finite is
 * passed over: the file stays the older one. */
void checkpoint_save(struct checkpoint *, const struct train_state *);
size_t checkpoint_kept(const struct checkpoint *);         /* the step the file is of, 0: there is none */
const char *checkpoint_trouble(struct checkpoint *);       /* why none could be written, told once; else NULL */
void checkpoint_remove(struct checkpoint *);               /* the file is of no use any more */

#endif
