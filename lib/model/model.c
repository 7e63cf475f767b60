/* model.c - building a model from its configuration, and its buffers. */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"

/* One block a column; they share the likelihood the configuration names. */
static int add_blocks(struct vae_model *m, struct vae_err *err) {
    const struct schema *s = m->schema;
    const struct lik *lik = m->config.lik;
    m->block = mem_array(s->ncols, sizeof *m->block);
    if (!m->block)
        return err_set(err, VAE_EOS, "out of memory");
    size_t o = 0, w = m->wlik;
    bool after_image = false;
    for (size_t c = 0; c < s->ncols; c++) {
        struct lik_block *b = m->nblocks ? &m->block[m->nblocks - 1] : NULL;
        bool image = s->col[c].width > 1, tied = image || m->config.shared_sd;
        if (!b || image || after_image) { /* columns of one value share a block */
            b = &m->block[m->nblocks++];
            *b = (struct lik_block){.lik = lik, .x0 = s->col[c].v0, .o0 = o, .w0 = w, .tied = tied};
        }
        size_t nw = lik->params * (tied ? b->nx == 0 : 1);
        b->nx += s->col[c].width;
        o += s->col[c].width * lik->outputs;
        b->nw += nw;
        w += nw;
        after_image = image;
    }
    m->nw = w;
    return 0;
}

static int add_nets(struct vae_model *m, struct vae_err *err) {
    const struct model_config *c = &m->config;
    size_t d = m->schema->d, back[MODEL_MAX_HIDDEN];
    for (size_t i = 0; i < c->nhidden; i++)
        back[i] = c->hidden[c->nhidden - 1 - i];
    struct nn_mlp enc = {d, c->latent_dim * c->latent->heads, c->nhidden, c->hidden, c->act, c->residual, c->dropout};
    struct nn_mlp dec = {c->latent_dim, d * c->lik->outputs, c->nhidden, back, c->act, c->residual, c->dropout};
    int r = nn_mlp(&m->enc, &enc, err);
    if (!r)
        r = nn_mlp(&m->dec, &dec, err);
    m->wlik = nn_place(&m->dec, nn_place(&m->enc, 0));
    return r;
}

struct vae_model *model_new(const struct model_config *config, struct schema *s, struct vae_err *err) {
    struct vae_model *m = mem_array(1, sizeof *m);
    if (!m) {
        schema_free(s);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    m->config = *config;
    m->schema = s;
    m->prior = &prior_normal;
    m->cal = (struct model_calibration){.alpha = 0.001, .method = "none", .by = VAE_BY_ELBO};
    if (!add_nets(m, err) && !add_blocks(m, err)) {
        m->w = mem_floats(m->nw);
        m->lik_mean = mem_array(3 * s->d, sizeof *m->lik_mean);
        m->training = json_object();
        if (m->w && m->lik_mean && m->training) {
            m->lik_sd = m->lik_mean + s->d;
            m->lik_floor = m->lik_sd + s->d;
            return m;
        }
        err_set(err, VAE_EOS, "out of memory for a model of %zu weights", m->nw);
    }
    vae_model_free(m);
    return NULL;
}

void vae_model_free(struct vae_model *m) {
    if (!m)
        return;
    schema_free(m->schema);
    nn_net_free(&m->enc);
    nn_net_free(&m->dec);
    free(m->block);
    free(m->w);
    free(m->lik_mean);
    free(m->use);
    free(m->prior_param);
    free(m->cal.score);
    json_decref(m->training);
    free(m->path);
    free(m);
}

void model_marginals(struct vae_model *m) {
    const struct schema *s = m->schema;
    for (size_t j = 0; j < s->d; j++) {
        m->lik_mean[j] = (s->stats.mean[j] - s->center[j]) / s->scale[j];
        m->lik_sd[j] = s->stats.sd[j] / s->scale[j];
        /* sqrt(1/12) of a step is the sd of rounding to it; a constant was at least written with some step */
        double step = s->stats.step[j] > 0 ? s->stats.step[j] : s->scale[j];
        m->lik_floor[j] = step / s->scale[j] * 0.28867513459481288;
    }
    m->log_jacobian = 0;
    for (size_t b = 0; b < m->nblocks; b++)
        if (!m->block[b].lik->mass)
            m->log_jacobian += schema_log_jacobian(s, m->block[b].x0, m->block[b].nx);
}

struct lik_marginals model_block_marginals(const struct vae_model *m, const struct lik_block *b) {
    return (struct lik_marginals){m->lik_mean + b->x0, m->lik_sd + b->x0, m->lik_floor + b->x0};
}

void model_start(struct vae_model *m, uint64_t seed) {
    nn_init(&m->enc, m->w, seed, 0);
    nn_init(&m->dec, m->w, seed, 1000);
    const struct nn_node *last = &m->dec.node[m->dec.n - 1];
    float *bias = m->w + last->w0 + last->in * last->out;
    for (size_t i = 0; i < m->nblocks; i++) {
        struct lik_marginals marg = model_block_marginals(m, &m->block[i]);
        m->block[i].lik->start(&m->block[i], &marg, bias + m->block[i].o0, m->w + m->block[i].w0);
    }
}

void model_project(struct vae_model *m, float *w) {
    for (size_t i = 0; i < m->nblocks; i++)
        if (m->block[i].lik->project) {
            struct lik_marginals marg = model_block_marginals(m, &m->block[i]);
            m->block[i].lik->project(&m->block[i], &marg, w + m->block[i].w0);
        }
}

int model_pass_init(struct model_pass *p, const struct vae_model *m, size_t ld, bool gradients, struct vae_err *err) {
    size_t k = m->config.latent_dim, d = m->schema->d, floats;
    *p = (struct model_pass){.ld = ld};
    int r = nn_work_init(&p->enc, &m->enc, ld, gradients, err);
    if (!r)
        r = nn_work_init(&p->dec, &m->dec, ld, gradients, err);
    if (!r) {
        /* two doubles a record behind the floats */
        p->mem = mem_mul(d + k + 4, ld, &floats) ? mem_floats(floats) : NULL;
        if (!p->mem)
            r = err_set(err, VAE_EOS, "out of memory for %zu records", ld);
    }
    if (r) {
        model_pass_free(p);
        return r;
    }
    p->nll = p->mem;
    p->kl = p->nll + ld;
    p->x = (float *)(p->kl + ld);
    p->eps = p->x + d * ld;
    return 0;
}

void model_pass_free(struct model_pass *p) {
    nn_work_free(&p->enc);
    nn_work_free(&p->dec);
    free(p->mem);
    *p = (struct model_pass){0};
}

float *model_h(struct model_pass *p) { return p->enc.act[p->enc.n]; }
float *model_z(struct model_pass *p) { return p->dec.act[0]; }
float *model_o(struct model_pass *p) { return p->dec.act[p->dec.n]; }
