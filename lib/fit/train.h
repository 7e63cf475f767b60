/* train.h - the training loop: rows in, the best weights of a model out. */
#ifndef FIT_TRAIN_H
#define FIT_TRAIN_H

#include "base/pool.h"
#include "model/objective.h"

/* All that shapes the result; every field is resolved (no "automatic" left). */
struct train_config {
    uint64_t seed;
    size_t steps, batch, patience; /* patience: validations without a gain before it stops, 0: never */
    size_t valid_every;
    float lr, decay, beta, warmup; /* warmup: share of the steps (of each cycle) over which beta rises, or the capacity */
    float free_nats;               /* per latent, while beta rises */
    size_t cycles;                 /* how often beta rises, 0: once, and stays */
    double capacity, target_mse;   /* what the KL (nats) or the squared error (input units) of a record is held at; 0: neither */
    const struct objective *objective; /* NULL: the ELBO */
    size_t draws;                  /* of z a record and step; 0: one */
    float weight;                  /* of the objective's own term */
};

struct train_data {
    const float *x; /* [rows,d] in model units */
    size_t n, nvalid;
    const uint64_t *train, *valid; /* rows of x */
};

struct train_point {
    size_t step, steps, from; /* from: the step of the checkpoint it went on from, 0: none */
    bool curve; /* after a validation: all that follows is set; else only a sign of life */
    double recon, kl, beta, elbo; /* of the batches since the last point, means per record */
    double valid;                 /* minus the bound on the rows held out, NaN where there are none */
};
/* Called after every step, within a long one (of the step before), and first for the points of the curve before `from`; returning
 * true stops the training (VAE_ESTOP). */
typedef bool train_report_fn(void *ctx, const struct train_point *);

struct train_result {
    size_t steps, best_step;
    double best; /* minus the bound per record at the best validation, or of the last batches */
    size_t skipped, rolled_back;
    bool answered;  /* it was the second one, as the latents of the first were idle (collapse.c), whichever of the two is kept */
    double watched; /* where --capacity or --target-mse has brought the KL or the error; 0 without */
};

/* A training that is over, while another one may do better; a checkpoint keeps it. */
struct train_trial {
    float *w; /* [nw] */
    struct train_result res;
};

struct train_curve {
    struct train_point *point;
    size_t n, cap;
};

/* What a training is run with; none of it changes the result. All may be NULL. */
struct checkpoint;
struct train_run {
    struct pool *pool;
    train_report_fn *report;
    void *ctx;
    struct checkpoint *checkpoint;
    struct train_curve *curve;        /* points go behind those that are there */
    const struct train_trial *before;
};

/* Trains m (started by model_start()) and leaves the best averaged weights in m->w. */
int train_model(struct vae_model *m, const struct train_data *, const struct train_config *, const struct train_run *,
                struct train_result *, struct vae_err *);

/* A row of x and the length of its line: deal.c puts the rows of a batch in order, card[n] its scratch. */
struct train_card {
    uint64_t row;
    size_t length;
};
void train_deal(const struct vae_model *, const float *x, struct train_card *card, uint64_t *rows, size_t n, size_t shard);

/* Seconds that a step and a validation of m take, by a trial of about so many; m is of no use afterwards. */
struct train_rate {
    double step, valid;
};
int train_measure(struct vae_model *m, const struct train_data *, const struct train_config *, struct pool *, double seconds,
                  struct train_rate *, struct vae_err *);

#endif
