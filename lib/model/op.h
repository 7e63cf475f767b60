/* op.h - what a filter is inside: a head, a function from batch to batch, and its own state behind it. */
#ifndef MODEL_OP_H
#define MODEL_OP_H

#include "base/pool.h"
#include "base/rec.h"
#include "model/model.h"

struct vae_op {
    const struct vae_model *m; /* NULL where none is needed */
    struct vae_op_opts opts;
    struct vae_head *head;
    struct rec_build *build; /* of head */
    struct pool *pool;
    size_t nworkers;
    struct spell *spell;     /* [nworkers] of lines */
    struct model_pass *pass; /* [nworkers], MAT_PANEL records each; NULL where op_seal() was asked for none */
    struct schema_map map;
    struct vae_op_totals totals; /* seen is added to it */
    struct schema_seen seen;  /* missing cells and unknown texts of what was read */
    uint64_t row; /* number of the next record */

    const struct vae_head *in; /* NULL for generators */
    size_t nkeep;
    int *keep_in, *keep_out;   /* fields carried from `in` to head */
    double *raw;               /* [cap,d] */
    float *x;                  /* [cap, max(d, zdim)]: values in model units, or latents */
    size_t cap;                /* records those hold */

    size_t given;              /* records that run() made of the *n it read, where it sets it: else as many */
    size_t held;               /* records at the beginning of build that are held back until a later call */

    int (*run)(struct vae_op *, const struct vae_batch *, size_t from, size_t *n, struct vae_err *);
    int (*generate)(struct vae_op *, size_t n, const struct vae_batch **out, struct vae_err *); /* of generators */
    int (*end)(struct vae_op *, struct vae_err *); /* of an op that holds records back: the last ones are to be given */
    void (*judged)(const struct vae_op *, struct vae_score_totals *); /* of an op that decides on anomalies anew: how many */
    void *state;
    void (*free_state)(void *);
};

/* An operation with its pool, reading `in` (may be NULL), writing a head of this kind. */
struct vae_op *op_new(const struct vae_model *, const struct vae_head *in, const char *kind, const struct vae_op_opts *,
                      struct vae_err *);
/* One without a model, threads and BLAS. */
struct vae_op *op_plain(const struct vae_head *in, const char *kind, struct vae_err *);
/* Adds the fields of `in` that are to be carried to the head: those with keep[field], or with NULL the ones flagged so. */
int op_keep(struct vae_op *, const bool *keep, struct vae_err *);
/* Is a field of this name one of the model's conditions? */
bool op_is_condition(const struct vae_op *, const char *name);
/* Of scores: whole rows, or kept columns but conditions that are no clocks, or where there are none a number, "row" (then *row is
 * set), as the first fields. */
int op_keep_or_row(struct vae_op *, bool *row, struct vae_err *);
/* Copies the kept cells of records from..from+n-1. */
int op_carry(struct vae_op *, const struct vae_batch *, size_t from, size_t n, struct vae_err *);
/* Of those only the from + pick[k] for k < n: they become records 0..n-1. */
int op_carry_picked(struct vae_op *, const struct vae_batch *, size_t from, const size_t *pick, size_t n, struct vae_err *);
/* Ready to run: the head is complete. panels: with a pass for each worker, for op_panels(). */
int op_seal(struct vae_op *, bool panels, struct vae_err *);
/* Reads records from..from+*n-1 into raw and x; *n becomes the number before the first bad one. As schema_read(). */
int op_read(struct vae_op *, const struct vae_batch *, size_t from, size_t *n, struct vae_err *);
/* All rows of a reader that is given beside the input -> raw[rows,d], the caller's whatever comes of it; option is for messages. Bad
 * ones are left out and counted in *bad, or with bad NULL end it. */
int op_read_all(const struct vae_model *, struct vae_in *, const char *option, uint64_t *bad, double **raw, size_t *rows,
                struct vae_err *);
/* Room for n records in raw and x. */
int op_reserve(struct vae_op *, size_t n, struct vae_err *);

/* Runs fn(op, worker's pass, first record, records) for panels of MAT_PANEL out of n records. */
typedef void op_panel_fn(struct vae_op *, struct model_pass *, size_t first, size_t n);
void op_panels(struct vae_op *, size_t n, op_panel_fn *);

/* Loads n records of x[.,d] (those named by rows, or the first n) into all MAT_PANEL columns, the last one repeated, and
 * encodes them. */
void op_encode_panel(const struct vae_model *, struct model_pass *, const float *x, const uint64_t *rows, size_t n);

/* z of a full panel -> values in pass->x: means, all at once; or draws, down the chain where there is one. */
void op_fill(const struct vae_model *, struct model_pass *, bool sample, uint64_t seed, const uint64_t *rows);

/* pass->x -> raw[n,d]; draws of plain numbers are kept within the range of the training rows. */
void op_to_input_units(const struct schema *, const struct model_pass *, size_t n, bool sample, double *raw);

#endif
