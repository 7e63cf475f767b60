/*
 * lines.c - records that are texts, symbol by symbol (schema/line.h): p(x|z) = prod_t p(x_t | z, x_<t).
 *
 * In training some of the symbols before are not told, so that the latents have to (Bowman et al. 2016, 1511.06349).
 *
 * A line that goes on beyond the positions has what is there explained by the model, and each symbol beyond, its end
 * among them, as one of all symbols that are alike: it is a distribution over lines of any length.
 */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "model/model.h"
#include "schema/line.h"

enum { RUN = 256 };

static float *told(const struct vae_model *m, struct model_pass *p) {
    return p->dec.act[0] + m->zdim * p->ld;
}

size_t lines_length(const struct vae_model *m, const float *x) {
    size_t n = m->npositions;
    const float *symbol = x + m->line->v0, beyond = symbol[n];
    while (n && isnan(symbol[n - 1]))
        n--;
    return n + (isnan(beyond) ? 0 : (size_t)beyond);
}

void lines_look(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    for (size_t t = 0; t < m->npositions; t++)
        memcpy(told(m, p) + t * p->ld + col, p->x + (m->line->v0 + t) * p->ld + col, n * sizeof *p->x);
}

void lines_drop(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, uint64_t seed, uint64_t step,
                const uint64_t *rows) {
    double rate = (double)m->config.word_dropout, u[RUN];
    for (size_t i = 0; i < n && m->npositions && rate > 0; i++) {
        float *x = told(m, p) + col + i;
        for (size_t t = 0; t < m->npositions; t++) {
            if (t % RUN == 0)
                rng_uniform(u, RUN, seed, RNG_MASK, step, rows[i] + ((uint64_t)(t / RUN) << 40));
            if (u[t % RUN] < rate && !isnan(x[t * p->ld]))
                x[t * p->ld] = -1; /* there, but not told */
        }
    }
}

int lines_refuse(const struct vae_model *m, const char *what, struct vae_err *err) {
    return m->line ? err_set(err, VAE_EUSAGE, "%s is for tables and arrays, and this is a model of lines of text", what)
                   : 0;
}

void lines_beyond(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    if (!m->npositions)
        return;
    const float *beyond = p->target + (m->line->v0 + m->npositions) * p->ld;
    double each = log((double)line_symbols(m->line));
    for (size_t i = col; i < col + n; i++)
        p->nll[i] += isnan(beyond[i]) ? 0 : (double)beyond[i] * each;
}
