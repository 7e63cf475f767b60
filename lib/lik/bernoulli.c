/*
 * bernoulli.c - x in {0, 1} with logit o:  -log p = softplus(o) - x o.
 *
 * Values between 0 and 1 (grey pixels) are taken as the expectation of that, the usual binary cross-entropy; it is a
 * probability mass for 0 and 1 only.
 */
#include <math.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "lik/lik.h"

enum { RUN = 64 };

VM_WIDE static void bernoulli_nll(const struct lik_block *b, const float *x, const float *o, const float *theta, double *nll,
                          float *d, float scale, size_t n, size_t ld) {
    (void)theta;
    float t[RUN];
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            const float *xj = x + j * ld + at, *oj = o + j * ld + at;
            vm_softplus(t, oj, m);
            for (size_t i = 0; i < m; i++)
                nll[at + i] += xj[i] == xj[i] ? (double)(t[i] - xj[i] * oj[i]) : 0;
            if (!d)
                continue;
            vm_sigmoid(t, oj, m);
            for (size_t i = 0; i < m; i++)
                d[j * ld + at + i] = xj[i] == xj[i] ? scale * (t[i] - xj[i]) : 0;
        }
}

static void bernoulli_mean(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    (void)theta;
    for (size_t j = 0; j < b->nx; j++)
        vm_sigmoid(out + j * ld, o + j * ld, n);
}

static void bernoulli_sd(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    bernoulli_mean(b, o, theta, out, n, ld);
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++)
            out[j * ld + i] = sqrtf(out[j * ld + i] * (1 - out[j * ld + i]));
}

/* Inverts the normal distribution function on a normal draw: one generator for all likelihoods. */
static void bernoulli_sample(const struct lik_block *b, const float *o, const float *theta, float *out, uint64_t seed,
                             const uint64_t *rows, size_t n, size_t ld) {
    (void)theta;
    float p[RUN], z[RUN];
    for (size_t j = 0; j < b->nx; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            vm_sigmoid(p, o + j * ld + at, m);
            rng_normals(z, 1, m, RUN, seed, RNG_LIK, b->x0 + j, rows + at, 0);
            for (size_t i = 0; i < m; i++)
                out[j * ld + at + i] = 0.5 * erfc(-(double)z[i] * M_SQRT1_2) < (double)p[i];
        }
}

/* Which of 0 and 1 a range allows: 1, 2, both 3. */
static int allowed(double low, double high) { return (low <= 0 && high >= 0) + 2 * (low <= 1 && high >= 1); }

static void bernoulli_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                            const bool *set, double *logp, size_t n, size_t ld) {
    (void)theta, (void)set;
    int which = allowed(low, high);
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++) {
            double t = which == 2 ? -(double)o[j * ld + i] : (double)o[j * ld + i]; /* -log p = softplus */
            logp[i] += which == 3 ? 0 : which == 0 ? -INFINITY : -(t > 0 ? t + log1p(exp(-t)) : log1p(exp(t)));
        }
}

static void bernoulli_sample_range(const struct lik_block *b, const float *o, const float *theta, double low, double high,
                                   const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n,
                                   size_t ld) {
    (void)set;
    int which = allowed(low, high);
    bernoulli_sample(b, o, theta, out, seed, rows, n, ld);
    for (size_t j = 0; j < b->nx && which != 3; j++)
        for (size_t i = 0; i < n; i++)
            out[j * ld + i] = which == 2 ? 1 : 0;
}

static void bernoulli_start(const struct lik_block *b, const struct lik_marginals *m, float *bias, float *theta) {
    (void)theta;
    for (size_t j = 0; j < b->nx; j++) {
        double p = fmin(fmax(m->mean[j], 1e-4), 1 - 1e-4);
        bias[j] = (float)log(p / (1 - p));
    }
}

const struct lik lik_bernoulli = {
    .name = "bernoulli", .about = "0 or 1 with a learned probability",
    .outputs = 1, .mass = true, .min = 0, .max = 1,
    .nll = bernoulli_nll, .mean = bernoulli_mean, .sd = bernoulli_sd, .sample = bernoulli_sample,
    .range = bernoulli_range, .sample_range = bernoulli_sample_range, .start = bernoulli_start,
};
