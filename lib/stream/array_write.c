/* array_write.c - records as the items of one array: all fields side by side, of one type that holds them all. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "stream/array.h"

struct array_writer {
    struct sink *sink;
    struct vae_head *head;
    array_header *header;
    struct array_spec spec;
    enum rec_type type;
    bool beside;        /* there are fields that are not carried */
    size_t nused, used; /* fields that go into the array, and the last of them */
    size_t width, header_bytes;
    struct buf row, cell; /* one record; a cell without its quotes */
};

/* The narrowest type that holds both exactly. */
static enum rec_type join(enum rec_type a, enum rec_type b) {
    if (a == b)
        return a;
    if (a == REC_U8 && (b == REC_I32 || b == REC_F32))
        return b;
    if (b == REC_U8 && (a == REC_I32 || a == REC_F32))
        return a;
    return REC_F64;
}

/* Numbers that are carried beside a record are no part of it. */
static bool left_out(const struct array_writer *w, const struct rec_field *f) {
    return f->keep && f->type != REC_UTF8 && w->beside;
}

/* Type and shape of the joined record. */
static int measure(struct array_writer *w, const char *format, struct vae_err *err) {
    static const enum array_item item[] = {
        [REC_U8] = ARRAY_U8, [REC_I32] = ARRAY_I32, [REC_F32] = ARRAY_F32, [REC_F64] = ARRAY_F64};
    const struct vae_head *h = w->head;
    for (size_t i = 0; i < h->nfields; i++)
        w->beside |= !h->fields[i].keep;
    for (size_t i = 0; i < h->nfields; i++) {
        const struct rec_field *f = &h->fields[i];
        if (left_out(w, f))
            continue;
        if (f->type == REC_UTF8 && f->keep)
            return err_set(err, VAE_EUSAGE, "%s holds numbers only, leave out kept column '%s' or use csv", format,
                           f->name);
        enum rec_type type = f->type == REC_UTF8 ? REC_F64 : f->type;
        w->type = w->nused == 0 ? type : join(w->type, type);
        w->nused++, w->used = i;
        if (!mem_add(w->width, f->width, &w->width) || w->width > ARRAY_RECORD_MAX / 8)
            return err_set(err, VAE_EUSAGE, "%s: records of more than %d values", format, ARRAY_RECORD_MAX / 8);
    }
    if (w->nused == 0)
        return err_set(err, VAE_EUSAGE, "%s needs a field", format);
    w->spec.item = item[w->type];
    w->spec.ndim = 1;
    w->spec.shape[0] = w->width;
    if (w->nused == 1) {
        w->spec.ndim = h->fields[w->used].ndim;
        memcpy(w->spec.shape, h->fields[w->used].shape, sizeof w->spec.shape);
    }
    return 0;
}

/* Header and sink: where the count can be patched in. */
static int begin(struct array_writer *w, struct vae_err *err) {
    struct buf header = {0};
    int rc = w->header(&w->spec, &header, err);
    rc = rc || !sink_is_pipe(w->sink) ? rc : sink_spool(w->sink, err);
    rc = rc ? rc : sink_write(w->sink, header.p, header.n, err);
    w->header_bytes = header.n;
    buf_free(&header);
    return rc;
}

void *array_create(struct sink *sink, const struct vae_head *head, bool big, array_header *header, const char *format,
                   struct vae_err *err) {
    struct array_writer *w = mem_array(1, sizeof *w);
    if (!w) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    w->sink = sink;
    w->header = header;
    w->spec.big = big;
    w->head = rec_head_copy(head, err);
    if (w->head && !measure(w, format, err) && !buf_reserve(&w->row, w->width * sizeof(double), err) && !begin(w, err))
        return w;
    array_destroy(w);
    return NULL;
}

/* The number in a text cell; record is for the message. */
static int number(struct array_writer *w, const struct rec_field *f, const struct vae_batch *b, const struct rec_col *c,
                  size_t i, double *out, struct vae_err *err) {
    size_t n;
    const char *cell = rec_cell(c, i, &n);
    char shown[64];
    if (b->quoted && n > 0 && cell[0] == '"') {
        w->cell.n = 0;
        int rc = buf_reserve(&w->cell, n, err);
        if (rc)
            return rc;
        n = rec_unquote(cell, n, w->cell.p);
        cell = w->cell.p;
    }
    enum num_kind kind = num_parse(cell, n, out);
    if (kind == NUM_MISSING)
        *out = NAN;
    if (kind != NUM_TEXT)
        return 0;
    return err_set(err, VAE_EDATA, "record %" PRIu64 ", column '%s': '%s' is no number", b->first + i + 1, f->name,
                   err_quote(shown, sizeof shown, cell, n));
}

/* Value k of record i of a field of numbers. */
static double value(const struct rec_field *f, const struct rec_col *c, size_t k) {
    switch (f->type) {
    case REC_U8:
        return ((const uint8_t *)c->data)[k];
    case REC_I32:
        return ((const int32_t *)c->data)[k];
    case REC_F32:
        return (double)((const float *)c->data)[k];
    default:
        return ((const double *)c->data)[k];
    }
}

/* Appends v, which the type holds exactly, to the record. */
static void store(struct array_writer *w, double v) {
    uint64_t bits = 0;
    size_t size = rec_type_size(w->type);
    if (w->type == REC_U8) {
        bits = (uint8_t)v;
    } else if (w->type == REC_I32) {
        bits = (uint32_t)(int32_t)v;
    } else if (w->type == REC_F32) {
        float f = (float)v;
        uint32_t u;
        memcpy(&u, &f, sizeof u);
        bits = u;
    } else {
        memcpy(&bits, &v, sizeof bits);
    }
    for (size_t i = 0; i < size; i++)
        w->row.p[w->row.n++] = (char)(bits >> 8 * (w->spec.big ? size - 1 - i : i));
}

static int put_record(struct array_writer *w, const struct vae_batch *b, size_t i, struct vae_err *err) {
    w->row.n = 0;
    for (size_t j = 0; j < w->head->nfields; j++) {
        const struct rec_field *f = &w->head->fields[j];
        double v;
        if (left_out(w, f))
            continue;
        int rc = f->type == REC_UTF8 ? number(w, f, b, &b->cols[j], i, &v, err) : 0;
        if (rc)
            return rc;
        if (f->type == REC_UTF8)
            store(w, v);
        else
            for (size_t k = 0; k < f->width; k++)
                store(w, value(f, &b->cols[j], i * f->width + k));
    }
    return sink_write(w->sink, w->row.p, w->row.n, err);
}

int array_put(void *writer, const struct vae_batch *b, struct vae_err *err) {
    struct array_writer *w = writer;
    bool plain = w->nused == 1 && w->head->fields[w->used].type == w->type && (!w->spec.big || w->type == REC_U8);
    if (plain) {
        w->spec.count += b->rows;
        return sink_write(w->sink, b->cols[w->used].data, b->rows * w->width * rec_type_size(w->type), err);
    }
    int rc = 0;
    for (size_t i = 0; !rc && i < b->rows; i++) {
        rc = put_record(w, b, i, err);
        w->spec.count += !rc;
    }
    return rc;
}

/* The format has no place for a status: the records so far, and their count, are all it says. */
int array_finish(void *writer, int status, struct vae_err *err) {
    struct array_writer *w = writer;
    struct buf header = {0};
    (void)status;
    int rc = w->header(&w->spec, &header, err);
    if (!rc && header.n != w->header_bytes)
        rc = err_set(err, VAE_EUSAGE, "the header changed its length");
    rc = rc ? rc : sink_patch(w->sink, 0, header.p, header.n, err);
    buf_free(&header);
    return rc;
}

void array_destroy(void *writer) {
    struct array_writer *w = writer;
    if (!w)
        return;
    buf_free(&w->row);
    buf_free(&w->cell);
    rec_head_free(w->head);
    free(w);
}
