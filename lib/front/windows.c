/*
 * windows.c - rows in, windows of their series out, one ending at each row.
 *
 * Of each series the last window - 1 rows are held. A record is the row itself, and behind it the cells of the rows before, the
 * nearest first. Columns that are carried, and those that name the series, are of the row itself alone. A step needs the row before,
 * too, so the first row of a series has none.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "front/windows.h"

enum { CELLS = 1 << 18 /* of a batch, about */, ROWS = 4096, FIXED = 15 /* digits behind a point */ };

void front_free(struct front *f) {
    if (!f)
        return;
    series_table_free(&f->series);
    for (size_t i = 0; i < f->most && f->change; i++)
        series_row_free(&f->change[i].row);
    free(f->change), free(f->change_last), free(f->change_decimals);
    rec_head_free(f->head), rec_build_free(f->build), buf_free(&f->key), buf_free(&f->plain);
    free(f->field), free(f->lag), free(f->group), free(f->cell), free(f->value), free(f->now), free(f->steps), free(f->decimals),
        free(f->text);
    free(f->partial), free(f->row), free(f);
}

const struct vae_head *front_head(const struct front *f) { return f->head; }
size_t front_row(const struct front *f, size_t i) { return f->row[i]; }
size_t front_overlap(const struct front *f) { return (f->window - 1 + f->step - 1) / f->step * f->series.n; }

void front_cut(struct front *f, const char *name) {
    f->name = name;
    f->file += !name;
}

/* ---- what comes out ---------------------------------------------------------------------------------------- */

/* A field like that of `in`: of the row `lag` rows before. */
static int add_field(struct front *f, size_t at, size_t lag, struct vae_err *err) {
    const struct rec_field *from = &f->in->fields[at];
    bool diff = f->field[at].diff;
    char name[1024], back[24] = "", shown[80];
    if (lag)
        snprintf(back, sizeof back, "@-%zu", lag);
    int n = snprintf(name, sizeof name, "%s%s%s", from->name, diff ? ".step" : "", back);
    if (!from->whole && (n >= (int)sizeof name || rec_head_find(f->head, name) >= 0))
        return err_set(err, VAE_EUSAGE, "column '%s': %s", err_quote(shown, sizeof shown, from->name, strlen(from->name)),
                       n >= (int)sizeof name ? "too long a name" : "what is made of it has a name that another column has");
    struct rec_field *to = rec_head_add(f->head, from->whole ? from->name : name, diff && from->type != REC_UTF8 ? REC_F64 : from->type,
                                        from->ndim, from->shape, err);
    if (!to)
        return VAE_EOS;
    to->decimals = from->decimals, to->apart = from->apart, to->lag = lag, to->now = at;
    to->keep = from->keep, to->whole = from->whole;
    return 0;
}

/* The column that a field's steps are of. */
static int add_value(struct front *f, size_t at, struct vae_err *err) {
    const struct rec_field *from = &f->in->fields[at];
    struct rec_field *to = rec_head_add(f->head, from->name, from->type, from->ndim, from->shape, err);
    if (!to)
        return VAE_EOS;
    to->decimals = from->decimals, to->keep = true;
    return 0;
}

static int make_head(struct front *f, const struct front_spec *s, struct vae_err *err) {
    int r = (f->head = rec_head_new(f->in->kind, err)) ? 0 : VAE_EOS;
    for (size_t i = 0; i < f->in->nfields && !r; i++)
        r = add_field(f, i, 0, err);
    for (size_t k = 1; k < f->window && !r; k++)
        for (size_t i = 0; i < f->nlag && !r; i++)
            r = add_field(f, f->lag[i], k, err);
    for (size_t i = 0; i < f->in->nfields && !r && f->values; i++)
        r = f->field[i].diff ? add_value(f, i, err) : 0;
    if (r)
        return r;
    json_t *columns = json_array();
    for (size_t i = 0; i < f->head->nfields; i++)
        if (!f->head->fields[i].whole)
            json_array_append_new(columns, json_string(f->head->fields[i].name));
    f->head->origin = f->in->origin ? json_deep_copy(f->in->origin) : json_object();
    f->head->model = json_incref(f->in->model), f->head->extra = json_incref(f->in->extra);
    if (json_object_set_new(f->head->origin, "columns", columns) ||
        json_object_set_new(f->head->origin, "front", front_to_json(s, f->in)))
        return err_set(err, VAE_EOS, "out of memory");
    f->build = rec_build_new(f->head, err);
    return f->build ? rec_build_rows(f->build, f->most, err) : VAE_EOS;
}

/* The field of a name the user gave, or of its number. */
static int pick(const struct front *f, const char *spec, const char *option, size_t *at, struct vae_err *err) {
    char name[80];
    int i = rec_head_pick(f->in, spec);
    *at = (size_t)i;
    return i >= 0 ? 0 : err_set(err, VAE_EUSAGE, "%s: there is no column '%s'", option, err_quote(name, sizeof name, spec, strlen(spec)));
}

static int choose_fields(struct front *f, const struct front_spec *s, const bool *now, struct vae_err *err) {
    bool *of_group = mem_array(f->in->nfields + 1, sizeof *of_group);
    int r = of_group ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < s->ngroup && !r; i++)
        if (!(r = pick(f, s->group[i], "--group", &f->group[i], err)))
            of_group[f->group[i]] = true;
    for (size_t i = 0; i < s->ndiff && !r; i++) {
        size_t at;
        if ((r = pick(f, s->diff[i], "--diff", &at, err)) == 0 && (f->in->fields[at].keep || of_group[at]))
            r = err_set(err, VAE_EUSAGE, "--diff: column '%s' is only carried, and has no steps", s->diff[i]);
        if (!r)
            f->field[at].diff = true;
    }
    for (size_t i = 0; i < f->in->nfields && !r; i++) {
        const struct rec_field *field = &f->in->fields[i];
        f->field[i].item = field->type == REC_UTF8 ? 0 : field->width * (f->field[i].diff ? sizeof(double) : rec_type_size(field->type));
        f->field[i].value = f->nvalues;
        f->nvalues += f->field[i].diff ? field->width : 0;
        if (!field->keep && !field->apart && !field->whole && !of_group[i] && !(now && now[i]))
            f->lag[f->nlag++] = i;
    }
    free(of_group);
    return r;
}

struct front *front_new(const struct vae_head *in, const struct front_spec *s, const struct front_opts *o, struct vae_err *err) {
    struct front *f = mem_array(1, sizeof *f);
    if (!f) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    f->in = in, f->whole = o->whole, f->values = o->values;
    f->window = s->window ? s->window : 1, f->step = s->step ? s->step : 1;
    f->need = f->window - 1 + (s->ndiff > 0);
    f->ngroup = s->ngroup;
    f->field = mem_array(in->nfields + 1, sizeof *f->field);
    f->lag = mem_array(in->nfields + 1, sizeof *f->lag);
    f->group = mem_array(s->ngroup + 1, sizeof *f->group);
    f->cell = mem_array(in->nfields + 1, sizeof *f->cell);
    f->value = mem_array(in->nfields + 1, sizeof *f->value);
    bool ok = f->field && f->lag && f->group && f->cell && f->value;
    int r = ok ? choose_fields(f, s, o->now, err) : err_set(err, VAE_EOS, "out of memory");
    size_t cells = in->nfields + (f->window - 1) * f->nlag;
    f->most = CELLS / cells < 16 ? 16 : CELLS / cells > ROWS ? ROWS : CELLS / cells;
    f->now = mem_array(f->nvalues + 1, sizeof *f->now);
    f->steps = mem_array(f->nvalues + 1, sizeof *f->steps);
    f->decimals = mem_array(f->nvalues + 1, sizeof *f->decimals);
    f->text = mem_array(f->nvalues + 1, sizeof *f->text);
    f->partial = mem_array(f->most, sizeof *f->partial);
    f->row = mem_array(f->most, sizeof *f->row);
    f->change = mem_array(f->most, sizeof *f->change);
    f->change_last = mem_array(f->most, f->nvalues * sizeof *f->change_last);
    f->change_decimals = mem_array(f->most, f->nvalues * sizeof *f->change_decimals);
    f->series.back = f->window - 1, f->series.nvalues = f->nvalues;
    if (!r && !(f->now && f->steps && f->decimals && f->text && f->partial && f->row && f->change && f->change_last && f->change_decimals))
        r = err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < f->most && !r; i++)
        f->change[i].last = f->change_last + i * f->nvalues, f->change[i].decimals = f->change_decimals + i * f->nvalues;
    if (!r && !make_head(f, s, err))
        return f;
    front_free(f);
    return NULL;
}

/* ---- a row ------------------------------------------------------------------------------------------------- */

static struct cell cell_of(const struct vae_batch *b, const struct rec_field *field, size_t at, size_t row) {
    struct cell c;
    if (field->type == REC_UTF8) {
        c.p = rec_cell(&b->cols[at], row, &c.n);
        return c;
    }
    c.n = field->width * rec_type_size(field->type);
    c.p = (const char *)b->cols[at].data + row * c.n;
    return c;
}

/* The series that the row is of, begun anew where it is the first of its file. */
static int find_series(struct front *f, const struct vae_batch *b, struct series **out, struct vae_err *err) {
    f->key.n = 0;
    int r = f->name ? netstring_put(&f->key, f->name, strlen(f->name), err) : 0;
    for (size_t i = 0; i < f->ngroup && !r; i++) {
        struct cell c = f->cell[f->group[i]];
        f->plain.n = 0;
        if (b->quoted && !f->field[f->group[i]].item && !(r = buf_reserve(&f->plain, c.n + 1, err)))
            c.n = rec_unquote(c.p, c.n, f->plain.p), c.p = f->plain.p;
        r = r ? r : netstring_put(&f->key, c.p, c.n, err);
    }
    struct series *s = r ? NULL : series_find(&f->series, f->key.p, f->key.n, err);
    if (!s)
        return err ? err->code : VAE_EOS;
    if (s->file != f->file)
        s->file = f->file, s->rows = 0;
    *out = s;
    return 0;
}

/* The step of a cell of text. What has no digit is left as it is: what it means is told later. */
static int step_of_text(struct front *f, const struct vae_batch *b, size_t at, const struct series *s, struct vae_err *err) {
    size_t j = f->field[at].value;
    struct cell *c = &f->cell[at];
    char plain[FRONT_NUMBER], name[60], text[40];
    size_t n = c->n < FRONT_NUMBER ? c->n : 0;
    n = b->quoted ? rec_unquote(c->p, n, plain) : n;
    if (!b->quoted)
        memcpy(plain, c->p, n);
    bool number = num_parse(plain, n, &f->now[j]) == NUM_NUMBER;
    if (!number) {
        f->now[j] = NAN;
        for (size_t i = 0; i < c->n; i++)
            if (c->p[i] >= '0' && c->p[i] <= '9')
                return err_set(err, VAE_EROW, "column '%s': '%s' is not a number, and --diff takes steps of numbers",
                               err_quote(name, sizeof name, f->in->fields[at].name, strlen(f->in->fields[at].name)),
                               err_quote(text, sizeof text, c->p, c->n));
        return 0;
    }
    f->decimals[j] = num_decimals(plain, n);
    double last = s->rows ? s->last[j] : NAN, step = f->now[j] - last;
    int was = s->decimals[j], is = f->decimals[j];
    int more = isnan(last) ? 0 : was < 0 || is < 0 || was > FIXED || is > FIXED ? -1 : was > is ? was : is;
    c->p = f->text[j];
    c->n = !isfinite(step) ? 0 : more < 0 ? num_put_double(f->text[j], step) : num_put_fixed(f->text[j], step, more);
    return 0;
}

static void step_of_numbers(struct front *f, const struct vae_batch *b, size_t at, size_t row, const struct series *s) {
    const struct rec_field *field = &f->in->fields[at];
    size_t j = f->field[at].value;
    for (size_t k = 0; k < field->width; k++) {
        f->now[j + k] = rec_number(&b->cols[at], field->type, row * field->width + k);
        f->steps[j + k] = f->now[j + k] - (s->rows ? s->last[j + k] : NAN);
    }
    f->cell[at] = (struct cell){(const char *)(f->steps + j), f->field[at].item};
}

/* The cells of the row, with steps where they are wanted, and its series. Nothing is changed by a row that is bad. */
static int look(struct front *f, const struct vae_batch *b, size_t row, struct series **s, struct vae_err *err) {
    for (size_t i = 0; i < f->in->nfields; i++)
        f->value[i] = f->cell[i] = cell_of(b, &f->in->fields[i], i, row);
    int r = find_series(f, b, s, err);
    for (size_t i = 0; i < f->in->nfields && !r; i++)
        if (f->field[i].diff && f->field[i].item)
            step_of_numbers(f, b, i, row, *s);
        else if (f->field[i].diff)
            r = step_of_text(f, b, i, *s, err);
    return r;
}

static int put(struct front *f, size_t field, size_t item, size_t record, struct cell c, struct vae_err *err) {
    if (!item)
        return rec_build_text(f->build, field, c.p, c.n, err);
    memcpy((char *)rec_build_data(f->build, field) + record * item, c.p, item);
    return 0;
}

/* Cell i of those that are held of a row. */
static struct cell held(const struct series_row *r, size_t i) {
    size_t from = i ? r->end[i - 1] : 0;
    return (struct cell){r->bytes.p + from, r->end[i] - from};
}

/* The record that ends with the row at hand. Where rows before it are missing, the first one stands for them. */
static int give(struct front *f, const struct series *s, size_t record, struct vae_err *err) {
    size_t nin = f->in->nfields, back = f->window - 1;
    int r = 0;
    for (size_t i = 0; i < nin && !r; i++)
        r = put(f, i, f->field[i].item, record, f->cell[i], err);
    for (size_t k = 1; k <= back && !r; k++) {
        uint64_t before = s->rows < k ? s->rows : k;
        const struct series_row *row = before ? &s->ring[(s->rows - before) % back] : NULL;
        for (size_t i = 0; i < f->nlag && !r; i++)
            r = put(f, nin + (k - 1) * f->nlag + i, f->field[f->lag[i]].item, record, row ? held(row, i) : f->cell[f->lag[i]], err);
    }
    for (size_t i = 0, at = nin + back * f->nlag; i < nin && !r && f->values; i++)
        if (f->field[i].diff)
            r = put(f, at++, f->field[i].item ? f->value[i].n : 0, record, f->value[i], err);
    return r;
}

void front_exchange(struct front_change *c, size_t nvalues) {
    struct series *s = c->series;
    struct series_row row = c->row;
    uint64_t rows = s->rows;
    s->rows = c->rows, c->rows = rows;
    if (c->at)
        c->row = *c->at, *c->at = row;
    for (size_t j = 0; j < nvalues; j++) {
        double last = s->last[j];
        int decimals = s->decimals[j];
        s->last[j] = c->last[j], c->last[j] = last;
        s->decimals[j] = c->decimals[j], c->decimals[j] = decimals;
    }
}

/* The row at hand is the last one now. */
static int hold(struct front *f, struct series *s, struct vae_err *err) {
    struct front_change *c = &f->change[f->nchanges];
    size_t back = f->window - 1;
    int r = 0;
    c->series = s, c->rows = s->rows + 1, c->at = back ? &s->ring[s->rows % back] : NULL;
    for (size_t i = 0; i < f->nlag && c->at && !r; i++)
        r = series_row_put(&c->row, f->nlag, i, f->cell[f->lag[i]].p, f->cell[f->lag[i]].n, err);
    if (r)
        return r;
    memcpy(c->last, f->now, f->nvalues * sizeof *c->last);
    memcpy(c->decimals, f->decimals, f->nvalues * sizeof *c->decimals);
    front_exchange(c, f->nvalues);
    s->seen = ++f->rows;
    f->nchanges += !f->whole;
    return 0;
}

int front_run(struct front *f, const struct vae_batch *b, size_t *at, const struct vae_batch **out, struct vae_err *err) {
    size_t n = 0;
    int r = 0;
    f->nchanges = 0;
    rec_build_reset(f->build);
    while (*at < b->rows && n < f->most) {
        struct series *s = NULL;
        if ((r = look(f, b, *at, &s, err))) {
            *at += n == 0 && r == VAE_EROW;
            break;
        }
        bool whole = s->rows >= f->need;
        if (!f->whole || (whole && (s->rows - f->need) % f->step == 0)) {
            if ((r = give(f, s, n, err)))
                return r;
            f->partial[n] = !whole, f->row[n++] = *at;
        }
        if ((r = hold(f, s, err)))
            return r;
        (*at)++;
    }
    if (n == 0)
        return r;
    rec_build_quoted(f->build, b->quoted);
    rec_build_file(f->build, b->file);
    f->out = *rec_build_batch(f->build, n);
    f->out.first = b->first + f->row[0];
    f->out.partial = f->partial, f->out.dialect = b->dialect;
    *out = &f->out;
    return (int)n;
}
