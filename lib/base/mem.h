/* mem.h - allocation with every product checked, and a growable byte buffer. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "vae.h"

/* *out = a * b (a + b); false where that overflows. */
bool mem_mul(size_t a, size_t b, size_t *out);
bool mem_add(size_t a, size_t b, size_t *out);

/* n zeroed items of size bytes; NULL when out of memory or n * size overflows. free() releases it. */
void *mem_array(size_t n, size_t size);

/* The same, aligned to 64 bytes for vector loads (a whole cache line a row); free() releases it. */
float *mem_floats(size_t n);

/* A copy of n bytes and a NUL behind them. */
char *mem_text(const char *bytes, size_t n);

/* Grows *p (n items of size bytes, *cap of them allocated) to hold at least `need`, by doubling. 0 or VAE_EOS. */
int mem_grow(void *p, size_t *cap, size_t need, size_t size, struct vae_err *);

/* Bytes that grow. All zero is an empty buffer. */
struct buf {
    char *p;
    size_t n, cap;
};
int buf_reserve(struct buf *, size_t more, struct vae_err *); /* room for `more` bytes behind n */
int buf_put(struct buf *, const void *, size_t, struct vae_err *);
int buf_printf(struct buf *, struct vae_err *, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void buf_free(struct buf *);

#endif
