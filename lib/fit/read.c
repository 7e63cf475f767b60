/* read.c - all rows of a reader into memory, as doubles in input units, within the memory allowed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"

enum { BYTES_A_VALUE = 12, REPORT_ROWS = 4096 }; /* a double, and the float it becomes */

static uint64_t memory_allowed(const struct vae_fit_opts *o) {
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    if (o->max_memory)
        return o->max_memory;
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 2 : UINT64_C(1) << 30;
}

static int too_big(uint64_t allowed, size_t n, struct vae_err *err) {
    return err_set(err, VAE_EOS,
                   "the data does not fit into %.0f MB after %zu rows; raise --max-memory, or give fewer rows "
                   "(shuf -n 1000000)",
                   (double)allowed / 1e6, n);
}

/* A batch behind what is there; bad rows stop it, or are left out and counted. */
static int add_batch(struct vae_in *in, const struct vae_fit_opts *o, struct schema_scan *scan, uint64_t *bad,
                     const struct vae_batch *b, struct vae_err *err) {
    size_t from = 0, good;
    while (from < b->rows) {
        int e = schema_scan_add(scan, b, from, b->rows - from, &good, err);
        from += good;
        if (e && !(e == VAE_EROW && o->skip_bad)) {
            err_prefix(err, "%s", vae_in_where(in, from));
            return e;
        }
        if (e)
            ++*bad, from++;
    }
    return 0;
}

static const char *where(void *in, size_t row) { return vae_in_where(in, row); }

/* All batches of the reader into the scan. */
static int read_all(struct vae_in *in, const struct vae_fit_opts *o, struct schema_scan *scan, uint64_t *bad,
                    struct vae_err *err) {
    const struct vae_batch *b;
    uint64_t allowed = memory_allowed(o);
    int n = 0, e = 0;
    while (!e && (n = vae_in_next(in, &b, err))) {
        if (n == VAE_EROW && o->skip_bad) {
            ++*bad;
            continue;
        }
        e = n < 0 ? n : add_batch(in, o, scan, bad, b, err);
        size_t rows = schema_scan_rows(scan);
        if (!e && schema_scan_bytes(scan) > allowed / BYTES_A_VALUE * sizeof(double))
            e = too_big(allowed, rows, err);
        struct vae_progress p = {.stage = "reading", .done = rows};
        if (!e && o->report && rows % REPORT_ROWS < (size_t)n && o->report(o->ctx, &p))
            e = err_set(err, VAE_ESTOP, "stopped while reading");
    }
    if (!e && schema_scan_rows(scan) == 0)
        e = err_set(err, VAE_EDATA, *bad ? "no good row in the data" : "no rows: the input is empty");
    return e;
}

int fit_read(struct vae_in *in, const struct vae_fit_opts *o, struct fit_rows *r, struct vae_err *err) {
    struct fit_wishes wishes;
    struct schema_scan *scan = NULL;
    *r = (struct fit_rows){0};
    int e = fit_wishes_make(&wishes, o, err);
    if (!e && !(scan = schema_scan_new(vae_in_head(in), &wishes.wish, where, in, err)))
        e = err ? err->code : VAE_EOS;
    if (!e)
        e = read_all(in, o, scan, &r->bad, err);
    if (!e && schema_scan_rows(scan) > 1) {
        r->schema = schema_scan_end(scan, &r->raw, err);
        e = r->schema ? fit_wishes_likelihoods(&wishes, r->schema, err) : err ? err->code : VAE_EOS;
        e = e ? e : fit_mark_conditions(o, vae_in_head(in), r->schema, err);
    }
    if (scan) {
        r->n = schema_scan_rows(scan);
        r->bad += schema_scan_left_out(scan);
    }
    if (!e && r->n < 2)
        e = err_set(err, VAE_EDATA, "%s", r->n ? "one row is not enough to learn from" : "no good row in the data");
    struct vae_in_stats stats;
    vae_in_stats(in, &stats);
    r->header_assumed = stats.header_assumed;
    if (!e)
        r->crc = crc_update(0, r->raw, r->n * r->schema->d * sizeof *r->raw);
    schema_scan_free(scan);
    fit_wishes_free(&wishes);
    return e;
}

void fit_rows_free(struct fit_rows *r) {
    schema_free(r->schema);
    free(r->raw);
    *r = (struct fit_rows){0};
}
