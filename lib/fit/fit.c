/* fit.c - vae_fit(): read, choose, split, train, calibrate, measure. */
#include "fit/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "fit/checkpoint.h"
#include "fit/schedule.h"
#include "fit/split.h"

struct teller {
    const struct vae_fit_opts *o;
    struct checkpoint *checkpoint;
    const char *stage; /* behind training */
    double early, last; /* -ELBO of rows held out, four fifths through the training and at its last point */
};

static bool is_over(void *ctx) {
    const struct teller *t = ctx;
    const struct vae_progress p = {.stage = t->stage};
    return t->o->report && t->o->report(t->o->ctx, &p);
}

static bool report_point(void *ctx, const struct train_point *pt) {
    struct teller *t = ctx;
    if (pt->curve)
        t->last = pt->valid, t->early = 5 * pt->step <= 4 * pt->steps ? pt->valid : t->early;
    struct vae_progress p = {.stage = "training", .done = pt->step, .total = pt->steps, .recon = pt->recon,
                             .kl = pt->kl, .beta = pt->beta, .elbo = pt->elbo, .valid = pt->valid, .step = pt->step,
                             .from = pt->from, .point = pt->curve, .trouble = checkpoint_trouble(t->checkpoint)};
    return t->o->report && t->o->report(t->o->ctx, &p);
}

/* On the calibration rows where they are held out, else on the rows that stopped the training, else on all. */
static int measure(const struct vae_fit_opts *o, const struct fit_material *f, const struct fit_rows *data, const uint64_t *cal,
                   size_t ncal, struct pool *pool, struct vae_fit_report *rep, struct vae_err *err) {
    size_t d = f->m->schema->d, n = ncal ? ncal : f->nheld ? f->nheld : f->n;
    float *own = ncal ? mem_floats(ncal * d) : NULL, *x = ncal ? own : f->x + (f->n - n) * d;
    if (!x)
        return err_set(err, VAE_EOS, "out of memory");
    if (ncal)
        fit_to_model(f->m->schema, data->raw, cal, ncal, own);
    rep->held_out = ncal || f->nheld;
    int r = fit_measure(f->m, x, n, pool, rep, err);
    r = r ? r : fit_rates(f, o->rates, o->nrates, x, n, pool, rep, err);
    if (!r) {
        rep->independent = -baseline_independent(f->m, x, n, err);
        rep->ppca = -baseline_ppca(f->m, f->x, f->train.n, x, n);
    }
    free(own);
    return r;
}

/* The steps that the budget is good for, where it is not too late to ask. */
static int plan_steps(struct fit_plan *p, const struct fit_rows *data, const uint64_t *rows, size_t n, double until,
                      struct pool *pool, const struct checkpoint *c, struct vae_err *err) {
    const struct vae_fit_opts *o = &p->opts;
    size_t steps = checkpoint_steps(c);
    if (isnan(o->budget))
        return 0;
    if (steps) {
        fit_set_steps(&p->train, steps);
        return 0;
    }
    int r = fit_budget(p, data, rows, n, until - clock_seconds(), pool, err);
    struct vae_progress planned = {.stage = "planned", .total = p->train.steps};
    if (!r && o->report && o->report(o->ctx, &planned))
        r = err_set(err, VAE_ESTOP, "stopped before the first step");
    return r;
}

static struct vae_model *fit_plan_run(struct fit_plan *p, const struct fit_rows *data, double until, struct pool *pool,
                                      struct checkpoint *c, struct vae_fit_report *rep, struct vae_err *err) {
    const struct vae_fit_opts *o = &p->opts;
    struct teller teller = {o, c, "finishing", NAN, NAN};
    struct train_curve curve = {0};
    struct train_run run = {pool, report_point, &teller, c, &curve, NULL};
    size_t n = data->n, nfit = 0;
    uint64_t *order = mem_array(n, sizeof *order);
    if (!order) {
        err_set(err, VAE_EOS, "out of memory for %zu rows", n);
        return NULL;
    }
    struct fit_material made = {0};
    struct train_result res;
    int r = split_rows(p, data, order, &nfit, err);
    r = r ? r : fit_can_show(p, n, err);
    r = r ? r : plan_steps(p, data, order, nfit, until, pool, c, err);
    pool_on_stop(pool, is_over, &teller);
    if (!r && c)
        r = checkpoint_plan(c, fit_whole_plan(p, data), err);
    if (!r)
        r = fit_one(p, data, order, nfit, true, &run, &res, &made, err);
    if (!r)
        r = measure(o, &made, data, order + nfit, p->ncal, pool, rep, err);
    teller.stage = "calibrating";
    if (!r)
        r = fit_calibrate(p, data, made.m, order + nfit, p->ncal, pool, err);
    if (!r)
        r = fit_describe(made.m, p, data, &res, rep, err);
    struct vae_model *m = r ? NULL : made.m;
    if (m) {
        rep->late_gain = teller.early - teller.last;
        rep->answered = res.answered;
        rep->steps = res.steps, rep->best_step = res.best_step, rep->latents = m->config.latent_dim;
        rep->chain = m->config.chain, rep->weights = m->nw, rep->calibration_rows = m->cal.n, rep->alpha = m->cal.alpha;
        if (schedule_watches(&p->train))
            rep->reached = res.watched, rep->asked = p->train.capacity > 0 ? p->train.capacity : p->train.target_mse;
        made.m = NULL;
    }
    fit_material_free(&made);
    free(order), free(curve.point);
    return m;
}

struct vae_model *vae_fit(struct vae_in *in, const struct vae_fit_opts *o, struct vae_fit_report *rep,
                          struct vae_err *err) {
    struct vae_err unseen = {0};
    struct fit_rows data = {0};
    struct fit_plan plan;
    struct vae_model *m = NULL;
    struct pool *pool = NULL;
    struct checkpoint *c = NULL;
    double until = clock_seconds() + o->budget;
    err = err ? err : &unseen;
    *rep = (struct vae_fit_report){.ppca = NAN, .independent = NAN, .asked = NAN, .reached = NAN};
    if (!vae_fit_check(o, err) &&
        (!o->checkpoint || (c = checkpoint_open(o->checkpoint, o->resume, o->checkpoint_every, err))) &&
        !fit_read(in, o, &data, err) && !fit_choose(o, &data, &plan, err) && !mat_open(err) &&
        (pool = pool_new(o->threads, err)))
        m = fit_plan_run(&plan, &data, until, pool, c, rep, err);
    rep->rows = data.n, rep->bad_rows = data.bad, rep->unknown = data.unknown;
    rep->values = data.schema ? data.schema->d : 0;
    rep->longer = data.schema && schema_line(data.schema) ? schema_line(data.schema)->longer : 0;
    if (m && plan.opts.purpose == VAE_FOR_DETECT)
        fit_suspect(&data, rep->label, sizeof rep->label);
    rep->kept = checkpoint_kept(c);
    if (data.header_assumed)
        rep->assumed = "nothing tells whether the first row is a header; it was taken for one (--no-header if it is data)";
    checkpoint_free(c);
    pool_free(pool);
    fit_rows_free(&data);
    return m;
}
