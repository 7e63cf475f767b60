/*
 * budget.c - how many steps a fit can take to end in time.
 *
 *   steps (a s + r b) + 50 (va t + r vb) + p + q = 0.95 budget
 *
 * with a, va the seconds of a step and of a validation; s = 1 + R/5 and t = 1 + R for the R points of --rates; b, vb the same of the
 * fits across folds, each on one thread, r of them one after the other; p the fit of the prior to draw from, q scores and
 * baselines. All are measured on copies that are thrown away: the model is the one that --steps of the same number gives.
 */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"
#include "score/score.h"

enum { POINTS = 50, SCORED = 128, BASELINE_VALUES = 1500 };
static const double USE = 0.95;     /* of the time, as no trial tells all */
static const double MOST_STEPS = 0x1p52;
static const double TRIAL = 0.02, LEAST_TRIAL = 0.05, MOST_TRIAL = 5; /* share of the budget for a trial; seconds */

struct trial {
    const struct fit_plan *plan;
    const struct fit_rows *data;
    const uint64_t *rows;
    size_t n;
    double seconds;
    struct train_rate *rate; /* [workers] */
    struct vae_err *err;
    int *result;
};

/* As many folds at once as there are threads: they are in each other's way. */
static void fold_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trial *t = ctx;
    struct fit_material f;
    int r = fit_prepare(t->plan, t->data, t->rows, t->n, &f, &t->err[task]);
    if (!r)
        r = train_measure(f.m, &f.train, &f.cfg, NULL, t->seconds, &t->rate[task], &t->err[task]);
    t->result[task] = r;
    fit_material_free(&f);
}

/* Of a step and a validation of the folds, the slowest of those that ran at once. */
static int measure_folds(struct trial *t, size_t workers, struct pool *pool, struct train_rate *rate, struct vae_err *err) {
    t->rate = mem_array(workers, sizeof *t->rate);
    t->err = mem_array(workers, sizeof *t->err);
    t->result = mem_array(workers, sizeof *t->result);
    int r = t->rate && t->err && t->result ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!r)
        pool_run(pool, workers, fold_task, t);
    for (size_t i = 0; i < workers && !r; i++) {
        if ((r = t->result[i]) && err)
            *err = t->err[i];
        rate->step = fmax(rate->step, t->rate[i].step);
        rate->valid = fmax(rate->valid, t->rate[i].valid);
    }
    free(t->rate), free(t->err), free(t->result);
    return r;
}

struct round_clock {
    double from, seconds;
    size_t rounds;
};

static bool enough(void *ctx) {
    struct round_clock *c = ctx;
    double t = clock_seconds();
    if (c->rounds++ == 0)
        c->from = t;
    return c->rounds > 2 && t - c->from >= c->seconds;
}

/* Seconds that the fit of the prior takes, from its first rounds. */
static int measure_prior(const struct fit_plan *p, const struct fit_material *f, double seconds, struct pool *pool,
                         double *took, struct vae_err *err) {
    struct round_clock c = {.seconds = seconds};
    struct vae_err own = {0};
    struct fit_draws d;
    *took = 0;
    if (!pool || !p->prior->rounds)
        return 0;
    double from = clock_seconds();
    int r = fit_prior_draw(f->m, p->prior, f->x, f->train.n, p->train.draws, p->train.seed, pool, &d, &own);
    pool_on_stop(pool, enough, &c);
    if (!r)
        r = f->m->prior->fit(&f->m->space, d.n, d.z, p->train.seed, pool, f->m->prior_param, &own);
    pool_on_stop(pool, NULL, NULL);
    free(d.z);
    double t = clock_seconds();
    size_t all = p->prior->rounds(&f->m->space, d.n);
    *took = c.rounds > 1 && r == VAE_ESTOP ? c.from - from + (t - c.from) / (double)(c.rounds - 1) * (double)all : t - from;
    if (!r || r == VAE_ESTOP)
        return 0;
    return err_set(err, r, "%s", own.msg);
}

/* Seconds of the report on SCORED records, and of one that is scored for p-values. */
static int measure_scores(const struct fit_material *f, struct pool *pool, double *report, double *score,
                          struct vae_err *err) {
    struct vae_fit_report rep = {0};
    struct score_parts parts[SCORED];
    size_t n = f->n < SCORED ? f->n : SCORED;
    double from = clock_seconds();
    int r = fit_measure(f->m, f->x, n, pool, &rep, err);
    *report = clock_seconds() - from;
    struct scorer *s = r ? NULL : scorer_new(f->m, VAE_BY_ELBO, SCORE_ALL, SCORE_DRAWS, pool, err);
    from = clock_seconds();
    if (s)
        scorer_run(s, f->x, NULL, n, parts);
    *score = (clock_seconds() - from) / (double)n;
    scorer_free(s);
    return r ? r : s ? 0 : VAE_EOS;
}

int fit_budget(struct fit_plan *p, const struct fit_rows *data, const uint64_t *rows, size_t n, double seconds,
               struct pool *pool, struct vae_err *err) {
    double trial = fmin(fmax(TRIAL * seconds, LEAST_TRIAL), MOST_TRIAL), until = clock_seconds() + seconds, prior, report, score;
    size_t threads = pool_threads(pool), workers = p->folds < threads ? p->folds : threads;
    struct train_rate whole = {0}, fold = {0};
    struct fit_material f;
    int r = fit_prepare(p, data, rows, n, &f, err);
    f.cfg.steps = p->train.steps = (size_t)MOST_STEPS; /* so that the trial is no end of a schedule */
    if (!r)
        r = train_measure(f.m, &f.train, &f.cfg, pool, trial, &whole, err);
    if (!r && workers) {
        struct trial t = {.plan = p, .data = data, .rows = rows, .n = n - n / p->folds, .seconds = trial};
        r = measure_folds(&t, workers, pool, &fold, err);
    }
    if (!r)
        r = measure_prior(p, &f, trial, pool, &prior, err);
    if (!r)
        r = measure_scores(&f, pool, &report, &score, err);
    if (!r) {
        double d = (double)data->schema->d, turns = workers ? ceil((double)p->folds / (double)workers) : 0;
        double told = (double)(p->ncal ? p->ncal : f.nheld ? f.nheld : f.n), scored = (double)(p->ncal ? p->ncal : p->folds ? data->n : 0);
        /* down a chain each record takes its time; else most of the report is a bound whose work is fixed (measure.c) */
        double rest = scored * score + (p->model.chain ? told / SCORED * report : report + told * score / 2);
        rest += prior + (d <= BASELINE_VALUES ? d * d * d * 2e-9 : 0);
        double rates = (double)p->opts.nrates, left = USE * (until - clock_seconds()) - rest;
        left -= POINTS * ((1 + rates) * whole.valid + turns * fold.valid);
        double steps = left / ((1 + rates / FIT_RATE_PART) * whole.step + turns * fold.step);
        fit_set_steps(&p->train, steps > 1 ? (size_t)fmin(steps, MOST_STEPS) : 1);
        if (steps < 1)
            r = err_set(err, VAE_EUSAGE, "--budget leaves no time for training: the rest of the fit takes %.0f s or so%s",
                        rest + seconds - (until - clock_seconds()) + 1,
                        prior > rest / 2 ? ", most of it the prior to draw from (--prior gmm is quick)" : "");
    }
    fit_material_free(&f);
    return r;
}
