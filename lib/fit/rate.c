/*
 * rate.c - the rate-distortion curve of a model (Alemi et al. 2018, "Fixing a broken ELBO", 1711.00464): what else the same
 * network could be. At each beta the fitted weights are trained on for a part of the steps, and the KL (the rate) and
 * E[-log p(x|z)] (the distortion) are measured on x[n,d]. The model is left as it was.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"
#include "score/score.h"

enum { LEAST_STEPS = 200 };

/* Means of recon and kl over the rows. */
static int measure(const struct vae_model *m, const float *x, size_t n, struct pool *pool, struct vae_fit_rate *rate,
                   struct vae_err *err) {
    struct score_parts *parts;
    int r = fit_parts(m, VAE_BY_ELBO, SCORE_DRAWS, x, n, pool, &parts, err);
    for (size_t i = 0; i < n && !r; i++)
        rate->rate += parts[i].kl / (double)n, rate->distortion += parts[i].recon / (double)n;
    free(parts);
    return r;
}

static bool is_over(void *pool, const struct train_point *pt) {
    (void)pt;
    return pool_stopped(pool);
}

int fit_rates(const struct fit_material *f, const double *beta, size_t nbeta, const float *x, size_t n, struct pool *pool,
              struct vae_fit_report *rep, struct vae_err *err) {
    struct train_config cfg = f->cfg;
    struct train_result res;
    const struct train_run run = {.pool = pool, .report = is_over, .ctx = pool};
    size_t bytes = f->m->nw * sizeof *f->m->w;
    float *fitted = nbeta ? mem_floats(f->m->nw) : NULL;
    int r = nbeta && !fitted ? err_set(err, VAE_EOS, "out of memory") : 0;
    fit_set_steps(&cfg, cfg.steps / FIT_RATE_PART > LEAST_STEPS ? cfg.steps / FIT_RATE_PART : LEAST_STEPS);
    cfg.warmup = 0, cfg.free_nats = 0, cfg.cycles = 0, cfg.capacity = 0, cfg.target_mse = 0;
    if (fitted)
        memcpy(fitted, f->m->w, bytes);
    for (size_t i = 0; i < nbeta && !r; i++) {
        memcpy(f->m->w, fitted, bytes);
        cfg.beta = (float)beta[i];
        rep->rate[i] = (struct vae_fit_rate){.beta = beta[i]};
        struct vae_err own = {0};
        r = train_model(f->m, &f->train, &cfg, &run, &res, &own);
        if (r == VAE_EDIVERGED) { /* that weight is not for this network; the model has nothing to do with it */
            rep->rate[i].rate = rep->rate[i].distortion = NAN;
            rep->nrate++, r = 0;
            continue;
        }
        r = r ? err_set(err, r, "%s", own.msg) : pseudo_settle(f->m, err);
        r = r ? r : measure(f->m, x, n, pool, &rep->rate[i], err);
        rep->nrate += !r;
    }
    if (fitted) {
        memcpy(f->m->w, fitted, bytes);
        r = r ? r : pseudo_settle(f->m, err);
    }
    free(fitted);
    return r;
}
