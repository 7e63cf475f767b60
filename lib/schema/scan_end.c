/* scan_end.c - a table was read: what its columns are, and their values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "schema/levels.h"
#include "schema/scan.h"

static bool has_levels(enum schema_kind k) {
    return k == SCHEMA_BINARY || k == SCHEMA_CATEGORY || k == SCHEMA_ORDINAL;
}

/* As much of a name as leaves room for the rest of a message. */
enum { NAME_SIZE = 40 };

static const char *name_of(const struct schema_scan *s, const struct scan_col *c, char out[NAME_SIZE]) {
    const char *name = s->head->fields[c->field].name;
    return err_quote(out, NAME_SIZE, name, strlen(name));
}

/* ---- what a column holds ------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the different texts, whose counts are known: what they are, and how many different numbers. */
static int look_at_texts(const struct scan_col *c, const double *value, struct scan_facts *f, struct vae_err *err) {
    double *sorted = mem_array(c->dict.n + 1, sizeof *sorted);
    if (!sorted)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < c->dict.n; i++) {
        size_t n = (size_t)c->dict.count[i];
        bool number = isfinite(value[i]);
        f->different += n > 0;
        f->numbers += number ? n : 0;
        f->times += isfinite(scan_value(c, c->dict.text[i], SCAN_TIMES)) ? n : 0;
        sorted[f->number_texts] = value[i];
        f->number_texts += number && n;
    }
    qsort(sorted, f->number_texts, sizeof *sorted, by_value);
    for (size_t i = 0; i < f->number_texts; i++)
        f->values += i == 0 || sorted[i] > sorted[i - 1];
    free(sorted);
    return 0;
}

/* All of it, from the rows as they are held now. Counts of texts are made anew: rows may have been left out. */
static int look(struct schema_scan *s, struct scan_col *c, struct scan_facts *f, struct vae_err *err) {
    bool codes = c->mode == SCAN_CODES && !c->array;
    double *value = codes ? mem_array(c->dict.n + 1, sizeof *value) : NULL, last = NAN, sum = 0;
    *f = (struct scan_facts){.rows = s->rows, .low = INFINITY, .high = -INFINITY, .whole = true,
                             .counts_up = true, .never_falls = true};
    if (c->array)
        return 0;
    if (codes && !value)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < c->dict.n && codes; i++)
        value[i] = scan_value(c, c->dict.text[i], SCAN_NUMBERS), c->dict.count[i] = 0;
    for (size_t i = 0; i < s->rows && c->mode != SCAN_LOST; i++) {
        double v = s->raw[i * s->stride + c->first];
        f->cells += isnan(v) ? 0 : 1;
        if (codes && !isnan(v))
            c->dict.count[(size_t)v]++, v = value[(size_t)v];
        if (!isfinite(v)) {
            f->counts_up = false;
            continue;
        }
        f->numbers += c->mode == SCAN_NUMBERS;
        f->times += c->mode == SCAN_TIMES;
        f->low = v < f->low ? v : f->low, f->high = v > f->high ? v : f->high;
        sum += v;
        f->whole = f->whole && v >= floor(v) && v <= floor(v);
        /* beyond, v + 1 is v, and a constant would count up */
        f->counts_up = f->counts_up && fabs(v) < 0x1p53 && (isnan(last) || (v >= last + 1 && v <= last + 1));
        f->never_falls = f->never_falls && !(v < last);
        last = v;
    }
    f->mean = f->cells ? sum / (double)f->cells : 0;
    if (!codes)
        f->different = f->values = SCAN_NUMBER_TEXTS;
    int r = codes ? look_at_texts(c, value, f, err) : 0;
    free(value);
    return r;
}

/* ---- texts among numbers ------------------------------------------------------------------------------------ */

/* Cells of the column that are no number (no time) are an error; or their rows are marked to be left out. */
static int refuse(struct schema_scan *s, struct scan_col *c, bool times, bool *drop, struct vae_err *err) {
    const struct scan_odd *odd = times ? &c->no_time : &c->no_number;
    char unit[UNIT_ODD];
    if (!times && c->number.seen && c->number.row < odd->row && scan_unit_odd(c, c->number.text, strlen(c->number.text), unit))
        odd = &c->number; /* most cells have the form of the other one */
    enum scan_mode mode = times ? SCAN_TIMES : SCAN_NUMBERS;
    char name[NAME_SIZE];
    if (s->skip_bad) {
        for (size_t i = 0; i < s->rows; i++) {
            double v = s->raw[i * s->stride + c->first];
            if (c->mode == SCAN_CODES && !isnan(v))
                v = scan_value(c, c->dict.text[(size_t)v], mode);
            drop[i] = drop[i] || isinf(v);
        }
        return 0;
    }
    const char *way = times ? NULL : cell_way(odd->text, strlen(odd->text)), *colon = *odd->where ? ": " : "";
    name_of(s, c, name);
    if (!times && scan_unit_odd(c, odd->text, strlen(odd->text), unit))
        return err_set(err, VAE_EDATA, "%s%scolumn '%s': '%s' %s; leave such rows out (--skip-bad), or the column alone (-k)",
                       odd->where, colon, name, odd->text, unit);
    if (way)
        return err_set(err, VAE_EDATA, "%s%scolumn '%s': '%s' is not a number; %s", odd->where, colon, name, odd->text, way);
    bool shown = strlen(name) + strlen(odd->text) <= 28; /* twice, the message would be too long for its room */
    return err_set(err, VAE_EDATA, "%s%scolumn '%s': '%s' is not a %s; is it missing (--missing%s%s%s), the column a category "
                   "(--as%s%s%s), or to be left alone (-k)?", odd->where, colon, name, odd->text,
                   times ? "time" : "number", shown ? " '" : "", shown ? odd->text : "", shown ? "'" : "",
                   shown ? " '" : "", shown ? name : "", shown ? "=category'" : "");
}

/* Rows that are marked go, and with them what their texts told. */
static void leave_out(struct schema_scan *s, const bool *drop) {
    size_t n = 0;
    for (size_t i = 0; i < s->rows; i++) {
        if (drop[i])
            continue;
        if (s->tag)
            s->tag[n] = s->tag[i];
        if (n < i)
            memcpy(s->raw + n * s->stride, s->raw + i * s->stride, s->stride * sizeof *s->raw);
        n++;
    }
    s->left_out = s->rows - n;
    s->rows = n;
    for (size_t k = 0; k < s->ncols && s->left_out; k++)
        if (s->col[k].mode == SCAN_CODES && !s->col[k].array)
            scan_note_again(s, &s->col[k]);
}

/* Columns that are numbers (times) but for a few cells. Where the texts are gone and many cells are odd, the column is
 * an id or text. */
static int judge(struct schema_scan *s, struct vae_err *err) {
    bool *drop = mem_array(s->rows + 1, sizeof *drop);
    int r = drop ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", s->rows);
    for (size_t k = 0; k < s->ncols && !r; k++) {
        struct scan_col *c = &s->col[k];
        struct scan_facts f;
        bool seen = c->mode == SCAN_CODES ? !c->all_numbers && !c->all_times : c->mode == SCAN_NUMBERS
                    ? c->no_number.seen : c->no_time.seen;
        if (c->array || c->wish >= 0 || c->mode == SCAN_LOST || !seen)
            continue;
        if (c->mode == SCAN_CODES)
            scan_settle_unit(c);
        r = look(s, c, &f, err);
        if (r)
            break;
        size_t number_texts = c->mode == SCAN_CODES ? f.number_texts : SCAN_NUMBER_TEXTS;
        if (kind_has_odd(&f, f.numbers, number_texts))
            r = refuse(s, c, false, drop, err);
        else if (kind_has_odd(&f, f.times, SCAN_NUMBER_TEXTS))
            r = refuse(s, c, true, drop, err);
        else if (c->mode != SCAN_CODES && f.numbers + f.times < f.cells)
            c->mode = SCAN_LOST;
    }
    if (!r)
        leave_out(s, drop);
    free(drop);
    return r;
}

/* ---- the schema --------------------------------------------------------------------------------------------- */

static int refuse_kind(const struct schema_scan *s, const struct scan_col *c, enum schema_kind kind, const char *why,
                       struct vae_err *err) {
    char name[NAME_SIZE];
    return err_set(err, VAE_EDATA, "column '%s' is no %s: %s", name_of(s, c, name), schema_kind_name(kind), why);
}

/* Can the column be what it is said to be? */
static int check_kind(const struct schema_scan *s, const struct scan_col *c, const struct scan_facts *f,
                      enum schema_kind kind, struct vae_err *err) {
    char why[80];
    size_t levels = c->fixed_levels ? c->dict.n : f->different;
    bool numbers = c->mode == SCAN_NUMBERS || (c->mode == SCAN_CODES && c->all_numbers), plain = unit_empty(&c->unit);
    if (!f->cells && !c->fixed_levels)
        return refuse_kind(s, c, kind, "all its cells are missing; carry it (-k)", err);
    if (kind == SCHEMA_COUNT && (!f->whole || f->low < 0))
        return refuse_kind(s, c, kind, "expected whole numbers from 0 up", err);
    if (kind == SCHEMA_TIME && !(numbers && plain) && c->mode != SCAN_TIMES && !c->all_times)
        return refuse_kind(s, c, kind, "expected 2024-02-29 or 2024-02-29T12:34:56", err);
    if (!has_levels(kind))
        return 0;
    snprintf(why, sizeof why, "it has %zu levels", levels);
    if (c->mode != SCAN_CODES || levels > CELLS_MAX - 2 || (kind == SCHEMA_BINARY && levels > 2))
        return refuse_kind(s, c, kind, c->mode == SCAN_CODES ? why : "it has too many levels", err);
    if (kind == SCHEMA_ORDINAL && !c->fixed_levels && !c->all_numbers)
        return refuse_kind(s, c, kind, "give its texts in their order (--levels 'COLUMN=small|medium|large')", err);
    return 0;
}

/* The commonest style, in the zone that the times were brought into. */
static void choose_style(const struct scan_col *c, struct schema_col *col) {
    snprintf(col->time, sizeof col->time, "%s", scan_style(c));
    if (*col->time != 'd')
        snprintf(col->time + 2, sizeof col->time - 2, "%s", c->zone);
    col->decimals = c->time_decimals;
}

static int make_time(struct schema_scan *s, struct scan_col *c, const struct scan_facts *f, struct schema_col *col,
                     struct vae_err *err) {
    enum { MILLIS = 100 }; /* seconds that far beyond 4e9 are milliseconds */
    bool epoch = c->mode == SCAN_NUMBERS || (c->mode == SCAN_CODES && c->all_numbers);
    int r = c->mode == SCAN_CODES ? scan_change(s, c, epoch ? SCAN_NUMBERS : SCAN_TIMES, s->rows, err) : 0;
    if (r)
        return r;
    if (!epoch)
        choose_style(c, col);
    else
        *col->time = fmax(-f->low, f->high) > MILLIS * 4e9 ? 'E' : 'e';
    col->width = *col->time == 'd' ? 1 : 2;
    char text[TIME_MAX];
    double day, second;
    for (int end = 0; end < 2 && epoch; end++) {
        time_from_epoch(col->time, end ? f->high : f->low, &day, &second);
        if (!time_put(text, col->time, 0, day, second))
            return refuse_kind(s, c, SCHEMA_TIME, "its numbers are neither seconds nor milliseconds since 1970", err);
    }
    return 0;
}

/* The levels in their order, given to the column, and the codes of the rows with them. */
static int make_levels(struct schema_scan *s, struct scan_col *c, struct schema_col *col, struct vae_err *err) {
    uint32_t *now = mem_array(c->dict.n + 1, sizeof *now);
    int r = now ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!r && !c->fixed_levels) {
        r = c->all_numbers ? cell_sort_numbers(&c->dict, &c->unit, now, err) : levels_sort(&c->dict, now, err);
        for (size_t i = 0; i < s->rows && !r; i++) {
            double *v = &s->raw[i * s->stride + c->first];
            *v = isnan(*v) ? *v : (double)now[(size_t)*v];
        }
    }
    free(now);
    if (!r) {
        col->levels = c->dict;
        c->dict = (struct schema_levels){0};
    }
    return r;
}

/* The modelled column's part of the schema. */
static int make_col(struct schema_scan *s, struct scan_col *c, const struct scan_facts *f, enum schema_kind kind,
                    struct schema_col *col, struct vae_err *err) {
    const struct rec_field *field = &s->head->fields[c->field];
    *col = (struct schema_col){.kind = kind, .type = field->type, .ndim = field->ndim, .width = field->width,
                               .decimals = c->decimals, .said = c->wish >= 0,
                               .missing = !c->array && f->cells < f->rows};
    memcpy(col->shape, field->shape, sizeof col->shape);
    col->name = mem_text(field->name, strlen(field->name));
    if (!col->name)
        return err_set(err, VAE_EOS, "out of memory");
    int r = c->array ? 0 : check_kind(s, c, f, kind, err);
    if (r || c->array)
        return r;
    if (kind == SCHEMA_TIME)
        return make_time(s, c, f, col, err);
    if (kind == SCHEMA_LINE)
        return scan_line_end(s, c, col, err);
    if (has_levels(kind))
        return make_levels(s, c, col, err);
    col->unit = c->unit;
    return c->mode == SCAN_CODES ? scan_change(s, c, SCAN_NUMBERS, s->rows, err) : 0;
}

static int keep_col(const struct scan_col *c, const struct scan_facts *f, const char *name,
                    enum schema_kind kind, struct schema *schema, struct vae_err *err) {
    size_t i = schema->nkeep;
    double next = NAN;
    bool numbers = c && (c->mode == SCAN_NUMBERS || (c->mode == SCAN_CODES && c->all_numbers && !c->leading_zero));
    if (kind == SCHEMA_ID && numbers && unit_empty(&c->unit) && f->cells && f->whole && fabs(f->high) < 0x1p52)
        next = f->high + 1;
    schema->keep[i] = mem_text(name, strlen(name));
    schema->keep_kind[i] = kind;
    schema->keep_next[i] = next;
    schema->nkeep += schema->keep[i] != NULL;
    return schema->keep[i] ? 0 : err_set(err, VAE_EOS, "out of memory");
}

/* A column of rows before is what it is in the row itself; or, where it cannot be, as its first rows or last ones have it, nearly. */
static enum schema_kind kind_before(const struct scan_col *c, const struct scan_facts *f) {
    enum schema_kind now = c->now->kind, own = kind_tell(c, f);
    bool numbers = c->mode == SCAN_NUMBERS || (c->mode == SCAN_CODES && c->all_numbers);
    if (own == now || c->array || c->wish >= 0)
        return own;
    if (!has_levels(now) && now != SCHEMA_TIME && numbers)
        return SCHEMA_NUMBER;
    return schema_carries(own) || (has_levels(now) && !has_levels(own)) ? (c->mode == SCAN_CODES ? SCHEMA_CATEGORY : own) : own;
}

/* Is nothing learnt of earlier values: they are of a column that is carried, or told? */
static bool is_passed_over(const struct scan_col *c) {
    return c->now && (schema_carries(c->now->kind) || c->now->told);
}

/* Of which column of the row itself is that of a row before? */
static void place_before(const struct schema_scan *s, struct schema *schema, const struct scan_col *const *from, size_t i) {
    for (size_t k = 0; k < i && from[i]->now; k++)
        if (from[k] == from[i]->now)
            schema->col[i].lag = s->head->fields[from[i]->field].lag, schema->col[i].now = k;
}

/* Columns in the order of the head; from[i] is where that of the schema comes from. */
static int fill(struct schema_scan *s, struct schema *schema, const struct scan_col **from, struct vae_err *err) {
    size_t next = 0;
    int r = 0;
    for (size_t f = 0; f < s->head->nfields && !r; f++) {
        unsigned clock = 0;
        double pace = 0;
        const char *name = s->head->fields[f].name;
        struct scan_col *c = next < s->ncols && s->col[next].field == f ? &s->col[next++] : NULL;
        struct scan_facts facts = {0};
        if (c && is_passed_over(c))
            continue;
        if (c)
            r = look(s, c, &facts, err);
        enum schema_kind kind = !c ? SCHEMA_ARRAY : c->now ? kind_before(c, &facts) : kind_tell(c, &facts);
        if (!r && c && s->forward && !c->now)
            r = scan_forward(s, c, &kind, &clock, &pace, err);
        if (r)
            break;
        if (c)
            c->kind = kind, c->told = c->told || clock;
        if (!c || schema_carries(kind)) {
            r = keep_col(c, &facts, name, kind, schema, err);
            continue;
        }
        size_t i = schema->ncols++; /* what is half made is freed */
        from[i] = c;
        r = make_col(s, c, &facts, kind, &schema->col[i], err);
        schema->col[i].clock = clock, schema->col[i].condition = clock != 0;
        schema->col[i].pace = clock ? pace : 0;
        place_before(s, schema, from, i);
    }
    size_t modelled = 0;
    for (size_t i = 0; i < schema->ncols; i++)
        modelled += !schema->col[i].condition;
    if (!r && !modelled)
        r = err_set(err, VAE_EDATA, "no column is left to model: all are ids, free text%s (--as says otherwise)",
                    s->forward ? ", or only go forward" : "");
    return r;
}

/* Scanned rows become raw[n,d] where they are: columns that are carried go, and a time becomes its day and second. */
static int lay_out(struct schema_scan *s, const struct schema *schema, const struct scan_col *const *from, double **raw,
                   struct vae_err *err) {
    size_t d = schema->d, values = 0;
    bool wider = d > s->stride;
    double *row = mem_array(d, sizeof *row);
    int r = row && mem_mul(s->rows, d, &values) ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", s->rows);
    if (!r)
        r = mem_grow(&s->raw, &s->cap, values, sizeof *s->raw, err);
    for (size_t k = 0; k < s->rows && !r; k++) {
        size_t i = wider ? s->rows - 1 - k : k;
        for (size_t c = 0; c < schema->ncols; c++) {
            const struct schema_col *col = &schema->col[c];
            const double *v = s->raw + i * s->stride + from[c]->first;
            double *to = row + col->v0, day, second;
            if (col->kind == SCHEMA_LINE) {
                r = r ? r : scan_line_values(from[c], col, *v, to, err);
                continue;
            }
            if (col->kind != SCHEMA_TIME) {
                memcpy(to, v, col->width * sizeof *to);
                continue;
            }
            time_from_epoch(col->time, *v, &day, &second);
            to[0] = day;
            if (col->width == 2)
                to[1] = second;
        }
        memcpy(s->raw + i * d, row, d * sizeof *row);
    }
    free(row);
    if (r)
        return r;
    double *fit = realloc(s->raw, (values ? values : 1) * sizeof *fit);
    *raw = fit ? fit : s->raw;
    s->raw = NULL, s->cap = 0;
    return 0;
}

struct schema *schema_scan_end(struct schema_scan *s, double **raw, struct vae_err *err) {
    const struct scan_col **from = mem_array(s->ncols, sizeof *from);
    struct schema *schema = schema_empty(s->ncols, s->head->nfields, err);
    int r = schema && from ? 0 : err_set(err, VAE_EOS, "out of memory");
    *raw = NULL;
    if (!r) {
        schema->ncols = 0;
        r = judge(s, err);
    }
    if (!r)
        r = fill(s, schema, from, err);
    for (size_t i = 0; i < s->missing.n && !r; i++)
        r = schema_add_missing(schema, s->missing.text[i], err);
    if (!r) {
        schema->origin = s->head->origin ? json_deep_copy(s->head->origin) : json_object();
        r = schema->origin ? schema_place(schema, err) : err_set(err, VAE_EOS, "out of memory");
    }
    if (!r)
        r = lay_out(s, schema, from, raw, err);
    free(from);
    if (!r)
        return schema;
    schema_free(schema);
    return NULL;
}
