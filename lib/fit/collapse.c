/*
 * collapse.c - training, and one answer to latents that nothing flows through (posterior collapse; Bowman et al. 2016, 1511.06349).
 *
 * Latents that are idle on the rows held out (measure.c) are answered by a second training from the same start: the weight of the KL
 * rises over half of the steps, and while it rises each latent may have FREE nats for nothing, where the objective has that. What
 * did better on the rows held out is kept, be it the first, as where the second one diverges. There is no second answer, and no
 * first one where idle latents are what was asked for or what is right:
 *
 *   - down a chain, or a line of text, what stands before tells all that latents could;
 *   - a weight of the KL above 1, or a constraint, asks for less;
 *   - where a linear model with as many latents is no better than independent columns there is nothing to tell;
 *   - a model that began with another one has learnt it there.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "fit/checkpoint.h"
#include "fit/fit.h"
#include "fit/schedule.h"

static const double STRUCTURE = 0.05; /* nats a record */
static const float WARMUP = 0.5f, FREE = 0.25f;

/* The rows that tell: held out ones, where there are none those it was trained on. */
static const float *told_by(const struct fit_material *f, size_t *n) {
    *n = f->nheld ? f->nheld : f->n;
    return f->x + (f->n - *n) * f->m->schema->d;
}

static int idle(const struct fit_material *f, struct pool *pool, bool *yes, struct vae_err *err) {
    struct vae_fit_report rep = {0};
    size_t n;
    const float *x = told_by(f, &n);
    int r = fit_use(f->m, x, n, pool, &rep, err);
    free(f->m->use); /* of the model that is kept it is measured on the rows of the report */
    f->m->use = NULL;
    *yes = rep.collapsed;
    return r;
}

/* Idle latents are neither asked for nor right in such a model. */
static bool answerable(const struct fit_plan *p, const struct fit_material *f) {
    return !f->m->config.chain && !f->m->line && !(p->train.beta > 1) && !schedule_watches(&p->train) && !p->opts.init;
}

static bool has_structure(const struct fit_material *f) {
    size_t n;
    const float *x = told_by(f, &n);
    double linear = baseline_ppca(f->m, f->x, f->train.n, x, n);
    /* where there is no linear model nobody knows */
    return !(linear > baseline_independent(f->m, x, n, NULL) - STRUCTURE);
}

/* From the same start, with a longer warm-up; what did better stays in f->m. */
static int again(const struct fit_plan *p, struct fit_material *f, const struct train_run *run, const struct train_trial *first,
                 struct train_result *res, struct vae_err *err) {
    struct train_config cfg = f->cfg;
    struct train_run second = *run;
    struct vae_err own = {0};
    cfg.warmup = cfg.warmup > WARMUP ? cfg.warmup : WARMUP;
    if (!f->m->codes.codes && !(cfg.objective && cfg.objective->draws) && cfg.free_nats < FREE)
        cfg.free_nats = FREE;
    second.before = first;
    model_start(f->m, p->train.seed);
    int r = pseudo_start(f->m, f->x, f->train.n, p->train.seed, err);
    if (r)
        return r;
    r = train_model(f->m, &f->train, &cfg, &second, res, &own);
    if (r && r != VAE_EDIVERGED)
        return err_set(err, r, "%s", own.msg);
    if (r || !(res->best < first->res.best)) {
        memcpy(f->m->w, first->w, f->m->nw * sizeof *f->m->w);
        *res = first->res;
    }
    res->answered = true;
    return 0;
}

int fit_train(const struct fit_plan *p, struct fit_material *f, const struct train_run *run, struct train_result *res,
              struct vae_err *err) {
    struct train_trial first = {0};
    bool collapsed = false;
    int r = checkpoint_before(run->checkpoint, f->m->nw, &first, err); /* stopped in the second one? */
    if (!r && !first.w) {
        r = train_model(f->m, &f->train, &f->cfg, run, &first.res, err);
        *res = first.res;
        if (!r)
            r = pseudo_settle(f->m, err);
        if (!r && answerable(p, f))
            r = idle(f, run->pool, &collapsed, err);
        if (r || !collapsed || !has_structure(f))
            return r;
        first.w = mem_floats(f->m->nw);
        if (!first.w)
            return err_set(err, VAE_EOS, "out of memory");
        memcpy(first.w, f->m->w, f->m->nw * sizeof *first.w);
    }
    if (!r)
        r = again(p, f, run, &first, res, err);
    if (!r)
        r = pseudo_settle(f->m, err);
    free(first.w);
    return r;
}
