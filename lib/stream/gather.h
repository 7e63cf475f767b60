/* gather.h - files of one record each, as images are, made into batches of many: filters work on 16 records at once or more. */
#ifndef STREAM_GATHER_H
#define STREAM_GATHER_H

#include "base/rec.h"

/* The next batch of the input: its rows, 0 at the end, or VAE_E*. */
typedef int gather_next(void *ctx, const struct vae_batch **, struct vae_err *);

struct gather;
/* Batches of records of `head`, at most `rows` (0: a good number). NULL: VAE_EOS. */
struct gather *gather_new(const struct vae_head *, size_t rows, struct vae_err *);
void gather_free(struct gather *);
/* As gather_next(): the batch says of each record which file it is of. What went wrong is told behind the records before it. */
int gather_run(struct gather *, gather_next *, void *ctx, const struct vae_batch **, struct vae_err *);

#endif
