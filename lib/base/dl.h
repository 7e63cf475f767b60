/* dl.h - shared libraries that are loaded as they are first needed, since each one linked costs every start of every command. */
#ifndef BASE_DL_H
#define BASE_DL_H

#include <stdbool.h>
#include <stddef.h>

#include "vae.h"

struct dl_symbol {
    const char *name;
    void *fn; /* the address of a pointer to a function */
};

/* The library ("libopenblas.so.0") that its user knows as `called`, with the n symbols found in it. NULL: VAE_EOS. */
void *dl_open(const char *file, const char *called, const struct dl_symbol *symbols, size_t n, struct vae_err *);
void dl_close(void *lib); /* NULL is fine */

/* *fn, a pointer to a function, = the symbol. */
bool dl_find(void *lib, const char *name, void *fn);

#endif
