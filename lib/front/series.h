/* series.h - the rows of a stream that belong together, told by their file and the cells of the columns of --group; and what is held of
 * each. */
#ifndef FRONT_SERIES_H
#define FRONT_SERIES_H

#include "base/mem.h"
#include "base/rec.h"

/* The cells of a row that are wanted again, one behind the other. */
struct series_row {
    struct buf bytes;
    uint32_t *end; /* [cells] */
};

struct series {
    struct buf key; /* netstrings */
    uint64_t file;  /* it is of: in another one it begins anew */
    uint64_t rows; /* of it so far */
    int64_t seen;  /* the number of its last row in this run, of all series; of runs before -1, -2, ..., the latest first */
    struct series_row *ring; /* [back]; row r is at r % back */
    double *last;            /* [nvalues] that steps are taken from; NaN: none */
    int *decimals;           /* [nvalues] that they are written with */
};

/* All of them, found by key. */
struct series_table {
    size_t back, nvalues; /* set before the first is looked for */
    struct series **slot; /* [nslots], a power of two */
    size_t nslots, n;
};

/* The one whose key is these bytes, made where there is none. Where there are FRONT_SERIES_MAX, the older half of those that no row
 * came of in this run is forgotten. NULL: out of memory, or there are too many in this run (VAE_EDATA). */
struct series *series_find(struct series_table *, const char *key, size_t n, struct vae_err *);
/* All [n], the last seen first; the caller's to free. NULL: out of memory. */
struct series **series_list(const struct series_table *);
void series_table_free(struct series_table *);

/* Cell i of a row of n, in their order; the first one begins it anew. 0 or VAE_E*. */
int series_row_put(struct series_row *, size_t n, size_t i, const char *cell, size_t bytes, struct vae_err *);
void series_row_free(struct series_row *);

/* Appends "5:hello,", which tells where it ends. */
int netstring_put(struct buf *, const char *p, size_t n, struct vae_err *);
/* The one at *at, which moves on behind it: its bytes and their number. NULL where there is none before `end`. */
const char *netstring_take(const char **at, const char *end, size_t *n);

#endif
