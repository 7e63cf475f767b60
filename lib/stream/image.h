/*
 * image.h - what the formats of images share: files and streams of one or more images, 8 bits a value, of 1 to 4 channels (grey,
 * grey and alpha, RGB, RGB and alpha), all of one size.
 *
 * A record is an image: one field "pixel" of REC_U8, [height, width] or [height, width, channels], the channel innermost.
 */
#ifndef STREAM_IMAGE_H
#define STREAM_IMAGE_H

#include "base/mem.h"
#include "stream/format.h"

enum { IMAGE_SIDE_MAX = 1 << 20, IMAGE_BYTES_MAX = 64 << 20, IMAGE_CHANNELS_MAX = 4 };

struct image {
    size_t height, width, channels;
    unsigned char *v; /* [height, width, channels], room for `cap` bytes */
    size_t cap;
};

/* Sets the sizes and makes room, before a pixel is read. VAE_EDATA where a side is 0 or there are more than IMAGE_BYTES_MAX bytes;
 * `name` is for messages. */
int image_room(struct image *, size_t height, size_t width, size_t channels, const char *name, struct vae_err *);
static inline size_t image_bytes(const struct image *m) { return m->height * m->width * m->channels; }

/* image -> out[height, width, channels] of other sizes: smaller ones are weighted means (Mitchell & Netravali 1988), larger ones
 * interpolated; grey is .299 R + .587 G + .114 B (BT.601), alpha is dropped, or full where it is new. 0 or VAE_EOS. */
int image_resize(const struct image *, const size_t size[3], struct image *out, struct vae_err *);

/* The next image of a stream: 1, 0 at its clean end, or VAE_E*. */
typedef int image_load(struct source *, struct image *, struct vae_err *);
/* A reader of such a stream; then head, next, where and close are a stream_format's. */
void *image_open(struct source *, image_load *, const char *format, const struct stream_read_opts *, struct vae_err *);
const struct vae_head *image_head(const void *);
int image_next(void *, struct vae_batch *, struct vae_err *);
void image_where(const void *, size_t row, char out[64]);
void image_close(void *);

/* Writes an image. most: a file of the format holds so many of them, 0: any number. */
typedef int image_save(struct sink *, const struct image *, struct vae_err *);
/* A writer of records of one field of bytes that is an image. Then put and destroy are a stream_format's. */
void *image_create(struct sink *, const struct vae_head *, image_save *, size_t most, const char *format, struct vae_err *);
int image_put(void *, const struct vae_batch *, struct vae_err *);
void image_destroy(void *);

/* Is a field an image: bytes, [height, width] or [height, width, 1..4]? Its sizes. */
bool image_field(const struct rec_field *, struct image *);

#endif
