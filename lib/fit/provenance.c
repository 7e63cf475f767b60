/* provenance.c - how a model came to be, as JSON: what stands in its file, and what a checkpoint is compared by. */
#include <math.h>
#include <stdio.h>

#include "base/crc.h"
#include "base/err.h"
#include "base/json.h"
#include "base/mat.h"
#include "fit/fit.h"
#include "fit/schedule.h"

/* What was optimised. */
static void add_objective(json_t *j, const struct train_config *t) {
    json_object_set_new(j, "objective", json_string(t->objective->name));
    if (t->objective->draws)
        json_object_set_new(j, "samples", json_integer((json_int_t)t->draws));
    if (t->objective->couples)
        json_object_set_new(j, "weight", json_real((double)t->weight));
}

const char *fit_purpose(enum vae_purpose p) {
    static const char *const name[] = {"generate", "detect", "reduce"};
    return name[p];
}

/* Options as resolved: enough to make the same model again, nothing of where and when. */
static json_t *plan_json(const struct fit_plan *p, const struct fit_rows *data) {
    const struct train_config *t = &p->train;
    char crc[9];
    snprintf(crc, sizeof crc, "%08x", data->crc);
    json_t *j = json_pack("{s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:s}", "for",
                     fit_purpose(p->opts.purpose), "seed", (json_int_t)t->seed, "rows", (json_int_t)data->n, "data_crc32", crc,
                     "values", (json_int_t)data->schema->d, "steps", (json_int_t)t->steps, "batch", (json_int_t)t->batch,
                     "patience", (json_int_t)t->patience, "lr", (double)t->lr, "decay", (double)t->decay, "beta",
                     (double)t->beta, "warmup", (double)t->warmup, "free_bits", (double)t->free_nats, "valid", p->valid,
                     "program", VAE_VERSION, "blas_core", mat_core());
    if (p->opts.init)
        json_object_set_new(j, "init", json_string(p->opts.init->id));
    if (p->trim > 0)
        json_object_set_new(j, "trim", json_real(p->trim));
    if (t->cycles)
        json_object_set_new(j, "cycles", json_integer((json_int_t)t->cycles));
    if (t->capacity > 0)
        json_object_set_new(j, "capacity", json_real(t->capacity));
    if (t->target_mse > 0)
        json_object_set_new(j, "target_mse", json_real(t->target_mse));
    if (p->opts.split_by || p->opts.split_time)
        json_object_set_new(j, "split", json_string(p->opts.split_time ? "time" : "by"));
    if (p->opts.split_by)
        json_object_set_new(j, "split_by", json_string(p->opts.split_by));
    if (!isnan(p->opts.contamination))
        json_object_set_new(j, "contamination", json_real(p->opts.contamination));
    add_objective(j, t);
    return j;
}

/* And what came of them. */
static json_t *training_json(const struct fit_plan *p, const struct fit_rows *data, const struct train_result *res) {
    json_t *j = plan_json(p, data);
    json_t *end = json_pack("{s:I, s:I, s:f, s:I, s:I}", "steps_done", (json_int_t)res->steps, "best_step",
                            (json_int_t)res->best_step, "best_valid", res->best, "skipped", (json_int_t)res->skipped,
                            "rolled_back", (json_int_t)res->rolled_back);
    bool bad = !j || !end || json_object_update(j, end);
    if (!bad && schedule_watches(&p->train))
        json_object_set_new(j, "reached", json_real(res->watched));
    json_decref(end);
    if (!bad)
        return j;
    json_decref(j);
    return NULL;
}

json_t *fit_whole_plan(const struct fit_plan *p, const struct fit_rows *data) {
    json_t *j = plan_json(p, data), *columns = schema_to_json(data->schema);
    struct buf text = {0};
    char crc[9];
    bool bad = !j || !columns || js_dump(columns, &text, NULL);
    json_decref(columns);
    if (!bad) {
        snprintf(crc, sizeof crc, "%08x", crc_update(0, text.p, text.n));
        json_t *more = json_pack("{s:o, s:s, s:I, s:I, s:I, s:s}", "config", model_config_json(&p->model), "prior",
                                 p->prior->name, "bins", (json_int_t)p->bins, "calibration_rows", (json_int_t)p->ncal, "folds",
                                 (json_int_t)p->folds, "columns", crc);
        bad = !more || json_object_update(j, more);
        json_decref(more);
    }
    buf_free(&text);
    if (!bad)
        return j;
    json_decref(j);
    return NULL;
}

int fit_describe(struct vae_model *m, const struct fit_plan *p, const struct fit_rows *data,
                 const struct train_result *res, const struct vae_fit_report *rep, struct vae_err *err) {
    json_t *j = training_json(p, data, res), *bound = json_object();
    if (!j || !bound) {
        json_decref(j), json_decref(bound);
        return err_set(err, VAE_EOS, "out of memory");
    }
    const struct {
        const char *name;
        double value;
    } row[] = {{"elbo", rep->elbo},     {"elbo_se", rep->elbo_se}, {"iw", rep->iw},   {"iw_se", rep->iw_se},
             {"iw_ess", rep->iw_ess}, {"independent", rep->independent}, {"ppca", rep->ppca}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (isfinite(row[i].value))
            json_object_set_new(bound, row[i].name, json_real(row[i].value));
    if (isfinite(rep->iw))
        json_object_set_new(bound, "iw_draws", json_integer(rep->iw_draws));
    json_object_set_new(j, "collapsed", json_boolean(rep->collapsed));
    json_object_set_new(j, "answered", json_boolean(res->answered));
    json_object_set_new(bound, "active_units", json_integer((json_int_t)rep->active_units));
    if (rep->codes) {
        json_object_set_new(bound, "code_usage", json_real(rep->code_usage));
        json_object_set_new(bound, "code_perplexity", json_real(rep->code_perplexity));
        json_object_set_new(bound, "code_nats", json_real(rep->code_nats));
    }
    json_t *rates = json_array();
    for (size_t i = 0; i < rep->nrate; i++)
        if (isfinite(rep->rate[i].distortion))
            json_array_append_new(rates, json_pack("[f, f, f]", rep->rate[i].beta, rep->rate[i].rate, rep->rate[i].distortion));
    if (rep->nrate)
        json_object_set(bound, "rates", rates);
    json_decref(rates);
    json_object_set_new(j, rep->held_out ? "held_out" : "fitted", bound);
    json_decref(m->training);
    m->training = j;
    return 0;
}
