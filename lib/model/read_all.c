/* read_all.c - records that are given beside those a filter runs over, read whole. */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/op.h"
#include "stream/format.h"

struct given_rows {
    double *raw;
    size_t n, cap;
};

/* The rows of a batch behind what is there; windows that are not whole are left out. */
static int add(struct given_rows *g, const struct vae_model *m, const struct schema_map *map, struct vae_in *in,
               const struct vae_batch *b, uint64_t *bad, struct vae_err *err) {
    size_t d = m->schema->d, from = 0, good, values;
    if (!mem_add(g->n, b->rows, &values) || !mem_mul(values, d, &values))
        return err_set(err, VAE_EOS, "too many rows");
    int r = mem_grow(&g->raw, &g->cap, values, sizeof *g->raw, err);
    while (!r && from < b->rows) {
        size_t to = from;
        while (to < b->rows && !(b->partial && b->partial[to]))
            to++;
        if (to == from) {
            from++;
            continue;
        }
        r = schema_read(m->schema, map, b, vae_in_head(in), from, to - from, g->raw + g->n * d, NULL, &good, err);
        g->n += good, from += good;
        if (r == VAE_EROW && !bad)
            err_prefix(err, "%s", vae_in_where(in, from));
        else if (r == VAE_EROW)
            ++*bad, from++, r = 0;
    }
    return r;
}

int op_read_all(const struct vae_model *m, struct vae_in *in, const char *option, uint64_t *bad, double **raw, size_t *rows,
                struct vae_err *err) {
    struct given_rows g = {0};
    struct schema_map map = {0};
    const struct vae_batch *b;
    int n = 0, r = schema_bind(m->schema, vae_in_head(in), &map, err);
    while (!r && (n = vae_in_next(in, &b, err))) {
        if (n == VAE_EROW && bad)
            ++*bad;
        else
            r = n < 0 ? n : add(&g, m, &map, in, b, bad, err);
    }
    schema_map_free(&map);
    if (!r && !g.n)
        r = err_set(err, VAE_EDATA, "%s: no %srows, and %s needs some", stream_in_name(in), bad && *bad ? "good " : "", option);
    *raw = g.raw, *rows = g.n;
    return r;
}
