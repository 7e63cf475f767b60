/*
 * exemplars.h - how far a record is from its neighbours among training rows that the model keeps.
 *
 *   clean rows       d / sqrt(s + S/10), d the mean of Gower's distances to the NEAREST exemplars, s the mean of what that is for
 *                    these, each among the others, and S its mean over all exemplars: half way, on a log scale, from the distance
 *                    to the neighbours (Ramaswamy et al. 2000) to how much larger it is than theirs (the local outlier factor of
 *                    Breunig et al. 2000)
 *   contaminated     the mean distance to the nearest fifth: odd rows that stand together are fewer than that
 */
#ifndef SCORE_EXEMPLARS_H
#define SCORE_EXEMPLARS_H

#include "base/pool.h"
#include "model/model.h"

enum { EXEMPLARS_MAX = 4096, EXEMPLARS_VALUES = 1 << 20, EXEMPLARS_NEAREST = 5 };

/* What is known of the rows they are chosen from. */
enum exemplars_of {
    EXEMPLARS_CLEAN,
    EXEMPLARS_CONTAMINATED, /* odd ones may be among them: ranges are those of the middle */
    EXEMPLARS_TRIMMED,      /* the oddest were left out, others may have stayed */
};
/* Chooses some of the rows x[n,d] in model units, none of them twice; none where there are fewer than two. */
int exemplars_learn(struct model_exemplars *, const struct schema *, const float *x, size_t n, enum exemplars_of, uint64_t seed,
                    struct pool *, struct vae_err *);

struct exemplars;
struct exemplars *exemplars_new(const struct model_exemplars *, const struct schema *, size_t workers, struct vae_err *);
void exemplars_free(struct exemplars *);
/* score[n] of at most GOWER_QUERIES records x[rows ? rows[i] : i] of x[.,d], in the room of a worker. */
void exemplars_score(struct exemplars *, size_t worker, const float *x, const uint64_t *rows, size_t n, double *score);
/* score[n] of the rows x[n,d] that they were chosen from, each as if it had not been one of them: it is no neighbour, of a neighbour
 * neither, and with clean rows the ranges are without it. (What two neighbours lie apart stays in the ranges with it: that errs to
 * the side of larger p.) */
int exemplars_left_out(const struct model_exemplars *, const struct schema *, const float *x, size_t n, struct pool *, double *score,
                       struct vae_err *);

#endif
