/* cells.c - places in the cells of a column. */
#include "base/cells.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

int cells_new(struct cells *c, size_t n, struct vae_err *err) {
    *c = (struct cells){0};
    if (n == 0 || n > CELLS_MAX)
        return err_set(err, VAE_EDATA, "a column has a senseless number of cells: %zu", n);
    enum { NDOUBLES = 6 };
    double *p = mem_array(n, NDOUBLES * sizeof *p + sizeof *c->place + sizeof *c->level);
    if (!p)
        return err_set(err, VAE_EOS, "out of memory for %zu cells", n);
    c->mem = p;
    c->n = n;
    c->low = p, c->high = p + n, c->weight = p + 2 * n, c->cost = p + 3 * n, c->value = p + 4 * n, c->share = p + 5 * n;
    c->level = (uint32_t *)(p + NDOUBLES * n);
    c->place = (float *)(c->level + n);
    return 0;
}

void cells_free(struct cells *c) {
    free(c->mem);
    *c = (struct cells){0};
}

void cells_finish(struct cells *c, double step, double rare) {
    for (size_t i = 0; i < c->n; i++) {
        double w = c->weight[i] > 0 ? c->weight[i] : rare, width = c->high[i] - c->low[i];
        bool atom = !(width > 0);
        width = atom ? (step > 0 ? step : 1) : width;
        c->cost[i] = log(width) - log(w); /* neither quotient nor sum may leave what a double holds */
        c->value[i] = atom ? c->low[i] : fmin(fmax(0.5 * c->low[i] + 0.5 * c->high[i], c->low[i]), c->high[i]);
    }
    if (c->blank) {
        size_t last = c->n - 1;
        c->low[last] = c->high[last] = c->value[last] = NAN;
        c->cost[last] = 0; /* there is no value whose density could count */
    }
    cells_moments(c);
}

void cells_moments(struct cells *c) {
    double sum = 0, mean = 0, square = 0;
    for (size_t i = 0; i < c->n - c->blank; i++) {
        double w = c->share[c->level[i]] * c->weight[i];
        sum += w, mean += w * c->value[i];
    }
    c->center = sum > 0 ? mean / sum : c->value[0];
    for (size_t i = 0; i < c->n - c->blank; i++) {
        double off = c->value[i] - c->center;
        square += c->share[c->level[i]] * c->weight[i] * off * off;
    }
    c->spread = square > 0 && sum > 0 ? sqrt(square / sum) : 1;
    if (!isfinite(c->center) || !isfinite(c->spread)) /* values at the end of what a double holds */
        c->center = 0, c->spread = DBL_MAX;
    for (size_t l = 0; l < c->nlevels; l++)
        c->place[l] = 0;
    for (size_t i = 0; i < c->n - c->blank; i++)
        c->place[c->level[i]] += (float)(c->weight[i] * (c->value[i] - c->center) / c->spread);
    for (size_t l = 0; l < c->nlevels; l++) { /* far ones on a log scale, as the encoder sees them */
        float far = fabsf(c->place[l]);
        c->place[l] = far > 4 ? copysignf(4 + logf(far - 3), c->place[l]) : c->place[l];
    }
}

int cells_check(const struct cells *c, struct vae_err *err) {
    size_t n = c->n - c->blank;
    bool ok = c->n > 0 && c->nlevels > 0 && c->nlevels <= c->n && (!c->blank || c->n > 1);
    double before = -INFINITY, total = 0, *sum = mem_array(c->nlevels ? c->nlevels : 1, sizeof *sum);
    if (!sum)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < c->n && ok; i++) {
        ok = c->level[i] < c->nlevels && c->weight[i] >= 0 && c->weight[i] <= 1.000001 && isfinite(c->cost[i]);
        if (i < n) {
            ok = ok && isfinite(c->low[i]) && isfinite(c->high[i]) && c->low[i] >= before && c->high[i] >= c->low[i] &&
                 c->value[i] >= c->low[i] && c->value[i] <= c->high[i];
            before = c->high[i];
        }
        if (ok)
            sum[c->level[i]] += c->weight[i];
    }
    for (size_t l = 0; l < c->nlevels && ok; l++) {
        ok = (fabs(sum[l] - 1) < 1e-6 || sum[l] < 1e-9) && c->share[l] >= 0 && c->share[l] <= 1.000001;
        total += c->share[l];
    }
    free(sum);
    return ok && fabs(total - 1) < 1e-6 ? 0 : err_set(err, VAE_EDATA, "the cells of a column make no sense");
}

float cells_x(const struct cells *c, double v) {
    size_t n = c->n - c->blank, low = 0, high = n - 1;
    if (isnan(v))
        return NAN;
    while (low < high) { /* the last cell that does not begin above v */
        size_t mid = (low + high + 1) / 2;
        if (c->low[mid] <= v)
            low = mid;
        else
            high = mid - 1;
    }
    /* an atom that stands where an interval begins, or ends, has the value for itself */
    if (low > 0 && c->low[low] == v && c->high[low - 1] == c->low[low - 1] && c->low[low - 1] == v)
        low--;
    double width = c->high[low] - c->low[low];
    if (v > c->high[low] && low + 1 < n && c->low[low + 1] - v < v - c->high[low])
        low++, width = c->high[low] - c->low[low];
    if (!(width > 0))
        return (float)low + 0.5f;
    double u = (v - c->low[low]) / width;
    float x = (float)((double)low + (u < 0 ? 0 : u > 1 ? 1 : u));
    float top = nextafterf((float)low + 1, 0);
    return x > top ? top : x;
}

double cells_value(const struct cells *c, float x) {
    if (isnan(x))
        return NAN;
    size_t i = cells_at(c, x);
    double u = (double)x - (double)i;
    return c->low[i] + (u < 0 ? 0 : u > 1 ? 1 : u) * (c->high[i] - c->low[i]);
}

double cells_share(const struct cells *c, size_t i, const struct cells_part *part) {
    if (!part)
        return 1;
    if (part->set && !part->set[i])
        return 0;
    if (c->blank && i + 1 == c->n) /* it has no place in a range */
        return part->set && !(part->low > -INFINITY) && !(part->high < INFINITY);
    double width = c->high[i] - c->low[i];
    if (!(width > 0))
        return c->low[i] >= part->low && c->low[i] <= part->high;
    double low = c->low[i] > part->low ? c->low[i] : part->low, high = c->high[i] < part->high ? c->high[i] : part->high;
    return high > low ? (high - low) / width : 0;
}

float cells_place(const struct cells *c, size_t i, const struct cells_part *part, double u) {
    double width = c->high[i] - c->low[i], low = 0, high = 1;
    if (!(width > 0))
        return (float)i + 0.5f;
    if (part) {
        low = part->low > c->low[i] ? (part->low - c->low[i]) / width : 0;
        high = part->high < c->high[i] ? (part->high - c->low[i]) / width : 1;
    }
    float x = (float)((double)i + low + u * (high - low)), last = nextafterf((float)i + 1, 0);
    return x > last ? last : x;
}
