/*
 * raw.c - bare numbers, little-endian, so many a record (-f f32:784): what od, sox and Python's tofile() read and write. Nothing in
 * the file tells what it is, so the format is named and its end is where the file ends.
 *
 * Written numbers are rounded to whole ones, and brought into range, where the format holds such; what is no number is 0 there.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "stream/array.h"

struct raw_writer {
    struct sink *sink;
    struct vae_head *head;
    enum array_item item;
    struct buf row;
};

static void *open_raw(struct source *src, const struct stream_read_opts *o, enum array_item item, const char *name, struct vae_err *err) {
    struct array_spec spec = {.item = item, .endless = true, .count = UINT64_MAX, .ndim = 1, .shape = {o->width}};
    if (!o->width) {
        err_set(err, VAE_EUSAGE, "%s: how many numbers is a record? say -f %s:N", source_name(src), name);
        return NULL;
    }
    return array_open(src, &spec, "x", json_pack("{s:s}", "format", name), o, err);
}

static void raw_destroy(void *ctx) {
    struct raw_writer *w = ctx;
    if (!w)
        return;
    rec_head_free(w->head), buf_free(&w->row), free(w);
}

static void *create_raw(struct sink *sink, const struct vae_head *head, enum array_item item, const char *name, struct vae_err *err) {
    struct raw_writer *w = mem_array(1, sizeof *w);
    for (size_t i = 0; i < head->nfields; i++)
        if (head->fields[i].type == REC_UTF8 && !head->fields[i].keep) {
            err_set(err, VAE_EUSAGE, "%s holds numbers only, and column '%s' is text; use csv", name, head->fields[i].name);
            free(w);
            return NULL;
        }
    if (w && (w->head = rec_head_copy(head, err))) {
        w->sink = sink, w->item = item;
        return w;
    }
    free(w);
    err_set(err, VAE_EOS, "out of memory");
    return NULL;
}

/* A number as the item, appended. */
static void store(struct raw_writer *w, double v) {
    double low = w->item == ARRAY_I16 ? -32768 : 0, high = w->item == ARRAY_I16 ? 32767 : 255;
    double whole = isnan(v) ? 0 : nearbyint(v < low ? low : v > high ? high : v);
    float f = (float)v;
    unsigned char p[8];
    uint64_t bits = (uint64_t)(int64_t)whole;
    uint32_t half;
    memcpy(&half, &f, sizeof half);
    if (w->item == ARRAY_F64)
        memcpy(&bits, &v, sizeof bits);
    else if (w->item == ARRAY_F32)
        bits = half;
    for (size_t i = 0; i < array_item_size(w->item); i++)
        p[i] = (unsigned char)(bits >> 8 * i);
    memcpy(w->row.p + w->row.n, p, array_item_size(w->item));
    w->row.n += array_item_size(w->item);
}

/* What is carried beside the records is left out. */
static int raw_put(void *ctx, const struct vae_batch *b, struct vae_err *err) {
    struct raw_writer *w = ctx;
    int rc = 0;
    for (size_t i = 0; i < b->rows && !rc; i++) {
        w->row.n = 0;
        for (size_t f = 0; f < w->head->nfields && !rc; f++) {
            const struct rec_field *field = &w->head->fields[f];
            if (field->keep)
                continue;
            rc = buf_reserve(&w->row, field->width * sizeof(double), err);
            for (size_t k = 0; k < field->width && !rc; k++)
                store(w, rec_number(&b->cols[f], field->type, i * field->width + k));
        }
        rc = rc ? rc : sink_write(w->sink, w->row.p, w->row.n, err);
    }
    return rc;
}

#define RAW(id, item_, about_)                                                                                                       \
    static void *id##_open(struct source *src, const struct stream_read_opts *o, struct vae_err *err) {                              \
        return open_raw(src, o, item_, #id, err);                                                                                    \
    }                                                                                                                                \
    static void *id##_create(struct sink *s, const struct vae_head *h, const struct vae_out_opts *o, struct vae_err *err) {          \
        (void)o;                                                                                                                     \
        return create_raw(s, h, item_, #id, err);                                                                                    \
    }                                                                                                                                \
    const struct stream_format stream_##id = {.name = #id, .about = about_, .wide = true, .open = id##_open, .head = array_head,     \
        .next = array_next, .where = array_where, .close = array_close, .create = id##_create, .put = raw_put, .destroy = raw_destroy}

RAW(u8, ARRAY_U8, "bare bytes, -f u8:N for N a record");
RAW(s16, ARRAY_I16, "bare signed 16-bit numbers");
RAW(f32, ARRAY_F32, "bare 32-bit floats");
RAW(f64, ARRAY_F64, "bare 64-bit floats");
