/*
 * points.h - records as points of a scatter: a sample of at most so many, whatever number there is.
 *
 * The sample is uniform and without replacement (reservoir sampling, algorithm R: Vitter 1985), and the same for any
 * chunking, as what is drawn depends on the number of the record alone.
 */
#ifndef REPORT_POINTS_H
#define REPORT_POINTS_H

#include "report/column.h"
#include "report/svg.h"

enum { POINTS_MOST = 10000, POINTS_COLUMNS = 1500 };

struct points {
    const struct vae_head *head;
    size_t d; /* columns read */
    struct column *column;
    bool named;   /* x and y were named: a record without a number in them is left out */
    bool latents; /* the columns are latents: of one unit, the prior's standard deviation */
    bool coloured;
    struct column colour;
    size_t most, n;           /* records of the sample, at most and so far */
    uint64_t seen, without;   /* records that might have been in it; that lacked a number */
    double *v;                /* [most, d], NaN: no number */
    bool *text;               /* [d]: a record of the sample had a text there */
    double *shade;            /* [most] the colour's column as numbers, NaN: none */
    char (*label)[SVG_LABEL]; /* [most] and as they are written, "": missing */
};

/* opts: x, y and colour. Without x and y, the columns are the latents where the head has some (z1, z2 ...), else all
 * numbers that are not kept. VAE_EUSAGE where there is no such column. points_free() whatever comes of it. */
int points_init(struct points *, const struct vae_head *, const struct vae_plot_opts *, struct vae_err *);
void points_add(struct points *, const struct vae_batch *);
void points_free(struct points *);

/* Where the records of the sample stand, xy[n,2], and the names of the axes. */
struct points_axes {
    double *xy;
    char name[2][COLUMN_NAME + 40];
};
/* Two columns as they are; or the first two principal components of all that hold numbers, less their means, and
 * divided by their standard deviations unless they are latents. Records that lack a number leave the sample. The caller
 * frees xy. VAE_EDATA, VAE_EOS. */
int points_place(struct points *, struct points_axes *, struct vae_err *);

/* The colour's column as categories: the POINTS_GROUPS that have most points, in their order, then others, then
 * missing. */
enum { POINTS_GROUPS = 10, POINTS_OTHER = POINTS_GROUPS, POINTS_NONE, POINTS_KINDS };
struct points_groups {
    bool numbers; /* it is one of numbers, more than POINTS_GROUPS of them or not whole: there are no groups */
    size_t n;     /* groups in use, but for others and missing */
    size_t count[POINTS_KINDS];
    char label[POINTS_KINDS][SVG_LABEL];
    unsigned char *group; /* [n of the points] */
};
/* 0 or VAE_EOS; the caller frees group. */
int points_group(const struct points *, struct points_groups *, struct vae_err *);

#endif
