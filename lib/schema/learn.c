/* learn.c - what a schema learns from training rows: moments, scales, cells; and the way from raw values to the model's. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "schema/schema.h"

enum { STEP_ROWS = 20000 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest distance between two different values of column j, on at most STEP_ROWS rows spread over the data. */
static double smallest_step(const double *raw, const uint64_t *rows, size_t n, size_t d, size_t j, double *sorted) {
    size_t m = n < STEP_ROWS ? n : STEP_ROWS;
    size_t have = 0;
    for (size_t i = 0; i < m; i++) {
        double v = raw[rows[(size_t)((double)i * (double)n / (double)m)] * d + j];
        sorted[have] = v;
        have += isnan(v) ? 0 : 1;
    }
    qsort(sorted, have, sizeof *sorted, by_value);
    double step = 0;
    for (size_t i = 1; i < have; i++) {
        double t = sorted[i] - sorted[i - 1];
        if (t > 0 && (step <= 0 || t < step))
            step = t;
    }
    return step;
}

/* Mean and sd of the values that are there, as parts of their range so that neither large nor small ones leave that of a
 * double. */
static void moments(struct schema_stats *t, const double *raw, const uint64_t *rows, size_t n, size_t d, size_t *have) {
    memset(have, 0, d * sizeof *have);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double v = raw[rows[i] * d + j];
            if (isnan(v))
                continue;
            double range = t->high[j] - t->low[j], u = range > 0 ? (v - t->low[j]) / range : 0;
            double delta = u - t->mean[j];
            t->mean[j] += delta / (double)++have[j]; /* Welford: no cancellation */
            t->sd[j] += delta * (u - t->mean[j]);
        }
    for (size_t j = 0; j < d; j++) {
        double range = t->high[j] - t->low[j];
        t->mean[j] = t->low[j] + range * t->mean[j];
        t->sd[j] = have[j] ? range * sqrt(t->sd[j] / (double)have[j]) : 0;
    }
}

/* Smallest and largest value; 0 and 0 where there is none. */
static int extremes(struct schema_stats *t, const double *raw, const uint64_t *rows, size_t n, size_t d,
                    struct vae_err *err) {
    for (size_t j = 0; j < d; j++)
        t->low[j] = INFINITY, t->high[j] = -INFINITY;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double v = raw[rows[i] * d + j];
            t->low[j] = v < t->low[j] ? v : t->low[j];
            t->high[j] = v > t->high[j] ? v : t->high[j];
        }
    for (size_t j = 0; j < d; j++) {
        if (t->low[j] > t->high[j])
            t->low[j] = t->high[j] = 0;
        if (!isfinite(t->high[j] - t->low[j]))
            return err_set(err, VAE_EDATA, "the values of a column are too far apart: from %g to %g", t->low[j],
                           t->high[j]);
    }
    return 0;
}

/* All training values of j that are there, in order -> sorted; how many. */
static size_t in_order(const struct schema *s, size_t j, const double *raw, const uint64_t *rows, size_t n, double *sorted) {
    size_t have = 0;
    for (size_t i = 0; i < n; i++) {
        double v = raw[rows[i] * s->d + j];
        sorted[have] = v;
        have += isnan(v) ? 0 : 1;
    }
    qsort(sorted, have, sizeof *sorted, by_value);
    return have;
}

/* The cells of value j of a column, from all its training values in order. */
static int cut(struct schema *s, const struct schema_col *col, size_t j, const double *raw, const uint64_t *rows,
               size_t n, size_t bins, double *sorted, struct vae_err *err) {
    size_t have = in_order(s, j, raw, rows, n, sorted);
    cells_free(&s->cells[j]);
    s->center[j] = 0, s->scale[j] = 1;
    return col->transform->cut(col, sorted, have, n - have, bins, s->stats.step[j], &s->cells[j], err);
}

/* Times of two values: a day and a second that are both in range need not be so together. */
static void spans(struct schema *s, const double *raw, const uint64_t *rows, size_t n) {
    for (size_t c = 0; c < s->ncols; c++) {
        struct schema_col *col = &s->col[c];
        bool any = false;
        col->earliest = -INFINITY, col->latest = INFINITY;
        for (size_t i = 0; i < n && col->kind == SCHEMA_TIME && col->width == 2; i++) {
            const double *v = raw + rows[i] * s->d + col->v0;
            double at = v[0] * 86400 + v[1];
            if (isnan(at))
                continue;
            col->earliest = any && col->earliest < at ? col->earliest : at;
            col->latest = any && col->latest > at ? col->latest : at;
            any = true;
        }
    }
}

int schema_learn(struct schema *s, const double *raw, const uint64_t *rows, size_t n, size_t bins, struct vae_err *err) {
    size_t d = s->d;
    s->rows = n;
    struct schema_stats *t = &s->stats;
    memset(s->mem, 0, SCHEMA_NSTATS * d * sizeof *s->mem);
    int r = extremes(t, raw, rows, n, d, err);
    if (r)
        return r;
    double *sorted = mem_array(n, sizeof *sorted);
    size_t *have = mem_array(d, sizeof *have);
    if (!sorted || !have) {
        free(sorted), free(have);
        return err_set(err, VAE_EOS, "out of memory");
    }
    moments(t, raw, rows, n, d, have);
    spans(s, raw, rows, n);
    for (size_t c = 0; c < s->ncols && !r; c++) {
        struct schema_col *col = &s->col[c];
        bool whole = col->type == REC_U8 || col->type == REC_I32;
        for (size_t j = col->v0; j < col->v0 + col->width; j++)
            t->step[j] = whole || col->kind == SCHEMA_LINE ? 1 : smallest_step(raw, rows, n, d, j, sorted);
        if (col->transform->learn)
            col->transform->learn(col, t, s->center, s->scale);
        for (size_t j = col->v0; j < col->v0 + col->width && col->transform->cut && !r; j++)
            r = cut(s, col, j, raw, rows, n, bins, sorted, err);
        col->missing_share = n && col->width == 1 ? 1 - (double)have[col->v0] / (double)n : 0;
        if (col->width == 1 && col->kind != SCHEMA_TIME && !col->transform->cut)
            tenths_learn(&col->tenths, sorted, in_order(s, col->v0, raw, rows, n, sorted));
    }
    free(sorted), free(have);
    return r;
}

double schema_step(const struct schema *s, size_t c) {
    const struct schema_col *col = &s->col[c];
    double step = INFINITY;
    if (col->type == REC_UTF8 && col->decimals >= 0)
        return pow(10, -col->decimals);
    for (size_t j = col->v0; j < col->v0 + col->width; j++)
        step = s->stats.step[j] > 0 && s->stats.step[j] < step ? s->stats.step[j] : step;
    return isfinite(step) ? step : s->scale[col->v0];
}

/* Standardised, a value that far out is as odd as any, and its square is still finite. Counts stay what they are. */
static double farthest(const struct schema_col *c) { return c->transform == &schema_none ? (double)FLT_MAX : 1e6; }

float schema_x(const struct schema *s, const struct schema_col *col, size_t j, double raw) {
    double far = farthest(col), v = (raw - s->center[j]) / s->scale[j];
    return s->cells[j].n ? cells_x(&s->cells[j], raw) : (float)(v > far ? far : v < -far ? -far : v);
}

double schema_raw(const struct schema *s, size_t j, float x) {
    return s->cells[j].n ? cells_value(&s->cells[j], x) : (double)x * s->scale[j] + s->center[j];
}

void schema_to_model(const struct schema *s, const double *raw, const uint64_t *rows, size_t n, float *x) {
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < s->ncols; c++)
            for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
                x[i * s->d + j] = schema_x(s, &s->col[c], j, raw[(rows ? rows[i] : i) * s->d + j]);
}

double schema_log_jacobian(const struct schema *s, size_t v0, size_t n) {
    double sum = 0;
    for (size_t j = v0; j < v0 + n; j++)
        sum += s->cells[j].n ? 0 : log(s->scale[j]);
    return sum;
}
