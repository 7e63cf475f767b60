/* choose_columns.c - the likelihood, the transform and the blanks of each column, where the options leave them open. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "fit/fit.h"

enum { MIN_BINS = 8, MAX_BINS = 128, ROWS_A_BIN = 50, MAX_LEVELS = 4096 /* of all numbers together */ };

/* A numeric column whose few values were taken for levels becomes a plain number again: how far off an odd value is
 * matters where rows are scored or squeezed. */
static void as_number(struct fit_rows *r, struct schema_col *col) {
    size_t d = r->schema->d;
    double value[SCHEMA_FEW_LEVELS];
    if (col->levels.n > SCHEMA_FEW_LEVELS)
        return;
    for (size_t i = 0; i < col->levels.n; i++)
        if (num_parse(col->levels.text[i], strlen(col->levels.text[i]), &value[i]) != NUM_NUMBER)
            return;
    for (size_t i = 0; i < r->n; i++) {
        double *v = &r->raw[i * d + col->v0];
        *v = isnan(*v) ? *v : value[(size_t)*v];
    }
    for (size_t i = 0; i < col->levels.n && col->decimals >= 0; i++) {
        int k = num_decimals(col->levels.text[i], strlen(col->levels.text[i]));
        col->decimals = k < 0 ? -1 : k > col->decimals ? k : col->decimals;
    }
    schema_levels_free(&col->levels);
    col->kind = SCHEMA_NUMBER;
}

/* Cells where there are levels or an order, so that a range of it can be drawn from. */
static void choose_condition(struct schema_col *col) {
    *col->lik = 0;
    col->transform = col->levels.n ? &schema_level : col->kind == SCHEMA_ARRAY || col->clock ? &schema_standard : &schema_bins;
}

/* What an array is drawn from: bytes that are an image have a probability mass, and if all are black or white, two levels. */
static const char *array_lik(const struct vae_fit_opts *o, const struct fit_rows *r, const struct schema_col *col) {
    if (o->purpose != VAE_FOR_GENERATE || col->type != REC_U8 || col->ndim < 2)
        return "gaussian";
    double low = INFINITY, high = -INFINITY;
    size_t d = r->schema->d;
    for (size_t i = 0; i < r->n; i++)
        for (const double *v = &r->raw[i * d + col->v0], *end = v + col->width; v < end; v++) {
            if (*v > low && *v < high)
                return "dlogistic";
            double l = fmin(low, *v), h = fmax(high, *v);
            if ((l < low && low < h) || (h > high && high > l)) /* a third value */
                return "dlogistic";
            low = l, high = h;
        }
    return low < high ? "bernoulli" : "gaussian";
}

/* The likelihood and the transform of a column, where the schema file does not say. */
static int choose_column(const struct vae_fit_opts *o, const struct fit_rows *r, struct schema_col *col, struct vae_err *err) {
    if (col->kind == SCHEMA_LINE) {
        snprintf(col->lik, sizeof col->lik, "%s", lik_categorical.name);
        col->transform = &schema_none;
        return 0;
    }
    bool number = col->kind != SCHEMA_CATEGORY && col->kind != SCHEMA_BINARY && col->kind != SCHEMA_ORDINAL;
    const char *name = col->lik;
    if (!*name && col->kind == SCHEMA_ARRAY)
        name = o->lik ? o->lik : array_lik(o, r, col);
    else if (!*name && number)
        name = o->lik ? o->lik : o->purpose == VAE_FOR_GENERATE ? "binned" : "gaussian";
    else if (!*name)
        name = col->kind == SCHEMA_ORDINAL && o->purpose == VAE_FOR_DETECT ? "ordinal" : "categorical";
    const struct lik *lik = lik_by_name(name);
    if (!lik)
        return err_set(err, VAE_EUSAGE, "no such likelihood: '%s'", name);
    bool whole = col->kind == SCHEMA_COUNT || (col->kind == SCHEMA_NUMBER && col->decimals == 0),
         counts = !lik->cells && lik->mass && lik->max > 1;
    if ((lik->cells && col->kind == SCHEMA_ARRAY) || (!lik->cells && !number) ||
        (counts && !whole && col->kind != SCHEMA_ARRAY)) {
        char text[80];
        return err_set(err, VAE_EUSAGE, "column '%s' is a %s: a %s likelihood does not suit it",
                       err_quote(text, sizeof text, col->name, strlen(col->name)), schema_kind_name(col->kind), name);
    }
    if (name != col->lik)
        snprintf(col->lik, sizeof col->lik, "%s", name);
    col->transform = lik->cells ? (number ? &schema_bins : &schema_level)
                     : lik->max <= 1 ? &schema_unit : lik->mass ? &schema_none : &schema_standard;
    return 0;
}

/* Blanks that come at random are strewn over new rows; others are a level of their own, to be learnt. */
static int choose_blanks(const struct fit_rows *r, struct vae_err *err) {
    struct schema *s = r->schema;
    bool *random = mem_array(s->ncols, sizeof *random);
    double *share = mem_array(s->ncols, sizeof *share);
    int e = random && share ? fit_blanks(r, random, share, err) : err_set(err, VAE_EOS, "out of memory");
    for (size_t c = 0; c < s->ncols && !e; c++)
        if (share[c] > 0 && random[c] && !s->col[c].condition)
            s->col[c].blank_share = share[c];
        else if (share[c] > 0)
            s->col[c].blank = *s->col[c].lik && lik_by_name(s->col[c].lik)->cells;
    free(random), free(share);
    return e;
}

size_t fit_modelled(const struct schema *s) {
    size_t n = 0;
    for (size_t c = 0; c < s->ncols; c++)
        n += !s->col[c].condition;
    return n;
}

int fit_choose_columns(const struct vae_fit_opts *o, struct fit_rows *r, struct fit_plan *p, struct vae_err *err) {
    struct schema *s = r->schema;
    bool table = fit_modelled(s) > 1 && s->ncols <= MODEL_MAX_COLUMNS, missing = false;
    int e = 0;
    for (size_t c = 0; c < s->ncols && !e; c++) {
        struct schema_col *col = &s->col[c];
        if (col->condition) {
            choose_condition(col);
            continue;
        }
        if (o->purpose != VAE_FOR_GENERATE && (col->kind == SCHEMA_BINARY || col->kind == SCHEMA_ORDINAL) &&
            !col->said && !*col->lik)
            as_number(r, col);
        e = choose_column(o, r, col, err);
        table = table && col->kind != SCHEMA_ARRAY && col->kind != SCHEMA_LINE;
        missing = missing || col->missing;
    }
    if (!e && missing && o->purpose == VAE_FOR_GENERATE)
        e = choose_blanks(r, err);
    p->model.chain = table && o->purpose == VAE_FOR_GENERATE;
    p->model.masks = p->model.chain || (missing && s->ncols <= MODEL_MAX_COLUMNS);
    size_t most = MAX_LEVELS / s->ncols, bins = r->n / ROWS_A_BIN;
    bins = bins > MAX_BINS ? MAX_BINS : bins;
    p->bins = bins > most ? most : bins;
    p->bins = p->bins < MIN_BINS ? MIN_BINS : p->bins;
    return e;
}

