/* fuzz_stream.h - reads bytes as a format does: open, every batch, every cell looked at. */
#ifndef FUZZ_STREAM_H
#define FUZZ_STREAM_H

#include <string.h>

#include "base/rec.h"
#include "stream/format.h"

static volatile unsigned fuzz_sum; /* so that no look is optimised away */

/* Touches every byte of a batch, so that one out of bounds is seen. */
static inline void fuzz_touch(const struct vae_head *h, const struct vae_batch *b) {
    for (size_t j = 0; j < h->nfields; j++) {
        const struct rec_field *f = &h->fields[j];
        for (size_t i = 0; i < b->rows && f->type == REC_UTF8; i++) {
            size_t n;
            const char *cell = rec_cell(&b->cols[j], i, &n);
            for (size_t k = 0; k < n; k++)
                fuzz_sum += (unsigned char)cell[k];
        }
        for (size_t k = 0; k < b->rows * f->width * rec_type_size(f->type); k++)
            fuzz_sum += ((const unsigned char *)b->cols[j].data)[k];
    }
}

static inline void fuzz_read(const struct stream_format *f, const void *p, size_t n, size_t chunk) {
    struct stream_read_opts opts = {.batch_rows = chunk};
    struct vae_err err = {0};
    struct vae_batch b;
    char where[64];
    struct source *src = source_memory(p, n, chunk);
    void *in = f->open(src, &opts, &err);
    int rc = 0;
    while (in && ((rc = f->next(in, &b, &err)) > 0 || rc == VAE_EROW)) {
        if (rc < 0)
            continue;
        fuzz_touch(f->head(in), &b);
        f->where(in, b.rows - 1, where);
    }
    if ((!in || rc < 0) && (err.code >= 0 || !err.msg[0])) /* a failure says why */
        __builtin_trap();
    if (in)
        f->close(in);
    source_close(src);
}

#endif
