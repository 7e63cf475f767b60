/* draw.c - latents from a prior: from the one of the objective level by level, from others all at once. */
#include <stdlib.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/gen.h"
#include "model/codes.h"

int gen_prior_open(struct gen_prior *g, const struct vae_model *m, const char *name, struct vae_err *err) {
    const struct prior *p = name ? prior_by_name(name) : m->prior;
    *g = (struct gen_prior){0};
    if (!p)
        return err_set(err, VAE_EUSAGE, "no such prior: '%s'", name);
    if (p->codes != codes_are(m))
        return err_set(err, VAE_EUSAGE, "a prior '%s' is one of %s; this model was fitted with --prior %s", p->name,
                       p->codes ? "codes" : "numbers", m->prior->name);
    if (m->config.joint && p != m->prior)
        return err_set(err, VAE_EUSAGE,
                       "this model was trained with a prior of its own, %s: its latents follow no other",
                       m->prior->name);
    g->nparam = p == m->prior ? m->nprior : 0;
    if (p->size(&m->space, 1) && !g->nparam)
        return err_set(err, VAE_EUSAGE, "this model has no '%s' prior; it was fitted with --prior %s", name,
                       m->prior->name);
    g->space = model_prior_space(m, p);
    g->z = mem_floats(MAT_PANEL * (g->space.k + g->space.told));
    if (!g->z)
        return err_set(err, VAE_EOS, "out of memory");
    g->prior = p;
    return p->work && !(g->work = p->work(&g->space, g->nparam, err)) ? VAE_EOS : 0;
}

void gen_prior_close(struct gen_prior *g) {
    if (g->prior && g->prior->work_free)
        g->prior->work_free(g->work);
    free(g->z);
    *g = (struct gen_prior){0};
}

int gen_priors_open(struct gen_prior **g, size_t n, const struct vae_model *m, const char *name, struct vae_err *err) {
    *g = mem_array(n, sizeof **g);
    int r = *g ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < n && !r; i++)
        r = gen_prior_open(&(*g)[i], m, name, err);
    return r;
}

void gen_priors_close(struct gen_prior *g, size_t n) {
    for (size_t i = 0; g && i < n; i++)
        gen_prior_close(&g[i]);
    free(g);
}

void gen_prior_draw(const struct gen_prior *g, const struct vae_model *m, struct model_pass *p, uint64_t seed,
                    const uint64_t *rows, float temperature) {
    size_t k = g->space.k, told = g->space.told, width = k + told;
    if (told) { /* the decoder is given them */
        float *conditions = p->dec.act[0] + model_told_at(m) * p->ld;
        model_condition_features(m, p->x, conditions, 0, MAT_PANEL, p->ld);
        mat_transpose(told, MAT_PANEL, conditions, p->ld, g->z + k, width);
    }
    g->prior->sample(&g->space, g->nparam, m->prior_param, seed, rows, temperature, g->work, g->z);
    mat_transpose(MAT_PANEL, k, g->z, width, codes_are(m) ? p->code : model_z(p), p->ld);
    if (codes_are(m)) {
        codes_place(m, m->w, p, 0, MAT_PANEL);
    } else if (g->prior->joint || g->prior == &prior_normal) {
        float *below = model_z(p) + k * p->ld;
        rng_normals(below, m->zdim - k, MAT_PANEL, p->ld, seed, RNG_PRIOR, 2, rows, 0);
        for (size_t i = 0; i < (m->zdim - k) * p->ld; i++)
            below[i] *= temperature;
        bottleneck_descend(m, m->w, p, 0, MAT_PANEL);
    }
}
