/*
 * text.c - lines of text as records: a field `line`, without its end ("\n", or "\r\n"), and with stream_read_opts.label
 * a field of that name before it, up to the first tab. A last line need not have an end. Bytes are taken as they come:
 * what they are in UTF-8 is told by the schema (schema/line.c).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "stream/format.h"
#include "stream/lines.h"

enum { WRITE = 1 << 16, ROWS = 1024, FIELDS = 2 };

struct text_reader {
    struct lines lines;
    struct vae_head *head;
    bool label, matched; /* lines begin with one; for a model, which can do without */
    size_t batch_rows;
    uint64_t first, given; /* line of the last batch, from 1; rows handed out */
    struct vae_err fault;                  /* behind the rows of the last batch */
    uint32_t *begin[FIELDS], *end[FIELDS]; /* [batch_rows] */
    struct rec_col col[FIELDS];
};

static void text_close(void *ctx) {
    struct text_reader *r = ctx;
    if (!r)
        return;
    for (size_t f = 0; f < FIELDS; f++)
        free(r->begin[f]), free(r->end[f]);
    rec_head_free(r->head);
    lines_free(&r->lines);
    free(r);
}

/* Marks the fields that are to be carried. */
static int keep(struct vae_head *head, const struct stream_read_opts *opts, const char *name, struct vae_err *err) {
    for (size_t i = 0; i < opts->nkeep; i++) {
        int at = rec_head_pick(head, opts->keep[i]);
        if (at < 0)
            return err_set(err, VAE_EUSAGE, "%s: no column '%s' to keep", name, opts->keep[i]);
        head->fields[at].keep = true;
    }
    return 0;
}

static void *text_open(struct source *src, const struct stream_read_opts *opts, struct vae_err *err) {
    struct text_reader *r = mem_array(1, sizeof *r);
    if (!r) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    *r = (struct text_reader){.lines = {.src = src, .number = 1},
                              .label = opts->label != NULL,
                              .matched = opts->want.n > 0,
                              .batch_rows = opts->batch_rows && opts->batch_rows < ROWS ? opts->batch_rows : ROWS};
    bool ok = true;
    for (size_t f = 0; f < FIELDS && ok; f++) {
        r->begin[f] = mem_array(r->batch_rows, sizeof *r->begin[f]);
        r->end[f] = mem_array(r->batch_rows, sizeof *r->end[f]);
        ok = r->begin[f] && r->end[f];
    }
    r->head = ok ? rec_head_new("data", err) : NULL;
    if (!ok)
        err_set(err, VAE_EOS, "out of memory");
    else if (r->head && (!r->label || rec_head_add(r->head, opts->label, REC_UTF8, 0, NULL, err)) &&
             rec_head_add(r->head, "line", REC_UTF8, 0, NULL, err)) {
        struct lines *l = &r->lines;
        size_t end = SIZE_MAX;
        int rc = keep(r->head, opts, source_name(src), err);
        while (!rc && (end = lines_end(l)) == SIZE_MAX && !l->eof && l->bytes.n < LINES_MAX_BYTES)
            rc = lines_fill(l, err);
        bool crlf = !rc && end != SIZE_MAX && end > 0 && l->bytes.p[end - 1] == '\r'; /* the first line tells */
        r->head->origin = rc ? NULL : json_pack("{s:s, s:b}", "format", "text", "crlf", crlf);
        for (size_t f = 0; f < r->head->nfields; f++)
            r->col[f] = (struct rec_col){.begin = r->begin[f], .end = r->end[f], .stride = 1};
        if (!rc && r->head->origin)
            return r;
        if (!rc)
            err_set(err, VAE_EOS, "out of memory");
    }
    text_close(r);
    return NULL;
}

static const struct vae_head *text_head(const void *ctx) {
    return ((const struct text_reader *)ctx)->head;
}

/* The line at..end becomes row i: 0, or VAE_EROW for one that lacks its label. */
static int take(struct text_reader *r, size_t i, size_t end, struct vae_err *err) {
    const char *p = r->lines.bytes.p;
    size_t begin = r->lines.at, f = r->label ? 1 : 0;
    char at[160];
    if (end > begin && p[end - 1] == '\r')
        end--;
    if (r->label) {
        const char *tab = memchr(p + begin, '\t', end - begin);
        size_t label = tab ? (size_t)(tab - p) : begin;
        if (!tab && !r->matched)
            return err_set(err, VAE_EROW, "%s: no label: expected %s, a tab and a line", lines_place(&r->lines, at),
                           r->head->fields[0].name);
        r->begin[0][i] = (uint32_t)begin, r->end[0][i] = (uint32_t)label;
        begin = tab ? label + 1 : begin;
    }
    r->begin[f][i] = (uint32_t)begin, r->end[f][i] = (uint32_t)end;
    return 0;
}

/* Rows from the bytes that are there; what ends them early is the fault. */
static size_t take_all(struct text_reader *r) {
    size_t n = 0;
    for (size_t end; n < r->batch_rows && !r->fault.code && (end = lines_end(&r->lines)) != SIZE_MAX; lines_pass(&r->lines, end))
        n += take(r, n, end, &r->fault) == 0;
    return n;
}

static int text_next(void *ctx, struct vae_batch *b, struct vae_err *err) {
    struct text_reader *r = ctx;
    size_t n = 0;
    int rc = r->fault.code;
    if (rc) {
        if (err)
            *err = r->fault;
        r->fault.code = rc == VAE_EROW ? 0 : rc;
        return rc;
    }
    r->first = r->lines.number;
    while ((n = take_all(r)) == 0 && !r->fault.code && (!r->lines.eof || r->lines.at < r->lines.bytes.n))
        lines_fill(&r->lines, &r->fault);
    if (!n && r->fault.code)
        return text_next(r, b, err);
    for (size_t f = 0; f < r->head->nfields; f++)
        r->col[f].text = r->lines.bytes.p ? r->lines.bytes.p : "";
    *b = (struct vae_batch){.rows = n, .first = r->given, .nfields = r->head->nfields, .cols = r->col};
    r->given += n;
    return (int)n;
}

static void text_where(const void *ctx, size_t row, char out[64]) {
    snprintf(out, 64, "%llu", (unsigned long long)(((const struct text_reader *)ctx)->first + row));
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

struct text_writer {
    struct sink *sink;
    const struct vae_head *head;
    const char *eol;
    struct buf out;
};

static void *text_create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *opts,
                         struct vae_err *err) {
    (void)opts;
    struct text_writer *w = mem_array(1, sizeof *w);
    if (!w) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    w->sink = sink, w->head = head;
    w->eol = json_is_true(json_object_get(head->origin, "crlf")) ? "\r\n" : "\n";
    return w;
}

static int put_number(struct text_writer *w, const struct rec_field *f, const struct rec_col *col, size_t i,
                      struct vae_err *err) {
    char text[NUM_MAX];
    double v = rec_number(col, f->type, i);
    size_t n = isnan(v) ? 0 : f->decimals >= 0 ? num_put_fixed(text, v, f->decimals) : num_put_double(text, v);
    return buf_put(&w->out, text, n, err);
}

/* A text as it is, without quotes around it. */
static int put_text(struct text_writer *w, const struct rec_col *col, size_t i, bool quoted, struct vae_err *err) {
    size_t n;
    const char *p = rec_cell(col, i, &n);
    int rc = buf_reserve(&w->out, n, err);
    if (!rc && quoted && n && *p == '"')
        w->out.n += rec_unquote(p, n, w->out.p + w->out.n);
    else if (!rc)
        rc = buf_put(&w->out, p, n, err);
    return rc;
}

/* Fields with tabs between. Numbers that are only carried along (where on a walk a line is) are no part of a text. */
static int text_put(void *ctx, const struct vae_batch *b, struct vae_err *err) {
    struct text_writer *w = ctx;
    int rc = 0;
    w->out.n = 0;
    for (size_t i = 0; i < b->rows && !rc; i++) {
        for (size_t f = 0, values = 0; f < w->head->nfields && !rc; f++) {
            const struct rec_field *field = &w->head->fields[f];
            bool aside = field->keep && field->type != REC_UTF8;
            for (size_t j = 0; j < field->width && !aside && !rc; j++) {
                rc = values++ ? buf_put(&w->out, "\t", 1, err) : 0;
                if (!rc)
                    rc = field->type == REC_UTF8 ? put_text(w, &b->cols[f], i, b->quoted, err)
                                                 : put_number(w, field, &b->cols[f], i * field->width + j, err);
            }
        }
        rc = rc ? rc : buf_put(&w->out, w->eol, strlen(w->eol), err);
        if (!rc && w->out.n > WRITE) {
            rc = sink_write(w->sink, w->out.p, w->out.n, err);
            w->out.n = 0;
        }
    }
    return rc ? rc : sink_write(w->sink, w->out.p ? w->out.p : "", w->out.n, err);
}

static void text_destroy(void *ctx) {
    struct text_writer *w = ctx;
    buf_free(&w->out);
    free(w);
}

const struct stream_format stream_text = {
    .name = "text",
    .about = "lines of text",
    .open = text_open,
    .head = text_head,
    .next = text_next,
    .where = text_where,
    .close = text_close,
    .create = text_create,
    .put = text_put,
    .destroy = text_destroy,
};
