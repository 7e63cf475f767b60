/* png.c - PNG images by spng. Of an indexed image the colours are read; bits of grey are brought to 0..255. */
#include "stream/png.h"

#include <spng.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/image.h"

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
    static const uint8_t colours[] = {SPNG_COLOR_TYPE_GRAYSCALE, SPNG_COLOR_TYPE_GRAYSCALE_ALPHA, SPNG_COLOR_TYPE_TRUECOLOR,
                                      SPNG_COLOR_TYPE_TRUECOLOR_ALPHA};
    struct target t = {sink, err, 0};
    struct spng_ihdr head = {
        .width = (uint32_t)width, .height = (uint32_t)height, .bit_depth = 8, .color_type = colours[channels - 1]};
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

/* ---- the format -------------------------------------------------------------------------------------------- */

/* Of what is kept of a file beside its pixels, profiles and texts, which may be packed a thousandfold. */
enum { CHUNKS_MAX = 16 << 20 };

static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static bool png_sniff(const unsigned char *p, size_t n) {
    return n >= sizeof signature && !memcmp(p, signature, sizeof signature);
}

struct origin {
    struct source *src;
    struct vae_err err; /* of the source */
};

static int read_bytes(spng_ctx *png, void *user, void *p, size_t n) {
    struct origin *o = user;
    (void)png;
    int rc = source_exact(o->src, p, n, &o->err);
    return rc == 1 ? 0 : rc == 0 || o->err.code == VAE_EDATA ? SPNG_IO_EOF : SPNG_IO_ERROR;
}

/* Sizes, and what spng is to make of the pixels. */
static int take_header(spng_ctx *png, struct source *src, struct image *m, int *fmt, int *flags, int *rc, struct vae_err *err) {
    struct spng_ihdr h;
    struct spng_trns alpha;
    size_t channels = 1;
    if ((*rc = spng_get_ihdr(png, &h)))
        return VAE_EDATA;
    if (h.bit_depth > 8)
        return err_set(err, VAE_EDATA, "%s: 16 bits a value, 8 are read", source_name(src));
    *fmt = SPNG_FMT_G8, *flags = 0;
    if (h.color_type == SPNG_COLOR_TYPE_GRAYSCALE_ALPHA)
        *fmt = SPNG_FMT_PNG, channels = 2; /* as they stand */
    else if (h.color_type == SPNG_COLOR_TYPE_TRUECOLOR_ALPHA)
        *fmt = SPNG_FMT_RGBA8, channels = 4;
    else if (h.color_type == SPNG_COLOR_TYPE_INDEXED && spng_get_trns(png, &alpha) == 0)
        *fmt = SPNG_FMT_RGBA8, channels = 4, *flags = SPNG_DECODE_TRNS;
    else if (h.color_type != SPNG_COLOR_TYPE_GRAYSCALE)
        *fmt = SPNG_FMT_RGB8, channels = 3;
    return image_room(m, h.height, h.width, channels, source_name(src), err);
}

static int png_load(struct source *src, struct image *m, struct vae_err *err) {
    const unsigned char *p;
    long n = source_peek(src, 1, &p, err);
    if (n <= 0)
        return (int)n;
    struct origin o = {.src = src};
    int fmt = 0, flags = 0, rc, e;
    spng_ctx *png = spng_ctx_new(0);
    if (!png)
        return err_set(err, VAE_EOS, "out of memory");
    rc = spng_set_image_limits(png, IMAGE_SIDE_MAX, IMAGE_SIDE_MAX);
    rc = rc ? rc : spng_set_chunk_limits(png, CHUNKS_MAX, CHUNKS_MAX);
    rc = rc ? rc : spng_set_png_stream(png, read_bytes, &o);
    e = rc ? 0 : take_header(png, src, m, &fmt, &flags, &rc, err);
    if (!e && !rc)
        rc = spng_decode_image(png, m->v, image_bytes(m), fmt, flags);
    if (!e && !rc)
        rc = spng_decode_chunks(png); /* up to its end: another may follow */
    spng_ctx_free(png);
    if (o.err.code && o.err.code != VAE_EDATA) {
        *err = o.err;
        return o.err.code;
    }
    if (rc == SPNG_EMEM)
        return err_set(err, VAE_EOS, "out of memory");
    if (rc)
        return err_set(err, VAE_EDATA, "%s: no good PNG image: %s", source_name(src),
                       rc == SPNG_IO_EOF ? "it ends early" : spng_strerror(rc));
    return e ? e : 1;
}

static void give_row(void *ctx, size_t y, unsigned char *row) {
    const struct image *m = ctx;
    memcpy(row, m->v + y * m->width * m->channels, m->width * m->channels);
}

static int png_save(struct sink *sink, const struct image *m, struct vae_err *err) {
    return png_write(sink, m->width, m->height, m->channels, give_row, (void *)(uintptr_t)m, err);
}

static void *png_open(struct source *src, const struct stream_read_opts *o, struct vae_err *err) {
    return image_open(src, png_load, "png", o, err);
}

static void *png_create(struct sink *s, const struct vae_head *h, const struct vae_out_opts *o, struct vae_err *err) {
    (void)o;
    return image_create(s, h, png_save, 1, "png", err);
}

const struct stream_format stream_png = {
    .name = "png",
    .about = "PNG images",
    .files = true,
    .single = true,
    .sniff = png_sniff,
    .open = png_open,
    .head = image_head,
    .next = image_next,
    .where = image_where,
    .close = image_close,
    .create = png_create,
    .put = image_put,
    .destroy = image_destroy,
};
