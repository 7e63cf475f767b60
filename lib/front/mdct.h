/*
 * mdct.h - the modified discrete cosine transform: 2n samples give n coefficients, and frames that overlap by half give the samples back.
 *
 *   X[k] = sqrt(2/n) sum_i w[i] x[i] cos(pi/n (i + 1/2 + n/2)(k + 1/2)),  w[i] = sin(pi/2n (i + 1/2)),  i < 2n, k < n
 *
 * Coefficient k is of the frequencies from k to k + 1 times rate / 2n. The transform is orthonormal: the aliases of one frame are those
 * of the next with the other sign, and cancel where the two are added (Princen & Bradley 1986).
 */
#ifndef FRONT_MDCT_H
#define FRONT_MDCT_H

#include "vae.h"

struct mdct;
struct mdct *mdct_new(size_t n, struct vae_err *); /* n even */
void mdct_free(struct mdct *);
void mdct_analyse(struct mdct *, const float *x, float *X);  /* x[2n] -> X[n] */
/* X[n] -> y[2n], windowed: y[n..] of one frame plus y[..n] of the next are the samples between. */
void mdct_synthesise(struct mdct *, const float *X, float *y);

#endif
