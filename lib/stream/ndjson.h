/* ndjson.h - the two halves of the format of JSON objects: ndjson.c reads, ndjson_write.c writes. */
#ifndef STREAM_NDJSON_H
#define STREAM_NDJSON_H

#include "stream/format.h"

/* As of a stream_format. */
void *ndjson_create(struct sink *, const struct vae_head *, const struct vae_out_opts *, struct vae_err *);
int ndjson_put(void *, const struct vae_batch *, struct vae_err *);
void ndjson_destroy(void *);

#endif
