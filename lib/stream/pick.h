/* pick.h - which fields of a typed stream (VTS, NPY, IDX) a reader hands out, and in what order. */
#ifndef STREAM_PICK_H
#define STREAM_PICK_H

#include "stream/format.h"

/*
 * The head a reader shows for a file whose fields are `have`. Nothing wanted: all fields as they stand. Else the wanted
 * ones in their order (optional ones become kept ones), then those of opts->keep, then those the stream itself marks as
 * kept. Where `unnamed`, the file format has no names, and the one needed field is the one there is.
 * *index[*out's nfields] says where in `have` each comes from; both are the caller's to free. VAE_EDATA where a column
 * is missing, VAE_EUSAGE where it is one to keep; name is for the message.
 */
int stream_pick(const struct vae_head *have, const struct stream_read_opts *opts, bool unnamed, const char *name,
                struct vae_head **out, size_t **index, struct vae_err *);

#endif
