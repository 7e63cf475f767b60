/*
 * latent.h - posterior families q(z given x): what the outputs of the encoder mean. A row of a table each.
 *
 * Panels are feature-major: h[k * heads, n] encoder outputs, eps[k, n] standard normals, z[k, n] latents.
 */
#ifndef LATENT_LATENT_H
#define LATENT_LATENT_H

#include <stddef.h>

struct latent {
    const char *name, *about;
    const struct latent_codes *codes; /* latents are codes (codes.h), and what follows is not for them; NULL: they are numbers */
    size_t heads; /* encoder outputs a latent */
    size_t levels; /* 2: the functions here are for the upper level (z, h and eps begin with it), ladder.h has the lower one */

    void (*mean)(size_t k, const float *h, float *z, size_t n, size_t ld);
    void (*sd)(size_t k, const float *h, float *sd, size_t n, size_t ld);
    /* A draw, differentiable in h. */
    void (*sample)(size_t k, const float *h, const float *eps, float *z, size_t n, size_t ld);
    /* KL(q(z|x) || N(0,1)): kl[i] += its sum over latents; by_latent[j] += its sum over records (may be NULL). */
    void (*kl)(size_t k, const float *h, double *kl, double *by_latent, size_t n, size_t ld);
    /* logq[i] += log q(z_i | x_i) for the draw that eps gave. */
    void (*logq)(size_t k, const float *h, const float *eps, double *logq, size_t n, size_t ld);
    /* dz[.,i] += weight[i] * d log q(z_i | x_i)/dz for that draw, h held: what is left of its gradient when z is all that
     * it is followed through. NULL for families that cannot tell. */
    void (*slope)(size_t k, const float *h, const float *eps, const float *weight, float *dz, size_t n, size_t ld);
    /* dh += what the gradient is with respect to h, given that with respect to mean and log variance of z: of families that
     * are independent normals. NULL for others. */
    void (*moments)(size_t k, const float *h, const float *dmean, const float *dlogvar, float *dh, size_t n, size_t ld);
    /* dh = d/dh of (what lies behind z, whose gradient is dz) + scale * beta * sum_j max(KL_j, free): latents
     * whose KL is below `free` nats feel no pull to the prior. */
    void (*backward)(size_t k, const float *h, const float *eps, const float *dz, float scale, float beta, float free,
                     float *dh, size_t n, size_t ld);
    /* dh = d/dh of (what lies behind z) + sum_i weight[i] log q(z_i | x_i) of the draw: for priors that have no closed form. */
    void (*backward_logq)(size_t k, const float *h, const float *eps, const float *dz, const float *weight, float *dh, size_t n,
                          size_t ld);
};

/* Log variances that an encoder tells are held in this range, so that no exp overflows: v[m], and e[m] = exp(v * factor). */
#define LATENT_LOGVAR_MIN (-14.0f)
#define LATENT_LOGVAR_MAX 6.0f
static inline float latent_hold(float h) {
    return h < LATENT_LOGVAR_MIN ? LATENT_LOGVAR_MIN : h > LATENT_LOGVAR_MAX ? LATENT_LOGVAR_MAX : h;
}
void latent_logvar(const float *h, size_t m, float factor, float *v, float *e);
/* The gradient dv of the held one -> that of h: outside the range only one that leads back in counts. */
static inline float latent_logvar_back(float h, float dv) {
    return (h < LATENT_LOGVAR_MIN && dv > 0) || (h > LATENT_LOGVAR_MAX && dv < 0) ? 0 : dv;
}

extern const struct latent latent_gauss, latent_ladder, latent_fsq, latent_vq, latent_gumbel;
extern const struct latent *const latent_table[]; /* ends with NULL */
const struct latent *latent_by_name(const char *);

#endif
