/* components.c - where the points of a scatter stand: two columns, or the first two principal components of many. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "report/axis.h"
#include "report/points.h"

/* Columns that hold numbers, and nothing else, in the sample: use[]; those that vary where there are two of them, else
 * any. */
static size_t find_numbers(const struct points *p, size_t *use) {
    for (int varied = 1; varied >= 0; varied--) {
        size_t n = 0;
        for (size_t j = 0; j < p->d; j++) {
            double low = INFINITY, high = -INFINITY;
            for (size_t i = 0; i < p->n; i++)
                range_add(&low, &high, p->v[i * p->d + j]);
            if (!p->text[j] && (varied ? low < high : low <= high))
                use[n++] = j;
        }
        if (n >= 2 || !varied)
            return varied || n < 2 ? n : 2;
    }
    return 0;
}

/* Leaves the records that have all of the n columns. */
static void keep_whole(struct points *p, const size_t *use, size_t n) {
    size_t m = 0;
    for (size_t i = 0; i < p->n; i++) {
        bool whole = true;
        for (size_t j = 0; j < n && whole; j++)
            whole = !isnan(p->v[i * p->d + use[j]]);
        if (!whole)
            continue;
        memmove(p->v + m * p->d, p->v + i * p->d, p->d * sizeof *p->v);
        memmove(p->label[m], p->label[i], sizeof p->label[m]);
        p->shade[m++] = p->shade[i];
    }
    p->without += p->n - m, p->seen -= p->n - m;
    p->n = m;
}

static double largest(const struct points *p, size_t column) {
    double most = 0;
    for (size_t i = 0; i < p->n; i++)
        most = fmax(most, fabs(p->v[i * p->d + column]));
    return most > 0 ? most : 1;
}

/* x[n,k] = the k columns, each less its mean, over its standard deviation, or in the unit that is returned where they
 * are latents, so that nothing is too large for a float. */
static double standardise(const struct points *p, const size_t *use, size_t k, float *x) {
    double common = 0;
    for (size_t j = 0; j < k && p->latents; j++)
        common = fmax(common, largest(p, use[j]));
    for (size_t j = 0; j < k; j++) {
        double unit = p->latents ? common : largest(p, use[j]), mean = 0, square = 0;
        for (size_t i = 0; i < p->n; i++)
            mean += p->v[i * p->d + use[j]] / unit / (double)p->n;
        for (size_t i = 0; i < p->n; i++) {
            double v = p->v[i * p->d + use[j]] / unit - mean;
            square += v * v / (double)p->n;
        }
        double sd = p->latents || square <= 0 ? 1 : sqrt(square);
        for (size_t i = 0; i < p->n; i++)
            x[i * k + j] = (float)((p->v[i * p->d + use[j]] / unit - mean) / sd);
    }
    return p->latents ? common : 1;
}

/* Component c (0: the first) of x[n,k] in multiples of `unit` from the eigenvectors u[k,k], those of the largest values
 * last. Of the two directions that it might have, the one in which its largest part is positive. */
static void project(const float *x, size_t n, size_t k, const double *u, size_t c, double unit, double *xy) {
    u += (k - 1 - c) * k;
    size_t most = 0;
    for (size_t j = 0; j < k; j++)
        most = fabs(u[j]) > fabs(u[most]) ? j : most;
    unit = u[most] < 0 ? -unit : unit;
    for (size_t i = 0; i < n; i++) {
        double t = 0;
        for (size_t j = 0; j < k; j++)
            t += u[j] * (double)x[i * k + j];
        xy[2 * i + c] = unit * t;
    }
}

static int place_components(const struct points *p, const size_t *use, size_t k, struct points_axes *a,
                            struct vae_err *err) {
    float *x = mem_floats(p->n * k);
    double *mean = mem_array(2 * k, sizeof *mean), *u = mem_array(k * k, sizeof *u), *w = mean ? mean + k : NULL;
    int rc = x && mean && u ? mat_open(err) : err_set(err, VAE_EOS, "out of memory");
    double all = 0, unit = rc ? 1 : standardise(p, use, k, x);
    rc = rc ? rc : mat_covariance(x, p->n, k, mean, u, err);
    rc = rc ? rc : mat_eigh(k, u, w, err);
    for (size_t j = 0; j < k && !rc; j++)
        all += w[j] > 0 ? w[j] : 0;
    for (size_t c = 0; c < 2 && !rc; c++) {
        project(x, p->n, k, u, c, unit, a->xy);
        snprintf(a->name[c], sizeof a->name[c], "component %zu of %zu %s: %.0f %% of variance", c + 1, k,
                 p->latents ? "latents" : "columns, standardised", all > 0 ? 100 * fmax(w[k - 1 - c], 0) / all : 0);
    }
    free(x), free(mean), free(u);
    return rc;
}

int points_place(struct points *p, struct points_axes *a, struct vae_err *err) {
    size_t *use = mem_array(p->d < 2 ? 2 : p->d, sizeof *use), k = 2, n = p->n;
    a->xy = mem_array(2 * n, sizeof *a->xy);
    if (!use || !a->xy) {
        free(use);
        return err_set(err, VAE_EOS, "out of memory");
    }
    use[1] = 1;
    if (!p->named)
        k = find_numbers(p, use);
    keep_whole(p, use, k);
    int rc = 0;
    if (n && k < 2)
        rc = err_set(err, VAE_EDATA, "a scatter needs two columns of numbers, there %s", k ? "is one" : "is none");
    else if (!p->n)
        rc = err_set(err, VAE_EDATA,
                     p->seen + p->without == 0 ? "no records to draw"
                     : p->named                ? "no record has numbers in both columns"
                                               : "no record has numbers in all columns; name two (--scatter X,Y)");
    else if (k > 2)
        rc = place_components(p, use, k, a, err);
    for (size_t c = 0; c < 2 && !rc && k == 2; c++) {
        column_name(p->head, &p->column[use[c]], a->name[c]);
        for (size_t i = 0; i < p->n; i++)
            a->xy[2 * i + c] = p->v[i * p->d + use[c]];
    }
    free(use);
    return rc;
}
