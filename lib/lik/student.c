/*
 * student.c - x = o + s T, T Student's t with learned scale s and degrees of freedom nu: heavy tails (Lange, Little & Taylor
 * 1989).
 *
 *   -log p = lgamma(nu/2) - lgamma((nu+1)/2) + log(nu pi)/2 + log s + (nu+1)/2 log(1 + t^2/nu),   t = (x - o)/s
 *
 * theta holds log s (spread.h) and log(nu - 2) for each value, or once where tied; nu stays in 2.1 .. 100.
 */
#include <math.h>

#include "base/rng.h"
#include "lik/beta.h"
#include "lik/gamma.h"
#include "lik/lik.h"
#include "lik/spread.h"

enum { HALVINGS = 60 };
static const double LOG_NU_MIN = -2.302585, LOG_NU_MAX = 4.584967; /* nu - 2 from 0.1 to 98 */

struct shape {
    double log_s, s, nu, constant;
};

static struct shape shape_of(const struct lik_block *b, const float *theta, size_t j) {
    const float *t = theta + (b->tied ? 0 : 2 * j);
    struct shape h = {.log_s = (double)t[0], .s = exp((double)t[0]), .nu = 2 + exp((double)t[1])};
    h.constant = gamma_log(h.nu / 2) - gamma_log((h.nu + 1) / 2) + 0.5 * log(h.nu * M_PI) + h.log_s;
    return h;
}

/* (x - o) / s of record i, with its log s - theta. */
static double distance(const struct lik_block *b, const struct shape *h, const float *x, const float *o, size_t j, size_t i,
                       size_t ld, double *wider) {
    *wider = spread_log(b, o, j, i, ld);
    return ((double)x[j * ld + i] - (double)spread_mean(b, o, j, ld)[i]) / (b->spread ? h->s * exp(*wider) : h->s);
}

static void student_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                        float *d, float scale, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++) {
        struct shape h = shape_of(b, theta, j);
        for (size_t i = 0; i < n; i++) {
            double wider, t = distance(b, &h, x, o, j, i, ld, &wider), pull = (h.nu + 1) * t / (h.nu + t * t);
            bool there = !isnan(x[j * ld + i]);
            nll[i] += there ? h.constant + wider + 0.5 * (h.nu + 1) * log1p(t * t / h.nu) : 0;
            if (d)
                d[(b->spread ? 2 * j : j) * ld + i] = there ? (float)(-(double)scale * pull / h.s * exp(-wider)) : 0;
            if (d && b->spread)
                d[(2 * j + 1) * ld + i] =
                    there ? (float)((double)scale * (1 - pull * t) * spread_slope(b, o, j, i, ld)) : 0;
        }
    }
}

static void student_sd(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++) {
        struct shape h = shape_of(b, theta, j);
        for (size_t i = 0; i < n; i++)
            out[j * ld + i] = (float)(h.s * exp(spread_log(b, o, j, i, ld)) * sqrt(h.nu / (h.nu - 2)));
    }
}

static void student_grad(const struct lik_block *b, const float *x, const float *o, const float *theta,
                         const float *weight, float *dtheta, float scale, size_t n, size_t ld) {
    double total[2] = {0, 0};
    for (size_t j = 0; j < b->nx; j++) {
        struct shape h = shape_of(b, theta, j);
        double ds = 0, dnu = 0, fixed = 0.5 * (gamma_digamma(h.nu / 2) - gamma_digamma((h.nu + 1) / 2) + 1 / h.nu);
        for (size_t i = 0; i < n; i++) {
            double wider, t = distance(b, &h, x, o, j, i, ld, &wider), q = t * t;
            if (isnan(t))
                continue;
            double count = lik_weight(weight, i);
            ds += count * (1 - (h.nu + 1) * q / (h.nu + q));
            dnu += count * (fixed + 0.5 * log1p(q / h.nu) - 0.5 * (h.nu + 1) * q / (h.nu * (h.nu + q)));
        }
        dnu *= h.nu - 2;
        total[0] += ds, total[1] += dnu;
        if (!b->tied)
            dtheta[2 * j] = (float)((double)scale * ds), dtheta[2 * j + 1] = (float)((double)scale * dnu);
    }
    if (b->tied)
        dtheta[0] = (float)((double)scale * total[0]), dtheta[1] = (float)((double)scale * total[1]);
}

/* P(T > t) for t >= 0, P(T < t) for t < 0: the tail, so that nothing cancels. */
static double tail(double t, double nu) {
    double all = nu + t * t;
    return isinf(all) ? 0 : 0.5 * exp(beta_log(nu / 2, 0.5, nu / all, t * t / all));
}

static double cdf(double t, double nu) { return t < 0 ? tail(t, nu) : 1 - tail(t, nu); }

static double between(double low, double high, double nu) {
    if (low > high)
        return 0;
    return low >= 0 ? tail(low, nu) - tail(high, nu) : cdf(high, nu) - cdf(low, nu);
}

/* The t below which P(low < T) reaches p: bisection on tan, which brings the whole line into (-1,1). */
static double inverse(double low, double p, double nu) {
    double a = isinf(low) ? -1 : atan(low) * M_2_PI, b = 1;
    for (int i = 0; i < HALVINGS; i++) {
        double m = 0.5 * (a + b), t = tan(m / M_2_PI);
        if (between(low, t, nu) < p)
            a = m;
        else
            b = m;
    }
    return tan(0.5 * (a + b) / M_2_PI);
}

static void draw(const struct lik_block *b, const float *o, const float *theta, double low, double high, float *out,
                 uint64_t seed, const uint64_t *rows, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++) {
        struct shape h = shape_of(b, theta, j);
        for (size_t i = 0; i < n; i++) {
            double u, mean = (double)spread_mean(b, o, j, ld)[i], s = h.s * exp(spread_log(b, o, j, i, ld));
            double from = (low - mean) / s, to = (high - mean) / s;
            rng_uniform(&u, 1, seed, RNG_LIK, b->x0 + j, rows[i]);
            double x = mean + s * inverse(from, u * between(from, to, h.nu), h.nu);
            out[j * ld + i] = (float)(x < low ? low : x > high ? high : x);
        }
    }
}

static void student_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                           const uint64_t *rows, size_t n, size_t ld) {
    draw(b, o, theta, -INFINITY, INFINITY, out, seed, rows, n, ld);
}

static void student_sample_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                                 const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n, size_t ld) {
    (void)set;
    draw(b, o, theta, low, high, out, seed, rows, n, ld);
}

static void student_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                          const bool *set, double *logp, size_t n, size_t ld) {
    (void)set;
    for (size_t j = 0; j < b->nx; j++) {
        struct shape h = shape_of(b, theta, j);
        for (size_t i = 0; i < n; i++) {
            double mean = (double)spread_mean(b, o, j, ld)[i], s = h.s * exp(spread_log(b, o, j, i, ld));
            logp[i] += log(between((low - mean) / s, (high - mean) / s, h.nu));
        }
    }
}

static void student_project(const struct lik_block *b, const struct lik_marginals *m, float *theta) {
    spread_project(b, m, theta);
    for (size_t k = 1; k < b->nw; k += 2) {
        double nu = (double)theta[k];
        theta[k] = !(nu >= LOG_NU_MIN) ? (float)LOG_NU_MIN : nu > LOG_NU_MAX ? (float)LOG_NU_MAX : theta[k];
    }
}

/* Ten degrees of freedom: the variance is s^2 nu / (nu - 2). */
static void student_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    spread_start(b, m, sqrt(0.8), bias, theta);
    for (size_t k = 1; k < b->nw; k += 2)
        theta[k] = (float)log(8.0);
}

const struct lik lik_student = {
    .name = "student", .about = "heavy tails: Student's t with learned scale and degrees of freedom", .outputs = 1,
    .params = 2, .spreads = true, .min = -INFINITY, .max = INFINITY, .nll = student_nll, .grad = student_grad, .mean = spread_location,
    .sd = student_sd,
    .sample = student_sample, .range = student_range, .sample_range = student_sample_range, .start = student_start,
    .project = student_project,
};
