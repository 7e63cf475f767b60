/*
 * source.c - bytes from a file, a pipe or memory; gzip (RFC 1952) is told by its magic number and undone.
 *
 * Two layers: `raw` holds bytes as they were read, `plain` what inflate made of them for source_peek(). Bytes of a
 * source that is not compressed never pass through `plain`, and large reads of it bypass `raw` too.
 */
#include "stream/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

enum { RAW = 1 << 16 };

enum kind { UNKNOWN, PLAIN, GZIP };

struct source {
    char *name;
    int fd;                   /* -1: memory */
    const unsigned char *mem; /* what is left of it */
    size_t nmem, chunk;
    enum kind kind;
    bool eof;     /* no more raw bytes */
    bool inside;  /* within a gzip member */
    bool pending; /* inflate filled all the room it had and may hold more output */
    z_stream z;
    struct vae_err fault; /* found behind bytes that are still to be handed out */
    unsigned char raw[RAW], plain[SOURCE_PEEK];
    size_t at, end; /* raw[at..end) is unread */
    size_t plain_at, plain_end;
};

static struct source *new_source(const char *name) {
    struct source *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->fd = -1;
    s->name = mem_text(name, strlen(name));
    if (!s->name) {
        free(s);
        return NULL;
    }
    return s;
}

struct source *source_open(const char *path, struct vae_err *err) {
    bool std = !strcmp(path, "-");
    struct source *s = new_source(std ? "standard input" : path);
    if (!s) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    struct stat st;
    s->fd = std ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (s->fd < 0) {
        err_errno(err, VAE_ENOINPUT, "%s", path);
    } else if (fstat(s->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        err_set(err, VAE_ENOINPUT, "%s: is a directory", s->name);
    } else {
        return s;
    }
    source_close(s);
    return NULL;
}

struct source *source_part(const char *name, int fd, uint64_t offset, struct vae_err *err) {
    struct source *s = new_source(name);
    if (!s) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    s->kind = PLAIN;
    s->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (s->fd >= 0 && lseek(s->fd, (off_t)offset, SEEK_SET) >= 0)
        return s;
    err_errno(err, VAE_EIO, "%s", name);
    source_close(s);
    return NULL;
}

struct source *source_memory(const void *p, size_t n, size_t chunk) {
    struct source *s = new_source("memory");
    if (s) {
        s->mem = p;
        s->nmem = n;
        s->chunk = chunk;
    }
    return s;
}

const char *source_name(const struct source *s) {
    return s->name;
}

/* One read of at most n bytes: their number, 0 at the end, -1 with s->fault set. */
static long read_some(struct source *s, void *p, size_t n) {
    if (s->eof)
        return 0;
    if (s->fd < 0) {
        size_t m = n < s->nmem ? n : s->nmem;
        if (s->chunk && m > s->chunk)
            m = s->chunk;
        if (m == 0) {
            s->eof = true;
            return 0;
        }
        memcpy(p, s->mem, m);
        s->mem += m;
        s->nmem -= m;
        return (long)m;
    }
    for (;;) {
        ssize_t got = read(s->fd, p, n);
        if (got == 0)
            s->eof = true;
        if (got >= 0)
            return got;
        if (errno == EAGAIN) /* somebody made our standard input non-blocking */
            poll(&(struct pollfd){.fd = s->fd, .events = POLLIN}, 1, -1);
        else if (errno != EINTR) {
            err_errno(&s->fault, VAE_EIO, "%s", s->name);
            return -1;
        }
    }
}

/* Reads more raw bytes behind those that are there; as read_some(). */
static long fill_raw(struct source *s) {
    if (s->at == s->end)
        s->at = s->end = 0;
    if (s->end == RAW) {
        memmove(s->raw, s->raw + s->at, s->end - s->at);
        s->end -= s->at;
        s->at = 0;
    }
    long got = read_some(s, s->raw + s->end, RAW - s->end);
    if (got > 0)
        s->end += (size_t)got;
    return got;
}

/* Looks at the first bytes: 0, or a code. A lone 0x1f is taken for the start of a gzip file that was cut. */
static int tell_kind(struct source *s) {
    while (s->end < 2 && !s->eof && !(s->end && s->raw[0] != 0x1f))
        if (fill_raw(s) < 0)
            return s->fault.code;
    s->kind = s->end && s->raw[0] == 0x1f && (s->end < 2 || s->raw[1] == 0x8b) ? GZIP : PLAIN;
    if (s->kind == GZIP) {
        if (inflateInit2(&s->z, 15 + 16) != Z_OK) {
            s->kind = UNKNOWN;
            return err_set(&s->fault, VAE_EOS, "out of memory");
        }
        s->inside = true;
    }
    return 0;
}

/* What inflate's complaint means. At the start of a later member two bytes that are no magic number are no member. */
static int gzip_fault(struct source *s, int rc) {
    if (rc == Z_MEM_ERROR)
        return err_set(&s->fault, VAE_EOS, "%s: out of memory", s->name);
    if (s->z.total_in <= 2)
        return err_set(&s->fault, VAE_EDATA, "%s: garbage behind the gzip data", s->name);
    return err_set(&s->fault, VAE_EDATA, "%s: damaged gzip data (%s)", s->name, s->z.msg ? s->z.msg : "unknown");
}

/*
 * Inflates into p[0..n): the bytes made, 0 at the end. Reads only while it has none; with `wait` false it does not
 * read at all and 0 means only that there is nothing yet. -1 with s->fault set.
 */
static long inflate_some(struct source *s, void *p, size_t n, bool wait) {
    s->z.next_out = p;
    s->z.avail_out = n > RAW ? RAW : (uInt)n;
    uInt room = s->z.avail_out;
    while (s->z.avail_out == room) {
        if (s->at == s->end && !s->pending) {
            if (!s->eof && !wait)
                return 0;
            if (!s->eof && fill_raw(s) < 0)
                return -1;
            if (s->at == s->end && s->eof) {
                if (s->inside)
                    err_set(&s->fault, VAE_EDATA, "%s: gzip data ends early", s->name);
                return s->inside ? -1 : 0;
            }
        }
        if (!s->inside) {
            inflateReset(&s->z);
            s->inside = true;
        }
        s->z.next_in = s->raw + s->at;
        s->z.avail_in = (uInt)(s->end - s->at);
        int rc = inflate(&s->z, Z_NO_FLUSH);
        s->at = s->end - s->z.avail_in;
        s->pending = rc == Z_OK && s->z.avail_out == 0;
        if (rc == Z_STREAM_END)
            s->inside = false;
        else if (rc != Z_OK && rc != Z_BUF_ERROR) {
            gzip_fault(s, rc);
            break;
        }
    }
    if (s->z.avail_out == room)
        return -1;
    return (long)(room - s->z.avail_out);
}

static int pass_fault(const struct source *s, struct vae_err *err) {
    if (err)
        *err = s->fault;
    return s->fault.code;
}

long source_peek(struct source *s, size_t least, const unsigned char **p, struct vae_err *err) {
    if (least > SOURCE_PEEK)
        least = SOURCE_PEEK;
    if (s->kind == UNKNOWN && !s->fault.code)
        tell_kind(s);
    size_t *at = s->kind == GZIP ? &s->plain_at : &s->at, *end = s->kind == GZIP ? &s->plain_end : &s->end;
    if (s->kind == GZIP && *at) {
        memmove(s->plain, s->plain + *at, *end - *at);
        *end -= *at;
        *at = 0;
    }
    while (*end - *at < least && !s->fault.code) {
        long got = s->kind == GZIP ? inflate_some(s, s->plain + *end, SOURCE_PEEK - *end, true) : fill_raw(s);
        if (got == 0)
            break;
        if (got > 0 && s->kind == GZIP)
            *end += (size_t)got;
    }
    size_t n = *end - *at;
    if (n == 0 && s->fault.code)
        return pass_fault(s, err);
    *p = (s->kind == GZIP ? s->plain : s->raw) + *at;
    return (long)(n > SOURCE_PEEK ? SOURCE_PEEK : n);
}

long source_read(struct source *s, void *p, size_t n, struct vae_err *err) {
    if (n == 0)
        return 0;
    if (s->kind == UNKNOWN && !s->fault.code)
        tell_kind(s);
    bool gz = s->kind == GZIP;
    size_t *at = gz ? &s->plain_at : &s->at, have = gz ? s->plain_end - s->plain_at : s->end - s->at;
    if (have && s->kind != UNKNOWN) {
        if (n > have)
            n = have;
        memcpy(p, (gz ? s->plain : s->raw) + *at, n);
        *at += n;
        return (long)n;
    }
    if (s->fault.code)
        return pass_fault(s, err);
    long got = gz ? inflate_some(s, p, n, true) : read_some(s, p, n);
    return got < 0 ? pass_fault(s, err) : got;
}

int source_exact(struct source *s, void *p, size_t n, struct vae_err *err) {
    size_t have = 0;
    while (have < n) {
        long got = source_read(s, (char *)p + have, n - have, err);
        if (got < 0)
            return (int)got;
        if (got == 0)
            return have ? err_set(err, VAE_EDATA, "%s: ends early", s->name) : 0;
        have += (size_t)got;
    }
    return 1;
}

/* All that comes, to a temporary file. */
static int spool(struct source *s, struct vae_err *err) {
    int fd = io_temporary(err);
    char *bytes = fd < 0 ? NULL : mem_array(RAW, 1);
    long n = fd < 0 ? fd : bytes ? 0 : err_set(err, VAE_EOS, "out of memory");
    while (n == 0 && (n = source_read(s, bytes, RAW, err)) > 0)
        n = io_write(fd, bytes, (size_t)n, "temporary file", err);
    free(bytes);
    if (n < 0 && fd >= 0)
        close(fd);
    return n < 0 ? (int)n : fd;
}

int source_whole(struct source *s, struct vae_err *err) {
    struct stat st;
    if (s->kind == UNKNOWN && !s->fault.code)
        tell_kind(s);
    bool plain = s->kind == PLAIN && s->fd >= 0 && fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode);
    if (!plain || lseek(s->fd, 0, SEEK_CUR) != (off_t)(s->end - s->at)) /* it began elsewhere: only the bytes from there on are ours */
        return spool(s, err);
    int fd = fcntl(s->fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return fd < 0 ? err_errno(err, VAE_EOS, "%s", s->name) : fd;
}

/* Is there something to read, or an end or a fault to be seen, without waiting? */
static bool readable(const struct source *s) {
    struct pollfd pfd = {.fd = s->fd, .events = POLLIN};
    return s->eof || s->fault.code || s->fd < 0 || poll(&pfd, 1, 0) != 0;
}

bool source_idle(struct source *s) {
    if (s->kind != GZIP)
        return s->at == s->end && !readable(s);
    while (s->plain_at == s->plain_end && !s->fault.code) {
        s->plain_at = s->plain_end = 0;
        long got = inflate_some(s, s->plain, SOURCE_PEEK, false);
        if (got > 0)
            s->plain_end = (size_t)got;
        else if (got < 0 || s->eof)
            break;
        else if (!readable(s))
            return true;
        else if (fill_raw(s) < 0)
            break;
    }
    return false;
}

bool source_pauses(struct source *s) {
    enum { PAUSE_MS = 100 };
    struct pollfd pfd = {.fd = s->fd, .events = POLLIN};
    return source_idle(s) && poll(&pfd, 1, PAUSE_MS) == 0;
}

void source_close(struct source *s) {
    if (!s)
        return;
    if (s->kind == GZIP)
        inflateEnd(&s->z);
    if (s->fd > STDIN_FILENO)
        close(s->fd);
    free(s->name);
    free(s);
}
