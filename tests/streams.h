/* streams.h - for tests of formats: records of every type, written to memory and read back as canonical bytes. */
#ifndef TESTS_STREAMS_H
#define TESTS_STREAMS_H

#include "base/mem.h"
#include "base/rec.h"
#include "stream/format.h"
#include "test.h"

/* Appends the records of b in a form that two equal batches share: cells with their length, numbers as bytes. */
static inline void canonical(struct buf *out, const struct vae_head *h, const struct vae_batch *b) {
    for (size_t i = 0; i < b->rows; i++)
        for (size_t j = 0; j < h->nfields; j++) {
            const struct rec_field *f = &h->fields[j];
            size_t n = f->width * rec_type_size(f->type);
            if (f->type == REC_UTF8) {
                const char *cell = rec_cell(&b->cols[j], i, &n);
                buf_put(out, &n, sizeof n, NULL);
                buf_put(out, cell, n, NULL);
            } else {
                buf_put(out, (const char *)b->cols[j].data + i * n, n, NULL);
            }
        }
}

/* What came of reading a stream. */
struct result {
    struct buf rows; /* canonical */
    size_t n;
    int rc; /* 0: read to its end */
    bool opened, quoted;
    struct vae_err err;
};

/* Reads all of p[0..n-1]; chunk is the source's. The head, if wanted, is a copy for rec_head_free. */
static inline struct result read_all(const struct stream_format *f, const void *p, size_t n, size_t chunk,
                                     const struct stream_read_opts *opts, struct vae_head **head) {
    static const struct stream_read_opts plain;
    struct result r = {0};
    struct vae_batch b;
    struct source *src = source_memory(p, n, chunk);
    void *in = f->open(src, opts ? opts : &plain, &r.err);
    r.opened = in != NULL;
    r.rc = in ? 0 : r.err.code;
    if (in && head)
        *head = rec_head_copy(f->head(in), NULL);
    while (in && (r.rc = f->next(in, &b, &r.err)) > 0) {
        canonical(&r.rows, f->head(in), &b);
        r.n += b.rows;
        r.quoted = b.quoted;
    }
    if (in)
        f->close(in);
    source_close(src);
    return r;
}

/* Writes b in batches of `chunk` records (0: at once), with a flush behind record `flush` (0: none). */
static inline int write_all(const struct stream_format *f, const struct vae_head *h, const struct vae_batch *b,
                            size_t chunk, size_t flush, const struct vae_out_opts *opts, int status, struct buf *out,
                            struct vae_err *err) {
    size_t n;
    struct sink *sink = sink_memory();
    struct rec_col cols[16];
    void *w = f->create(sink, h, opts, err);
    int rc = w ? 0 : err->code;
    for (size_t at = 0; !rc && at < b->rows; at += n) {
        struct vae_batch part;
        n = chunk && chunk < b->rows - at ? chunk : b->rows - at;
        rec_slice(b, h, at, n, cols, &part);
        rc = f->put(w, &part, err);
        if (!rc && flush > at && flush <= at + n && f->flush)
            rc = f->flush(w, err);
    }
    rc = rc ? rc : w ? f->finish(w, status, err) : rc;
    sink_flush(sink, NULL);
    const unsigned char *p = sink_bytes(sink, &n);
    if (!rc)
        buf_put(out, p, n, NULL);
    if (w)
        f->destroy(w);
    sink_close(sink, true, NULL);
    return rc;
}

static inline bool same_bytes(const struct buf *a, const struct buf *b) {
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

/* A head with a field of every type and every number of dimensions. */
static inline struct vae_head *every_type(void) {
    static const size_t shape[REC_MAX_DIMS] = {2, 1, 3, 2};
    struct vae_head *h = rec_head_new("data", NULL);
    rec_head_add(h, "id", REC_UTF8, 0, NULL, NULL)->keep = true;
    for (int t = 0; t < REC_NTYPES; t++)
        for (size_t d = 0; t != REC_UTF8 && d < 2; d++)
            rec_head_add(h, rec_type_name((enum rec_type)t), (enum rec_type)t, d * (size_t)t, shape, NULL);
    rec_head_add(h, "note", REC_UTF8, 0, NULL, NULL);
    h->fields[1].decimals = 3;
    return h;
}

/* n records of head h, each number and cell another; owned by *build. */
static inline const struct vae_batch *some_rows(const struct vae_head *h, size_t n, struct rec_build **build) {
    struct rec_build *b = *build = rec_build_new(h, NULL);
    rec_build_rows(b, n, NULL);
    for (size_t j = 0; j < h->nfields; j++) {
        const struct rec_field *f = &h->fields[j];
        for (size_t i = 0; i < n && f->type == REC_UTF8; i++) {
            char cell[64];
            int len = snprintf(cell, sizeof cell, "%.*s\xc3\xa9,%zu", (int)(i % 7), "abcdef", i * i);
            rec_build_text(b, j, cell, i % 5 == 4 ? 0 : (size_t)len, NULL);
        }
        for (size_t k = 0; k < n * f->width && f->type != REC_UTF8; k++) {
            void *p = rec_build_data(b, j);
            if (f->type == REC_U8)
                ((uint8_t *)p)[k] = (uint8_t)(k * 37 + j);
            else if (f->type == REC_I32)
                ((int32_t *)p)[k] = (int32_t)k * 1001 - 7777;
            else if (f->type == REC_F32)
                ((float *)p)[k] = k % 17 == 3 ? NAN : k % 17 == 5 ? -INFINITY : (float)k * 0.1F - 3;
            else
                ((double *)p)[k] = k % 19 == 3 ? NAN : k % 19 == 5 ? INFINITY : (double)k * 1e-3 - 5;
        }
    }
    return rec_build_batch(b, n);
}

#endif
