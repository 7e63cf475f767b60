/* io.h - files that appear whole or not at all, and writes that finish. */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stddef.h>

#include "vae.h"

/* Writes all n bytes, going on after EINTR and short writes. name is for the message. 0 or VAE_EIO. */
int io_write(int fd, const void *p, size_t n, const char *name, struct vae_err *);

/* Reads up to n bytes until that many or the end; their number or VAE_EIO. */
long io_read(int fd, void *p, size_t n, const char *name, struct vae_err *);

/* A file that has no name and is gone when it is closed; VAE_EOS. */
int io_temporary(struct vae_err *);

/*
 * A file being replaced: written beside its final name, then fsync, rename, fsync of the directory, so that at
 * every instant the name holds the old file or the new one, whole. The temporary file has no name until then where the
 * file system has O_TMPFILE, else ".name.vae-tmpN". It is locked (flock), so what a killed process left under such a name, the
 * next one that replaces the file knows and removes.
 * An existing file keeps its mode, and stays where it is write-protected; a symbolic link keeps pointing where it
 * points, and what it points to is replaced; a device or a pipe is written in place.
 */
struct io_replace;
struct io_replace *io_replace_open(const char *path, struct vae_err *); /* VAE_ECREATE where the directory refuses */
int io_replace_fd(const struct io_replace *);
int io_replace_commit(struct io_replace *, struct vae_err *); /* frees it, also on failure */
void io_replace_abandon(struct io_replace *);

#endif
