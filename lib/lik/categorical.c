/*
 * categorical.c - levels by a softmax over the decoder's outputs, and within a level its cells by their weights:
 *
 *   -log p(x | o) = log sum_l exp(o_l) - o_level(x) + cost(cell(x))
 *
 * As `categorical` its mean is the most probable level, as `binned`, for numbers, the expected value, an output of its own.
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "lik/lik.h"

enum { RUN = 64 };

/*
 * A binned level's logit is o_l - ((t_l - m) / s)^2 / 2 with the level's place t (cells.h), m and log s two more outputs: a
 * normal that the levels correct. Where values can be told well, neighbouring bins then learn together, as they would
 * under a gaussian; a blank cell has no place and stands apart. bell: the normals of a run of records.
 */
struct bell {
    bool on;
    float mean[RUN], rate[RUN]; /* m, 1/s */
};
static const float GUIDE = 5; /* of a squared error, beside nats: a normal of .45 standard deviations */
static const float LOG_S_MIN = -4, LOG_S_MAX = 3;

VM_WIDE static void bell_init(const struct lik_block *b, const float *o, struct bell *bell, size_t m, size_t ld) {
    size_t levels = b->cells->nlevels;
    bell->on = b->no > levels;
    if (!bell->on)
        return;
    const float *mean = o + levels * ld, *log_s = mean + ld;
    for (size_t i = 0; i < m; i++) {
        float s = log_s[i] < LOG_S_MIN ? LOG_S_MIN : log_s[i] > LOG_S_MAX ? LOG_S_MAX : log_s[i];
        bell->mean[i] = mean[i], bell->rate[i] = -s;
    }
    vm_exp(bell->rate, bell->rate, m);
}

/* Has level l a place? */
static bool placed(const struct lik_block *b, const struct bell *bell, size_t l) {
    return bell->on && !(b->cells->blank && l + 1 == b->cells->nlevels);
}

VM_WIDE static void logits(const struct lik_block *b, const float *o, const struct bell *bell, size_t l, float *to, size_t m,
                           size_t ld) {
    const float *own = o + l * ld;
    if (!placed(b, bell, l)) {
        memcpy(to, own, m * sizeof *to);
        return;
    }
    float t = b->cells->place[l];
    for (size_t i = 0; i < m; i++) {
        float off = (t - bell->mean[i]) * bell->rate[i];
        to[i] = own[i] - 0.5f * off * off;
    }
}

/* The logit of level l of record i of the run at o. */
static float logit(const struct lik_block *b, const float *o, const struct bell *bell, size_t l, size_t i, size_t ld) {
    float own = o[l * ld + i];
    if (!placed(b, bell, l))
        return own;
    float off = (b->cells->place[l] - bell->mean[i]) * bell->rate[i];
    return own - 0.5f * off * off;
}

/* top[m] the largest output of each record, log_sum[m] log sum exp(o - top). */
VM_WIDE static void normalise(const struct lik_block *b, const float *o, const struct bell *bell, size_t m, size_t ld,
                              float *top, float *log_sum) {
    float e[RUN], sum[RUN];
    for (size_t i = 0; i < m; i++)
        top[i] = -INFINITY, sum[i] = 0;
    for (size_t l = 0; l < b->cells->nlevels; l++) {
        logits(b, o, bell, l, e, m, ld);
        for (size_t i = 0; i < m; i++)
            top[i] = e[i] > top[i] ? e[i] : top[i];
    }
    for (size_t l = 0; l < b->cells->nlevels; l++) {
        logits(b, o, bell, l, e, m, ld);
        for (size_t i = 0; i < m; i++)
            e[i] -= top[i];
        vm_exp(e, e, m);
        for (size_t i = 0; i < m; i++)
            sum[i] += e[i];
    }
    vm_log(log_sum, sum, m);
}

/* A run of records: those from `at` on, and what their levels have in common. */
struct run {
    size_t at, m;
    struct bell bell;
    float top[RUN], log_sum[RUN]; /* log sum exp of the logits is their sum */
};

/* The run at r->at of n records; false: that is behind the last. */
static bool run_take(const struct lik_block *b, const float *o, size_t n, size_t ld, struct run *r) {
    if (r->at >= n)
        return false;
    r->m = n - r->at < RUN ? n - r->at : RUN;
    bell_init(b, o + r->at, &r->bell, r->m, ld);
    normalise(b, o + r->at, &r->bell, r->m, ld, r->top, r->log_sum);
    return true;
}

/* Of m and log s, what the levels' d say. A log s at its end moves only back. */
VM_WIDE static void bell_gradient(const struct lik_block *b, const float *o, const struct bell *bell, float *d, size_t m,
                                  size_t ld) {
    size_t levels = b->cells->nlevels;
    const float *log_s = o + (levels + 1) * ld;
    float *mean = d + levels * ld, *spread = mean + ld;
    for (size_t k = levels; k < b->no; k++)
        memset(d + k * ld, 0, m * sizeof *d);
    for (size_t l = 0; l < levels; l++) {
        if (!placed(b, bell, l))
            continue;
        float t = b->cells->place[l];
        for (size_t i = 0; i < m; i++) {
            float off = (t - bell->mean[i]) * bell->rate[i];
            mean[i] += d[l * ld + i] * off * bell->rate[i];
            spread[i] += d[l * ld + i] * off * off;
        }
    }
    for (size_t i = 0; i < m; i++)
        if ((log_s[i] < LOG_S_MIN && spread[i] > 0) || (log_s[i] > LOG_S_MAX && spread[i] < 0))
            spread[i] = 0;
}

/* d = scale (softmax - 1[level]), 0 for what is missing. level[m]: whatever for a missing one. */
VM_WIDE static void gradient(const struct lik_block *b, const float *o, const struct run *r, const float *present,
                             const size_t *level, float scale, float *d, size_t ld) {
    size_t m = r->m;
    for (size_t l = 0; l < b->cells->nlevels; l++) {
        float *to = d + l * ld;
        logits(b, o, &r->bell, l, to, m, ld);
        for (size_t i = 0; i < m; i++)
            to[i] -= r->top[i] + r->log_sum[i];
        vm_exp(to, to, m);
        for (size_t i = 0; i < m; i++)
            to[i] *= scale * present[i];
    }
    for (size_t i = 0; i < m; i++)
        d[level[i] * ld + i] -= scale * present[i];
    if (r->bell.on)
        bell_gradient(b, o, &r->bell, d, m, ld);
}

static void levels_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                       float *d, float scale, size_t n, size_t ld) {
    (void)theta;
    const struct cells *c = b->cells;
    float present[RUN];
    size_t level[RUN];
    struct run r;
    for (r.at = 0; run_take(b, o, n, ld, &r); r.at += r.m) {
        const float *in = x + r.at, *out = o + r.at;
        for (size_t i = 0; i < r.m; i++) {
            present[i] = isnan(in[i]) ? 0.0f : 1.0f;
            size_t cell = cells_at(c, in[i]);
            level[i] = c->level[cell];
            if (present[i] > 0)
                nll[r.at + i] += (double)r.top[i] + (double)r.log_sum[i] -
                                 (double)logit(b, out, &r.bell, level[i], i, ld) + c->cost[cell];
        }
        if (d)
            gradient(b, out, &r, present, level, scale, d + r.at, ld);
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

static void levels_p(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    (void)theta;
    struct run r;
    for (r.at = 0; run_take(b, o, n, ld, &r); r.at += r.m)
        for (size_t l = 0; l < b->cells->nlevels; l++) {
            float *p = out + l * ld + r.at;
            logits(b, o + r.at, &r.bell, l, p, r.m, ld);
            for (size_t i = 0; i < r.m; i++)
                p[i] -= r.top[i] + r.log_sum[i];
            vm_exp(p, p, r.m);
        }
}

/* exp(log_sum) P of what is allowed, of record i of the run; with target >= 0 also the cell at which the running sum passes
 * it. The levels' allowed shares are summed cell by cell: a level's cells need not be neighbours. */
static double walk(const struct lik_block *b, const float *o, const struct run *r, size_t i, size_t ld,
                   const struct cells_part *a, double target, size_t *cell) {
    const struct cells *c = b->cells;
    double sum = 0;
    for (size_t k = 0; k < c->n; k++) {
        double share = c->weight[k] * cells_share(c, k, a);
        if (!(share > 0))
            continue;
        float e = logit(b, o + r->at, &r->bell, c->level[k], i, ld) - r->top[i];
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
    float drawn[RUN];
    struct run r;
    for (r.at = 0; run_take(b, o, n, ld, &r); r.at += r.m) {
        for (size_t i = 0; i < r.m; i++) {
            double u[2];
            size_t cell = b->cells->n;
            rng_uniform(u, 2, seed, RNG_LIK, b->x0, rows[r.at + i]);
            double all = walk(b, o, &r, i, ld, a, -1, NULL);
            walk(b, o, &r, i, ld, a, u[0] * all, &cell);
            /* nothing allowed has a probability that a float can hold: then what comes first of it */
            for (size_t k = 0; cell == b->cells->n && k < b->cells->n; k++)
                cell = cells_share(b->cells, k, a) > 0 ? k : cell;
            drawn[i] = cell < b->cells->n ? cells_place(b->cells, cell, a, u[1]) : 0.5f;
        }
        memcpy(out + r.at, drawn, r.m * sizeof *out);
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
    struct run r;
    for (r.at = 0; run_take(b, o, n, ld, &r); r.at += r.m)
        for (size_t i = 0; i < r.m; i++)
            logp[r.at + i] += log(walk(b, o, &r, i, ld, &a, -1, NULL)) - (double)r.log_sum[i];
}

/* Which output is the guide's: the expected value in spreads from the center. */
static size_t guide_output(const struct lik_block *b) { return b->cells->nlevels + 2; }

/*
 * The expected value is an output of its own, learned by squared error, beside the probabilities, which it has no part in:
 * told by the bins it would be as noisy as they are. Where it is learned, what it needs helps the bins, too.
 */
static void binned_guide(const struct lik_block *b, const float *x, const float *o, double *loss, float *d, float scale,
                         size_t n, size_t ld) {
    const struct cells *c = b->cells;
    const float *head = o + guide_output(b) * ld;
    float *to = d + guide_output(b) * ld;
    for (size_t i = 0; i < n; i++) {
        double v = isnan(x[i]) ? NAN : cells_value(c, x[i]);
        float off = isnan(v) ? 0 : head[i] - (float)((v - c->center) / c->spread);
        if (loss)
            loss[i] += 0.5 * (double)GUIDE * (double)off * (double)off;
        to[i] = scale * GUIDE * off;
    }
}

static void binned_mean(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    (void)theta;
    const struct cells *c = b->cells;
    const float *head = o + guide_output(b) * ld;
    for (size_t i = 0; i < n; i++)
        out[i] = cells_x(c, c->center + c->spread * (double)head[i]);
}

static void levels_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    (void)theta;
    const struct bell bell = {.on = b->no > b->cells->nlevels};
    for (size_t l = 0; l < b->cells->nlevels; l++) {
        bias[l] = (float)log(m->level[l] > 1e-6 ? m->level[l] : 1e-6);
        if (placed(b, &bell, l)) /* undo the standard normal that the bell begins as */
            bias[l] += 0.5f * b->cells->place[l] * b->cells->place[l];
    }
    for (size_t l = b->cells->nlevels; l < b->no; l++)
        bias[l] = 0;
}

const struct lik lik_categorical = {
    .name = "categorical", .about = "levels with learned probabilities", .outputs = LIK_EACH_LEVEL, .cells = true,
    .min = -INFINITY, .max = INFINITY, .nll = levels_nll, .mean = categorical_mean, .levels = levels_p, .sample = levels_sample,
    .range = levels_range, .sample_range = levels_sample_range, .start = levels_start,
};

const struct lik lik_binned = {
    .name = "binned", .about = "numbers by learned probabilities of their bins", .outputs = LIK_LEVEL_AND_BELL, .cells = true,
    .guide = binned_guide,
    .min = -INFINITY, .max = INFINITY, .nll = levels_nll, .mean = binned_mean, .levels = levels_p, .sample = levels_sample,
    .range = levels_range, .sample_range = levels_sample_range, .start = levels_start,
};
