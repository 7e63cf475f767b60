/*
 * line.h - columns of text, symbol by symbol (SCHEMA_LINE).
 *
 * The values of a line are the numbers of its symbols, then that of the end, then NaN up to width - 1; the last value
 * is how many symbols (the end among them) lie beyond, NaN where none does. A symbol is a character of UTF-8, or a
 * byte: those of the column's levels are numbered in their order, then come one number for all others and one for the
 * end.
 */
#ifndef SCHEMA_LINE_H
#define SCHEMA_LINE_H

#include "schema/schema.h"

enum {
    LINE_LENGTH = 256 /* symbols of a line, unless told */,
    LINE_LENGTH_MAX = 4096,
    LINE_SYMBOLS = 255,
    LINE_OFTEN = 2
};

static inline size_t line_other(const struct schema_col *c) {
    return c->levels.n;
}
static inline size_t line_end(const struct schema_col *c) {
    return c->levels.n + 1;
}
static inline size_t line_symbols(const struct schema_col *c) {
    return c->levels.n + 2;
}
static inline size_t line_positions(const struct schema_col *c) {
    return c->width - 1;
}

/* A text, read symbol by symbol. */
struct line_text {
    const char *p;
    size_t n, at;
    bool bytes, mask; /* symbols are bytes; a run of digits is one 0 */
    bool quoted;      /* the cell of a CSV table, with its quotes */
};
struct line_text line_text(const char *p, size_t n, bool quoted, bool bytes, bool mask);
/* The next symbol -> *p: its bytes, 0 at the end, -1 for what is no UTF-8, at byte at. */
int line_next(struct line_text *, const char **p);

/* The values of a line in raw[width]. VAE_EROW for broken UTF-8. */
int line_read(const struct schema_col *, const char *p, size_t n, bool quoted, double *raw, struct vae_err *);
/* The line of such values, appended: a symbol that is none of the levels is U+FFFD, of bytes "?". */
int line_put(const struct schema_col *, const double *raw, struct buf *out, struct vae_err *);
/* The symbols as cells, each an atom with its share in the training rows. */
int line_cells(const struct schema_col *, size_t rows, struct cells *, struct vae_err *);

#endif
