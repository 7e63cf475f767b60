/*
 * sink.c - buffered bytes to standard output, to a file that is replaced when it is whole, or to memory; gzip for
 * names that end in .gz. Devices and FIFOs that exist are written to in place.
 */
#include "stream/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

enum { ROOM = 1 << 16 };

struct sink {
    char *name;
    int fd;                  /* -1: memory */
    bool own;                /* fd is ours to close */
    struct io_replace *file; /* a named file until it has its name */
    bool patchable;          /* a seekable file that is not compressed */
    uint64_t start;          /* where in the file our first byte is */
    uint64_t out;            /* bytes that left the buffer */
    bool gzip;
    z_stream z;
    struct buf mem;
    int spool;          /* an unlinked temporary file, -1: none */
    uint64_t spool_out; /* `out` when it was begun */
    int failed;         /* the code of a write that was: what came later cannot make up for it */
    size_t n;
    unsigned char room[ROOM];
};

static struct sink *new_sink(const char *name) {
    struct sink *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->fd = s->spool = -1;
    s->name = mem_text(name, strlen(name));
    if (!s->name) {
        free(s);
        return NULL;
    }
    return s;
}

static void free_sink(struct sink *s) {
    if (s->gzip)
        deflateEnd(&s->z);
    if (s->file)
        io_replace_abandon(s->file);
    if (s->own)
        close(s->fd);
    if (s->spool >= 0)
        close(s->spool);
    buf_free(&s->mem);
    free(s->name);
    free(s);
}

static int open_stdout(struct sink *s, struct vae_err *err) {
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) { /* it was closed, and an input took its number */
        flags = -1;
        errno = EBADF;
    }
    if (flags < 0)
        return err_errno(err, VAE_EIO, "%s", s->name);
    s->fd = STDOUT_FILENO;
    off_t at = lseek(s->fd, 0, SEEK_CUR);
    s->patchable = at >= 0 && !(flags & O_APPEND); /* appending ignores the offset of a write */
    s->start = at >= 0 ? (uint64_t)at : 0;
    return 0;
}

static int open_file(struct sink *s, const char *path, int level, struct vae_err *err) {
    struct stat st;
    size_t n = strlen(path);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        s->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (s->fd < 0)
            return err_errno(err, VAE_ECREATE, "%s", path);
        s->own = true;
    } else {
        s->file = io_replace_open(path, err);
        if (!s->file)
            return err ? err->code : VAE_ECREATE;
        s->fd = io_replace_fd(s->file);
        s->patchable = true;
    }
    if (n > 3 && !strcmp(path + n - 3, ".gz")) {
        if (deflateInit2(&s->z, level >= 1 && level <= 9 ? level : 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
            Z_OK)
            return err_set(err, VAE_EOS, "out of memory");
        s->gzip = true;
        s->patchable = false;
    }
    return 0;
}

struct sink *sink_open(const char *path, int level, struct vae_err *err) {
    bool std = !path || !strcmp(path, "-") || !strcmp(path, "/dev/stdout");
    struct sink *s = new_sink(std ? "standard output" : path);
    if (!s) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    if ((std ? open_stdout(s, err) : open_file(s, path, level, err)) < 0) {
        free_sink(s);
        return NULL;
    }
    return s;
}

struct sink *sink_file(const char *name, int fd, struct vae_err *err) {
    struct sink *s = new_sink(name);
    if (s) {
        s->fd = fd;
        s->own = true;
    } else {
        err_set(err, VAE_EOS, "out of memory");
    }
    return s;
}

struct sink *sink_memory(void) {
    struct sink *s = new_sink("memory");
    if (s)
        s->patchable = true;
    return s;
}

const unsigned char *sink_bytes(const struct sink *s, size_t *n) {
    *n = s->mem.n;
    return (const unsigned char *)s->mem.p;
}

const char *sink_name(const struct sink *s) {
    return s->name;
}
bool sink_is_pipe(const struct sink *s) {
    return !s->patchable;
}
bool sink_is_tty(const struct sink *s) {
    return s->fd >= 0 && isatty(s->fd) == 1;
}

/* Compresses n bytes on to the file. */
static int put_gzip(struct sink *s, const void *p, size_t n, int flush, struct vae_err *err) {
    unsigned char out[1 << 14];
    s->z.next_in = (Bytef *)(uintptr_t)p;
    s->z.avail_in = (uInt)n; /* at most ROOM */
    do {
        s->z.next_out = out;
        s->z.avail_out = sizeof out;
        deflate(&s->z, flush);
        int rc = io_write(s->fd, out, sizeof out - s->z.avail_out, s->name, err);
        if (rc < 0)
            return rc;
    } while (s->z.avail_out == 0);
    return 0;
}

static int put_file(struct sink *s, const void *p, size_t n, struct vae_err *err) {
    if (s->spool >= 0)
        return io_write(s->spool, p, n, "temporary file", err);
    if (s->fd < 0)
        return buf_put(&s->mem, p, n, err);
    if (!s->gzip)
        return io_write(s->fd, p, n, s->name, err);
    for (size_t i = 0; i < n; i += ROOM) {
        int rc = put_gzip(s, (const char *)p + i, n - i < ROOM ? n - i : ROOM, Z_NO_FLUSH, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* n bytes past the buffer, to where they belong now. */
static int put(struct sink *s, const void *p, size_t n, struct vae_err *err) {
    if (s->failed)
        return err_set(err, s->failed, "%s: could not be written", s->name);
    s->out += n;
    return s->failed = put_file(s, p, n, err);
}

static int drain(struct sink *s, struct vae_err *err) {
    size_t n = s->n;
    s->n = 0;
    return n ? put(s, s->room, n, err) : 0;
}

int sink_write(struct sink *s, const void *p, size_t n, struct vae_err *err) {
    if (n > ROOM - s->n) {
        int rc = drain(s, err);
        if (rc < 0)
            return rc;
        if (n >= ROOM)
            return put(s, p, n, err);
    }
    if (n)
        memcpy(s->room + s->n, p, n);
    s->n += n;
    return 0;
}

int sink_flush(struct sink *s, struct vae_err *err) {
    int rc = drain(s, err);
    return rc == 0 && s->gzip && s->spool < 0 ? put_gzip(s, s->room, 0, Z_SYNC_FLUSH, err) : rc;
}

int sink_sync(struct sink *s, struct vae_err *err) {
    int rc = s->failed ? put(s, NULL, 0, err) : sink_flush(s, err);
    if (rc == 0 && s->fd >= 0 && fsync(s->fd) < 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        rc = s->failed = err_errno(err, VAE_EIO, "%s", s->name);
    return rc;
}

int sink_fd(const struct sink *s) {
    return s->fd;
}

int sink_spool(struct sink *s, struct vae_err *err) {
    if (s->patchable || s->spool >= 0)
        return 0;
    int rc = drain(s, err);
    if (rc < 0)
        return rc;
    if ((s->spool = io_temporary(err)) < 0)
        return s->spool;
    s->spool_out = s->out;
    return 0;
}

int sink_patch(struct sink *s, uint64_t at, const void *p, size_t n, struct vae_err *err) {
    int rc = drain(s, err);
    if (rc < 0)
        return rc;
    uint64_t from = s->spool >= 0 ? s->spool_out : 0;
    if ((!s->patchable && s->spool < 0) || at < from || at > s->out || n > s->out - at)
        return err_set(err, VAE_EUSAGE, "%s: bytes that are out already cannot be changed", s->name);
    if (s->fd < 0 && s->spool < 0) {
        memcpy(s->mem.p + at, p, n);
        return 0;
    }
    int fd = s->spool >= 0 ? s->spool : s->fd;
    off_t to = (off_t)(s->spool >= 0 ? at - from : s->start + at);
    for (size_t done = 0; done < n;) {
        ssize_t m = pwrite(fd, (const char *)p + done, n - done, to + (off_t)done);
        if (m < 0 && errno != EINTR)
            return err_errno(err, VAE_EIO, "%s", s->name);
        done += m > 0 ? (size_t)m : 0;
    }
    return 0;
}

/* What was spooled, to where it was meant to go. */
static int unspool(struct sink *s, struct vae_err *err) {
    int from = s->spool, rc = 0;
    if (lseek(from, 0, SEEK_SET) < 0)
        return err_errno(err, VAE_EIO, "temporary file");
    s->spool = -1;
    for (;;) {
        long n = io_read(from, s->room, ROOM, "temporary file", err);
        if (n <= 0) {
            rc = (int)n;
            break;
        }
        rc = put(s, s->room, (size_t)n, err);
        if (rc < 0)
            break;
    }
    close(from);
    return rc;
}

int sink_close(struct sink *s, bool keep, struct vae_err *err) {
    if (!s)
        return 0;
    int rc = s->failed ? put(s, NULL, 0, err) : drain(s, err);
    if (rc == 0 && s->spool >= 0)
        rc = unspool(s, err);
    if (rc == 0 && s->gzip)
        rc = put_gzip(s, s->room, 0, Z_FINISH, err);
    if (s->file && rc == 0 && keep) {
        rc = io_replace_commit(s->file, err);
        s->file = NULL;
    }
    free_sink(s);
    return rc;
}
