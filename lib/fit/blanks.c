/*
 * blanks.c - has it to do with a row's other cells that a cell is missing?
 *
 * For each other column the rows are grouped by its levels, by tenths of its numbers, and by whether it is missing itself.
 * Were cells missing at random, the blanks of the groups would be as many as their share says: Pearson's chi-square, its
 * tail by the cube root (Wilson & Hilferty 1931), with Bonferroni's bound over the columns.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"

enum { TENTHS = 10, MOST_LEVELS = 64, MOST_GROUPS = MOST_LEVELS + 2, LEAST_EXPECTED = 4 };
static const double CHANCE = 0.01, WORK = 2e9; /* of a false alarm for a column; cells looked at, all in all */

struct groups {
    double cut[TENTHS]; /* numbers: the group is how many of these are not above */
    size_t ncuts;
    bool levels;
};

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where column values v are cut; sorted[n] is room. */
static struct groups group_column(const struct fit_rows *r, const struct schema_col *col, size_t step, double *sorted) {
    struct groups g = {.levels = col->levels.n > 0};
    size_t n = 0, d = r->schema->d;
    for (size_t i = 0; i < r->n && !g.levels; i += step)
        if (!isnan(r->raw[i * d + col->v0]))
            sorted[n++] = r->raw[i * d + col->v0];
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t k = 1; k < TENTHS && n; k++) {
        double at = sorted[k * n / TENTHS];
        if (!g.ncuts || at > g.cut[g.ncuts - 1])
            g.cut[g.ncuts++] = at;
    }
    return g;
}

static size_t group_of(const struct groups *g, double v) {
    if (isnan(v))
        return MOST_GROUPS - 1;
    if (g->levels)
        return v < MOST_LEVELS ? (size_t)v : MOST_LEVELS;
    size_t k = 0;
    while (k < g->ncuts && g->cut[k] <= v)
        k++;
    return k;
}

/* Standard deviations by which the blanks of column `of` leave chance, over the groups of column `by`. */
static double surprise(const struct fit_rows *r, const struct schema_col *of, const struct schema_col *by,
                       const struct groups *g, size_t step) {
    double count[MOST_GROUPS + 1] = {0}, blank[MOST_GROUPS + 1] = {0}, n = 0, blanks = 0, square = 0, df = -1;
    size_t d = r->schema->d;
    for (size_t i = 0; i < r->n; i += step) {
        size_t k = group_of(g, r->raw[i * d + by->v0]);
        bool is = isnan(r->raw[i * d + of->v0]);
        count[k]++, n++;
        blank[k] += is, blanks += is;
    }
    double share = blanks / n, less = share < 0.5 ? share : 1 - share;
    for (size_t k = 0; k < MOST_GROUPS; k++) /* groups too small to tell anything are one */
        if (count[k] * less < LEAST_EXPECTED) {
            count[MOST_GROUPS] += count[k], blank[MOST_GROUPS] += blank[k];
            count[k] = 0;
        }
    for (size_t k = 0; k <= MOST_GROUPS; k++)
        if (count[k] * less >= LEAST_EXPECTED) {
            double off = blank[k] - count[k] * share;
            square += off * off / (count[k] * share * (1 - share));
            df++;
        }
    return df < 1 ? -INFINITY : (cbrt(square / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
}

int fit_blanks(const struct fit_rows *r, bool *random, double *share, struct vae_err *err) {
    const struct schema *s = r->schema;
    double rows = WORK / ((double)s->ncols * (double)s->ncols);
    size_t step = (double)r->n > rows ? (size_t)ceil((double)r->n / rows) : 1;
    double *sorted = mem_array(r->n, sizeof *sorted);
    if (!sorted)
        return err_set(err, VAE_EOS, "out of memory for %zu rows", r->n);
    for (size_t of = 0; of < s->ncols; of++) {
        double blanks = 0;
        for (size_t i = 0; i < r->n && s->col[of].missing; i++)
            blanks += isnan(r->raw[i * s->d + s->col[of].v0]);
        share[of] = r->n ? blanks / (double)r->n : 0;
        random[of] = true;
    }
    for (size_t by = 0; by < s->ncols; by++) { /* a column is sorted once, whatever it is asked about */
        struct groups g = group_column(r, &s->col[by], step, sorted);
        for (size_t of = 0; of < s->ncols; of++)
            if (of != by && share[of] > 0 && random[of])
                random[of] = 0.5 * erfc(surprise(r, &s->col[of], &s->col[by], &g, step) / M_SQRT2) * (double)s->ncols > CHANCE;
    }
    free(sorted);
    return 0;
}
