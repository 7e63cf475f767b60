/*
 * ndjson.c - JSON objects, one a line, as the rows of a table (https://github.com/ndjson/ndjson-spec).
 *
 * The columns are the members of the objects that come first, in the order they come up; a member of a member has both names,
 * "request.bytes". One that a row lacks, or null, is a missing cell; one that comes up later is counted and left out. Lists are
 * refused. Cells are texts, as those of CSV: numbers as the shortest that read back the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "stream/lines.h"
#include "stream/ndjson.h"

enum {
    ROWS = 1024,
    DEPTH_MAX = 32,
    NAME_MAX_BYTES = 4096,
    UNKNOWN_MAX = 4096,
    SAMPLE_ROWS = 1024, SAMPLE_BYTES = 1 << 20, /* lines that tell the columns: so many, within so many bytes, */
    LIVE_ROWS = 8                               /* or of idle input these */
};

struct reader {
    struct lines lines;
    struct vae_head *head;
    json_t *index;   /* name -> field */
    json_t *parts;   /* "a" and "a.b" of a field "a.b.c": objects */
    json_t *unknown; /* names that are no field */
    struct rec_build *build;
    struct buf text;        /* the cells of a row */
    struct span {
        size_t from, n;
        bool given;
    } *cell;                /* [fields] in text */
    size_t batch_rows;
    uint64_t given;         /* rows handed out */
    uint64_t *place;        /* [batch_rows] lines of the last batch, */
    size_t last;            /* which has so many rows */
    struct vae_err fault;
};

static void nd_close(void *ctx) {
    struct reader *r = ctx;
    if (!r)
        return;
    rec_head_free(r->head), rec_build_free(r->build);
    json_decref(r->index), json_decref(r->parts), json_decref(r->unknown);
    lines_free(&r->lines), buf_free(&r->text);
    free(r->cell), free(r->place), free(r);
}

/* ---- lines ------------------------------------------------------------------------------------------------- */

static bool blank(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
            return false;
    return true;
}

/* ---- objects ----------------------------------------------------------------------------------------------- */

/* Visits every member that is a value, by its full name; fn gives 0 or a code. */
typedef int visit(void *ctx, const char *name, const json_t *value, struct vae_err *err);
static int walk(const json_t *object, const char *prefix, size_t depth, visit *fn, void *ctx, struct vae_err *err) {
    char name[NAME_MAX_BYTES];
    const char *key;
    json_t *value;
    int rc = 0;
    if (depth > DEPTH_MAX)
        return err_set(err, VAE_EROW, "objects in one another, more than %d of them", DEPTH_MAX);
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key) >= (int)sizeof name)
            return err_set(err, VAE_EROW, "a name is too long");
        rc = json_is_object(value) ? walk(value, name, depth + 1, fn, ctx, err) : fn(ctx, name, value, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* The object of a line; VAE_EROW where it is none. */
static json_t *parse(const char *p, size_t n, struct vae_err *err) {
    json_error_t why;
    char shown[80];
    json_t *j = json_loadb(p, n, JSON_REJECT_DUPLICATES, &why);
    if (j && json_is_object(j))
        return j;
    if (j)
        err_set(err, VAE_EROW, "is no JSON object");
    else
        err_set(err, VAE_EROW, "is no JSON: %s", err_quote(shown, sizeof shown, why.text, strlen(why.text)));
    json_decref(j);
    return NULL;
}

/* ---- the columns ------------------------------------------------------------------------------------------- */

/* ctx: name -> true where its values are texts. */
static int add_column(void *ctx, const char *name, const json_t *value, struct vae_err *err) {
    json_t *names = ctx, *have = json_object_get(names, name);
    if (have && !json_is_string(value))
        return 0;
    return json_object_set_new(names, name, json_boolean(json_is_string(value))) ? err_set(err, VAE_EOS, "out of memory") : 0;
}

/* The members of the line [at, end); *why, once: what is wrong with it, which is told when it is its turn. */
static int collect_line(const struct lines *l, size_t end, json_t *names, struct vae_err *why, struct vae_err *err) {
    struct vae_err own = {0};
    char at[160];
    json_t *j = parse(l->bytes.p + l->at, end - l->at, &own);
    int rc = j ? walk(j, "", 0, add_column, names, &own) : VAE_EROW;
    json_decref(j);
    if (rc == VAE_EROW && !why->code)
        err_set(why, VAE_EDATA, "%s: %s", lines_place(l, at), own.msg);
    else if (rc && rc != VAE_EROW)
        *err = own;
    return rc == VAE_EROW ? 0 : rc;
}

/* The members of the objects that come first: where nothing is idle, of the same lines however they are read. asked: columns are known. */
static int collect(struct reader *r, json_t *names, bool asked, struct vae_err *err) {
    struct lines *l = &r->lines;
    struct vae_err why = {0};
    int rc = 0;
    for (size_t rows = 0, at; !rc && rows < SAMPLE_ROWS;) {
        bool some = json_object_size(names) > 0;
        size_t end = lines_end(l);
        if (some && (end == SIZE_MAX ? l->bytes.n : end) >= SAMPLE_BYTES)
            break;
        if (end == SIZE_MAX) {
            if (l->eof || (some && (asked || rows > LIVE_ROWS) && source_pauses(l->src)))
                break;
            at = l->at, l->at = 0; /* all of it is still there for next() */
            rc = lines_fill(l, err);
            l->at = at;
            continue;
        }
        if (!blank(l->bytes.p + l->at, end - l->at)) {
            rc = collect_line(l, end, names, &why, err);
            rows++;
        }
        lines_pass(l, end);
    }
    l->at = l->looked = 0, l->number = 1;
    if (!rc && !asked && why.code && !json_object_size(names)) {
        *err = why;
        return why.code;
    }
    return rc;
}

static int add_field(struct reader *r, const char *name, bool keep, struct vae_err *err) {
    struct rec_field *f = rec_head_add(r->head, name, REC_UTF8, 0, NULL, err);
    if (!f)
        return VAE_EOS;
    f->keep = keep;
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.'))
        if (json_object_setn_new(r->parts, name, (size_t)(dot - name), json_true()))
            return err_set(err, VAE_EOS, "out of memory");
    return json_object_set_new(r->index, name, json_integer((json_int_t)r->head->nfields - 1)) ? err_set(err, VAE_EOS, "out of memory") : 0;
}

/* Columns as they are wanted, else all; those to be kept are marked, or go behind. */
static int make_head(struct reader *r, const json_t *names, const struct stream_read_opts *o, struct vae_err *err) {
    const char *name;
    json_t *text, *columns = json_array(), *texts = json_array();
    size_t found = 0;
    int rc = 0;
    for (size_t i = 0; i < o->want.n && !rc; i++) {
        bool there = json_object_get(names, o->want.names[i]) != NULL, optional = o->want.optional && o->want.optional[i];
        found += there;
        rc = there || !optional ? add_field(r, o->want.names[i], optional, err) : 0;
    }
    if (!rc && o->want.n && !found && json_object_size(names))
        rc = err_set(err, VAE_EDATA, "%s: none of the columns that are asked for", source_name(r->lines.src));
    json_object_foreach((json_t *)(uintptr_t)names, name, text) {
        rc = rc || o->want.n ? rc : add_field(r, name, false, err);
        json_array_append_new(columns, json_string(name));
        if (json_is_true(text))
            json_array_append_new(texts, json_string(name));
    }
    for (size_t i = 0; i < o->nkeep && !rc; i++) {
        int at = rec_head_pick(r->head, o->keep[i]);
        if (at < 0 && json_object_get(names, o->keep[i])) {
            rc = add_field(r, o->keep[i], true, err);
            at = (int)r->head->nfields - 1;
        }
        if (!rc && at < 0)
            rc = err_set(err, VAE_EUSAGE, "%s: no column '%s' to keep", source_name(r->lines.src), o->keep[i]);
        if (!rc)
            r->head->fields[at].keep = true;
    }
    if (!rc && !r->head->nfields)
        rc = err_set(err, VAE_EDATA, "%s: no JSON object", source_name(r->lines.src));
    r->head->origin = json_pack("{s:s, s:o, s:o}", "format", "ndjson", "columns", columns, "texts", texts);
    return rc || r->head->origin ? rc : err_set(err, VAE_EOS, "out of memory");
}

static void *nd_open(struct source *src, const struct stream_read_opts *o, struct vae_err *err) {
    struct reader *r = mem_array(1, sizeof *r);
    json_t *names = json_object();
    int rc = r && names ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!rc) {
        *r = (struct reader){.lines = {.src = src, .number = 1},
                             .batch_rows = o->batch_rows && o->batch_rows < ROWS ? o->batch_rows : ROWS};
        r->head = rec_head_new("data", err);
        r->index = json_object(), r->parts = json_object(), r->unknown = json_object();
        r->place = mem_array(r->batch_rows, sizeof *r->place);
        rc = r->head && r->index && r->parts && r->unknown && r->place ? 0 : err_set(err, VAE_EOS, "out of memory");
    }
    rc = rc ? rc : collect(r, names, o->want.n > 0, err);
    rc = rc ? rc : make_head(r, names, o, err);
    if (!rc && !((r->build = rec_build_new(r->head, err)) && (r->cell = mem_array(r->head->nfields, sizeof *r->cell))))
        rc = VAE_EOS;
    json_decref(names);
    if (!rc)
        return r;
    nd_close(r);
    return NULL;
}

static const struct vae_head *nd_head(const void *ctx) { return ((const struct reader *)ctx)->head; }

/* ---- rows -------------------------------------------------------------------------------------------------- */

static int take_value(void *ctx, const char *name, const json_t *value, struct vae_err *err) {
    struct reader *r = ctx;
    char number[NUM_MAX], shown[80];
    const char *p = number;
    size_t n = 0;
    json_t *index = json_object_get(r->index, name);
    if (!index && json_is_array(value) && json_object_get(r->parts, name)) /* a cell may well stand beside a name with a dot of its own */
        return err_set(err, VAE_EROW, "'%s' is a list, and has members elsewhere; leave such rows out (--skip-bad)",
                       err_quote(shown, sizeof shown, name, strlen(name)));
    if (!index && json_object_size(r->unknown) < UNKNOWN_MAX)
        json_object_set_new(r->unknown, name, json_true());
    if (!index)
        return 0;
    if (json_is_array(value))
        return err_set(err, VAE_EROW, "'%s' is a list; texts, numbers, true, false and null are cells; leave such rows out (--skip-bad)",
                       err_quote(shown, sizeof shown, name, strlen(name)));
    if (json_is_string(value))
        p = json_string_value(value), n = json_string_length(value);
    else if (json_is_boolean(value))
        p = json_is_true(value) ? "true" : "false", n = strlen(p);
    else if (json_is_integer(value))
        n = (size_t)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        n = num_put_double(number, json_real_value(value));
    struct span *c = &r->cell[json_integer_value(index)];
    if (c->given) /* {"a":{"b":1},"a.b":2} */
        return err_set(err, VAE_EROW, "'%s' comes twice", err_quote(shown, sizeof shown, name, strlen(name)));
    *c = (struct span){r->text.n, n, true};
    return buf_put(&r->text, p, n, err);
}

/* The line [at, end) as a row of build. */
static int take_row(struct reader *r, size_t end, struct vae_err *err) {
    struct vae_err why = {0};
    char at[160];
    json_t *j = parse(r->lines.bytes.p + r->lines.at, end - r->lines.at, &why);
    int rc = j ? 0 : VAE_EROW;
    memset(r->cell, 0, r->head->nfields * sizeof *r->cell);
    r->text.n = 0;
    rc = rc ? rc : walk(j, "", 0, take_value, r, &why);
    json_decref(j);
    for (size_t f = 0; f < r->head->nfields && !rc; f++)
        rc = rec_build_text(r->build, f, r->text.p + r->cell[f].from, r->cell[f].n, &why);
    return rc ? err_set(err, rc, "%s: %s", lines_place(&r->lines, at), why.msg) : 0;
}

static int nd_next(void *ctx, struct vae_batch *out, struct vae_err *err) {
    struct reader *r = ctx;
    struct lines *l = &r->lines;
    size_t rows = 0, end;
    rec_build_reset(r->build);
    while (rows < r->batch_rows && !r->fault.code) {
        if ((end = lines_end(l)) == SIZE_MAX) {
            if (l->eof || (rows && source_idle(l->src)))
                break;
            lines_fill(l, &r->fault);
            continue;
        }
        if (!blank(l->bytes.p + l->at, end - l->at) && !take_row(r, end, &r->fault))
            r->place[rows++] = l->number;
        lines_pass(l, end);
    }
    int code = r->fault.code;
    if (!rows && code) {
        *err = r->fault;
        if (code == VAE_EROW)
            r->fault.code = 0;
        return code;
    }
    *out = *rec_build_batch(r->build, rows);
    out->first = r->given;
    r->given += rows;
    r->last = rows;
    return (int)rows;
}

static void nd_where(const void *ctx, size_t row, char out[64]) {
    const struct reader *r = ctx;
    snprintf(out, 64, "%llu", (unsigned long long)(row < r->last ? r->place[row] : r->lines.number));
}

static void nd_stats(const void *ctx, struct vae_in_stats *s) {
    const struct reader *r = ctx;
    uint64_t n = json_object_size(r->unknown);
    if (n > s->extra_columns)
        s->extra_columns = n;
}

/* An object, and so no CSV, which may begin with such a brace but hardly with a quoted name behind it. */
static bool nd_sniff(const unsigned char *p, size_t n) {
    size_t i = 1;
    if (n < 2 || p[0] != '{')
        return false;
    while (i < n && (p[i] == ' ' || p[i] == '\t'))
        i++;
    return i < n && (p[i] == '"' || p[i] == '}');
}

const struct stream_format stream_ndjson = {
    .name = "ndjson",
    .about = "JSON objects, one a line",
    .endings = "jsonl",
    .sniff = nd_sniff,
    .open = nd_open,
    .head = nd_head,
    .next = nd_next,
    .where = nd_where,
    .stats = nd_stats,
    .close = nd_close,
    .create = ndjson_create,
    .put = ndjson_put,
    .destroy = ndjson_destroy,
};
