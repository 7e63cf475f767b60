/*
 * gaussian.c - x ~ N(o, sd^2) with a learned sd for each value, or one for all (sigma-VAE, 2006.13202).
 *
 *   -log p = (x - o)^2 / (2 sd^2) + log sd + log(2 pi)/2
 *
 * theta is log sd (spread.h). It is settled at the end on rows held out, as sd over training rows shrinks with overfitting.
 */
#include <math.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "lik/lik.h"
#include "lik/spread.h"

static const double HALF_LOG_2PI = 0.91893853320467274178;

/* exp(sign * log sd) of value j, the same bits everywhere. */
static float sd_power(const struct lik_block *b, const float *theta, size_t j, float sign) {
    float t = sign * theta[b->tied ? 0 : j];
    vm_exp(&t, &t, 1);
    return t;
}

static double record_log_sd(const struct lik_block *b, const float *o, const float *theta, size_t j, size_t i, size_t ld) {
    return (double)theta[b->tied ? 0 : j] + spread_log(b, o, j, i, ld);
}

/* The sd of record i. */
static double record_sd(const struct lik_block *b, const float *o, const float *theta, size_t j, size_t i, size_t ld) {
    return b->spread ? exp(record_log_sd(b, o, theta, j, i, ld)) : (double)sd_power(b, theta, j, 1);
}

static void spread_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll, float *d,
                       float scale, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double log_sd = record_log_sd(b, o, theta, j, i, ld), r = exp(-log_sd);
            double t = ((double)x[j * ld + i] - (double)o[2 * j * ld + i]) * r;
            bool there = !isnan(x[j * ld + i]);
            nll[i] += there ? 0.5 * t * t + log_sd + HALF_LOG_2PI : 0;
            if (d) {
                d[2 * j * ld + i] = there ? (float)(-(double)scale * t * r) : 0;
                d[(2 * j + 1) * ld + i] = there ? (float)((double)scale * (1 - t * t) * spread_slope(b, o, j, i, ld)) : 0;
            }
        }
}

VM_WIDE static void plain_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                         float *d, float scale, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++) {
        float log_sd = theta[b->tied ? 0 : j], r = sd_power(b, theta, j, -1);
        double constant = (double)log_sd + HALF_LOG_2PI;
        const float *xj = x + j * ld, *oj = o + j * ld;
        for (size_t i = 0; i < n; i++) {
            bool there = xj[i] == xj[i];
            float t = there ? (xj[i] - oj[i]) * r : 0;
            nll[i] += there ? 0.5 * (double)t * (double)t + constant : 0;
            if (d)
                d[j * ld + i] = -scale * t * r;
        }
    }
}

static void gaussian_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                         float *d, float scale, size_t n, size_t ld) {
    (b->spread ? spread_nll : plain_nll)(b, x, o, theta, nll, d, scale, n, ld);
}

static void gaussian_grad(const struct lik_block *b, const float *x, const float *o, const float *theta,
                          const float *weight, float *dtheta, float scale, size_t n, size_t ld) {
    double total = 0;
    for (size_t j = 0; j < b->nx; j++) {
        float r = sd_power(b, theta, j, -1);
        const float *mean = spread_mean(b, o, j, ld);
        double s = 0;
        for (size_t i = 0; i < n; i++) {
            float own = b->spread ? (float)(1 / record_sd(b, o, theta, j, i, ld)) : r;
            float t = (x[j * ld + i] - mean[i]) * own;
            s += isnan(t) ? 0 : lik_weight(weight, i) * (1 - (double)t * (double)t);
        }
        if (!b->tied)
            dtheta[j] = (float)(scale * s);
        total += s;
    }
    if (b->tied)
        dtheta[0] = (float)(scale * total);
}

static void gaussian_sd(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++)
            out[j * ld + i] = (float)record_sd(b, o, theta, j, i, ld);
}

static void gaussian_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                            const uint64_t *rows, size_t n, size_t ld) {
    float mean[64], sd[64]; /* o and out may be the same panel */
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += 64) {
            size_t m = n - at < 64 ? n - at : 64;
            for (size_t i = 0; i < m; i++) {
                mean[i] = spread_mean(b, o, j, ld)[at + i];
                sd[i] = (float)record_sd(b, o, theta, j, at + i, ld);
            }
            rng_normals(out + j * ld + at, 1, m, ld, seed, RNG_LIK, b->x0 + j, rows + at, 0);
            for (size_t i = 0; i < m; i++)
                out[j * ld + at + i] = mean[i] + sd[i] * out[j * ld + at + i];
        }
}

/* log P(low < N(0,1) < high), in the upper tail by symmetry, so that nothing cancels. */
static double log_between(double low, double high) {
    if (!(low < high))
        return -INFINITY;
    if (low > 0) {
        double t = low;
        low = -high, high = -t;
    }
    double a = 0.5 * erfc(-low * M_SQRT1_2), b = 0.5 * erfc(-high * M_SQRT1_2);
    return log(b - a);
}

/* The z with P(low < N < z) = share of P(low < N < high): bisection, in the tail that holds more. */
static double inverse(double low, double high, double share) {
    enum { HALVINGS = 60, FAR = 40 };
    double whole = log_between(low, high), a = low < -FAR ? -FAR : low, b = high > FAR ? FAR : high;
    for (int i = 0; i < HALVINGS; i++) {
        double m = 0.5 * (a + b);
        if (exp(log_between(low, m) - whole) < share)
            a = m;
        else
            b = m;
    }
    return 0.5 * (a + b);
}

static void gaussian_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                           const bool *set, double *logp, size_t n, size_t ld) {
    (void)set;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double sd = record_sd(b, o, theta, j, i, ld), mean = (double)spread_mean(b, o, j, ld)[i];
            logp[i] += log_between((low - mean) / sd, (high - mean) / sd);
        }
}

static void gaussian_sample_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                                  const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n, size_t ld) {
    (void)set;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double u, mean = (double)spread_mean(b, o, j, ld)[i], sd = record_sd(b, o, theta, j, i, ld);
            rng_uniform(&u, 1, seed, RNG_LIK, b->x0 + j, rows[i]);
            double x = mean + sd * inverse((low - mean) / sd, (high - mean) / sd, u);
            out[j * ld + i] = (float)(x < low ? low : x > high ? high : x);
        }
}

static void gaussian_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    spread_start(b, m, 1, bias, theta);
}

static void gaussian_stat(const struct lik_block *b, const float *x, const float *o, double *stat, size_t n,
                          size_t ld) {
    spread_stat(b, x, o, 2, stat, n, ld);
}

static void gaussian_settle(const struct lik_block *b, const double *stat, double prior, float *theta) {
    spread_settle(b, stat, 2, prior, theta);
}

const struct lik lik_gaussian = {
    .name = "gaussian", .about = "a normal with a learned standard deviation per column",
    .outputs = 1, .params = 1, .spreads = true, .min = -INFINITY, .max = INFINITY,
    .nll = gaussian_nll, .grad = gaussian_grad, .mean = spread_location, .sd = gaussian_sd, .sample = gaussian_sample,
    .range = gaussian_range, .sample_range = gaussian_sample_range,
    .start = gaussian_start, .project = spread_project, .stat = gaussian_stat, .settle = gaussian_settle,
};
