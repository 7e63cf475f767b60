/* out_dir.h - a writer of many files in a directory (-o DIR/): each file that the records came from is given back under its name. */
#ifndef STREAM_OUT_DIR_H
#define STREAM_OUT_DIR_H

#include "stream/format.h"

/* Does a path of this form name a directory: it ends in a slash, or one is there? */
bool out_dir_wanted(const char *path);

struct out_dir;
/* `format` is that of all files; head and opts are copied. The directory is made where it is not there (its parent must be). NULL:
 * VAE_ECREATE, VAE_EOS. */
struct out_dir *out_dir_open(const char *path, const struct stream_format *format, const struct vae_head *,
                             const struct vae_out_opts *, struct vae_err *);
/* 0 or VAE_E*; VAE_ECREATE where two files have one name. What was written before stays. */
int out_dir_put(struct out_dir *, const struct vae_batch *, struct vae_err *);
int out_dir_flush(struct out_dir *, struct vae_err *);
/* Ends the last file, as vae_out_close(), and frees. */
int out_dir_close(struct out_dir *, int status, struct vae_err *);

#endif
