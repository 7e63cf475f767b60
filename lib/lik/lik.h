/*
 * lik.h - likelihoods p(x given z): what the outputs of the decoder mean. A row of a table each.
 *
 * A model's values are cut in blocks of one likelihood. All panels are feature-major, ld columns apart, and start at the
 * block: x[nx,n] values in model units, o[nx * outputs,n] decoder outputs, theta the block's free parameters.
 * Log-probabilities are in nats, summed over the values of the block; densities are in model units (the schema
 * knows the log-Jacobian to input units).
 */
#ifndef LIK_LIK_H
#define LIK_LIK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lik_block {
    const struct lik *lik;
    size_t nx;     /* values */
    size_t x0, o0; /* first value, first decoder output */
    size_t w0, nw; /* free parameters in the model's array */
    bool tied;     /* one set of parameters for all values (the pixels of an image) */
};

/* Marginals of the training rows in model units, each [nx]; floor: the smallest sensible sd (resolution / sqrt 12). */
struct lik_marginals {
    const double *mean, *sd, *floor;
};

struct lik {
    const char *name, *about;
    size_t outputs; /* decoder outputs a value */
    size_t params;  /* free parameters a value */
    bool mass;      /* a probability, not a density: model units must be input units */
    double min, max; /* the range of values it can explain */

    /* nll[i] -= log p(x_i | o_i); with d: d[.,i] = scale * d(nll_i)/d(o). Adds to nll. */
    void (*nll)(const struct lik_block *, const float *x, const float *o, const float *theta, double *nll, float *d,
                float scale, size_t n, size_t ld);
    /* dtheta[nw] = scale * sum over the n records of d(nll)/d(theta); NULL without parameters. */
    void (*grad)(const struct lik_block *, const float *x, const float *o, const float *theta, float *dtheta,
                 float scale, size_t n, size_t ld);
    /* E[x | o]; out may be o. */
    void (*mean)(const struct lik_block *, const float *o, float *out, size_t n, size_t ld);
    /* A draw from p(x | o), a function of (seed, rows[i]) alone. */
    void (*sample)(const struct lik_block *, const float *o, const float *theta, float *out, uint64_t seed,
                   const uint64_t *rows, size_t n, size_t ld);
    /* Start values that make the untrained decoder say the marginals: bias[nx * outputs], theta[nw]. */
    void (*start)(const struct lik_block *, const struct lik_marginals *, float *bias, float *theta);
    /* Keeps theta in its range after a step; NULL where it has none. */
    void (*project)(const struct lik_block *, const struct lik_marginals *, float *theta);
    /* Re-estimation of theta on rows held out, in closed form: adds the n records to stat[nw]; then settle() sets
     * theta from stat over `count` records, the old theta counting as `prior` records. NULL where there is none. */
    void (*stat)(const struct lik_block *, const float *x, const float *o, double *stat, size_t n, size_t ld);
    void (*settle)(const struct lik_block *, const double *stat, double count, double prior, float *theta);
};

extern const struct lik lik_gaussian, lik_bernoulli;
extern const struct lik *const lik_table[]; /* ends with NULL */
const struct lik *lik_by_name(const char *);

#endif
