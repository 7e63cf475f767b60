/* offsets.h - columns beside the records of a table that grows: where each of them begins. */
#ifndef STREAM_OFFSETS_H
#define STREAM_OFFSETS_H

#include "base/rec.h"
#include "stream/state.h"

struct offsets;
/* Adds the columns file (if asked for), inode and offset to the head, to be carried. VAE_EUSAGE: a name is taken. */
struct offsets *offsets_open(struct vae_head *, bool file, struct vae_err *);
void offsets_free(struct offsets *);
/* Those of the n records of the last batch -> cols[], which live until the next call. 0 or VAE_EOS. */
int offsets_next(struct offsets *, const struct state_file *, const struct stream_format *, const void *reader, size_t n,
                 struct rec_col *cols, struct vae_err *);

#endif
