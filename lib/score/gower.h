/*
 * gower.h - how far apart two records are, whatever their columns are: Gower's distance ("A general coefficient of
 * similarity and some of its properties", Biometrics 27, 1971), summed over columns instead of averaged.
 *
 *   numbers    |difference| / the column's range over the training rows
 *   levels     0 where they are the same, else 1; those in an order as numbers
 *   times      the day as a number, the second of the day by its sine and cosine; clocks by those of the cycles they are told by
 *   missing    one of two: what two training rows differ by on average; both: 0
 *
 * What it takes of a record are its coordinates u[width], so scaled that plain differences add up.
 */
#ifndef SCORE_GOWER_H
#define SCORE_GOWER_H

#include <float.h>

#include "model/model.h"

enum {
    GOWER_BLOCK = 32,   /* records that a query is compared with at once */
    GOWER_QUERIES = 16, /* that look at these while they are near at hand */
};
#define GOWER_ABSENT (-FLT_MAX) /* a coordinate that is missing */

size_t gower_width(const struct schema *);
/* levels[width]: how many a coordinate has that is compared for equality, 0: it is a number. */
void gower_levels(const struct schema *, size_t *levels);
/* of[width]: the first coordinate of those that share one range: all of an array, else each has its own. */
void gower_ranges(const struct schema *, size_t *of);
/* x[d] in model units -> u[width]; weight[width] of learn(), NULL: unscaled. */
void gower_place(const struct schema *, const float *weight, const float *x, float *u);
/* Unscaled coordinates from[width] -> to[width], which may be the same. */
void gower_scale(const float *weight, size_t width, const float *from, float *to);
/* Unscaled coordinates u[n,width] -> weight[width], 1 / range, 0 where all are the same or levels: those are compared for
 * equality; and missing[width]. core: the range that the middle nine tenths have, as odd rows may be among them. */
int gower_learn(const struct schema *, const float *u, size_t n, bool core, float *weight, float *missing, struct vae_err *);

/* Records to compare with, in blocks, coordinate by coordinate; the arrays stay the caller's. */
struct gower;
struct gower *gower_new(const float *u, size_t n, size_t width, const float *weight, const float *missing, struct vae_err *);
void gower_free(struct gower *);
size_t gower_room(const struct gower *); /* n, made full: what distances need room for */
/* At most GOWER_QUERIES queries u[m,width] -> distance[m,room]; what is behind the n-th means nothing. place: room for
 * 2 * m * width numbers. */
void gower_distances(const struct gower *, const float *u, size_t m, float *distance, uint32_t *place);

#endif
