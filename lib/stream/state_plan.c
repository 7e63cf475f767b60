/*
 * state_plan.c - what there is to read in this run: for each operand the rests of the files that had its name, from old
 * to new, and then the one that has it now.
 *
 * Rotation by renaming: the inode is found beside the operand. Copied and cut: the file that has the name no longer
 * begins as it did, and a copy beside it does. Rotated more than once between two runs: those files come in between whose
 * number (app.csv.1) or date (app.csv-20261126) lies between. All that is compressed cannot be found.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/state.h"

enum { TRIES = 100 };

/* How new a rotated name is: the number behind "app.csv." or "app.csv-". Of up to five digits it counts rotations, longer
 * it is a date or a time, perhaps with marks in between. False: it is no such name. */
static bool age(const char *base, const char *name, int64_t *newness) {
    size_t n = strlen(base), digits = 0;
    int64_t v = 0;
    if (strncmp(name, base, n) || (name[n] != '.' && name[n] != '-'))
        return false;
    for (const char *p = name + n + 1; *p; p++) {
        if (*p >= '0' && *p <= '9' && digits++ < 17)
            v = 10 * v + (*p - '0');
        else if (!digits || !strchr("-_:T", *p))
            return false;
    }
    *newness = digits < 6 ? -v : v;
    return digits > 0;
}

/* Is the open file one that the state has? */
static bool known(const struct vae_state *s, int fd, uint64_t inode) {
    for (size_t i = 0; i < s->nfiles; i++) {
        const struct state_file *f = &s->file[i];
        if (f->mark.inode == inode && (f->fd >= 0 || (f->mark.size && state_mark_fits(fd, &f->mark))))
            return true;
    }
    return false;
}

/* The oldest rotated file that is newer than `after` (INT64_MIN: the newest one), not known, and begins as the mark says (NULL:
 * in any way); its newness there. -1: there is none. */
static int find_unknown(const struct vae_state *s, const char *path, const struct state_mark *m, int64_t after,
                        int64_t *newness) {
    const char *base;
    int at = state_open_dir(path, &base), found = -1;
    DIR *dir = at >= 0 ? fdopendir(at) : NULL;
    if (!dir && at >= 0)
        close(at);
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        struct stat st;
        int64_t v;
        bool count = after <= 0; /* numbers and dates are not mixed */
        if (!age(base, e->d_name, &v) || (after != INT64_MIN && (v <= after || (v <= 0) != count)) ||
            (found >= 0 && (after == INT64_MIN ? v <= *newness : v >= *newness)))
            continue;
        int fd = state_open_in(dirfd(dir), e->d_name);
        if (fd >= 0 && fstat(fd, &st) == 0 && (!m || state_mark_fits(fd, m)) && !known(s, fd, st.st_ino)) {
            if (found >= 0)
                close(found);
            found = fd;
            *newness = v;
        } else if (fd >= 0) {
            close(fd);
        }
    }
    if (dir)
        closedir(dir);
    return found;
}

/* Opens file i where it is now; `after`: the newness of the one before. False: it is gone. */
static bool locate(struct vae_state *s, size_t i, int now, uint64_t inode, int64_t after) {
    struct state_file *f = &s->file[i];
    const char *slash = strrchr(f->path, '/'), *base = slash ? slash + 1 : f->path;
    char name[256] = "";
    struct stat st;
    f->newness = INT64_MAX;
    if (now >= 0 && inode == f->mark.inode && state_mark_fits(now, &f->mark)) {
        f->fd = fcntl(now, F_DUPFD_CLOEXEC, 3);
        return f->fd >= 0;
    }
    f->fd = state_find(f->path, &f->mark, O_RDONLY, name);
    if (f->fd >= 0 && !age(base, name, &f->newness))
        f->newness = INT64_MAX;
    if (f->fd < 0 && now >= 0 && f->mark.size && state_mark_fits(now, &f->mark)) /* put back from a copy */
        f->fd = fcntl(now, F_DUPFD_CLOEXEC, 3);
    if (f->fd < 0 && f->mark.size)
        f->fd = find_unknown(s, f->path, &f->mark, after, &f->newness);
    if (f->fd >= 0 && fstat(f->fd, &st) == 0)
        f->mark.inode = st.st_ino;
    return f->fd >= 0;
}

struct operand {
    const char *path;
    int fd; /* as it is now, -1: it is not there */
    uint64_t inode;
    size_t there;  /* files of it that the state has and that are still there */
    int64_t after; /* the newness of the oldest of them that was rotated away, INT64_MAX: there is none */
    struct state_file last; /* the newest of them, there or not: its place says how the columns were */
};

/* A new file, to be read from its start; takes fd. Without a header of its own it has the columns of the one before. */
static int add_file(struct vae_state *s, const struct operand *o, int fd, uint64_t inode, int64_t newness,
                    struct vae_err *err) {
    struct stream_place start = o->last.place;
    size_t at = s->nfiles;
    for (size_t i = s->nfiles; i-- > 0;)
        if (!strcmp(s->file[i].path, o->path) && s->file[i].newness > newness)
            at = i;
    struct state_file *f = state_add(s, at, o->path, inode, err);
    if (!f) {
        close(fd);
        return VAE_EOS;
    }
    f->fd = fd;
    f->newness = newness;
    start.offset = 0;
    start.line = 1;
    return state_set_place(f, &start, err);
}

/* Adds files that were rotated away after the oldest that is known, but never seen. */
static int add_between(struct vae_state *s, const struct operand *o, struct vae_err *err) {
    int64_t newness = o->after;
    int fd, rc = 0;
    struct stat st;
    while (rc == 0 && (fd = find_unknown(s, o->path, NULL, newness, &newness)) >= 0) {
        fstat(fd, &st);
        rc = add_file(s, o, fd, st.st_ino, newness, err);
    }
    return rc;
}

static int open_now(struct operand *o, struct vae_err *err) {
    struct stat st;
    o->fd = open(o->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (o->fd < 0)
        return errno == ENOENT ? 0 : err_errno(err, VAE_ENOINPUT, "%s", o->path);
    if (fstat(o->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(err, VAE_EUSAGE, "%s: is no regular file, and only those can be gone on with", o->path);
    o->inode = st.st_ino;
    return 0;
}

/* Opens the files of an operand that the state has, where they are still there, and drops the others. */
static int locate_all(struct vae_state *s, struct operand *o, struct vae_err *err) {
    size_t last = SIZE_MAX;
    int64_t before = INT64_MIN;
    for (size_t i = 0; i < s->nfiles; i++)
        if (!strcmp(s->file[i].path, o->path))
            last = i;
    o->after = INT64_MAX;
    for (size_t i = 0; i < s->nfiles; i++) {
        struct state_file *f = &s->file[i];
        if (strcmp(f->path, o->path))
            continue;
        bool newest = i == last;
        int rc = newest ? state_set_place(&o->last, &f->place, err) : 0;
        if (rc < 0)
            return rc;
        if (locate(s, i, o->fd, o->inode, before)) {
            o->there++;
            if (f->newness != INT64_MAX)
                before = f->newness;
            if (f->newness < o->after)
                o->after = f->newness;
            continue;
        }
        if (newest) {
            s->lost = o->path;
            s->lost_at = f->place.offset;
        }
        state_drop(s, i--);
        last--;
    }
    return 0;
}

/* Files that came under the name since. */
static int add_new(struct vae_state *s, struct operand *o, struct vae_err *err) {
    if (o->fd < 0 && o->there == 0)
        return err_set(err, VAE_ENOINPUT, "%s: no such file", o->path);
    int rc = o->after != INT64_MAX ? add_between(s, o, err) : 0, fd = o->fd;
    if (rc < 0 || fd < 0 || known(s, fd, o->inode))
        return rc;
    o->fd = -1;
    return add_file(s, o, fd, o->inode, INT64_MAX, err);
}

/* Closes those in which there is nothing to read. One that was rotated away is looked at until two are newer, as it may
 * still be written to for a while; and longer where an older one is left, behind which it would be taken for one never seen. */
static int close_done(struct vae_state *s, struct vae_err *err) {
    for (size_t i = 0; i < s->nfiles; i++) {
        struct stat st;
        struct state_file *f = &s->file[i];
        if (f->fd < 0)
            continue;
        if (fstat(f->fd, &st) < 0)
            return err_errno(err, VAE_EIO, "%s", f->path);
        if ((uint64_t)st.st_size > f->place.offset)
            continue;
        close(f->fd);
        f->fd = -1;
        size_t older = 0, newer = 0;
        for (size_t j = 0; j < s->nfiles; j++)
            *(j < i ? &older : &newer) += j != i && !strcmp(f->path, s->file[j].path);
        if (!older && newer >= 2)
            state_drop(s, i--);
    }
    return 0;
}

static int take_parts(struct vae_state *s, const char *path, struct vae_err *err) {
    for (size_t i = 0; i < s->nfiles; i++) {
        if (s->file[i].fd < 0 || strcmp(s->file[i].path, path))
            continue;
        if (mem_grow(&s->part, &s->parts_cap, s->nparts + 1, sizeof *s->part, err) < 0)
            return VAE_EOS;
        s->part[s->nparts++] = i;
    }
    return 0;
}

static int plan(struct vae_state *s, char *const *paths, size_t n, struct vae_err *err) {
    struct operand *o = mem_array(n, sizeof *o);
    size_t no = 0;
    int rc = o ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool again = false;
        for (size_t j = 0; j < no; j++)
            again |= !strcmp(paths[i], o[j].path);
        if (again)
            continue;
        o[no] = (struct operand){.path = paths[i], .fd = -1};
        rc = open_now(&o[no++], err);
    }
    /* all that is known is found before anything is taken for new: a file of one operand may have the name of another */
    for (size_t i = 0; i < no && rc == 0; i++)
        rc = locate_all(s, &o[i], err);
    for (size_t i = 0; i < no && rc == 0; i++)
        rc = add_new(s, &o[i], err);
    if (rc == 0)
        rc = close_done(s, err);
    for (size_t i = 0; i < no && rc == 0; i++)
        rc = take_parts(s, o[i].path, err);
    for (size_t i = 0; i < no; i++) {
        if (o[i].fd >= 0)
            close(o[i].fd);
        free((void *)(uintptr_t)o[i].last.place.header);
    }
    free(o);
    return rc;
}

/* Files may be renamed while they are looked for, and a directory that is read meanwhile may show one nowhere. So the names
 * must be the same before and after; else all is looked for again. */
int state_plan(struct vae_state *s, char *const *paths, size_t n, struct vae_err *err) {
    for (int tries = 0;; tries++) {
        uint64_t before = 0, after = 0;
        for (size_t i = 0; i < n; i++)
            before += state_listing(paths[i]);
        struct vae_err own = {0};
        int rc = plan(s, paths, n, &own);
        for (size_t i = 0; i < n; i++)
            after += state_listing(paths[i]);
        if (before == after || tries == TRIES) {
            if (rc < 0 && err)
                *err = own;
            return rc;
        }
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        rc = state_load(s, err);
        if (rc < 0)
            return rc;
    }
}
