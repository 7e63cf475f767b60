/*
 * ordinal.c - levels with an order, by cumulative logits (McCullagh 1980, "Regression models for ordinal data"):
 *
 *   P(level <= l | o) = sigmoid(c_l - o),  l = 0 .. L-2,   c ascending
 *
 * One output a column; the cuts c are free parameters. Within a level cells share by their weights, as everywhere.
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "lik/lik.h"
#include "lik/logistic.h"

static const double GAP = 1e-4; /* cuts stay apart */

/* Bounds of level l in t = c - o; the outermost are infinite. */
static void bounds(const struct cells *c, const float *theta, size_t l, double o, double *low, double *high) {
    *low = l == 0 ? -INFINITY : (double)theta[l - 1] - o;
    *high = l + 1 == c->nlevels ? INFINITY : (double)theta[l] - o;
}

static double level_logp(const struct cells *c, const float *theta, size_t l, double o) {
    double low, high;
    bounds(c, theta, l, o, &low, &high);
    return logistic_log_between(low, high);
}

/* d log p / d(low), d(high) in t: in logs, as far out p and the slope both leave what a double holds, their ratio does not. */
static void slopes(double low, double high, double *dlow, double *dhigh) {
    double logp = logistic_log_between(low, high);
    *dlow = isinf(low) ? 0 : -exp(logistic_log_slope(low) - logp);
    *dhigh = isinf(high) ? 0 : exp(logistic_log_slope(high) - logp);
}

static void ordinal_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                        float *d, float scale, size_t n, size_t ld) {
    (void)ld;
    for (size_t i = 0; i < n; i++) {
        if (d)
            d[i] = 0;
        if (isnan(x[i]))
            continue;
        double low, high, dlow, dhigh;
        size_t cell = cells_at(b->cells, x[i]);
        bounds(b->cells, theta, b->cells->level[cell], (double)o[i], &low, &high);
        nll[i] -= logistic_log_between(low, high) - b->cells->cost[cell];
        slopes(low, high, &dlow, &dhigh);
        if (d)
            d[i] = (float)((double)scale * (dlow + dhigh)); /* both bounds move by -o, nll is -log p */
    }
}

static void ordinal_grad(const struct lik_block *b, const float *x, const float *o, const float *theta,
                         const float *weight, float *dtheta, float scale, size_t n, size_t ld) {
    (void)ld;
    memset(dtheta, 0, b->nw * sizeof *dtheta);
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            continue;
        double low, high, dlow, dhigh;
        size_t l = b->cells->level[cells_at(b->cells, x[i])];
        bounds(b->cells, theta, l, (double)o[i], &low, &high);
        slopes(low, high, &dlow, &dhigh);
        double count = (double)scale * lik_weight(weight, i);
        if (l > 0)
            dtheta[l - 1] -= (float)(count * dlow);
        if (l + 1 < b->cells->nlevels)
            dtheta[l] -= (float)(count * dhigh);
    }
}

/* P of cell k and the part of it that is allowed. */
static double cell_p(const struct lik_block *b, const float *theta, size_t k, double o, const struct cells_part *part) {
    double share = b->cells->weight[k] * cells_share(b->cells, k, part);
    return share > 0 ? share * exp(level_logp(b->cells, theta, b->cells->level[k], o)) : 0;
}

static void ordinal_mean(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    (void)ld;
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        double most = -1;
        for (size_t k = 0; k < b->cells->n; k++) {
            double p = cell_p(b, theta, k, (double)o[i], NULL);
            if (p > most)
                most = p, best = k;
        }
        out[i] = (float)best + 0.5f;
    }
}

static void ordinal_levels(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    for (size_t l = 0; l < b->cells->nlevels; l++)
        for (size_t i = 0; i < n; i++)
            out[l * ld + i] = (float)exp(level_logp(b->cells, theta, l, (double)o[i]));
}

static void draw(const struct lik_block *b, const float *o, const float *theta, const struct cells_part *part, float *out,
                 uint64_t seed, const uint64_t *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double u[2], all = 0, sum = 0;
        size_t k = 0, last = b->cells->n;
        rng_uniform(u, 2, seed, RNG_LIK, b->x0, rows[i]);
        for (k = 0; k < b->cells->n; k++)
            all += cell_p(b, theta, k, (double)o[i], part);
        for (k = 0; k < b->cells->n && (last == b->cells->n || sum <= u[0] * all); k++) {
            double p = cell_p(b, theta, k, (double)o[i], part);
            sum += p;
            last = p > 0 ? k : last;
        }
        for (k = 0; last == b->cells->n && k < b->cells->n; k++)
            last = cells_share(b->cells, k, part) > 0 ? k : last;
        out[i] = cells_place(b->cells, last < b->cells->n ? last : 0, part, u[1]);
    }
}

static void ordinal_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                           const uint64_t *rows, size_t n, size_t ld) {
    (void)ld;
    draw(b, o, theta, NULL, out, seed, rows, n);
}

static void ordinal_sample_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                                 const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n, size_t ld) {
    (void)ld;
    const struct cells_part part = {low, high, set};
    draw(b, o, theta, &part, out, seed, rows, n);
}

static void ordinal_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                          const bool *set, double *logp, size_t n, size_t ld) {
    (void)ld;
    const struct cells_part part = {low, high, set};
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < b->cells->n; k++)
            sum += cell_p(b, theta, k, (double)o[i], &part);
        logp[i] += log(sum);
    }
}

static void ordinal_project(const struct lik_block *b, const struct lik_marginals *m, float *theta) {
    (void)m;
    for (size_t l = 1; l < b->nw; l++)
        if (!((double)theta[l] >= (double)theta[l - 1] + GAP))
            theta[l] = (float)((double)theta[l - 1] + GAP * 2);
}

/* Cuts in disorder would make probabilities negative. */
static bool ordinal_sound(const struct lik_block *b, const float *theta) {
    bool ascending = true;
    for (size_t l = 1; l < b->nw; l++)
        ascending = ascending && theta[l] > theta[l - 1];
    return ascending;
}

static void ordinal_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    double sum = 0;
    bias[0] = 0;
    for (size_t l = 0; l < b->nw; l++) {
        sum += m->level[l];
        double p = fmin(fmax(sum, 1e-6), 1 - 1e-6);
        theta[l] = (float)log(p / (1 - p));
    }
    ordinal_project(b, m, theta);
}

const struct lik lik_ordinal = {
    .name = "ordinal", .about = "levels with an order, by cumulative logits", .outputs = 1, .params = LIK_EACH_CUT,
    .cells = true, .min = -INFINITY, .max = INFINITY, .nll = ordinal_nll, .grad = ordinal_grad, .mean = ordinal_mean,
    .levels = ordinal_levels,
    .sample = ordinal_sample, .range = ordinal_range, .sample_range = ordinal_sample_range, .start = ordinal_start,
    .project = ordinal_project, .sound = ordinal_sound,
};
