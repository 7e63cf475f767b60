/*
 * in.c - one reader over several operands. Each is opened when it is reached; its format is told by its first bytes,
 * and its fields must be those of the first. Tables are matched to it by the names of their columns. Empty operands are
 * passed over.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/agree.h"
#include "stream/beside.h"
#include "stream/format.h"
#include "stream/gather.h"
#include "stream/sniff.h"
#include "stream/state.h"

enum { PLACE = 80 /* bytes of ":17" */, FILE_END = INT_MAX /* instead of a number of records */ };

struct vae_in {
    char **paths;
    size_t npaths, next_path;
    const struct stream_format *format; /* asked for, NULL: by content */
    struct stream_read_opts opts;       /* owns keep, want */
    char **names;                       /* of the first head's fields: what further tables are asked for */
    struct vae_head *head;
    struct source *src;
    const struct stream_format *now;
    void *reader;
    struct vae_batch batch;
    struct beside *beside;             /* columns behind those of head; NULL: none */
    struct vae_state *state;           /* NULL: operands are read from their starts */
    struct state_file *file;           /* of it: what is read */
    size_t next_part;
    bool done;                         /* all that was handed out of it is done with */
    struct gather *gather;             /* of files of one record; NULL: batches are as they are read */
    struct stream_front front;         /* run NULL: none */
    size_t at;                         /* records of the batch that it was given */
    size_t made;                       /* records that were made of them last */
    bool ended;                        /* the operand, as the front was told */
    bool passed;                       /* it could not be opened, and the next one is to be */
    size_t finished;                   /* and of these the ones that are done with */
    uint64_t first;            /* records of the operands before */
    struct vae_in_stats stats; /* of them; rows: of all */
    struct rec_file file_now; /* what the records handed out last are of, */
    const struct vae_batch *handed; /* out last; NULL: nothing */
    uint64_t opened;          /* operands so far */
    uint64_t part, in_part;   /* the operand it is in, and its number there */
    bool has_input;
    struct vae_err dead; /* why there is nothing more */
    char *first_name;    /* whose head it is */
    char *label;
    char *where;         /* room for source_name() and a place */
};

static int out_of_memory(struct vae_err *err) {
    return err_set(err, VAE_EOS, "out of memory");
}

/* A copy of n names; NULL: out of memory. */
static char **copy_names(char *const *names, size_t n) {
    char **copy = mem_array(n, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = mem_text(names[i], strlen(names[i]));
        if (copy[i])
            continue;
        while (i-- > 0)
            free(copy[i]);
        free(copy);
        return NULL;
    }
    return copy;
}

static void free_names(char *const *names, size_t n) {
    for (size_t i = 0; names && i < n; i++)
        free(names[i]);
    free((void *)(uintptr_t)names);
}

static int copy_opts(struct vae_in *in, char *const *paths, size_t n, const struct vae_in_opts *o,
                     const struct stream_want *want, struct vae_err *err) {
    static char dash[] = "-";
    char *const standard[] = {dash};
    size_t nwant = want ? want->n : 0;
    in->npaths = n ? n : 1;
    in->opts = (struct stream_read_opts){
        .delim = o->delim, .header = o->header, .nkeep = o->nkeep, .batch_rows = o->batch_rows,
        .whole = o->whole_rows, .want.n = nwant, .resize = {o->resize[0], o->resize[1], o->resize[2]}, .resample = o->resample};
    bool *optional = mem_array(nwant, sizeof *optional);
    in->opts.want.optional = optional;
    in->opts.want.names = copy_names(want ? want->names : NULL, nwant);
    in->opts.keep = copy_names(o->keep, o->nkeep);
    in->paths = copy_names(n ? paths : standard, in->npaths);
    const char *label = want && want->label ? want->label : o->text_label;
    in->opts.want.text = want && want->text && !o->format;
    in->opts.label = in->label = label ? mem_text(label, strlen(label)) : NULL;
    if ((label && !in->label) || !optional || !in->opts.want.names || !in->opts.keep || !in->paths)
        return out_of_memory(err);
    if (nwant && want->optional)
        memcpy(optional, want->optional, nwant * sizeof *optional);
    in->format = o->format ? stream_format_parse(o->format, &in->opts.width, err) : NULL;
    return !o->format || in->format ? 0 : VAE_EUSAGE;
}

static bool is_table(const struct stream_format *f) { return f == &stream_csv || f == &stream_tsv; }

/* ---- one operand ----------------------------------------------------------------------------------------- */

static void close_operand(struct vae_in *in) {
    if (in->reader && in->file && in->done) {
        struct stream_place end; /* behind a header row and blank lines, too */
        in->now->place(in->reader, SIZE_MAX, &end);
        state_set_place(in->file, &end, NULL);
    }
    if (in->reader) {
        if (in->now->stats) {
            struct vae_in_stats st = {0};
            in->now->stats(in->reader, &st);
            in->stats.headers += st.headers;
            in->stats.header_assumed |= st.header_assumed;
            if (st.extra_columns > in->stats.extra_columns)
                in->stats.extra_columns = st.extra_columns;
        }
        in->now->close(in->reader);
    }
    source_close(in->src);
    in->reader = NULL;
    in->src = NULL;
    in->first = in->stats.rows;
}

/* Takes the head of the first operand for that of all. */
static int take_head(struct vae_in *in, const struct vae_head *head, struct vae_err *err) {
    in->head = rec_head_copy(head, err);
    if (!in->head)
        return VAE_EOS;
    in->names = mem_array(head->nfields, sizeof *in->names);
    in->first_name = mem_text(source_name(in->src), strlen(source_name(in->src)));
    for (size_t j = 0; in->names && j < head->nfields; j++)
        in->names[j] = in->head->fields[j].name;
    return in->names && in->first_name ? 0 : out_of_memory(err);
}

/* Opens a reader on in->src, whose head must agree with the first one. */
static int open_reader(struct vae_in *in, struct vae_err *err) {
    struct stream_read_opts o = in->opts;
    if (o.whole && !is_table(in->now))
        return err_set(err, VAE_EUSAGE, "%s: is no table of text whose rows --paste could go on; vae-cat -t csv makes one",
                       source_name(in->src));
    if (o.resample && !stream_is_sound(in->now))
        return err_set(err, VAE_EUSAGE, "%s: is no file of sound, and --resample is for such", source_name(in->src));
    const struct stream_format *first = in->head ? stream_format_of(in->head) : NULL;
    if (first && first->files && is_table(in->now) && !in->format)
        return err_set(err, VAE_EDATA, "%s: is no %s, and %s is; leave such files out (--skip-bad)", source_name(in->src),
                       stream_is_sound(first) ? "sound" : "image", in->first_name);
    bool match = in->head && (is_table(in->now) || in->now == &stream_ndjson) && o.want.n == 0 && in->head->fields[0].ndim == 0;
    if (match) {
        o.want = (struct stream_want){.n = in->head->nfields, .names = in->names};
        o.nkeep = 0;
    }
    struct vae_err own = {0};
    in->reader = in->now->open(in->src, &o, &own);
    if (!in->reader) {
        if (err)
            *err = own;
        return own.code ? own.code : out_of_memory(err);
    }
    const struct vae_head *head = in->now->head(in->reader);
    free(in->where);
    in->where = mem_array(strlen(source_name(in->src)) + PLACE, 1);
    if (!in->where)
        return out_of_memory(err);
    in->opened++;
    if (!in->head)
        return take_head(in, head, err);
    struct vae_in_stats st = {0};
    if (match)
        in->now->stats(in->reader, &st);
    if (st.extra_columns)
        return err_set(err, VAE_EDATA, "%s: more columns than in %s", source_name(in->src), in->first_name);
    return stream_agree(in->head, in->first_name, head, source_name(in->src), err);
}

/* Has the file a header row at its start? */
static bool has_header(const struct vae_in *in) {
    static const struct stream_place start = {.line = 1};
    struct stream_read_opts o = in->opts;
    struct vae_in_stats st = {0};
    o.from = &start;
    struct source *src = source_part(in->file->path, in->file->fd, 0, NULL);
    void *reader = src ? in->now->open(src, &o, NULL) : NULL;
    if (reader) {
        in->now->stats(reader, &st);
        in->now->close(reader);
    }
    source_close(src);
    return st.headers > 0;
}

/* Opens the next file of the state in which there is a whole row: 1, 0 where there is none, or a code. */
static int open_part(struct vae_in *in, struct vae_err *err) {
    while (in->next_part < in->state->nparts) {
        in->file = &in->state->file[in->state->part[in->next_part++]];
        struct stream_place from = in->file->place;
        const unsigned char *p;
        struct vae_err own = {0};
        if (from.offset == 0 && from.cells && has_header(in)) /* a new file: it need not be like the last one */
            from = (struct stream_place){.line = 1};
        in->src = source_part(in->file->path, in->file->fd, from.offset, err);
        if (!in->src)
            return VAE_EIO;
        if (from.offset == 0 && source_peek(in->src, 2, &p, NULL) >= 2 && p[0] == 0x1f && p[1] == 0x8b)
            return err_set(err, VAE_EDATA, "%s: is compressed, and so cannot be gone on with", in->file->path);
        in->opts.from = &from;
        int rc = open_reader(in, &own);
        in->opts.from = NULL;
        in->done = true;
        if (rc == 0)
            return 1;
        if (rc != VAE_EAGAIN) {
            if (err)
                *err = own;
            return rc;
        }
        close_operand(in);
    }
    in->file = NULL;
    return 0;
}

/* Where there is nothing to read: no records, with the columns of the last run. */
static int open_nothing(struct vae_in *in, struct vae_err *err) {
    struct vae_state *s = in->state;
    const struct stream_place *last = NULL;
    for (size_t i = 0; i < s->nfiles; i++)
        if (s->file[i].place.cells)
            last = &s->file[i].place;
    if (!last)
        return err_set(err, VAE_EAGAIN, "there is nothing to read yet");
    in->src = source_memory("", 0, 0);
    if (!in->src)
        return out_of_memory(err);
    in->opts.from = last;
    int rc = open_reader(in, err);
    in->opts.from = NULL;
    return rc;
}

static int open_state(struct vae_in *in, const struct vae_in_opts *o, struct vae_err *err) {
    in->state = o->state;
    in->now = in->format ? in->format : &stream_csv;
    if (!in->now->place || in->opts.want.n == 0 || o->label_from || o->label_from_path)
        return err_set(err, VAE_EUSAGE, "only tables with a model's columns can be gone on with");
    int rc = state_plan(in->state, in->paths, in->npaths, err);
    if (rc == 0)
        rc = open_part(in, err);
    return rc ? rc : open_nothing(in, err);
}

/* Is the input files of images or of sound, each of them something for itself? */
static bool of_files(const struct vae_in *in) {
    const struct stream_format *f = in->head ? stream_format_of(in->head) : NULL;
    return f && f->files && in->npaths > 1;
}

/* A file of many that is broken, or is something else, is a bad record among good ones. */
static int pass_over(struct vae_in *in) {
    close_operand(in);
    in->passed = true;
    return VAE_EROW;
}

/* Opens the next operand that is not empty: 1, 0 where there is none, or a code. */
static int open_next(struct vae_in *in, struct vae_err *err) {
    if (in->state)
        return open_part(in, err);
    while (in->next_path < in->npaths) {
        struct vae_err own = {0};
        in->src = source_open(in->paths[in->next_path++], &own);
        if (!in->src) {
            if (err)
                *err = own;
            return own.code;
        }
        int rc = stream_sniff(in->src, in->format, in->opts.want.text, &in->now, err);
        if (rc < 0)
            return rc;
        if (in->now) {
            rc = open_reader(in, err);
            return rc == VAE_EDATA && of_files(in) ? pass_over(in) : rc < 0 ? rc : 1;
        }
        if (in->next_path == in->npaths && !in->head) { /* nothing at all: only the options can say what it lacks */
            in->now = in->format ? in->format : in->opts.want.text ? &stream_text : &stream_csv;
            rc = open_reader(in, err);
            return rc < 0 ? rc : 1;
        }
        close_operand(in);
    }
    return 0;
}

static int open_beside(struct vae_in *in, const struct vae_in_opts *o, struct vae_err *err) {
    struct vae_err own = {0};
    struct beside_opts beside = {.label_from = o->label_from, .label_from_path = o->label_from_path,
        .offsets = in->state && o->offsets, .several = in->npaths > 1,
        .names = o->names && in->now->files && !stream_is_sound(in->now) && (in->npaths > 1 || strcmp(in->paths[0], "-"))};
    in->beside = beside_open(in->head, &beside, &own);
    if (own.code && err)
        *err = own;
    return own.code;
}

/* Of the records before a front makes others of them. */
static const struct vae_head *told(const struct vae_in *in) { return in->beside ? beside_head(in->beside) : in->head; }

/* ---- the public functions -------------------------------------------------------------------------------- */

struct vae_in *stream_in_open(char *const *paths, size_t n, const struct vae_in_opts *opts,
                              const struct stream_want *want, struct vae_err *err) {
    static const struct vae_in_opts plain = {.header = -1};
    struct vae_in *in = calloc(1, sizeof *in);
    if (!in) {
        out_of_memory(err);
        return NULL;
    }
    in->has_input = true;
    opts = opts ? opts : &plain;
    int rc = copy_opts(in, paths, n, opts, want, err);
    rc = rc < 0 ? rc : opts->state ? open_state(in, opts, err) : open_next(in, err);
    rc = rc < 0 ? rc : open_beside(in, opts, err);
    if (rc >= 0 && in->now->single && in->npaths > 1)
        rc = (in->gather = gather_new(told(in), opts->batch_rows, err)) ? 0 : VAE_EOS;
    if (rc < 0) {
        vae_in_free(in);
        return NULL;
    }
    return in;
}

const struct vae_head *vae_in_head(const struct vae_in *in) {
    return in->front.run ? in->front.head : told(in);
}

/* Rows of one operand after the other; but from run to run those of files that had one name are one series. */
static void begin_series(struct vae_in *in) {
    if (in->front.run)
        in->front.cut(in->front.ctx, in->file ? in->file->path : NULL);
}

void stream_in_front(struct vae_in *in, const struct stream_front *front) {
    in->front = *front;
    begin_series(in);
}

int stream_in_save(const struct vae_in *in, struct buf *out, struct vae_err *err) {
    return in->front.run ? in->front.save(in->front.ctx, in->finished, out, err) : 0;
}

size_t stream_in_overlap(const struct vae_in *in) { return in->front.run ? in->front.overlap(in->front.ctx) : 0; }

/* Would another call answer at once? Then what is out already can wait. */
static bool more(const struct vae_in *in) {
    if (in->front.run && in->at < in->batch.rows)
        return true;
    if (!source_idle(in->src))
        return true;
    struct vae_in_stats st = {0};
    if (in->now->stats)
        in->now->stats(in->reader, &st);
    return st.has_input;
}

/* Of a record of the batch that was read last. */
static const char *where(const struct vae_in *in, size_t row) {
    char at[64] = "";
    if (!in->reader)
        return "end of input";
    in->now->where(in->reader, row, at);
    snprintf(in->where, strlen(source_name(in->src)) + PLACE, "%s:%s", source_name(in->src), at);
    return in->where;
}

/* Which file the records at hand are of: the one that a stream tells, else the operand. */
static void tell_file(struct vae_in *in) {
    struct rec_file told = in->batch.file;
    if (!told.number && !in->state) {
        const char *path = in->paths[in->next_path - 1];
        told = (struct rec_file){in->npaths > 1 || in->now->files, strcmp(path, "-") ? path : NULL};
    }
    if (told.number && (told.number != in->in_part || in->opened != in->part || !in->file_now.number))
        in->file_now.number++;
    in->in_part = told.number, in->part = in->opened;
    in->file_now.name = told.name;
    in->batch.file = told.number ? in->file_now : told;
}

/* The next records as they are read: their number, 0, or a code. */
static int read_on(struct vae_in *in, struct vae_err *err) {
    int n = 0;
    while (n == 0 && (in->reader || in->passed)) {
        in->batch.file = (struct rec_file){0};
        n = in->ended || in->passed ? 0 : in->now->next(in->reader, &in->batch, err);
        if (n > 0)
            tell_file(in);
        if (n != 0)
            break;
        if ((in->ended = in->reader && in->front.run && in->front.end && !in->ended))
            return FILE_END;
        close_operand(in);
        in->passed = false;
        n = open_next(in, err);
        if (n < 0)
            break;
        begin_series(in);
        n = 0;
    }
    if (in->beside && (n >= 0 || n == VAE_EROW)) {
        const char *path = in->src ? source_name(in->src) : in->next_path ? in->paths[in->next_path - 1] : "";
        struct beside_place at = {path, in->file, in->now, in->reader};
        n = beside_add(in->beside, &in->batch, n, &at, &in->dead, err);
    }
    in->done &= n == 0;
    if (n > 0) {
        in->batch.first += in->first;
        in->stats.rows += (uint64_t)n;
    } else if (n < 0) {
        in->batch.rows = 0;
    }
    return n;
}

/* The next records that the front makes of them. */
static int front_on(struct vae_in *in, const struct vae_batch **b, struct vae_err *err) {
    in->made = 0;
    for (int n = 0;;) {
        if (in->at == in->batch.rows) {
            in->batch.rows = in->at = 0;
            if ((n = read_on(in, err)) <= 0)
                return n;
        }
        in->finished = 0;
        n = n == FILE_END ? in->front.end(in->front.ctx, b, err) : in->front.run(in->front.ctx, &in->batch, &in->at, b, err);
        if (n == 0)
            continue;
        in->made = n > 0 ? (size_t)n : 0;
        if (n == VAE_EROW)
            err_prefix(err, "%s", where(in, in->at - 1));
        return n;
    }
}

/* The same as read_on(), for gather_run(). */
static int read_one(void *ctx, const struct vae_batch **b, struct vae_err *err) {
    struct vae_in *in = ctx;
    int n = read_on(in, err);
    *b = &in->batch;
    return n;
}

int vae_in_next(struct vae_in *in, const struct vae_batch **b, struct vae_err *err) {
    struct vae_err own = {0};
    int n = in->dead.code;
    *b = &in->batch;
    if (n == 0)
        n = in->front.run ? front_on(in, b, &own) : in->gather ? gather_run(in->gather, read_one, in, b, &own) : read_on(in, &own);
    in->handed = n > 0 ? *b : NULL;
    if (n <= 0)
        *b = NULL;
    if (n < 0) {
        if (in->dead.code)
            own = in->dead;
        else if (n != VAE_EROW)
            in->dead = own;
        if (err)
            *err = own;
    }
    in->has_input = !in->reader || (n < 0 && n != VAE_EROW) || more(in);
    return n;
}

void vae_in_stats(const struct vae_in *in, struct vae_in_stats *st) {
    struct vae_in_stats now = {0};
    if (in->reader && in->now->stats)
        in->now->stats(in->reader, &now);
    *st = in->stats;
    st->headers += now.headers;
    st->header_assumed |= now.header_assumed;
    if (now.extra_columns > st->extra_columns)
        st->extra_columns = now.extra_columns;
    st->has_input = in->has_input;
}

int vae_in_done(struct vae_in *in, size_t rows, struct vae_err *err) {
    struct stream_place at;
    if (!in->file || !in->reader)
        return 0;
    if (in->made)
        in->finished = rows;
    if (in->front.run)
        rows = rows ? in->front.row(in->front.ctx, rows - 1) + 1 : in->made ? in->front.row(in->front.ctx, 0) : in->at;
    in->now->place(in->reader, rows, &at);
    in->done = rows >= in->batch.rows;
    return state_set_place(in->file, &at, err);
}

const char *stream_in_name(const struct vae_in *in) { return in->first_name; }

const char *vae_in_where(const struct vae_in *in, size_t row) {
    if (in->handed && in->handed->each && in->handed->each[row].name)
        return in->handed->each[row].name;
    return where(in, in->front.run ? in->front.row(in->front.ctx, row) : row);
}

void vae_in_free(struct vae_in *in) {
    if (!in)
        return;
    if (in->front.run)
        in->front.free(in->front.ctx);
    close_operand(in);
    free_names(in->paths, in->npaths);
    free_names(in->opts.keep, in->opts.nkeep);
    free_names(in->opts.want.names, in->opts.want.n);
    free((void *)(uintptr_t)in->opts.want.optional);
    free(in->names);
    free(in->first_name);
    free(in->label);
    free(in->where);
    gather_free(in->gather);
    beside_free(in->beside);
    rec_head_free(in->head);
    free(in);
}
