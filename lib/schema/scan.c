/*
 * scan.c - reading a table for a fit: cells as they come, before anybody knows what the columns are.
 *
 * A column of cells begins as codes of its different texts. When those are too many it becomes numbers, or times, where all
 * were such, else nothing: it is an id or free text, which is carried and never modelled.
 */
#include "schema/scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "schema/levels.h"

enum { LONG_CELL = 40, TEXT_BYTES = 48 /* of a text in the table, beside its own */ };

/* ---- what the user said ---------------------------------------------------------------------------------- */

/* The scanned column a wish is about, NULL for a carried one; VAE_EUSAGE where the data has no such column. */
static int find_col(struct schema_scan *s, const char *text, struct scan_col **col, const char **value,
                    struct vae_err *err) {
    int f = cell_wish(text, s->head, value);
    *col = NULL;
    for (size_t c = 0; c < s->ncols && f >= 0; c++)
        if (s->col[c].field == (size_t)f)
            *col = &s->col[c];
    if (f >= 0)
        return 0;
    char quoted[60], names[120];
    size_t n = strcspn(text, "=");
    err_quote(quoted, sizeof quoted, text, n);
    if (!text[n])
        return err_set(err, VAE_EUSAGE, "expected COLUMN=VALUE, got '%s'", quoted);
    return err_set(err, VAE_EUSAGE, "no column '%s' in the data; there are %s", quoted,
                   cell_names(s->head, names, sizeof names));
}

static int take_kind(struct schema_scan *s, const char *text, struct vae_err *err) {
    struct scan_col *c;
    const char *value;
    char name[60], kind[40];
    int r = find_col(s, text, &c, &value, err);
    if (r || !c)
        return r;
    c->wish = schema_kind_by_name(value);
    if (c->wish == SCHEMA_ARRAY && c->array)
        c->wish = -1;
    const char *field = s->head->fields[c->field].name;
    err_quote(name, sizeof name, field, strlen(field));
    if (c->array && c->wish >= 0)
        return err_set(err, VAE_EUSAGE, "'%s' is no column of a table: its values are numbers", name);
    if (c->wish >= 0 && c->wish != SCHEMA_ARRAY)
        return 0;
    if (c->array && !strcmp(value, schema_kind_name(SCHEMA_ARRAY)))
        return 0;
    return err_set(err, VAE_EUSAGE,
                   "column '%s': no such kind: '%s'; there are number, count, ordinal, binary, category, time, line, id, text "
                   "and counter",
                   name, err_quote(kind, sizeof kind, value, strlen(value)));
}

static int take_levels(struct schema_scan *s, const char *text, struct vae_err *err) {
    struct scan_col *c;
    const char *value;
    int r = find_col(s, text, &c, &value, err);
    if (r || !c)
        return r;
    if (c->array) {
        const char *field = s->head->fields[c->field].name;
        return err_set(err, VAE_EUSAGE, "'%s' is no column of a table: its values are numbers", field);
    }
    schema_levels_free(&c->dict); /* the last word counts */
    c->fixed_levels = true;
    return cell_levels(value, &c->dict, err);
}

/* What was said of a column holds for the rows before, too, where nothing is said of these. */
static int take_of_now(struct scan_col *c, struct vae_err *err) {
    if (!c->now || c->wish >= 0 || c->fixed_levels)
        return 0;
    c->wish = c->now->wish;
    c->fixed_levels = c->now->fixed_levels;
    for (size_t i = 0; i < c->now->dict.n; i++) {
        long code = levels_add(&c->dict, c->now->dict.text[i], strlen(c->now->dict.text[i]), err);
        if (code < 0)
            return (int)code;
    }
    return 0;
}

static int take_wishes(struct schema_scan *s, const struct schema_wish *w, struct vae_err *err) {
    int r = 0;
    for (size_t i = 0; i < w->nas && !r; i++)
        r = take_kind(s, w->as[i], err);
    const char *format = json_string_value(json_object_get(s->head->origin, "format"));
    for (size_t c = 0; c < s->ncols && format && !strcmp(format, "text"); c++)
        if (!strcmp(s->head->fields[s->col[c].field].name, "line") && s->col[c].wish < 0)
            s->col[c].wish = SCHEMA_LINE;
    for (size_t i = 0; i < w->nlevels && !r; i++)
        r = take_levels(s, w->levels[i], err);
    for (size_t i = 0; i < w->ntold && !r; i++) {
        int f = rec_head_pick(s->head, w->told[i]);
        for (size_t c = 0; c < s->ncols; c++)
            s->col[c].told = s->col[c].told || (f >= 0 && s->col[c].field == (size_t)f);
    }
    for (size_t i = 0; i < s->ncols && !r; i++)
        r = take_of_now(&s->col[i], err);
    for (size_t i = 0; i < s->ncols && !r; i++) {
        struct scan_col *c = &s->col[i];
        if (c->fixed_levels && c->wish < 0)
            c->wish = c->dict.n == 2 ? SCHEMA_BINARY : SCHEMA_ORDINAL;
        if (c->fixed_levels && c->wish != SCHEMA_BINARY && c->wish != SCHEMA_ORDINAL && c->wish != SCHEMA_CATEGORY) {
            schema_levels_free(&c->dict);
            c->fixed_levels = false;
        }
        if (c->wish == SCHEMA_NUMBER || c->wish == SCHEMA_COUNT)
            c->mode = SCAN_NUMBERS;
        if (c->wish == SCHEMA_TEXT)
            c->mode = SCAN_LOST;
        if (c->wish == SCHEMA_LINE)
            c->mode = SCAN_LINES;
    }
    return r;
}

/* Before any text was seen. */
static void start_notes(struct scan_col *c) {
    c->all_numbers = c->all_times = true;
    c->plain = c->leading_zero = false;
    c->unit = (struct unit){0};
    c->text_bytes = c->long_cells = c->blanks = 0;
    c->decimals = 0;
}

struct schema_scan *schema_scan_new(const struct vae_head *head, const struct schema_wish *w, schema_where_fn *where,
                                    void *ctx, struct vae_err *err) {
    struct schema_scan *s = mem_array(1, sizeof *s);
    if (s)
        s->col = mem_array(head->nfields + 1, sizeof *s->col);
    if (!s || !s->col) {
        free(s);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    s->head = head, s->where = where, s->ctx = ctx, s->skip_bad = w->skip_bad;
    s->bytes = w->bytes, s->mask = w->mask, s->length = w->length;
    s->forward = w->forward || (head->nfields && head->fields[head->nfields - 1].lag);
    s->missing = (struct cell_missing){w->missing, w->nmissing};
    int r = 0;
    for (size_t f = 0; f < head->nfields && !r; f++) {
        const struct rec_field *field = &head->fields[f];
        if (field->keep)
            continue;
        struct scan_col *c = &s->col[s->ncols++];
        *c = (struct scan_col){.field = f, .first = s->stride, .width = field->width, .wish = -1,
                               .array = field->type != REC_UTF8};
        for (size_t k = 0; k + 1 < s->ncols && field->lag; k++)
            c->now = s->col[k].field == field->now ? &s->col[k] : c->now;
        start_notes(c);
        if (!mem_add(s->stride, c->width, &s->stride))
            r = err_set(err, VAE_EDATA, "too many values in a record");
    }
    r = r ? r : take_wishes(s, w, err);
    if (!r && !s->ncols)
        r = err_set(err, VAE_EDATA, "no column is left to model");
    if (!r)
        return s;
    schema_scan_free(s);
    return NULL;
}

void schema_scan_free(struct schema_scan *s) {
    if (!s)
        return;
    for (size_t c = 0; c < s->ncols; c++)
        schema_levels_free(&s->col[c].dict), buf_free(&s->col[c].lines);
    free(s->col), free(s->raw), free(s);
}

size_t schema_scan_rows(const struct schema_scan *s) { return s->rows; }
void schema_scan_tags(struct schema_scan *s, uint64_t *tag) { s->tag = tag; }
size_t schema_scan_left_out(const struct schema_scan *s) { return s->left_out; }

size_t schema_scan_bytes(const struct schema_scan *s) {
    size_t bytes = s->rows * s->stride * sizeof *s->raw;
    for (size_t c = 0; c < s->ncols; c++)
        bytes += s->col[c].dict_bytes + s->col[c].lines.n + s->rows * s->col[c].longest * sizeof *s->raw; /* to be */
    return bytes;
}

/* ---- cells ----------------------------------------------------------------------------------------------- */

static void note_odd(const struct schema_scan *s, struct scan_odd *o, const char *p, size_t n, size_t row) {
    if (o->seen)
        return;
    enum { TAIL = 60 }; /* of the place: the line is at its end */
    const char *where = s->where ? s->where(s->ctx, row) : "";
    size_t bytes = strlen(where), cut = bytes > TAIL ? bytes - TAIL : 0;
    o->seen = true;
    o->row = s->rows;
    err_quote(o->text, sizeof o->text, p, n);
    memcpy(o->where, "...", 3);
    err_quote(o->where + (cut ? 3 : 0), sizeof o->where - (cut ? 3 : 0), where + cut, bytes - cut);
}

static void note_number(struct scan_col *c, const char *p, size_t n) {
    int k = c->decimals < 0 ? -1 : num_decimals(p, n);
    c->decimals = k < 0 || k > 15 ? -1 : k > c->decimals ? k : c->decimals;
}

/* A number in a text: with its unit, or plain. */
struct found {
    bool plain;
    struct unit unit; /* the column's, once it has this number */
    size_t len;       /* 0: the number is the text */
    char text[UNIT_TEXT];
};

/* Is it a number for this column? A unit is learned from the first one that has one, and is then that of all: "5" and "5 kg"
 * in one column are not the same thing. */
static bool find_number(const struct scan_col *c, const char *p, size_t n, double *v, struct found *f) {
    bool grouped = false;
    f->len = 0;
    f->plain = num_parse(p, n, v) == NUM_NUMBER;
    if (f->plain)
        return !*c->unit.before && !*c->unit.after;
    f->unit = c->unit;
    f->len = unit_empty(&f->unit) ? unit_learn(&f->unit, p, n, f->text) : unit_strip(&f->unit, p, n, f->text, &grouped);
    f->unit.group = f->unit.group || grouped;
    return f->len && num_parse(f->text, f->len, v) == NUM_NUMBER && !(c->plain && (*f->unit.before || *f->unit.after));
}

/* Any number, whatever the column's unit. */
static bool any_number(const char *p, size_t n, struct unit *u) {
    char text[UNIT_TEXT];
    double v;
    *u = (struct unit){0};
    if (num_parse(p, n, &v) == NUM_NUMBER)
        return true;
    size_t len = unit_learn(u, p, n, text);
    return len && num_parse(text, len, &v) == NUM_NUMBER;
}

static bool same_form(const struct unit *a, const struct unit *b) {
    return !strcmp(a->before, b->before) && !strcmp(a->after, b->after);
}

void scan_settle_unit(struct scan_col *c) {
    enum { FORMS = 16 }; /* one of so many is no column's unit */
    struct {
        struct unit unit;
        uint64_t cells;
    } form[FORMS];
    size_t forms = 0, best = 0;
    for (size_t i = 0; i < c->dict.n; i++) {
        struct unit u;
        size_t k = 0;
        if (!c->dict.count[i] || !any_number(c->dict.text[i], strlen(c->dict.text[i]), &u))
            continue;
        while (k < forms && !same_form(&form[k].unit, &u))
            k++;
        if (k == FORMS)
            continue;
        if (k == forms)
            form[forms].unit = u, form[forms++].cells = 0;
        form[k].unit.group = form[k].unit.group || u.group;
        form[k].cells += c->dict.count[i];
        best = form[k].cells > form[best].cells ? k : best;
    }
    if (!forms)
        return;
    c->unit = form[best].unit;
    c->plain = !*c->unit.before && !*c->unit.after;
}

const char *scan_unit_odd(const struct scan_col *c, const char *p, size_t n, char out[UNIT_ODD]) {
    struct unit u;
    char quoted[4 * UNIT_SIZE];
    if (!any_number(p, n, &u) || same_form(&u, &c->unit))
        return NULL;
    const char *unit = *c->unit.before ? c->unit.before : c->unit.after;
    bool lacks = !*u.before && !*u.after;
    err_quote(quoted, sizeof quoted, unit, strlen(unit));
    if (*unit)
        snprintf(out, UNIT_ODD, "%s '%s' that other cells have", lacks ? "lacks the" : "has not the", quoted);
    else
        snprintf(out, UNIT_ODD, "has a unit that other cells lack");
    return out;
}

/* As find_number(), and what the number tells is noted. */
static bool take_number(struct scan_col *c, const char *p, size_t n, double *v) {
    struct found f;
    bool number = find_number(c, p, n, v, &f);
    c->plain = c->plain || f.plain;
    if (number && f.len)
        c->unit = f.unit;
    if (number)
        note_number(c, f.len ? f.text : p, f.len ? f.len : n);
    return number;
}

static void note_time(struct scan_col *c, const struct time_point *t, size_t cells) {
    size_t i = 0;
    while (i < SCAN_STYLES && c->styles[i].cells && strcmp(c->styles[i].style, t->style) != 0)
        i++;
    if (i < SCAN_STYLES) {
        memcpy(c->styles[i].style, t->style, sizeof t->style);
        c->styles[i].cells += cells;
    }
    c->time_decimals = t->decimals > c->time_decimals ? t->decimals : c->time_decimals;
}

/* What a new text tells about its column. */
static void note_text(struct scan_col *c, const char *p, size_t n) {
    struct time_point t;
    double v;
    bool number = take_number(c, p, n, &v);
    if (number) {
        c->leading_zero = c->leading_zero || (n > 1 && p[0] == '0' && p[1] >= '0' && p[1] <= '9');
        c->text_bytes = !c->text_bytes || c->text_bytes == n ? n : SIZE_MAX;
    }
    c->all_numbers = c->all_numbers && number;
    c->all_times = c->all_times && !number && time_parse(p, n, &t);
}

static void note_length(struct scan_col *c, const char *p, size_t n, size_t cells) {
    c->long_cells += n > LONG_CELL ? cells : 0;
    c->blanks += memchr(p, ' ', n) ? cells : 0;
}

void scan_note_again(struct schema_scan *s, struct scan_col *c) {
    for (size_t i = 0; i < c->dict.n; i++)
        c->dict.count[i] = 0;
    for (size_t i = 0; i < s->rows; i++) {
        double v = s->raw[i * s->stride + c->first];
        if (!isnan(v))
            c->dict.count[(size_t)v]++;
    }
    start_notes(c);
    for (size_t i = 0; i < c->dict.n; i++) {
        size_t n = strlen(c->dict.text[i]);
        if (!c->dict.count[i])
            continue;
        note_text(c, c->dict.text[i], n);
        note_length(c, c->dict.text[i], n, c->dict.count[i]);
    }
}

/* Since 1970, by the clocks of the column's zone. */
static double seconds(const struct scan_col *c, struct time_point *t) {
    time_to_zone(t, c->zone);
    return t->day * 86400 + t->second;
}

double scan_value(const struct scan_col *c, const char *text, enum scan_mode mode) {
    struct time_point t;
    struct found f;
    double v = INFINITY;
    size_t n = strlen(text);
    if (mode == SCAN_NUMBERS && !find_number(c, text, n, &v, &f))
        v = INFINITY;
    if (mode == SCAN_TIMES && time_parse(text, n, &t))
        v = seconds(c, &t);
    return v;
}

const char *scan_style(const struct scan_col *c) {
    const struct scan_style *best = NULL;
    for (size_t i = 0; i < SCAN_STYLES && c->styles[i].cells; i++) {
        const struct scan_style *t = &c->styles[i];
        if (!best || *best->style == 'd' || (*t->style != 'd' && t->cells > best->cells))
            best = t;
    }
    return best ? best->style : "d";
}

/* What the texts tell as times: their styles, and the zone that all are brought into, as they are held as one number. */
static void note_times(struct scan_col *c) {
    struct time_point t;
    for (size_t i = 0; i < c->dict.n; i++)
        if (c->dict.count[i] && time_parse(c->dict.text[i], strlen(c->dict.text[i]), &t))
            note_time(c, &t, c->dict.count[i]);
    snprintf(c->zone, sizeof c->zone, "%s", time_zone(scan_style(c)));
}

int scan_change(struct schema_scan *s, struct scan_col *c, enum scan_mode mode, size_t rows, struct vae_err *err) {
    double *value = mem_array(c->dict.n + 1, sizeof *value);
    if (!value)
        return err_set(err, VAE_EOS, "out of memory");
    if (mode == SCAN_TIMES)
        note_times(c);
    for (size_t i = 0; i < c->dict.n; i++)
        value[i] = scan_value(c, c->dict.text[i], mode);
    for (size_t i = 0; i < rows; i++) {
        double *v = &s->raw[i * s->stride + c->first];
        *v = isnan(*v) ? NAN : value[(size_t)*v];
    }
    free(value);
    schema_levels_free(&c->dict);
    c->dict_bytes = 0;
    c->mode = mode;
    return 0;
}

/* Too many different texts: what are they? */
static int outgrow(struct schema_scan *s, struct scan_col *c, size_t rows, struct vae_err *err) {
    if (c->wish == SCHEMA_CATEGORY || c->wish == SCHEMA_ORDINAL || c->wish == SCHEMA_BINARY)
        return 0;
    bool padded = c->leading_zero && c->text_bytes != SIZE_MAX;
    if (c->all_numbers && !padded && c->dict.n >= SCAN_NUMBER_TEXTS)
        return scan_change(s, c, SCAN_NUMBERS, rows, err);
    if (c->all_times && c->dict.n >= SCAN_NUMBER_TEXTS)
        return scan_change(s, c, SCAN_TIMES, rows, err);
    return c->dict.n >= SCAN_LEVELS ? scan_change(s, c, SCAN_LOST, rows, err) : 0;
}

/* A cell that is no number of a column that was said to be numbers. */
static int bad_number(const struct scan_col *c, const char *field, const char *p, size_t n, struct vae_err *err) {
    char odd[UNIT_ODD], name[60], text[60];
    if (!scan_unit_odd(c, p, n, odd))
        return cell_bad(field, p, n, true, err);
    return err_set(err, VAE_EROW, "column '%s': '%s' %s; leave such rows out (--skip-bad), or mend them",
                   err_quote(name, sizeof name, field, strlen(field)), err_quote(text, sizeof text, p, n), odd);
}

/* Is the cell bad for its column? Nothing is noted: a row that is left out has no say in what the columns are. */
static int judge_cell(const struct schema_scan *s, const struct scan_col *c, const char *p, size_t n, struct vae_err *err) {
    const char *field = s->head->fields[c->field].name;
    struct time_point t;
    struct found f;
    double v;
    if (c->mode == SCAN_LOST || cell_is_missing(&s->missing, p, n))
        return 0;
    if (c->mode == SCAN_NUMBERS)
        return c->wish < 0 || find_number(c, p, n, &v, &f) ? 0 : bad_number(c, field, p, n, err);
    if (c->mode == SCAN_TIMES)
        return c->wish < 0 || time_parse(p, n, &t) ? 0 : cell_bad_time(field, p, n, err);
    if (c->fixed_levels && levels_find(&c->dict, p, n) < 0) {
        char name[60], text[40];
        err_quote(text, sizeof text, p, n);
        return err_set(err, VAE_EROW, "column '%s': '%s' is none of the levels that were given; name it, as one or as missing "
                       "(--missing '%s'), or leave such rows out (--skip-bad)",
                       err_quote(name, sizeof name, field, strlen(field)), text, text);
    }
    if (c->wish != SCHEMA_TIME || levels_find(&c->dict, p, n) >= 0)
        return 0;
    bool number = find_number(c, p, n, &v, &f);
    return (number && c->all_numbers) || (!number && c->all_times && time_parse(p, n, &t)) ? 0
           : cell_bad_time(field, p, n, err);
}

/* A cell whose column is held as codes. */
static int scan_code(struct schema_scan *s, struct scan_col *c, const char *p, size_t n, size_t row, double *v,
                     struct vae_err *err) {
    size_t before = c->dict.n;
    long code = levels_add(&c->dict, p, n, err);
    if (code < 0)
        return (int)code;
    *v = (double)code;
    c->dict.count[code]++;
    if (c->dict.n == before)
        return 0;
    c->dict_bytes += n + TEXT_BYTES;
    note_text(c, p, n);
    if (!c->number.seen && (c->plain || !unit_empty(&c->unit)))
        note_odd(s, &c->number, p, n, row);
    if (!c->all_numbers)
        note_odd(s, &c->no_number, p, n, row);
    if (!c->all_times)
        note_odd(s, &c->no_time, p, n, row);
    if (c->dict.n < SCAN_NUMBER_TEXTS)
        return 0;
    double *at = &s->raw[s->rows * s->stride + c->first]; /* with this row */
    *at = *v;
    int r = outgrow(s, c, s->rows + 1, err);
    *v = *at;
    return r;
}

/* One cell -> *v. row: its number in the batch. */
static int scan_cell(struct schema_scan *s, struct scan_col *c, const char *p, size_t n, size_t row, double *v,
                     struct vae_err *err) {
    struct time_point t;
    if (c->mode == SCAN_NUMBERS && !s->missing.n && take_number(c, p, n, v)) /* most cells */
        return 0;
    if (cell_is_missing(&s->missing, p, n)) {
        *v = NAN;
        return 0;
    }
    switch (c->mode) {
    case SCAN_NUMBERS:
        if (take_number(c, p, n, v))
            return 0;
        *v = INFINITY;
        note_odd(s, &c->no_number, p, n, row);
        return 0;
    case SCAN_TIMES:
        if (time_parse(p, n, &t)) {
            note_time(c, &t, 1);
            *v = seconds(c, &t);
            return 0;
        }
        *v = INFINITY;
        note_odd(s, &c->no_time, p, n, row);
        return 0;
    default:
        note_length(c, p, n, 1);
        *v = NAN;
        return c->mode == SCAN_LOST ? 0 : scan_code(s, c, p, n, row, v, err);
    }
}

/* Row i of the batch, behind those that are there: first every cell is judged, then what they tell is noted. */
static int scan_row(struct schema_scan *s, const struct vae_batch *b, size_t i, struct vae_err *err) {
    double *row = s->raw + s->rows * s->stride;
    char plain[CELL_PLAIN];
    size_t len;
    int r = 0;
    for (size_t k = 0; k < s->ncols && !r; k++) {
        const struct scan_col *c = &s->col[k];
        const struct rec_field *f = &s->head->fields[c->field];
        if (c->array) {
            r = cell_numbers(f->name, &b->cols[c->field], f->type, i * c->width, c->width, row + c->first, err);
            continue;
        }
        const char *p = rec_cell(&b->cols[c->field], i, &len);
        if (c->mode == SCAN_LINES) {
            r = scan_line_judge(s, c, p, len, b->quoted, err);
            continue;
        }
        if (c->mode == SCAN_CODES && memchr(p, 0, len)) {
            r = err_set(err, VAE_EROW, "a cell holds a NUL byte");
        } else if (c->wish >= 0) { /* others take anything */
            p = cell_text(&b->cols[c->field], i, b->quoted, plain, &len);
            r = judge_cell(s, c, p, len, err);
        }
    }
    for (size_t k = 0; k < s->ncols && !r; k++) {
        struct scan_col *c = &s->col[k];
        if (c->array)
            continue;
        if (c->mode == SCAN_LINES) {
            const char *line = rec_cell(&b->cols[c->field], i, &len);
            r = scan_line(s, c, line, len, b->quoted, row + c->first, err);
            continue;
        }
        const char *p = cell_text(&b->cols[c->field], i, b->quoted, plain, &len);
        r = scan_cell(s, c, p, len, i, row + c->first, err);
    }
    return r;
}

int schema_scan_add(struct schema_scan *s, const struct vae_batch *b, size_t from, size_t n, size_t *good,
                    struct vae_err *err) {
    size_t values;
    *good = 0;
    if (!mem_add(s->rows, n, &values) || !mem_mul(values, s->stride, &values))
        return err_set(err, VAE_EOS, "too many rows");
    int r = mem_grow(&s->raw, &s->cap, values, sizeof *s->raw, err);
    for (size_t i = from; i < from + n && !r; i++) {
        r = scan_row(s, b, i, err);
        if (r)
            break;
        s->rows++, (*good)++;
    }
    return r;
}
