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
    g->z = mem_floats(MAT_PANEL * (m->space.k + m->space.told));
    if (!g->z)
        return err_set(err, VAE_EOS, "out of memory");
    g->prior = p;
    return p->work && !(g->work = p->work(&m->space, g->nparam, err)) ? VAE_EOS : 0;
}

void gen_prior_close(struct gen_prior *g) {
    if (g->prior && g->prior->work_free)
        g->prior->work_free(g->work);
    free(g->z);
    *g = (struct gen_prior){0};
}

/* Codes, given the conditions in pass->x where their prior is told such. */
static void draw_codes(const struct gen_prior *g, const struct vae_model *m, struct model_pass *p, uint64_t seed,
                       const uint64_t *rows, float temperature) {
    size_t k = m->space.k, width = k + m->space.told;
    if (m->space.told) {
        model_condition_features(m, p->x, p->chances.act[0], 0, MAT_PANEL, p->ld);
        mat_transpose(m->space.told, MAT_PANEL, p->chances.act[0], p->ld, g->z + k, width);
    }
    g->prior->sample(&m->space, g->nparam, m->prior_param, seed, rows, temperature, g->work, g->z);
    mat_transpose(MAT_PANEL, k, g->z, width, p->code, p->ld);
    codes_place(m, m->w, p, 0, MAT_PANEL);
}

void gen_prior_draw(const struct gen_prior *g, const struct vae_model *m, struct model_pass *p, uint64_t seed,
                    const uint64_t *rows, float temperature) {
    if (codes_are(m)) {
        draw_codes(g, m, p, seed, rows, temperature);
        return;
    }
    size_t k = m->space.k;
    float *below = model_z(p) + k * p->ld;
    g->prior->sample(&m->space, g->nparam, m->prior_param, seed, rows, temperature, g->work, g->z);
    mat_transpose(MAT_PANEL, k, g->z, k, model_z(p), p->ld);
    if (!g->prior->joint && g->prior != &prior_normal)
        return;
    rng_normals(below, m->zdim - k, MAT_PANEL, p->ld, seed, RNG_PRIOR, 2, rows, 0);
    for (size_t i = 0; i < (m->zdim - k) * p->ld; i++)
        below[i] *= temperature;
    bottleneck_descend(m, m->w, p, 0, MAT_PANEL);
}
