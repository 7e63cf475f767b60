/*
 * bottleneck.c - between the encoder and the decoder: the posterior, the prior of the objective, and their divergence.
 * All that happens to h and z happens here, so that no other file needs to know what family the latents are of.
 */
#include <string.h>

#include "model/model.h"

static const double HALF_LOG_2PI = 0.91893853320467274178;

void bottleneck_mean(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    (void)w;
    m->config.latent->mean(m->config.latent_dim, model_h(p) + col, model_z(p) + col, n, p->ld);
}

void bottleneck_sd(const struct vae_model *m, const float *w, struct model_pass *p, float *sd, size_t col, size_t n) {
    (void)w;
    m->config.latent->sd(m->config.latent_dim, model_h(p) + col, sd + col, n, p->ld);
}

void bottleneck_draw(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    (void)w;
    m->config.latent->sample(m->config.latent_dim, model_h(p) + col, p->eps + col, model_z(p) + col, n, p->ld);
}

void bottleneck_kl(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                   double *by_latent) {
    (void)w;
    memset(p->kl + col, 0, n * sizeof *p->kl);
    m->config.latent->kl(m->config.latent_dim, model_h(p) + col, p->kl + col, by_latent, n, p->ld);
}

void bottleneck_ratio(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                      double *ratio) {
    (void)w;
    size_t k = m->config.latent_dim;
    memset(ratio, 0, n * sizeof *ratio);
    m->config.latent->logq(k, model_h(p) + col, p->eps + col, ratio, n, p->ld);
    for (size_t i = 0; i < n; i++) {
        double logp = 0;
        for (size_t j = 0; j < k; j++) {
            double z = (double)model_z(p)[j * p->ld + col + i];
            logp -= 0.5 * z * z + HALF_LOG_2PI;
        }
        ratio[i] = logp - ratio[i];
    }
}

void bottleneck_backward(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                         const struct model_objective *obj) {
    (void)w;
    m->config.latent->backward(m->config.latent_dim, model_h(p) + col, p->eps + col, p->dec.grad[0] + col, obj->scale,
                               obj->beta, obj->free_nats, p->enc.grad[p->enc.n] + col, n, p->ld);
}
