/* sink.h - where bytes go: standard output, or a file that appears under its name when it is whole (io.h). */
#ifndef STREAM_SINK_H
#define STREAM_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vae.h"

struct sink;

/* path NULL or "-" is standard output. A path ending in .gz is compressed at `level` (1..9; 0 and -1: 6). */
struct sink *sink_open(const char *path, int level, struct vae_err *);
/* A file that is open, from where it stands on; the sink closes it. NULL: out of memory. */
struct sink *sink_file(const char *name, int fd, struct vae_err *);
struct sink *sink_memory(void); /* tests, fuzzing */
const unsigned char *sink_bytes(const struct sink *, size_t *n);

const char *sink_name(const struct sink *);
bool sink_is_pipe(const struct sink *); /* nothing written can be patched later */
bool sink_is_tty(const struct sink *);
int sink_write(struct sink *, const void *, size_t, struct vae_err *); /* buffered */
int sink_flush(struct sink *, struct vae_err *);
/* Flushes, and on to the disk where there is one. */
int sink_sync(struct sink *, struct vae_err *);
int sink_fd(const struct sink *); /* -1: memory */
/* Writes n bytes at offset `at` behind what is out already (headers with counts). Where the sink is a pipe or
 * compressed, call sink_spool first: from then on the bytes go to an unlinked temporary file until close. */
int sink_spool(struct sink *, struct vae_err *);
int sink_patch(struct sink *, uint64_t at, const void *, size_t, struct vae_err *);
/* Ends: a named file gets its name if keep, else it is left as it was. Frees. */
int sink_close(struct sink *, bool keep, struct vae_err *);

#endif
