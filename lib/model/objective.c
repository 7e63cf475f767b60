/*
 * objective.c - the evidence lower bound (Kingma & Welling 2014) of a panel of records, and its gradient; the table of
 * objectives.
 *
 *   -ELBO = E_q[-log p(x|z)] + KL(q(z|x) || p(z))
 *
 * with one draw of z for a gradient, the KL in closed form.
 */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/vmath.h"
#include "model/objective.h"

static void gather(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const float *x,
                   const uint64_t *rows) {
    size_t d = m->schema->d;
    for (size_t at = 0; at < n; at += MAT_PANEL) {
        size_t k = n - at < MAT_PANEL ? n - at : MAT_PANEL;
        for (size_t j0 = 0; j0 < d; j0 += MAT_PANEL) /* in squares, so that what is read stays in the cache */
            for (size_t i = 0; i < k; i++) {
                const float *row = x + (rows ? rows[at + i] : at + i) * d;
                float *to = p->x + col + at + i;
                for (size_t j = j0; j < d && j < j0 + MAT_PANEL; j++)
                    to[j * p->ld] = row[j];
            }
    }
}

void model_load_rows(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const float *x,
                     const uint64_t *rows) {
    gather(m, p, col, n, x, rows);
    model_look(m, p, col, n);
}

void model_load_masked(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const float *x,
                       const uint64_t *rows, uint64_t seed, uint64_t step) {
    gather(m, p, col, n, x, rows);
    condition_drop(m, p, col, n, seed, step, rows);
    if (!m->config.masks) {
        model_look(m, p, col, n);
        lines_drop(m, p, col, n, seed, step, rows);
        return;
    }
    chain_mask(m, p, col, n, seed, step, rows);
    model_features(m, p->x, p->enc.act[0], col, n, p->ld);
    condition_look(m, p, col, n);
    raster_look(m, p, col, n);
}

void model_look(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    model_features(m, p->x, p->enc.act[0], col, n, p->ld);
    condition_look(m, p, col, n);
    lines_look(m, p, col, n);
    raster_look(m, p, col, n);
    if (m->config.chain) { /* unless said otherwise, latents alone explain all */
        chain_see_none(m, p, col, n);
        chain_z_off(m, p, col, n, false);
        for (size_t j = 0; j < m->schema->d; j++)
            memcpy(p->target + j * p->ld + col, p->x + j * p->ld + col, n * sizeof *p->x);
    }
}

VM_WIDE static bool any_missing(const float *x, size_t n) {
    int missing = 0;
    for (size_t i = 0; i < n; i++)
        missing |= x[i] != x[i];
    return missing;
}

/* nll[col..] = -log p(target | o); with d, panels of the outputs' gradient times scale, guides included. */
static void reconstruction(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                           float *d, float scale) {
    size_t ld = p->ld;
    for (size_t i = col; i < col + n; i++)
        p->nll[i] = m->log_jacobian;
    for (size_t i = 0; i < m->nblocks; i++) {
        const struct lik_block *b = &m->block[i];
        for (size_t j = b->x0; j < b->x0 + b->nx && !b->cells && !b->lik->mass; j++)
            if (any_missing(p->target + j * ld + col, n)) /* no density, no Jacobian */
                for (size_t at = col; at < col + n; at++)
                    p->nll[at] -= isnan(p->target[j * ld + at]) ? log(m->schema->scale[j]) : 0;
        b->lik->nll(b, p->target + b->x0 * ld + col, model_o(p) + b->o0 * ld + col, w + b->w0, p->nll + col,
                    d ? d + b->o0 * ld + col : NULL, scale, n, ld);
        if (d && b->lik->guide)
            b->lik->guide(b, p->target + b->x0 * ld + col, model_o(p) + b->o0 * ld + col, NULL, d + b->o0 * ld + col, scale,
                          n, ld);
    }
    lines_beyond(m, p, col, n);
}

void model_nll(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    reconstruction(m, w, p, col, n, NULL, 0);
}

void model_nll_gradient(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n, float scale) {
    reconstruction(m, w, p, col, n, p->dec.grad[p->dec.n], scale);
}

void model_bound(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                 const uint64_t *rows) {
    nn_forward(&m->enc, w, &p->enc, col, n, NULL);
    bottleneck_draw(m, w, p, col, n);
    bottleneck_kl(m, w, p, col, n, NULL);
    if (m->config.chain) {
        chain_nll_once(m, w, p, col, n, rows);
    } else {
        model_decode(m, w, p, col, n);
        model_nll(m, w, p, col, n);
    }
}

void elbo_bound(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                const struct model_objective *obj, const uint64_t *rows) {
    (void)obj;
    model_bound(m, w, p, col, n, rows);
}

static const struct objective *kind_of(const struct model_objective *obj) {
    return obj->kind ? obj->kind : &objective_elbo;
}

void elbo_decode(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                 const struct model_objective *obj, const struct nn_noise *noise) {
    const struct objective *kind = kind_of(obj);
    chain_look(m, p, col, n);
    nn_forward(&m->dec, w, &p->dec, col, n, noise);
    model_nll_gradient(m, w, p, col, n, obj->scale);
    nn_backward(&m->dec, w, &p->dec, col, n, true, noise);
    chain_z_gradient(m, p, col, n);
    if (kind->pull)
        kind->pull(m, p, col, n, obj);
    bottleneck_backward(m, w, p, col, n, obj, noise);
    if (kind->push)
        kind->push(m, p, col, n);
    nn_backward(&m->enc, w, &p->enc, col, n, false, noise);
}

const struct objective objective_elbo = {
    .name = "elbo", .about = "the evidence lower bound", .decode = elbo_decode, .bound = elbo_bound,
};

const struct objective *const objective_table[] = {&objective_elbo, &objective_iwae, &objective_tc, &objective_mmd, NULL};

const struct objective *objective_by_name(const char *name) {
    for (size_t i = 0; objective_table[i]; i++)
        if (!strcmp(objective_table[i]->name, name))
            return objective_table[i];
    return NULL;
}

int model_pass_serve(struct model_pass *p, const struct vae_model *m, const struct objective *kind, size_t draws,
                     struct vae_err *err) {
    size_t room = kind && kind->room ? kind->room(m, p->ld) : 0;
    p->draws = draws;
    p->own = room ? mem_floats(room) : NULL;
    p->weight = kind && kind->draws ? p->own : NULL;
    return room && !p->own ? err_set(err, VAE_EOS, "out of memory for %zu records", p->ld) : 0;
}

bool model_couples(const struct model_objective *obj) { return kind_of(obj)->couples; }

void model_train_encode(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                        const struct model_objective *obj, const struct nn_noise *noise) {
    nn_forward(&m->enc, w, &p->enc, col, n, noise);
    bottleneck_train(m, w, p, col, n, obj, noise);
    if (kind_of(obj)->share)
        kind_of(obj)->share(m, p, col, n, obj, noise);
}

void model_train_couple(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const struct model_objective *obj) {
    if (kind_of(obj)->couple)
        kind_of(obj)->couple(m, p, col, n, obj);
}

void model_train_decode(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                        const struct model_objective *obj, const struct nn_noise *noise) {
    kind_of(obj)->decode(m, w, p, col, n, obj, noise);
}

void model_train_shard(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                       const struct model_objective *obj, const struct nn_noise *noise) {
    model_train_encode(m, w, p, col, n, obj, noise);
    model_train_decode(m, w, p, col, n, obj, noise);
}

void model_judge(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                 const struct model_objective *obj, const uint64_t *rows) {
    kind_of(obj)->bound(m, w, p, col, n, obj, rows);
}

size_t model_grad_tasks(const struct vae_model *m) {
    return nn_grad_tasks(&m->enc) + nn_grad_tasks(&m->dec) + bottleneck_grad_tasks(m) + m->nblocks;
}

void model_grad(const struct vae_model *m, const float *w, struct model_pass *p, size_t task, size_t n,
                float scale, float *dw) {
    size_t enc = nn_grad_tasks(&m->enc), dec = nn_grad_tasks(&m->dec), own = bottleneck_grad_tasks(m);
    size_t decoded = n * p->draws;
    if (task < enc) {
        nn_grad(&m->enc, &p->enc, task, n + m->npseudo, dw);
    } else if (task < enc + dec) {
        nn_grad(&m->dec, &p->dec, task - enc, decoded, dw);
    } else if (task < enc + dec + own) {
        bottleneck_grad(m, w, p, task - enc - dec, n, dw);
    } else {
        const struct lik_block *b = &m->block[task - enc - dec - own];
        if (b->nw)
            b->lik->grad(b, p->target + b->x0 * p->ld, p->dec.act[p->dec.n] + b->o0 * p->ld, w + b->w0, p->weight,
                         dw + b->w0, scale, decoded, p->ld);
    }
}
