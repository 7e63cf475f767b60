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

enum { READ = 1 << 16, ROWS = 1024, LINE_MAX_BYTES = 16 << 20, FIELDS = 2 };

struct text_reader {
    struct source *src;
    struct vae_head *head;
    bool label, matched; /* lines begin with one; for a model, which can do without */
    size_t batch_rows;
    struct buf bytes;
    size_t at, looked;    /* of the first line not handed out; behind what has no end */
    uint64_t line, first; /* of the next record, of the last batch, from 1 */
    uint64_t given;
    bool eof;
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
    buf_free(&r->bytes);
    free(r);
}

static int fill(struct text_reader *r, struct vae_err *err) {
    if (r->at == r->bytes.n)
        r->at = r->looked = r->bytes.n = 0;
    int rc = buf_reserve(&r->bytes, READ, err);
    if (rc < 0)
        return rc;
    long got = source_read(r->src, r->bytes.p + r->bytes.n, READ, err);
    if (got < 0)
        return (int)got;
    r->eof = got == 0;
    r->bytes.n += (size_t)got;
    return 0;
}

static void *text_open(struct source *src, const struct stream_read_opts *opts, struct vae_err *err) {
    struct text_reader *r = mem_array(1, sizeof *r);
    if (!r) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    *r = (struct text_reader){.src = src,
                              .label = opts->label != NULL,
                              .matched = opts->want.n > 0,
                              .line = 1,
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
        char *end = NULL;
        int rc = 0;
        while (!rc && !r->eof && r->bytes.n < LINE_MAX_BYTES && !end) { /* how lines end, the first one tells */
            rc = source_idle(src) && r->bytes.n ? 0 : fill(r, err);
            end = r->bytes.n ? memchr(r->bytes.p, '\n', r->bytes.n) : NULL;
        }
        r->head->origin =
            rc ? NULL : json_pack("{s:s, s:b}", "format", "text", "crlf", end && end > r->bytes.p && end[-1] == '\r');
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

static const char *place(const struct text_reader *r, char out[160]) {
    snprintf(out, 160, "%s:%llu", source_name(r->src), (unsigned long long)r->line);
    return out;
}

/* The line at..end becomes row i: 0, or VAE_EROW for one that lacks its label. */
static int take(struct text_reader *r, size_t i, size_t end, struct vae_err *err) {
    size_t begin = r->at, f = r->label ? 1 : 0;
    char at[160];
    if (end > begin && r->bytes.p[end - 1] == '\r')
        end--;
    if (r->label) {
        const char *tab = memchr(r->bytes.p + begin, '\t', end - begin);
        size_t label = tab ? (size_t)(tab - r->bytes.p) : begin;
        if (!tab && !r->matched)
            return err_set(err, VAE_EROW, "%s: no label: expected %s, a tab and a line", place(r, at),
                           r->head->fields[0].name);
        r->begin[0][i] = (uint32_t)begin, r->end[0][i] = (uint32_t)label;
        begin = tab ? label + 1 : begin;
    }
    r->begin[f][i] = (uint32_t)begin, r->end[f][i] = (uint32_t)end;
    return 0;
}

/* Where the next line ends, SIZE_MAX: it has no end yet. */
static size_t line_end(struct text_reader *r) {
    const char *p = r->bytes.n > r->looked ? memchr(r->bytes.p + r->looked, '\n', r->bytes.n - r->looked) : NULL;
    r->looked = p ? (size_t)(p - r->bytes.p) : r->bytes.n;
    return p ? r->looked : r->eof && r->bytes.n > r->at ? r->bytes.n : SIZE_MAX;
}

/* Behind the line that ends there. */
static void pass(struct text_reader *r, size_t end) {
    r->at = r->looked = end < r->bytes.n ? end + 1 : end;
    r->line++;
}

/* A line that is too long is passed over, with as little of it in memory as can be. */
static int skip_long(struct text_reader *r, struct vae_err *err) {
    char at[160];
    for (size_t end; (end = line_end(r)) == SIZE_MAX && !r->eof;) {
        r->at = r->looked = r->bytes.n;
        int rc = fill(r, err);
        if (rc < 0)
            return rc;
    }
    int rc = err_set(err, VAE_EROW, "%s: a line is longer than 16 MiB", place(r, at));
    pass(r, r->looked);
    return rc;
}

/* Rows from the bytes that are there; what ends them early is the fault. */
static size_t take_all(struct text_reader *r) {
    size_t n = 0;
    for (size_t end; n < r->batch_rows && (end = line_end(r)) != SIZE_MAX; pass(r, end)) {
        if (take(r, n, end, &r->fault)) {
            pass(r, end);
            break;
        }
        n++;
    }
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
    if (r->at) { /* what was handed out is done with */
        memmove(r->bytes.p, r->bytes.p + r->at, r->bytes.n - r->at);
        r->bytes.n -= r->at, r->looked -= r->at, r->at = 0;
    }
    r->first = r->line;
    for (;;) {
        n = take_all(r);
        if (n || r->fault.code || (r->eof && r->at == r->bytes.n))
            break;
        if (r->bytes.n - r->at > LINE_MAX_BYTES)
            rc = skip_long(r, &r->fault);
        else
            rc = fill(r, &r->fault);
        if (rc < 0)
            break;
    }
    if (!n && r->fault.code)
        return text_next(r, b, err);
    for (size_t f = 0; f < r->head->nfields; f++)
        r->col[f].text = r->bytes.p ? r->bytes.p : "";
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
        if (!rc && w->out.n > READ) {
            rc = sink_write(w->sink, w->out.p, w->out.n, err);
            w->out.n = 0;
        }
    }
    return rc ? rc : sink_write(w->sink, w->out.p ? w->out.p : "", w->out.n, err);
}

static int text_finish(void *ctx, int status, struct vae_err *err) {
    (void)ctx, (void)status, (void)err;
    return 0;
}

static void text_destroy(void *ctx) {
    struct text_writer *w = ctx;
    buf_free(&w->out);
    free(w);
}

/* Any text may be lines: it has to be said. */
static bool text_sniff(const unsigned char *p, size_t n) {
    (void)p, (void)n;
    return false;
}

const struct stream_format stream_text = {
    .name = "text",
    .about = "lines of text",
    .sniff = text_sniff,
    .open = text_open,
    .head = text_head,
    .next = text_next,
    .where = text_where,
    .close = text_close,
    .create = text_create,
    .put = text_put,
    .finish = text_finish,
    .destroy = text_destroy,
};
