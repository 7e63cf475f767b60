/* source.h - a stream of bytes from a file or a pipe, gzip undone on the way (zlib's inflate: multi-member files,
 * header, CRC and length checked, truncation is an error). The only inflate of the project besides VTS frames. */
#ifndef STREAM_SOURCE_H
#define STREAM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vae.h"

enum { SOURCE_PEEK = 4096 };

struct source;

/* path "-" is standard input. VAE_ENOINPUT where it cannot be opened. */
struct source *source_open(const char *path, struct vae_err *);
/* An open file, from an offset on, as plain bytes; fd stays the caller's. NULL: out of memory, or there is no such offset. */
struct source *source_part(const char *name, int fd, uint64_t offset, struct vae_err *);
/* The same over bytes in memory (tests, fuzzing); they are not copied. chunk: at most so many bytes a read, 0: all. */
struct source *source_memory(const void *p, size_t n, size_t chunk);

const char *source_name(const struct source *); /* for messages: "data.csv", "standard input" */

/* The next bytes without taking them: as many as are there, up to SOURCE_PEEK, waiting for at least `least` unless the
 * end comes first. Their number or VAE_E*. */
long source_peek(struct source *, size_t least, const unsigned char **p, struct vae_err *);

/* Reads up to n bytes (at least one, unless at the end): their number, 0 at the end, or VAE_E*. Bytes before a fault
 * are handed out first. */
long source_read(struct source *, void *p, size_t n, struct vae_err *);

/* Exactly n bytes: 1, 0 at the clean end before the first, VAE_EDATA when the end comes in between. */
int source_exact(struct source *, void *p, size_t n, struct vae_err *);

/* An own descriptor of a file that holds all bytes of a source of which none was taken, and that can be seeked in: the file itself,
 * or for a pipe and what is compressed a temporary one that is read to its end. At least 0, or VAE_E*. */
int source_whole(struct source *, struct vae_err *);

/* True where the next read would block: nothing buffered and poll() says that nothing is there. */
bool source_idle(struct source *);
/* And does it stay so for a tenth of a second? A writer that is only slow is not taken for one that waits for an answer. */
bool source_pauses(struct source *);
void source_close(struct source *);

#endif
