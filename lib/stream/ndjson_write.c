/*
 * ndjson_write.c - records as JSON objects, one a line. A text that is written as JSON writes a number is one, unless the column was
 * one of texts where the data came from; an empty cell, and what is no number among numbers, is null. Names with a point in them
 * stay one name. An array is a list.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "stream/ndjson.h"

struct writer {
    struct sink *sink;
    struct vae_head *head;
    struct buf *name;  /* [fields] "name": */
    bool *text;        /* [fields] never a number */
    size_t *order;     /* [fields] */
    struct buf line, cell;
};

void ndjson_destroy(void *ctx) {
    struct writer *w = ctx;
    if (!w)
        return;
    for (size_t f = 0; w->name && f < w->head->nfields; f++)
        buf_free(&w->name[f]);
    rec_head_free(w->head), buf_free(&w->line), buf_free(&w->cell);
    free(w->name), free(w->text), free(w->order), free(w);
}

/* Appends a text as a JSON string. Bytes that are no UTF-8 are told as \xNN, as messages have them. */
static int put_string(struct buf *out, const char *p, size_t n, struct vae_err *err) {
    json_t *j = json_stringn(p, n);
    char *shown = j ? NULL : malloc(4 * n + 1);
    if (shown)
        j = json_string(vae_quote(shown, 4 * n + 1, p, n));
    int rc = j ? 0 : err_set(err, VAE_EOS, "out of memory");
    char *text = rc ? NULL : json_dumps(j, JSON_ENCODE_ANY);
    if (!rc)
        rc = text ? buf_put(out, text, strlen(text), err) : err_set(err, VAE_EOS, "out of memory");
    free(text), free(shown), json_decref(j);
    return rc;
}

void *ndjson_create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *o, struct vae_err *err) {
    (void)o;
    struct writer *w = mem_array(1, sizeof *w);
    int rc = w && (w->head = rec_head_copy(head, err)) ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (!rc) {
        w->sink = sink;
        w->name = mem_array(head->nfields, sizeof *w->name);
        w->text = mem_array(head->nfields, sizeof *w->text);
        w->order = stream_order(head, err);
        rc = w->name && w->text && w->order ? 0 : err_set(err, VAE_EOS, "out of memory");
    }
    const json_t *texts = json_object_get(head->origin, "texts");
    for (size_t f = 0; f < head->nfields && !rc; f++) {
        const char *name = head->fields[f].whole ? "row" : head->fields[f].name;
        rc = put_string(&w->name[f], name, strlen(name), err);
        rc = rc ? rc : buf_put(&w->name[f], ":", 1, err);
        for (size_t i = 0; i < json_array_size(texts); i++)
            w->text[f] |= !strcmp(json_string_value(json_array_get(texts, i)), name);
    }
    if (!rc)
        return w;
    ndjson_destroy(w);
    return NULL;
}

/* Does the text follow the grammar of JSON's numbers (RFC 8259)? */
static bool is_number(const char *p, size_t n) {
    size_t i = n && p[0] == '-', d = i;
    while (i < n && p[i] >= '0' && p[i] <= '9')
        i++;
    if (i == d || (p[d] == '0' && i > d + 1))
        return false;
    if (i < n && p[i] == '.') {
        for (d = ++i; i < n && p[i] >= '0' && p[i] <= '9';)
            i++;
        if (i == d)
            return false;
    }
    if (i < n && (p[i] == 'e' || p[i] == 'E')) {
        i++;
        i += i < n && (p[i] == '+' || p[i] == '-');
        for (d = i; i < n && p[i] >= '0' && p[i] <= '9';)
            i++;
        if (i == d)
            return false;
    }
    return i == n;
}

static int put_cell(struct writer *w, size_t f, const struct vae_batch *b, size_t row, struct vae_err *err) {
    size_t n;
    const char *p = rec_cell(&b->cols[f], row, &n);
    if (b->quoted && n && p[0] == '"' && !w->head->fields[f].whole) {
        w->cell.n = 0;
        int rc = buf_reserve(&w->cell, n, err);
        if (rc)
            return rc;
        n = rec_unquote(p, n, w->cell.p);
        p = w->cell.p;
    }
    if (n == 0)
        return buf_put(&w->line, "null", 4, err);
    if (!w->text[f] && is_number(p, n))
        return buf_put(&w->line, p, n, err);
    if (!w->text[f] && ((n == 4 && !memcmp(p, "true", 4)) || (n == 5 && !memcmp(p, "false", 5))))
        return buf_put(&w->line, p, n, err);
    return put_string(&w->line, p, n, err);
}

static int put_numbers(struct writer *w, const struct rec_field *f, const void *data, size_t row, struct vae_err *err) {
    int rc = buf_reserve(&w->line, f->width * (REC_NUMBER_MAX + 1) + 2, err);
    struct buf *out = &w->line;
    if (!rc && f->ndim)
        out->p[out->n++] = '[';
    for (size_t i = 0; i < f->width && !rc; i++) {
        if (i)
            out->p[out->n++] = ',';
        size_t n = rec_put_number(out->p + out->n, f, data, row * f->width + i);
        if (n && !is_number(out->p + out->n, n)) /* inf */
            n = 0;
        if (!n)
            memcpy(out->p + out->n, "null", n = 4);
        out->n += n;
    }
    if (!rc && f->ndim)
        out->p[out->n++] = ']';
    return rc;
}

int ndjson_put(void *ctx, const struct vae_batch *b, struct vae_err *err) {
    struct writer *w = ctx;
    int rc = 0;
    for (size_t row = 0; row < b->rows && !rc; row++) {
        w->line.n = 0;
        for (size_t i = 0; i < w->head->nfields && !rc; i++) {
            size_t f = w->order[i];
            rc = buf_put(&w->line, i ? "," : "{", 1, err);
            rc = rc ? rc : buf_put(&w->line, w->name[f].p, w->name[f].n, err);
            if (!rc)
                rc = w->head->fields[f].type == REC_UTF8 ? put_cell(w, f, b, row, err)
                                                        : put_numbers(w, &w->head->fields[f], b->cols[f].data, row, err);
        }
        rc = rc ? rc : buf_put(&w->line, "}\n", 2, err);
        rc = rc ? rc : sink_write(w->sink, w->line.p, w->line.n, err);
    }
    return rc;
}
