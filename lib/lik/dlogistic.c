/*
 * dlogistic.c - values on a grid of steps h from 0 to 1 (the 256 levels of a pixel), by a mixture of COMPONENTS logistics
 * that are cut into its cells (Salimans et al. 2017, 1701.05517, the grey version):
 *
 *   P(x | o) = sum_k softmax(a)_k (F((x + h/2 - m_k) / s_k) - F((x - h/2 - m_k) / s_k)),   F(t) = 1 / (1 + exp(-t))
 *
 * where the first and the last cell take the tails. A value's outputs are COMPONENTS each of a, m / UNIT and log s. A
 * cell with the ends p > q (in s from m) has, without cancellation and with w = p - q = h / s,
 *
 *   log(F(p) - F(q)) = log F(p) + log F(-q) + log(1 - exp(-w))
 *
 * (decay.h has the last one). A value between two steps has the probability of a cell around it; one beyond the ends, as
 * new rows may have, that of the tail from there on.
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "lik/beta.h"
#include "lik/decay.h"
#include "lik/lik.h"
#include "lik/logistic.h"

enum { RUN = 64, COMPONENTS = 5, OUTPUTS = 3 * COMPONENTS, HALVINGS = 40 };
static const float UNIT = 0.25f; /* of the means, in 0..1: outputs of 1 are about a standard deviation of pixels */
/* Of log s: beyond a twentieth of a step all is in one cell, beyond the range all in the two at its ends. */
static const float LOG_S_STEP = -3, LOG_S_MAX = 1;

static float log_s_min(const struct lik_block *b) { return logf(b->step) + LOG_S_STEP; }
static size_t last_cell(const struct lik_block *b) { return (size_t)lround(1 / (double)b->step); }

/* The mixtures of value j of a run of records. */
struct mixture {
    float weight[COMPONENTS][RUN]; /* log softmax(a) */
    float mean[COMPONENTS][RUN], log_s[COMPONENTS][RUN], rate[COMPONENTS][RUN]; /* rate: 1 / s */
};

/* o: the outputs of the value, from the run's first record on. */
VM_WIDE static void load(const struct lik_block *b, const float *o, struct mixture *x, size_t m, size_t ld) {
    float least = log_s_min(b), all[RUN];
    for (size_t k = 0; k < COMPONENTS; k++) {
        const float *a = o + k * ld, *mean = o + (COMPONENTS + k) * ld, *log_s = o + (2 * COMPONENTS + k) * ld;
        for (size_t i = 0; i < m; i++) {
            x->weight[k][i] = a[i];
            x->mean[k][i] = UNIT * mean[i];
            x->log_s[k][i] = log_s[i] < least ? least : log_s[i] > LOG_S_MAX ? LOG_S_MAX : log_s[i];
            x->rate[k][i] = -x->log_s[k][i];
        }
        vm_exp(x->rate[k], x->rate[k], m);
    }
    vm_logsumexp(all, x->weight[0], COMPONENTS, m, RUN);
    for (size_t k = 0; k < COMPONENTS; k++)
        for (size_t i = 0; i < m; i++)
            x->weight[k][i] -= all[i];
}

/* Where the cells of a run's values end in component k, in s from its mean; whether the tails begin there. */
struct ends {
    float p[RUN], q[RUN], w[RUN];
    float first[RUN], last[RUN]; /* 1 or 0 */
};

VM_WIDE static void find_ends(const struct lik_block *b, const struct mixture *x, size_t k, const float *v,
                              struct ends *e, size_t m) {
    float half = 0.5f * b->step;
    for (size_t i = 0; i < m; i++) {
        float off = v[i] - x->mean[k][i];
        e->p[i] = (off + half) * x->rate[k][i];
        e->q[i] = (off - half) * x->rate[k][i];
        e->w[i] = b->step * x->rate[k][i];
        e->first[i] = v[i] < half;
        e->last[i] = v[i] > 1 - half;
    }
}

/* log P of the cells in component k, alone. */
VM_WIDE static void cell_logp(const struct lik_block *b, const struct mixture *x, size_t k, const float *v, float *logp,
                              size_t m) {
    struct ends e;
    float width[RUN], log_step = logf(b->step);
    find_ends(b, x, k, v, &e, m);
    decay_log(width, e.w, m);
    for (size_t i = 0; i < m; i++)
        e.p[i] = -e.p[i];
    vm_softplus(e.p, e.p, m);
    vm_softplus(e.q, e.q, m);
    for (size_t i = 0; i < m; i++) {
        float inner = log_step - x->log_s[k][i] + width[i];
        logp[i] = (e.first[i] + e.last[i] > 0 ? 0 : inner) - (e.last[i] > 0 ? 0 : e.p[i]) -
                  (e.first[i] > 0 ? 0 : e.q[i]);
    }
}

/* Of component k, from its share r[m] of each value; count[m]: the scale, 0 where a value is missing. */
VM_WIDE static void component_gradient(const struct lik_block *b, const struct mixture *x, size_t k, const float *v,
                                       const float *r, const float *count, const float *o, float *d, size_t m,
                                       size_t ld) {
    struct ends e;
    float up[RUN] = {0}, down[RUN], inside[RUN], own[RUN], least = log_s_min(b);
    float *da = d + k * ld, *dm = d + (COMPONENTS + k) * ld, *ds = d + (2 * COMPONENTS + k) * ld;
    const float *log_s = o + (2 * COMPONENTS + k) * ld;
    find_ends(b, x, k, v, &e, m);
    for (size_t i = 0; i < m; i++)
        up[i] = -e.p[i];
    vm_sigmoid(up, up, m);
    vm_sigmoid(down, e.q, m);
    decay_mean(inside, e.w, m);
    vm_exp(own, x->weight[k], m);
    for (size_t i = 0; i < m; i++) {
        float share = count[i] * r[i];
        float f = e.last[i] > 0 ? 0 : up[i], g = e.first[i] > 0 ? 0 : down[i];
        float slope = (e.last[i] > 0 ? 0 : e.p[i] * f) - (e.first[i] > 0 ? 0 : e.q[i] * g) +
                      (e.first[i] + e.last[i] > 0 ? 0 : 1 - e.w[i] * inside[i]);
        float rise = log_s[i] > LOG_S_MAX ? 0 : slope, fall = log_s[i] < least ? 0 : slope;
        slope = slope < 0 ? rise : fall; /* beyond its ends it moves only back */
        da[i] = count[i] * own[i] - share;
        dm[i] = share * (f - g) * x->rate[k][i] * UNIT;
        ds[i] = share * slope;
    }
}

static void dlogistic_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                          float *d, float scale, size_t n, size_t ld) {
    (void)theta;
    struct mixture mix;
    float joint[COMPONENTS][RUN], logp[RUN], v[RUN], count[RUN], r[RUN];
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, o0 = j * OUTPUTS * ld + at;
            for (size_t i = 0; i < m; i++) {
                float xi = x[j * ld + at + i];
                v[i] = isnan(xi) ? 0 : xi, count[i] = isnan(xi) ? 0 : scale;
            }
            load(b, o + o0, &mix, m, ld);
            for (size_t k = 0; k < COMPONENTS; k++) {
                cell_logp(b, &mix, k, v, joint[k], m);
                for (size_t i = 0; i < m; i++)
                    joint[k][i] += mix.weight[k][i];
            }
            vm_logsumexp(logp, joint[0], COMPONENTS, m, RUN);
            for (size_t i = 0; i < m; i++)
                nll[at + i] -= isnan(x[j * ld + at + i]) ? 0 : (double)logp[i];
            for (size_t k = 0; d && k < COMPONENTS; k++) {
                for (size_t i = 0; i < m; i++)
                    r[i] = joint[k][i] - logp[i];
                vm_exp(r, r, m);
                component_gradient(b, &mix, k, v, r, count, o + o0, d + o0, m, ld);
            }
        }
}

/* The mean of a logistic whose tails are at the ends: E = clip(m) + s (softplus(-|m|/s) - softplus(-|1-m|/s)). */
VM_WIDE static void add_mean(const struct mixture *x, size_t k, float *sum, size_t m) {
    float low[RUN] = {0}, high[RUN] = {0}, s[RUN], share[RUN];
    for (size_t i = 0; i < m; i++) {
        low[i] = -fabsf(x->mean[k][i]) * x->rate[k][i];
        high[i] = -fabsf(1 - x->mean[k][i]) * x->rate[k][i];
    }
    vm_softplus(low, low, m);
    vm_softplus(high, high, m);
    vm_exp(s, x->log_s[k], m);
    vm_exp(share, x->weight[k], m);
    for (size_t i = 0; i < m; i++) {
        float mean = x->mean[k][i];
        sum[i] += share[i] * ((mean < 0 ? 0 : mean > 1 ? 1 : mean) + s[i] * (low[i] - high[i]));
    }
}

/* The expectation of what is clipped to 0..1; that of the cells differs by their rounding. */
static void dlogistic_mean(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n,
                           size_t ld) {
    (void)theta;
    struct mixture mix;
    float sum[RUN];
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            load(b, o + j * OUTPUTS * ld + at, &mix, m, ld);
            memset(sum, 0, sizeof sum);
            for (size_t k = 0; k < COMPONENTS; k++)
                add_mean(&mix, k, sum, m);
            for (size_t i = 0; i < m; i++)
                out[j * ld + at + i] = sum[i] < 0 ? 0 : sum[i] > 1 ? 1 : sum[i];
        }
}

/* By summation by parts over the cells, E[f(X)] = f(0) + sum_c (f(c) - f(c - 1)) P(X >= c); a fine grid's go together. */
static void dlogistic_sd(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    enum { MOST = 256 };
    (void)theta;
    struct mixture mix;
    size_t cells = last_cell(b) < MOST ? last_cell(b) : MOST;
    double h = 1 / (double)cells;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            load(b, o + j * OUTPUTS * ld + at, &mix, m, ld);
            for (size_t i = 0; i < m; i++) {
                double mean = 0, square = 0;
                for (size_t c = 1; c <= cells; c++) {
                    double above = 0;
                    for (size_t k = 0; k < COMPONENTS; k++)
                        above += exp((double)mix.weight[k][i]) /
                                 (1 + exp((((double)c - 0.5) * h - (double)mix.mean[k][i]) * (double)mix.rate[k][i]));
                    mean += h * above, square += h * h * (2 * (double)c - 1) * above;
                }
                out[j * ld + at + i] = (float)sqrt(fmax(square - mean * mean, 0));
            }
        }
}

/* The cells of a range, and where they begin and end; the first and last of all have no end. */
struct cut {
    double first, last, low, high;
};

static struct cut cut_of(const struct lik_block *b, double low, double high) {
    static const double slack = 1e-3; /* of a step: what a grid of decimal fractions is off */
    double step = (double)b->step, n = (double)last_cell(b);
    struct cut c = {fmax(ceil(low / step - slack), 0), fmin(floor(high / step + slack), n), 0, 0};
    c.low = c.first > 0 ? (c.first - 0.5) * step : -INFINITY;
    c.high = c.last < n ? (c.last + 0.5) * step : INFINITY;
    return c;
}

/* log P of the cut in each component of record i, times its weight; their log sum. */
static double cut_logp(const struct mixture *x, size_t i, const struct cut *c, double *logp) {
    double top = -INFINITY, sum = 0;
    for (size_t k = 0; k < COMPONENTS; k++) {
        double mean = (double)x->mean[k][i], rate = (double)x->rate[k][i];
        logp[k] = (double)x->weight[k][i] + logistic_log_between((c->low - mean) * rate, (c->high - mean) * rate);
        top = fmax(top, logp[k]);
    }
    for (size_t k = 0; k < COMPONENTS; k++)
        sum += exp(logp[k] - top);
    return top + log(sum);
}

static void dlogistic_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                            const bool *set, double *logp, size_t n, size_t ld) {
    (void)theta, (void)set;
    struct cut c = cut_of(b, low, high);
    struct mixture mix;
    double part[COMPONENTS];
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            load(b, o + j * OUTPUTS * ld + at, &mix, m, ld);
            for (size_t i = 0; i < m; i++)
                logp[at + i] += c.first > c.last ? -INFINITY : cut_logp(&mix, i, &c, part);
        }
}

/* A cell of the cut: a component by its share of it, then a place in that one's part of it. */
static double draw(const struct lik_block *b, const struct mixture *x, size_t i, const struct cut *c,
                   const double u[2]) {
    double part[COMPONENTS], all = cut_logp(x, i, c, part), sum = 0;
    size_t k = 0;
    for (; k + 1 < COMPONENTS; k++) {
        sum += exp(part[k] - all);
        if (u[0] < sum)
            break;
    }
    double mean = (double)x->mean[k][i], rate = (double)x->rate[k][i];
    double v = mean + logistic_inverse((c->low - mean) * rate, (c->high - mean) * rate, u[1]) / rate;
    double cell = nearbyint(v / (double)b->step);
    return fmin(fmax(cell, c->first), c->last) * (double)b->step;
}

static void dlogistic_sample_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                                   const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n,
                                   size_t ld) {
    (void)theta, (void)set;
    struct cut c = cut_of(b, low, high);
    struct mixture mix;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            load(b, o + j * OUTPUTS * ld + at, &mix, m, ld);
            for (size_t i = 0; i < m; i++) {
                double u[2];
                rng_uniform(u, 2, seed, RNG_LIK, b->x0 + j, rows[at + i]);
                out[j * ld + at + i] = (float)draw(b, &mix, i, &c, u);
            }
        }
}

static void dlogistic_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                             const uint64_t *rows, size_t n, size_t ld) {
    dlogistic_sample_range(b, o, theta, 0, 1, NULL, out, seed, rows, n, ld);
}

/* ---- start values ------------------------------------------------------------------------------------------ */

/* The x below which is the share p of the beta distribution with these parameters, by bisection. */
static double beta_quantile(double alpha, double beta, double p) {
    double low = 0, high = 1;
    for (int i = 0; i < HALVINGS; i++) {
        double x = 0.5 * (low + high);
        if (beta_log(alpha, beta, x, 1 - x) < log(p))
            low = x;
        else
            high = x;
    }
    return 0.5 * (low + high);
}

/* The mean of equally heavy components moved by `by`; they stand in o, one record wide. */
static double mean_of(const struct lik_block *b, float *o, double by) {
    struct lik_block one = *b;
    float mean, moved[OUTPUTS];
    memcpy(moved, o, sizeof moved);
    for (size_t k = 0; k < COMPONENTS; k++)
        moved[COMPONENTS + k] += (float)(by / (double)UNIT);
    one.nx = 1;
    dlogistic_mean(&one, moved, NULL, &mean, 1, 1);
    return (double)mean;
}

/* E[x^power; x below each of COMPONENTS - 1 quantiles] of the beta distribution, from 0 to all of it. */
static void partial_moments(double alpha, double beta, const double *quantile, int power, double to[COMPONENTS + 1]) {
    double all = alpha / (alpha + beta) * (power > 1 ? (alpha + 1) / (alpha + beta + 1) : 1);
    to[0] = 0, to[COMPONENTS] = all;
    for (size_t k = 1; k < COMPONENTS; k++)
        to[k] = all * exp(beta_log(alpha + power, beta, quantile[k], 1 - quantile[k]));
}

/*
 * An equal part of the marginal for each component, which gets its mean and sd: of the beta distribution of the
 * marginal's mean and variance, which fits the bells of tables as well as pixels that are mostly black or white. A
 * logistic has the sd pi s / sqrt 3. Then all are moved to where they have the marginal's mean.
 */
static void start_value(const struct lik_block *b, double mean, double sd, float *o) {
    double step = (double)b->step, spread = mean * (1 - mean);
    double var = fmin(fmax(sd * sd, step * step / 12), 0.98 * spread);
    double inside = fmin(fmax(mean, 1e-4), 1 - 1e-4), size = var > 0 ? spread / var - 1 : 1e4;
    double alpha = inside * size, beta = (1 - inside) * size, by_low = -sd - 4 * step, by_high = -by_low;
    double quantile[COMPONENTS] = {0}, first[COMPONENTS + 1], second[COMPONENTS + 1];
    for (size_t k = 1; k < COMPONENTS; k++)
        quantile[k] = beta_quantile(alpha, beta, (double)k / COMPONENTS);
    partial_moments(alpha, beta, quantile, 1, first);
    partial_moments(alpha, beta, quantile, 2, second);
    for (size_t k = 0; k < COMPONENTS; k++) {
        double middle = COMPONENTS * (first[k + 1] - first[k]);
        double square = COMPONENTS * (second[k + 1] - second[k]);
        double s = sqrt(3 * fmax(square - middle * middle, 0)) / M_PI;
        o[k] = 0;
        o[COMPONENTS + k] = (float)(middle / (double)UNIT);
        o[2 * COMPONENTS + k] = (float)log(fmax(s, 0.5 * step));
    }
    for (int i = 0; i < HALVINGS; i++) {
        double by = 0.5 * (by_low + by_high);
        if (mean_of(b, o, by) < mean)
            by_low = by;
        else
            by_high = by;
    }
    for (size_t k = 0; k < COMPONENTS; k++)
        o[COMPONENTS + k] += (float)(0.5 * (by_low + by_high) / (double)UNIT);
}

static void dlogistic_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    (void)theta;
    for (size_t j = 0; j < b->nx; j++)
        start_value(b, m->mean[j], m->sd[j], bias + j * OUTPUTS);
}

const struct lik lik_dlogistic = {
    .name = "dlogistic", .about = "equal steps, as of 8-bit pixels: a mixture of discretised logistics",
    .outputs = OUTPUTS, .mass = true, .grid = true, .min = 0, .max = 1,
    .nll = dlogistic_nll, .mean = dlogistic_mean, .sd = dlogistic_sd, .sample = dlogistic_sample,
    .range = dlogistic_range, .sample_range = dlogistic_sample_range, .start = dlogistic_start,
};
