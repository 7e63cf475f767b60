/*
 * mel.h - the level of sound in bands that are equally wide on the mel scale, m = 2595 log10(1 + f / 700 Hz) (O'Shaughnessy 1987).
 *
 * Band b is a triangle of height 1 over the power spectrum of n samples under a Hann window, from the centre of the band below to that
 * of the one above (at least a bin of the spectrum to each side); its level is 10 log10 of what it sums to, in dB, where a sine of full
 * scale in one bin is 0 dB. Silence is MEL_FLOOR.
 */
#ifndef FRONT_MEL_H
#define FRONT_MEL_H

#include "vae.h"

#define MEL_FLOOR (-100.0F) /* dB */

struct mel;
struct mel *mel_new(size_t n, size_t bands, double rate, struct vae_err *); /* n even; rate in Hz */
void mel_free(struct mel *);
void mel_levels(struct mel *, const float *x, float *db); /* x[n] -> db[bands] */

#endif
