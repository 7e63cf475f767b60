/* draws.h - several draws of z that are all the same are one draw to the decoder: to its gradient, and to what is reported. */
#ifndef TESTS_DRAWS_H
#define TESTS_DRAWS_H

#include "base/mem.h"
#include "base/rng.h"
#include "model/objective.h"
#include "test.h"

enum { DRAWS = 3, DRAWS_STEP = 9 };

/* A step on rows[n] of x by the ELBO, left in p[0], and by iwae with equal draws, left in p[1]. The caller frees the passes. */
static inline void draws_equal(const struct vae_model *m, const float *x, const uint64_t *rows, size_t n, struct model_pass *p,
                               const char *what) {
    float *dw[2];
    double worst = 0, size = 0;
    for (size_t a = 0; a < 2; a++) {
        const struct objective *kind = a ? &objective_iwae : &objective_elbo;
        const struct model_objective obj = {.scale = 1, .beta = 1, .kind = kind, .batch = n};
        const struct nn_noise noise = {1, DRAWS_STEP, rows};
        struct vae_err err = {0};
        dw[a] = mem_floats(m->nw);
        CHECK(!model_pass_init(&p[a], m, DRAWS * n, true, &err) && !model_pass_serve(&p[a], m, kind, a ? DRAWS : 1, &err), "%s",
              err.msg);
        model_load_masked(m, &p[a], 0, n, x, rows, 1, DRAWS_STEP);
        for (size_t k = 0; k < DRAWS; k++)
            rng_normals(p[a].eps + k * n, m->neps, n, p[a].ld, 1, RNG_LATENT, DRAWS_STEP, rows, 0);
        model_train_shard(m, m->w, &p[a], 0, n, &obj, &noise);
        for (size_t t = 0; t < model_grad_tasks(m); t++)
            model_grad(m, m->w, &p[a], t, n, 1, dw[a]);
    }
    for (size_t i = m->dec.node[0].w0; i < m->nw; i++)
        worst = fmax(worst, fabs((double)dw[1][i] - (double)dw[0][i])), size = fmax(size, fabs((double)dw[0][i]));
    CHECK(worst < 1e-5 * size && size > 0, "%s: equal draws: the decoder's gradient is off by %g of %g", what, worst, size);
    for (size_t i = 0; i < n; i++)
        CHECK(fabs(p[0].nll[i] - p[1].nll[i]) < 1e-5 * (1 + fabs(p[0].nll[i])) && p[0].kl[i] == p[1].kl[i],
              "%s: record %zu: nll %g, kl %g", what, i, p[1].nll[i], p[1].kl[i]);
    free(dw[0]), free(dw[1]);
}

#endif
