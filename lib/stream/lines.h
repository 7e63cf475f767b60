/*
 * lines.h - the lines of a source. What was passed is forgotten when more is read, so that memory holds a line and what was
 * read with it; the last line need not have an end.
 */
#ifndef STREAM_LINES_H
#define STREAM_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "stream/source.h"

enum { LINES_MAX_BYTES = 16 << 20 /* of a line */ };

struct lines {
    struct source *src;
    struct buf bytes;
    size_t at, looked; /* in bytes: where the next line begins; behind what is known to have no end */
    uint64_t number;   /* of the next line, from 1 */
    bool eof;
};

/* Where the next line ends, in bytes: before its "\n", or at the end of the source. SIZE_MAX: it has no end yet. */
size_t lines_end(struct lines *);
/* Goes on behind the line that ends there. */
void lines_pass(struct lines *, size_t end);
/* Reads on; lines before `at` are gone, and all others have moved. 0; VAE_EROW: the line was longer than 16 MiB, and is passed
 * over; or VAE_E* where nothing can be read. */
int lines_fill(struct lines *, struct vae_err *);
/* "data.txt:17", the place of the next line, for messages. */
const char *lines_place(const struct lines *, char out[160]);
void lines_free(struct lines *);

#endif
