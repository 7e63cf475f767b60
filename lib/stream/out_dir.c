/*
 * out_dir.c - records to the files of a directory.
 *
 *   the format they came in     the name of the file they came from: a/x.wav -> DIR/x.wav
 *   another format              x.wav -> DIR/x.csv
 *   a format of one record      DIR/x-000001.png, -000002, ... ; x.png alone where each came from such a file
 *   of no file                  DIR/stdin.csv; DIR/records.csv, DIR/000001.png of new ones
 *
 * Only the last part of a name is taken, so no stream can write outside the directory; a name that comes twice is refused.
 */
#include "stream/out_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"

struct out_dir {
    char *path;
    const struct stream_format *format;
    struct vae_head *head;
    struct vae_out_opts opts;
    json_t *used;        /* names written -> the file each is of */
    struct vae_out *now; /* NULL: none is open */
    uint64_t file;       /* whose number it is */
    size_t records;      /* of it, so far */
};

bool out_dir_wanted(const char *path) {
    struct stat st;
    size_t n = path ? strlen(path) : 0;
    return n && (path[n - 1] == '/' || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)));
}

struct out_dir *out_dir_open(const char *path, const struct stream_format *format, const struct vae_head *head,
                             const struct vae_out_opts *opts, struct vae_err *err) {
    if (mkdir(path, 0777) && errno != EEXIST) {
        err_errno(err, VAE_ECREATE, "%s", path);
        return NULL;
    }
    struct out_dir *d = mem_array(1, sizeof *d);
    if (d) {
        d->format = format, d->opts = *opts;
        d->path = mem_text(path, strlen(path));
        d->head = rec_head_copy(head, err);
        d->used = json_object();
    }
    if (d && d->path && d->head && d->used)
        return d;
    err_set(err, VAE_EOS, "out of memory");
    if (d)
        out_dir_close(d, 0, NULL);
    return NULL;
}

/* Did the records come in the format they leave in? */
static bool same_format(const struct out_dir *d) {
    return stream_format_of(d->head) == d->format;
}

/* The name of the file to begin, in `out`; false where it does not fit. */
static bool make_name(const struct out_dir *d, const struct rec_file *file, char *out, size_t size) {
    char number[32] = "";
    const char *from = file->name ? file->name : file->number ? "stdin" : d->format->single ? "" : "records";
    const char *base = strrchr(from, '/') ? strrchr(from, '/') + 1 : from;
    bool given_back = file->name && same_format(d) && d->records == 0;
    size_t stem = strlen(base);
    if (!file->name || !given_back) { /* without .csv or .csv.gz */
        if (stem > 3 && !strcmp(base + stem - 3, ".gz"))
            stem -= 3;
        for (size_t i = stem; i-- > 1;)
            if (base[i] == '.') {
                stem = i;
                break;
            }
    }
    if (given_back && strcmp(base, "") && strcmp(base, ".") && strcmp(base, ".."))
        return snprintf(out, size, "%s", base) < (int)size;
    if (d->format->single)
        snprintf(number, sizeof number, "%s%06zu", stem ? "-" : "", d->records + 1);
    return snprintf(out, size, "%.*s%s.%s", (int)stem, base, number, d->format->name) < (int)size;
}

/* Of sound, files of several formats may be one stream: each has that of its name. */
static const char *format_of(const struct out_dir *d, const char *name) {
    const struct stream_format *f = stream_format_by_ending(name);
    return stream_is_sound(d->format) && stream_is_sound(f) && f->create ? f->name : d->format->name;
}

static int begin(struct out_dir *d, const struct rec_file *file, struct vae_err *err) {
    char name[256], shown[80];
    struct buf path = {0};
    bool fits = make_name(d, file, name, sizeof name);
    const char *from = file->name ? file->name : "standard input";
    err_quote(shown, sizeof shown, from, strlen(from));
    if (!fits)
        return err_set(err, VAE_ECREATE, "%s: too long a name for a file", shown);
    const char *other = json_string_value(json_object_get(d->used, name));
    if (other)
        return err_set(err, VAE_ECREATE, "%s: two files have this name, %s and %s; write each folder for itself", name, other, shown);
    bool slash = d->path[strlen(d->path) - 1] == '/';
    int r = buf_put(&path, d->path, strlen(d->path), err);
    r = r || slash ? r : buf_put(&path, "/", 1, err);
    r = r ? r : buf_put(&path, name, strlen(name) + 1, err);
    d->opts.format = format_of(d, name);
    if (!r)
        d->now = stream_out_open(path.p, d->head, NULL, &d->opts, err);
    r = r ? r : d->now ? 0 : err && err->code ? err->code : VAE_ECREATE;
    if (!r && json_object_set_new_nocheck(d->used, name, json_string_nocheck(shown)))
        r = err_set(err, VAE_EOS, "out of memory");
    buf_free(&path);
    return r;
}

static int end(struct out_dir *d, int status, struct vae_err *err) {
    struct vae_out *out = d->now;
    d->now = NULL;
    return vae_out_close(out, status, err);
}

/* Records of one file. */
static int put(struct out_dir *d, const struct vae_batch *b, struct vae_err *err) {
    int r = 0;
    if (b->file.number != d->file || d->format->single) {
        r = end(d, 0, err);
        d->records = b->file.number == d->file ? d->records : 0;
        d->file = b->file.number;
    }
    if (!r && !d->now)
        r = begin(d, &b->file, err);
    r = r ? r : vae_out_put(d->now, b, err);
    d->records += r ? 0 : b->rows;
    return r;
}

int out_dir_put(struct out_dir *d, const struct vae_batch *b, struct vae_err *err) {
    if (!d->format->single && !b->each)
        return b->rows ? put(d, b, err) : 0;
    struct rec_col *cols = mem_array(b->nfields, sizeof *cols);
    int r = cols ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < b->rows && !r; i++) {
        struct vae_batch one;
        rec_slice(b, d->head, i, 1, cols, &one);
        one.file = one.each ? *one.each : one.file;
        r = put(d, &one, err);
    }
    free(cols);
    return r;
}

int out_dir_flush(struct out_dir *d, struct vae_err *err) { return d->now ? vae_out_flush(d->now, err) : 0; }

int out_dir_close(struct out_dir *d, int status, struct vae_err *err) {
    int r = end(d, status, err);
    rec_head_free(d->head), json_decref(d->used), free(d->path), free(d);
    return r;
}
