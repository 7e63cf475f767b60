/* scans.h - for tests of reading for a fit: columns made by functions, scanned in small batches. */
#ifndef TESTS_SCANS_H
#define TESTS_SCANS_H

#include "base/rec.h"
#include "schema/schema.h"
#include "test.h"

enum { CELL = 200 };

/* Cell i of a column; the text in out. */
typedef void cell_fn(char out[CELL], size_t i);

struct outcome {
    struct schema *s;
    double *raw;
    size_t rows, left_out;
    struct vae_err err;
};

static inline const char *where(void *ctx, size_t row) {
    static char at[32];
    (void)ctx;
    snprintf(at, sizeof at, "t.csv:%zu", row + 2);
    return at;
}

/* Scans n rows of ncols columns c1, c2, ... in batches of 7 rows. */
static inline struct outcome scan(cell_fn *const *cells, size_t ncols, size_t n, const struct schema_wish *wish) {
    static const struct schema_wish none;
    struct outcome o = {0};
    struct vae_head *h = rec_head_new("data", NULL);
    for (size_t c = 0; c < ncols; c++) {
        char name[16];
        snprintf(name, sizeof name, "c%zu", c + 1);
        rec_head_add(h, name, REC_UTF8, 0, NULL, NULL);
    }
    struct schema_scan *s = schema_scan_new(h, wish ? wish : &none, where, NULL, &o.err);
    struct rec_build *b = rec_build_new(h, NULL);
    int r = s ? 0 : o.err.code;
    for (size_t at = 0; at < n && !r; at += 7) {
        size_t m = n - at < 7 ? n - at : 7, good = 99;
        rec_build_reset(b);
        for (size_t i = 0; i < m; i++)
            for (size_t c = 0; c < ncols; c++) {
                char text[CELL] = "";
                cells[c](text, at + i);
                rec_build_text(b, c, text, strlen(text), NULL);
            }
        rec_build_quoted(b, true);
        for (size_t from = 0; from < m && (!r || (r == VAE_EROW && wish && wish->skip_bad)); from += good + (r != 0)) {
            r = schema_scan_add(s, rec_build_batch(b, m), from, m - from, &good, &o.err);
            CHECK(r ? good < m - from : good == m - from, "took %zu of %zu", good, m - from);
        }
        r = r == VAE_EROW && wish && wish->skip_bad ? 0 : r;
    }
    if (!r)
        o.s = schema_scan_end(s, &o.raw, &o.err);
    o.rows = s ? schema_scan_rows(s) : 0, o.left_out = s ? schema_scan_left_out(s) : 0;
    CHECK((o.s != NULL) == (o.raw != NULL) && (o.s || *o.err.msg), "a failure without a message");
    schema_scan_free(s), rec_build_free(b), rec_head_free(h);
    return o;
}

static inline void done(struct outcome *o) { schema_free(o->s), free(o->raw); }

#endif
