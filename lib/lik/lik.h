/*
 * lik.h - likelihoods p(x given z): what the outputs of the decoder mean. A row of a table each.
 *
 * A model's values are cut in blocks of one likelihood. All panels are feature-major, ld columns apart, and start at the
 * block: x[nx,n] values in model units, o[nx * outputs,n] decoder outputs, theta the block's free parameters.
 * Log-probabilities are in nats, summed over the values of the block; densities are in model units (the schema
 * knows the log-Jacobian to input units), but those over cells are in input units already (cells.h).
 *
 * A missing value is a NaN in x: it has no part in nll, grad and stat, and its d is 0.
 */
#ifndef LIK_LIK_H
#define LIK_LIK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cells.h"

struct lik_block {
    const struct lik *lik;
    size_t nx;     /* values; 1 for a likelihood over cells */
    size_t no;     /* decoder outputs, lik_outputs() of each value */
    size_t x0, o0; /* first value, first decoder output */
    size_t col;    /* the schema's column, where it is of one */
    size_t w0, nw; /* free parameters in the model's array: lik_params() of each value, or of one where tied */
    const struct cells *cells; /* of the value, NULL for likelihoods of plain numbers */
    bool tied;     /* one set of parameters for all values (the pixels of an image) */
    bool spread;   /* where lik->spreads: two outputs a value, the second for its sd (spread.h) */
    bool unit;     /* where lik->spreads: its scale is 1, no parameter */
    float step;    /* where lik->grid: between neighbouring values */
};

/* Marginals of the training rows in model units, each [nx]; floor: the smallest sensible sd (resolution / sqrt 12). */
struct lik_marginals {
    const double *mean, *sd, *floor;
    const double *level; /* [cells->nlevels] shares of the levels, sum 1; NULL without cells */
};

enum { LIK_EACH_LEVEL = -1, LIK_EACH_CUT = -2, LIK_LEVEL_AND_BELL = -3 };
/* outputs or params: as many as there are levels; levels - 1; levels + 3 */

struct lik {
    const char *name, *about;
    int outputs;    /* decoder outputs a value, or LIK_EACH_LEVEL */
    int params;     /* free parameters a value, or LIK_EACH_CUT; value after value */
    bool cells;     /* over the cells of a column: x is a place in them */
    bool spreads;   /* its blocks may have `spread` set */
    bool mass;      /* a probability, not a density: it has no Jacobian; with max above 1 model units must be input units */
    bool grid;      /* values stand on a grid of equal steps from min to max: each column has its own block */
    double min, max; /* the range of values it can explain */

    /* nll[i] -= log p(x_i | o_i); with d: d[.,i] = scale * d(nll_i)/d(o). Adds to nll. */
    void (*nll)(const struct lik_block *, const float *x, const float *o, const float *theta, double *nll, float *d,
                float scale, size_t n, size_t ld);
    /* An aid to training beside the likelihood, NULL for none: loss[i] (may be NULL) += what outputs that nll has no use for (but mean
     * has) are learned by; d[.,i] of these = scale * its gradient. No bound counts it. */
    void (*guide)(const struct lik_block *, const float *x, const float *o, double *loss, float *d, float scale, size_t n,
                  size_t ld);
    /* dtheta[nw] = scale * sum over the n records of weight * d(nll)/d(theta); weight[n], NULL: 1 each. NULL without
     * parameters. */
    void (*grad)(const struct lik_block *, const float *x, const float *o, const float *theta, const float *weight,
                 float *dtheta, float scale, size_t n, size_t ld);
    /* E[x | o], the most probable level of categories; out[nx,.] may be o. */
    void (*mean)(const struct lik_block *, const float *o, const float *theta, float *out, size_t n, size_t ld);
    /* Standard deviations out[nx,.] of x | o; NULL over cells. */
    void (*sd)(const struct lik_block *, const float *o, const float *theta, float *out, size_t n, size_t ld);
    /* Probabilities of the levels, out[nlevels,.]; NULL but over cells. */
    void (*levels)(const struct lik_block *, const float *o, const float *theta, float *out, size_t n, size_t ld);
    /* A draw from p(x | o), a function of (seed, rows[i]) alone. out may be o. */
    void (*sample)(const struct lik_block *, const float *o, const float *theta, float *out, uint64_t seed,
                   const uint64_t *rows, size_t n, size_t ld);
    /* log P(low <= value <= high | o) of each record, in units of raw values for cells and of x else, added to logp[i]: a
     * condition that is a range. set (may be NULL, cells only): [cells->n] which cells of the range are allowed. */
    void (*range)(const struct lik_block *, const float *o, const float *theta, double low, double high,
                  const bool *set, double *logp, size_t n, size_t ld);
    /* A draw from p(x | o, the same condition). */
    void (*sample_range)(const struct lik_block *, const float *o, const float *theta, double low, double high,
                         const bool *set, float *out, uint64_t seed, const uint64_t *rows, size_t n, size_t ld);
    /* Start values that make the untrained decoder say the marginals: bias[no], theta[nw]. */
    void (*start)(const struct lik_block *, const struct lik_marginals *, float *bias, float *theta);
    /* Keeps theta in its range after a step; NULL where it has none. */
    void (*project)(const struct lik_block *, const struct lik_marginals *, float *theta);
    /* Is theta (finite, as it stands in a file) one that the formulas hold for? NULL where any is. */
    bool (*sound)(const struct lik_block *, const float *theta);
    /* Re-estimation of theta on rows held out, in closed form: adds the n records to stat[2 * nw] (sums, then how many
     * values are in each); settle() sets theta from it, the old one counting as `prior` records. NULL where there is none. */
    void (*stat)(const struct lik_block *, const float *x, const float *o, double *stat, size_t n, size_t ld);
    void (*settle)(const struct lik_block *, const double *stat, double prior, float *theta);
};

enum { LIK_GRID_MAX = 1 << 20 }; /* steps of a grid: what floats can tell apart */

/* What record i counts in a gradient. */
static inline double lik_weight(const float *weight, size_t i) { return weight ? (double)weight[i] : 1; }

extern const struct lik lik_gaussian, lik_laplace, lik_student, lik_bernoulli, lik_cbernoulli, lik_dlogistic,
    lik_negbinomial, lik_categorical, lik_binned, lik_ordinal;
extern const struct lik *const lik_table[]; /* ends with NULL */
size_t lik_outputs(const struct lik *, const struct cells *); /* decoder outputs of one value */
size_t lik_params(const struct lik *, const struct cells *);  /* free parameters of one value */
const struct lik *lik_by_name(const char *);
/* Value j of a block as a block of its own. */
struct lik_block lik_value(const struct lik_block *, size_t j);

#endif
