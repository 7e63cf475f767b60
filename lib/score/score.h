/*
 * score.h - how odd a record is: bounds on -log p(x), reconstruction errors, and what they mean as p-values.
 *
 * A score is a function of the model and the record alone: the posterior noise in it is drawn once, the same for
 * all records.
 */
#ifndef SCORE_SCORE_H
#define SCORE_SCORE_H

#include "base/pool.h"
#include "model/calibration.h"
#include "model/model.h"

/* All that is known of one record; nats in input units. */
struct score_parts {
    double recon, kl; /* the two parts of -ELBO */
    double elbo;      /* bound on log p(x): -(recon + kl) */
    double iw;        /* importance-weighted bound on log p(x), as many draws */
    double ess;       /* effective sample size of its weights */
    double mse;       /* mean over values of the squared error of the mean reconstruction, in model units */
    double near;      /* distance to the neighbours among the exemplars (exemplars.h), NaN where the model has none */
    double denoise;   /* distance to where the denoiser puts it (denoise.h), the same */
    double line;      /* -elbo of a line of text over the square root of how many symbols it has, NaN of what is none */
};
/* The score that `by` names: higher is odder. */
double score_by(const struct score_parts *, enum vae_by by);

struct scorer; /* buffers and fixed noise for one model */

/* What is worked out beside the score that `by` names; all else is NaN. */
enum score_also {
    SCORE_ONLY,    /* what it is made of: the latents' parts, or near, or denoise */
    SCORE_LATENTS, /* the latents' parts, too */
    SCORE_ALL,     /* all that the model has, each as if `by` named it: iw by noise of its own (noise.c) */
};
/* by VAE_BY_AUTO is the model's own; VAE_EUSAGE where the model has none such. draws 0: the model's own number. pool may be NULL. */
struct scorer *scorer_new(const struct vae_model *, enum vae_by, enum score_also, int draws, struct pool *, struct vae_err *);
void scorer_free(struct scorer *);
enum vae_by scorer_by(const struct scorer *);
int scorer_draws(const struct scorer *);
/* x[n,d] in model units -> parts[n]. Records x[rows[i]] where rows is given. */
void scorer_run(struct scorer *, const float *x, const uint64_t *rows, size_t n, struct score_parts *parts);

enum { SCORE_DRAWS = 16 };
/* The noise of that: noise[draws,k] (noise.c); mean: for means over the draws, not for importance weights. */
void score_noise(float *noise, size_t draws, size_t k, bool mean);
/* The z with P(|N(0,1)| < z) = u, by bisection. */
double score_half_normal(double u);

/*
 * Cross-conformal calibration: `folds` fits, each scoring the rows it was not shown: order[bound[f]..bound[f + 1]) of a permutation
 * of all n rows, bound[folds + 1] from 0 to n. A fold without rows is left out. fit(ctx, rows, n, test, ntest, out,
 * stride) fits a scorer to rows[n] and writes nscores kinds of scores of test[ntest] to out[kind * stride + i]; it may
 * fail. The scorer can be anything (the tests use one that memorises). Folds run on the pool's threads (NULL: one by one).
 * cal[nscores,n]: each kind ascending.
 */
typedef int conformal_fit_fn(void *ctx, const uint64_t *rows, size_t n, const uint64_t *test, size_t ntest, float *out,
                             size_t stride, struct vae_err *);
int conformal_cross(size_t n, const uint64_t *order, size_t folds, const size_t *bound, struct pool *, conformal_fit_fn *,
                    void *ctx, size_t nscores, float *cal, struct vae_err *);
void conformal_sort(float *cal, size_t n);

#endif
