/*
 * csv_write.c - batches to tables of text. A column that was carried leaves byte for byte as it came, unless the
 * delimiter changed so that it needs quotes now.
 *
 * Fields of more than one dimension are columns name1, name2, ...; the latent means `mu` are called z, `codes` code. NaN is an
 * empty cell, and an empty cell that is alone on its line is "", since blank lines are no records.
 *
 * Rows that are carried whole leave as they came, in the dialect they came in, the other fields behind them. Where another header
 * holds for them from here on, it is written as the first one was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "stream/csv.h"

enum { CHUNK = 1 << 16 };

struct csv_writer {
    struct sink *sink;
    const struct vae_head *head;
    size_t *order;  /* fields in the order in which they leave */
    size_t ncells;  /* of a row */
    size_t numbers; /* of them */
    bool alone;     /* one cell a row */
    bool raw;       /* text is in CSV form, whatever a batch says */
    char delim;
    const char *eol;
    bool whole;        /* the first field is rows carried whole */
    struct buf header; /* that they last had */
    struct buf out;
};

static bool is_table(const struct vae_head *head) {
    const char *f = json_string_value(json_object_get(head->origin, "format"));
    return f && (!strcmp(f, "csv") || !strcmp(f, "tsv"));
}

/* ---- cells ----------------------------------------------------------------------------------------------- */

static bool breaks(const struct csv_writer *w, char c) {
    return c == w->delim || c == '\n' || c == '\r';
}

/* A quoted cell as a reader wants it: closed at its end and not before. */
static bool well_quoted(const char *p, size_t n) {
    if (n < 2 || p[n - 1] != '"')
        return false;
    for (size_t i = 1; i < n - 1; i++)
        if (p[i] == '"' && (++i == n - 1 || p[i] != '"'))
            return false;
    return true;
}

static int put_quoted(struct csv_writer *w, const char *p, size_t n, struct vae_err *err) {
    struct buf *b = &w->out;
    size_t most;
    if (!mem_mul(n, 2, &most) || !mem_add(most, 2, &most))
        return err_set(err, VAE_EOS, "out of memory");
    int rc = buf_reserve(b, most, err);
    if (rc < 0)
        return rc;
    b->p[b->n++] = '"';
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"')
            b->p[b->n++] = '"';
        b->p[b->n++] = p[i];
    }
    b->p[b->n++] = '"';
    return 0;
}

/* Would the line be skipped as a blank one? */
static bool blank(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i] != ' ' && p[i] != '\t')
            return false;
    return true;
}

/* A cell of text, raw: already in CSV form. */
static int put_text(struct csv_writer *w, const char *p, size_t n, bool raw, struct vae_err *err) {
    bool quote = w->alone && blank(p, n);
    if (raw && n && p[0] == '"' && well_quoted(p, n))
        return buf_put(&w->out, p, n, err);
    for (size_t i = 0; i < n && !quote; i++)
        quote = breaks(w, p[i]) || (p[i] == '"' && (!raw || i == 0));
    return quote ? put_quoted(w, p, n, err) : n ? buf_put(&w->out, p, n, err) : 0;
}

/* A row of the batch. Room for its numbers and delimiters is reserved once. */
static int put_row(struct csv_writer *w, const struct vae_batch *b, size_t row, struct vae_err *err) {
    struct buf *out = &w->out;
    size_t fixed = w->numbers * NUM_MAX + w->ncells + 4;
    int rc = buf_reserve(out, fixed, err);
    for (size_t k = 0; k < w->head->nfields && rc == 0; k++) {
        const struct rec_field *f = &w->head->fields[w->order[k]];
        const struct rec_col *c = &b->cols[w->order[k]];
        if (k)
            out->p[out->n++] = w->delim;
        if (f->type == REC_UTF8) {
            size_t n;
            const char *p = rec_cell(c, row, &n);
            rc = f->whole ? buf_put(out, p, n, err) : put_text(w, p, n, w->raw || b->quoted, err);
            if (rc == 0)
                rc = buf_reserve(out, fixed, err);
            continue;
        }
        for (size_t i = 0; i < f->width; i++) {
            if (i)
                out->p[out->n++] = w->delim;
            out->n += rec_put_number(out->p + out->n, f, c->data, row * f->width + i);
        }
        if (w->alone && (out->n == 0 || out->p[out->n - 1] == '\n')) {
            out->p[out->n++] = '"';
            out->p[out->n++] = '"';
        }
    }
    return rc < 0 ? rc : buf_put(out, w->eol, strlen(w->eol), err);
}

/* ---- the format's functions ------------------------------------------------------------------------------ */

/* A name is quoted also where a reader would trim it. */
static int put_name(struct csv_writer *w, const char *name, struct vae_err *err) {
    size_t n = strlen(name);
    bool edge = n == 0 || strchr(" \t", name[0]) || strchr(" \t", name[n - 1]);
    return edge ? put_quoted(w, name, n, err) : put_text(w, name, n, false, err);
}

/* The header row of rows that are carried whole. */
static int put_header(struct csv_writer *w, const char *row, size_t n, struct vae_err *err) {
    int rc = csv_paste_check(w->head, row, n, w->delim, err);
    w->header.n = 0;
    if (rc == 0)
        rc = buf_put(&w->header, row, n, err);
    return rc < 0 ? rc : buf_put(&w->out, row, n, err);
}

/* row[n]: the header of rows that are carried whole, where they are. */
static int put_names(struct csv_writer *w, const char *row, size_t n, struct vae_err *err) {
    struct buf name = {0};
    bool latent = !strcmp(w->head->kind, "latent");
    int rc = w->whole ? put_header(w, row, n, err) : 0;
    for (size_t k = w->whole ? 1 : 0; k < w->head->nfields; k++) {
        const struct rec_field *f = &w->head->fields[w->order[k]];
        bool mu = !strcmp(f->name, "mu"), codes = !strcmp(f->name, "codes");
        const char *base = latent && f->ndim && (mu || codes) ? (mu ? "z" : "code") : f->name;
        size_t width = f->type == REC_UTF8 ? 1 : f->width;
        for (size_t i = 0; i < width && rc == 0; i++) {
            name.n = 0;
            rc = f->ndim ? buf_printf(&name, err, "%s%zu", base, i + 1) : buf_printf(&name, err, "%s", base);
            if (rc == 0 && (k || i))
                rc = buf_put(&w->out, &w->delim, 1, err);
            if (rc == 0)
                rc = put_name(w, name.p, err);
        }
    }
    buf_free(&name);
    return rc < 0 ? rc : buf_put(&w->out, w->eol, strlen(w->eol), err);
}

static int begin_table(struct csv_writer *w, const struct vae_out_opts *opts, struct vae_err *err) {
    const struct vae_head *head = w->head;
    bool table = is_table(head);
    json_t *origin = table ? head->origin : NULL, *header = json_object_get(origin, "header");
    w->raw = table;
    w->eol = json_is_true(json_object_get(origin, "crlf")) ? "\r\n" : "\n";
    if (w->delim == '"' || w->delim == '\n' || w->delim == '\r' || (unsigned char)w->delim >= 0x80)
        return err_set(err, VAE_EUSAGE, "a delimiter is one ASCII character, no quote and no line end");
    for (size_t j = 0; j < head->nfields; j++) {
        const struct rec_field *f = &head->fields[j];
        size_t width = f->type == REC_UTF8 ? 1 : f->width, reserve;
        if (!mem_add(w->ncells, width, &w->ncells) || !mem_mul(w->ncells, NUM_MAX + 1, &reserve))
            return err_set(err, VAE_EOS, "out of memory");
        w->numbers += f->type == REC_UTF8 ? 0 : width;
    }
    w->alone = w->ncells == 1;
    w->whole = head->nfields && head->fields[0].whole;
    int rc = (w->order = stream_order(head, err)) ? 0 : VAE_EOS;
    const char *row = w->whole ? head->fields[0].name : "";
    if (w->whole && opts->header == 0) /* it stands there already */
        return rc == 0 ? buf_put(&w->header, row, strlen(row), err) : rc;
    if (w->whole)
        return rc == 0 && *row ? put_names(w, row, strlen(row), err) : rc;
    bool names =
        opts->header == 1 || (opts->header < 0 && (!header || json_is_true(header) || strcmp(head->kind, "data")));
    return rc == 0 && names && w->ncells ? put_names(w, row, 0, err) : rc;
}

static void *create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *opts, char delim,
                    struct vae_err *err) {
    struct csv_writer *w = calloc(1, sizeof *w);
    if (!w) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    w->sink = sink;
    w->head = head;
    w->delim = opts->delim ? opts->delim : delim;
    if (begin_table(w, opts, err) < 0) {
        csv_destroy(w);
        return NULL;
    }
    return w;
}

void *csv_create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *opts, struct vae_err *err) {
    const char *f = json_string_value(json_object_get(head->origin, "format"));
    const char *d = f && !strcmp(f, "csv") ? json_string_value(json_object_get(head->origin, "delim")) : NULL;
    return create(sink, head, opts, d && d[0] && !d[1] ? d[0] : ',', err);
}

void *tsv_create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *opts, struct vae_err *err) {
    return create(sink, head, opts, '\t', err);
}

/* What is in the buffer, to the sink. */
static int hand_on(struct csv_writer *w, struct vae_err *err) {
    size_t n = w->out.n;
    w->out.n = 0;
    return n ? sink_write(w->sink, w->out.p, n, err) : 0;
}

/* The rows to come, carried whole, stand in this dialect. */
static int take_dialect(struct csv_writer *w, const struct rec_dialect *d, struct vae_err *err) {
    w->delim = d->delim;
    w->eol = d->crlf ? "\r\n" : "\n";
    bool same = d->n == 0 || (d->n == w->header.n && !memcmp(d->header, w->header.p, d->n));
    return same ? 0 : put_names(w, d->header, d->n, err);
}

int csv_put(void *h, const struct vae_batch *b, struct vae_err *err) {
    struct csv_writer *w = h;
    if (w->whole && b->dialect) {
        int rc = take_dialect(w, b->dialect, err);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0; i < b->rows; i++) {
        int rc = put_row(w, b, i, err);
        if (rc == 0 && w->out.n >= CHUNK)
            rc = hand_on(w, err);
        if (rc < 0)
            return rc;
    }
    return hand_on(w, err);
}

int csv_flush(void *h, struct vae_err *err) {
    return hand_on(h, err);
}

int csv_finish(void *h, int status, struct vae_err *err) {
    (void)status; /* a table has no place for it */
    return hand_on(h, err);
}

void csv_destroy(void *h) {
    struct csv_writer *w = h;
    if (!w)
        return;
    free(w->order);
    buf_free(&w->out);
    buf_free(&w->header);
    free(w);
}
