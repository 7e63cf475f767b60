/*
 * fuzz_schema.c - any bytes as the file of vae-fit --schema, for a table with a column of most kinds.
 *
 * What must hold: it is refused with a reason, or gives a schema; whose own table, fed back, gives the same table.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "fit/fit.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { ROWS = 60, NCOLS = 6 };

static void must(bool holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "fuzz_schema: %s\n", what);
        abort();
    }
}

static const char *cell(size_t row, size_t col, char out[40]) {
    switch (col) {
    case 0: snprintf(out, 40, "%zu", row * 37 % 101); break;
    case 1: snprintf(out, 40, "%s", row % 7 ? row % 3 ? "a|b" : "c, \"d\"" : ""); break;
    case 2: snprintf(out, 40, "%zu", row * 3 % 4 + 1); break;
    case 3: snprintf(out, 40, "2024-02-%02zu", row % 28 + 1); break;
    case 4: snprintf(out, 40, "n%zu", row); break;
    default: snprintf(out, 40, "%.1f", (double)(row % 2) / 2); break;
    }
    return out;
}

/* The columns as the file says; NULL where it is refused. */
static struct schema *scan(const struct fit_wishes *w, struct vae_err *err) {
    static const char *const names[NCOLS] = {"a", "b c", "c", "t", "id", "x"};
    struct vae_head *h = rec_head_new("data", NULL);
    for (size_t c = 0; c < NCOLS; c++)
        rec_head_add(h, names[c], REC_UTF8, 0, NULL, NULL);
    struct schema_scan *s = schema_scan_new(h, &w->wish, NULL, NULL, err);
    struct rec_build *b = rec_build_new(h, NULL);
    struct schema *schema = NULL;
    double *raw = NULL;
    size_t good;
    char text[40];
    for (size_t i = 0; i < ROWS; i++)
        for (size_t c = 0; c < NCOLS; c++)
            rec_build_text(b, c, cell(i, c, text), strlen(text), NULL);
    if (s && !schema_scan_add(s, rec_build_batch(b, ROWS), 0, ROWS, &good, err))
        schema = schema_scan_end(s, &raw, err);
    if (schema && fit_wishes_likelihoods(w, schema, err)) {
        schema_free(schema);
        schema = NULL;
    }
    must(schema || (err->code < 0 && *err->msg), "refused without a reason");
    free(raw);
    schema_scan_free(s), rec_build_free(b), rec_head_free(h);
    return schema;
}

/* The schema that the bytes ask for, and its table; false where they are refused. */
static bool table_of(const void *p, size_t n, struct buf *table) {
    char path[40];
    struct vae_err err = {0};
    struct vae_fit_opts opts;
    struct fit_wishes w;
    int fd = memfd_create("fuzz", 0);
    must(fd >= 0 && write(fd, p, n) == (ssize_t)n, "no memory file");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    vae_fit_defaults(&opts);
    opts.schema = path;
    int r = fit_wishes_make(&w, &opts, &err);
    must(!r || (r < 0 && *err.msg), "refused without a reason");
    struct schema *s = r ? NULL : scan(&w, &err);
    must(!s || !schema_table(s, table, &err), "the table of a schema cannot be made");
    schema_free(s), fit_wishes_free(&w), close(fd);
    return s != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) {
    struct buf first = {0}, again = {0};
    if (table_of(p, n, &first)) {
        must(table_of(first.p, first.n, &again), "a schema's own table is refused");
        must(first.n == again.n && !memcmp(first.p, again.p, first.n), "a schema's own table gives another");
    }
    buf_free(&first), buf_free(&again);
    return 0;
}
