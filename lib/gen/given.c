/* given.c - records that generation starts from or keeps away from, read whole; and variations of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/generate.h"
#include "stream/format.h"

static const double REDRAWN = 0.5; /* share of the columns of a variation that are drawn anew */

void gen_given_free(struct gen_given *g) {
    free(g->raw), free(g->x), free(g->feature), free(g->near);
    *g = (struct gen_given){0};
}

/* The rows of a batch behind what is there. */
static int add(struct gen_given *g, size_t *cap, const struct vae_model *m, const struct schema_map *map,
               struct vae_in *in, const struct vae_batch *b, uint64_t *bad, struct vae_err *err) {
    size_t d = m->schema->d, from = 0, good, values;
    if (!mem_add(g->n, b->rows, &values) || !mem_mul(values, d, &values))
        return err_set(err, VAE_EOS, "too many rows");
    int r = mem_grow(&g->raw, cap, values, sizeof *g->raw, err);
    while (!r && from < b->rows) {
        r = schema_read(m->schema, map, b, vae_in_head(in), from, b->rows - from, g->raw + g->n * d, NULL, &good, err);
        g->n += good, from += good;
        if (r == VAE_EROW && !bad)
            err_prefix(err, "%s", vae_in_where(in, from));
        else if (r == VAE_EROW)
            ++*bad, from++, r = 0;
    }
    return r;
}

int gen_given_read(struct gen_given *g, const struct vae_model *m, struct vae_in *in, const char *option, uint64_t *bad,
                   struct vae_err *err) {
    struct schema_map map = {0};
    const struct vae_batch *b;
    size_t cap = 0, values;
    int n = 0, r = schema_bind(m->schema, vae_in_head(in), &map, err);
    while (!r && (n = vae_in_next(in, &b, err))) {
        if (n == VAE_EROW && bad)
            ++*bad;
        else
            r = n < 0 ? n : add(g, &cap, m, &map, in, b, bad, err);
    }
    schema_map_free(&map);
    if (!r && !g->n)
        r = err_set(err, VAE_EDATA, "%s: no %srows, and %s needs some", stream_in_name(in), bad && *bad ? "good " : "", option);
    if (r)
        return r;
    g->x = mem_mul(g->n, m->schema->d, &values) ? mem_floats(values) : NULL;
    if (!g->x)
        return err_set(err, VAE_EOS, "out of memory for %zu rows", g->n);
    schema_to_model(m->schema, g->raw, NULL, g->n, g->x);
    for (size_t j = 0; j < m->schema->d; j++) /* a blank in a given row is one that was there */
        for (size_t i = 0; i < g->n && m->schema->cells[j].n; i++)
            if (isnan(g->x[i * m->schema->d + j]))
                g->x[i * m->schema->d + j] = cells_blank(&m->schema->cells[j]);
    return 0;
}

/*
 * A variation keeps the latents of its row, as far as the posterior knows them, and a random half of its columns; the
 * others are drawn given those. Without a chain nothing is kept but the latents.
 */
void gen_vary_panel(struct vae_op *op, struct model_pass *p, const struct gen_given *g, const struct gen_where *where,
                    struct gen_key *key) {
    const struct vae_model *m = op->m;
    size_t ld = p->ld;
    double t = op->opts.temperature > 0 ? op->opts.temperature : 1;
    uint64_t rows[MAT_PANEL];
    for (size_t i = 0; i < MAT_PANEL; i++)
        rows[i] = key->rows[i] % g->n;
    op_encode_panel(m, p, g->x, rows, MAT_PANEL);
    rng_normals(p->eps, m->neps, MAT_PANEL, ld, key->seed, RNG_VARY, 0, key->rows, 0);
    for (size_t j = 0; j < m->neps * ld; j++)
        p->eps[j] *= (float)t;
    bottleneck_draw(m, m->w, p, 0, MAT_PANEL);
    gen_tell(m, p, where, key, false);
    gen_see_none(m, p);
    for (size_t i = 0; i < MAT_PANEL; i++)
        for (size_t c = 0; c < m->schema->ncols && m->config.chain; c++) {
            double u;
            if (m->schema->col[c].condition)
                continue;
            rng_uniform(&u, 1, key->seed, RNG_VARY, 1 + c, key->rows[i]);
            for (size_t j = m->schema->col[c].v0; j < m->schema->col[c].v0 + m->schema->col[c].width; j++)
                p->seen[j * ld + i] = u < REDRAWN * fmin(t, 1 / REDRAWN) ? NAN : p->x[j * ld + i];
        }
    gen_fill(m, p, where, 0, where->norder, key, NULL);
}
