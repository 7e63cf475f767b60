/* state_mark.c - knowing a file again, and finding it where it was moved to. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/err.h"
#include "base/mem.h"
#include "stream/state.h"

/* The checksum of n bytes at an offset; false where they are not all there. */
static bool sum(int fd, uint64_t at, size_t n, uint32_t *crc) {
    unsigned char p[STATE_MARK];
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, p + got, n - got, (off_t)(at + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        got += (size_t)r;
    }
    *crc = crc_update(0, p, n);
    return true;
}

static bool sums(int fd, uint64_t size, uint32_t *head, uint32_t *tail) {
    size_t n = size < STATE_MARK ? (size_t)size : STATE_MARK;
    return sum(fd, 0, n, head) && sum(fd, size - n, n, tail);
}

int state_mark_take(int fd, uint64_t size, const char *name, struct state_mark *m, struct vae_err *err) {
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(err, VAE_EIO, "%s", name);
    m->inode = st.st_ino;
    m->size = size;
    if (!sums(fd, size, &m->head, &m->tail))
        m->head = m->tail = 0; /* it was cut under our hands: known again by nothing, so begun again */
    return 0;
}

bool state_mark_fits(int fd, const struct state_mark *m) {
    uint32_t head, tail;
    return sums(fd, m->size, &head, &tail) && head == m->head && tail == m->tail;
}

static int open_regular(int dir, const char *name, int flags) {
    int fd = openat(dir, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int state_open_in(int dir, const char *name) { return open_regular(dir, name, O_RDONLY); }

int state_open_dir(const char *path, const char **base) {
    const char *slash = strrchr(path, '/');
    *base = slash ? slash + 1 : path;
    char *dir = slash ? mem_text(path, (size_t)(slash - path) + 1) : mem_text(".", 1);
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(dir);
    return fd;
}

uint64_t state_listing(const char *path) {
    const char *base;
    uint64_t sum = 0;
    struct stat st;
    int at = state_open_dir(path, &base);
    DIR *dir = at >= 0 ? fdopendir(at) : NULL;
    if (!dir && at >= 0)
        close(at);
    for (const struct dirent *e; dir && (e = readdir(dir));)
        if (!strncmp(e->d_name, base, strlen(base)) && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            sum += (st.st_ino + 1) * (crc_update(0, e->d_name, strlen(e->d_name)) + UINT64_C(1)); /* in any order */
    if (dir)
        closedir(dir);
    return sum;
}

int state_find(const char *path, const struct state_mark *m, int flags, char name[256]) {
    const char *base;
    int at = state_open_dir(path, &base), found = -1;
    DIR *dir = at >= 0 ? fdopendir(at) : NULL;
    if (!dir && at >= 0)
        close(at);
    for (const struct dirent *e; dir && found < 0 && (e = readdir(dir));) {
        struct stat st; /* not d_ino: layered file systems have another one there */
        if (strlen(e->d_name) > 255 || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            st.st_ino != m->inode)
            continue;
        found = open_regular(dirfd(dir), e->d_name, flags);
        if (found >= 0 && !state_mark_fits(found, m)) {
            close(found);
            found = -1;
        }
        if (found >= 0)
            strcpy(name, e->d_name);
    }
    if (dir)
        closedir(dir);
    return found;
}
