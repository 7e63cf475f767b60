/* mem.c - checked allocation and the growable byte buffer. */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { LINE = 64 }; /* bytes of a cache line, and of the widest vector register */

bool mem_mul(size_t a, size_t b, size_t *out) {
    return !__builtin_mul_overflow(a, b, out);
}
bool mem_add(size_t a, size_t b, size_t *out) {
    return !__builtin_add_overflow(a, b, out);
}

void *mem_array(size_t n, size_t size) {
    size_t bytes; /* calloc checks too, but sanitizers end the program there */
    return mem_mul(n, size, &bytes) ? calloc(bytes ? bytes : 1, 1) : NULL;
}

float *mem_floats(size_t n) {
    size_t bytes;
    if (!mem_mul(n ? n : 1, sizeof(float), &bytes) || !mem_add(bytes, LINE - 1, &bytes))
        return NULL;
    bytes -= bytes % LINE;
    float *p = aligned_alloc(LINE, bytes);
    return p ? memset(p, 0, bytes) : NULL;
}

char *mem_text(const char *bytes, size_t n) {
    size_t size;
    char *p = mem_add(n, 1, &size) ? malloc(size) : NULL;
    if (!p)
        return NULL;
    if (n)
        memcpy(p, bytes, n);
    p[n] = 0;
    return p;
}

int mem_grow(void *p, size_t *cap, size_t need, size_t size, struct vae_err *err) {
    void *old, *grown = NULL;
    size_t bytes, room = *cap;
    if (need <= room)
        return 0;
    if (!mem_mul(room, 2, &room) || room < need)
        room = need;
    if (room < 16 && size <= 1024) /* small things come in numbers */
        room = 16;
    memcpy(&old, p, sizeof old);
    if (mem_mul(room, size, &bytes))
        grown = realloc(old, bytes);
    if (!grown)
        return err_set(err, VAE_EOS, "out of memory for %zu items of %zu bytes", need, size);
    memcpy(p, &grown, sizeof grown);
    *cap = room;
    return 0;
}

int buf_reserve(struct buf *b, size_t more, struct vae_err *err) {
    size_t need;
    if (!mem_add(b->n, more, &need))
        return err_set(err, VAE_EOS, "out of memory for %zu bytes", more);
    return mem_grow(&b->p, &b->cap, need, 1, err);
}

int buf_put(struct buf *b, const void *p, size_t n, struct vae_err *err) {
    int rc = buf_reserve(b, n, err);
    if (rc < 0)
        return rc;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    return 0;
}

int buf_printf(struct buf *b, struct vae_err *err, const char *fmt, ...) {
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int rc = 0, n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        rc = err_errno(err, VAE_EOS, "cannot format text");
    else if ((rc = buf_reserve(b, (size_t)n + 1, err)) == 0) { /* the NUL is not counted */
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
    va_end(ap);
    return rc;
}

void buf_free(struct buf *b) {
    free(b->p);
    *b = (struct buf){0};
}
