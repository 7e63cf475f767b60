/* calibrate.c - scores of rows that a model was not fitted to: held out, or across folds. */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"
#include "fit/split.h"
#include "score/exemplars.h"
#include "score/score.h"

/* As a model file takes it: a score that is no number, or too large for one, is above all others. */
static float score_kept(double s) { return !(s <= (double)FLT_MAX) ? FLT_MAX : s < -(double)FLT_MAX ? -FLT_MAX : (float)s; }

int fit_stopped(struct pool *pool, struct vae_err *err) {
    return pool_stopped(pool) ? err_set(err, VAE_ESTOP, "stopped behind training") : 0;
}

int fit_score(struct scorer *s, struct pool *pool, const float *x, size_t n, size_t d, struct score_parts *parts,
              struct vae_err *err) {
    enum { ROWS = 1024 };
    for (size_t at = 0; at < n; at += ROWS) {
        int r = fit_stopped(pool, err);
        if (r)
            return r;
        scorer_run(s, x + at * d, NULL, n - at < ROWS ? n - at : ROWS, parts + at);
    }
    return 0;
}

int fit_parts(const struct vae_model *m, enum vae_by by, int draws, const float *x, size_t n, struct pool *pool,
              struct score_parts **parts, struct vae_err *err) {
    struct scorer *s = scorer_new(m, by, SCORE_ONLY, draws, pool, err);
    *parts = s ? mem_array(n, sizeof **parts) : NULL;
    int r = !s ? err->code : *parts ? 0 : err_set(err, VAE_EOS, "out of memory for %zu scores", n);
    if (!r)
        r = fit_score(s, pool, x, n, m->schema->d, *parts, err);
    scorer_free(s);
    if (r)
        free(*parts), *parts = NULL;
    return r;
}

/* Scores of rows of the data by m: out[kind * stride + i], `kinds` of them; one that m lacks, as a fold of few rows may, is no
 * number. */
static int score_rows(const struct vae_model *m, const struct fit_rows *data, const uint64_t *rows, size_t n, size_t kinds,
                      struct pool *pool, float *out, size_t stride, struct vae_err *err) {
    size_t d = m->schema->d, values;
    float *x = mem_mul(n, d, &values) ? mem_floats(values) : NULL;
    struct score_parts *parts = mem_array(n, sizeof *parts);
    int r = x && parts ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    if (!r)
        schema_to_model(m->schema, data->raw, rows, n, x);
    struct scorer *s = r ? NULL : scorer_new(m, VAE_BY_ELBO, SCORE_ALL, SCORE_DRAWS, pool, err);
    if (!r)
        r = s ? fit_score(s, pool, x, n, d, parts, err) : VAE_EOS;
    for (size_t by = VAE_BY_ELBO; by <= kinds && !r; by++)
        for (size_t i = 0; i < n; i++)
            out[(by - 1) * stride + i] = score_kept(score_by(&parts[i], (enum vae_by)by));
    scorer_free(s);
    free(x), free(parts);
    return r;
}

/* Distances to the exemplars of all rows, each as if it was none of them: what folds are for the nets. */
static int left_out(const struct vae_model *m, const struct fit_rows *data, struct pool *pool, float *out, struct vae_err *err) {
    size_t values, n = data->n;
    float *x = mem_mul(n, m->schema->d, &values) ? mem_floats(values) : NULL;
    double *score = mem_array(n, sizeof *score);
    int r = x && score ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    if (!r) {
        schema_to_model(m->schema, data->raw, NULL, n, x);
        r = exemplars_left_out(&m->exemplars, m->schema, x, n, pool, score, err);
    }
    for (size_t i = 0; i < n && !r; i++)
        out[i] = score_kept(score[i]);
    if (!r)
        conformal_sort(out, n);
    free(x), free(score);
    return r;
}

struct folds {
    const struct fit_plan *plan;
    size_t kinds; /* of scores */
    const struct fit_rows *data;
    pthread_mutex_t lock; /* the caller's callback is called by one fold at a time */
    size_t done;          /* folds */
};

static bool fold_report(void *ctx, const struct train_point *pt) {
    (void)pt;
    struct folds *f = ctx;
    const struct vae_fit_opts *o = &f->plan->opts;
    if (!o->report)
        return false;
    pthread_mutex_lock(&f->lock);
    struct vae_progress p = {.stage = "calibrating", .done = f->done, .total = f->plan->folds};
    bool stop = o->report(o->ctx, &p);
    pthread_mutex_unlock(&f->lock);
    return stop;
}

static int fold(void *ctx, const uint64_t *rows, size_t n, const uint64_t *test, size_t ntest, float *out,
                size_t stride, struct vae_err *err) {
    struct folds *f = ctx;
    struct train_result res;
    struct train_run run = {.report = fold_report, .ctx = f};
    struct fit_material made;
    int r = fit_one(f->plan, f->data, rows, n, false, &run, &res, &made, err);
    if (!r)
        r = score_rows(made.m, f->data, test, ntest, f->kinds, NULL, out, stride, err);
    fit_material_free(&made);
    pthread_mutex_lock(&f->lock);
    f->done++;
    pthread_mutex_unlock(&f->lock);
    return r;
}

int fit_can_show(const struct fit_plan *p, size_t n, struct vae_err *err) {
    bool share = !isnan(p->opts.contamination);
    size_t rows = p->ncal ? p->ncal : p->folds ? n : 0;
    if ((!share && isnan(p->opts.alpha)) || p->alpha * ((double)rows + 1) >= 1)
        return 0;
    return err_set(err, VAE_EUSAGE, "--%s %g: %zu calibration rows show p from %.4g up; %s, or fit to more rows",
                   share ? "contamination" : "alpha", p->alpha, rows, 1.0006 / ((double)rows + 1),
                   share ? "say a larger share" : "say a larger one (vae-score --tail goes below it)");
}

int fit_calibrate(const struct fit_plan *plan, const struct fit_rows *data, struct vae_model *m, const uint64_t *cal,
                  size_t ncal, struct pool *pool, struct vae_err *err) {
    struct model_calibration *c = &m->cal;
    c->draws = SCORE_DRAWS;
    c->by = m->line ? VAE_BY_LINE
            : m->exemplars.n ? VAE_BY_NEAR
            : m->denoiser.n ? VAE_BY_DENOISE
            : plan->train.objective->draws ? VAE_BY_IW : VAE_BY_ELBO; /* the bound it was fitted by */
    c->alpha = plan->alpha;
    if (!ncal && !plan->folds)
        return 0;
    c->n = ncal ? ncal : data->n;
    c->method = ncal ? "held-out" : "cross-conformal";
    /* so few rows cannot show a smaller p: the least they can is what an anomaly is then */
    c->alpha = fmax(c->alpha, 1 / ((double)c->n + 1));
    c->score = mem_array(c->n, MODEL_NBY * sizeof *c->score);
    if (!c->score)
        return err_set(err, VAE_EOS, "out of memory for %zu scores", c->n);
    /* where rows that go together are held out together, exemplars are, too; and windows, beside which stand others half the same */
    bool alone = m->exemplars.n && !plan->opts.split_by && !plan->opts.split_time && !data->overlap;
    struct fit_plan nets = *plan;
    nets.exemplars = m->exemplars.n && !alone;
    struct folds f = {&nets, alone ? VAE_BY_MSE : model_scores(m), data, PTHREAD_MUTEX_INITIALIZER, 0};
    int r = 0;
    if (!ncal && alone)
        r = left_out(m, data, pool, c->score + (VAE_BY_NEAR - 1) * c->n, err);
    if (!ncal)
        return r ? r : split_cross(plan, data, pool, fold, &f, f.kinds, c->score, err);
    r = score_rows(m, data, cal, ncal, model_scores(m), pool, c->score, ncal, err);
    for (size_t by = 0; by < model_scores(m) && !r; by++)
        conformal_sort(c->score + by * ncal, ncal);
    return r;
}
