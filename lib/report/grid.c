/*
 * grid.c - images side by side as one PNG, row by row: samples, walks, or reconstructions with their originals above
 * them.
 *
 * Black is 0, or the smallest value where that is below 0; white is the largest value there is, of bytes 255 unless all
 * are 0 or 1. What is no number is grey, as are the lines between.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "report/axis.h"
#include "report/images.h"
#include "report/plot.h"
#include "stream/png.h"

enum {
    SHOWN = 256,        /* images, where nobody says how many */
    SHOWN_BESIDE = 100, /* pairs */
    ROOM = 900,         /* pixels aimed at, in either direction */
    SCALE_MOST = 8,     /* how far images are enlarged for that */
    LINE = 2,           /* pixels between images */
    WIDE = 6,           /* and between rows of pairs */
    GREY = 0x60,
};

struct grid {
    const struct vae_plot_opts *opts;
    struct images set[2];     /* the records; with --beside the originals, then the records */
    size_t nsets, most, seen; /* images of a set that are kept, at most; records in all */
    char note[112];
    size_t rows, columns, scale;
    double low, high;
};

static bool grid_suits(const struct vae_head *h, const struct vae_plot_opts *o) {
    if (o->rows || o->columns || o->nshape || o->scale || o->beside || o->low < o->high)
        return true;
    return !o->x && !o->colour && images_told(h);
}

static struct images *records(struct grid *g) { return &g->set[g->nsets - 1]; }

/* How many images are kept. */
static int limit(struct grid *g, struct vae_err *err) {
    const struct images *m = records(g);
    size_t pixels, fit;
    if (!mem_mul(m->height, m->width, &pixels) || pixels > PNG_PIXELS_MAX)
        return err_set(err, VAE_EUSAGE, "images of %zu x %zu pixels are too large to draw", m->height, m->width);
    fit = PNG_PIXELS_MAX / pixels / g->nsets;
    g->most = g->opts->columns ? SIZE_MAX : g->nsets > 1 ? SHOWN_BESIDE : SHOWN;
    if (g->opts->rows && g->opts->columns && !mem_mul(g->opts->rows, g->opts->columns, &g->most))
        g->most = SIZE_MAX;
    g->most = g->most < fit ? g->most : fit ? fit : 1;
    return 0;
}

static void grid_close(void *self) {
    struct grid *g = self;
    for (size_t k = 0; k < 2; k++)
        images_free(&g->set[k]);
    free(g);
}

static void *grid_open(const struct vae_head *h, const struct vae_plot_opts *o, struct vae_err *err) {
    struct grid *g = mem_array(1, sizeof *g);
    if (!g) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    g->opts = o;
    g->nsets = o->beside ? 2 : 1;
    int rc = o->title ? err_set(err, VAE_EUSAGE, "a grid of images has no title") : 0;
    rc = rc ? rc : images_init(records(g), h, o->shape, o->nshape, err);
    if (!rc && o->beside) {
        const struct images *m = records(g);
        rc = images_init(&g->set[0], vae_in_head(o->beside), (size_t[]){m->height, m->width, m->channels}, 3, err);
        if (rc)
            err_prefix(err, "the originals");
    }
    if (!rc && !limit(g, err))
        return g;
    grid_close(g);
    return NULL;
}

static int grid_put(void *self, const struct vae_batch *b, struct vae_err *err) {
    struct grid *g = self;
    int rc = 0;
    for (size_t i = 0; i < b->rows && records(g)->n < g->most && !rc; i++)
        rc = images_add(records(g), b, i, err);
    g->seen += b->rows;
    return rc;
}

/* As many originals as there are records. */
static int read_originals(struct grid *g, struct vae_err *err) {
    struct images *m = &g->set[0];
    const struct vae_batch *b;
    size_t want = records(g)->n;
    int n = 1, rc = 0;
    while (m->n < want && (n = vae_in_next(g->opts->beside, &b, err)) > 0)
        for (size_t i = 0; i < b->rows && m->n < want; i++) {
            rc = images_add(m, b, i, err);
            if (rc)
                return err_prefix(err, "%s", vae_in_where(g->opts->beside, i));
        }
    if (n < 0)
        return n;
    return m->n == want ? 0 : err_set(err, VAE_EDATA, "%zu records, but only %zu originals", want, m->n);
}

/* What is black and what is white. */
static void find_range(struct grid *g) {
    double low = INFINITY, high = -INFINITY;
    bool bytes = true;
    for (size_t k = 0; k < g->nsets; k++) {
        bytes = bytes && g->set[k].bytes;
        for (size_t i = 0; i < g->set[k].n * g->set[k].size; i++)
            range_add(&low, &high, (double)g->set[k].v[i]);
    }
    g->low = low < 0 ? low : 0;
    g->high = bytes && high > 1 ? 255 : high > g->low ? high : g->low + 1;
    if (g->opts->low < g->opts->high)
        g->low = g->opts->low, g->high = g->opts->high;
}

/* Pixels from a row of images, or of pairs, to the next; of them the last are lines. */
static size_t pitch(const struct grid *g) {
    return g->nsets * g->set[0].height * g->scale + (g->nsets > 1 ? LINE + WIDE : LINE);
}

/* Columns that make n images nearly square; without a gap at the end where that is near enough. */
static size_t choose_columns(size_t n, double aspect) {
    size_t best = (size_t)ceil(sqrt((double)n * aspect)), c = best;
    while (c > 1 && n % c && 3 * c > 2 * best)
        c--;
    return n % c ? best : c;
}

/* Rows, columns and scale; the size of the picture in pixels. */
static int arrange(struct grid *g, size_t *width, size_t *height, struct vae_err *err) {
    const struct images *m = records(g);
    g->columns = g->opts->columns;
    if (!g->columns)
        g->columns = choose_columns(m->n, (double)(g->nsets * m->height) / (double)m->width);
    g->columns = g->columns < m->n ? g->columns : m->n;
    g->rows = (m->n + g->columns - 1) / g->columns;
    g->scale = g->opts->scale ? g->opts->scale : SCALE_MOST;
    while (!g->opts->scale && g->scale > 1 &&
           (g->columns * m->width * g->scale > ROOM || g->rows * g->nsets * m->height * g->scale > ROOM))
        g->scale--;
    bool fits = g->scale <= PNG_SIDE_MAX;
    double w = fits ? LINE + (double)g->columns * (double)(m->width * g->scale + LINE) : INFINITY;
    double h = fits ? LINE + (double)g->rows * (double)pitch(g) - (g->nsets > 1 ? WIDE - LINE : 0) : INFINITY;
    if (w > PNG_SIDE_MAX || h > PNG_SIDE_MAX || w * h > PNG_PIXELS_MAX)
        return err_set(err, VAE_EUSAGE, "%zu images of %zu x %zu pixels, enlarged %zu times, are too many; say "
                       "--scale or --grid", m->n * g->nsets, m->height, m->width, g->scale);
    *width = (size_t)w, *height = (size_t)h;
    return 0;
}

static unsigned char level(const struct grid *g, float v) {
    double t = 255 * ((double)v - g->low) / (g->high - g->low);
    return isnan(t) ? GREY : t <= 0 ? 0 : t >= 255 ? 255 : (unsigned char)(t + 0.5);
}

/* Row y of the picture: a row of pixels of some images, or of the lines between. */
static void fill_row(void *ctx, size_t y, unsigned char *row) {
    const struct grid *g = ctx;
    const struct images *m = records(ctx);
    size_t height = m->height * g->scale, each = m->width * g->scale + LINE, channels = m->channels;
    memset(row, GREY, (g->columns * each + LINE) * channels);
    for (size_t k = 0; k < g->nsets; k++) {
        size_t top = LINE + k * (height + LINE);
        if (y < top || (y - top) % pitch(g) >= height)
            continue;
        size_t first = (y - top) / pitch(g) * g->columns, iy = (y - top) % pitch(g) / g->scale;
        for (size_t i = first; i < first + g->columns && i < m->n; i++) {
            unsigned char *p = row + (LINE + (i - first) * each) * channels;
            for (size_t x = 0; x < m->width * g->scale; x++)
                for (size_t c = 0; c < channels; c++)
                    *p++ = level(g, images_at(&g->set[k], i, iy, x / g->scale, c));
        }
    }
}

static int grid_draw(void *self, struct sink *sink, struct vae_err *err) {
    struct grid *g = self;
    size_t width = 0, height = 0;
    if (!records(g)->n)
        return err_set(err, VAE_EDATA, "no records to draw");
    int rc = g->opts->beside ? read_originals(g, err) : 0;
    rc = rc ? rc : arrange(g, &width, &height, err);
    if (rc)
        return rc;
    find_range(g);
    return png_write(sink, width, height, records(g)->channels, fill_row, g, err);
}

static const char *grid_note(void *self) {
    struct grid *g = self;
    size_t n = records(g)->n;
    if (g->seen <= n)
        return NULL;
    snprintf(g->note, sizeof g->note, "the first %zu of %zu records are shown (--grid shows more)", n, g->seen);
    return g->note;
}

const struct plot_kind plot_grid = {
    .name = "grid",
    .about = "images side by side, as PNG",
    .suits = grid_suits,
    .open = grid_open,
    .put = grid_put,
    .draw = grid_draw,
    .note = grid_note,
    .close = grid_close,
};
