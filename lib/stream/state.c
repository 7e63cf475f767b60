/* state.c - the state of a run: locked, read, carried on with, and written whole or not at all. See state.h. */
#include "stream/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "stream/sink.h"

struct state_file *state_add(struct vae_state *s, size_t at, const char *path, uint64_t inode, struct vae_err *err) {
    char *name = mem_text(path, strlen(path));
    if (!name || mem_grow(&s->file, &s->cap, s->nfiles + 1, sizeof *s->file, err) < 0) {
        free(name);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    struct state_file *f = &s->file[at];
    memmove(f + 1, f, (s->nfiles++ - at) * sizeof *f);
    *f = (struct state_file){.path = name, .mark.inode = inode, .place.line = 1, .fd = -1, .newness = INT64_MAX};
    return f;
}

static void free_file(struct state_file *f) {
    if (f->fd >= 0)
        close(f->fd);
    free(f->path);
    free((void *)(uintptr_t)f->place.header);
}

void state_drop(struct vae_state *s, size_t file) {
    free_file(&s->file[file]);
    memmove(s->file + file, s->file + file + 1, (--s->nfiles - file) * sizeof *s->file);
}

int state_set_place(struct state_file *f, const struct stream_place *to, struct vae_err *err) {
    const struct stream_place old = f->place;
    bool same = old.header && to->header && old.nheader == to->nheader && !memcmp(old.header, to->header, to->nheader);
    char *copy = to->header && !same ? mem_text(to->header, to->nheader) : NULL;
    if (to->header && !same && !copy)
        return err_set(err, VAE_EOS, "out of memory");
    f->place = *to;
    f->place.header = same ? old.header : copy;
    if (!same)
        free((void *)(uintptr_t)old.header);
    return 0;
}

/* One run at a time. The lock is a file of its own, since the state is another file after each save. */
static int lock(struct vae_state *s, struct vae_err *err) {
    struct buf name = {0};
    int rc = buf_printf(&name, err, "%s.lock", s->path);
    if (rc == 0 && (s->lock = open(name.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666)) < 0)
        rc = err_errno(err, VAE_ECREATE, "cannot create %s", name.p);
    else if (rc == 0 && flock(s->lock, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK ? err_set(err, VAE_EAGAIN, "%s: another run goes on from it; try again later", s->path)
                                  : err_errno(err, VAE_EOS, "%s", name.p);
    buf_free(&name);
    return rc;
}

static void empty(struct vae_state *s) {
    for (size_t i = 0; i < s->nfiles; i++)
        free_file(&s->file[i]);
    free(s->model), free(s->memory), free(s->held);
    s->model = s->memory = s->held = NULL;
    s->nfiles = s->nparts = s->nheld = 0;
    s->lost = NULL;
    s->has_out = false;
}

int state_refuse(const char *why, struct vae_err *err) {
    return err_set(err, VAE_EDATA, "%s; remove it to begin anew (and move the output of -o away)", why);
}

int state_load(struct vae_state *s, struct vae_err *err) {
    empty(s);
    int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_errno(err, VAE_ENOINPUT, "%s", s->path);
    struct stat st;
    struct vae_err why = {0};
    char *p = NULL;
    long n = fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ? err_set(&why, VAE_EDATA, "%s: is no state", s->path) : 0;
    if (n == 0 && !(p = mem_array((size_t)st.st_size + 1, 1)))
        n = err_set(&why, VAE_EOS, "%s: out of memory", s->path);
    if (n == 0)
        n = io_read(fd, p, (size_t)st.st_size, s->path, &why);
    int rc = n < 0 ? (int)n : state_parse(s, p, (size_t)n, &why);
    free(p);
    close(fd);
    if (rc == VAE_EDATA)
        return state_refuse(why.msg, err);
    if (rc < 0 && err)
        *err = why;
    return rc;
}

struct vae_state *vae_state_open(const char *path, struct vae_err *err) {
    struct vae_state *s = mem_array(1, sizeof *s);
    if (s)
        s->lock = -1;
    if (!s || !(s->path = mem_text(path, strlen(path))))
        err_set(err, VAE_EOS, "out of memory");
    else if (lock(s, err) == 0 && state_load(s, err) == 0)
        return s;
    vae_state_free(s);
    return NULL;
}

void vae_state_stats(const struct vae_state *s, struct vae_state_stats *st) {
    *st = (struct vae_state_stats){.rows = s->rows, .model = s->model, .memory = s->memory ? s->memory : "", .lost = s->lost,
                                    .lost_at = s->lost_at, .anew = s->anew};
}

static int save(const struct vae_state *s, struct vae_err *err) {
    struct buf text = {0};
    int rc = state_format(s, &text, err);
    struct io_replace *f = rc == 0 ? io_replace_open(s->path, err) : NULL;
    if (rc == 0)
        rc = f ? io_write(io_replace_fd(f), text.p, text.n, s->path, err) : VAE_ECREATE;
    if (rc == 0)
        rc = io_replace_commit(f, err);
    else
        io_replace_abandon(f);
    buf_free(&text);
    return rc;
}

int vae_state_save(struct vae_state *s, const char *model, const struct vae_in *in, struct vae_out *out, uint64_t rows,
                   const char *memory, struct vae_err *err) {
    struct buf held = {0};
    int rc = in ? stream_in_save(in, &held, err) : 0;
    rc = rc == 0 && out ? stream_out_sync(out, s->has_out ? &s->out : NULL, err) : rc;
    for (size_t i = 0; i < s->nfiles && rc == 0; i++) {
        struct state_file *f = &s->file[i];
        struct stat st;
        if (f->fd < 0)
            continue;
        fsync(f->fd); /* else the log may lack, after a loss of power, rows that the state tells of, and seem another one */
        if (fstat(f->fd, &st) < 0)
            rc = err_errno(err, VAE_EIO, "%s", f->path);
        else if ((uint64_t)st.st_size < f->place.offset) /* it was cut: known again by nothing, so begun again */
            f->mark.size = f->place.offset, f->mark.head = ~f->mark.head;
        else
            rc = state_mark_take(f->fd, (uint64_t)st.st_size, f->path, &f->mark, err);
    }
    char *id = rc ? NULL : mem_text(model, strlen(model)), *text = rc ? NULL : mem_text(memory, strlen(memory));
    if (!id || !text) {
        free(id), free(text), buf_free(&held);
        return rc ? rc : err_set(err, VAE_EOS, "out of memory");
    }
    free(s->model), free(s->memory), free(s->held);
    s->model = id;
    s->memory = text;
    s->held = held.p, s->nheld = held.n;
    s->rows = rows;
    return save(s, err);
}

void vae_state_free(struct vae_state *s) {
    if (!s)
        return;
    empty(s);
    if (s->lock >= 0)
        close(s->lock);
    free(s->file);
    free(s->part);
    free(s->path);
    free(s);
}
