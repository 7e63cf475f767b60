/*
 * state_out.c - the output that is appended to. What stands behind the rows that the state tells of was written by a run
 * that did not get to saving them: it is cut off, and those rows are scored again.
 *
 * Where the output was rotated away in between, it is cut under its new name. A file is cut only where it has the bytes
 * that the state remembers.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/err.h"
#include "stream/state.h"

static uint32_t columns_of(const struct vae_head *head) {
    uint32_t crc = 0;
    for (size_t j = 0; j < head->nfields; j++) {
        const struct rec_field *f = &head->fields[j];
        uint32_t width = (uint32_t)f->width;
        if (!f->whole) /* the name of whole rows is their header, which may change */
            crc = crc_update(crc, f->name, strlen(f->name) + 1);
        crc = crc_update(crc, &width, sizeof width);
    }
    return crc;
}

static int cut(int fd, uint64_t at, const char *path, struct vae_err *err) {
    return ftruncate(fd, (off_t)at) < 0 ? err_errno(err, VAE_EIO, "%s", path) : 0;
}

/* The output of the last run has another name now, or is gone. */
static int cut_rotated(const struct vae_state *s, const char *path, struct vae_err *err) {
    char name[256];
    int fd = s->out.size ? state_find(path, &s->out, O_RDWR, name) : -1;
    int rc = fd >= 0 ? cut(fd, s->out.size, path, err) : 0;
    if (rc == 0 && fd >= 0 && fsync(fd) < 0)
        rc = err_errno(err, VAE_EIO, "%s", path);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Where in the open file to go on. */
static int find_end(struct vae_state *s, const char *path, int fd, uint64_t size, uint64_t inode, uint64_t *at,
                    struct vae_err *err) {
    *at = size;
    if (s->has_out && inode == s->out.inode && state_mark_fits(fd, &s->out)) {
        *at = s->out.size;
        return cut(fd, *at, path, err);
    }
    if (!s->has_out)
        return size ? err_set(err, VAE_ECREATE, "%s: is there, but the state tells of no rows in it; move it away", path) : 0;
    return cut_rotated(s, path, err);
}

/* The name of a new file is to be there after a crash, too. */
static void sync_dir(const char *path) {
    const char *base;
    int dir = state_open_dir(path, &base);
    if (dir >= 0) {
        fsync(dir);
        close(dir);
    }
}

int state_output(struct vae_state *s, const char *path, const struct vae_head *head, uint64_t *at, struct vae_err *err) {
    struct stat st;
    uint32_t columns = columns_of(head);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666), rc;
    if (fd < 0)
        return err_errno(err, VAE_ECREATE, "cannot create %s", path);
    if (fstat(fd, &st) < 0)
        rc = err_errno(err, VAE_EIO, "%s", path);
    else if (!S_ISREG(st.st_mode))
        rc = err_set(err, VAE_EUSAGE, "%s: is no regular file; with --state, leave -o out", path);
    else
        rc = find_end(s, path, fd, (uint64_t)st.st_size, st.st_ino, at, err);
    if (rc == 0 && *at && columns != s->columns)
        rc = err_set(err, VAE_EDATA, "%s: has other columns than these; move it away", path);
    if (rc == 0 && lseek(fd, (off_t)*at, SEEK_SET) < 0)
        rc = err_errno(err, VAE_EIO, "%s", path);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    if (st.st_size == 0)
        sync_dir(path);
    s->has_out = true;
    s->columns = columns;
    return fd;
}
