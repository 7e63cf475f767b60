/* png.h - PNG images (ISO/IEC 15948), written row by row: 8 bits a value. The only user of spng. */
#ifndef STREAM_PNG_H
#define STREAM_PNG_H

#include "stream/sink.h"

enum { PNG_SIDE_MAX = 1 << 20, PNG_PIXELS_MAX = 1 << 26 };

/* Fills in row y: row[width * channels]. */
typedef void png_row(void *ctx, size_t y, unsigned char *row);

/* A whole image, channels 1 to 4 (grey, grey and alpha, RGB, RGB and alpha). Sides are 1..PNG_SIDE_MAX and their product is at most
 * PNG_PIXELS_MAX, else VAE_EUSAGE. */
int png_write(struct sink *, size_t width, size_t height, size_t channels, png_row *, void *ctx, struct vae_err *);

#endif
