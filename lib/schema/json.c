/* json.c - the schema in the header of a model file: names, types and styles; its arrays are tensors of the file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "schema/levels.h"
#include "schema/line.h"
#include "schema/schema.h"
#include "schema/time.h"

/*
 * JSON is UTF-8, cells are bytes. A text that is no UTF-8 is the array of its bytes.
 */
static json_t *bytes_to_json(const char *text) {
    json_t *j = json_string(text);
    if (j)
        return j;
    j = json_array();
    for (; *text; text++)
        json_array_append_new(j, json_integer((unsigned char)*text));
    return j;
}

/* The bytes, appended to out with a NUL behind them; false for anything else. */
static bool bytes_from_json(const json_t *j, struct buf *out, struct vae_err *err) {
    out->n = 0;
    if (json_is_string(j))
        return !buf_put(out, json_string_value(j), json_string_length(j), err) && !buf_put(out, "", 1, err);
    for (size_t i = 0; i < json_array_size(j); i++) {
        json_int_t v = json_integer_value(json_array_get(j, i));
        char byte = (char)(unsigned char)v;
        if (v < 1 || v > 255 || buf_put(out, &byte, 1, err))
            return false;
    }
    return json_array_size(j) > 0 && !buf_put(out, "", 1, err);
}

/* Members that most columns have no use for are left out. */
static json_t *col_to_json(const struct schema_col *c) {
    json_t *shape = json_array(), *levels = json_array(), *counts = json_array();
    for (size_t k = 0; k < c->ndim; k++)
        json_array_append_new(shape, json_integer((json_int_t)c->shape[k]));
    for (size_t k = 0; k < c->levels.n; k++) {
        json_array_append_new(levels, bytes_to_json(c->levels.text[k]));
        json_array_append_new(counts, json_integer((json_int_t)c->levels.count[k]));
    }
    json_t *j = json_pack("{s:s, s:s, s:s, s:o, s:i, s:s}", "name", c->name, "kind", schema_kind_name(c->kind), "dtype",
                          rec_type_name(c->type), "shape", shape, "decimals", c->decimals, "transform",
                          c->transform->name);
    if (*c->lik)
        json_object_set_new(j, "lik", json_string(c->lik));
    if (*c->time)
        json_object_set_new(j, "time", json_string(c->time));
    if (c->kind == SCHEMA_TIME && c->width == 2 && isfinite(c->earliest) && isfinite(c->latest))
        json_object_set_new(j, "span", json_pack("[f, f]", c->earliest, c->latest));
    if (!unit_empty(&c->unit))
        json_object_set_new(j, "unit", json_pack("{s:o, s:o, s:b}", "before", bytes_to_json(c->unit.before), "after",
                                                 bytes_to_json(c->unit.after), "group", c->unit.group));
    if (c->condition)
        json_object_set_new(j, "condition", json_true());
    if (c->clock)
        json_object_set_new(j, "clock", json_integer((json_int_t)c->clock));
    if (c->pace > 0)
        json_object_set_new(j, "pace", json_real(c->pace));
    if (c->lag)
        json_object_set_new(j, "before", json_pack("[I, I]", (json_int_t)c->lag, (json_int_t)c->now));
    if (c->apart)
        json_object_set_new(j, "apart", json_true());
    if (c->missing)
        json_object_set_new(j, "missing", json_true());
    if (c->blank)
        json_object_set_new(j, "blank", json_true());
    if (c->blank_share > 0)
        json_object_set_new(j, "blank_share", json_real(c->blank_share));
    if (c->missing_share > 0)
        json_object_set_new(j, "missing_share", json_real(c->missing_share));
    if (c->tenths.n)
        json_object_set_new(j, "tenths", tenths_to_json(&c->tenths));
    if (c->kind == SCHEMA_LINE)
        json_object_set_new(j, "line", json_pack("{s:I, s:I, s:b, s:b}", "positions", (json_int_t)line_positions(c), "longer",
                                                 (json_int_t)c->longer, "bytes", c->bytes, "mask_numbers", c->mask));
    if (c->levels.n) {
        json_object_set(j, "levels", levels);
        json_object_set(j, "counts", counts);
    }
    json_decref(levels), json_decref(counts);
    return j;
}

json_t *schema_to_json(const struct schema *s) {
    json_t *cols = json_array(), *keep = json_array(), *kinds = json_array(), *next = json_array(), *missing = json_array();
    for (size_t i = 0; i < s->ncols; i++)
        json_array_append_new(cols, col_to_json(&s->col[i]));
    for (size_t i = 0; i < s->nkeep; i++) {
        json_array_append_new(keep, json_string(s->keep[i]));
        json_array_append_new(kinds, json_string(schema_kind_name(s->keep_kind[i])));
        json_array_append_new(next, isfinite(s->keep_next[i]) ? json_real(s->keep_next[i]) : json_null());
    }
    for (size_t i = 0; i < s->nmissing; i++)
        json_array_append_new(missing, bytes_to_json(s->missing[i]));
    /* a copy: folds of one fit copy their schema at the same time, and share no count of references */
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "rows", (json_int_t)s->rows, "columns", cols, "keep", keep, "keep_kinds", kinds,
                     "keep_next", next, "missing", missing, "origin", json_deep_copy(s->origin));
}

/* A text of at most size - 1 bytes; absent: empty. */
static int short_text(const json_t *j, const char *key, char *out, size_t size, struct vae_err *err) {
    const json_t *v = json_object_get(j, key);
    *out = 0;
    if (!v)
        return 0;
    if (!json_is_string(v) || json_string_length(v) >= size || strlen(json_string_value(v)) != json_string_length(v))
        return err_set(err, VAE_EDATA, "schema: '%s' of a column makes no sense", key);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return 0;
}

static int levels_from_json(const json_t *j, struct schema_levels *l, struct vae_err *err) {
    const json_t *texts = json_object_get(j, "levels"), *counts = json_object_get(j, "counts");
    size_t n = json_array_size(texts);
    struct buf text = {0};
    bool ok = json_array_size(counts) == n && n < CELLS_MAX;
    for (size_t i = 0; i < n && ok; i++) {
        const json_t *count = json_array_get(counts, i);
        ok = json_is_integer(count) && json_integer_value(count) >= 0 && bytes_from_json(json_array_get(texts, i), &text, err) &&
             levels_add(l, text.p, text.n - 1, err) == (long)i; /* a text that was there before has an older code */
        if (ok)
            l->count[i] = (uint64_t)json_integer_value(count);
    }
    buf_free(&text);
    return ok ? 0 : err_set(err, VAE_EDATA, "schema: the levels of a column make no sense");
}

/* The texts around a number: nothing that could be taken for a part of it. */
static int unit_from_json(const json_t *j, struct unit *u, struct vae_err *err) {
    struct buf before = {0}, after = {0};
    char plain[UNIT_TEXT], text[UNIT_TEXT];
    bool grouped, ok = bytes_from_json(json_object_get(j, "before"), &before, err) &&
                       bytes_from_json(json_object_get(j, "after"), &after, err) && before.n <= UNIT_SIZE &&
                       after.n <= UNIT_SIZE;
    if (ok) {
        memcpy(u->before, before.p, before.n), memcpy(u->after, after.p, after.n);
        u->group = json_is_true(json_object_get(j, "group"));
        ok = unit_strip(u, text, unit_put(u, "1.5", 3, text), plain, &grouped) == 3;
    }
    buf_free(&before), buf_free(&after);
    return ok ? 0 : err_set(err, VAE_EDATA, "schema: the unit of a column makes no sense");
}

static int line_from_json(const json_t *j, struct schema_col *c, struct vae_err *err) {
    const json_t *line = json_object_get(j, "line");
    json_int_t positions = json_integer_value(json_object_get(line, "positions"));
    json_int_t longer = json_integer_value(json_object_get(line, "longer"));
    if (positions < 1 || positions > LINE_LENGTH_MAX || longer < 0 || c->levels.n > LINE_SYMBOLS)
        return err_set(err, VAE_EDATA, "schema: 'line' of a column makes no sense");
    c->width = (size_t)positions + 1, c->longer = (size_t)longer;
    c->bytes = json_is_true(json_object_get(line, "bytes")), c->mask = json_is_true(json_object_get(line, "mask_numbers"));
    for (size_t i = 0; i < c->levels.n; i++) {
        const char *p, *text = c->levels.text[i];
        struct line_text t = line_text(text, strlen(text), false, c->bytes, false);
        if (line_next(&t, &p) < 1 || t.at != t.n)
            return err_set(err, VAE_EDATA, "schema: a level of a line is not one symbol");
    }
    return 0;
}

/* What was added for tables; older files have none of it. */
static int kind_from_json(const json_t *j, struct schema_col *c, struct vae_err *err) {
    const char *kind = json_string_value(json_object_get(j, "kind"));
    int k = kind ? schema_kind_by_name(kind) : c->type == REC_UTF8 ? SCHEMA_NUMBER : SCHEMA_ARRAY;
    c->condition = json_is_true(json_object_get(j, "condition"));
    c->apart = json_is_true(json_object_get(j, "apart"));
    c->missing = json_is_true(json_object_get(j, "missing"));
    c->blank = json_is_true(json_object_get(j, "blank"));
    c->blank_share = json_number_value(json_object_get(j, "blank_share")); /* 0 without */
    c->missing_share = json_number_value(json_object_get(j, "missing_share"));
    if (!(c->blank_share >= 0 && c->blank_share <= 1) || !(c->missing_share >= 0 && c->missing_share <= 1))
        return err_set(err, VAE_EDATA, "schema: '%s' of a column makes no sense",
                       c->blank_share >= 0 && c->blank_share <= 1 ? "missing_share" : "blank_share");
    const json_t *clock = json_object_get(j, "clock");
    json_int_t cycles = clock ? json_integer_value(clock) : 0;
    if ((clock && (cycles < 1 || cycles > (SCHEMA_DAY | SCHEMA_WEEK | SCHEMA_YEAR))) || (clock && (k != SCHEMA_TIME || !c->condition)))
        return err_set(err, VAE_EDATA, "schema: 'clock' of a column makes no sense");
    c->clock = (unsigned)cycles;
    c->pace = json_number_value(json_object_get(j, "pace")); /* 0 without */
    if (!(c->pace >= 0 && c->pace <= 1e12) || (c->pace > 0 && !c->clock))
        return err_set(err, VAE_EDATA, "schema: 'pace' of a column makes no sense");
    const json_t *tenths = json_object_get(j, "tenths");
    int r = tenths ? tenths_from_json(tenths, &c->tenths, err) : 0;
    if (!r)
        r = short_text(j, "lik", c->lik, sizeof c->lik, err);
    if (!r)
        r = short_text(j, "time", c->time, sizeof c->time, err);
    if (!r)
        r = levels_from_json(j, &c->levels, err);
    if (!r && json_object_get(j, "unit"))
        r = unit_from_json(json_object_get(j, "unit"), &c->unit, err);
    if (r)
        return r;
    bool levels = k == SCHEMA_BINARY || k == SCHEMA_CATEGORY || k == SCHEMA_ORDINAL || k == SCHEMA_LINE;
    if (k < 0 || schema_carries((enum schema_kind)k) || levels != (c->levels.n > 0) || (k == SCHEMA_TIME) != (*c->time != 0) ||
        (k == SCHEMA_ARRAY) != (c->type != REC_UTF8) || (c->type == REC_UTF8 && c->ndim) ||
        (*c->time && !time_style(c->time)) || (!unit_empty(&c->unit) && k != SCHEMA_NUMBER && k != SCHEMA_COUNT))
        return err_set(err, VAE_EDATA, "schema: a column is of no kind that is known");
    c->kind = (enum schema_kind)k;
    if (k == SCHEMA_LINE && c->condition)
        return err_set(err, VAE_EDATA, "schema: a line is no condition");
    if (k == SCHEMA_LINE && (r = line_from_json(j, c, err)) != 0)
        return r;
    c->width = k == SCHEMA_TIME && *c->time != 'd' ? 2 : c->width;
    const json_t *span = json_object_get(j, "span");
    c->earliest = span ? json_number_value(json_array_get(span, 0)) : -INFINITY;
    c->latest = span ? json_number_value(json_array_get(span, 1)) : INFINITY;
    return 0;
}

static int col_from_json(const json_t *j, struct schema_col *c, struct vae_err *err) {
    const char *name, *dtype, *transform;
    json_t *shape;
    json_int_t decimals;
    if (json_unpack((json_t *)(uintptr_t)j, "{s:s, s:s, s:o, s:I, s:s}", "name", &name, "dtype", &dtype, "shape",
                    &shape, "decimals", &decimals, "transform", &transform) ||
        !json_is_array(shape) || json_array_size(shape) > REC_MAX_DIMS)
        return err_set(err, VAE_EDATA, "schema: a column is incomplete");
    int type = rec_type_by_name(dtype);
    c->transform = schema_transform_by_name(transform);
    if (type < 0 || !c->transform || decimals < -1 || decimals > 15)
        return err_set(err, VAE_EDATA, "schema: a column has an unknown type, transform or style");
    c->decimals = (int)decimals;
    c->type = (enum rec_type)type;
    c->ndim = json_array_size(shape);
    c->width = 1;
    for (size_t k = 0; k < c->ndim; k++) {
        json_int_t n = json_integer_value(json_array_get(shape, k));
        if (n < 1 || n > INT32_MAX || !mem_mul(c->width, (size_t)n, &c->width))
            return err_set(err, VAE_EDATA, "schema: a column has a senseless shape");
        c->shape[k] = (size_t)n;
    }
    c->name = mem_text(name, strlen(name));
    return c->name ? kind_from_json(j, c, err) : err_set(err, VAE_EOS, "out of memory");
}

/* Of windows: what is of rows before stands behind what it is of, the nearest rows first. */
static int before_from_json(const json_t *j, struct schema *s, size_t i, struct vae_err *err) {
    const json_t *before = json_object_get(j, "before");
    json_int_t lag = json_integer_value(json_array_get(before, 0)), now = json_integer_value(json_array_get(before, 1));
    size_t least = i && s->col[i - 1].lag ? s->col[i - 1].lag : !!before;
    if (!before && !least)
        return 0;
    if (lag < (json_int_t)least || lag > INT32_MAX || now < 0 || now >= (json_int_t)i || s->col[i].condition ||
        s->col[now].lag || s->col[now].condition || s->col[now].width != s->col[i].width)
        return err_set(err, VAE_EDATA, "schema: 'before' of a column makes no sense");
    s->col[i].lag = (size_t)lag, s->col[i].now = (size_t)now;
    return 0;
}

static int keep_from_json(const json_t *j, const json_t *keep, struct schema *s, struct vae_err *err) {
    const json_t *kinds = json_object_get(j, "keep_kinds"), *next = json_object_get(j, "keep_next");
    const json_t *missing = json_object_get(j, "missing");
    struct buf text = {0};
    int r = 0;
    for (size_t i = 0; i < json_array_size(keep) && !r; i++) {
        const char *name = json_string_value(json_array_get(keep, i));
        const char *kind = json_string_value(json_array_get(kinds, i));
        const json_t *number = json_array_get(next, i);
        int k = kind ? schema_kind_by_name(kind) : SCHEMA_ARRAY;
        s->keep[i] = name ? mem_text(name, strlen(name)) : NULL;
        s->nkeep += s->keep[i] != NULL;
        s->keep_kind[i] = (enum schema_kind)k;
        s->keep_next[i] = json_is_number(number) ? json_number_value(number) : NAN;
        if (!s->keep[i] || (k != SCHEMA_ARRAY && (k < 0 || !schema_carries((enum schema_kind)k))))
            r = err_set(err, VAE_EDATA, "schema: a kept column makes no sense");
    }
    for (size_t i = 0; i < json_array_size(missing) && !r; i++)
        r = bytes_from_json(json_array_get(missing, i), &text, err) ? schema_add_missing(s, text.p, err)
                                                                     : err_set(err, VAE_EDATA, "schema: 'missing' makes no sense");
    buf_free(&text);
    return r;
}

struct schema *schema_from_json(const json_t *j, struct vae_err *err) {
    json_t *cols = json_object_get(j, "columns"), *keep = json_object_get(j, "keep"), *origin = json_object_get(j, "origin");
    if (!json_is_array(cols) || !json_is_array(keep) || !json_is_object(origin) || !json_array_size(cols)) {
        err_set(err, VAE_EDATA, "schema: columns, keep or origin is missing");
        return NULL;
    }
    struct schema *s = schema_empty(json_array_size(cols), json_array_size(keep), err);
    if (!s)
        return NULL;
    s->origin = json_incref(origin);
    const json_t *rows = json_object_get(j, "rows"); /* older files have none */
    s->rows = json_integer_value(rows) > 0 ? (size_t)json_integer_value(rows) : 0;
    int r = 0;
    for (size_t i = 0; i < s->ncols && !r; i++)
        if (!(r = col_from_json(json_array_get(cols, i), &s->col[i], err)))
            r = before_from_json(json_array_get(cols, i), s, i, err);
    if (!r)
        r = keep_from_json(j, keep, s, err);
    if (!r && !schema_place(s, err))
        return s;
    schema_free(s);
    return NULL;
}

struct schema *schema_copy(const struct schema *s, struct vae_err *err) {
    json_t *j = schema_to_json(s);
    struct schema *copy = schema_from_json(j, err);
    json_decref(j);
    return copy;
}
