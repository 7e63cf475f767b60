/*
 * column.h - columns of a table, or values of fields with several, as one series of numbers.
 *
 * A value of a field with several is called as in CSV: x3 is the third of x, z3 the third of the latent means.
 */
#ifndef REPORT_COLUMN_H
#define REPORT_COLUMN_H

#include "base/rec.h"

struct column {
    size_t field, at; /* value `at` of the field */
};

enum { COLUMN_NAME = 64 };

/* The column of that name; VAE_EUSAGE, with the names there are, where there is none. */
int column_find(const struct vae_head *, const char *name, struct column *, struct vae_err *);
/* Its name. Returns out. */
char *column_name(const struct vae_head *, const struct column *, char out[COLUMN_NAME]);

/* Its number in row i, NaN where there is none; *text (may be NULL) is set where that is because it is another text. */
double column_number(const struct vae_head *, const struct column *, const struct vae_batch *, size_t i, bool *text);
/* The same as printable text that fits, "" where missing. */
void column_text(const struct vae_head *, const struct column *, const struct vae_batch *, size_t i, char *out,
                 size_t size);

#endif
