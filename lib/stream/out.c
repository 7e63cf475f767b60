/* out.c - one writer in any format that can be written. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "stream/foreign.h"
#include "stream/format.h"
#include "stream/out_dir.h"
#include "stream/state.h"

struct vae_out {
    struct sink *sink;
    const struct stream_format *format;
    void *writer;
    struct out_dir *dir;     /* NULL: all of it is one stream */
    struct stream_back back; /* run NULL: none */
};

bool stream_is_sound(const struct stream_format *f) { return f && f->begins; }

/* The format that the name of a file says; NULL for what is none, or says nothing. */
static const struct stream_format *said_by(const char *path) {
    return path && !out_dir_wanted(path) ? stream_format_by_ending(path) : NULL;
}

/* Sound leaves as WAV, which needs no seeking, unless the file's name says otherwise; to a directory as it came; what is made of it
 * and cannot be undone leaves as a table. */
static const char *choose_sound(const struct vae_head *head, const struct stream_format *f) {
    const char *front = json_string_value(json_object_get(json_object_get(head->origin, "front"), "audio"));
    if (front && strcmp(front, "mdct") != 0)
        return "csv";
    return stream_is_sound(f) && f->create ? f->name : "wav";
}

/* What the file's name says; else data leaves in the format it came in, latents for the next filter or for eyes, everything else as a
 * table. */
static const char *choose(const char *path, const struct vae_head *head, bool tty) {
    const struct stream_format *f = stream_format_of(head), *said = said_by(path);
    bool data = !strcmp(head->kind, "data"), standard = !path || !strcmp(path, "-");
    if (said && said->create && !(data && stream_is_sound(f) && stream_is_sound(said)))
        return said->name;
    if (!strcmp(head->kind, "latent"))
        return tty ? "csv" : "vts";
    if (data && stream_is_sound(f))
        return choose_sound(head, out_dir_wanted(path) ? f : said);
    if (f && f->single && standard) /* any number of images is a stream of others */
        f = &stream_pam;
    return (data && f && f->create) || f == &stream_tsv ? f->name : "csv";
}

const struct stream_format *stream_out_format(const char *path, const struct vae_head *head, const struct vae_out_opts *opts) {
    const struct stream_format *f = stream_format_by_name(opts && opts->format ? opts->format : choose(path, head, false));
    return f && f->create ? f : NULL;
}

/* To the rows that a state tells of. The header stands there already, unless the file is new. */
static struct sink *append(const char *path, const struct stream_format *named, const struct vae_head *head,
                           struct vae_out_opts *opts, struct vae_err *err) {
    size_t n = strlen(path);
    uint64_t at;
    if ((named && named != &stream_csv && named != &stream_tsv) || (n > 3 && !strcmp(path + n - 3, ".gz"))) {
        err_set(err, VAE_EUSAGE, "%s: only tables that are not compressed are appended to", path);
        return NULL;
    }
    int fd = state_output(opts->state, path, head, &at, err);
    if (fd < 0)
        return NULL;
    opts->header = at ? 0 : 1;
    struct sink *s = sink_file(path, fd, err);
    if (!s)
        close(fd);
    return s;
}

/* What the ending of a name says, and cannot be; *said is what it can be, NULL where it says nothing. */
static int heed_name(const char *path, const struct vae_head *head, const struct stream_format **said, struct vae_err *err) {
    const struct stream_format *f = *said = said_by(path);
    const char *foreign = path && !f && !out_dir_wanted(path) ? stream_foreign_name(path) : NULL;
    if (foreign)
        return err_set(err, VAE_EUSAGE, "%s: by its ending it is %s, and that is not written here; give it another, or say -t", path,
                       foreign);
    if (f && !f->create)
        return err_set(err, VAE_EUSAGE, "%s: %s is read, not written; give it another ending, or say -t", path, f->name);
    if (f && strcmp(choose(path, head, false), f->name) != 0)
        return err_set(err, VAE_EUSAGE, "%s: levels are no sound; give it another ending, or say -t", path);
    return 0;
}

static struct vae_out *open_out(const char *path, const struct vae_head *head, const struct vae_out_opts *opts, struct vae_err *err) {
    static const struct vae_out_opts plain = {.header = -1, .level = -1};
    opts = opts ? opts : &plain;
    const struct stream_format *named = opts->format ? stream_format_by_name(opts->format) : NULL;
    if (opts->format && (!named || !named->create)) {
        err_set(err, VAE_EUSAGE, "no format '%s' can be written", opts->format);
        return NULL;
    }
    const struct stream_format *said = named;
    if (!named && heed_name(path, head, &said, err))
        return NULL;
    struct vae_out *out = calloc(1, sizeof *out);
    if (!out) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    struct vae_out_opts own = *opts;
    if (out_dir_wanted(path)) {
        named = named ? named : stream_format_by_name(choose(path, head, false));
        if (opts->state)
            err_set(err, VAE_EUSAGE, "%s: is a directory; where runs go on in one another, they write to a file", path);
        else
            out->dir = out_dir_open(path, named, head, opts, err);
        if (out->dir)
            return out;
        free(out);
        return NULL;
    }
    if (opts->state)
        out->sink = append(path, said, head, &own, err);
    else
        out->sink = sink_open(path, opts->level, err);
    opts = &own;
    if (out->sink) {
        out->format = named ? named : stream_format_by_name(choose(path, head, sink_is_tty(out->sink)));
        out->writer = out->format->create(out->sink, head, opts, err);
    }
    if (!out->writer) {
        sink_close(out->sink, false, NULL);
        free(out);
        return NULL;
    }
    return out;
}

struct vae_out *stream_out_open(const char *path, const struct vae_head *head, const struct stream_back *back,
                                const struct vae_out_opts *opts, struct vae_err *err) {
    struct vae_out *out = open_out(path, head, opts, err);
    if (out && back)
        out->back = *back;
    else if (back)
        back->free(back->ctx);
    return out;
}

int vae_out_put(struct vae_out *out, const struct vae_batch *b, struct vae_err *err) {
    int n = out->back.run ? out->back.run(out->back.ctx, b, &b, err) : 1;
    if (n <= 0)
        return n;
    return out->dir ? out_dir_put(out->dir, b, err) : out->format->put(out->writer, b, err);
}

int vae_out_flush(struct vae_out *out, struct vae_err *err) {
    if (out->dir)
        return out_dir_flush(out->dir, err);
    int rc = out->format->flush ? out->format->flush(out->writer, err) : 0;
    return rc < 0 ? rc : sink_flush(out->sink, err);
}

int stream_out_sync(struct vae_out *out, struct state_mark *at, struct vae_err *err) {
    int rc = vae_out_flush(out, err);
    if (rc == 0)
        rc = sink_sync(out->sink, err);
    if (rc < 0 || !at)
        return rc;
    off_t end = lseek(sink_fd(out->sink), 0, SEEK_CUR);
    if (end < 0)
        return err_errno(err, VAE_EIO, "%s", sink_name(out->sink));
    return state_mark_take(sink_fd(out->sink), (uint64_t)end, sink_name(out->sink), at, err);
}

int vae_out_close(struct vae_out *out, int status, struct vae_err *err) {
    if (!out)
        return 0;
    struct vae_err later = {0};
    if (out->back.run)
        out->back.free(out->back.ctx);
    if (out->dir) {
        int r = out_dir_close(out->dir, status, err);
        free(out);
        return r;
    }
    int rc = out->format->finish ? out->format->finish(out->writer, status, err) : 0;
    out->format->destroy(out->writer);
    int end = sink_close(out->sink, rc == 0 && status == 0, &later);
    free(out);
    if (rc == 0 && end < 0) {
        rc = end;
        if (err)
            *err = later;
    }
    return rc;
}
