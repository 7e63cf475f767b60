/* agree.h - may the records of one input follow those of another? */
#ifndef STREAM_AGREE_H
#define STREAM_AGREE_H

#include "base/rec.h"

/* Heads of files `first` and `name`: 0, or VAE_EDATA with what is in the way and the way out where there is one. */
int stream_agree(const struct vae_head *a, const char *first, const struct vae_head *b, const char *name, struct vae_err *);

#endif
