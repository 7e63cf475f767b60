/* fit.h - from rows to a model: the steps of vae_fit(). */
#ifndef FIT_FIT_H
#define FIT_FIT_H

#include <math.h>

#include "fit/train.h"
#include "vae.h"

/* With opts->split_by: rows of one number are held out together. */
struct split_groups {
    uint64_t *of; /* [n] of each row; NULL: each is its own */
    size_t n, cap;
};
/* While reading: those of records from..from+n-1 behind what is there; does nothing where column is NULL. VAE_EUSAGE where there is
 * none of that name or number. */
int split_note(struct split_groups *, const char *column, const struct vae_head *, const struct vae_batch *, size_t from, size_t n,
               struct vae_err *);

/* All training rows, in input units. */
struct fit_rows {
    struct schema *schema; /* columns and styles; nothing learnt */
    double *raw;           /* [n,d] */
    size_t n;
    uint64_t bad;
    uint64_t unknown;      /* with opts->init: texts that are no level */
    struct split_groups groups;
    uint32_t crc;          /* of raw, and of the groups */
    size_t overlap;        /* records before one that share rows with it (windows); 0: none do */
    bool header_assumed;
};
int fit_read(struct vae_in *, const struct vae_fit_opts *, struct fit_rows *, struct vae_err *);
void fit_rows_free(struct fit_rows *);
/* The first column of at most two values that is named as labels are; "" for none. */
void fit_suspect(const struct fit_rows *, char *name, size_t size);

/* A bad record is left out, and told of. */
void fit_leave_out(const struct vae_fit_opts *, struct fit_rows *, const struct vae_err *why);
/* While reading: is there still room, and is it to stop? `more` rows of these have just come. */
int fit_reading(const struct vae_fit_opts *, size_t rows, size_t bytes, size_t more, struct vae_err *);

/* init.c: with opts->init. Its rows as fit_read() has them; its purpose; a copy of it, with nothing fitted behind the training. */
int init_read(struct vae_in *, const struct vae_fit_opts *, struct fit_rows *, struct vae_err *);
enum vae_purpose init_purpose(const struct vae_model *);
struct vae_model *init_model(const struct vae_model *, struct vae_err *);

/* What options and a schema file say about columns. */
struct fit_wishes {
    struct schema_wish wish;
    char **text;    /* [n] made here: "column=kind", "column=a|b" and "column=likelihood" */
    size_t n;
    char **lik;     /* [nlik] of those, the likelihoods */
    size_t nlik;
    char **as, **levels; /* the options' and the file's */
};
/* Reads the schema file where there is one; an option about a column wins over it. fit_wishes_free() in any case. */
int fit_wishes_make(struct fit_wishes *, const struct vae_fit_opts *, struct vae_err *);
int fit_wishes_likelihoods(const struct fit_wishes *, struct schema *, struct vae_err *);
/* Marks the columns that the options name, and those of labels beside the data, as conditions. */
int fit_mark_conditions(const struct vae_fit_opts *, const struct vae_head *, struct schema *, struct vae_err *);
void fit_wishes_free(struct fit_wishes *);

/* What is to be done, with nothing left to choose. */
struct fit_plan {
    struct vae_fit_opts opts;
    struct model_config model;
    struct train_config train;
    const struct prior *prior;
    size_t bins;      /* levels of a column of numbers, about */
    double valid;     /* share of the rows a fit is given that it holds out for itself */
    bool whole_valid; /* it is a block of them, and never cut */
    size_t ncal;      /* rows kept apart for p-values; 0: cross-conformal over `folds`, or none */
    size_t folds;
    bool exemplars;   /* keep training rows to compare with */
    bool denoiser;    /* or train a net that takes noise from records */
    double trim;      /* share of the rows, the oddest, that nothing is fitted to; 0: none may be odd */
    double alpha;     /* p at or below it is an anomaly */
};
/* Likelihoods, sizes and schedules from the data, where the options leave the choice. Columns get their likelihood and
 * transform; levels that are better taken as numbers become numbers, in rows->raw too. */
int fit_choose(const struct vae_fit_opts *, struct fit_rows *, struct fit_plan *, struct vae_err *);
/* An option that is a number, or what is chosen where it was not given. */
static inline double fit_or(double option, double otherwise) { return isnan(option) ? otherwise : option; }

/* choose_columns.c: likelihoods and transforms, bins; and whether the decoder is a chain over the columns. */
int fit_choose_columns(const struct vae_fit_opts *, struct fit_rows *, struct fit_plan *, struct vae_err *);
size_t fit_modelled(const struct schema *); /* columns that are no conditions */
/* choose_model.c: the rest of plan->model, and the prior. */
int fit_choose_model(const struct vae_fit_opts *, const struct fit_rows *, struct fit_plan *, struct vae_err *);
/* What multiplies in both nets for a record of d features, nearly: weights, those of convolutions at every place. */
double fit_weights(const struct model_config *, const struct schema *, size_t d);
bool fit_centre(const struct schema *); /* of sound, is the middle frame to be said of those around it? */

/* blocks.c: records 0..n-1 -> order: those to learn from, those that stop the training, those for p-values, part[3] of them; about
 * share[3] of all, in whole blocks, in at most so many turns, with gaps between. share 0: no such part. */
void fit_blocks(size_t n, size_t overlap, size_t turns, const double share[3], uint64_t *order, size_t part[3]);
/* How wide those are. */
size_t fit_gap(size_t n, size_t overlap);

/* Of each column, random[ncols] and share[ncols]: the share of the rows whose cell is missing there; and are they so at
 * random, whatever the other cells are? */
int fit_blanks(const struct fit_rows *, bool *random, double *share, struct vae_err *);

/* schema_to_model() of rows that were read: what is missing there is known to be blank, in columns that have such a level. */
void fit_to_model(const struct schema *, const double *raw, const uint64_t *rows, size_t n, float *x);

/* One model on rows[n] of the data, of which it holds some out for itself, and what it is trained with. */
struct fit_material {
    struct vae_model *m;
    float *x;        /* [n,d] all its rows in model units, the held out ones last */
    size_t n, nheld;
    uint64_t *index; /* [n] */
    struct train_data train;
    struct train_config cfg;
};
void fit_material_free(struct fit_material *);
/* trim.c: rows[n] without the oddest -> kept[*nkept], in their order; kept has room for n. */
int fit_trim(const struct fit_plan *, const struct fit_rows *, const uint64_t *rows, size_t n, struct pool *, uint64_t *kept,
             size_t *nkept, struct vae_err *);
/* The model started, nothing trained. fit_material_free() in any case, here and below. */
int fit_prepare(const struct fit_plan *, const struct fit_rows *, const uint64_t *rows, size_t n, struct fit_material *,
                struct vae_err *);
/* prior: the one that is drawn from is fitted, too; no score asks for it. */
int fit_one(const struct fit_plan *, const struct fit_rows *, const uint64_t *rows, size_t n, bool prior,
            const struct train_run *, struct train_result *, struct fit_material *, struct vae_err *);
/* collapse.c: trains the material, a second time where its latents are idle though there is something to tell. */
int fit_train(const struct fit_plan *, struct fit_material *, const struct train_run *, struct train_result *, struct vae_err *);
/* The prior to draw from, fitted to draws of the posteriors of training rows x[n,d]; and the first half of that, what it
 * is fitted to, for a prior that is not trained with the model: z is the caller's to free, also after a failure, and stays 0 where
 * the prior learns nothing. */
struct fit_draws {
    float *z; /* [n,k + told] */
    size_t n;
};
int fit_prior_draw(struct vae_model *, const struct prior *, const float *x, size_t n, size_t draws, uint64_t seed, struct pool *,
                   struct fit_draws *, struct vae_err *);
int fit_prior(struct vae_model *, const struct prior *, const float *x, size_t n, size_t draws, uint64_t seed, struct pool *,
              struct vae_err *);

/* plan->train.steps so that a fit of rows[n] and all that follows it end `seconds` from now, as far as a short trial on copies can
 * tell. */
int fit_budget(struct fit_plan *, const struct fit_rows *, const uint64_t *rows, size_t n, double seconds, struct pool *,
               struct vae_err *);
void fit_set_steps(struct train_config *, size_t steps);

const char *fit_purpose(enum vae_purpose); /* "generate" */
/* The plan a checkpoint is of: all that the options and the data decide. NULL when out of memory. */
json_t *fit_whole_plan(const struct fit_plan *, const struct fit_rows *);
/* m->training: the plan, and what came of it. */
int fit_describe(struct vae_model *, const struct fit_plan *, const struct fit_rows *, const struct train_result *,
                 const struct vae_fit_report *, struct vae_err *);

/* Between the parts of long work: VAE_ESTOP where it is to stop, 0. */
int fit_stopped(struct pool *, struct vae_err *);
/* scorer_run() of x[n,d], asking now and then whether to stop (VAE_ESTOP). */
struct scorer;
struct score_parts;
int fit_score(struct scorer *, struct pool *, const float *x, size_t n, size_t d, struct score_parts *, struct vae_err *);
/* *parts[n] of x[n,d] by a scorer of its own, the caller's to free; NULL where it failed. */
int fit_parts(const struct vae_model *, enum vae_by, int draws, const float *x, size_t n, struct pool *, struct score_parts **,
              struct vae_err *);

/* Before training: VAE_EUSAGE where an alpha was asked for that the calibration rows of n rows cannot show. */
int fit_can_show(const struct fit_plan *, size_t n, struct vae_err *);
/* Calibrates m: by the rows `cal`, or across folds. */
int fit_calibrate(const struct fit_plan *, const struct fit_rows *, struct vae_model *m, const uint64_t *cal,
                  size_t ncal, struct pool *, struct vae_err *);

/* Baselines on rows x[n,d] in model units, fitted to train[ntrain,d]: mean -log p per record in input units. */
double baseline_independent(const struct vae_model *, const float *x, size_t n, struct vae_err *);
double baseline_ppca(const struct vae_model *, const float *train, size_t ntrain, const float *x, size_t n);
/* What the latents are used for on x[n,d]: m->use, rep->kl, active_units, collapsed, and what is told of codes. */
int fit_use(struct vae_model *, const float *x, size_t n, struct pool *, struct vae_fit_report *, struct vae_err *);
/* ELBO with its standard error, KL per latent and active units on x[n,d]. kl[k] lives with the model. */
int fit_measure(struct vae_model *, const float *x, size_t n, struct pool *, struct vae_fit_report *, struct vae_err *);
enum { FIT_RATE_PART = 5 }; /* of the steps, a fifth: what each point of it trains */
/* The rate-distortion curve at beta[nbeta] (at most VAE_FIT_RATES) -> rep->rate: rate.c. */
int fit_rates(const struct fit_material *, const double *beta, size_t nbeta, const float *x, size_t n, struct pool *,
              struct vae_fit_report *, struct vae_err *);

#endif
