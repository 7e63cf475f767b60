/* windows.h - what a front is inside (windows.c); and its rows as text, from one run to the next (held.c). */
#ifndef FRONT_WINDOWS_H
#define FRONT_WINDOWS_H

#include "front/front.h"
#include "front/series.h"

enum { FRONT_NUMBER = 64 /* bytes of one */ };

struct cell {
    const char *p;
    size_t n;
};

/* A field of the rows that come in. */
struct row_field {
    bool diff;
    size_t item;  /* bytes of its numbers, 0: text */
    size_t value; /* the first of its values in struct series */
};

/* A row of a series as it is to be, or as it was: see front_exchange(). */
struct front_change {
    struct series *series;
    struct series_row row, *at; /* at: of the ring, NULL: there is none */
    uint64_t rows;
    double *last;  /* [nvalues] */
    int *decimals; /* [nvalues] */
};

struct front {
    const struct vae_head *in;
    struct vae_head *head;
    struct rec_build *build;
    size_t window, step, need; /* need: rows of the series before a whole record */
    bool whole, values;
    struct row_field *field; /* [in->nfields] */
    size_t nlag, *lag;       /* the fields of which rows before are wanted */
    size_t ngroup, *group;
    struct cell *cell, *value; /* [in->nfields] of the row at hand; and as it was read */
    size_t nvalues;
    double *now, *steps; /* [nvalues] the row's, and their steps */
    int *decimals;
    char (*text)[FRONT_NUMBER]; /* [nvalues] steps as text */
    struct series_table series;
    struct buf key, plain;
    const char *name; /* of the file, as part of the keys; NULL: its series end with it */
    uint64_t file;
    int64_t rows; /* so far, of all series */
    struct front_change *change; /* [most] what the rows of the last call changed; with whole records alone only the last one */
    size_t nchanges;
    double *change_last;  /* [most,nvalues] */
    int *change_decimals;
    struct vae_batch out;
    bool *partial;
    size_t *row, most; /* [most] records of a batch */
};

/* The series gets what the change holds, which holds then what the series had: done twice, in reverse, nothing has happened. */
void front_exchange(struct front_change *, size_t nvalues);

#endif
