/*
 * tenths.h - where the values of a column of numbers lie: in about ten parts that hold as many training rows each, so that
 * later rows can be held against them (score/drift.h).
 *
 * Part i holds the values in (edge[i-1], edge[i]]. Edges are the deciles, each once. A value that is two deciles at once (or one and
 * an extreme) has a part of its own, from the number below it.
 */
#ifndef SCHEMA_TENTHS_H
#define SCHEMA_TENTHS_H

#include <jansson.h>
#include <stddef.h>

#include "vae.h"

enum { TENTHS_EDGES = 12 };

struct tenths {
    size_t n;                        /* edges; 0: nothing is kept */
    double edge[TENTHS_EDGES];       /* [n] ascending */
    double share[TENTHS_EDGES + 1];  /* [n + 1] of the training rows that have a value */
};

/* From v[n], ascending; none where n is 0. */
void tenths_learn(struct tenths *, const double *v, size_t n);
/* The part that v is in. */
size_t tenths_part(const struct tenths *, double v);

/* {"edges":[..],"shares":[..]}, and back: VAE_EDATA where that makes no sense. */
json_t *tenths_to_json(const struct tenths *);
int tenths_from_json(const json_t *, struct tenths *, struct vae_err *);

#endif
