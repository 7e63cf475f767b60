/* read.c - all rows of a reader into memory, as doubles in input units, within the memory allowed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"
#include "stream/format.h"

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

void fit_leave_out(const struct vae_fit_opts *o, struct fit_rows *r, const struct vae_err *why) {
    struct vae_progress p = {.stage = "reading", .bad = why->msg};
    r->bad++;
    if (o->report)
        o->report(o->ctx, &p);
}

/* A batch behind what is there; bad rows stop it, or are left out and counted. */
static int add_batch(struct vae_in *in, const struct vae_fit_opts *o, struct schema_scan *scan, struct fit_rows *r,
                     const struct vae_batch *b, struct vae_err *err) {
    size_t from = 0, good;
    while (from < b->rows) {
        int e = schema_scan_add(scan, b, from, b->rows - from, &good, err);
        int noted = split_note(&r->groups, o->split_by, vae_in_head(in), b, from, good, err);
        if (noted)
            return noted;
        from += good;
        if (e)
            err_prefix(err, "%s", vae_in_where(in, from));
        if (e && !(e == VAE_EROW && o->skip_bad))
            return e;
        if (e)
            fit_leave_out(o, r, err), from++;
    }
    return 0;
}

static const char *where(void *in, size_t row) { return vae_in_where(in, row); }

int fit_reading(const struct vae_fit_opts *o, size_t rows, size_t bytes, size_t more, struct vae_err *err) {
    uint64_t allowed = memory_allowed(o);
    struct vae_progress p = {.stage = "reading", .done = rows};
    if (bytes > allowed / BYTES_A_VALUE * sizeof(double))
        return too_big(allowed, rows, err);
    if (o->report && rows % REPORT_ROWS < more && o->report(o->ctx, &p))
        return err_set(err, VAE_ESTOP, "stopped while reading");
    return 0;
}

/* All batches of the reader into the scan. */
static int read_all(struct vae_in *in, const struct vae_fit_opts *o, struct schema_scan *scan, struct fit_rows *r,
                    struct vae_err *err) {
    const struct vae_batch *b;
    int n = 0, e = 0;
    while (!e && (n = vae_in_next(in, &b, err))) {
        if (n == VAE_EROW && o->skip_bad) {
            fit_leave_out(o, r, err);
            continue;
        }
        e = n < 0 ? n : add_batch(in, o, scan, r, b, err);
        e = e ? e : fit_reading(o, schema_scan_rows(scan), schema_scan_bytes(scan), (size_t)n, err);
    }
    return e;
}

/* What the columns are is told when all rows are there. */
static int scan_read(struct vae_in *in, const struct vae_fit_opts *o, struct fit_rows *r, struct vae_err *err) {
    struct fit_wishes wishes;
    struct schema_scan *scan = NULL;
    int e = fit_wishes_make(&wishes, o, err);
    if (!e && !(scan = schema_scan_new(vae_in_head(in), &wishes.wish, where, in, err)))
        e = err ? err->code : VAE_EOS;
    if (!e)
        e = read_all(in, o, scan, r, err);
    if (!e && schema_scan_rows(scan) > 1) {
        schema_scan_tags(scan, r->groups.of);
        r->schema = schema_scan_end(scan, &r->raw, err);
        e = r->schema ? fit_wishes_likelihoods(&wishes, r->schema, err) : err ? err->code : VAE_EOS;
        e = e ? e : fit_mark_conditions(o, vae_in_head(in), r->schema, err);
    }
    if (scan) {
        r->n = schema_scan_rows(scan);
        r->bad += schema_scan_left_out(scan);
    }
    schema_scan_free(scan);
    fit_wishes_free(&wishes);
    return e;
}

int fit_read(struct vae_in *in, const struct vae_fit_opts *o, struct fit_rows *r, struct vae_err *err) {
    struct vae_in_stats stats;
    *r = (struct fit_rows){0};
    int e = o->init ? init_read(in, o, r, err) : scan_read(in, o, r, err);
    if (!e && r->n < 2)
        e = err_set(err, VAE_EDATA, "%s", r->n ? "one row is not enough to learn from" : r->bad ? "no good row in the data"
                                                                                             : "no rows: the input is empty");
    r->overlap = stream_in_overlap(in);
    vae_in_stats(in, &stats);
    r->header_assumed = stats.header_assumed;
    if (!e)
        r->crc = crc_update(0, r->raw, r->n * r->schema->d * sizeof *r->raw);
    if (!e && r->groups.of)
        r->crc = crc_update(r->crc, r->groups.of, r->n * sizeof *r->groups.of);
    return e;
}

void fit_rows_free(struct fit_rows *r) {
    schema_free(r->schema);
    free(r->raw), free(r->groups.of);
    *r = (struct fit_rows){0};
}
