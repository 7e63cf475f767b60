/* images.c - which way round the values of an image stand, and reading them. */
#include "report/images.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "report/column.h"
#include "schema/cell.h"

enum { SIDE_LEAST = 8 }; /* of a flat record that is taken for an image unasked */

static size_t square_root(size_t n) {
    size_t side = (size_t)sqrt((double)n);
    return side * side == n ? side : 0;
}

/* The one field that is modelled, NULL: there are more, or none. */
static const struct rec_field *only_field(const struct vae_head *h) {
    const struct rec_field *only = NULL;
    for (size_t j = 0; j < h->nfields; j++) {
        if (h->fields[j].keep)
            continue;
        if (only)
            return NULL;
        only = &h->fields[j];
    }
    return only;
}

bool images_told(const struct vae_head *h) {
    const struct rec_field *f = only_field(h);
    return f && strcmp(h->kind, "latent") && (f->ndim >= 2 || (f->ndim == 1 && square_root(f->width) >= SIDE_LEAST));
}

static bool is_colours(size_t n) { return n == 1 || n == 3; }

/* Channels stand behind each other at every pixel, or as whole planes. */
static void lay(struct images *m, size_t height, size_t width, size_t channels, bool planes) {
    m->height = height, m->width = width, m->channels = channels;
    m->channel = planes ? height * width : 1;
    m->column = planes ? 1 : channels;
    m->row = width * m->column;
}

/* As the shape of the one field has it, else square. */
static bool lay_as_told(struct images *m, const struct rec_field *f) {
    size_t side = square_root(m->size);
    if (f && f->ndim == 2)
        lay(m, f->shape[0], f->shape[1], 1, false);
    else if (f && f->ndim == 3 && is_colours(f->shape[2]))
        lay(m, f->shape[0], f->shape[1], f->shape[2], false);
    else if (f && f->ndim == 3 && is_colours(f->shape[0]))
        lay(m, f->shape[1], f->shape[2], f->shape[0], true);
    else if (side)
        lay(m, side, side, 1, false);
    return m->height > 0;
}

int images_init(struct images *m, const struct vae_head *h, const size_t *shape, size_t nshape, struct vae_err *err) {
    *m = (struct images){.head = h, .bytes = true};
    for (size_t j = 0; j < h->nfields; j++) {
        if (h->fields[j].keep)
            continue;
        m->bytes = m->bytes && h->fields[j].type == REC_U8;
        if (!mem_add(m->size, h->fields[j].width, &m->size))
            return err_set(err, VAE_EOS, "out of memory");
    }
    if (m->size == 0)
        return err_set(err, VAE_EDATA, "there is nothing but kept columns");
    size_t channels = nshape > 2 ? shape[2] : 1, pixels, all;
    bool told = lay_as_told(m, only_field(h));
    const char *s = m->size == 1 ? "" : "s";
    if (!nshape && !told)
        return err_set(err, VAE_EUSAGE, "a record has %zu value%s, which is no square: vae-plot --shape HxW draws it", m->size, s);
    if (!nshape)
        return 0;
    if (told && shape[0] == m->height && shape[1] == m->width && channels == m->channels)
        return 0;
    if (!is_colours(channels))
        return err_set(err, VAE_EUSAGE, "an image has 1 or 3 channels, not %zu", channels);
    if (!mem_mul(shape[0], shape[1], &pixels) || !mem_mul(pixels, channels, &all) || all != m->size)
        return err_set(err, VAE_EUSAGE, "a record has %zu value%s, not %zu x %zu%s", m->size, s, shape[0], shape[1],
                       channels == 3 ? " x 3" : "");
    lay(m, shape[0], shape[1], channels, false);
    return 0;
}

int images_add(struct images *m, const struct vae_batch *b, size_t i, struct vae_err *err) {
    size_t need;
    if (!mem_mul(m->n + 1, m->size, &need))
        return err_set(err, VAE_EOS, "out of memory");
    if (mem_grow(&m->v, &m->cap, need, sizeof *m->v, err))
        return VAE_EOS;
    float *v = m->v + m->n * m->size;
    for (size_t j = 0; j < m->head->nfields; j++) {
        const struct rec_field *f = &m->head->fields[j];
        bool text = false;
        for (size_t k = 0; k < f->width && !f->keep; k++)
            *v++ = (float)column_number(m->head, &(struct column){j, k}, b, i, &text);
        if (text) {
            char cell[40], name[COLUMN_NAME];
            column_text(m->head, &(struct column){j, 0}, b, i, cell, sizeof cell);
            return err_set(err, VAE_EDATA, "column '%s': '%s' is not a number; leave the column out (-k)",
                           column_name(m->head, &(struct column){j, 0}, name), cell);
        }
    }
    m->n++;
    return 0;
}

void images_free(struct images *m) {
    free(m->v);
    m->v = NULL;
}
