/*
 * pseudo.c - a prior of encoded pseudo-inputs (prior/vamp.c). They are weights [nfeature,C] in the space of the
 * encoder's inputs. In training they pass through the encoder in columns of their own behind the records of a batch, so
 * that one product has the encoder's weight gradients of both; afterwards what the encoder makes of them, the
 * parameters of the prior, is all that counts.
 */
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/rng.h"
#include "model/model.h"

struct batch {
    const struct vae_model *m;
    const float *w;
    struct model_pass *p;
};

static size_t shard(const struct batch *b, size_t task) {
    size_t left = b->m->npseudo - task * MAT_SHARD;
    return left < MAT_SHARD ? left : MAT_SHARD;
}

static size_t shards(const struct vae_model *m) { return (m->npseudo + MAT_SHARD - 1) / MAT_SHARD; }

/* Pseudo-inputs c..c+n-1 in columns col.. -> components. */
static void encode(const struct vae_model *m, const float *w, struct model_pass *p, size_t c, size_t col, size_t n,
                   float *component) {
    size_t k = m->ntop;
    for (size_t f = 0; f < m->nfeature; f++)
        memcpy(p->enc.act[0] + f * p->ld + col, w + m->wprior + f * m->npseudo + c, n * sizeof *w);
    nn_forward(&m->enc, w, &p->enc, col, n, NULL);
    mat_transpose(2 * k, n, model_h(p) + col, p->ld, component + c * 2 * k, 2 * k);
    for (size_t i = c; i < c + n; i++)
        for (size_t j = i * 2 * k + k; j < (i + 1) * 2 * k; j++)
            component[j] = latent_hold(component[j]);
}

static void forward_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct batch *b = ctx;
    encode(b->m, b->w, b->p, task * MAT_SHARD, b->p->pseudo + task * MAT_SHARD, shard(b, task), b->p->component);
}

void pseudo_forward(const struct vae_model *m, const float *w, struct model_pass *p, size_t n, struct pool *pool) {
    p->pseudo = n;
    pool_run(pool, shards(m), forward_task, &(struct batch){m, w, p});
}

static void grad_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct batch *b = ctx;
    struct prior_panel x = bottleneck_panel(b->m, b->w, b->p, 0, b->p->pseudo);
    b->m->config.joint->joint->grad(&x, task, b->p->dcomponent);
}

static void backward_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct batch *b = ctx;
    struct model_pass *p = b->p;
    size_t k = b->m->ntop, c = task * MAT_SHARD, col = p->pseudo + c, n = shard(b, task), ld = p->ld;
    float *dh = p->enc.grad[p->enc.n] + col;
    mat_transpose(n, 2 * k, p->dcomponent + c * 2 * k, 2 * k, dh, ld);
    for (size_t j = k; j < 2 * k; j++)
        for (size_t i = 0; i < n; i++)
            dh[j * ld + i] = latent_logvar_back(model_h(p)[j * ld + col + i], dh[j * ld + i]);
    for (size_t j = 2 * k; j < nn_out(&b->m->enc); j++)
        memset(dh + j * ld, 0, n * sizeof *dh);
    nn_backward(&b->m->enc, b->w, &p->enc, col, n, true, NULL);
}

void pseudo_backward(const struct vae_model *m, const float *w, struct model_pass *p, struct pool *pool) {
    const struct prior_joint *prior = m->config.joint ? m->config.joint->joint : NULL;
    struct batch b = {m, w, p};
    if (!m->npseudo)
        return;
    pool_run(pool, prior->ntasks(m->ntop, m->nprior), grad_task, &b);
    pool_run(pool, shards(m), backward_task, &b);
}

void pseudo_grad(const struct vae_model *m, const struct model_pass *p, float *dw) {
    for (size_t f = 0; f < m->nfeature; f++)
        memcpy(dw + m->wprior + f * m->npseudo, p->enc.grad[0] + f * p->ld + p->pseudo, m->npseudo * sizeof *dw);
}

int pseudo_settle(struct vae_model *m, struct vae_err *err) {
    struct model_pass p;
    int r = m->npseudo ? model_pass_init(&p, m, MAT_PANEL, false, err) : 0;
    if (r || !m->npseudo)
        return r;
    for (size_t c = 0; c < m->npseudo; c += MAT_PANEL)
        encode(m, m->w, &p, c, 0, m->npseudo - c < MAT_PANEL ? m->npseudo - c : MAT_PANEL, m->prior_param);
    model_pass_free(&p);
    return 0;
}

int pseudo_start(struct vae_model *m, const float *x, size_t n, uint64_t seed, struct vae_err *err) {
    struct model_pass p;
    int r = m->npseudo ? model_pass_init(&p, m, MAT_PANEL, false, err) : 0;
    for (size_t c = 0; c < m->npseudo && !r; c += MAT_PANEL) {
        uint64_t rows[MAT_PANEL];
        size_t here = m->npseudo - c < MAT_PANEL ? m->npseudo - c : MAT_PANEL;
        for (size_t i = 0; i < here; i++)
            rows[i] = rng_permute((c + i) % n, n, seed, RNG_INIT, 7000);
        model_load_rows(m, &p, 0, here, x, rows);
        for (size_t f = 0; f < m->nfeature; f++)
            memcpy(m->w + m->wprior + f * m->npseudo + c, p.enc.act[0] + f * p.ld, here * sizeof *m->w);
    }
    if (!r && m->npseudo)
        model_pass_free(&p);
    return r;
}
