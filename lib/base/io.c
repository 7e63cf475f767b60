/* io.c - whole reads and writes, and files that are replaced at one instant. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

/* After a failed call: whether to try again, having waited where the descriptor does not block. */
static bool again(int fd, short events) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        struct pollfd p = {.fd = fd, .events = events};
        return poll(&p, 1, -1) >= 0 || errno == EINTR;
    }
    return errno == EINTR;
}

int io_write(int fd, const void *p, size_t n, const char *name, struct vae_err *err) {
    const char *at = p;
    while (n > 0) {
        ssize_t w = write(fd, at, n < SSIZE_MAX ? n : SSIZE_MAX);
        if (w < 0 && again(fd, POLLOUT))
            continue;
        if (w < 0)
            return err_errno(err, VAE_EIO, "%s", name);
        at += w;
        n -= (size_t)w;
    }
    return 0;
}

long io_read(int fd, void *p, size_t n, const char *name, struct vae_err *err) {
    size_t got = 0;
    while (got < n && got < LONG_MAX) {
        ssize_t r = read(fd, (char *)p + got, n - got < SSIZE_MAX ? n - got : SSIZE_MAX);
        if (r < 0 && again(fd, POLLIN))
            continue;
        if (r < 0)
            return err_errno(err, VAE_EIO, "%s", name);
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (long)got;
}

int io_temporary(struct vae_err *err) {
    int fd = open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char path[] = P_tmpdir "/vae-XXXXXX"; /* not every file system has O_TMPFILE */
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, VAE_EOS, "temporary file in %s", P_tmpdir);
    unlink(path);
    return fd;
}

/* ---- replacing ----------------------------------------------------------------------------------------- */

/* A safetensors file: a length below 2^32 in eight bytes, then a JSON object. */
bool vae_is_model(const void *first, size_t n) {
    const unsigned char *p = first;
    return n >= 10 && !p[4] && !p[5] && !p[6] && !p[7] && p[8] == '{' && p[9] == '"';
}

enum { TEMPS = 100 }; /* processes that may replace one file at one time */

struct io_replace {
    char *path;       /* as the caller named it, for messages */
    char *target;     /* where its symbolic links lead */
    const char *base; /* the last component of target */
    int dir, fd;
    bool nameless;       /* fd is from O_TMPFILE */
    bool in_place;       /* target is a device or a pipe: written directly */
    char temp[NAME_MAX + 1]; /* name of the temporary file in dir, "" for none */
};

/* The path behind the symbolic links that are path's last component; the file need not exist. */
static char *follow(const char *path) {
    char link[PATH_MAX], *at = mem_text(path, strlen(path));
    for (int hops = 0; at && hops < 40; hops++) {
        ssize_t n = readlink(at, link, sizeof link);
        if (n < 0)
            return at;
        if ((size_t)n == sizeof link)
            break;
        const char *slash = strrchr(at, '/');
        size_t dir = slash && link[0] != '/' ? (size_t)(slash - at) + 1 : 0;
        char *next = mem_array(dir + (size_t)n + 1, 1);
        if (next) {
            memcpy(next, at, dir);
            memcpy(next + dir, link, (size_t)n);
        }
        free(at);
        at = next;
    }
    errno = at ? ELOOP : ENOMEM;
    free(at);
    return NULL;
}

/* Is this open file the regular one of that name? */
static bool is_named(int dir, const char *name, int fd) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(b.st_mode) &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Gives the nameless file a name. */
static int link_as(const struct io_replace *r, const char *name) {
    char self[64];
    snprintf(self, sizeof self, "/proc/self/fd/%d", r->fd);
    return linkat(AT_FDCWD, self, r->dir, name, AT_SYMLINK_FOLLOW);
}

/* Gives the nameless file the temporary name, or makes one of that name, locked. -1 and errno; EEXIST: it is taken. */
static int make_temp(struct io_replace *r) {
    if (r->nameless)
        return link_as(r, r->temp);
    r->fd = openat(r->dir, r->temp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666); /* the mode obeys the umask */
    if (r->fd < 0)
        return -1;
    if ((flock(r->fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) && is_named(r->dir, r->temp, r->fd))
        return 0;
    close(r->fd); /* it was taken for litter before it was locked */
    r->fd = -1, errno = EEXIST;
    return -1;
}

/* Removes what has the temporary name where that is litter: nobody holds its lock. Only who holds it removes or renames the
 * file, so that it is still the one of that name. True: the name is free. */
static bool clear_temp(const struct io_replace *r) {
    int fd = openat(r->dir, r->temp, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    bool gone = flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(r->dir, r->temp, fd) && unlinkat(r->dir, r->temp, 0) == 0;
    close(fd);
    return gone;
}

/* Takes a temporary name: the first that no other process writes under, so that what one left behind is found by the next. */
static int take_temp(struct io_replace *r) {
    for (int i = 0; i < TEMPS;) {
        snprintf(r->temp, sizeof r->temp, ".%.*s.vae-tmp%d", (int)sizeof r->temp - 16, r->base, i);
        if (make_temp(r) == 0)
            return 0;
        if (errno != EEXIST)
            break;
        i += !clear_temp(r);
    }
    errno = errno == EEXIST ? EBUSY : errno;
    r->temp[0] = 0;
    return -1;
}

/* Opens the temporary file in r->dir. */
static int open_temp(struct io_replace *r) {
    if (access("/proc/self/fd", X_OK) == 0) { /* else there is no way to give the file a name */
        r->fd = openat(r->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
        r->nameless = r->fd >= 0;
        if (r->nameless)
            flock(r->fd, LOCK_EX | LOCK_NB);
        if (r->nameless || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT))
            return r->fd;
    }
    return take_temp(r);
}

static int open_dir(struct io_replace *r) {
    size_t n = (size_t)(r->base - r->target);
    char *dir = n ? mem_text(r->target, n) : mem_text(".", 1);
    if (!dir)
        return -1;
    r->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->dir < 0 && errno == EACCES) /* may be written but not listed; it cannot be fsynced then */
        r->dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int e = errno;
    free(dir);
    errno = e;
    return r->dir;
}

/* Opens what is written to; -1 and errno. */
static int open_target(struct io_replace *r) {
    struct stat st;
    bool exists = stat(r->target, &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return -1;
    }
    if (exists && !S_ISREG(st.st_mode)) {
        r->in_place = true;
        return r->fd = open(r->target, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    }
    if (exists && access(r->target, W_OK) < 0) /* a file that is write-protected stays */
        return -1;
    if (*r->base == 0) {
        errno = r->base == r->target ? ENOENT : EISDIR;
        return -1;
    }
    if (open_dir(r) < 0 || open_temp(r) < 0)
        return -1;
    return exists ? fchmod(r->fd, st.st_mode & 0777) : 0;
}

struct io_replace *io_replace_open(const char *path, struct vae_err *err) {
    struct io_replace *r = mem_array(1, sizeof *r);
    if (!r || !(r->path = mem_text(path, strlen(path)))) {
        free(r);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    r->dir = r->fd = -1;
    if ((r->target = follow(path))) {
        const char *slash = strrchr(r->target, '/');
        r->base = slash ? slash + 1 : r->target;
        if (open_target(r) >= 0)
            return r;
    }
    err_errno(err, VAE_ECREATE, "cannot create %s", path);
    io_replace_abandon(r);
    return NULL;
}

int io_replace_fd(const struct io_replace *r) {
    return r->fd;
}

/* Gives the nameless file a name: the final one where that is free, else a temporary one. */
static int give_name(struct io_replace *r) {
    if (link_as(r, r->base) == 0)
        return 0;
    return errno == EEXIST ? take_temp(r) : -1;
}

int io_replace_commit(struct io_replace *r, struct vae_err *err) {
    int rc = 0;
    if (r->in_place) {
        if (close(r->fd) < 0 && errno != EINTR)
            rc = err_errno(err, VAE_EIO, "%s", r->path);
        r->fd = -1;
    } else if (fsync(r->fd) < 0)
        rc = err_errno(err, VAE_EIO, "%s", r->path);
    else if (r->nameless && give_name(r) < 0)
        rc = err_errno(err, VAE_ECREATE, "cannot create %s", r->path);
    else if (r->temp[0] && renameat(r->dir, r->temp, r->dir, r->base) < 0)
        rc = err_errno(err, VAE_ECREATE, "cannot replace %s", r->path);
    else {
        r->temp[0] = 0;
        if (fsync(r->dir) < 0 && errno != EINVAL && errno != EBADF && errno != EROFS)
            rc = err_errno(err, VAE_EIO, "%s", r->path);
    }
    io_replace_abandon(r);
    return rc;
}

void io_replace_abandon(struct io_replace *r) {
    if (!r)
        return;
    int e = errno;
    if (r->temp[0])
        unlinkat(r->dir, r->temp, 0);
    if (r->fd >= 0)
        close(r->fd);
    if (r->dir >= 0)
        close(r->dir);
    free(r->path);
    free(r->target);
    free(r);
    errno = e;
}

int vae_replace(const char *path, const char *text, struct vae_err *err) {
    struct io_replace *f = io_replace_open(path, err);
    if (!f)
        return err && err->code ? err->code : VAE_ECREATE;
    int r = io_write(io_replace_fd(f), text, strlen(text), path, err);
    if (!r)
        return io_replace_commit(f, err);
    io_replace_abandon(f);
    return r;
}
