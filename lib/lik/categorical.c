/*
 * categorical.c - levels by a softmax over the decoder's outputs, and within a level its cells by their weights:
 *
 *   -log p(x | o) = log sum_l exp(o_l) - o_level(x) + cost(cell(x))
 *
 * As `categorical` its mean is the most probable level, as `binned`, for numbers, the expected value.
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "lik/lik.h"

enum { RUN = 64 };

/* The linear and the square term of a binned level's logit: o_l + a t_l + b t_l^2 with the level's place t (cells.h),
 * a and b two more outputs. Neighbouring bins then learn together, as they would under a gaussian. */
static const float *tilt(const struct lik_block *b) { return b->no > b->cells->nlevels ? b->cells->tilt : NULL; }

VM_WIDE static void logits(const struct lik_block *b, const float *o, size_t l, float *to, size_t m, size_t ld) {
    const float *t = tilt(b), *own = o + l * ld, *first = o + b->cells->nlevels * ld, *second = first + ld;
    if (!t) {
        memcpy(to, own, m * sizeof *to);
        return;
    }
    float t1 = t[l], t2 = t1 * t1 / 4;
    for (size_t i = 0; i < m; i++)
        to[i] = own[i] + t1 * first[i] + t2 * second[i];
}

static float logit(const struct lik_block *b, const float *o, size_t l, size_t i, size_t ld) {
    float v;
    logits(b, o + i, l, &v, 1, ld);
    return v;
}

/* top[m] the largest output of each record, log_sum[m] log sum exp(o - top). */
VM_WIDE static void normalise(const struct lik_block *b, const float *o, size_t m, size_t ld, float *top, float *log_sum) {
    float e[RUN], sum[RUN];
    for (size_t i = 0; i < m; i++)
        top[i] = -INFINITY, sum[i] = 0;
    for (size_t l = 0; l < b->cells->nlevels; l++) {
        logits(b, o, l, e, m, ld);
        for (size_t i = 0; i < m; i++)
            top[i] = e[i] > top[i] ? e[i] : top[i];
    }
    for (size_t l = 0; l < b->cells->nlevels; l++) {
        logits(b, o, l, e, m, ld);
        for (size_t i = 0; i < m; i++)
            e[i] -= top[i];
        vm_exp(e, e, m);
        for (size_t i = 0; i < m; i++)
            sum[i] += e[i];
    }
    vm_log(log_sum, sum, m);
}

/* d = scale (softmax - 1[level]), 0 for what is missing; of the tilt what its levels' d say. at[m]: the level, whatever
 * for a missing one. */
VM_WIDE static void gradient(const struct lik_block *b, const float *o, const float *top, const float *log_sum,
                             const float *present, const size_t *level, float scale, float *d, size_t m, size_t ld) {
    size_t levels = b->cells->nlevels;
    const float *t = tilt(b);
    float *first = d + levels * ld, *second = first + ld;
    for (size_t l = 0; l < levels; l++) {
        float *to = d + l * ld;
        logits(b, o, l, to, m, ld);
        for (size_t i = 0; i < m; i++)
            to[i] -= top[i] + log_sum[i];
        vm_exp(to, to, m);
        for (size_t i = 0; i < m; i++)
            to[i] *= scale * present[i];
    }
    for (size_t i = 0; i < m; i++)
        d[level[i] * ld + i] -= scale * present[i];
    if (!t)
        return;
    memset(first, 0, m * sizeof *first);
    memset(second, 0, m * sizeof *second);
    for (size_t l = 0; l < levels; l++) {
        float t1 = t[l], t2 = t1 * t1 / 4;
        for (size_t i = 0; i < m; i++) {
            first[i] += t1 * d[l * ld + i];
            second[i] += t2 * d[l * ld + i];
        }
    }
}

static void levels_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                       float *d, float scale, size_t n, size_t ld) {
    (void)theta;
    const struct cells *c = b->cells;
    float top[RUN], log_sum[RUN], present[RUN];
    size_t level[RUN];
    for (size_t at = 0; at < n; at += RUN) {
        size_t m = n - at < RUN ? n - at : RUN;
        normalise(b, o + at, m, ld, top, log_sum);
        for (size_t i = 0; i < m; i++) {
            present[i] = isnan(x[at + i]) ? 0.0f : 1.0f;
            size_t cell = cells_at(c, x[at + i]);
            level[i] = c->level[cell];
            if (present[i] > 0)
                nll[at + i] += (double)top[i] + (double)log_sum[i] - (double)logit(b, o + at, level[i], i, ld) + c->cost[cell];
        }
        if (d)
            gradient(b, o + at, top, log_sum, present, level, scale, d + at, m, ld);
    }
}

/* The heaviest cell of a level. */
static size_t main_cell(const struct cells *c, size_t level) {
    size_t best = 0;
    double weight = -1;
    for (size_t i = 0; i < c->n; i++)
        if (c->level[i] == level && c->weight[i] > weight)
            best = i, weight = c->weight[i];
    return best;
}

static void categorical_mean(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n,
                             size_t ld) {
    (void)theta;
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t l = 1; l < b->cells->nlevels; l++)
            best = o[l * ld + i] > o[best * ld + i] ? l : best;
        out[i] = (float)main_cell(b->cells, best) + 0.5f;
    }
}

/* P of what is allowed, of record i; with target >= 0 also the cell at which the running sum passes it. The levels' allowed
 * shares are summed cell by cell: a level's cells need not be neighbours. */
static double walk(const struct lik_block *b, const float *o, size_t i, size_t ld, float top, const struct cells_part *a,
                   double target, size_t *cell) {
    const struct cells *c = b->cells;
    double sum = 0;
    for (size_t k = 0; k < c->n; k++) {
        double share = c->weight[k] * cells_share(c, k, a);
        if (!(share > 0))
            continue;
        float e = logit(b, o, c->level[k], i, ld) - top;
        vm_exp(&e, &e, 1);
        sum += (double)e * share;
        if (cell && target >= 0) {
            *cell = k;
            if (sum > target)
                return sum;
        }
    }
    return sum;
}

static void draw(const struct lik_block *b, const float *o, const struct cells_part *a, float *out, uint64_t seed,
                 const uint64_t *rows, size_t n, size_t ld) {
    float top[RUN], log_sum[RUN], drawn[RUN];
    for (size_t at = 0; at < n; at += RUN) {
        size_t m = n - at < RUN ? n - at : RUN;
        normalise(b, o + at, m, ld, top, log_sum);
        for (size_t i = 0; i < m; i++) {
            double u[2];
            size_t cell = b->cells->n;
            rng_uniform(u, 2, seed, RNG_LIK, b->x0, rows[at + i]);
            double all = walk(b, o + at, i, ld, top[i], a, -1, NULL);
            walk(b, o + at, i, ld, top[i], a, u[0] * all, &cell);
            /* nothing allowed has a probability that a float can hold: then what comes first of it */
            for (size_t k = 0; cell == b->cells->n && k < b->cells->n; k++)
                cell = cells_share(b->cells, k, a) > 0 ? k : cell;
            drawn[i] = cell < b->cells->n ? cells_place(b->cells, cell, a, u[1]) : 0.5f;
        }
        memcpy(out + at, drawn, m * sizeof *out);
    }
}

static void levels_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                          const uint64_t *rows, size_t n, size_t ld) {
    (void)theta;
    draw(b, o, NULL, out, seed, rows, n, ld);
}

static void levels_sample_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                                const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n, size_t ld) {
    (void)theta;
    const struct cells_part a = {low, high, set};
    draw(b, o, &a, out, seed, rows, n, ld);
}

static void levels_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                         const bool *set, double *logp, size_t n, size_t ld) {
    (void)theta;
    const struct cells_part a = {low, high, set};
    float top[RUN], log_sum[RUN];
    for (size_t at = 0; at < n; at += RUN) {
        size_t m = n - at < RUN ? n - at : RUN;
        normalise(b, o + at, m, ld, top, log_sum);
        for (size_t i = 0; i < m; i++)
            logp[at + i] += log(walk(b, o + at, i, ld, top[i], &a, -1, NULL)) - (double)log_sum[i];
    }
}

/* The expected value, the blank cell and levels that are never drawn aside. */
static void binned_mean(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    (void)theta;
    const struct cells *c = b->cells;
    for (size_t i = 0; i < n; i++) {
        double sum = 0, value = 0;
        float top = -INFINITY, log_sum;
        normalise(b, o + i, 1, ld, &top, &log_sum);
        for (size_t k = 0; k < c->n - c->blank; k++) {
            if (!(c->weight[k] > 0))
                continue;
            float e = logit(b, o, c->level[k], i, ld) - top;
            vm_exp(&e, &e, 1);
            sum += (double)e * c->weight[k];
            value += (double)e * c->weight[k] * c->value[k];
        }
        out[i] = sum > 0 ? cells_x(c, value / sum) : 0.5f;
    }
}

static void levels_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    (void)theta;
    for (size_t l = 0; l < b->cells->nlevels; l++)
        bias[l] = (float)log(m->level[l] > 1e-6 ? m->level[l] : 1e-6);
    for (size_t l = b->cells->nlevels; l < b->no; l++)
        bias[l] = 0;
}

const struct lik lik_categorical = {
    .name = "categorical", .about = "levels with learned probabilities", .outputs = LIK_EACH_LEVEL, .cells = true,
    .min = -INFINITY, .max = INFINITY, .nll = levels_nll, .mean = categorical_mean, .sample = levels_sample,
    .range = levels_range, .sample_range = levels_sample_range, .start = levels_start,
};

const struct lik lik_binned = {
    .name = "binned", .about = "numbers by learned probabilities of their bins", .outputs = LIK_LEVEL_AND_TILT, .cells = true,
    .min = -INFINITY, .max = INFINITY, .nll = levels_nll, .mean = binned_mean, .sample = levels_sample,
    .range = levels_range, .sample_range = levels_sample_range, .start = levels_start,
};
