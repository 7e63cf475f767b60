/* record.c - between the fields of a batch and raw[n,d], the values of records in input units. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "schema/cell.h"
#include "schema/levels.h"
#include "schema/line.h"
#include "schema/schema.h"
#include "schema/time.h"

static size_t channels(size_t ndim, const size_t *shape) { return ndim > 2 ? shape[2] : 1; }

/* Are both images, of another height, width or number of channels? What is flat has no shape to differ in. */
static bool other_shape(const struct schema_col *col, const struct rec_field *f) {
    return col->ndim > 1 && f->ndim > 1 && (col->shape[0] != f->shape[0] || col->shape[1] != f->shape[1] ||
                                            channels(col->ndim, col->shape) != channels(f->ndim, f->shape));
}

static int refuse_shape(const struct schema_col *col, const struct rec_field *f, struct vae_err *err) {
    size_t c = channels(col->ndim, col->shape);
    return err_set(err, VAE_EDATA, "expected images of %zux%zux%zu (height, width, channels), got %zux%zux%zu%s", col->shape[0],
                   col->shape[1], c, f->shape[0], f->shape[1], channels(f->ndim, f->shape),
                   f->type == REC_U8 ? "; --resize makes them so" : "");
}

int schema_bind(const struct schema *s, const struct vae_head *head, struct schema_map *map, struct vae_err *err) {
    size_t values = 0, own = 0, only = 0; /* of the data's own fields: labels may stand beside */
    for (size_t i = 0; i < head->nfields; i++) {
        values += head->fields[i].type != REC_UTF8 ? head->fields[i].width : 0;
        own += !head->fields[i].apart;
        only = head->fields[i].apart ? only : i;
    }
    bool array = own == 1 && head->fields[only].type != REC_UTF8;
    map->field = mem_array(s->ncols ? s->ncols : 1, sizeof *map->field);
    if (!map->field)
        return err_set(err, VAE_EOS, "out of memory");
    map->whole = array && head->nfields == 1 && values == s->d;
    if (map->whole && s->ncols == 1 && other_shape(&s->col[0], &head->fields[0]))
        return refuse_shape(&s->col[0], &head->fields[0], err);
    for (size_t c = 0; c < s->ncols && !map->whole; c++) {
        const struct schema_col *col = &s->col[c];
        int f = rec_head_find(head, col->name);
        size_t width = col->kind == SCHEMA_ARRAY ? col->width : 1;
        char name[80];
        if (f < 0 && !col->condition && array && col->kind == SCHEMA_ARRAY && head->fields[only].width == width)
            f = (int)only; /* arrays have no names */
        err_quote(name, sizeof name, col->name, strlen(col->name));
        if (f < 0 && col->condition) { /* then it is not told */
            map->field[c] = -1;
            continue;
        }
        if (f < 0 && array && head->nfields == 1)
            return err_set(err, VAE_EDATA, "expected %zu values a record, got %zu", s->d, values);
        if (f < 0)
            return err_set(err, VAE_EDATA, "column '%s' is missing", name);
        if (other_shape(col, &head->fields[f]))
            return refuse_shape(col, &head->fields[f], err);
        if (head->fields[f].width != width)
            return err_set(err, VAE_EDATA, "column '%s': expected %zu values, got %zu", name, width, head->fields[f].width);
        map->field[c] = f;
    }
    return 0;
}

void schema_map_free(struct schema_map *map) {
    free(map->field);
    *map = (struct schema_map){0};
}

/* A cell that is a number, mostly. */
static int read_number(const struct schema *s, const struct schema_col *col, const char *p, size_t len, double *raw,
                       struct vae_err *err) {
    const struct cell_missing missing = {s->missing, s->nmissing};
    enum num_kind kind = num_parse(p, len, raw);
    if (kind == NUM_NUMBER && !s->nmissing)
        return 0;
    if (kind == NUM_TEXT && cell_unit_number(&col->unit, p, len, raw))
        kind = NUM_NUMBER;
    if (cell_is_missing(&missing, p, len)) {
        *raw = NAN;
        return 0;
    }
    return kind == NUM_NUMBER ? 0 : cell_bad(col->name, p, len, false, err);
}

static int read_time(const struct schema *s, const struct schema_col *col, const char *p, size_t len, double *raw,
                     struct vae_err *err) {
    const struct cell_missing missing = {s->missing, s->nmissing};
    double value[2] = {NAN, NAN}, v = NAN;
    struct time_point t;
    int r = 0;
    if (s->nmissing && cell_is_missing(&missing, p, len)) { /* perhaps a time: 1900-01-01 */
        ;
    } else if (*col->time == 'e' || *col->time == 'E') {
        r = read_number(s, col, p, len, &v, err);
        time_from_epoch(col->time, v, &value[0], &value[1]);
    } else if (time_parse(p, len, &t)) {
        time_to_zone(&t, time_zone(col->time));
        value[0] = t.day, value[1] = t.second;
    } else {
        r = cell_is_missing(&missing, p, len) ? 0 : cell_bad_time(col->name, p, len, err);
    }
    memcpy(raw, value, col->width * sizeof *raw);
    return r;
}

/* A cell without quotes and blanks -> the column's values; *unknown: a text that is no level. */
static int read_cell(const struct schema *s, const struct schema_col *col, const char *p, size_t len, double *raw,
                     bool *unknown, struct vae_err *err) {
    const struct cell_missing missing = {s->missing, s->nmissing};
    *unknown = false;
    if (col->kind == SCHEMA_LINE)
        return line_read(col, p, len, false, raw, err);
    if (col->kind == SCHEMA_TIME)
        return read_time(s, col, p, len, raw, err);
    if (!col->levels.n)
        return read_number(s, col, p, len, raw, err);
    *raw = NAN;
    if (cell_is_missing(&missing, p, len))
        return 0;
    long code = levels_find(&col->levels, p, len);
    *unknown = code < 0;
    *raw = code < 0 ? (double)col->levels.n : (double)code;
    return 0;
}

int schema_get_cell(const struct schema *s, size_t c, const char *text, size_t n, double *raw, bool *unknown,
                    struct vae_err *err) {
    return read_cell(s, &s->col[c], text, n, raw, unknown, err);
}

/* Value `at` of a field of numbers where the column is a cell of a table: NaN is a missing one, and a number that has
 * to be a text is the one that is written so. */
static int read_typed(const struct schema *s, const struct schema_col *col, const struct rec_col *from,
                      enum rec_type type, size_t at, double *raw, bool *unknown, struct vae_err *err) {
    double v = rec_number(from, type, at);
    char text[NUM_MAX];
    *unknown = false;
    if (isfinite(v) && !col->levels.n && col->kind != SCHEMA_TIME) {
        *raw = v;
        return 0;
    }
    return read_cell(s, col, text, isnan(v) ? 0 : num_put_double(text, v), raw, unknown, err);
}

/* A column's values of record i, which begin at item `at` of field f. */
static int read_column(const struct schema *s, const struct schema_col *sc, const struct vae_batch *b,
                       const struct vae_head *head, size_t f, size_t i, size_t at, double *raw, struct schema_seen *seen,
                       struct vae_err *err) {
    char plain[CELL_PLAIN];
    const struct rec_col *col = &b->cols[f];
    enum rec_type type = head->fields[f].type;
    bool unknown = false;
    int r;
    if (sc->kind == SCHEMA_ARRAY && type != REC_UTF8)
        return cell_numbers(sc->name, col, type, at, sc->width, raw, err);
    if (type != REC_UTF8) {
        r = read_typed(s, sc, col, type, at, raw, &unknown, err);
    } else {
        size_t len;
        const char *p = rec_cell(col, i, &len);
        if (sc->kind == SCHEMA_LINE) {
            r = line_read(sc, p, len, b->quoted, raw, err);
            seen->longer += !r && !isnan(raw[line_positions(sc)]);
            return r;
        }
        if (sc->kind <= SCHEMA_COUNT && !s->nmissing && num_parse(p, len, raw) == NUM_NUMBER)
            return 0; /* most cells: no quotes, not missing */
        p = cell_text(col, i, b->quoted, plain, &len);
        r = read_cell(s, sc, p, len, raw, &unknown, err);
    }
    if (sc->condition && unknown) /* of no use to the nets */
        *raw = NAN;
    if (sc->kind == SCHEMA_ARRAY && !r && isnan(*raw) && !sc->condition) {
        char name[80];
        r = err_set(err, VAE_EROW, "column '%s' has a missing cell; leave such rows out (--skip-bad)",
                    err_quote(name, sizeof name, sc->name, strlen(sc->name)));
    }
    seen->missing += isnan(*raw) ? 1 : 0;
    seen->unknown += unknown;
    return r;
}

int schema_read_column(const struct schema *s, size_t c, const struct vae_batch *b, const struct vae_head *head, size_t f,
                       size_t i, double *raw, struct schema_seen *seen, struct vae_err *err) {
    const struct schema_col *sc = &s->col[c];
    return read_column(s, sc, b, head, f, i, i * (sc->kind == SCHEMA_ARRAY ? sc->width : 1), raw, seen, err);
}

/* Record i of a batch -> row[d]. */
static int read_record(const struct schema *s, const struct schema_map *map, const struct vae_batch *b,
                       const struct vae_head *head, size_t i, double *row, struct schema_seen *seen,
                       struct vae_err *err) {
    int r = 0;
    for (size_t c = 0; c < s->ncols && !r; c++) {
        const struct schema_col *sc = &s->col[c];
        if (map->whole)
            r = read_column(s, sc, b, head, 0, i, i * s->d + sc->v0, row + sc->v0, seen, err);
        else if (map->field[c] >= 0)
            r = schema_read_column(s, c, b, head, (size_t)map->field[c], i, row + sc->v0, seen, err);
        else
            for (size_t j = 0; j < sc->width; j++)
                row[sc->v0 + j] = NAN;
    }
    return r;
}

int schema_read(const struct schema *s, const struct schema_map *map, const struct vae_batch *b,
                const struct vae_head *head, size_t from, size_t n, double *raw, struct schema_seen *seen, size_t *good,
                struct vae_err *err) {
    for (size_t i = 0; i < n; i++) {
        struct schema_seen here = {0};
        int r;
        *good = i;
        if (map->whole && s->ncols == 1 && s->col[0].kind == SCHEMA_ARRAY)
            r = cell_numbers(s->col[0].name, &b->cols[0], head->fields[0].type, (from + i) * s->d, s->d, raw + i * s->d, err);
        else
            r = read_record(s, map, b, head, from + i, raw + i * s->d, &here, err);
        if (r)
            return r;
        if (seen)
            seen->missing += here.missing, seen->unknown += here.unknown, seen->longer += here.longer;
    }
    *good = n;
    return 0;
}

/* Does the column leave as text? A number that is missing is NaN, and an empty cell in a table. */
static bool is_text(const struct schema_col *c) {
    return c->levels.n || c->kind == SCHEMA_TIME || !unit_empty(&c->unit);
}

struct vae_head *schema_head(const struct schema *s, bool wide, struct vae_err *err) {
    struct vae_head *h = rec_head_new("data", err);
    for (size_t c = 0; c < s->ncols && h; c++) {
        const struct schema_col *col = &s->col[c];
        if (!schema_written(col, wide))
            continue;
        enum rec_type type = is_text(col) ? REC_UTF8 : col->type == REC_UTF8 ? REC_F64 : col->type;
        struct rec_field *f = rec_head_add(h, col->name, type, col->ndim, col->shape, err);
        if (!f) {
            rec_head_free(h);
            return NULL;
        }
        f->decimals = type == REC_F64 && col->type == REC_UTF8 ? col->decimals : -1;
    }
    if (h)
        h->origin = json_incref(s->origin);
    return h;
}

/* The mean of a decoder that knows no bounds may be a count below none. */
static double in_bounds(const struct schema_col *c, double v) { return c->kind == SCHEMA_COUNT && v < 0 ? 0 : v; }

static void put_number(void *data, enum rec_type type, size_t i, double v) {
    double r = isnan(v) ? 0 : nearbyint(v);
    switch (type) {
    case REC_U8: ((unsigned char *)data)[i] = (unsigned char)(r < 0 ? 0 : r > 255 ? 255 : r); break;
    case REC_I32: ((int32_t *)data)[i] = (int32_t)(r < INT32_MIN ? INT32_MIN : r > INT32_MAX ? INT32_MAX : r); break;
    case REC_F32: ((float *)data)[i] = (float)v; break;
    default: ((double *)data)[i] = v;
    }
}

int schema_quote(const struct schema *s, const char *p, size_t n, struct buf *out, struct vae_err *err) {
    const char *text = json_string_value(json_object_get(s->origin, "delim")), delim = text && *text ? *text : ',';
    bool plain = n == 0 || (!strchr(" \t", *p) && !strchr(" \t", p[n - 1]));
    for (size_t i = 0; i < n && plain; i++)
        plain = p[i] != '"' && p[i] != '\n' && p[i] != '\r' && p[i] != delim;
    if (plain)
        return buf_put(out, p, n, err);
    int r = buf_put(out, "\"", 1, err);
    for (size_t i = 0; i < n && !r; i++) {
        if (p[i] == '"')
            r = buf_put(out, "\"", 1, err);
        r = r ? r : buf_put(out, p + i, 1, err);
    }
    return r ? r : buf_put(out, "\"", 1, err);
}

/* A level, or a line, as it is. */
static int put_text(const struct schema_col *col, const double *raw, struct buf *out, struct vae_err *err) {
    double code = nearbyint(raw[0]);
    if (col->kind == SCHEMA_LINE)
        return line_put(col, raw, out, err);
    return code >= 0 && code < (double)col->levels.n
               ? buf_put(out, col->levels.text[(size_t)code], strlen(col->levels.text[(size_t)code]), err) : 0;
}

/* What stands in out from there on becomes a cell of CSV. */
static int quote_from(const struct schema *s, size_t from, struct buf *out, struct vae_err *err) {
    char *text = mem_text(out->p + from, out->n - from);
    size_t n = out->n - from;
    out->n = from;
    int r = text ? schema_quote(s, text, n, out, err) : err_set(err, VAE_EOS, "out of memory");
    free(text);
    return r;
}

int schema_put_cell(const struct schema *s, size_t c, const double *raw, struct buf *out, struct vae_err *err) {
    const struct schema_col *col = &s->col[c];
    char text[TIME_MAX]; /* longer than any number */
    _Static_assert((int)TIME_MAX >= (int)NUM_MAX, "room for both");
    if (isnan(raw[0]))
        return 0;
    if (col->kind == SCHEMA_TIME) {
        double second = col->width > 1 && !isnan(raw[1]) ? raw[1] : 0;
        return buf_put(out, text, time_put(text, col->time, col->decimals, raw[0], second), err);
    }
    if (col->levels.n) {
        size_t from = out->n;
        int r = put_text(col, raw, out, err);
        return r || out->n == from ? r : quote_from(s, from, out, err);
    }
    bool fixed = col->type == REC_UTF8 && col->decimals >= 0;
    double v = in_bounds(col, raw[0]);
    size_t len = fixed ? num_put_fixed(text, v, col->decimals) : num_put_double(text, v);
    if (unit_empty(&col->unit))
        return buf_put(out, text, len, err);
    char whole[UNIT_TEXT];
    return schema_quote(s, whole, unit_put(&col->unit, text, len, whole), out, err);
}

int schema_write_column(const struct schema *s, size_t c, const double *raw, size_t n, size_t row0, struct rec_build *build, size_t f,
                        struct vae_err *err) {
    const struct schema_col *col = &s->col[c];
    if (is_text(col)) {
        struct buf cell = {0};
        int r = 0;
        bool csv = !schema_line(s) || rec_build_batch(build, row0)->quoted; /* lines are as they are, unless they came otherwise */
        rec_build_quoted(build, csv);
        for (size_t i = 0; i < n && !r; i++) {
            const double *v = raw + i * s->d + col->v0;
            cell.n = 0;
            r = csv || !col->levels.n ? schema_put_cell(s, c, v, &cell, err) : isnan(*v) ? 0 : put_text(col, v, &cell, err);
            r = r ? r : rec_build_text(build, f, cell.n ? cell.p : "", cell.n, err);
        }
        buf_free(&cell);
        return r;
    }
    enum rec_type type = col->type == REC_UTF8 ? REC_F64 : col->type;
    void *data = rec_build_data(build, f);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < col->width; j++)
            put_number(data, type, (row0 + i) * col->width + j, in_bounds(col, raw[i * s->d + col->v0 + j]));
    return 0;
}

int schema_write(const struct schema *s, bool wide, const double *raw, size_t n, size_t row0, struct rec_build *build,
                 struct vae_err *err) {
    int r = rec_build_rows(build, row0 + n, err);
    for (size_t c = 0, f = 0; c < s->ncols && !r; c++)
        if (schema_written(&s->col[c], wide))
            r = schema_write_column(s, c, raw, n, row0, build, f++, err);
    return r;
}
