/*
 * negbinomial.c - counts x = 0, 1, 2, ... with mean mu = exp(o) and variance mu + mu^2 / r (NB2; Hilbe, "Negative Binomial
 * Regression", 2011), r learned for each column:
 *
 *   -log p = lgamma(r) + lgamma(x+1) - lgamma(x+r) + r log(1 + mu/r) + x log(1 + r/mu)
 */
#include <float.h>
#include <math.h>

#include "base/rng.h"
#include "lik/beta.h"
#include "lik/gamma.h"
#include "lik/lik.h"

enum { FEW = 8 }; /* counts that are summed one by one */
static const double MEAN_MIN = -15, MEAN_MAX = 85 /* of log mu: what floats hold */, SIZE_MIN = -5, SIZE_MAX_LOG = 10;
static const double LARGE = 1e9; /* means beyond: x / mu has its limit's distribution, that of gamma(r) / r */

static double log_mean(float o) { return (double)o > MEAN_MAX ? MEAN_MAX : (double)o < MEAN_MIN ? MEAN_MIN : (double)o; }

static double logp(double x, double eta, double r) {
    double mu = exp(eta);
    return gamma_log_ratio(x, r) - gamma_log(r) - r * log1p(mu / r) - x * log1p(r / mu);
}

static float size_of(const struct lik_block *b, const float *theta, size_t j) { return theta[b->tied ? 0 : j]; }

static void negbinomial_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                            float *d, float scale, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++) {
        double r = exp((double)size_of(b, theta, j));
        for (size_t i = 0; i < n; i++) {
            size_t at = j * ld + i;
            bool there = !isnan(x[at]), bound = (double)o[at] > MEAN_MAX || (double)o[at] < MEAN_MIN;
            double eta = log_mean(o[at]), mu = exp(eta), v = there ? (double)x[at] : 0;
            nll[i] -= there ? logp(v, eta, r) : 0;
            if (d) /* d/d eta of -log p = r (mu - x) / (r + mu) */
                d[at] = there && !bound ? (float)((double)scale * r * (mu - v) / (r + mu)) : 0;
        }
    }
}

static void negbinomial_grad(const struct lik_block *b, const float *x, const float *o, const float *theta,
                             const float *weight, float *dtheta, float scale, size_t n, size_t ld) {
    double total = 0;
    for (size_t j = 0; j < b->nx; j++) {
        double r = exp((double)size_of(b, theta, j)), sum = 0, psi = gamma_digamma(r);
        for (size_t i = 0; i < n; i++) {
            double v = (double)x[j * ld + i], mu = exp(log_mean(o[j * ld + i]));
            if (!isnan(v)) /* d/d log r */
                sum -= lik_weight(weight, i) * r * (gamma_digamma(v + r) - psi - log1p(mu / r) + (mu - v) / (r + mu));
        }
        total += sum;
        if (!b->tied)
            dtheta[j] = (float)((double)scale * sum);
    }
    if (b->tied)
        dtheta[0] = (float)((double)scale * total);
}

static void negbinomial_mean(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n,
                             size_t ld) {
    (void)theta;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++)
            out[j * ld + i] = (float)exp(log_mean(o[j * ld + i]));
}

static void negbinomial_sd(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++) {
        double r = exp((double)size_of(b, theta, j));
        for (size_t i = 0; i < n; i++) {
            double mu = exp(log_mean(o[j * ld + i]));
            out[j * ld + i] = (float)sqrt(mu + mu * mu / r);
        }
    }
}

/* log P(X <= k), or with `above` log P(X > k). */
static double log_tail(double eta, double r, double k, bool above) {
    double mu = exp(eta);
    if (isinf(k) || k < 0)
        return (k < 0) == above ? 0 : -INFINITY;
    if (mu > LARGE)
        k *= LARGE / mu, mu = LARGE;
    double p = r / (r + mu), q = mu / (r + mu);
    return above ? beta_log(k + 1, r, q, p) : beta_log(r, k + 1, p, q);
}

/* log(exp(a) - exp(b)), a >= b. */
static double log_minus(double a, double b) { return b > -INFINITY ? a + log(-expm1(fmin(b - a, 0))) : a; }

/* log P(low <= X <= high) of whole numbers, low >= 0. */
static double log_between(double eta, double r, double low, double high) {
    if (low > high)
        return -INFINITY;
    if (high - low < FEW) {
        double top = logp(low, eta, r), sum = 0;
        for (double k = low + 1; k <= high; k++)
            top = fmax(top, logp(k, eta, r));
        for (double k = low; k <= high; k++)
            sum += exp(logp(k, eta, r) - top);
        return top + log(sum);
    }
    return low > exp(eta) ? log_minus(log_tail(eta, r, low - 1, true), log_tail(eta, r, high, true))
                          : log_minus(log_tail(eta, r, high, false), log_tail(eta, r, low - 1, false));
}

/* The first count up to which low.. have the share u of the probability of low..high: by bisection. */
static double inverse(double eta, double r, double low, double high, double u) {
    double target = log_between(eta, r, low, high) + log(u), below = low - 1, at = fmax(low, ceil(exp(eta)));
    for (; at < high && log_between(eta, r, low, at) < target; at += fmax(1, at))
        below = at;
    at = fmin(at, high);
    while (at - below > 1) {
        double mid = floor(below + 0.5 * (at - below));
        if (mid <= below || mid >= at) /* neighbours, so far out */
            break;
        if (log_between(eta, r, low, mid) < target)
            below = mid;
        else
            at = mid;
    }
    return at;
}

static void draw(const struct lik_block *b, const float *o, const float *theta, double low, double high, float *out,
                 uint64_t seed, const uint64_t *rows, size_t n, size_t ld) {
    low = low > 0 ? ceil(low) : 0, high = floor(high);
    for (size_t j = 0; j < b->nx; j++) {
        double r = exp((double)size_of(b, theta, j));
        for (size_t i = 0; i < n; i++) {
            double u;
            rng_uniform(&u, 1, seed, RNG_LIK, b->x0 + j, rows[i]);
            double x = low > high ? low : inverse(log_mean(o[j * ld + i]), r, low, high, u);
            out[j * ld + i] = (float)fmin(x, FLT_MAX);
        }
    }
}

static void negbinomial_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                               const uint64_t *rows, size_t n, size_t ld) {
    draw(b, o, theta, 0, INFINITY, out, seed, rows, n, ld);
}

static void negbinomial_sample_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                                     const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n,
                                     size_t ld) {
    (void)set;
    draw(b, o, theta, low, high, out, seed, rows, n, ld);
}

static void negbinomial_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                              const bool *set, double *out, size_t n, size_t ld) {
    (void)set;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++)
            out[i] += log_between(log_mean(o[j * ld + i]), exp((double)size_of(b, theta, j)), low > 0 ? ceil(low) : 0,
                                  floor(high));
}

static void negbinomial_project(const struct lik_block *b, const struct lik_marginals *m, float *theta) {
    (void)m;
    for (size_t j = 0; j < b->nw; j++)
        theta[j] = !((double)theta[j] >= SIZE_MIN) ? (float)SIZE_MIN
                   : (double)theta[j] > SIZE_MAX_LOG ? (float)SIZE_MAX_LOG : theta[j];
}

/* Moments: variance = mu + mu^2 / r. */
static void negbinomial_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    for (size_t j = 0; j < b->nx; j++) {
        double mu = m->mean[j] > 1e-3 ? m->mean[j] : 1e-3, over = m->sd[j] * m->sd[j] - mu;
        bias[j] = (float)log(mu);
        if (j < b->nw)
            theta[j] = (float)log(over > 1e-3 * mu ? mu * mu / over : 1e4);
    }
    negbinomial_project(b, m, theta);
}

const struct lik lik_negbinomial = {
    .name = "negbinomial", .about = "counts, with a learned dispersion", .outputs = 1, .params = 1, .mass = true, .min = 0,
    .max = INFINITY, .nll = negbinomial_nll, .grad = negbinomial_grad, .mean = negbinomial_mean, .sd = negbinomial_sd,
    .sample = negbinomial_sample, .range = negbinomial_range, .sample_range = negbinomial_sample_range,
    .start = negbinomial_start, .project = negbinomial_project,
};
