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
                nll[at + i] += (double)(t[i] - xj[i] * oj[i]);
            if (!d)
                continue;
            vm_sigmoid(t, oj, m);
            for (size_t i = 0; i < m; i++)
                d[j * ld + at + i] = scale * (t[i] - xj[i]);
        }
}

static void bernoulli_mean(const struct lik_block *b, const float *o, float *out, size_t n, size_t ld) {
    for (size_t j = 0; j < b->nx; j++)
        vm_sigmoid(out + j * ld, o + j * ld, n);
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
    .nll = bernoulli_nll, .mean = bernoulli_mean, .sample = bernoulli_sample, .start = bernoulli_start,
};
