/*
 * laplace.c - x = o + b T with density exp(-|t|) / 2, a learned scale b for each value, or one for all (spread.h): the
 * likelihood of absolute errors.
 *
 *   -log p = |x - o| / b + log(2 b)
 *
 * theta is log b. The sd is sqrt(2) b. Settled on rows held out, b is their mean |x - o|.
 */
#include <math.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "lik/lik.h"
#include "lik/spread.h"

static const double LOG_2 = 0.69314718055994530942;

static double record_scale(const struct lik_block *b, const float *o, const float *theta, size_t j, size_t i,
                           size_t ld) {
    return exp((double)theta[b->tied ? 0 : j] + spread_log(b, o, j, i, ld));
}

static double sign(double t) { return (t > 0) - (t < 0); }

static void spread_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                       float *d, float scale, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double log_b = (double)theta[b->tied ? 0 : j] + spread_log(b, o, j, i, ld), r = exp(-log_b);
            double t = ((double)x[j * ld + i] - (double)o[2 * j * ld + i]) * r, slope = spread_slope(b, o, j, i, ld);
            bool there = !isnan(x[j * ld + i]);
            nll[i] += there ? fabs(t) + log_b + LOG_2 : 0;
            if (d) {
                d[2 * j * ld + i] = there ? (float)(-(double)scale * sign(t) * r) : 0;
                d[(2 * j + 1) * ld + i] = there ? (float)((double)scale * (1 - fabs(t)) * slope) : 0;
            }
        }
}

VM_WIDE static void plain_nll(const struct lik_block *b, const float *x, const float *o, const float *theta,
                              double *nll, float *d, float scale, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++) {
        float log_b = theta[b->tied ? 0 : j], r = -log_b;
        vm_exp(&r, &r, 1);
        float step = scale * r;
        double constant = (double)log_b + LOG_2;
        const float *xj = x + j * ld, *oj = o + j * ld;
        for (size_t i = 0; i < n; i++) {
            double t = (double)(fabsf(xj[i] - oj[i]) * r) + constant;
            nll[i] += xj[i] == xj[i] ? t : 0;
        }
        for (size_t i = 0; d && i < n; i++) { /* 0 where it is met, or missing */
            float up = oj[i] > xj[i] ? step : 0, down = oj[i] < xj[i] ? step : 0;
            d[j * ld + i] = up - down;
        }
    }
}

static void laplace_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                        float *d, float scale, size_t n, size_t ld) {
    (b->spread ? spread_nll : plain_nll)(b, x, o, theta, nll, d, scale, n, ld);
}

static void laplace_grad(const struct lik_block *b, const float *x, const float *o, const float *theta,
                         const float *weight, float *dtheta, float scale, size_t n, size_t ld) {
    double total = 0;
    for (size_t j = 0; j < b->nx; j++) {
        double r = exp(-(double)theta[b->tied ? 0 : j]), s = 0;
        const float *mean = spread_mean(b, o, j, ld);
        for (size_t i = 0; i < n; i++) {
            double t = ((double)x[j * ld + i] - (double)mean[i]) * r * exp(-spread_log(b, o, j, i, ld));
            s += isnan(t) ? 0 : lik_weight(weight, i) * (1 - fabs(t));
        }
        if (!b->tied)
            dtheta[j] = (float)((double)scale * s);
        total += s;
    }
    if (b->tied)
        dtheta[0] = (float)((double)scale * total);
}

static void laplace_sd(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++)
            out[j * ld + i] = (float)(M_SQRT2 * record_scale(b, o, theta, j, i, ld));
}

/* log P(low < T < high), where both are positive by symmetry, so that nothing cancels. */
static double log_between(double low, double high) {
    if (!(low < high))
        return -INFINITY;
    if (low > 0) {
        double t = low;
        low = -high, high = -t;
    }
    return high <= 0 ? high + log(-expm1(low - high)) - LOG_2 : log(-expm1(low) - expm1(-high)) - LOG_2;
}

/* The t with P(low < T < t) = share of P(low < T < high). */
static double inverse(double low, double high, double share) {
    if (low > 0)
        return -inverse(-high, -low, 1 - share);
    if (high <= 0)
        return high + log(share + (1 - share) * exp(low - high));
    double left = -expm1(low), right = -expm1(-high), at = share * (left + right); /* twice the probabilities about 0 */
    return at < left ? log(exp(low) + at) : -log(exp(-high) + (left + right - at));
}

static void laplace_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                          const bool *set, double *logp, size_t n, size_t ld) {
    (void)set;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double s = record_scale(b, o, theta, j, i, ld), mean = (double)spread_mean(b, o, j, ld)[i];
            logp[i] += log_between((low - mean) / s, (high - mean) / s);
        }
}

static void laplace_sample_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                                 const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n,
                                 size_t ld) {
    (void)set;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double u, mean = (double)spread_mean(b, o, j, ld)[i], s = record_scale(b, o, theta, j, i, ld);
            rng_uniform(&u, 1, seed, RNG_LIK, b->x0 + j, rows[i]);
            double x = mean + s * inverse((low - mean) / s, (high - mean) / s, u);
            out[j * ld + i] = (float)(x < low ? low : x > high ? high : x);
        }
}

static void laplace_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                           const uint64_t *rows, size_t n, size_t ld) {
    laplace_sample_range(b, o, theta, -INFINITY, INFINITY, NULL, out, seed, rows, n, ld);
}

static void laplace_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    spread_start(b, m, M_SQRT1_2, bias, theta);
}

static void laplace_stat(const struct lik_block *b, const float *x, const float *o, double *stat, size_t n, size_t ld) {
    spread_stat(b, x, o, 1, stat, n, ld);
}

static void laplace_settle(const struct lik_block *b, const double *stat, double prior, float *theta) {
    spread_settle(b, stat, 1, prior, theta);
}

const struct lik lik_laplace = {
    .name = "laplace", .about = "absolute errors: a Laplace distribution with a learned scale per column",
    .outputs = 1, .params = 1, .spreads = true, .min = -INFINITY, .max = INFINITY,
    .nll = laplace_nll, .grad = laplace_grad, .mean = spread_location, .sd = laplace_sd, .sample = laplace_sample,
    .range = laplace_range, .sample_range = laplace_sample_range,
    .start = laplace_start, .project = spread_project, .stat = laplace_stat, .settle = laplace_settle,
};
