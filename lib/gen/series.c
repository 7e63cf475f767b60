/*
 * series.c - new series: the first rows are a window drawn from p(x), each row behind them a draw of
 *
 *   p(x_t | x_t-1, ..., x_t-w+1) = prod over groups g of the chain of p(x_t,g | x_t,<g, the rows before)
 *
 * by the decoder that sees columns, z switched off (model/chain.c): what an autoregressive model of order w - 1 does. Conditions
 * stay as they are of a series, but for times, which go on at the pace of the rows that were learnt. Columns of steps are summed up.
 *
 * Rows follow from those before them, so a panel is MAT_PANEL series, each at the same row. A row depends on the seed, the number of
 * its series and its own alone.
 */
#include "gen/generate.h"
#include "gen/series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "front/front.h"

enum { ROWS_SHIFT = 32 /* bits of the number of a row in its series */, CHUNK = 1024 /* rows of a single series at once */ };
static const double DAY = 86400;

struct rolling {
    struct gen_rows rows;
    struct gen_ends ends;
    struct gen_where where;
    size_t nworkers;
    struct gen_prior *prior; /* [nworkers] */
    double *wide;            /* [nworkers,MAT_PANEL,d] */
    float *x;                /* the same, model units */
    uint64_t nseries, nrows; /* to be made; rows of each */
    uint64_t first, t;       /* the first series of those at hand, and the row they are at */
    size_t n, most;          /* series at hand */
    double *past;            /* [most,window,d0] rows so far, the last one last */
    size_t *known;           /* [most] rows of it that are known */
    double *told;            /* [most,d0] conditions, at row 0 */
    double *sum;             /* [most,d0] of steps */
    double *made;            /* [most,len,d0] rows t - have.. */
    size_t len, have;        /* room for rows of each; there */
    size_t given, row;       /* series of those at hand that are out; rows of the next one */
};

static void rolling_free(void *state) {
    struct rolling *g = state;
    gen_priors_close(g->prior, g->nworkers);
    gen_where_free(&g->where);
    gen_ends_free(&g->ends, &g->rows), gen_rows_free(&g->rows);
    free(g->wide), free(g->x), free(g->past), free(g->known), free(g->told), free(g->sum), free(g->made);
    free(g);
}

/* ---- a panel of series -------------------------------------------------------------------------------------- */

/* The conditions of series i at row t -> v[d0]. */
static void tell(const struct rolling *g, size_t i, uint64_t t, double *v) {
    const double *told = g->told + i * g->rows.d0;
    for (size_t c = 0; c < g->rows.ncols; c++) {
        const struct schema_col *col = &g->rows.schema->col[c];
        if (!col->condition)
            continue;
        memcpy(v + col->v0, told + col->v0, col->width * sizeof *v);
        double *day = v + col->v0, gone = col->pace * (double)(t + (g->ends.n > 0));
        if (col->pace > 0 && col->width > 1) {
            day[1] += gone;
            double days = floor(day[1] / DAY);
            day[0] += days, day[1] -= days * DAY;
        } else if (col->pace > 0) {
            day[0] += nearbyint(gone / DAY);
        }
    }
}

/* Conditions as they are drawn for each series, in pass->x -> told; clocks begin where the rows that were learnt did. */
static void keep_told(struct rolling *g, const struct model_pass *p, size_t first, size_t n) {
    const struct schema *s = g->rows.schema;
    for (size_t c = 0; c < g->rows.ncols; c++) {
        const struct schema_col *col = &s->col[c];
        bool start = col->pace > 0 && !g->where.value[col->v0].on;
        for (size_t i = 0; i < n && col->condition; i++) {
            double *told = g->told + (first + i) * g->rows.d0 + col->v0;
            for (size_t j = 0; j < col->width; j++)
                told[j] = start ? s->stats.low[col->v0 + j] : schema_raw(s, col->v0 + j, p->x[(col->v0 + j) * p->ld + i]);
            if (col->kind == SCHEMA_TIME)
                told[0] = nearbyint(told[0]);
            if (start && col->width > 1 && isfinite(col->earliest)) {
                told[0] = floor(col->earliest / DAY);
                told[1] = col->earliest - told[0] * DAY;
            }
        }
    }
}

/* Conditions of row t -> pass->x. */
static void show_told(const struct rolling *g, struct model_pass *p, size_t first, size_t n, uint64_t t, double *v) {
    const struct schema *s = g->rows.schema;
    for (size_t i = 0; i < MAT_PANEL; i++) {
        tell(g, first + (i < n ? i : n - 1), t, v);
        for (size_t c = 0; c < g->rows.ncols; c++)
            for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width && s->col[c].condition; j++)
                p->x[j * p->ld + i] = schema_x(s, &s->col[c], j, v[j]);
    }
}

/* The first window of each: a draw of p(x), as other records are drawn. */
static void begin(struct vae_op *op, struct model_pass *p, struct gen_key *key, size_t first, size_t n) {
    struct rolling *g = op->state;
    const struct schema *s = op->m->schema;
    size_t w = g->rows.window, d0 = g->rows.d0;
    double *wide = g->wide + key->worker * MAT_PANEL * s->d;
    gen_tell(op->m, p, &g->where, key, true);
    keep_told(g, p, first, n);
    show_told(g, p, first, n, w - 1, wide);
    gen_prior_draw(&g->prior[key->worker], op->m, p, key->seed, key->rows, 1);
    op_fill(op->m, p, true, key->seed, key->rows);
    op_to_input_units(s, p, n, true, wide);
    for (size_t i = 0; i < n; i++) {
        double *past = g->past + (first + i) * w * d0;
        const double *x = wide + i * s->d;
        for (size_t j = 0; j < w * d0; j++)
            past[j] = NAN;
        memcpy(past + (w - 1) * d0, x, d0 * sizeof *past);
        for (size_t c = g->rows.ncols; c < s->ncols; c++)
            for (size_t j = 0; j < s->col[c].width; j++)
                past[(w - 1 - s->col[c].lag) * d0 + s->col[s->col[c].now].v0 + j] = gen_recode(&g->rows.back[c], x[s->col[c].v0 + j]);
        g->known[first + i] = w - 1;
    }
}

/* The rows before row t, and its conditions, are what is seen. */
static void look_back(struct vae_op *op, struct model_pass *p, size_t worker, size_t first, size_t n, uint64_t t) {
    const struct rolling *g = op->state;
    const struct schema *s = op->m->schema;
    size_t w = g->rows.window, d0 = g->rows.d0, d = s->d, ld = p->ld;
    double *wide = g->wide + worker * MAT_PANEL * d;
    float *x = g->x + worker * MAT_PANEL * d;
    for (size_t i = 0; i < MAT_PANEL; i++) {
        size_t at = first + (i < n ? i : n - 1);
        const double *past = g->past + at * w * d0;
        for (size_t j = 0; j < d0; j++)
            wide[i * d + j] = NAN;
        tell(g, at, t, wide + i * d);
        for (size_t c = g->rows.ncols; c < s->ncols; c++) {
            const double *was = past + (w - 1 - s->col[c].lag) * d0 + s->col[s->col[c].now].v0;
            for (size_t j = 0; j < s->col[c].width; j++)
                wide[i * d + s->col[c].v0 + j] = gen_recode(&g->rows.recode[c], was[j]);
        }
    }
    schema_to_model(s, wide, NULL, MAT_PANEL, x);
    for (size_t c = 0; c < s->ncols; c++)
        for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
            for (size_t i = 0; i < MAT_PANEL; i++) {
                float v = x[i * d + j];
                bool known = s->col[c].lag && s->col[c].lag <= g->known[first + (i < n ? i : n - 1)];
                if (isnan(v) && known && s->cells[j].n)
                    v = cells_blank(&s->cells[j]); /* a blank that was there */
                p->x[j * ld + i] = p->seen[j * ld + i] = v;
            }
    chain_z_off(op->m, p, 0, MAT_PANEL, true);
}

/* Row t of series i is v[d0]: the last one, and one to be given, its steps summed up. */
static void keep_row(struct rolling *g, size_t i, size_t row, const double *v) {
    double *made = g->made + (i * g->len + row) * g->rows.d0;
    memcpy(made, v, g->rows.d0 * sizeof *made);
    for (size_t c = 0; c < g->rows.ncols; c++) {
        const struct schema_col *col = &g->rows.schema->col[c];
        for (size_t j = col->v0; j < col->v0 + col->width && g->rows.step[c]; j++) {
            double step = gen_recode(&g->rows.back[c], v[j]), *sum = &g->sum[i * g->rows.d0 + j];
            *sum += isnan(step) ? 0 : step;
            made[j] = isnan(step) ? NAN : *sum;
        }
    }
}

static void next_rows(struct vae_op *op, struct model_pass *p, size_t first, size_t n) {
    struct rolling *g = op->state;
    const struct schema *s = op->m->schema;
    size_t w = g->rows.window, d0 = g->rows.d0, from = g->ends.n ? 0 : w;
    struct gen_key key = {.seed = op->opts.seed, .worker = (size_t)(p - op->pass)};
    double *wide = g->wide + key.worker * MAT_PANEL * s->d;
    for (uint64_t t = g->t; t < g->t + g->have; t++) {
        for (size_t i = 0; i < MAT_PANEL; i++)
            key.rows[i] = ((g->first + first + (i < n ? i : n - 1)) << ROWS_SHIFT) + t;
        if (t == 0 && from)
            begin(op, p, &key, first, n);
        if (t >= from) {
            for (size_t i = first; i < first + n; i++)
                memmove(g->past + i * w * d0, g->past + (i * w + 1) * d0, (w - 1) * d0 * sizeof *g->past);
            look_back(op, p, key.worker, first, n, t);
            gen_fill(op->m, p, &g->where, 0, g->where.norder, &key, NULL);
            op_to_input_units(s, p, n, true, wide);
        }
        for (size_t i = 0; i < n; i++) {
            double *past = g->past + (first + i) * w * d0, *now = past + (t < from ? t : w - 1) * d0, *v = wide + i * s->d;
            if (t >= from) {
                memcpy(now, v, d0 * sizeof *now);
                g->known[first + i] += g->known[first + i] < w - 1;
            } else {
                memcpy(v, now, d0 * sizeof *now);
            }
            tell(g, first + i, t, v);
        }
        gen_where_blank(&g->where, s, key.seed, key.rows, n, wide);
        for (size_t i = 0; i < n; i++)
            keep_row(g, first + i, (size_t)(t - g->t), wide + i * s->d);
    }
}

/* ---- all of them -------------------------------------------------------------------------------------------- */

/* The next series, as they begin. */
static void next_series(struct rolling *g) {
    size_t w = g->rows.window, d0 = g->rows.d0;
    g->first += g->n, g->t = 0;
    g->n = g->nseries - g->first < g->most ? (size_t)(g->nseries - g->first) : g->most;
    for (size_t i = 0; i < g->n; i++) {
        const struct gen_end *end = g->ends.n ? &g->ends.end[g->first + i] : NULL;
        for (size_t j = 0; j < d0; j++)
            g->sum[i * d0 + j] = end ? end->sum[j] : 0;
        if (!end)
            continue;
        memcpy(g->past + i * w * d0, end->past, w * d0 * sizeof *g->past);
        memcpy(g->told + i * d0, end->past + (w - 1) * d0, d0 * sizeof *g->told);
        for (size_t j = 0; j < (w - 1 - end->rows) * d0; j++) /* nothing is known of rows before the first one */
            g->past[i * w * d0 + d0 + j] = NAN;
        g->known[i] = end->rows;
    }
}

static void make_rows(struct vae_op *op) {
    struct rolling *g = op->state;
    g->t += g->have, g->have = 0, g->given = 0, g->row = 0;
    if (!g->n || g->t == g->nrows)
        next_series(g);
    g->have = g->nrows - g->t < g->len ? (size_t)(g->nrows - g->t) : g->len;
    if (g->n)
        op_panels(op, g->n, next_rows);
}

/* Of the carried columns those that name the series are known: they are numbered, or as their rows had them. */
static int write_kept(struct vae_op *op, size_t n, struct vae_err *err) {
    const struct rolling *g = op->state;
    uint64_t series = g->first + g->given;
    int r = 0;
    for (size_t i = 0; i < op->nkeep; i++) {
        char text[24] = "";
        const char *cell = text;
        for (size_t k = 0; k < g->rows.ngroup; k++)
            if (!strcmp(g->rows.group[k], op->head->fields[op->keep_out[i]].name)) {
                snprintf(text, sizeof text, "new%llu", (unsigned long long)series + 1);
                cell = g->ends.n ? g->ends.end[series].group[k] : text;
            }
        for (size_t j = 0; j < n && !r; j++)
            r = rec_build_text(op->build, (size_t)op->keep_out[i], cell, strlen(cell), err);
    }
    return r;
}

static int write_rows(struct vae_op *op, size_t n, struct vae_err *err) {
    const struct rolling *g = op->state;
    const struct schema *s = op->m->schema;
    int r = rec_build_rows(op->build, n, err);
    r = r ? r : op_reserve(op, n, err);
    const double *made = g->made + (g->given * g->len + g->row) * g->rows.d0;
    for (size_t i = 0; i < n && !r; i++)
        memcpy(op->raw + i * s->d, made + i * g->rows.d0, g->rows.d0 * sizeof *made);
    for (size_t c = 0, f = 0; c < g->rows.ncols && !r; c++) {
        if (!schema_written(&s->col[c], false))
            continue;
        double *sum = g->rows.step[c] ? rec_build_data(op->build, f) : NULL;
        for (size_t i = 0; i < n && sum; i++)
            memcpy(sum + i * s->col[c].width, op->raw + i * s->d + s->col[c].v0, s->col[c].width * sizeof *sum);
        r = sum ? 0 : schema_write_column(s, c, op->raw, n, 0, op->build, f, err);
        f++;
    }
    return r ? r : write_kept(op, n, err);
}

static int rolling_run(struct vae_op *op, size_t n, const struct vae_batch **out, struct vae_err *err) {
    struct rolling *g = op->state;
    rec_build_reset(op->build);
    if (g->given == g->n && !(g->first + g->n >= g->nseries && g->t + g->have >= g->nrows))
        make_rows(op);
    if (g->given == g->n)
        n = 0;
    else
        n = n < g->have - g->row ? n : g->have - g->row;
    int r = n ? write_rows(op, n, err) : 0;
    g->row += n;
    if (g->given < g->n && g->row == g->have)
        g->given++, g->row = 0;
    *out = rec_build_batch(op->build, n);
    return r;
}

/* The columns of a row, those of steps being what they are steps of. */
static int head(struct vae_op *op, struct vae_err *err) {
    const struct rolling *g = op->state;
    const struct schema *s = op->m->schema;
    json_t *columns = json_object_get(json_object_get(s->origin, "front"), "columns");
    int r = gen_head(op, false, err);
    if (r)
        return r;
    for (size_t c = 0, f = 0; c < g->rows.ncols; c++) {
        struct rec_field *field = &op->head->fields[f];
        if (!schema_written(&s->col[c], false))
            continue;
        f++;
        if (!g->rows.step[c])
            continue;
        char *name = mem_text(g->rows.of[c], strlen(g->rows.of[c]));
        if (!name)
            return err_set(err, VAE_EOS, "out of memory");
        free(field->name);
        field->name = name, field->type = REC_F64, field->decimals = s->col[c].decimals;
    }
    json_decref(op->head->origin); /* the columns in the order they had before windows were made of them */
    op->head->origin = json_copy(s->origin);
    return json_object_set(op->head->origin, "columns", columns) ? err_set(err, VAE_EOS, "out of memory") : 0;
}

/* How many series are made at once, and rows of each: a single one bit by bit, of others whole ones. */
static int make_room(struct vae_op *op, struct vae_err *err) {
    struct rolling *g = op->state;
    size_t d = op->m->schema->d, d0 = g->rows.d0, w = g->rows.window, panels = g->nworkers * MAT_PANEL, cells, all;
    g->most = g->nseries < panels ? (size_t)g->nseries : panels;
    g->len = g->nseries > 1 || g->nrows < CHUNK ? (size_t)g->nrows : CHUNK;
    if (!mem_mul(g->len, d0, &cells) || !mem_mul(cells, g->most, &all))
        return err_set(err, VAE_EUSAGE, "too many rows for %zu series at once", g->most);
    g->past = mem_array(g->most, w * d0 * sizeof *g->past), g->known = mem_array(g->most, sizeof *g->known);
    g->told = mem_array(g->most, d0 * sizeof *g->told), g->sum = mem_array(g->most, d0 * sizeof *g->sum);
    g->made = mem_array(all, sizeof *g->made);
    g->wide = mem_array(panels, d * sizeof *g->wide), g->x = mem_floats(panels * d);
    return g->past && g->known && g->told && g->sum && g->made && g->wide && g->x
               ? 0 : err_set(err, VAE_EOS, "out of memory for %zu series of %llu rows", g->most, (unsigned long long)g->nrows);
}

static int prepare(struct vae_op *op, struct vae_err *err) {
    struct rolling *g = op->state;
    const struct vae_model *m = op->m;
    const struct vae_op_opts *o = &op->opts;
    g->nrows = o->rows ? o->rows : 1, g->nseries = o->series ? o->series : 1;
    g->nworkers = pool_threads(op->pool);
    int r = gen_priors_open(&g->prior, g->nworkers, m, o->prior, err);
    r = r ? r : gen_where_parse(&g->where, m, g->nworkers, o->where, o->nwhere, err);
    r = r ? r : gen_where_told_only(&g->where, m, "rows of a series", err);
    r = r ? r : gen_rows_new(&g->rows, m->schema, err);
    size_t n = 0;
    for (size_t i = 0; i < g->where.norder && !r; i++) /* a row is drawn, nothing of those before it */
        if (!m->schema->col[g->where.order[i]].lag)
            g->where.order[n++] = g->where.order[i];
    g->where.norder = n;
    if (!r && o->after)
        r = gen_ends_read(&g->ends, &g->rows, o->after, o->skip_bad ? &op->totals.bad_given : NULL, err);
    g->nseries = o->after ? g->ends.n : g->nseries;
    if (!r && (g->nseries > FRONT_SERIES_MAX || g->nrows >> ROWS_SHIFT))
        r = err_set(err, VAE_EUSAGE, "at most %d series of less than 2^32 rows at once", (int)FRONT_SERIES_MAX);
    return r ? r : make_room(op, err);
}

struct vae_op *gen_series(const struct vae_model *m, const struct vae_op_opts *opts, struct vae_err *err) {
    if (!m->config.chain) {
        err_set(err, VAE_EUSAGE, "this model cannot draw rows from those before them: it was not fitted --for generate; "
                                 "--windows draws single windows");
        return NULL;
    }
    struct vae_op *op = op_new(m, NULL, "data", opts, err);
    if (!op)
        return NULL;
    op->state = mem_array(1, sizeof(struct rolling));
    op->free_state = op->state ? rolling_free : NULL;
    op->generate = rolling_run;
    if (!op->state)
        err_set(err, VAE_EOS, "out of memory");
    else if (!prepare(op, err) && !head(op, err) && !op_seal(op, true, err)) {
        rec_build_quoted(op->build, true);
        return op;
    }
    vae_op_free(op);
    return NULL;
}
