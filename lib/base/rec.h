/*
 * rec.h - typed records: the currency between the rooms. A batch holds, for each field of its head, one array.
 *
 * Text fields hold cells exactly as they stand in the source: in CSV that includes the quotes, so that a carried
 * column leaves byte for byte as it came; rec_unquote() gives the value.
 */
#ifndef BASE_REC_H
#define BASE_REC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vae.h"

enum rec_type { REC_UTF8, REC_U8, REC_I32, REC_F32, REC_F64, REC_NTYPES };

/* Name ("utf8", "u8", "i32", "f32", "f64") and item size (utf8: 0) by type; rec_type_by_name gives -1 for none. */
const char *rec_type_name(enum rec_type);
size_t rec_type_size(enum rec_type);
int rec_type_by_name(const char *);

enum { REC_MAX_DIMS = 4 };

struct rec_field {
    char *name;
    enum rec_type type;
    bool keep;                  /* carried, never modelled */
    bool whole;                 /* the whole rows of a table as they came, its name the header row ("": none); the last field */
    bool apart;                 /* a condition that is not written with the data: it came beside it (stream/labels.h), or lies around it
                                 * (front/audio.h) */
    size_t lag, now;            /* it is of so many rows before (front/front.h), 0: none, and `now` is the field of the row itself */
    size_t ndim, shape[REC_MAX_DIMS]; /* of one record; ndim 0 is a scalar */
    size_t width;               /* values per record: the product of shape, 1 for a scalar and for text */
    int decimals;               /* how a table shows the numbers: digits behind the point, -1 shortest */
};

struct vae_head {
    size_t nfields;
    struct rec_field *fields;
    char *kind;        /* "data", "latent", "score", ... */
    json_t *origin;    /* the source format and all that is needed to write data in it again, or NULL:
                          {"format":"csv","delim":",","header":true,"crlf":false,"columns":[all names in order]} */
    json_t *model;     /* {"path":..,"id":..} or NULL */
    json_t *extra;     /* further members of a VTS head, carried, or NULL */
};

struct vae_head *rec_head_new(const char *kind, struct vae_err *);
/* Appends a field and returns it; it moves when another is added. shape may be NULL where ndim is 0. NULL and
 * VAE_EDATA for too many or empty dimensions, text with a shape, a product that overflows; VAE_EOS. */
struct rec_field *rec_head_add(struct vae_head *, const char *name, enum rec_type, size_t ndim, const size_t *shape,
                               struct vae_err *);
struct vae_head *rec_head_copy(const struct vae_head *, struct vae_err *);
int rec_head_find(const struct vae_head *, const char *name); /* index, -1 for none */
int rec_head_pick(const struct vae_head *, const char *spec); /* by its name, else by its number from 1: the same */
size_t rec_column_number(const char *spec);                   /* "3" is 3; 0 for what is no number */
void rec_head_free(struct vae_head *);

/* One field of a batch. Numbers: data[rows * width], row-major. Text: cell i is the bytes
 * text[begin[i*stride] .. end[i*stride]). A table reader points into the bytes it read (stride 2 * columns);
 * a VTS frame has offsets[rows+1] (begin = offsets, end = offsets + 1, stride 1). */
struct rec_col {
    const void *data;
    const char *text;
    const uint32_t *begin, *end;
    size_t stride;
};

/* How rows that are carried whole stand in their table. */
struct rec_dialect {
    const char *header; /* [n] the header row that holds for them, without its line end; n 0: none */
    size_t n;
    char delim;
    bool crlf;
};

/* Which file some records are of, where that matters: one of several operands, of images, of sounds. */
struct rec_file {
    uint64_t number;  /* from 1 in the stream; 0: there is but one, or nothing is known of it */
    const char *name; /* NULL: standard input, or not known */
};

struct vae_batch {
    size_t rows;
    uint64_t first;      /* number of the first record in its stream, 0-based */
    size_t nfields;
    struct rec_col *cols;
    const bool *partial; /* [rows] a record of which rows are missing (front/front.h); NULL: there is none */
    bool quoted;         /* text cells are in CSV form: a cell that starts with a double quote is quoted */
    const struct rec_dialect *dialect; /* where a field is `whole`, else NULL */
    struct rec_file file;        /* of all its records, */
    const struct rec_file *each; /* [rows] or of each; NULL: `file` is */
};

/* Number i of a field of numbers of that type. */
double rec_number(const struct rec_col *, enum rec_type, size_t i);

/* The same as text, as a table shows it, into out[REC_NUMBER_MAX]: the bytes written, none where it is missing. */
enum { REC_NUMBER_MAX = 32 };
size_t rec_put_number(char *out, const struct rec_field *, const void *data, size_t i);

/* Cell i of a text column. */
static inline const char *rec_cell(const struct rec_col *c, size_t i, size_t *n) {
    uint32_t b = c->begin[i * c->stride];
    *n = c->end[i * c->stride] - b;
    return c->text + b;
}

/* The rows from..from+n-1 of b as a batch of their own that shares its arrays; cols[b->nfields] is the caller's. */
void rec_slice(const struct vae_batch *b, const struct vae_head *, size_t from, size_t n, struct rec_col *cols,
               struct vae_batch *out);

/* The value of a CSV cell: without the outer quotes, doubled quotes single. Writes at most n bytes to out (which may
 * be the cell itself), returns how many. */
size_t rec_unquote(const char *cell, size_t n, char *out);

/* A batch that owns its arrays, to build one: numbers are written to data in place, text appended cell by cell.
 * Grows as needed; rec_build_reset keeps the memory. */
struct rec_build;
struct rec_build *rec_build_new(const struct vae_head *, struct vae_err *);
/* Room for `rows` rows in every numeric field. */
int rec_build_rows(struct rec_build *, size_t rows, struct vae_err *);
void *rec_build_data(struct rec_build *, size_t field); /* data[rows * width] of a numeric field */
int rec_build_text(struct rec_build *, size_t field, const char *, size_t, struct vae_err *);
/* Records from..from+n-1 of a column of the field's type: text is appended, numbers (rec_build_rows has made room) become
 * records to..to+n-1. */
int rec_build_copy(struct rec_build *, size_t field, const struct rec_col *src, size_t from, size_t n, size_t to,
                   struct vae_err *);
void rec_build_quoted(struct rec_build *, bool); /* are its text cells in CSV form? */
void rec_build_dialect(struct rec_build *, const struct rec_dialect *);
void rec_build_file(struct rec_build *, struct rec_file);
void rec_build_each(struct rec_build *, uint64_t first, const struct rec_file *each);
const struct vae_batch *rec_build_batch(struct rec_build *, size_t rows);
void rec_build_reset(struct rec_build *);
void rec_build_free(struct rec_build *);

#endif
