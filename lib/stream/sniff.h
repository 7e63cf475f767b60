/* sniff.h - which format a source has, by its first bytes. */
#ifndef STREAM_SNIFF_H
#define STREAM_SNIFF_H

#include "stream/format.h"

/* Of what is read next; *format is NULL where there is nothing. named: the format that was asked for, NULL: the content tells. text: what
 * else would be a table is lines of text. 0, or VAE_EDATA where it is none that is read. */
int stream_sniff(struct source *, const struct stream_format *named, bool text, const struct stream_format **format, struct vae_err *);

#endif
