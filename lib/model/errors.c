/*
 * errors.c - squared errors of what a decoder says on average. A category counts 1 where it differs; what is missing counts
 * nothing. In units of the model a number is in its column's standard deviations, in input units it is as it is.
 */
#include <math.h>
#include <string.h>

#include "model/model.h"

/* Adds those of value j, the d-th part of each: x, mean [.,n]. */
static void add_errors(const struct vae_model *m, const struct cells *cells, size_t j, const float *x, const float *mean, size_t n,
                       bool input, double *mse) {
    const struct schema *s = m->schema;
    bool as_is = s->col[m->feature[j].column].transform == &schema_none;
    double sd = s->stats.sd[j] > 0 ? s->stats.sd[j] : 1;
    /* cells and counts come in input units, the others in the model's */
    double unit = input ? (cells || as_is ? 1 : s->scale[j]) : cells || as_is ? 1 / sd : 1;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            continue;
        double t;
        if (cells && !m->feature[j].place)
            t = cells_at(cells, x[i]) != cells_at(cells, mean[i]);
        else if (cells)
            t = (cells_value(cells, x[i]) - cells_value(cells, mean[i])) * unit;
        else
            t = ((double)x[i] - (double)mean[i]) * unit;
        mse[i] += isfinite(t) ? t * t / (double)s->d : 0;
    }
}

void model_errors(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n, bool input,
                  double *mse) {
    memset(mse, 0, n * sizeof *mse);
    for (size_t i = 0; i < m->nblocks; i++) {
        const struct lik_block *b = &m->block[i];
        float *o = model_o(p) + b->o0 * p->ld + col; /* the mean takes the place of the outputs */
        b->lik->mean(b, o, w + b->w0, o, n, p->ld);
        for (size_t j = 0; j < b->nx; j++)
            add_errors(m, b->cells, b->x0 + j, p->x + (b->x0 + j) * p->ld + col, o + j * p->ld, n, input, mse);
    }
}
