/* image_read.c - records from streams of images (image.h). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "stream/image.h"
#include "stream/pick.h"

enum { BATCH_NEAR = 1 << 18 }; /* bytes of a batch aimed at */

struct image_reader {
    struct source *src;
    image_load *load;
    size_t size[3]; /* what images are made to be: height, width, channels (0: theirs); all 0: they are as they come */
    struct vae_head *head;
    struct image first, image, resized; /* what all must be like; the one at hand */
    size_t bytes, batch_rows;           /* of an image; images of a batch, at most */
    unsigned char *v;                   /* [batch_rows, bytes] */
    bool waiting;                       /* `image` is loaded, but not handed out */
    uint64_t given;
    size_t last;
    struct rec_col col;
    struct vae_err fault; /* behind the images of the last batch */
};

int image_room(struct image *m, size_t height, size_t width, size_t channels, const char *name, struct vae_err *err) {
    size_t bytes;
    if (!height || !width)
        return err_set(err, VAE_EDATA, "%s: an image without pixels", name);
    if (!mem_mul(height, width, &bytes) || !mem_mul(bytes, channels, &bytes) || bytes > IMAGE_BYTES_MAX || width > IMAGE_SIDE_MAX ||
        height > IMAGE_SIDE_MAX)
        return err_set(err, VAE_EDATA, "%s: an image of %zux%zu pixels, at most %d MiB of them are read", name, height, width,
                       IMAGE_BYTES_MAX >> 20);
    m->height = height, m->width = width, m->channels = channels;
    return mem_grow(&m->v, &m->cap, bytes, 1, err);
}

/* The next image in r->image as it will be handed out: 1, 0, or VAE_E*. */
static int load(struct image_reader *r, struct vae_err *err) {
    int rc = r->load(r->src, &r->image, err);
    if (rc <= 0 || !r->size[0])
        return rc;
    size_t size[3] = {r->size[0], r->size[1], r->size[2] ? r->size[2] : r->image.channels};
    if (size[0] == r->image.height && size[1] == r->image.width && size[2] == r->image.channels)
        return 1;
    rc = image_resize(&r->image, size, &r->resized, err);
    struct image swap = r->image;
    r->image = r->resized, r->resized = swap;
    return rc ? rc : 1;
}

/* May it follow the first one? */
static int same_size(const struct image_reader *r, size_t rows, struct vae_err *err) {
    const struct image *a = &r->first, *b = &r->image;
    if (a->height == b->height && a->width == b->width && a->channels == b->channels)
        return 0;
    return err_set(err, VAE_EDATA, "%s: image %" PRIu64 ": height x width x channels are %zux%zux%zu, before it %zux%zux%zu; "
                   "--resize %zux%zux%zu makes them alike", source_name(r->src), r->given + rows + 1, b->height, b->width,
                   b->channels, a->height, a->width, a->channels, a->height, a->width, a->channels);
}

static int make_head(struct image_reader *r, const char *format, const struct stream_read_opts *opts, struct vae_err *err) {
    size_t shape[] = {r->image.height, r->image.width, r->image.channels}, *pick = NULL;
    struct vae_head *all = rec_head_new("data", err);
    int rc = all ? 0 : VAE_EOS;
    if (!rc && !(all->origin = json_pack("{s:s}", "format", format)))
        rc = err_set(err, VAE_EOS, "out of memory");
    if (!rc && !rec_head_add(all, "pixel", REC_U8, r->image.channels > 1 ? 3 : 2, shape, err))
        rc = VAE_EOS;
    rc = rc ? rc : stream_pick(all, opts, true, source_name(r->src), &r->head, &pick, err);
    free(pick);
    rec_head_free(all);
    return rc;
}

void *image_open(struct source *src, image_load *fn, const char *format, const struct stream_read_opts *opts, struct vae_err *err) {
    struct image_reader *r = mem_array(1, sizeof *r);
    if (!r) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    r->src = src, r->load = fn;
    memcpy(r->size, opts->resize, sizeof r->size);
    int rc = load(r, err);
    if (rc == 0)
        rc = err_set(err, VAE_EDATA, "%s: no image", source_name(src));
    rc = rc < 0 ? rc : make_head(r, format, opts, err);
    if (!rc) {
        r->first = r->image, r->first.v = NULL;
        r->bytes = image_bytes(&r->image);
        size_t most = r->bytes < BATCH_NEAR ? BATCH_NEAR / r->bytes : 1;
        r->batch_rows = opts->batch_rows && opts->batch_rows < most ? opts->batch_rows : most;
        r->v = mem_array(r->batch_rows, r->bytes);
        r->waiting = true;
        rc = r->v ? 0 : err_set(err, VAE_EOS, "out of memory");
    }
    if (!rc)
        return r;
    image_close(r);
    return NULL;
}

const struct vae_head *image_head(const void *reader) { return ((const struct image_reader *)reader)->head; }

int image_next(void *reader, struct vae_batch *out, struct vae_err *err) {
    struct image_reader *r = reader;
    size_t rows = 0;
    int rc = 1;
    r->given += r->last;
    r->last = 0;
    while (rows < r->batch_rows && !r->fault.code) {
        if (!r->waiting && rows && source_idle(r->src))
            break;
        rc = r->waiting ? 1 : load(r, &r->fault);
        rc = rc > 0 && same_size(r, rows, &r->fault) ? r->fault.code : rc;
        if (rc <= 0)
            break;
        memcpy(r->v + rows++ * r->bytes, r->image.v, r->bytes);
        r->waiting = false;
    }
    if (!rows && r->fault.code) {
        *err = r->fault;
        return r->fault.code;
    }
    r->col = (struct rec_col){.data = r->v};
    *out = (struct vae_batch){.rows = rows, .first = r->given, .nfields = 1, .cols = &r->col};
    r->last = rows;
    return (int)rows;
}

/* Numbered from 1, as lines are. */
void image_where(const void *reader, size_t row, char out[64]) {
    const struct image_reader *r = reader;
    snprintf(out, 64, "image %" PRIu64, r->given + row + 1);
}

void image_close(void *reader) {
    struct image_reader *r = reader;
    if (!r)
        return;
    rec_head_free(r->head);
    free(r->image.v), free(r->resized.v), free(r->v), free(r);
}
