/*
 * series.h - new rows of a series, one after the other, from a model of windows.
 *
 * The values of the columns of a row itself are the first d0 of a window's d.
 */
#ifndef GEN_SERIES_H
#define GEN_SERIES_H

#include "gen/gen.h"

/* A new series, or many: vae_generate() of a model of windows. */
struct vae_op *gen_series(const struct vae_model *, const struct vae_op_opts *, struct vae_err *);

/* What a model of windows is of: which columns are steps, which name the series. */
struct gen_rows {
    const struct schema *schema;
    size_t window, ncols, d0; /* rows of one; columns and values of a row */
    bool *step;               /* [ncols] it holds the steps of a column, */
    char **of;                /* [ncols] of this name; NULL: it does not */
    size_t ngroup;
    char **group;             /* [ngroup] */
    struct gen_recode {
        size_t n;             /* 0: the value as it is */
        bool codes;           /* it is a code, and value[code] what becomes of it; else the code of the nearest value[n] */
        double *value;
    } *recode;                /* [schema->ncols] of columns of rows before: from the value of the row itself, and */
    struct gen_recode *back;  /* back to that; of steps that are levels: their numbers */
};
int gen_rows_new(struct gen_rows *, const struct schema *, struct vae_err *);
void gen_rows_free(struct gen_rows *);
double gen_recode(const struct gen_recode *, double);

/* The ends of series that are gone on with (after.c). */
struct gen_ends {
    size_t n, cap;
    struct gen_end {
        size_t rows;  /* that are known, at most window - 1 */
        double *past; /* [window,d0] rows in input units, the last one last */
        double *sum;  /* [d0] of columns of steps: the last value */
        char **group; /* [ngroup] cells as they stood, in CSV form */
    } *end;
};
/* All rows of a reader; bad ones are left out and counted in *bad, or with bad NULL end it. */
int gen_ends_read(struct gen_ends *, const struct gen_rows *, struct vae_in *, uint64_t *bad, struct vae_err *);
void gen_ends_free(struct gen_ends *, const struct gen_rows *);

#endif
