/* schema.c - making a schema and learning it from data. */
#include "schema/schema.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { STEP_ROWS = 20000, NSTATS = 7, MAX_VALUES = 1 << 26 /* bytes of the largest frame of a stream */ };

struct schema *schema_empty(size_t ncols, struct vae_err *err) {
    struct schema *s = mem_array(1, sizeof *s);
    if (s)
        s->col = mem_array(ncols ? ncols : 1, sizeof *s->col);
    if (!s || !s->col) {
        free(s);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    s->ncols = ncols;
    return s;
}

void schema_free(struct schema *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->ncols; i++)
        free(s->col[i].name);
    for (size_t i = 0; i < s->nkeep; i++)
        free(s->keep[i]);
    free(s->keep);
    free(s->col);
    free(s->mem);
    json_decref(s->origin);
    free(s);
}

int schema_place(struct schema *s, struct vae_err *err) {
    s->d = 0;
    for (size_t i = 0; i < s->ncols; i++) {
        s->col[i].v0 = s->d;
        if (!s->col[i].transform)
            s->col[i].transform = &schema_standard;
        if (!mem_add(s->d, s->col[i].width, &s->d) || s->d > MAX_VALUES)
            return err_set(err, VAE_EDATA, "too many values in a record");
    }
    size_t n;
    s->mem = mem_mul(s->d, NSTATS, &n) ? mem_array(n, sizeof *s->mem) : NULL;
    if (!s->mem)
        return err_set(err, VAE_EOS, "out of memory for %zu values", s->d);
    double **part[NSTATS] = {&s->center,    &s->scale,      &s->stats.mean, &s->stats.sd,
                             &s->stats.low, &s->stats.high, &s->stats.step};
    for (size_t i = 0; i < NSTATS; i++)
        *part[i] = s->mem + i * s->d;
    return 0;
}

struct schema *schema_new(const struct vae_head *head, struct vae_err *err) {
    size_t nkeep = 0;
    for (size_t i = 0; i < head->nfields; i++)
        nkeep += head->fields[i].keep;
    struct schema *s = schema_empty(head->nfields - nkeep, err);
    if (!s)
        return NULL;
    s->keep = mem_array(nkeep ? nkeep : 1, sizeof *s->keep);
    bool ok = s->keep != NULL;
    size_t c = 0;
    for (size_t i = 0; i < head->nfields && ok; i++) {
        const struct rec_field *f = &head->fields[i];
        char *name = mem_text(f->name, strlen(f->name));
        ok = name != NULL;
        if (f->keep) {
            s->keep[s->nkeep++] = name;
            continue;
        }
        struct schema_col *col = &s->col[c++];
        *col = (struct schema_col){.name = name, .type = f->type, .ndim = f->ndim, .width = f->width};
        memcpy(col->shape, f->shape, sizeof col->shape);
    }
    s->origin = head->origin ? json_deep_copy(head->origin) : json_object();
    if (!ok || !s->origin)
        err_set(err, VAE_EOS, "out of memory");
    else if (!s->ncols)
        err_set(err, VAE_EDATA, "no column is left to model");
    else if (!schema_place(s, err))
        return s;
    schema_free(s);
    return NULL;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The smallest distance between two different values of column j, on at most STEP_ROWS rows spread over the data. */
static double smallest_step(const double *raw, const uint64_t *rows, size_t n, size_t d, size_t j, double *sorted) {
    size_t m = n < STEP_ROWS ? n : STEP_ROWS;
    for (size_t i = 0; i < m; i++)
        sorted[i] = raw[rows[(size_t)((double)i * (double)n / (double)m)] * d + j];
    qsort(sorted, m, sizeof *sorted, by_value);
    double step = 0;
    for (size_t i = 1; i < m; i++) {
        double t = sorted[i] - sorted[i - 1];
        if (t > 0 && (step <= 0 || t < step))
            step = t;
    }
    return step;
}

/* Mean and sd of all values, as parts of their range so that neither large nor small ones leave that of a double. */
static void moments(struct schema_stats *t, const double *raw, const uint64_t *rows, size_t n, size_t d) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double range = t->high[j] - t->low[j], u = range > 0 ? (raw[rows[i] * d + j] - t->low[j]) / range : 0;
            double delta = u - t->mean[j];
            t->mean[j] += delta / (double)(i + 1); /* Welford: no cancellation */
            t->sd[j] += delta * (u - t->mean[j]);
        }
    for (size_t j = 0; j < d; j++) {
        double range = t->high[j] - t->low[j];
        t->mean[j] = t->low[j] + range * t->mean[j];
        t->sd[j] = range * sqrt(t->sd[j] / (double)n);
    }
}

int schema_learn(struct schema *s, const double *raw, const uint64_t *rows, size_t n, struct vae_err *err) {
    size_t d = s->d;
    struct schema_stats *t = &s->stats;
    memset(s->mem, 0, NSTATS * d * sizeof *s->mem);
    for (size_t j = 0; j < d; j++)
        t->low[j] = INFINITY, t->high[j] = -INFINITY;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++) {
            double v = raw[rows[i] * d + j];
            t->low[j] = v < t->low[j] ? v : t->low[j];
            t->high[j] = v > t->high[j] ? v : t->high[j];
        }
    for (size_t j = 0; j < d; j++)
        if (!isfinite(t->high[j] - t->low[j]))
            return err_set(err, VAE_EDATA, "the values of a column are too far apart: from %g to %g", t->low[j],
                           t->high[j]);
    double *sorted = mem_array(n < STEP_ROWS ? n : STEP_ROWS, sizeof *sorted);
    if (!sorted)
        return err_set(err, VAE_EOS, "out of memory");
    moments(t, raw, rows, n, d);
    for (size_t c = 0; c < s->ncols; c++) {
        bool whole = s->col[c].type == REC_U8 || s->col[c].type == REC_I32;
        for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
            t->step[j] = whole ? 1 : smallest_step(raw, rows, n, d, j, sorted);
        s->col[c].transform->learn(&s->col[c], t, s->center, s->scale);
    }
    free(sorted);
    return 0;
}

void schema_to_model(const struct schema *s, const double *raw, const uint64_t *rows, size_t n, float *x) {
    enum { FAR = 1000000 }; /* a value that far out is as odd as any, and its square is still finite */
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < s->d; j++) {
            double v = (raw[(rows ? rows[i] : i) * s->d + j] - s->center[j]) / s->scale[j];
            x[i * s->d + j] = (float)(v > FAR ? FAR : v < -FAR ? -FAR : v);
        }
}

double schema_log_jacobian(const struct schema *s, size_t v0, size_t n) {
    double sum = 0;
    for (size_t j = v0; j < v0 + n; j++)
        sum += log(s->scale[j]);
    return sum;
}
