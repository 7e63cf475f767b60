/* fit.c - vae_fit(): read, choose, split, train, calibrate, measure. */
#include "fit/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"

static bool report_point(void *ctx, const struct train_point *pt) {
    const struct vae_fit_opts *o = ctx;
    struct vae_progress p = {.stage = "training", .done = pt->step, .total = pt->steps, .recon = pt->recon,
                             .kl = pt->kl, .beta = pt->beta, .elbo = pt->elbo, .valid = pt->valid, .step = pt->step,
                             .point = pt->curve};
    return o->report && o->report(o->ctx, &p);
}

/* Options as resolved and what came of them: enough to make the same model again, nothing of where and when. */
static json_t *training_json(const struct fit_plan *p, const struct fit_rows *data, const struct train_result *res) {
    const struct train_config *t = &p->train;
    static const char *const purpose[] = {"generate", "detect", "reduce"};
    char crc[9];
    snprintf(crc, sizeof crc, "%08x", data->crc);
    return json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:f, s:I, s:I, "
                     "s:s, s:s}",
                     "for", purpose[p->opts.purpose], "seed", (json_int_t)t->seed, "rows", (json_int_t)data->n,
                     "data_crc32", crc, "values", (json_int_t)data->schema->d, "steps", (json_int_t)t->steps, "batch",
                     (json_int_t)t->batch, "patience", (json_int_t)t->patience, "lr", (double)t->lr, "decay",
                     (double)t->decay, "beta", (double)t->beta, "warmup", (double)t->warmup, "free_bits",
                     (double)t->free_nats, "valid", p->valid, "steps_done", (json_int_t)res->steps, "best_step",
                     (json_int_t)res->best_step, "best_valid", res->best, "skipped", (json_int_t)res->skipped,
                     "rolled_back", (json_int_t)res->rolled_back, "program", VAE_VERSION, "blas_core", mat_core());
}

static int describe(struct vae_model *m, const struct fit_plan *p, const struct fit_rows *data,
                    const struct train_result *res, const struct vae_fit_report *rep, struct vae_err *err) {
    json_t *j = training_json(p, data, res), *bound = json_object();
    if (!j || !bound) {
        json_decref(j), json_decref(bound);
        return err_set(err, VAE_EOS, "out of memory");
    }
    const struct {
        const char *name;
        double value;
    } row[] = {{"elbo", rep->elbo}, {"elbo_se", rep->elbo_se}, {"independent", rep->independent}, {"ppca", rep->ppca}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (isfinite(row[i].value))
            json_object_set_new(bound, row[i].name, json_real(row[i].value));
    json_object_set_new(bound, "active_units", json_integer((json_int_t)rep->active_units));
    json_object_set_new(j, rep->held_out ? "held_out" : "fitted", bound);
    json_decref(m->training);
    m->training = j;
    return 0;
}

/* On the calibration rows where they are held out, else on the rows that stopped the training, else on all. */
static int measure(struct vae_model *m, const struct fit_rows *data, const uint64_t *cal, size_t ncal,
                   const struct fit_held *held, struct pool *pool, struct vae_fit_report *rep, struct vae_err *err) {
    size_t d = m->schema->d, n = ncal ? ncal : held->nheld ? held->nheld : held->n;
    float *own = ncal ? mem_floats(ncal * d) : NULL, *x = ncal ? own : held->x + (held->n - n) * d;
    if (!x)
        return err_set(err, VAE_EOS, "out of memory");
    if (ncal)
        fit_to_model(m->schema, data->raw, cal, ncal, own);
    rep->held_out = ncal || held->nheld;
    int r = fit_measure(m, x, n, pool, rep, err);
    if (!r) {
        rep->independent = -baseline_independent(m, x, n, err);
        rep->ppca = -baseline_ppca(m, held->x, held->n - held->nheld, x, n);
    }
    free(own);
    return r;
}

static struct vae_model *fit_plan_run(struct fit_plan *p, const struct fit_rows *data, struct pool *pool,
                                      struct vae_fit_report *rep, struct vae_err *err) {
    const struct vae_fit_opts *o = &p->opts;
    size_t n = data->n, nfit = n - p->ncal;
    uint64_t *order = mem_array(n, sizeof *order);
    if (!order) {
        err_set(err, VAE_EOS, "out of memory for %zu rows", n);
        return NULL;
    }
    for (uint64_t i = 0; i < n; i++)
        order[rng_permute(i, n, o->seed, RNG_SPLIT, 0)] = i;
    struct fit_held held = {0};
    struct train_result res;
    struct vae_model *m =
        fit_one(p, data, order, nfit, pool, report_point, (void *)(uintptr_t)o, &res, &held, err);
    int r = m ? 0 : VAE_EOS;
    struct vae_progress calibrating = {.stage = "calibrating"};
    if (!r && o->report && o->report(o->ctx, &calibrating))
        r = err_set(err, VAE_ESTOP, "stopped while calibrating");
    if (!r)
        r = measure(m, data, order + nfit, p->ncal, &held, pool, rep, err);
    if (!r)
        r = fit_calibrate(p, data, m, order + nfit, p->ncal, pool, err);
    if (!r)
        r = describe(m, p, data, &res, rep, err);
    if (!r)
        rep->steps = res.steps, rep->best_step = res.best_step, rep->latents = m->config.latent_dim,
        rep->chain = m->config.chain, rep->weights = m->nw, rep->calibration_rows = m->cal.n, rep->alpha = m->cal.alpha;
    free(held.x), free(order);
    if (!r)
        return m;
    vae_model_free(m);
    return NULL;
}

struct vae_model *vae_fit(struct vae_in *in, const struct vae_fit_opts *o, struct vae_fit_report *rep,
                          struct vae_err *err) {
    struct vae_err unseen = {0};
    struct fit_rows data;
    struct fit_plan plan;
    struct vae_model *m = NULL;
    struct pool *pool = NULL;
    err = err ? err : &unseen;
    *rep = (struct vae_fit_report){.ppca = NAN, .independent = NAN};
    if (!fit_read(in, o, &data, err) && !fit_choose(o, &data, &plan, err) && !mat_open(err) &&
        (pool = pool_new(o->threads, err)))
        m = fit_plan_run(&plan, &data, pool, rep, err);
    rep->rows = data.n, rep->bad_rows = data.bad;
    rep->values = data.schema ? data.schema->d : 0;
    if (data.header_assumed)
        rep->assumed = "nothing tells whether the first row is a header; it was taken for one (--no-header if it is data)";
    pool_free(pool);
    fit_rows_free(&data);
    return m;
}
