/* columns.h - columns of several kinds for tests of scores by distance, and a table of them as a fit has it. */
#ifndef TESTS_COLUMNS_H
#define TESTS_COLUMNS_H

#include "scans.h"

/* In [0, 1), even over the rows and of no pattern. */
static inline double noise(size_t i, size_t column) {
    return fmod((double)(i + 1) * (0.37 + 0.113 * (double)column) * 7.31, 1);
}

static inline void category(char out[CELL], size_t i) {
    snprintf(out, CELL, "%s", i % 7 < 3 ? "ab" : i % 3 ? "cd" : "ef");
}
static inline void gaps(char out[CELL], size_t i) {
    if (i % 9 != 4)
        snprintf(out, CELL, "%.3f", -3 + 6 * noise(i, 4));
}
static inline void constant(char out[CELL], size_t i) { (void)i, snprintf(out, CELL, "7.5"); }

/* Levels as they are, all else standardised, by the first n rows. */
static inline void learn(struct outcome *o, size_t n) {
    uint64_t *rows = malloc(n * sizeof *rows);
    for (size_t i = 0; i < n; i++)
        rows[i] = i;
    for (size_t c = 0; c < o->s->ncols; c++)
        o->s->col[c].transform = o->s->col[c].levels.n ? &schema_level : &schema_standard;
    CHECK(!schema_learn(o->s, o->raw, rows, n, 16, &o->err), "%s", o->err.msg);
    free(rows);
}

#endif
