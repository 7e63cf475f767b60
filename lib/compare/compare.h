/*
 * compare.h - three tables side by side: the rows a model learnt from (TRAIN), rows it never saw (TEST), rows it made
 * (SYNTH). TEST in SYNTH's place gives what perfect sampling would score.
 *
 * A column is numeric where all cells of TRAIN that are there are numbers, more than COMPARE_FEW of them different;
 * else categorical, a missing cell being a level of its own.
 */
#ifndef COMPARE_COMPARE_H
#define COMPARE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/pool.h"
#include "schema/schema.h"
#include "vae.h"

enum { COMPARE_TRAIN, COMPARE_TEST, COMPARE_SYNTH, COMPARE_TABLES };
enum { COMPARE_FEW = 10 };

struct compare_column {
    char *name;
    bool number;
    bool text;                          /* TRAIN has texts in it: numbers are levels as they are written */
    struct buf written;                 /* while that is not known: TRAIN's numbers, each with a NUL behind it */
    struct schema_levels levels;        /* texts of all tables; of a number those that are none */
    uint32_t *code[COMPARE_TABLES];     /* [n] categorical: the level */
    double *value[COMPARE_TABLES];      /* [n] numeric: NaN missing; what is no number stands far beyond TRAIN's values */
    uint32_t *bin[COMPARE_TABLES];      /* [n] < nbins: the level, or which tenth of TRAIN's values */
    size_t nbins;
    /* of a number, in TRAIN */
    bool missing;
    double low, high, median, sd;
    int decimals; /* that are enough for its values; 15: any */
};

struct compare {
    size_t ncols, n[COMPARE_TABLES];
    struct compare_column *col;
    struct pool *pool;
    uint64_t seed;
    size_t max_rows;
};

/* Reads the three to their ends; columns named in drop[ndrop] are left out. VAE_EDATA where their columns differ or one has
 * no rows. compare_free() whatever comes of it. */
int compare_read(struct compare *, struct vae_in *const in[COMPARE_TABLES], char *const *drop, size_t ndrop,
                 struct vae_err *);
void compare_free(struct compare *);

/* One column of table t against TRAIN: 1 - the Kolmogorov-Smirnov distance, or 1 - the total variation of levels. */
double compare_shape(const struct compare *, size_t column, size_t t, struct vae_err *); /* NaN: out of memory */
/* 1 - |difference of the shares that are missing|. */
double compare_missing(const struct compare *, size_t column, size_t t);
/* Mean over pairs of columns of 1 - |r - r'|/2 (correlations of two numbers) or 1 - the total variation of the joint table
 * of bins; VAE_EOS. */
int compare_trend(const struct compare *, size_t t, double *trend, struct vae_err *);
/* Shares, in per cent, of cells that TRAIN rules out and of rows that stand in TRAIN as they are. */
double compare_invalid(const struct compare *, size_t t);
int compare_same_rows(const struct compare *, size_t t, double *share, struct vae_err *);

/*
 * Rows as points: numbers less the median in standard deviations, at most 10, and whether they are missing; categories one
 * hot in TRAIN's COMPARE_HOT most frequent levels and one for all others.
 */
enum { COMPARE_HOT = 60 };
size_t compare_dimensions(const struct compare *);
/* rows[n] of table t -> x[n,d]. */
int compare_place(const struct compare *, size_t t, const uint64_t *rows, size_t n, float *x, struct vae_err *);
/* The i-th of table t's rows in a random order that depends on seed, table and step alone. */
uint64_t compare_sample(const struct compare *, size_t t, size_t step, uint64_t i);

/* 100 (2 - 2 AUC) of a logistic regression that tells table t from TRAIN, three-fold cross-validated: 100 is "cannot". */
int compare_c2st(const struct compare *, size_t t, double *c2st, struct vae_err *);
/* Estimated share of SYNTH's rows that are near-copies of TRAIN's, in per cent: 0 is right, up to noise. */
int compare_copied(const struct compare *, double *copied, struct vae_err *);

/* The area under the ROC curve of score[n], ties half; is[n]: the positives. Sorts nothing in place; NaN when out of memory. */
double compare_auc(const float *score, const bool *is, size_t n);
/* Logistic regression f = x w + intercept: w[d + 1], the intercept last and free, minimises the sum of log(1 + exp(-f)) (of
 * log(1 + exp(f)) where not is[i]) over the rows that are not left out, plus |w|^2 / 2, by L-BFGS (Nocedal 1980). x[n,d];
 * f[n] is of all rows. VAE_EOS. */
int compare_logistic(const float *x, const bool *is, const bool *left_out, size_t n, size_t d, float *w, float *f,
                     struct vae_err *);

#endif
