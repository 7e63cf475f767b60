/*
 * cbernoulli.c - x in 0..1 with density exp(o x) / Z, the continuous Bernoulli of logit o (Loaiza-Ganem & Cunningham
 * 2019, 1907.06845): the cross-entropy of grey pixels, normalised.
 *
 *   -log p = log Z - o x,   Z = (exp(o) - 1) / o
 *
 * With w = |o| the density falls from one end as exp(-w x) (decay.h), and log Z = max(o, 0) + log((1 - exp(-w)) / w).
 *
 * w is held at 512: as values of exactly 0 or 1 have a density that grows with w, -log p would have no bound, as with a
 * Gaussian without a floor. With it 8-bit values have a density of two a step at most. A value beyond the ends, as new
 * rows may have, gets the density at the end, falling further as steeply as it may within.
 */
#include <math.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "lik/decay.h"
#include "lik/lik.h"

enum { RUN = 64 };
static const float STEEPEST = 512;

/* Each a choice between two numbers, which vectorises. */
static inline float clip(float v, float low, float high) {
    v = v < low ? low : v;
    return v > high ? high : v;
}

static inline float logit_of(float o) { return clip(o, -STEEPEST, STEEPEST); }

VM_WIDE static void cbernoulli_nll(const struct lik_block *b, const float *x, const float *o, const float *theta,
                                   double *nll, float *d, float scale, size_t n, size_t ld) {
    (void)theta;
    float w[RUN], log_z[RUN], mean[RUN];
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            const float *xj = x + j * ld + at, *oj = o + j * ld + at;
            for (size_t i = 0; i < m; i++)
                w[i] = fabsf(logit_of(oj[i]));
            decay_log(log_z, w, m);
            for (size_t i = 0; i < m; i++) {
                float in = clip(xj[i], 0, 1), t = logit_of(oj[i]), beyond = STEEPEST * fabsf(xj[i] - in);
                double v = (double)(log_z[i] + ((t > 0 ? t : 0) - in * t) + beyond);
                nll[at + i] += xj[i] == xj[i] ? v : 0;
            }
            if (!d)
                continue;
            decay_mean(mean, w, m);
            for (size_t i = 0; i < m; i++) {
                float up = 1 - mean[i], slope = scale * ((oj[i] > 0 ? up : mean[i]) - clip(xj[i], 0, 1));
                /* beyond the steepest it moves only back */
                float rise = oj[i] > STEEPEST ? 0 : slope, fall = oj[i] < -STEEPEST ? 0 : slope;
                slope = slope < 0 ? rise : fall;
                d[j * ld + at + i] = xj[i] == xj[i] ? slope : 0;
            }
        }
}

VM_WIDE static void cbernoulli_mean(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n,
                                    size_t ld) {
    (void)theta;
    float mean[RUN];
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            const float *oj = o + j * ld + at;
            for (size_t i = 0; i < m; i++)
                mean[i] = fabsf(logit_of(oj[i]));
            decay_mean(mean, mean, m);
            for (size_t i = 0; i < m; i++)
                out[j * ld + at + i] = oj[i] > 0 ? 1 - mean[i] : mean[i];
        }
}

/* The variance is the slope of the mean: 1/w^2 - 1/(2 sinh(w/2))^2. */
static void cbernoulli_sd(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    (void)theta;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double w = fabs((double)logit_of(o[j * ld + i])), half = 2 * sinh(0.5 * w);
            double var = w < 0.05 ? 1. / 12 - w * w / 240 : 1 / (w * w) - 1 / (half * half);
            out[j * ld + i] = (float)sqrt(var);
        }
}

/* A part of 0..1; where it is empty, its low end alone. */
struct part {
    double low, width;
};

static struct part part_of(double low, double high) {
    low = low > 0 ? low < 1 ? low : 1 : 0, high = high < 1 ? high : 1;
    return (struct part){low, high > low ? high - low : 0};
}

static void cbernoulli_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                             const bool *set, double *logp, size_t n, size_t ld) {
    (void)theta, (void)set;
    struct part p = part_of(low, high);
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double t = (double)logit_of(o[j * ld + i]), w = fabs(t), from = t > 0 ? 1 - p.low - p.width : p.low;
            logp[i] += log(p.width) - w * from + decay_log_of(w * p.width) - decay_log_of(w);
        }
}

static void cbernoulli_sample_range(const struct lik_block *b, const float *o, const float *theta, double low,
                                    double high, const bool *set, float *out, uint64_t seed, const uint64_t *rows,
                                    size_t n, size_t ld) {
    (void)theta, (void)set;
    struct part p = part_of(low, high);
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double u, t = (double)logit_of(o[j * ld + i]);
            rng_uniform(&u, 1, seed, RNG_LIK, b->x0 + j, rows[i]);
            double share = decay_inverse(fabs(t) * p.width, u); /* a part of it falls as all does */
            out[j * ld + i] = (float)(p.low + p.width * (t > 0 ? 1 - share : share));
        }
}

static void cbernoulli_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                              const uint64_t *rows, size_t n, size_t ld) {
    cbernoulli_sample_range(b, o, theta, 0, 1, NULL, out, seed, rows, n, ld);
}

/* The logit of a mean, by bisection; not too steep, as out there it hardly moves the mean. */
static void cbernoulli_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    enum { HALVINGS = 60, STEEP = 100 };
    (void)theta;
    for (size_t j = 0; j < b->nx; j++) {
        double small = fmin(m->mean[j], 1 - m->mean[j]), low = 0, high = STEEP;
        for (int i = 0; i < HALVINGS; i++) {
            double w = 0.5 * (low + high);
            if (decay_mean_of(w) > small)
                low = w;
            else
                high = w;
        }
        bias[j] = (float)(m->mean[j] > 0.5 ? low : -low);
    }
}

const struct lik lik_cbernoulli = {
    .name = "cbernoulli", .about = "numbers from 0 to 1: the continuous Bernoulli, for grey pixels",
    .outputs = 1, .min = 0, .max = 1,
    .nll = cbernoulli_nll, .mean = cbernoulli_mean, .sd = cbernoulli_sd, .sample = cbernoulli_sample,
    .range = cbernoulli_range, .sample_range = cbernoulli_sample_range, .start = cbernoulli_start,
};
