/*
 * fuzz_csv.c - any bytes as a table. The first byte chooses options and sizes of reads, the rest is the text.
 *
 * What must hold besides memory safety: the size of reads and batches changes nothing; and records that are written and
 * read again are the same.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The cells of all records and, if `faults`, what was wrong with the others; written to `copy` too where it is given.
 */
static void read_table(const void *p, size_t n, size_t chunk, const struct stream_read_opts *o, bool faults,
                       struct buf *cells, struct sink *copy) {
    struct vae_err err = {0};
    struct vae_batch b;
    struct source *src = source_memory(p, n, chunk);
    void *r = stream_csv.open(src, o, &err);
    void *w =
        r && copy ? stream_csv.create(copy, stream_csv.head(r), &(struct vae_out_opts){.header = -1}, &err) : NULL;
    int rows = r ? 1 : -1;
    while (rows > 0 || rows == VAE_EROW) {
        rows = stream_csv.next(r, &b, &err);
        for (int i = 0; i < rows; i++) {
            for (size_t j = 0; j < b.nfields; j++) {
                size_t len;
                const char *cell = rec_cell(&b.cols[j], (size_t)i, &len);
                buf_put(cells, cell, len, NULL);
                buf_put(cells, "", 1, NULL);
            }
            buf_put(cells, "\n", 1, NULL);
        }
        if (rows < 0 && faults)
            buf_put(cells, err.msg, strlen(err.msg) + 1, NULL);
        if (rows > 0 && w && stream_csv.put(w, &b, &err) < 0)
            abort();
    }
    if (!r && faults)
        buf_put(cells, err.msg, strlen(err.msg) + 1, NULL);
    if (w && (stream_csv.finish(w, 0, &err) < 0 || sink_flush(copy, &err) < 0))
        abort();
    if (w)
        stream_csv.destroy(w);
    if (r)
        stream_csv.close(r);
    source_close(src);
}

static void check_same(const struct buf *a, const struct buf *b, const char *what) {
    if (a->n != b->n || (a->n && memcmp(a->p, b->p, a->n) != 0)) {
        fprintf(stderr, "fuzz_csv: %s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    static const char *const names[] = {"a", "b", "c"};
    static const bool optional[] = {false, false, true};
    static const char *const keep[] = {"2"};
    if (n == 0)
        return 0;
    unsigned how = *p++;
    n--;
    struct stream_read_opts o = {.header = (int)(how & 3) - 1, .delim = how & 4 ? ',' : 0};
    if (o.header == 2)
        o.header = -1;
    if (how & 8)
        o.want = (struct stream_want){.n = how & 16 ? 3 : 2, .names = (char *const *)(uintptr_t)names, .optional = optional};
    if (how & 32) {
        o.keep = (char *const *)(uintptr_t)keep;
        o.nkeep = 1;
    }
    struct buf whole = {0}, pieces = {0}, again = {0};
    struct sink *copy = sink_memory();
    read_table(p, n, 0, &o, true, &whole, NULL);
    o.batch_rows = 1 + (how >> 6);
    read_table(p, n, 1 + (how >> 6) * 5, &o, true, &pieces, NULL);
    check_same(&whole, &pieces, "the sizes of reads and batches change the records");

    /* Again with everything said that was found out, so that it cannot be told otherwise. */
    whole.n = pieces.n = 0;
    o = (struct stream_read_opts){.header = 0, .delim = ','};
    read_table(p, n, 0, &o, false, &whole, copy);
    size_t size;
    const unsigned char *out = sink_bytes(copy, &size);
    bool mark = size >= 3 && !memcmp(out, "\xef\xbb\xbf", 3); /* a first cell that looks like a byte order mark */
    if (size && !mark) {
        read_table(out, size, 0, &o, true, &again, NULL);
        check_same(&whole, &again, "what was written reads back otherwise");
    }
    sink_close(copy, true, NULL);
    buf_free(&whole);
    buf_free(&pieces);
    buf_free(&again);
    return 0;
}
