/*
 * cells.h - the values of a column cut in cells: what its discrete and binned values are made of.
 *
 * A cell is one value (an atom: low == high) or an interval [low, high). Cells are ascending and do not overlap. Each
 * belongs to a level: what the decoder gives a probability to. A level holds one cell or several (rare categories that
 * are pooled; neighbouring values that are too few to tell apart), which share its probability by their weights.
 *
 * Such a value stands in the model as x = cell + u, 0 <= u < 1 being the place within the cell (1/2 for an atom), a
 * float; NaN is a missing one. -log p(value) = -log p(level) + cost[cell].
 */
#ifndef BASE_CELLS_H
#define BASE_CELLS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vae.h"

enum { CELLS_MAX = 1 << 20 };

struct cells {
    size_t n, nlevels;
    uint32_t *level;        /* [n] < nlevels */
    double *low, *high;     /* [n] input units (a category: its code) */
    double *weight;         /* [n] share of the cell in its level; 0: never drawn. Sums to 1 (or 0) over a level */
    double *cost;           /* [n] nats: -log weight for an atom, -log(weight / width) for an interval */
    double *value;          /* [n] the mean of what it holds, input units */
    double *share;          /* [nlevels] shares of the levels among the training rows, sum 1 */
    double center, spread;  /* mean and standard deviation of the values, nearly */
    float *place;            /* [nlevels] where a level stands: the mean of its values in spreads from the center */
    bool blank;             /* the last cell stands for a missing value: its low, high and value are NaN */
    void *mem;
};

/* Room for n cells, all zero; 0 or VAE_EOS, VAE_EDATA (n of 0 or above CELLS_MAX). cells_free() leaves n = 0. */
int cells_new(struct cells *, size_t n, struct vae_err *); /* share has room for n levels */
void cells_free(struct cells *);
/* cost and value from the rest; atoms count as intervals of width `step` where that is positive (a density), else as
 * mass. A cell of weight 0 costs as one of weight `rare`. */
void cells_finish(struct cells *, double step, double rare);
/* Is it what the head of this file says? VAE_EDATA if not (for what comes from a model file). */
int cells_check(const struct cells *, struct vae_err *);

/* A value in input units -> x and back. A value between or beyond the cells is taken for the nearest. NaN <-> NaN (which says
 * that nothing is known; cells_blank() is the x of a cell known to be blank). */
float cells_x(const struct cells *, double v);
double cells_value(const struct cells *, float x);
/* center, spread and place from weight, value and share. */
void cells_moments(struct cells *);
/* What is allowed of a column's values: a range, inclusive, and of that the cells of a set. */
struct cells_part {
    double low, high;
    const bool *set; /* [n], NULL: all */
};
/* The share of cell i that is allowed, by its width; part NULL: all of it. The blank cell is allowed by a set alone, where the
 * range has no bounds. */
double cells_share(const struct cells *, size_t i, const struct cells_part *);
/* The x at u, in (0,1), of what is allowed of cell i. */
float cells_place(const struct cells *, size_t i, const struct cells_part *, double u);
/* The cell of x: floor(x), kept within the cells. x is no NaN. */
static inline size_t cells_at(const struct cells *c, float x) {
    return !(x > 0) ? 0 : x >= (float)c->n ? c->n - 1 : (size_t)x;
}
static inline float cells_blank(const struct cells *c) { return c->blank ? (float)c->n - 0.5f : NAN; }

#endif
