/*
 * benign.h - records that are known to be no trouble, and whether another is like one of them.
 *
 * Like a known record b is one that could be b again but for the noise that the model sees in every record. A number of it may be
 * off by
 *
 *     z sqrt(2) sd,     z: |N(0,1)| < z with probability .99^(1/numbers)
 *
 * sd being that of p(x|z) for this value at the latents of b: were both draws from there, all numbers would be so near 99 times in
 * 100 (two normal draws differ by sqrt(2) sd; Sidak 1967). Levels, conditions and what is missing must be the same; the day of
 * a time may be any, its second counts as a number. sd is sqrt(pi/2) times the mean absolute deviation of draws, which a heavy tail
 * does not blow up.
 */
#ifndef SCORE_BENIGN_H
#define SCORE_BENIGN_H

#include "model/model.h"

struct benign;
/* Reads all of `in`. Bad rows are left out and counted in *bad, or with bad NULL end it. NULL and err. */
struct benign *benign_new(const struct vae_model *, struct vae_in *in, uint64_t *bad, struct vae_err *);
void benign_free(struct benign *);
/* Is the record raw[d], in input units, like one of them? */
bool benign_like(const struct benign *, const double *raw);

#endif
