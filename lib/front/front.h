/*
 * front.h - from the records of a reader to those of a model: a column becomes its steps, and some rows of a series become one
 * record. What comes out is a table like any other, only wider; nothing above knows more of it.
 *
 *   --diff epoch    the column `epoch` becomes `epoch.step`, its value minus the one of the row before
 *   --window 3      behind the columns cpu, mem stand cpu@-1, mem@-1, cpu@-2, mem@-2: the rows before, the nearest first
 *   --group host    rows with one value of `host` are a series; so are the rows of a file
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "base/mem.h"
#include "base/rec.h"

enum { FRONT_WINDOW_MAX = 4096, FRONT_SERIES_MAX = 65536 };

struct front_spec {
    size_t window; /* rows of a record, 0 and 1: its own */
    size_t step;   /* records of a fit end at every step-th row of a series, 0 and 1: at each */
    char *const *group, *const *diff; /* names of columns */
    size_t ngroup, ndiff;
};

/* Is there anything to do? */
bool front_wanted(const struct front_spec *);
/* What a model keeps (as "front" of the origin of its data), with the names of the columns of `in`; and back: texts live with
 * the JSON, the lists are the caller's to free with front_spec_free(). VAE_EDATA for what makes no sense. */
json_t *front_to_json(const struct front_spec *, const struct vae_head *in);
int front_from_json(const json_t *, struct front_spec *, struct vae_err *);
void front_spec_free(struct front_spec *);

struct front;
struct front_opts {
    const bool *now; /* [fields of in] no earlier values of this one are wanted; NULL: of all that are not kept */
    bool values;     /* beside steps the values they are of, carried, behind all other columns */
    bool whole;      /* records of whole windows alone, every `step` rows; else one for each row, and where rows are missing before
                      * it, it stands for these, too, and is marked: vae_batch.partial */
};
/* `in` must outlive it. VAE_EUSAGE names a column that is not there. */
struct front *front_new(const struct vae_head *in, const struct front_spec *, const struct front_opts *, struct vae_err *);
void front_free(struct front *);
const struct vae_head *front_head(const struct front *);
/* Rows *at.. of a batch -> *out, which lives until the next call, and *at moves on: behind the last one taken. Their number; or
 * VAE_EROW, where the first of them is bad, and *at is behind it. */
int front_run(struct front *, const struct vae_batch *, size_t *at, const struct vae_batch **out, struct vae_err *);
/* The row of the batch that record i of the last *out ends with. */
size_t front_row(const struct front *, size_t i);
/* Records before one that may share rows with it, by the series there were so far; 0 without windows. */
size_t front_overlap(const struct front *);
/* Another file begins, and no series goes on. With a name (which must live on) those of a file of this name do. */
void front_cut(struct front *, const char *name);

enum { FRONT_HELD_MAX = 32 << 20 }; /* bytes of it */
/* Appends what records to come need of the rows so far, without those of record `done` of the last *out and behind it: text, where all
 * columns are; of series that no row came of in this run as many as there is room for. Not with opts->whole. VAE_EDATA: it is too long. */
int front_save(struct front *, size_t done, struct buf *out, struct vae_err *);
/* And back, before the first row. 1; 0 where it is of other columns or windows, so that nothing is gone on with; VAE_EDATA, VAE_EOS. */
int front_load(struct front *, const char *p, size_t n, struct vae_err *);

#endif
