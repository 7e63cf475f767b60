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

static int make_room(struct fit_rows *r, size_t *cap, size_t more, uint64_t allowed, struct vae_err *err) {
    size_t values, d = r->schema->d;
    if (!mem_add(r->n, more, &values) || !mem_mul(values, d, &values) || values > allowed / BYTES_A_VALUE)
        return err_set(err, VAE_EOS,
                       "the data does not fit into %.0f MB after %zu rows; raise --max-memory, or give fewer rows "
                       "(shuf -n 1000000)",
                       (double)allowed / 1e6, r->n);
    return mem_grow(&r->raw, cap, values, sizeof *r->raw, err);
}

/* A batch behind what is there; bad rows stop it, or are left out and counted. */
static int add_batch(struct vae_in *in, const struct vae_fit_opts *o, struct fit_rows *r,
                     const struct schema_map *map, const struct vae_batch *b, struct vae_err *err) {
    const struct vae_head *head = vae_in_head(in);
    size_t from = 0, good;
    while (from < b->rows) {
        int e = schema_read(r->schema, map, b, head, from, b->rows - from, r->raw + r->n * r->schema->d, &good, err);
        r->n += good;
        from += good;
        if (e && !(e == VAE_EROW && o->skip_bad)) {
            err_prefix(err, "%s", vae_in_where(in, from));
            return e;
        }
        if (e)
            r->bad++, from++;
    }
    schema_note_style(r->schema, map, b, b->rows);
    return 0;
}

int fit_read(struct vae_in *in, const struct vae_fit_opts *o, struct fit_rows *r, struct vae_err *err) {
    *r = (struct fit_rows){0};
    struct schema_map map = {0};
    size_t cap = 0;
    const struct vae_batch *b;
    uint64_t allowed = memory_allowed(o);
    int n = 0, e = (r->schema = schema_new(vae_in_head(in), err)) ? 0 : (err ? err->code : VAE_EOS);
    if (!e)
        e = schema_bind(r->schema, vae_in_head(in), &map, err);
    while (!e && (n = vae_in_next(in, &b, err))) {
        if (n == VAE_EROW && o->skip_bad) {
            r->bad++;
            continue;
        }
        e = n < 0 ? n : make_room(r, &cap, (size_t)n, allowed, err);
        if (!e)
            e = add_batch(in, o, r, &map, b, err);
        struct vae_progress p = {.stage = "reading", .done = r->n};
        if (!e && o->report && r->n % REPORT_ROWS < (size_t)n && o->report(o->ctx, &p))
            e = err_set(err, VAE_ESTOP, "stopped while reading");
    }
    if (!e && r->n == 0)
        e = err_set(err, VAE_EDATA, r->bad ? "no good row in the data" : "no rows: the input is empty");
    if (!e && r->n < 2)
        e = err_set(err, VAE_EDATA, "one row is not enough to learn from");
    struct vae_in_stats stats;
    vae_in_stats(in, &stats);
    r->header_assumed = stats.header_assumed;
    if (!e)
        r->crc = crc_update(0, r->raw, r->n * r->schema->d * sizeof *r->raw);
    schema_map_free(&map);
    return e;
}

void fit_rows_free(struct fit_rows *r) {
    schema_free(r->schema);
    free(r->raw);
    *r = (struct fit_rows){0};
}
