/* after.c - what is known of a model's windows as rows of series; and the last rows of series that new ones are to go behind. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "front/front.h"
#include "front/series.h"
#include "gen/series.h"
#include "schema/cell.h"
#include "schema/levels.h"
#include "stream/format.h"

/* ---- rows of windows ---------------------------------------------------------------------------------------- */

double gen_recode(const struct gen_recode *r, double v) {
    if (!r->n || isnan(v))
        return v;
    if (r->codes)
        return v >= 0 && v < (double)r->n ? r->value[(size_t)v] : NAN;
    size_t best = 0;
    for (size_t i = 1; i < r->n; i++)
        if (fabs(r->value[i] - v) < fabs(r->value[best] - v))
            best = i;
    return (double)best;
}

static double level_number(const struct schema_col *c, size_t level) {
    double v;
    const char *text = c->levels.text[level];
    return cell_unit_number(&c->unit, text, strlen(text), &v) ? v : NAN;
}

/* From values of one column to those of another that has the same cells; to NULL: to numbers. */
static int make_recode(struct gen_recode *r, const struct schema_col *from, const struct schema_col *to, struct vae_err *err) {
    const struct schema_levels *levels = from->levels.n ? &from->levels : &to->levels;
    bool same = to && from->levels.n == to->levels.n;
    for (size_t i = 0; same && i < from->levels.n; i++)
        same = !strcmp(from->levels.text[i], to->levels.text[i]);
    if (same)
        return 0;
    *r = (struct gen_recode){.codes = from->levels.n > 0, .value = mem_array(levels->n + 1, sizeof *r->value)};
    if (!r->value)
        return err_set(err, VAE_EOS, "out of memory");
    for (r->n = 0; r->n < levels->n; r->n++) {
        long code = r->codes && to && to->levels.n ? levels_find(&to->levels, levels->text[r->n], strlen(levels->text[r->n])) : -1;
        bool number = !r->codes || !to || !to->levels.n;
        r->value[r->n] = number ? level_number(r->codes ? from : to, r->n) : code < 0 ? NAN : (double)code;
    }
    return 0;
}

/* The name of a column that the user gave by name or number. */
static const char *named(const json_t *columns, const char *text) {
    const char *name = json_string_value(json_array_get(columns, rec_column_number(text) - 1));
    for (size_t i = 0; i < json_array_size(columns); i++) {
        const char *column = json_string_value(json_array_get(columns, i));
        if (column && !strcmp(column, text))
            return text;
    }
    return name ? name : text;
}

static int find_steps(struct gen_rows *g, const struct front_spec *spec, const json_t *columns, struct vae_err *err) {
    for (size_t c = 0; c < g->ncols; c++)
        for (size_t i = 0; i < spec->ndiff; i++) {
            const char *name = named(columns, spec->diff[i]);
            size_t n = strlen(name);
            if (strncmp(g->schema->col[c].name, name, n) != 0 || strcmp(g->schema->col[c].name + n, ".step") != 0)
                continue;
            g->step[c] = true, g->of[c] = mem_text(name, n);
            int r = g->of[c] ? 0 : err_set(err, VAE_EOS, "out of memory");
            if (!r && g->schema->col[c].levels.n)
                r = make_recode(&g->back[c], &g->schema->col[c], NULL, err);
            if (r)
                return r;
        }
    return 0;
}

static int find_groups(struct gen_rows *g, const struct front_spec *spec, const json_t *columns, struct vae_err *err) {
    g->group = mem_array(spec->ngroup + 1, sizeof *g->group);
    for (size_t i = 0; i < spec->ngroup && g->group; i++) {
        const char *name = named(columns, spec->group[i]);
        if (!(g->group[g->ngroup] = mem_text(name, strlen(name))))
            return err_set(err, VAE_EOS, "out of memory");
        g->ngroup++;
    }
    return g->group ? 0 : err_set(err, VAE_EOS, "out of memory");
}

int gen_rows_new(struct gen_rows *g, const struct schema *s, struct vae_err *err) {
    const json_t *front = json_object_get(s->origin, "front"), *columns = json_object_get(front, "columns");
    struct front_spec spec = {0};
    *g = (struct gen_rows){.schema = s, .window = schema_window(s)};
    while (g->ncols < s->ncols && !s->col[g->ncols].lag)
        g->d0 += s->col[g->ncols++].width;
    g->step = mem_array(g->ncols + 1, sizeof *g->step);
    g->of = mem_array(g->ncols + 1, sizeof *g->of);
    g->recode = mem_array(s->ncols, sizeof *g->recode);
    g->back = mem_array(s->ncols, sizeof *g->back);
    if (!g->step || !g->of || !g->recode || !g->back)
        return err_set(err, VAE_EOS, "out of memory");
    int r = front ? front_from_json(front, &spec, err) : err_set(err, VAE_EDATA, "the model does not say of which columns its windows are");
    r = r ? r : find_steps(g, &spec, columns, err);
    r = r ? r : find_groups(g, &spec, columns, err);
    for (size_t c = g->ncols; c < s->ncols && !r; c++) {
        const struct schema_col *now = &s->col[s->col[c].now];
        r = make_recode(&g->recode[c], now, &s->col[c], err);
        r = r ? r : make_recode(&g->back[c], &s->col[c], now, err);
    }
    front_spec_free(&spec);
    return r;
}

void gen_rows_free(struct gen_rows *g) {
    for (size_t c = 0; g->recode && g->back && c < g->schema->ncols; c++)
        free(g->recode[c].value), free(g->back[c].value);
    for (size_t c = 0; g->of && c < g->ncols; c++)
        free(g->of[c]);
    for (size_t i = 0; i < g->ngroup; i++)
        free(g->group[i]);
    free(g->step), free(g->of), free(g->recode), free(g->back), free(g->group);
    *g = (struct gen_rows){0};
}

/* ---- the rows before ---------------------------------------------------------------------------------------- */

struct reading {
    struct gen_ends *ends;
    const struct gen_rows *rows;
    const struct vae_head *head;
    struct schema_map map;
    int *group, *value;         /* fields: [ngroup]; [ncols] of what steps are of, -1: none */
    double *raw;                /* [d0] of a row: what is wrong with one before it is not its own */
    struct series_table series; /* by their groups; series.rows: the place of its end, from 1 */
    struct buf key, plain;
};

static int add_end(struct gen_ends *e, const struct gen_rows *g, struct vae_err *err) {
    int r = mem_grow(&e->end, &e->cap, e->n + 1, sizeof *e->end, err);
    if (r)
        return r;
    struct gen_end *end = &e->end[e->n++];
    *end = (struct gen_end){.past = mem_array(g->window, g->d0 * sizeof *end->past), .sum = mem_array(g->d0 + 1, sizeof *end->sum),
                            .group = mem_array(g->ngroup + 1, sizeof *end->group)};
    return end->past && end->sum && end->group ? 0 : err_set(err, VAE_EOS, "out of memory for %zu series", e->n);
}

/* A cell without quotes. */
static int unquoted(struct reading *in, const struct vae_batch *b, size_t field, size_t row, struct vae_err *err) {
    size_t n;
    const char *p = rec_cell(&b->cols[field], row, &n);
    in->plain.n = 0;
    int r = buf_reserve(&in->plain, n + 1, err);
    if (!r)
        in->plain.n = b->quoted ? rec_unquote(p, n, in->plain.p) : (memcpy(in->plain.p, p, n), n);
    return r;
}

/* The series of a row, which is there from its first row on. */
static int find_end(struct reading *in, const struct vae_batch *b, size_t row, struct gen_end **end, struct vae_err *err) {
    const struct gen_rows *g = in->rows;
    int r = buf_put(&in->key, "", 0, err);
    in->key.n = 0;
    for (size_t i = 0; i < g->ngroup && !r; i++) {
        r = unquoted(in, b, (size_t)in->group[i], row, err);
        r = r ? r : netstring_put(&in->key, in->plain.p, in->plain.n, err);
    }
    struct series *s = r ? NULL : series_find(&in->series, in->key.p, in->key.n, err);
    if (!s)
        return r ? r : VAE_EDATA;
    if (!s->rows) {
        r = add_end(in->ends, g, err);
        s->rows = in->ends->n;
    }
    *end = r ? NULL : &in->ends->end[s->rows - 1];
    for (size_t i = 0; i < g->ngroup && !r && !(*end)->group[i]; i++) {
        size_t n;
        const char *p = rec_cell(&b->cols[in->group[i]], row, &n);
        r = ((*end)->group[i] = mem_text(p, n)) ? 0 : err_set(err, VAE_EOS, "out of memory");
    }
    return r;
}

/* What the steps of column c are summed up from. A missing one leaves the last. */
static int add_value(struct reading *in, const struct vae_batch *b, size_t row, size_t c, double *sum, struct vae_err *err) {
    const struct schema_col *col = &in->rows->schema->col[c];
    size_t f = (size_t)in->value[c];
    double v;
    for (size_t j = 0; j < col->width && col->type != REC_UTF8; j++)
        sum[col->v0 + j] = rec_number(&b->cols[f], in->head->fields[f].type, row * col->width + j);
    int r = col->type == REC_UTF8 ? unquoted(in, b, f, row, err) : 0;
    if (!r && col->type == REC_UTF8 && num_parse(in->plain.p, in->plain.n, &v) == NUM_NUMBER)
        sum[col->v0] = v;
    return r;
}

static int add_row(struct reading *in, const struct vae_batch *b, size_t row, struct vae_err *err) {
    const struct gen_rows *g = in->rows;
    struct gen_end *end;
    struct schema_seen seen = {0};
    int r = 0;
    for (size_t c = 0; c < g->ncols && !r; c++) {
        const struct schema_col *col = &g->schema->col[c];
        for (size_t j = 0; j < col->width; j++)
            in->raw[col->v0 + j] = NAN;
        if (in->map.field[c] >= 0) /* else it is a condition that is not there */
            r = schema_read_column(g->schema, c, b, in->head, (size_t)in->map.field[c], row, in->raw + col->v0, &seen, err);
    }
    r = r ? r : find_end(in, b, row, &end, err);
    if (r)
        return r;
    memmove(end->past, end->past + g->d0, (g->window - 1) * g->d0 * sizeof *end->past);
    memcpy(end->past + (g->window - 1) * g->d0, in->raw, g->d0 * sizeof *end->past);
    end->rows += end->rows < g->window - 1;
    for (size_t c = 0; c < g->ncols && !r; c++)
        r = in->value[c] >= 0 ? add_value(in, b, row, c, end->sum, err) : 0;
    return r;
}

static int add_batch(struct reading *in, struct vae_in *from, const struct vae_batch *b, uint64_t *bad, struct vae_err *err) {
    int r = 0;
    for (size_t i = 0; i < b->rows && !r; i++) {
        r = add_row(in, b, i, err);
        if (r == VAE_EROW && !bad)
            err_prefix(err, "%s", vae_in_where(from, i));
        else if (r == VAE_EROW)
            ++*bad, r = 0;
    }
    return r;
}

static int find_fields(struct reading *in, struct vae_err *err) {
    const struct gen_rows *g = in->rows;
    in->group = mem_array(g->ngroup + 1, sizeof *in->group);
    in->value = mem_array(g->ncols + 1, sizeof *in->value);
    in->raw = mem_array(g->d0, sizeof *in->raw);
    if (!in->group || !in->value || !in->raw)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < g->ngroup; i++)
        if ((in->group[i] = rec_head_find(in->head, g->group[i])) < 0 || in->head->fields[in->group[i]].type != REC_UTF8)
            return err_set(err, VAE_EDATA, "column '%s', which names the series, is missing", g->group[i]);
    for (size_t c = 0; c < g->ncols; c++)
        in->value[c] = g->of[c] ? rec_head_find(in->head, g->of[c]) : -1;
    return schema_bind(g->schema, in->head, &in->map, err);
}

int gen_ends_read(struct gen_ends *e, const struct gen_rows *g, struct vae_in *from, uint64_t *bad, struct vae_err *err) {
    struct reading in = {.ends = e, .rows = g, .head = vae_in_head(from)};
    const struct vae_batch *b;
    int n = 0, r = find_fields(&in, err);
    while (!r && (n = vae_in_next(from, &b, err))) {
        if (n == VAE_EROW && bad)
            ++*bad;
        else
            r = n < 0 ? n : add_batch(&in, from, b, bad, err);
    }
    if (!r && !e->n)
        r = err_set(err, VAE_EDATA, "%s: no rows, and --after goes on behind some", stream_in_name(from));
    schema_map_free(&in.map), series_table_free(&in.series);
    buf_free(&in.key), buf_free(&in.plain);
    free(in.group), free(in.value), free(in.raw);
    return r;
}

void gen_ends_free(struct gen_ends *e, const struct gen_rows *g) {
    for (size_t i = 0; i < e->n; i++) {
        for (size_t k = 0; k < g->ngroup && e->end[i].group; k++)
            free(e->end[i].group[k]);
        free(e->end[i].past), free(e->end[i].sum), free(e->end[i].group);
    }
    free(e->end);
    *e = (struct gen_ends){0};
}
