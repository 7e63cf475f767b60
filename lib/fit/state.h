/*
 * state.h - all that the steps to come of a training depend on, beside the data and the configuration: what a checkpoint
 * is made of. Noise and the order of rows are functions of the step, so there is no more to it.
 */
#ifndef FIT_STATE_H
#define FIT_STATE_H

#include "fit/schedule.h"
#include "model/tensors.h"
#include "nn/adamw.h"

enum { TRAIN_NORMS = 64 };

struct train_state {
    size_t nw;
    float *w;               /* [nw] the model's own */
    struct adamw opt;
    float *best, *snapshot; /* [nw] averaged weights that did best; the last good ones, to roll back to */
    size_t step, t;         /* steps done; of the optimiser, since the last roll-back */
    size_t skips, nnorms;   /* steps skipped in a row; gradient norms seen since the last roll-back */
    double norms[TRAIN_NORMS];
    double lr_scale;        /* halved by each roll-back */
    double recon, kl;       /* sums over the `seen` records since the last point */
    size_t seen;
    size_t over;            /* 1: it stopped early */
    struct schedule_state schedule;
    struct train_result res;
    struct train_curve *curve, own;   /* the run's, or its own */
    const struct train_trial *before; /* NULL: this is the first training */
};

/* Before the first step, of weights that are started; w stays the caller's. train_state_free() also after a failure. */
int train_state_init(struct train_state *, float *w, size_t nw, struct vae_err *);
void train_state_free(struct train_state *);
int train_state_point(struct train_state *, const struct train_point *, struct vae_err *);

/* As tensors and metadata of a container; *bits is room that lives as long as it does, the caller's to free. */
int train_state_put(const struct train_state *, struct tensors *, int64_t **bits, struct vae_err *);
/* Back, of a training of so many steps: VAE_EDATA where it is not there, or senseless. */
int train_state_get(struct train_state *, const struct tensors *, size_t steps, struct vae_err *);
/* The training before, where the state is of a second one; w stays NULL where there is none. */
int train_trial_get(struct train_trial *, const struct tensors *, size_t nw, struct vae_err *);

#endif
