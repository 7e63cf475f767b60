/*
 * features.c - what the nets see of a record.
 *
 * A plain number is one feature: itself, beyond 4 standard deviations on a log scale, so that an outlier cannot throw
 * the whole network out of the range it was trained in (the likelihood still sees it as it is). A value over cells is
 * one-hot in its level, and where the cells have an order also its place among them. A number has its value and its place;
 * one-hot are only those bins of it that many rows have: small ones would tell rows from one another. Times
 * add sines and cosines of their cycles. What is absent is 0 everywhere, and with config.masks a feature of its column
 * says so.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vmath.h"
#include "model/model.h"

static const float KNEE = 4;
/* A bin that so many rows have is told from its neighbours, in a low voice; or a value with such a share of them. */
static const double HOT_ROWS = 150, SPIKE_SHARE = 0.05;
static const float BIN_HOT = 0.2f;
static const double WEEK = 7, YEAR = 365.2425, DAY = 86400;

static bool has_order(const struct schema_col *c) { return c->kind != SCHEMA_CATEGORY && c->kind != SCHEMA_BINARY; }

/* Levels that have a feature of their own: of a number, those of many rows, its spikes and the blank one. */
static int choose_hot(const struct cells *c, size_t rows, struct model_feature *v, struct vae_err *err) {
    double *atoms = mem_array(c->nlevels, sizeof *atoms);
    v->hot = mem_array(c->nlevels, sizeof *v->hot);
    if (!atoms || !v->hot) {
        free(atoms);
        return err_set(err, VAE_EOS, "out of memory");
    }
    for (size_t i = 0; i < c->n; i++) /* an interval, or a second cell, makes it no atom */
        atoms[c->level[i]] += c->high[i] > c->low[i] ? 2 : 1;
    v->nhot = 0;
    for (size_t l = 0; l < c->nlevels; l++) {
        bool blank = c->blank && l + 1 == c->nlevels, spike = atoms[l] < 2 && c->share[l] >= SPIKE_SHARE;
        bool often = c->share[l] * (double)rows >= HOT_ROWS;
        v->hot[l] = !v->value || blank || spike || often ? (uint32_t)v->nhot++ : UINT32_MAX;
    }
    free(atoms);
    return 0;
}

int model_place_features(struct vae_model *m, struct vae_err *err) {
    const struct schema *s = m->schema;
    m->feature = mem_array(s->d, sizeof *m->feature);
    if (!m->feature)
        return err_set(err, VAE_EOS, "out of memory");
    size_t f = 0;
    for (size_t c = 0; c < s->ncols; c++)
        for (size_t j = 0; j < s->col[c].width; j++) {
            const struct cells *cells = &s->cells[s->col[c].v0 + j];
            struct model_feature *v = &m->feature[s->col[c].v0 + j];
            *v = (struct model_feature){.column = c, .f0 = f, .one_hot = cells->n > 0};
            v->place = cells->n > 0 && has_order(&s->col[c]);
            v->value = v->place && s->col[c].kind != SCHEMA_ORDINAL;
            v->cycles = s->col[c].kind == SCHEMA_TIME ? (j == 0 ? 2 : 1) : 0;
            if (v->one_hot && choose_hot(cells, s->rows, v, err))
                return VAE_EOS;
            v->n = (v->one_hot ? v->nhot : 1) + v->place + v->value + 2 * (size_t)v->cycles;
            if (!mem_add(f, v->n, &f) || f > MODEL_MAX_FEATURES)
                return err_set(err, VAE_EDATA, "the columns have too many levels: more than %d in all",
                               MODEL_MAX_FEATURES);
        }
    m->nfeature = f + (m->config.masks ? s->ncols : 0);
    return 0;
}

static void squash(float *v, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float a = fabsf(v[i]);
        if (a > KNEE) {
            float far = 1 + a - KNEE;
            vm_log(&far, &far, 1);
            v[i] = copysignf(KNEE + far, v[i]);
        }
    }
}

VM_WIDE static float largest(const float *v, size_t n) {
    float top = 0;
    for (size_t i = 0; i < n; i++)
        top = fabsf(v[i]) > top ? fabsf(v[i]) : top;
    return top;
}

VM_WIDE static void copy_present(const float *x, float *f, size_t n) {
    for (size_t i = 0; i < n; i++)
        f[i] = x[i] == x[i] ? x[i] : 0;
}

static void one_hot(const struct cells *cells, const struct model_feature *v, const float *x, float *f, size_t n,
                    size_t ld) {
    for (size_t l = 0; l < v->nhot + v->place + v->value; l++)
        memset(f + l * ld, 0, n * sizeof *f);
    float *place = f + v->nhot * ld, *value = place + ld, scale = 3.4f / (float)cells->n;
    for (size_t i = 0; i < n; i++)
        if (x[i] == x[i]) {
            uint32_t hot = v->hot[cells->level[cells_at(cells, x[i])]];
            if (hot != UINT32_MAX)
                f[hot * ld + i] = v->value ? BIN_HOT : 1;
            if (v->place)
                place[i] = x[i] * scale - 1.7f;
            if (v->value) {
                double r = cells_value(cells, x[i]);
                value[i] = isfinite(r) ? (float)((r - cells->center) / cells->spread) : 0;
            }
        }
    if (v->value && largest(value, n) > KNEE)
        squash(value, n);
}

static void cycles(const struct vae_model *m, size_t j, const float *x, float *f, size_t n, size_t ld) {
    const struct model_feature *v = &m->feature[j];
    const struct schema *s = m->schema;
    static const double day_cycle[2] = {WEEK, YEAR};
    for (int k = 0; k < v->cycles; k++)
        for (size_t i = 0; i < n; i++) {
            double raw = s->cells[j].n ? cells_value(&s->cells[j], x[i]) : (double)x[i] * s->scale[j] + s->center[j];
            double turns = raw / (v->cycles == 2 ? day_cycle[k] : DAY);
            float half = isfinite(turns) ? (float)(2 * (turns - floor(turns))) : 0, sine = 0, cosine = 0;
            if (isfinite(turns))
                vm_sincospi(&sine, &cosine, &half, 1);
            f[(size_t)(2 * k) * ld + i] = sine;
            f[(size_t)(2 * k + 1) * ld + i] = cosine;
        }
}

void model_features(const struct vae_model *m, const float *x, float *f, size_t col, size_t n, size_t ld) {
    const struct schema *s = m->schema;
    for (size_t j = 0; j < s->d; j++) {
        const struct model_feature *v = &m->feature[j];
        const float *xj = x + j * ld + col;
        float *to = f + v->f0 * ld + col;
        size_t own = v->n - 2 * (size_t)v->cycles;
        if (v->one_hot) {
            one_hot(&s->cells[j], v, xj, to, n, ld);
        } else {
            copy_present(xj, to, n);
            if (largest(to, n) > KNEE)
                squash(to, n);
        }
        if (v->cycles)
            cycles(m, j, xj, to + own * ld, n, ld);
    }
    for (size_t c = 0; c < s->ncols && m->config.masks; c++) {
        const float *xc = x + s->col[c].v0 * ld + col;
        float *absent = f + (m->nfeature - s->ncols + c) * ld + col;
        for (size_t i = 0; i < n; i++)
            absent[i] = xc[i] == xc[i] ? 0 : 1;
    }
}
