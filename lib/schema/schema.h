/*
 * schema.h - what the columns of a table are, and the way from records to the model's values and back.
 *
 * A record is d values: a column is one value (a cell of a table) or many (the pixels of an image). `raw` values are
 * doubles in the units of the input; model values are floats, (raw - center) / scale. The transform chooses center
 * and scale; scale is positive, and -log p in input units is that in model units plus the sum of log scale.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/rec.h"
#include "vae.h"

struct schema_col {
    char *name;
    enum rec_type type;               /* as it came: utf8 for cells of tables */
    size_t ndim, shape[REC_MAX_DIMS]; /* of one record; ndim 0 is one value */
    size_t width, v0;                 /* values, and the first of them */
    int decimals;                     /* digits behind the point in the input, -1 not fixed */
    const struct schema_transform *transform;
};

/* Of each value over the training rows, in input units. */
struct schema_stats {
    double *mean, *sd, *low, *high;
    double *step; /* smallest distance between two different values; 0 where there is but one value */
};

struct schema {
    size_t ncols, d;
    struct schema_col *col;
    double *center, *scale; /* [d] */
    struct schema_stats stats; /* [d] */
    size_t nkeep;
    char **keep;     /* columns that are carried */
    json_t *origin;  /* of the training data: format and dialect */
    double *mem;
};

/* A way to choose center and scale of a column's values; a row of a table. */
struct schema_transform {
    const char *name, *about;
    void (*learn)(const struct schema_col *, const struct schema_stats *, double *center, double *scale);
};
extern const struct schema_transform schema_standard, schema_unit;
extern const struct schema_transform *const schema_transforms[]; /* ends with NULL */
const struct schema_transform *schema_transform_by_name(const char *);

/* The columns of a stream of data; kept fields become keep[]. Nothing is learnt yet. */
struct schema *schema_new(const struct vae_head *, struct vae_err *);
struct schema *schema_empty(size_t ncols, struct vae_err *); /* to be filled in, then schema_place() */
int schema_place(struct schema *, struct vae_err *);         /* v0, d and the arrays [d] from the widths */
void schema_free(struct schema *);

/* The field of `head` for each column, by name, in field[ncols]; where the head is one numeric field of d values (arrays
 * have no names) the values are taken in order, `whole` is true and field[] says nothing. VAE_EDATA names a missing
 * column. */
struct schema_map {
    int *field;
    bool whole; /* one numeric field holds all d values in order */
};
int schema_bind(const struct schema *, const struct vae_head *, struct schema_map *, struct vae_err *);
void schema_map_free(struct schema_map *);

/* Records from..from+n-1 of a batch -> raw[n,d]. *good: records read before the first bad one. VAE_EROW and a
 * message that names the column for a cell that is missing or no finite number. */
int schema_read(const struct schema *, const struct schema_map *, const struct vae_batch *, const struct vae_head *,
                size_t from, size_t n, double *raw, size_t *good, struct vae_err *);
/* Learns number styles (decimals) from the records of a batch that schema_read() took. */
void schema_note_style(struct schema *, const struct schema_map *, const struct vae_batch *, size_t n);
/* Learns stats from the n records raw[rows[i],.], then center and scale. */
int schema_learn(struct schema *, const double *raw, const uint64_t *rows, size_t n, struct vae_err *);
struct schema *schema_copy(const struct schema *, struct vae_err *); /* without what was learnt */

/* The n records raw[rows[i],.] (rows NULL: raw[i,.]) -> x[n,d]. */
void schema_to_model(const struct schema *, const double *raw, const uint64_t *rows, size_t n, float *x);
/* Sum over values of log scale: what a density in model units lacks to one in input units. */
double schema_log_jacobian(const struct schema *, size_t v0, size_t n);

/* Fields like the training data's for generated or decoded records. */
struct vae_head *schema_head(const struct schema *, struct vae_err *);
/* raw[n,d] -> the schema's columns as fields 0..ncols-1 of a batch being built (rows row0..). */
int schema_write(const struct schema *, const double *raw, size_t n, size_t row0, struct rec_build *, struct vae_err *);

/* The schema without its arrays as JSON, and back (arrays are tensors of the model file). */
json_t *schema_to_json(const struct schema *);
struct schema *schema_from_json(const json_t *, struct vae_err *);

#endif
