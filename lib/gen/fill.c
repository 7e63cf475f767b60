/*
 * fill.c - drawing columns of records whose latents are set: down the chain, each given those before and those that were
 * there from the start.
 */
#include <math.h>
#include <string.h>

#include "base/mat.h"
#include "gen/gen.h"

/* A value for the records where it is absent: one draw each under the condition. */
static void draw_value(const struct vae_model *m, struct model_pass *p, const struct lik_block *b,
                       const struct gen_condition *cond, const struct gen_key *key, double *logw) {
    float drawn[MAT_PANEL];
    double logp[MAT_PANEL] = {0};
    const float *o = model_o(p) + b->o0 * p->ld, *theta = m->w + b->w0;
    double low = cond->low, high = cond->high;
    if (!b->cells) { /* plain numbers are asked in model units */
        low = (low - m->schema->center[b->x0]) / m->schema->scale[b->x0];
        high = (high - m->schema->center[b->x0]) / m->schema->scale[b->x0];
    }
    if (cond->set || low > -INFINITY || high < INFINITY) {
        b->lik->sample_range(b, o, theta, low, high, cond->set, drawn, key->seed, key->rows, MAT_PANEL, p->ld);
        if (logw && cond->on)
            b->lik->range(b, o, theta, low, high, cond->set, logp, MAT_PANEL, p->ld);
    } else {
        b->lik->sample(b, o, theta, drawn, key->seed, key->rows, MAT_PANEL, p->ld);
    }
    size_t first = m->schema->col[m->feature[b->x0].column].v0;
    for (size_t i = 0; i < MAT_PANEL; i++)
        if (isnan(p->seen[first * p->ld + i])) {
            p->x[b->x0 * p->ld + i] = drawn[i];
            if (logw && cond->on)
                logw[i] += logp[i];
        }
}

/* Every value of the columns that are done in this pass. */
static void draw_columns(const struct vae_model *m, struct model_pass *p, const struct gen_where *where,
                         const bool *now, const struct gen_key *key, double *logw) {
    for (size_t i = 0; i < m->nblocks; i++)
        for (size_t j = 0; j < m->block[i].nx; j++)
            if (now[m->feature[m->block[i].x0 + j].column]) {
                struct lik_block v = lik_value(&m->block[i], j);
                draw_value(m, p, &v, &where->value[v.x0], key, logw);
            }
    for (size_t j = 0; j < m->schema->d; j++)
        if (now[m->feature[j].column])
            memcpy(p->seen + j * p->ld, p->x + j * p->ld, MAT_PANEL * sizeof *p->x);
}

void gen_see_none(const struct vae_model *m, struct model_pass *p) {
    for (size_t j = 0; j < m->schema->d; j++)
        for (size_t i = 0; i < p->ld; i++)
            p->seen[j * p->ld + i] = m->schema->col[m->feature[j].column].condition ? p->x[j * p->ld + i] : NAN;
    condition_look(m, p, 0, MAT_PANEL);
    chain_z_off(m, p, 0, MAT_PANEL, false);
}

void gen_fill(const struct vae_model *m, struct model_pass *p, const struct gen_where *where, size_t from, size_t to,
              const struct gen_key *key, double *logw) {
    bool *now = where->now + (size_t)key->worker * where->ncols;
    for (size_t at = from; at < to;) {
        /* columns of a group go together, but those with a condition one by one */
        size_t next = at + 1, group = model_group(m, where->order[at]);
        while (next < to && at >= where->nfirst && model_group(m, where->order[next]) == group)
            next++;
        bool any = false;
        for (size_t k = at; k < next; k++) {
            const float *seen = p->seen + m->schema->col[where->order[k]].v0 * p->ld;
            for (size_t i = 0; i < MAT_PANEL; i++)
                any = any || isnan(seen[i]);
            now[where->order[k]] = true;
        }
        if (any) {
            model_decode(m, m->w, p, 0, MAT_PANEL);
            draw_columns(m, p, where, now, key, logw);
        }
        for (size_t k = at; k < next; k++)
            now[where->order[k]] = false;
        at = next;
    }
}
