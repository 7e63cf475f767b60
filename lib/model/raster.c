/*
 * raster.c - images whose decoder is given the pixels before each pixel: p(x|z) = prod_p p(x_p | z, x_<p), row by row (compare
 * PixelVAE, Gulrajani et al. 2017, 1611.05013). A window of what is above and left tells textures and edges, which latents then need
 * not: those say what the image is. Densities take one pass; new images are painted pixel by pixel.
 */
#include <math.h>
#include <string.h>

#include "base/mat.h"
#include "model/model.h"

/* Where the decoder is told pixels: behind everything else. */
static float *told(const struct vae_model *m, struct model_pass *p) { return p->dec.act[0] + (nn_in(&m->dec) - m->dec.more) * p->ld; }

/* The one block of the image's values. */
static const struct lik_block *image_block(const struct vae_model *m) { return &m->block[0]; }

/* A pixel that is missing is told as 0. */
static void tell(const float *x, float *to, size_t n) {
    for (size_t i = 0; i < n; i++)
        to[i] = isnan(x[i]) ? 0 : x[i];
}

void raster_look(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    for (size_t j = 0; j < m->dec.more; j++)
        tell(p->x + (image_block(m)->x0 + j) * p->ld + col, told(m, p) + j * p->ld + col, n);
}

void raster_paint(const struct vae_model *m, struct model_pass *p, bool sample, uint64_t seed, const uint64_t *rows) {
    const struct lik_block *b = image_block(m);
    size_t ld = p->ld, channels = m->raster_channels, each = b->no / b->nx;
    nn_raster_begin(&m->dec, m->w, &p->dec, MAT_PANEL);
    for (size_t at = 0; at < b->nx; at += channels) {
        struct lik_block one = *b;
        one.nx = channels, one.x0 += at, one.o0 += at * each, one.no = channels * each;
        float *o = model_o(p) + one.o0 * ld, *x = p->x + one.x0 * ld;
        nn_raster_pixel(&m->dec, at / channels, m->w, &p->dec, MAT_PANEL);
        if (sample)
            b->lik->sample(&one, o, m->w + b->w0, x, seed, rows, MAT_PANEL, ld);
        else
            b->lik->mean(&one, o, m->w + b->w0, x, MAT_PANEL, ld);
        for (size_t c = 0; c < channels; c++)
            tell(x + c * ld, told(m, p) + (at + c) * ld, MAT_PANEL);
    }
}
