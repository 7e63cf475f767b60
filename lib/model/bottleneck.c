/*
 * bottleneck.c - between the encoder and the decoder: the posterior, the prior of the objective, and their divergence.
 * All that happens to h and z happens here, so that no other file needs to know what family the latents are of.
 *
 * The prior of the upper level is N(0,1) and the divergence of it in closed form, or a prior that is trained with the
 * model, and log q - log p of the draw. A ladder has two levels: the first m->ntop rows of z, and those below, whose
 * prior the net m->down tells from them. What the encoder says of the levels, h, stands in the same order.
 *
 * Latents that are codes are the business of codes.c.
 */
#include <string.h>

#include "latent/ladder.h"
#include "model/codes.h"

static const double HALF_LOG_2PI = 0.91893853320467274178;

/* Columns of a pass at the lower level, all at its first row; k is 0 where there is one level. */
struct lower {
    size_t k;
    const float *h, *t, *eps;
    float *z;
};

static struct lower lower(const struct vae_model *m, struct model_pass *p, size_t col) {
    size_t top = m->ntop, at = top * p->ld + col, k = m->config.latent_dim - top;
    if (!k)
        return (struct lower){0};
    return (struct lower){k, model_h(p) + m->config.latent->heads * top * p->ld + col, p->down.act[m->down.n] + col,
                          p->eps + at, model_z(p) + at};
}

/* The upper level, in z -> what it tells of the one below. */
static struct lower look_down(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    struct lower b = lower(m, p, col);
    for (size_t j = 0; j < m->ntop && b.k; j++)
        memcpy(p->down.act[0] + j * p->ld + col, model_z(p) + j * p->ld + col, n * sizeof(float));
    if (b.k)
        nn_forward(&m->down, w, &p->down, col, n, NULL);
    return b;
}

struct prior_panel bottleneck_panel(const struct vae_model *m, const float *w, struct model_pass *p, size_t col,
                                    size_t n) {
    const float *param = !m->npseudo ? w + m->wprior : p->component ? p->component : m->prior_param;
    return (struct prior_panel){m->ntop, m->nprior, param, model_z(p), col, n, p->ld, p->prior};
}

/* logp[n] += log p(z) of the upper level. */
static void log_prior(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                      double *logp) {
    if (m->config.joint) {
        struct prior_panel x = bottleneck_panel(m, w, p, col, n);
        m->config.joint->joint->logp(&x, logp);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < m->ntop; j++) {
            double z = (double)model_z(p)[j * p->ld + col + i];
            sum -= 0.5 * z * z + HALF_LOG_2PI;
        }
        logp[i] += sum;
    }
}

void bottleneck_mean(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    if (codes_are(m)) {
        codes_find(m, w, p, col, n, false);
        return;
    }
    m->config.latent->mean(m->ntop, model_h(p) + col, model_z(p) + col, n, p->ld);
    struct lower b = look_down(m, w, p, col, n);
    ladder_mean(b.k, b.h, b.t, b.z, n, p->ld);
}

void bottleneck_sd(const struct vae_model *m, const float *w, struct model_pass *p, float *sd, size_t col, size_t n) {
    (void)w;
    struct lower b = lower(m, p, col);
    m->config.latent->sd(m->ntop, model_h(p) + col, sd + col, n, p->ld);
    ladder_sd(b.k, b.h, b.t, b.k ? sd + m->ntop * p->ld + col : NULL, n, p->ld);
}

void bottleneck_draw(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    if (codes_are(m)) {
        codes_find(m, w, p, col, n, true);
        return;
    }
    m->config.latent->sample(m->ntop, model_h(p) + col, p->eps + col, model_z(p) + col, n, p->ld);
    struct lower b = look_down(m, w, p, col, n);
    ladder_sample(b.k, b.h, b.t, b.eps, b.z, n, p->ld);
}

void bottleneck_descend(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    struct lower b = look_down(m, w, p, col, n);
    ladder_descend(b.k, b.t, b.z, n, p->ld);
}

void bottleneck_kl(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                   double *by_latent) {
    if (codes_are(m)) {
        codes_kl(m, w, p, col, n, by_latent);
        return;
    }
    const struct latent *q = m->config.latent;
    struct lower b = lower(m, p, col);
    double *kl = p->kl + col;
    memset(kl, 0, n * sizeof *kl);
    if (!m->config.joint || by_latent)
        q->kl(m->ntop, model_h(p) + col, kl, by_latent, n, p->ld);
    if (m->config.joint) {
        memset(kl, 0, n * sizeof *kl);
        log_prior(m, w, p, col, n, kl);
        for (size_t i = 0; i < n; i++)
            kl[i] = -kl[i];
        q->logq(m->ntop, model_h(p) + col, p->eps + col, kl, n, p->ld);
        for (size_t i = 0; i < n; i++)
            p->part[col + i] = (float)kl[i];
    }
    ladder_kl(b.k, b.h, b.t, p->kl + col, by_latent ? by_latent + m->ntop : NULL, n, p->ld);
}

void bottleneck_ratio(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                      double *ratio) {
    if (codes_are(m)) {
        codes_ratio(m, w, p, col, n, ratio);
        return;
    }
    struct lower b = lower(m, p, col);
    memset(ratio, 0, n * sizeof *ratio);
    m->config.latent->logq(m->ntop, model_h(p) + col, p->eps + col, ratio, n, p->ld);
    for (size_t i = 0; i < n; i++)
        ratio[i] = -ratio[i];
    log_prior(m, w, p, col, n, ratio);
    ladder_ratio(b.k, b.h, b.t, b.eps, b.z, ratio, n, p->ld);
}

/* The gradients of the lower level; that of the upper one's z gets what comes back through the net between. */
static void backward_below(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                           const struct model_objective *obj, float *dz, float *dh) {
    struct lower b = lower(m, p, col);
    size_t top = m->ntop, ld = p->ld;
    if (!b.k)
        return;
    ladder_backward(b.k, b.h, b.t, b.eps, dz + top * ld, obj->scale, obj->beta, obj->free_nats,
                    dh + m->config.latent->heads * top * ld, p->down.grad[m->down.n] + col, n, ld);
    nn_backward(&m->down, w, &p->down, col, n, true, NULL);
    for (size_t j = 0; j < top; j++)
        for (size_t i = 0; i < n; i++)
            dz[j * ld + i] += p->down.grad[0][j * ld + col + i];
}

/* The gradients of scale * beta * max(log q - log p, free nats of all latents) of the upper level. */
static void backward_joint(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                           const struct model_objective *obj, float *dz, float *dh) {
    struct prior_panel x = bottleneck_panel(m, w, p, col, n);
    float *pull = p->part + col, force = obj->scale * obj->beta, free = obj->free_nats * (float)m->ntop;
    for (size_t i = 0; i < n; i++)
        pull[i] = free > 0 && pull[i] < free ? 0 : -force;
    m->config.joint->joint->backward(&x, pull, dz - col);
    for (size_t i = 0; i < n; i++)
        pull[i] = -pull[i];
    m->config.latent->backward_logq(m->ntop, model_h(p) + col, p->eps + col, dz, pull, dh, n, p->ld);
}

void bottleneck_slope(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                      const float *weight) {
    (void)w;
    size_t k = m->config.latent_dim;
    m->config.latent->slope(k, model_h(p) + col, p->eps + col, weight, p->dec.grad[0] + col, n, p->ld);
    for (size_t j = 0; j < k; j++)
        for (size_t i = 0; i < n; i++)
            p->dec.grad[0][j * p->ld + col + i] += weight[i] * model_z(p)[j * p->ld + col + i];
}

void bottleneck_train(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                      const struct model_objective *obj, const struct nn_noise *noise) {
    if (codes_are(m)) {
        codes_train(m, w, p, col, n, obj, noise);
        return;
    }
    bottleneck_draw(m, w, p, col, n);
    bottleneck_kl(m, w, p, col, n, NULL);
}

void bottleneck_backward(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                         const struct model_objective *obj, const struct nn_noise *noise) {
    if (codes_are(m)) {
        codes_backward(m, w, p, col, n, obj, noise);
        return;
    }
    float *dz = p->dec.grad[0] + col, *dh = p->enc.grad[p->enc.n] + col;
    backward_below(m, w, p, col, n, obj, dz, dh);
    if (m->config.joint)
        backward_joint(m, w, p, col, n, obj, dz, dh);
    else
        m->config.latent->backward(m->ntop, model_h(p) + col, p->eps + col, dz, obj->scale, obj->beta, obj->free_nats,
                                   dh, n, p->ld);
}

size_t bottleneck_grad_tasks(const struct vae_model *m) {
    size_t prior = !m->config.joint ? 0 : m->npseudo ? 1 : m->config.joint->joint->ntasks(m->ntop, m->nprior);
    return nn_grad_tasks(&m->down) + nn_grad_tasks(&m->chances) + prior;
}

void bottleneck_grad(const struct vae_model *m, const float *w, struct model_pass *p, size_t task, size_t n,
                     float *dw) {
    size_t down = nn_grad_tasks(&m->down);
    if (m->chances.n) { /* of codes, which have nothing else */
        nn_grad(&m->chances, &p->chances, task, n, dw);
        return;
    }
    struct prior_panel x = bottleneck_panel(m, w, p, 0, n);
    if (task < down)
        nn_grad(&m->down, &p->down, task, n, dw);
    else if (m->npseudo)
        pseudo_grad(m, p, dw);
    else
        m->config.joint->joint->grad(&x, task - down, dw + m->wprior);
}
