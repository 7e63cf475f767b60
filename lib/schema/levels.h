/* levels.h - the table of a column's texts. All zero is an empty one; schema_levels_free() ends it. */
#ifndef SCHEMA_LEVELS_H
#define SCHEMA_LEVELS_H

#include "schema/schema.h"

/* Code of a text, -1 for none. */
long levels_find(const struct schema_levels *, const char *p, size_t n);
/* The same, a new text getting the next code (count 0); VAE_EROW for a text with a NUL byte, VAE_EOS. */
long levels_add(struct schema_levels *, const char *p, size_t n, struct vae_err *);
/* Codes in the order of the texts, the ones never counted left out: now[old code] is the new one. */
int levels_sort(struct schema_levels *, uint32_t *now, struct vae_err *);

#endif
