/*
 * condition.c - columns that the encoder and the decoder are told, and never explain: p(x|c) (Sohn et al. 2015, "Learning
 * structured output representation using deep conditional generative models").
 *
 * In training they are dropped from a tenth of the records, all of them, and where there are several each from some more, so that
 * one model knows p(x|c), p(x|some of c) and p(x) (as in Ho & Salimans 2022, 2207.12598). A condition that is not there is 0
 * in all its features, and a feature that says so is 1.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/model.h"

enum { KEPT_ROWS = 4096 };
static const double ALL = 0.1, SOME = 0.1; /* shares of the records; of SOME each condition has even odds */

void condition_drop(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, uint64_t seed, uint64_t step,
                    const uint64_t *rows) {
    const struct schema *s = m->schema;
    size_t ncols = 0;
    for (size_t c = 0; c < s->ncols; c++)
        ncols += s->col[c].condition;
    for (size_t i = 0; i < n && ncols; i++) {
        double u, each;
        rng_uniform(&u, 1, seed, RNG_CONDITION, 2 * step, rows[i]);
        bool all = u < ALL, some = !all && ncols > 1 && u < ALL + SOME;
        for (size_t c = 0; c < s->ncols && (all || some); c++) {
            if (!s->col[c].condition)
                continue;
            rng_uniform(&each, 1, seed, RNG_CONDITION, 2 * step + 1 + ((uint64_t)c << 32), rows[i]);
            for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width && (all || each < 0.5); j++)
                p->x[j * p->ld + col + i] = NAN;
        }
    }
}

void condition_look(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    if (m->ncond && !m->config.chain)
        model_condition_features(m, p->x, p->dec.act[0] + model_told_at(m) * p->ld, col, n, p->ld);
}

int condition_guide(const struct vae_model *m, struct model_pass *p, double guidance, struct vae_err *err) {
    size_t n;
    free(p->unguided);
    p->guidance = (float)guidance;
    p->unguided = mem_mul(m->noutputs + m->ncond, p->ld, &n) ? mem_floats(n) : NULL;
    return p->unguided ? 0 : err_set(err, VAE_EOS, "out of memory");
}

void condition_guided(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    size_t ld = p->ld, no = m->noutputs;
    float *told = p->dec.act[0] + model_told_at(m) * ld, *o = model_o(p), *with = p->unguided, *keep = with + no * ld;
    for (size_t f = 0; f < no; f++)
        memcpy(with + f * ld + col, o + f * ld + col, n * sizeof *o);
    memcpy(keep, told, m->ncond * ld * sizeof *keep);
    for (size_t j = 0; j < m->ncond; j++)
        memset(told + j * ld + col, 0, n * sizeof *told);
    for (size_t c = 0; c < m->schema->ncols; c++)
        for (size_t i = col; i < col + n && m->schema->col[c].condition; i++)
            told[(m->absent[c] - (m->nfeature - m->ncond)) * ld + i] = 1;
    nn_forward(&m->dec, w, &p->dec, col, n, NULL);
    for (size_t f = 0; f < no; f++)
        for (size_t i = col; i < col + n; i++)
            o[f * ld + i] += p->guidance * (with[f * ld + i] - o[f * ld + i]);
    memcpy(told, keep, m->ncond * ld * sizeof *keep);
}

int condition_keep_rows(struct vae_model *m, const float *x, size_t n, struct vae_err *err) {
    struct model_conditions *c = &m->conditions;
    size_t most = !c->width ? 0 : n < KEPT_ROWS ? n : KEPT_ROWS;
    c->n = 0;
    c->x = mem_floats(most * c->width + 1);
    if (!c->x)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < n && c->n < most; i++) { /* rows come in random order already */
        float *row = c->x + c->n * c->width;
        bool whole = true;
        for (size_t j = 0; j < c->width; j++) {
            row[j] = x[i * m->schema->d + c->value[j]];
            whole = whole && !isnan(row[j]);
        }
        c->n += whole;
    }
    return 0;
}
