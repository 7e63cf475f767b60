/* told.c - what the decoder is told of the conditions of new records. */
#include <math.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/gen.h"

/* Does value j, in model units, meet what is said of it? */
static bool meets(const struct vae_model *m, const struct gen_where *w, size_t j, float x) {
    const struct gen_condition *c = &w->value[j];
    const struct cells *cells = &m->schema->cells[j];
    if (!c->on)
        return true;
    if (isnan(x))
        return false;
    double v = schema_raw(m->schema, j, x);
    return v >= c->low && v <= c->high && (!c->set || c->set[cells_at(cells, x)]);
}

int gen_tell_prepare(struct gen_where *w, const struct vae_model *m, struct vae_err *err) {
    const struct model_conditions *c = &m->conditions;
    w->told = mem_array(c->n + 1, sizeof *w->told);
    if (!w->told)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t j = 0; j < c->width; j++)
        w->tells = w->tells || w->value[c->value[j]].on;
    for (size_t i = 0; i < c->n; i++) {
        bool all = true;
        for (size_t j = 0; j < c->width && all; j++)
            all = meets(m, w, c->value[j], c->x[i * c->width + j]);
        if (all)
            w->told[w->ntold++] = i;
    }
    return 0;
}

/* A value by its marginal, of what is allowed; u in (0,1). */
static float draw_allowed(const struct vae_model *m, const struct gen_condition *c, size_t j, double u) {
    const struct schema *s = m->schema;
    const struct cells *cells = &s->cells[j];
    const struct cells_part part = {c->low, c->high, c->set};
    if (!cells->n) {
        double low = fmax(c->low, s->stats.low[j]), high = fmin(c->high, s->stats.high[j]);
        return (float)((low + u * (high - low) - s->center[j]) / s->scale[j]);
    }
    double total = 0, at = 0;
    for (size_t i = 0; i < cells->n; i++)
        total += cells->share[cells->level[i]] * cells->weight[i] * cells_share(cells, i, &part);
    for (size_t i = 0; i < cells->n; i++) {
        double here = cells->share[cells->level[i]] * cells->weight[i] * cells_share(cells, i, &part);
        if (here > 0 && at + here >= u * total)
            return cells_place(cells, i, &part, fmin(fmax((u * total - at) / here, 1e-9), 1 - 1e-9));
        at += here;
    }
    return NAN;
}

void gen_tell(const struct vae_model *m, struct model_pass *p, const struct gen_where *w, const struct gen_key *key,
              bool all) {
    const struct model_conditions *c = &m->conditions;
    for (size_t i = 0; i < MAT_PANEL && c->width && (all || w->tells); i++) {
        double u;
        rng_uniform(&u, 1, key->seed, RNG_CONDITION, 0, key->rows[i]);
        size_t row = w->ntold ? w->told[(size_t)(u * (double)w->ntold)] : (size_t)(u * (double)c->n);
        for (size_t a = 0; a < c->width; a++) {
            size_t j = c->value[a];
            bool on = w->value[j].on;
            double own;
            rng_uniform(&own, 1, key->seed, RNG_CONDITION, 1 + a, key->rows[i]);
            if (on && !w->ntold)
                p->x[j * p->ld + i] = draw_allowed(m, &w->value[j], j, own);
            else if (on || all)
                p->x[j * p->ld + i] = row < c->n ? c->x[row * c->width + a] : NAN;
        }
    }
}
