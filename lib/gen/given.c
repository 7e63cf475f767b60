/* given.c - records that generation starts from or keeps away from, read whole; and variations of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/generate.h"

static const double REDRAWN = 0.5; /* share of the columns of a variation that are drawn anew */

void gen_given_free(struct gen_given *g) {
    free(g->raw), free(g->x), free(g->feature), free(g->near);
    *g = (struct gen_given){0};
}

int gen_given_read(struct gen_given *g, const struct vae_model *m, struct vae_in *in, const char *option, uint64_t *bad,
                   struct vae_err *err) {
    size_t values;
    int r = op_read_all(m, in, option, bad, &g->raw, &g->n, err);
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
    double t = op->opts.temperature > 0 && !op->m->line ? op->opts.temperature : 1;
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
