/* cell.h - one cell of a table: is it missing, is it a number, what do users say about its column. */
#ifndef SCHEMA_CELL_H
#define SCHEMA_CELL_H

#include "base/num.h"
#include "schema/schema.h"

enum { CELL_PLAIN = 4096 }; /* a quoted cell that is longer keeps its quotes: it is text anyway */

/* Texts that mean missing, beside the empty cell; n 0: what num_parse() takes for it. */
struct cell_missing {
    char *const *text;
    size_t n;
};
bool cell_is_missing(const struct cell_missing *, const char *p, size_t n);

/* Cell i without its quotes and the blanks around it, perhaps in plain[CELL_PLAIN]. */
const char *cell_text(const struct rec_col *, size_t i, bool quoted, char *plain, size_t *n);

/* "column 'x': 'abc' is not a number; ..." with the way out (fitting: kinds of columns can still be said). VAE_EROW. */
int cell_bad(const char *column, const char *p, size_t n, bool fitting, struct vae_err *);
int cell_bad_time(const char *column, const char *p, size_t n, struct vae_err *);
/* The way out for a text where numbers are expected and fitting. */
const char *cell_way(const char *p, size_t n);

/* Numbers at.. of a field of numbers, all of them finite; else VAE_EROW. */
int cell_numbers(const char *column, const struct rec_col *, enum rec_type, size_t at, size_t n, double *out,
                 struct vae_err *);

/* The field that "column=value" is about, by its name or 1-based number, -1 for none; *value points into text. */
int cell_wish(const char *text, const struct vae_head *, const char **value);
/* "'a', 'b', ..." as it fits. Returns out. */
const char *cell_names(const struct vae_head *, char *out, size_t size);
/* "a|b|c" (\| and \\ for those bytes) -> levels. */
int cell_levels(const char *text, struct schema_levels *, struct vae_err *);
/* Is the cell a number, plain or with this unit? */
bool cell_unit_number(const struct unit *, const char *p, size_t n, double *v);
/* Texts that are numbers in the order of those, the ones never counted left out; now[old code] is the new one. */
int cell_sort_numbers(struct schema_levels *, const struct unit *, uint32_t *now, struct vae_err *);

#endif
