/*
 * ladder.h - the lower level of two (Sonderby et al. 2016, 1602.02282). The upper level is latents of a family of its
 * own; given them a net tells a normal prior for each latent below, and the posterior of one below is what that prior
 * and the encoder say together, each weighed by its precision:
 *
 *   p(z1|z2) = N(m_p, v_p)    q(z1|x,z2) = N((m_e/v_e + m_p/v_p) v, v), 1/v = 1/v_e + 1/v_p
 *
 * Panels are feature-major: h[2k,n] means and log variances by the encoder, t[2k,n] those of the prior, eps[k,n],
 * z[k,n].
 */
#ifndef LATENT_LADDER_H
#define LATENT_LADDER_H

#include <stddef.h>

/* How many of k latents are above: a quarter. */
static inline size_t ladder_top(size_t k) { return k / 4 ? k / 4 : 1; }

void ladder_mean(size_t k, const float *h, const float *t, float *z, size_t n, size_t ld);
void ladder_sd(size_t k, const float *h, const float *t, float *sd, size_t n, size_t ld);
/* A draw, differentiable in h and t. */
void ladder_sample(size_t k, const float *h, const float *t, const float *eps, float *z, size_t n, size_t ld);
/* A draw from p(z1|z2): z holds noise, and then the draw. */
void ladder_descend(size_t k, const float *t, float *z, size_t n, size_t ld);
/* KL(q(z1|x,z2) || p(z1|z2)): kl[i] += its sum over latents; by_latent[j] += its sum over records (may be NULL). */
void ladder_kl(size_t k, const float *h, const float *t, double *kl, double *by_latent, size_t n, size_t ld);
/* ratio[i] += log p(z1|z2) - log q(z1|x,z2) of the draw that eps gave. */
void ladder_ratio(size_t k, const float *h, const float *t, const float *eps, const float *z, double *ratio, size_t n,
                  size_t ld);
/* dh, dt = d/dh, d/dt of (what lies behind z, whose gradient is dz) + scale * beta * sum_j max(KL_j, free). */
void ladder_backward(size_t k, const float *h, const float *t, const float *eps, const float *dz, float scale,
                     float beta, float free, float *dh, float *dt, size_t n, size_t ld);

#endif
