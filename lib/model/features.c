/*
 * features.c - what the nets see of a record.
 *
 * A plain number is one feature: itself, beyond 4 standard deviations on a log scale, so that an outlier cannot throw
 * the whole network out of the range it was trained in (the likelihood still sees it as it is). A value over cells is
 * one-hot in its level, and where the cells have an order also its place among them. A number has its value and its place;
 * one-hot are only those bins of it that many rows have: small ones would tell rows from one another. Times
 * add sines and cosines of their cycles; a clock is told by these alone, as its value will never be seen again. What is absent is 0
 * everywhere, and with config.masks a feature of its column says so.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vmath.h"
#include "model/model.h"
#include "schema/line.h"

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

/* The features of a column's values from *f on, which moves behind them. */
static int place_column(struct vae_model *m, size_t c, size_t *f, struct vae_err *err) {
    const struct schema_col *col = &m->schema->col[c];
    for (size_t j = 0; j < col->width; j++) {
        const struct cells *cells = &m->schema->cells[col->v0 + j];
        struct model_feature *v = &m->feature[col->v0 + j];
        *v = (struct model_feature){.column = c, .f0 = *f, .one_hot = cells->n > 0};
        v->place = cells->n > 0 && has_order(col);
        v->value = v->place && col->kind != SCHEMA_ORDINAL;
        v->cycles = col->kind != SCHEMA_TIME ? 0 : (j == 0 ? SCHEMA_WEEK | SCHEMA_YEAR : SCHEMA_DAY) & (col->clock ? col->clock : ~0u);
        for (unsigned bit = v->cycles; bit; bit &= bit - 1)
            v->ncycles++;
        if (v->one_hot && choose_hot(cells, m->schema->rows, v, err))
            return VAE_EOS;
        if (col->kind == SCHEMA_LINE) { /* symbols as they are; how long it is beyond nobody is told */
            v->n = j < line_positions(col);
            *f += v->n;
            continue;
        }
        v->n = (v->one_hot ? v->nhot : !col->clock) + v->place + v->value + 2 * v->ncycles;
        if (!mem_add(*f, v->n, f) || *f > MODEL_MAX_FEATURES)
            return err_set(err, VAE_EDATA, "the columns have too many levels: more than %d in all", MODEL_MAX_FEATURES);
    }
    return 0;
}

/* Conditions stand last, in one piece: decoders are told them, too. */
int model_place_features(struct vae_model *m, struct vae_err *err) {
    const struct schema *s = m->schema;
    m->feature = mem_array(s->d, sizeof *m->feature);
    m->absent = mem_array(s->ncols, sizeof *m->absent);
    m->conditions.value = mem_array(s->d, sizeof *m->conditions.value);
    if (!m->feature || !m->absent || !m->conditions.value)
        return err_set(err, VAE_EOS, "out of memory");
    size_t f = 0, first = 0;
    for (int condition = 0; condition < 2; condition++) {
        first = f;
        for (size_t c = 0; c < s->ncols; c++)
            if (s->col[c].condition == (condition == 1) && place_column(m, c, &f, err))
                return err ? err->code : VAE_EOS;
        for (size_t c = 0; c < s->ncols; c++)
            if (s->col[c].condition == (condition == 1))
                m->absent[c] = condition || m->config.masks ? f++ : SIZE_MAX;
    }
    for (size_t j = 0; j < s->d; j++)
        if (s->col[m->feature[j].column].condition)
            m->conditions.value[m->conditions.width++] = j;
    m->nfeature = f;
    m->ncond = f - first;
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
    static const struct {
        unsigned cycle;
        double turn; /* in the units of the value: days, or seconds of one */
    } all[] = {{SCHEMA_WEEK, WEEK}, {SCHEMA_YEAR, YEAR}, {SCHEMA_DAY, DAY}};
    const struct schema *s = m->schema;
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        if (!(m->feature[j].cycles & all[k].cycle))
            continue;
        for (size_t i = 0; i < n; i++) {
            double raw = s->cells[j].n ? cells_value(&s->cells[j], x[i]) : (double)x[i] * s->scale[j] + s->center[j];
            double turns = raw / all[k].turn;
            float half = isfinite(turns) ? (float)(2 * (turns - floor(turns))) : 0, sine = 0, cosine = 0;
            if (isfinite(turns))
                vm_sincospi(&sine, &cosine, &half, 1);
            f[i] = sine;
            f[ld + i] = cosine;
        }
        f += 2 * ld;
    }
}

/* The features of value j -> to. */
static void value_features(const struct vae_model *m, size_t j, const float *x, float *to, size_t n, size_t ld) {
    const struct model_feature *v = &m->feature[j];
    if (m->line && v->column == (size_t)(m->line - m->schema->col)) {
        memcpy(to, x, v->n * n * sizeof *to);
    } else if (v->one_hot) {
        one_hot(&m->schema->cells[j], v, x, to, n, ld);
    } else if (v->n > 2 * v->ncycles) {
        copy_present(x, to, n);
        if (largest(to, n) > KNEE)
            squash(to, n);
    }
    if (v->cycles)
        cycles(m, j, x, to + (v->n - 2 * v->ncycles) * ld, n, ld);
}

void model_marginal_features(const struct vae_model *m, size_t j, float *f, size_t ld) {
    const struct model_feature *v = &m->feature[j];
    const struct cells *c = &m->schema->cells[j];
    double place = 0, value = 0;
    f += v->f0 * ld;
    for (size_t k = 0; k < v->n; k++)
        f[k * ld] = 0;
    for (size_t l = 0; l < c->nlevels; l++)
        if (v->hot[l] != UINT32_MAX)
            f[v->hot[l] * ld] = (v->value ? BIN_HOT : 1) * (float)c->share[l];
    for (size_t k = 0; k < c->n; k++) {
        double share = c->share[c->level[k]] * c->weight[k];
        place += share * (((double)k + 0.5) * 3.4 / (double)c->n - 1.7);
        value += isfinite(c->value[k]) ? share * (c->value[k] - c->center) / c->spread : 0;
    }
    if (v->place)
        f[v->nhot * ld] = (float)place;
    if (v->value)
        f[(v->nhot + 1) * ld] = (float)value;
}

/* Of all columns, or of the conditions alone; f is where feature f0 goes. */
static void features(const struct vae_model *m, bool conditions, size_t f0, const float *x, float *f, size_t col, size_t n,
                     size_t ld) {
    const struct schema *s = m->schema;
    for (size_t c = 0; c < s->ncols; c++) {
        if (conditions && !s->col[c].condition)
            continue;
        for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
            value_features(m, j, x + j * ld + col, f + (m->feature[j].f0 - f0) * ld + col, n, ld);
        const float *xc = x + s->col[c].v0 * ld + col;
        float *absent = m->absent[c] == SIZE_MAX ? NULL : f + (m->absent[c] - f0) * ld + col;
        for (size_t i = 0; i < n && absent; i++)
            absent[i] = xc[i] == xc[i] ? 0 : 1;
    }
}

void model_features(const struct vae_model *m, const float *x, float *f, size_t col, size_t n, size_t ld) {
    features(m, false, 0, x, f, col, n, ld);
}

void model_condition_features(const struct vae_model *m, const float *x, float *f, size_t col, size_t n, size_t ld) {
    features(m, true, m->nfeature - m->ncond, x, f, col, n, ld);
}
