/* images.h - records as images: their shape, and their values kept. */
#ifndef REPORT_IMAGES_H
#define REPORT_IMAGES_H

#include "base/mem.h"
#include "base/rec.h"

struct images {
    const struct vae_head *head;
    size_t height, width, channels; /* 1 or 3 channels */
    size_t row, column, channel;    /* steps between values of an image in those directions */
    size_t size;                    /* values of one */
    bool bytes;                     /* all of them are u8 */
    size_t n, cap;
    float *v; /* [n, size], NaN: none */
};

/* Of records with this head, all fields but kept ones side by side. shape[nshape] is height, width and perhaps
 * channels; nshape 0: as the head has it, else square. VAE_EUSAGE where that does not fit, VAE_EDATA where there are no
 * numbers. images_free() whatever comes of it. */
int images_init(struct images *, const struct vae_head *, const size_t *shape, size_t nshape, struct vae_err *);
/* Would records with this head be taken for images by themselves? */
bool images_told(const struct vae_head *);
/* Adds record i. VAE_EDATA where a cell is a text, VAE_EOS. */
int images_add(struct images *, const struct vae_batch *, size_t i, struct vae_err *);
void images_free(struct images *);

/* A value of image i. */
static inline float images_at(const struct images *m, size_t i, size_t y, size_t x, size_t channel) {
    return m->v[i * m->size + y * m->row + x * m->column + channel * m->channel];
}

#endif
