/* describe.c - what a model or a stream is, for people and as JSON; names of the tables for the commands. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mat.h"
#include "base/mem.h"
#include "front/audio.h"
#include "model/calibration.h"
#include "model/objective.h"
#include "schema/line.h"

/* What a reader of the file could learn of single rows: see is_stored(). */
static const char *const stored[] = {"smallest and largest value of each column", "levels of categories and how many rows had each",
                                     "symbols of lines and how often each stands in them",
                                     "quantiles of columns of numbers, and all values where they are few",
                                     "scores of the calibration rows", "the conditions of up to 4096 training rows",
                                     "pseudo-inputs of the prior, which began as training rows",
                                     "up to 4096 training rows, which others are compared with (--no-exemplars leaves them out)", NULL};

static bool has_cells(const struct vae_model *m) {
    bool any = false;
    for (size_t j = 0; j < m->schema->d; j++)
        any = any || m->schema->cells[j].n > 0;
    return any;
}

static bool has_tenths(const struct vae_model *m) {
    bool any = false;
    for (size_t c = 0; c < m->schema->ncols; c++)
        any = any || m->schema->col[c].tenths.n > 0;
    return any;
}

/* Is it in this model's file, stored[i]? */
static bool is_stored(const struct vae_model *m, size_t i) {
    enum { LEVELS = 1, LINES, QUANTILES, SCORES, CONDITIONS, PSEUDO, EXEMPLARS };
    bool there[] = {[LINES] = m->line != NULL, [SCORES] = m->cal.n > 0, [CONDITIONS] = m->conditions.n > 0, [PSEUDO] = m->npseudo > 0,
                    [EXEMPLARS] = m->exemplars.n > 0};
    return i >= SCORES || i == LINES ? there[i] : i == LEVELS ? has_cells(m) : i == QUANTILES ? has_cells(m) || has_tenths(m) : true;
}

/* What becomes of a column: its likelihood, or that it is a condition. */
static const char *what_is(const struct vae_model *m, const struct schema_col *col) {
    return col->condition ? "condition" : *col->lik ? col->lik : m->config.lik->name;
}

static json_t *columns_json(const struct vae_model *m) {
    const struct schema *s = m->schema;
    json_t *cols = json_array();
    for (size_t c = 0; c < s->ncols; c++) {
        const struct schema_col *col = &s->col[c];
        json_t *j = json_pack("{s:s, s:I, s:s, s:s}", "name", col->name, "values", (json_int_t)col->width, "transform",
                              col->transform->name, "lik", what_is(m, col));
        json_object_set_new(j, "kind", json_string(schema_kind_name(col->kind)));
        json_object_set_new(j, "missing", json_boolean(col->missing));
        if (col->levels.n)
            json_object_set_new(j, "levels", json_integer((json_int_t)col->levels.n));
        if (col->width == 1) {
            json_object_set_new(j, "mean", json_real(s->stats.mean[col->v0]));
            json_object_set_new(j, "sd", json_real(s->stats.sd[col->v0]));
            json_object_set_new(j, "low", json_real(s->stats.low[col->v0]));
            json_object_set_new(j, "high", json_real(s->stats.high[col->v0]));
        }
        json_array_append_new(cols, j);
    }
    return cols;
}

/* Does the model have that score? */
static bool has_score(const struct vae_model *m, size_t by) {
    return by == VAE_BY_NEAR ? m->exemplars.n > 0 : by == VAE_BY_DENOISE ? m->denoiser.n > 0 : by == VAE_BY_LINE ? m->line != NULL : true;
}

/* The score that alpha begins at, of each kind. */
static double threshold(const struct vae_model *m, size_t by) {
    double smallest;
    return conformal_threshold(m->cal.score + (by - 1) * m->cal.n, m->cal.n, m->cal.alpha, &smallest);
}

static json_t *calibration_json(const struct vae_model *m) {
    json_t *at = json_object(), *share = json_object_get(m->training, "contamination");
    for (size_t by = 1; m->cal.n && by <= MODEL_NBY; by++)
        if (has_score(m, by) && isfinite(threshold(m, by)))
            json_object_set_new(at, model_by_names[by], json_real(threshold(m, by)));
    json_t *j = json_pack("{s:I, s:s, s:f, s:i, s:o}", "rows", (json_int_t)m->cal.n, "method", m->cal.method, "alpha",
                          m->cal.alpha, "draws", m->cal.draws, "thresholds", at);
    json_object_set(j, "contamination", share);
    return j;
}

static int calibration_text(const struct vae_model *m, struct buf *b) {
    const json_t *share = json_object_get(m->training, "contamination");
    int r = buf_printf(b, NULL, "\ncalibration  %s, %zu rows, %s %g", m->cal.method, m->cal.n, share ? "contamination" : "alpha",
                       m->cal.alpha);
    r = r ? r : buf_printf(b, NULL, "%s", m->cal.n ? "\nthresholds  " : "");
    for (size_t by = 1; m->cal.n && by <= MODEL_NBY && !r; by++)
        if (has_score(m, by))
            r = buf_printf(b, NULL, "%s %s %.6g", by > 1 ? "," : "", model_by_names[by], threshold(m, by));
    return r ? r : buf_put(b, "\n", 1, NULL);
}

static json_t *model_json(const struct vae_model *m) {
    json_t *hidden = json_array(), *channels = json_array(), *kl = json_array(), *keep = json_array();
    for (size_t i = 0; i < m->config.nhidden; i++)
        json_array_append_new(hidden, json_integer((json_int_t)m->config.hidden[i]));
    for (size_t i = 0; i < m->config.nchannels; i++)
        json_array_append_new(channels, json_integer((json_int_t)m->config.channels[i]));
    for (size_t j = 0; m->use && j < m->config.latent_dim; j++)
        json_array_append_new(kl, json_real(m->use[j]));
    for (size_t i = 0; i < m->schema->nkeep; i++)
        json_array_append_new(keep, json_string(m->schema->keep[i]));
    json_t *j = json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:s, s:s, s:s, s:I, s:I, s:o, s:O}", "kind", "model", "id",
                          m->id, "latent", m->config.latent->name, "latents", (json_int_t)m->config.latent_dim, "net",
                          model_net(&m->config), "hidden", hidden, "act", m->config.act->name, "lik",
                          m->config.lik->name, "prior", m->prior->name, "values", (json_int_t)m->schema->d, "weights",
                          (json_int_t)m->nw, "kl", kl, "training", m->training);
    json_object_set_new(j, "channels", channels);
    if (m->config.codes)
        json_object_set_new(j, "codes", json_integer((json_int_t)m->config.codes));
    json_object_set_new(j, "columns", columns_json(m));
    json_object_set_new(j, "keep", keep);
    json_object_set(j, "origin", m->schema->origin);
    json_object_set_new(j, "calibration", calibration_json(m));
    json_t *told = json_array();
    for (size_t i = 0; stored[i]; i++)
        if (is_stored(m, i))
            json_array_append_new(told, json_string(stored[i]));
    json_object_set_new(j, "stored", told);
    json_object_set_new(j, "chain", json_boolean(m->config.chain));
    return j;
}

static char *take_text(struct buf *b, int r) {
    if (!r)
        r = buf_put(b, "", 1, NULL);
    if (!r)
        return b->p;
    buf_free(b);
    return NULL;
}

static char *json_text(json_t *j) {
    struct buf b = {0};
    int r = js_dump(j, &b, NULL);
    json_decref(j);
    return take_text(&b, r);
}

/* Text out of a file, for a terminal; "?" for none. */
struct shown {
    char text[256];
};

static struct shown show(const char *text) {
    struct shown s;
    vae_quote(s.text, sizeof s.text, text ? text : "?", text ? strlen(text) : 1);
    return s;
}

static double number(const json_t *j, const char *key) { return json_number_value(json_object_get(j, key)); }

/* "column       line: line, 42 symbols (characters), room for 63, 2 lines were longer" */
static int line_text_of(const struct schema_col *col, struct buf *b) {
    int r = buf_printf(b, NULL, "column       %s: line, %zu symbols (%s)%s, room for %zu", show(col->name).text, col->levels.n,
                       col->bytes ? "bytes" : "characters", col->mask ? ", numbers masked" : "", line_positions(col));
    if (!r && col->longer)
        r = buf_printf(b, NULL, ", %zu training lines were longer", col->longer);
    return r ? r : buf_put(b, "\n", 1, NULL);
}

/* "column       age: number, binned: 74 levels; mean 38.6, sd 13.6, from 17 to 90" */
static int column_text(const struct vae_model *m, const struct schema_col *col, struct buf *b) {
    const struct schema_stats *s = &m->schema->stats;
    const struct cells *cells = &m->schema->cells[col->v0];
    if (col->kind == SCHEMA_LINE)
        return line_text_of(col, b);
    int r = buf_printf(b, NULL, "column       %s: %s, %s", show(col->name).text, schema_kind_name(col->kind),
                       what_is(m, col));
    if (!r && cells->n)
        r = buf_printf(b, NULL, ", %zu levels", col->levels.n ? col->levels.n : cells->nlevels);
    else if (!r)
        r = buf_printf(b, NULL, ", %s", col->transform->name);
    if (!r && col->missing)
        r = buf_printf(b, NULL, ", may be missing");
    if (!r && col->width > 1)
        r = buf_printf(b, NULL, ", %zu values", col->width);
    else if (!r && !col->levels.n)
        r = buf_printf(b, NULL, "; mean %g, sd %g, from %g to %g", s->mean[col->v0], s->sd[col->v0], s->low[col->v0],
                       s->high[col->v0]);
    return r ? r : buf_put(b, "\n", 1, NULL);
}

/* "NAME 400,200", nothing for none. */
static int sizes_text(const char *name, const size_t *size, size_t n, struct buf *b) {
    int r = n ? buf_printf(b, NULL, "%s", name) : 0;
    for (size_t i = 0; i < n && !r; i++)
        r = buf_printf(b, NULL, "%c%zu", i ? ',' : ' ', size[i]);
    return r;
}

/* What was optimised, where that is not the ELBO alone. */
static int objective_text(const json_t *training, struct buf *b) {
    const char *name = json_string_value(json_object_get(training, "objective"));
    if (!name || !strcmp(name, objective_elbo.name))
        return 0;
    int r = buf_printf(b, NULL, "objective    %s", show(name).text);
    if (!r && json_object_get(training, "samples"))
        r = buf_printf(b, NULL, ", %.0f draws a record", number(training, "samples"));
    if (!r && json_object_get(training, "weight"))
        r = buf_printf(b, NULL, ", weight %g", number(training, "weight"));
    return r ? r : buf_put(b, "\n", 1, NULL);
}

/* What was made of sound. */
static int sound_text(const struct vae_model *m, struct buf *b) {
    struct audio_spec s;
    char text[AUDIO_TEXT];
    if (audio_from_json(json_object_get(m->schema->origin, "front"), &s, NULL) <= 0)
        return 0;
    return buf_printf(b, NULL, "sound        %s\n", audio_text(&s, text));
}

static int model_text(const struct vae_model *m, struct buf *b) {
    const struct model_config *c = &m->config;
    const json_t *t = m->training, *held = json_object_get(t, "held_out"), *fitted = json_object_get(t, "fitted");
    int r = buf_printf(b, NULL, "model        %s\n", m->id);
    r = r ? r : buf_printf(b, NULL, "latents      %zu %s, drawn from: %s%s\n", c->latent_dim, c->latent->name, m->prior->name,
                           model_prior_trained(m) ? ", trained with them" : "");
    r = r ? r : buf_printf(b, NULL, "network      %s, %s", model_net(c), c->act->name);
    r = r ? r : sizes_text(", channels", c->channels, c->nchannels, b);
    r = r ? r : sizes_text(", hidden", c->hidden, c->nhidden, b);
    r = r ? r : buf_printf(b, NULL, "; %zu weights\ndecoder      %s\n", m->nw,
                           c->recurrent ? "a line: each symbol is given those before" :
                           c->raster ? "a raster: each pixel is given those above it and left of it" :
                           c->chain ? "a chain: each column is given those before" : "all columns at once");
    r = r ? r : buf_printf(b, NULL, "trained      for %s on %.0f rows of %zu values, seed %.0f, best step %.0f of %.0f\n",
                           show(json_string_value(json_object_get(t, "for"))).text, number(t, "rows"), m->schema->d,
                           number(t, "seed"), number(t, "best_step"), number(t, "steps_done"));
    r = r ? r : objective_text(t, b);
    r = r ? r : buf_printf(b, NULL, "%s     ELBO %.4f nats a record (s.e. %.4f)", held ? "held out" : "fitted  ",
                           number(held ? held : fitted, "elbo"), number(held ? held : fitted, "elbo_se"));
    held = held ? held : fitted;
    if (!r && json_object_get(held, "independent"))
        r = buf_printf(b, NULL, "; independent columns %.4f", number(held, "independent"));
    if (!r && json_object_get(held, "ppca"))
        r = buf_printf(b, NULL, "; probabilistic PCA %.4f", number(held, "ppca"));
    if (!r && json_object_get(held, "iw"))
        r = buf_printf(b, NULL, "; importance-weighted %.4f (s.e. %.4f, %.0f draws, ess %.1f)", number(held, "iw"),
                       number(held, "iw_se"), number(held, "iw_draws"), number(held, "iw_ess"));
    r = r ? r : calibration_text(m, b);
    r = r ? r : buf_printf(b, NULL, "KL           ");
    for (size_t j = 0; m->use && j < c->latent_dim && !r; j++)
        r = buf_printf(b, NULL, "%s%.2f", j ? " " : "", m->use[j]);
    if (!r && json_is_true(json_object_get(t, "collapsed")))
        r = buf_printf(b, NULL, "; the latents are idle%s",
                       json_is_true(json_object_get(t, "answered")) ? ", also in a second training" : "");
    if (!r && c->codes)
        r = buf_printf(b, NULL, "\ncodes        of %zu values, %.0f %% of them in use, perplexity %.2f; %.2f bits a record", c->codes,
                       100 * number(held, "code_usage"), number(held, "code_perplexity"), number(held, "code_nats") / log(2));
    r = r ? r : buf_printf(b, NULL, "\nstored       ");
    for (size_t i = 0; stored[i] && !r; i++)
        r = is_stored(m, i) ? buf_printf(b, NULL, "%s%s", i ? "; " : "", stored[i]) : 0;
    r = r ? r : buf_put(b, "\n", 1, NULL);
    r = r ? r : sound_text(m, b);
    for (size_t i = 0; i < m->schema->ncols && !r; i++)
        r = column_text(m, &m->schema->col[i], b);
    for (size_t i = 0; i < m->schema->nkeep && !r; i++)
        r = buf_printf(b, NULL, "column       %s: kept\n", show(m->schema->keep[i]).text);
    return r;
}

char *vae_model_describe(const struct vae_model *m, bool json) {
    struct buf b = {0};
    return json ? json_text(model_json(m)) : take_text(&b, model_text(m, &b));
}

char *vae_model_schema(const struct vae_model *m) {
    struct buf b = {0};
    return take_text(&b, schema_table(m->schema, &b, NULL));
}

const char *vae_model_carried(const struct vae_model *m, size_t i, const char **kind) {
    const struct schema *s = m->schema;
    if (kind && i < s->nkeep)
        *kind = s->keep_kind[i] == SCHEMA_ARRAY ? "kept" : schema_kind_name(s->keep_kind[i]);
    if (i < s->nkeep)
        return s->keep[i];
    i -= s->nkeep;
    for (size_t c = 0; c < s->ncols; c++)
        if (s->col[c].clock && i-- == 0) {
            if (kind)
                *kind = "clock";
            return s->col[c].name;
        }
    return NULL;
}

char *vae_head_describe(const struct vae_head *h, bool json) {
    json_t *fields = json_array();
    struct buf b = {0};
    int r = buf_printf(&b, NULL, "stream       %s", show(h->kind).text);
    const char *format = json_string_value(json_object_get(h->origin, "format"));
    if (!r && format)
        r = buf_printf(&b, NULL, ", from %s", show(format).text);
    const char *id = json_string_value(json_object_get(h->model, "id"));
    if (!r && id)
        r = buf_printf(&b, NULL, ", of model %s", show(id).text);
    r = r ? r : buf_put(&b, "\n", 1, NULL);
    for (size_t i = 0; i < h->nfields && !r; i++) {
        const struct rec_field *f = &h->fields[i];
        json_t *shape = json_array();
        r = buf_printf(&b, NULL, "field        %s: %s", show(f->name).text, rec_type_name(f->type));
        for (size_t k = 0; k < f->ndim; k++) {
            json_array_append_new(shape, json_integer((json_int_t)f->shape[k]));
            r = r ? r : buf_printf(&b, NULL, "%s%zu", k ? "x" : " ", f->shape[k]);
        }
        r = r ? r : buf_printf(&b, NULL, "%s%s\n", f->keep ? ", kept" : "", f->apart ? ", apart" : "");
        json_array_append_new(fields, json_pack("{s:s, s:s, s:o, s:b, s:b}", "name", f->name, "dtype",
                                                rec_type_name(f->type), "shape", shape, "keep", f->keep, "apart", f->apart));
    }
    json_t *j = json_pack("{s:s, s:o}", "kind", h->kind, "fields", fields);
    if (h->origin)
        json_object_set(j, "origin", h->origin);
    if (h->model)
        json_object_set(j, "model", h->model);
    char *text = take_text(&b, r);
    if (json) {
        free(text);
        return json_text(j);
    }
    json_decref(j);
    return text;
}

const char *vae_head_model_path(const struct vae_head *h) {
    return json_string_value(json_object_get(h->model, "path"));
}

const char *vae_likelihood(size_t i, const char **about) {
    if (about && lik_table[i])
        *about = lik_table[i]->about;
    return lik_table[i] ? lik_table[i]->name : NULL;
}

const char *vae_latent(size_t i, const char **about) {
    if (about && latent_table[i])
        *about = latent_table[i]->about;
    return latent_table[i] ? latent_table[i]->name : NULL;
}

const char *vae_prior(size_t i, const char **about) {
    if (about && prior_table[i])
        *about = prior_table[i]->about;
    return prior_table[i] ? prior_table[i]->name : NULL;
}

const char *vae_objective(size_t i, const char **about) {
    if (about && objective_table[i])
        *about = objective_table[i]->about;
    return objective_table[i] ? objective_table[i]->name : NULL;
}

const char *vae_activation(size_t i) {
    for (size_t k = 0; nn_ops[k]; k++)
        if (nn_ops[k]->act && i-- == 0)
            return nn_ops[k]->name;
    return NULL;
}

const char *vae_blas_core(void) { return mat_core(); }
