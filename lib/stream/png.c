/* png.c - PNG images by spng. */
#include "stream/png.h"

#include <spng.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

struct target {
    struct sink *sink;
    struct vae_err *err;
    int rc; /* of the sink */
};

static int write_bytes(spng_ctx *png, void *user, void *p, size_t n) {
    struct target *t = user;
    (void)png;
    t->rc = sink_write(t->sink, p, n, t->err);
    return t->rc ? SPNG_IO_ERROR : 0;
}

/* All rows and the end of the file; 0 or a code of spng. */
static int encode(spng_ctx *png, size_t height, size_t bytes, png_row *fill, void *ctx, unsigned char *row) {
    int rc = spng_encode_image(png, NULL, 0, SPNG_FMT_PNG, SPNG_ENCODE_PROGRESSIVE | SPNG_ENCODE_FINALIZE);
    for (size_t y = 0; y < height && rc == 0; y++) {
        fill(ctx, y, row);
        rc = spng_encode_row(png, row, bytes);
    }
    return rc == SPNG_EOI ? 0 : rc;
}

int png_write(struct sink *sink, size_t width, size_t height, size_t channels, png_row *fill, void *ctx,
              struct vae_err *err) {
    if (!width || !height || width > PNG_SIDE_MAX || height > PNG_SIDE_MAX || width > PNG_PIXELS_MAX / height)
        return err_set(err, VAE_EUSAGE, "an image of %zu x %zu pixels: at most %d in all and %d a side are written",
                       width, height, PNG_PIXELS_MAX, PNG_SIDE_MAX);
    struct target t = {sink, err, 0};
    struct spng_ihdr head = {.width = (uint32_t)width,
                             .height = (uint32_t)height,
                             .bit_depth = 8,
                             .color_type = channels == 3 ? SPNG_COLOR_TYPE_TRUECOLOR : SPNG_COLOR_TYPE_GRAYSCALE};
    spng_ctx *png = spng_ctx_new(SPNG_CTX_ENCODER);
    unsigned char *row = mem_array(width, channels);
    int rc = !png || !row ? SPNG_EMEM : spng_set_png_stream(png, write_bytes, &t);
    rc = rc ? rc : spng_set_ihdr(png, &head);
    rc = rc ? rc : encode(png, height, width * channels, fill, ctx, row);
    spng_ctx_free(png);
    free(row);
    if (t.rc)
        return t.rc;
    return rc ? err_set(err, VAE_EOS, "cannot make a PNG image: %s", spng_strerror(rc)) : 0;
}
