/* marginals.c - columns and pairs of columns against TRAIN's; cells and rows that TRAIN rules out or repeats. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "compare/compare.h"

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The values that are there, ascending; how many. */
static size_t present(const double *v, size_t n, double *out) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i]))
            out[k++] = v[i];
    qsort(out, k, sizeof *out, by_value);
    return k;
}

/* The largest distance of the two empirical distribution functions (Smirnov 1939); a[n], b[m] ascending. */
static double ks_distance(const double *a, size_t n, const double *b, size_t m) {
    double far = 0;
    for (size_t i = 0, j = 0; i < n && j < m;) {
        double at = a[i] < b[j] ? a[i] : b[j];
        while (i < n && a[i] <= at)
            i++;
        while (j < m && b[j] <= at)
            j++;
        far = fmax(far, fabs((double)i / (double)n - (double)j / (double)m));
    }
    return far;
}

static double total_variation(const uint32_t *a, size_t n, const uint32_t *b, size_t m, size_t levels) {
    double sum = 0, *diff = mem_array(levels, sizeof *diff);
    if (!diff)
        return NAN;
    for (size_t i = 0; i < n; i++)
        diff[a[i]] += 1 / (double)n;
    for (size_t i = 0; i < m; i++)
        diff[b[i]] -= 1 / (double)m;
    for (size_t l = 0; l < levels; l++)
        sum += fabs(diff[l]) / 2;
    free(diff);
    return sum;
}

double compare_shape(const struct compare *c, size_t column, size_t t, struct vae_err *err) {
    const struct compare_column *col = &c->col[column];
    size_t n = c->n[COMPARE_TRAIN], m = c->n[t];
    double shape = NAN;
    if (!col->number) {
        shape = 1 - total_variation(col->code[COMPARE_TRAIN], n, col->code[t], m, col->levels.n);
    } else {
        double *a = mem_array(n, sizeof *a), *b = mem_array(m, sizeof *b);
        if (a && b) {
            n = present(col->value[COMPARE_TRAIN], n, a), m = present(col->value[t], m, b);
            shape = m ? 1 - ks_distance(a, n, b, m) : 0;
        }
        free(a), free(b);
    }
    if (isnan(shape))
        err_set(err, VAE_EOS, "out of memory");
    return shape;
}

static double share_missing(const struct compare_column *col, const struct compare *c, size_t t) {
    size_t missing = 0;
    for (size_t i = 0; i < c->n[t]; i++)
        missing += isnan(col->value[t][i]) ? 1 : 0;
    return (double)missing / (double)c->n[t];
}

double compare_missing(const struct compare *c, size_t column, size_t t) {
    const struct compare_column *col = &c->col[column];
    return 1 - fabs(share_missing(col, c, COMPARE_TRAIN) - share_missing(col, c, t));
}

/* ---- pairs ----------------------------------------------------------------------------------------------------- */

/* Pearson's, over the rows where both are there; NaN where there is none. */
static double correlation(const double *x, const double *y, size_t n) {
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i]))
            continue;
        k++;
        double dx = x[i] - mx, dy = y[i] - my;
        mx += dx / (double)k, my += dy / (double)k;
        xx += dx * (x[i] - mx), yy += dy * (y[i] - my), xy += dx * (y[i] - my);
    }
    return k > 1 && xx > 0 && yy > 0 ? xy / sqrt(xx) / sqrt(yy) : NAN;
}

/* Rows in the order of their bins: row[start[b]..start[b + 1]) have bin b. */
struct sorted {
    size_t *start;
    uint32_t *row;
};

static bool sort_rows(const uint32_t *bin, size_t n, size_t nbins, struct sorted *s) {
    s->start = mem_array(nbins + 2, sizeof *s->start);
    s->row = mem_array(n, sizeof *s->row);
    if (!s->start || !s->row)
        return false;
    for (size_t i = 0; i < n; i++)
        s->start[bin[i] + 2]++;
    for (size_t b = 2; b < nbins + 2; b++)
        s->start[b] += s->start[b - 1];
    for (size_t i = 0; i < n; i++)
        s->row[s->start[bin[i] + 1]++] = (uint32_t)i;
    return true;
}

/* Total variation of the joint tables of two columns' bins, the first one's rows sorted; diff[nbins of the second] is 0
 * before and after. */
static double joint_variation(const struct sorted *a, const uint32_t *b, size_t n, const struct sorted *x,
                              const uint32_t *y, size_t m, size_t nbins, double *diff) {
    double sum = 0;
    for (size_t l = 0; l < nbins; l++) {
        for (size_t i = a->start[l]; i < a->start[l + 1]; i++)
            diff[b[a->row[i]]] += 1 / (double)n;
        for (size_t i = x->start[l]; i < x->start[l + 1]; i++)
            diff[y[x->row[i]]] -= 1 / (double)m;
        for (size_t i = a->start[l]; i < a->start[l + 1]; i++)
            sum += fabs(diff[b[a->row[i]]]) / 2, diff[b[a->row[i]]] = 0;
        for (size_t i = x->start[l]; i < x->start[l + 1]; i++)
            sum += fabs(diff[y[x->row[i]]]) / 2, diff[y[x->row[i]]] = 0;
    }
    return sum;
}

struct trend {
    const struct compare *c;
    size_t t;
    double *sum;   /* [ncols] over the pairs with a later column */
    size_t *count; /* [ncols] */
    bool *failed;  /* [ncols] */
};

/* Column j with all later ones. */
static void trend_task(void *ctx, size_t j, size_t worker) {
    (void)worker;
    const struct trend *job = ctx;
    const struct compare *c = job->c;
    const struct compare_column *a = &c->col[j];
    size_t n = c->n[COMPARE_TRAIN], m = c->n[job->t], most = 1;
    struct sorted own = {0}, other = {0};
    for (size_t k = j + 1; k < c->ncols; k++)
        most = c->col[k].nbins > most ? c->col[k].nbins : most;
    double *diff = mem_array(most, sizeof *diff);
    bool ok = diff && sort_rows(a->bin[COMPARE_TRAIN], n, a->nbins, &own) && sort_rows(a->bin[job->t], m, a->nbins, &other);
    for (size_t k = j + 1; k < c->ncols && ok; k++) {
        const struct compare_column *b = &c->col[k];
        double score = NAN;
        if (a->number && b->number) {
            double r = correlation(a->value[COMPARE_TRAIN], b->value[COMPARE_TRAIN], n);
            double s = correlation(a->value[job->t], b->value[job->t], m);
            score = 1 - fabs(r - (isnan(s) ? 0 : s)) / 2;
        } else {
            score = 1 - joint_variation(&own, b->bin[COMPARE_TRAIN], n, &other, b->bin[job->t], m, a->nbins, diff);
        }
        if (!isnan(score))
            job->sum[j] += score, job->count[j]++;
    }
    job->failed[j] = !ok;
    free(diff), free(own.start), free(own.row), free(other.start), free(other.row);
}

int compare_trend(const struct compare *c, size_t t, double *trend, struct vae_err *err) {
    struct trend job = {c, t, mem_array(c->ncols, sizeof(double)), mem_array(c->ncols, sizeof(size_t)),
                        mem_array(c->ncols, sizeof(bool))};
    double sum = 0;
    size_t count = 0;
    bool ok = job.sum && job.count && job.failed;
    if (ok)
        pool_run(c->pool, c->ncols, trend_task, &job);
    for (size_t j = 0; j < c->ncols && ok; j++)
        sum += job.sum[j], count += job.count[j], ok = !job.failed[j];
    *trend = count ? sum / (double)count : NAN; /* one column has no pairs */
    free(job.sum), free(job.count), free(job.failed);
    return ok ? 0 : err_set(err, VAE_EOS, "out of memory");
}

/* ---- cells and rows ---------------------------------------------------------------------------------------------- */

double compare_invalid(const struct compare *c, size_t t) {
    double sum = 0;
    size_t parts = 0, n = c->n[t];
    for (size_t j = 0; j < c->ncols; j++) {
        const struct compare_column *col = &c->col[j];
        double unit = pow(10, col->decimals), unknown = 0, digits = 0, range = 0;
        for (size_t i = 0; i < n && !col->number; i++)
            unknown += col->levels.count[col->code[t][i]] == 0;
        for (size_t i = 0; i < n && col->number; i++) {
            double v = col->value[t][i];
            digits += !isnan(v) && fabs(nearbyint(v * unit) / unit - v) > 1e-9;
            range += isnan(v) ? !col->missing : v < col->low || v > col->high;
        }
        sum += (unknown + digits + range) / (double)n;
        parts += col->number ? 2 : 1;
    }
    return 100 * sum / (double)parts;
}

/* A row as 64 bits; two different rows of a table share them once in 10^19 pairs. */
static uint64_t row_hash(const struct compare *c, size_t t, size_t i) {
    uint64_t h = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t j = 0; j < c->ncols; j++) {
        const struct compare_column *col = &c->col[j];
        uint64_t bits = col->number ? 0 : col->code[t][i];
        if (col->number) {
            double v = isnan(col->value[t][i]) ? NAN : col->value[t][i] + 0.0; /* one NaN, one zero */
            memcpy(&bits, &v, sizeof bits);
        }
        h ^= bits; /* the finaliser of splitmix64 (Steele et al. 2014) */
        h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
        h ^= h >> 31;
        h += UINT64_C(0x9e3779b97f4a7c15);
    }
    return h;
}

static int by_hash(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int compare_same_rows(const struct compare *c, size_t t, double *share, struct vae_err *err) {
    size_t n = c->n[COMPARE_TRAIN], same = 0;
    uint64_t *known = mem_array(n, sizeof *known);
    if (!known)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < n; i++)
        known[i] = row_hash(c, COMPARE_TRAIN, i);
    qsort(known, n, sizeof *known, by_hash);
    for (size_t i = 0; i < c->n[t]; i++) {
        uint64_t h = row_hash(c, t, i);
        same += bsearch(&h, known, n, sizeof h, by_hash) != NULL;
    }
    free(known);
    *share = 100 * (double)same / (double)c->n[t];
    return 0;
}
