/*
 * beside.h - what stands beside the records that are read, as columns behind their own: labels from a file or by folders, where each
 * row begins in a file that grows, the name of the file.
 */
#ifndef STREAM_BESIDE_H
#define STREAM_BESIDE_H

#include "stream/format.h"
#include "stream/state.h"

struct beside_opts {
    const char *label_from; /* as in struct vae_in_opts */
    bool label_from_path;
    bool offsets, several;  /* where rows begin; of more files than one, which then are named */
    bool names;             /* of files */
};
/* Where the records at hand come from. */
struct beside_place {
    const char *path; /* of the operand, "" for none */
    const struct state_file *file;
    const struct stream_format *format;
    const void *reader;
};

/* NULL: VAE_E* in *err, or code 0 where nothing is to stand beside records of this head. */
struct beside *beside_open(const struct vae_head *, const struct beside_opts *, struct vae_err *);
void beside_free(struct beside *);
const struct vae_head *beside_head(const struct beside *); /* the records' fields, and the columns behind them */

/* Beside the n records of the batch (n < 0: a bad one, whose label is passed over; 0: the end): how many there are now, or a code.
 * Where labels end early the records before come first, and *dead says why there is nothing more. */
int beside_add(struct beside *, struct vae_batch *, int n, const struct beside_place *, struct vae_err *dead, struct vae_err *);

#endif
