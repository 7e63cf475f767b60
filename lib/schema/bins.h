/* bins.h - cutting the values of a column in cells and levels. */
#ifndef SCHEMA_BINS_H
#define SCHEMA_BINS_H

#include "base/cells.h"

/* Numbers v[n], ascending, and `missing` rows without one, which are a level of their own where `blank`. About `bins` levels,
 * at most four times as many where values repeat. step: the smallest distance between two values, for the density. */
int bins_cut(const double *v, size_t n, size_t missing, bool blank, size_t bins, double step, struct cells *,
             struct vae_err *);

/* Codes v[n] from 0 to codes-1. Cell i is code i, cell `codes` what is unknown. Codes of fewer than 3 rows (or one in 20000), or beyond the
 * 1000 most frequent, share the last level with the unknown; ordered ones are a level each. */
int levels_cut(const double *v, size_t n, size_t missing, bool blank, size_t codes, bool ordered, struct cells *,
               struct vae_err *);

#endif
