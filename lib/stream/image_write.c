/* image_write.c - records to streams of images (image.h). What is carried beside an image is left out. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "stream/image.h"

struct image_writer {
    struct sink *sink;
    image_save *save;
    size_t most, field; /* images of a file, 0: any; the field that is the image */
    uint64_t put;
    struct image image;
    const char *format;
};

bool image_field(const struct rec_field *f, struct image *m) {
    if (f->type != REC_U8 || f->ndim < 2 || f->ndim > 3 || (f->ndim == 3 && f->shape[2] > IMAGE_CHANNELS_MAX))
        return false;
    *m = (struct image){.height = f->shape[0], .width = f->shape[1], .channels = f->ndim == 3 ? f->shape[2] : 1};
    return true;
}

/* The field that is the image: the only one that is not carried. */
static int find(struct image_writer *w, const struct vae_head *head, struct vae_err *err) {
    size_t n = 0;
    for (size_t i = 0; i < head->nfields; i++) {
        const struct rec_field *f = &head->fields[i];
        if (!f->keep && !f->apart)
            w->field = i, n++;
    }
    if (n == 1 && image_field(&head->fields[w->field], &w->image))
        return 0;
    return err_set(err, VAE_EUSAGE, "%s: records are no images of bytes, H x W or H x W x C, C at most %d (vae-plot draws any numbers)",
                   w->format, IMAGE_CHANNELS_MAX);
}

void *image_create(struct sink *sink, const struct vae_head *head, image_save *save, size_t most, const char *format,
                   struct vae_err *err) {
    struct image_writer *w = mem_array(1, sizeof *w);
    if (!w) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    w->sink = sink, w->save = save, w->most = most, w->format = format;
    if (!find(w, head, err))
        return w;
    free(w);
    return NULL;
}

int image_put(void *writer, const struct vae_batch *b, struct vae_err *err) {
    struct image_writer *w = writer;
    size_t bytes = image_bytes(&w->image);
    int rc = 0;
    for (size_t i = 0; i < b->rows && !rc; i++) {
        if (w->most && w->put == w->most)
            return err_set(err, VAE_EUSAGE, "%s: a file of %s holds one image; say -o DIR/, --grid or -t pam", sink_name(w->sink),
                           w->format);
        w->image.v = (unsigned char *)(uintptr_t)b->cols[w->field].data + i * bytes;
        rc = w->save(w->sink, &w->image, err);
        w->put++;
    }
    return rc;
}

void image_destroy(void *writer) { free(writer); }
