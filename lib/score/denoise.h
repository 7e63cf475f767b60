/*
 * denoise.h - how far a record is from where a denoiser puts it: a net that is given a record with noise of standard deviation sigma
 * and says what the record was (Vincent et al. 2008), for all sigmas (2508.00758 has it for tables).
 *
 *   score = sqrt( sum over levels sigma of  E |D(v + sigma e, sigma) - v|^2 )
 *
 * v are the coordinates of gower.h, numbers in ranges less their mean, levels one-hot by 1/sqrt 2 (two are 1 apart), all divided by
 * their root mean square, so that sigma has a meaning. The expectation is over fixed pairs e, -e, the same for all records. With
 * D = c v' + s F(v' / sqrt(1 + sigma^2), sigma), v' the noisy record, c = 1 / (1 + sigma^2), s = sigma / sqrt(1 + sigma^2), the net F
 * has inputs and targets of one size at all levels (Karras et al. 2022, 2206.00364).
 */
#ifndef SCORE_DENOISE_H
#define SCORE_DENOISE_H

#include "base/pool.h"
#include "model/model.h"

enum { DENOISE_STEPS = 6000 }; /* fewer find less: rows between those of the training look as good as these */
/* Trains m->denoiser on rows x[n,d] in model units; none where there are fewer than ten. */
int denoise_learn(struct vae_model *m, const float *x, size_t n, size_t steps, uint64_t seed, struct pool *, struct vae_err *);

struct denoise;
struct denoise *denoise_new(const struct vae_model *, size_t workers, struct vae_err *);
void denoise_free(struct denoise *);
/* score[n] of at most MAT_PANEL records x[rows ? rows[i] : i] of x[.,d], in the room of a worker. */
void denoise_score(struct denoise *, size_t worker, const float *x, const uint64_t *rows, size_t n, double *score);

#endif
