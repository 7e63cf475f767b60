/* series.h - the rows of a stream that belong together, told by the cells of the columns of --group; and what is held of each. */
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
    struct buf key;
    uint64_t file; /* it is of: in another one it begins anew */
    uint64_t rows; /* of it so far */
    struct series_row *ring; /* [window - 1]; row r is at r % (window - 1) */
    double *last;            /* [values] that steps are taken from; NaN: none */
    int *decimals;           /* [values] that they are written with */
};

/* All of them, found by key. */
struct series_table {
    struct series **slot; /* [nslots], a power of two */
    size_t nslots, n;
};

/* The one whose key is these bytes, made where there is none; NULL: out of memory. */
struct series *series_find(struct series_table *, const struct buf *key);
void series_table_free(struct series_table *, size_t rows); /* rows: of a ring */

#endif
