/*
 * schema.h - what the columns of a table are, and the way from records to the model's values and back.
 *
 * A record is d values: a column is one value (a cell of a table) or many (the pixels of an image). `raw` values are
 * doubles in the units of the input (a category: its code; missing: NaN); model values are floats: (raw - center) / scale,
 * or the place in the column's cells (cells.h). scale is positive, and -log p in input units is that in model units plus
 * the sum of log scale (over cells it is in input units already).
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cells.h"
#include "base/mem.h"
#include "base/rec.h"
#include "schema/tenths.h"
#include "schema/unit.h"
#include "vae.h"

/* What a column is. A row of a table each (kind.c): name, words for the manual, which likelihoods suit it. */
enum schema_kind {
    SCHEMA_ARRAY,    /* numbers of a field that is no cell of a table (NPY, IDX, VTS): one value or many */
    SCHEMA_NUMBER,   /* a cell that is a number, so many decimals */
    SCHEMA_COUNT,    /* whole numbers from 0 up, skewed */
    SCHEMA_ORDINAL,  /* few levels with an order: whole numbers in a row, or texts in the order --levels gives */
    SCHEMA_BINARY,   /* two levels */
    SCHEMA_CATEGORY, /* texts */
    SCHEMA_TIME,     /* ISO 8601: values are the day (since 1970-01-01) and, where it is written, the second of that day */
    SCHEMA_LINE,     /* a text, symbol by symbol (schema/line.h) */
    SCHEMA_ID,       /* carried; vae-gen writes fresh ones */
    SCHEMA_TEXT,     /* carried; empty from vae-gen */
    SCHEMA_COUNTER,  /* carried: it only ever counts up (forward.c) */
    SCHEMA_NKINDS
};
const char *schema_kind_name(enum schema_kind); /* "number" */
int schema_kind_by_name(const char *);          /* -1 for none */
static inline bool schema_carries(enum schema_kind k) { return k >= SCHEMA_ID; } /* never modelled */

/* The texts of a column's levels: code i is text[i]. Categories are sorted by text, ordinals in their order. */
struct schema_levels {
    size_t n;
    char **text;
    uint64_t *count; /* training rows of each */
    uint32_t *slot;  /* [nslots] hash table of codes + 1 */
    size_t nslots;
};

void schema_levels_free(struct schema_levels *); /* leaves it empty */
/* Cycles that a clock is told as. */
enum { SCHEMA_DAY = 1, SCHEMA_WEEK = 2, SCHEMA_YEAR = 4 };

enum { SCHEMA_FEW_LEVELS = 64 }; /* more different whole numbers are a number or a count, never levels */

struct schema_col {
    char *name;
    enum schema_kind kind;
    enum rec_type type;               /* as it came: utf8 for cells of tables */
    size_t ndim, shape[REC_MAX_DIMS]; /* of one record; ndim 0 is one value */
    size_t width, v0;                 /* values, and the first of them */
    int decimals;                     /* digits behind the point in the input, -1 not fixed */
    bool said;                        /* the kind is the user's own */
    bool condition;                   /* the nets are told it, and never explain it */
    bool apart;                       /* it came beside the data (--label-from) or is around it (front/audio.h): not written with it */
    bool missing;                     /* training rows had missing cells here */
    bool blank;                       /* a missing cell is a level of its own: vae-gen leaves blanks, too */
    double blank_share;               /* or cells were missing at random, so many of them; else 0 */
    double missing_share;             /* of the training rows */
    struct tenths tenths;             /* of one plain number: where the training rows' lie */
    char lik[16];                     /* likelihood, "" : to be chosen by the purpose */
    char time[16];                    /* style of a time: how it is written (schema/time.h) */
    unsigned clock;                   /* of a condition: a time that only goes forward is told by these cycles alone; 0: no clock */
    double pace;                      /* of a time, in windows: seconds from one row of a series to the next, the median; 0: not known */
    size_t lag, now;                  /* of windows: it is of so many rows before, 0: the row itself, and `now` is the column of that */
    double earliest, latest;          /* of times of two values: seconds since 1970 in the training rows */
    struct unit unit;                 /* of numbers and counts: what stands around them */
    struct schema_levels levels;      /* of categories, binaries, ordinals; of a line its symbols */
    bool bytes, mask;                 /* of a line: symbols are bytes; a run of digits is one 0 */
    size_t longer;                    /* training lines that do not fit into its positions */
    const struct schema_transform *transform;
};

/* Of each value over the training rows (those that are not missing), in input units. */
struct schema_stats {
    double *mean, *sd, *low, *high;
    double *step; /* smallest distance between two different values; 0 where there is but one value */
};

struct schema {
    size_t ncols, d;
    size_t rows;            /* it was learnt from */
    struct schema_col *col; /* the modelled ones */
    double *center, *scale; /* [d] */
    struct schema_stats stats; /* [d] */
    struct cells *cells;    /* [d]; n = 0 for values that are plain numbers */
    size_t nkeep;
    char **keep;            /* columns that are carried */
    enum schema_kind *keep_kind; /* [nkeep] SCHEMA_ID, SCHEMA_TEXT, SCHEMA_COUNTER, or SCHEMA_ARRAY for those the user asked to keep (-k) */
    double *keep_next;      /* [nkeep] of ids that are whole numbers counting up: the first fresh one; NaN else */
    size_t nmissing;
    char **missing;         /* texts that stand for a missing cell; the default ones where 0 */
    json_t *origin;         /* of the training data: format and dialect */
    double *mem; /* the arrays above that are [d] */
};
enum { SCHEMA_NSTATS = 7 };

/* A way from a column's values to the model's; a row of a table. learn() chooses center and scale, or fills cells. */
struct schema_transform {
    const char *name, *about;
    void (*learn)(const struct schema_col *, const struct schema_stats *, double *center, double *scale);
    /* The cells of one value, from its training values v[n], ascending; NULL where x is no place in cells. */
    int (*cut)(const struct schema_col *, const double *v, size_t n, size_t missing, size_t bins, double step,
               struct cells *, struct vae_err *);
};
/* standard: mean 0, sd 1; unit: into 0..1; none: as they are (counts); levels: categories and ordinals, a cell each, rare
 * ones pooled in a level; bins: quantile bins of numbers, spikes in bins of their own */
extern const struct schema_transform schema_standard, schema_unit, schema_none, schema_level, schema_bins;
extern const struct schema_transform *const schema_transforms[]; /* ends with NULL */
const struct schema_transform *schema_transform_by_name(const char *);

/* What the user says about columns; all may be empty. Texts are "column=value". */
struct schema_wish {
    char *const *as;      /* "age=number", "id=text": kind */
    size_t nas;
    char *const *levels;  /* "size=small|medium|large"; makes it an ordinal unless `as` says category */
    size_t nlevels;
    char *const *missing; /* texts; n 0: empty, NA, NaN, ?, null */
    size_t nmissing;
    bool skip_bad;        /* leave rows out that hold a text where the column is numbers (times) */
    char *const *told;    /* names or numbers of columns that will be conditions: nothing is learnt of rows before (front/front.h) */
    size_t ntold;
    bool bytes, mask;     /* of lines, as in struct schema_col */
    size_t length;        /* of lines: positions, 0: as the longest has, up to LINE_LENGTH */
    bool forward;         /* carry columns that only count up, and make times that never fall clocks: conditions (forward.c) */
};

/*
 * Reading for a fit: cells are taken as they come, and what the columns are is told when all are read.
 *   scan = schema_scan_new(); schema_scan_add() for each batch; schema = schema_scan_end(); schema_scan_free()
 * Memory: 8 bytes a cell and the different texts of a column (text beyond SCAN_LEVELS different ones is not kept: such a column
 * is an id or free text).
 */
struct schema_scan;
/* Where row i of the batch at hand stands, for messages; may be NULL. */
typedef const char *schema_where_fn(void *ctx, size_t row);
struct schema_scan *schema_scan_new(const struct vae_head *, const struct schema_wish *, schema_where_fn *, void *ctx,
                                    struct vae_err *);
void schema_scan_free(struct schema_scan *);
size_t schema_scan_bytes(const struct schema_scan *); /* held so far */
/* Records from.. of a batch. *good: records taken before the first bad one (VAE_EROW, e.g. an infinite number). */
int schema_scan_add(struct schema_scan *, const struct vae_batch *, size_t from, size_t n, size_t *good, struct vae_err *);
size_t schema_scan_rows(const struct schema_scan *);
/* Before schema_scan_end(): tag[rows] of the caller's, a number of each row; those of rows that are left out go with them. */
void schema_scan_tags(struct schema_scan *, uint64_t *tag);
size_t schema_scan_left_out(const struct schema_scan *); /* rows, by schema_scan_end() where wish.skip_bad */
/* The schema, its kinds, levels, styles told, nothing learnt; *raw[n,d] in input units (missing: NaN), the caller's. VAE_EDATA
 * names a column that is neither (mostly numbers with a few texts that --missing does not list, say) and the way out. */
struct schema *schema_scan_end(struct schema_scan *, double **raw, struct vae_err *);

/* The columns of a stream of data as SCHEMA_NUMBER (cells) or SCHEMA_ARRAY; kept fields become keep[]. Nothing is learnt. */
struct schema *schema_new(const struct vae_head *, struct vae_err *);
struct schema *schema_empty(size_t ncols, size_t nkeep, struct vae_err *); /* room for so many; then schema_place() */
int schema_add_missing(struct schema *, const char *text, struct vae_err *);
int schema_place(struct schema *, struct vae_err *);         /* v0, d and the arrays [d] from the widths */
void schema_free(struct schema *);

/* The field of `head` for each column, by name, in field[ncols]; where the head is one numeric field of d values (arrays
 * have no names) the values are taken in order, `whole` is true and field[] says nothing. VAE_EDATA names a missing
 * column; a condition may be missing, and is not told then. */
struct schema_map {
    int *field; /* -1: none */
    bool whole; /* one numeric field holds all d values in order */
};
int schema_bind(const struct schema *, const struct vae_head *, struct schema_map *, struct vae_err *);
void schema_map_free(struct schema_map *);

/* What schema_read() saw on the way. */
struct schema_seen {
    uint64_t missing; /* cells */
    uint64_t longer;  /* lines that do not fit into their positions */
    uint64_t unknown; /* texts that are no level of their column: taken as the level of the rare ones */
};

/* Records from..from+n-1 of a batch -> raw[n,d], adding to *seen (may be NULL). *good: records read before the first bad
 * one: VAE_EROW and a message that names the column for a cell that is no number where one must stand. */
int schema_read(const struct schema *, const struct schema_map *, const struct vae_batch *, const struct vae_head *,
                size_t from, size_t n, double *raw, struct schema_seen *seen, size_t *good, struct vae_err *);
/* The same for column c of record i alone, which stands in field f -> its values in raw. */
int schema_read_column(const struct schema *, size_t c, const struct vae_batch *, const struct vae_head *, size_t f, size_t i,
                       double *raw, struct schema_seen *seen, struct vae_err *err);
/* Learns stats from the n records raw[rows[i],.], then center and scale, or cells, as each column's transform says. The
 * most cells' levels a column of numbers may have is `bins`. */
int schema_learn(struct schema *, const double *raw, const uint64_t *rows, size_t n, size_t bins, struct vae_err *);
/* The step that the values of a column are written in, in input units: by their decimals, else the smallest one seen. */
double schema_step(const struct schema *, size_t col);
/* The column that is a text, symbol by symbol; NULL: none is. */
const struct schema_col *schema_line(const struct schema *);
struct schema *schema_copy(const struct schema *, struct vae_err *); /* without what was learnt */

/* The n records raw[rows[i],.] (rows NULL: raw[i,.]) -> x[n,d]. */
void schema_to_model(const struct schema *, const double *raw, const uint64_t *rows, size_t n, float *x);
/* One of them: a value j in input units. */
float schema_x(const struct schema *, const struct schema_col *, size_t j, double raw);
double schema_raw(const struct schema *, size_t j, float x); /* and back */
/* Sum over values of log scale: what a density in model units lacks to one in input units. */
double schema_log_jacobian(const struct schema *, size_t v0, size_t n);

/* Is the column one of those that records are written with? Of windows, unless they are to be `wide`, those of the row itself. */
static inline bool schema_written(const struct schema_col *c, bool wide) { return !c->apart && (wide || !c->lag); }
/* Rows of a series that a record is made of. */
static inline size_t schema_window(const struct schema *s) { return s->ncols ? s->col[s->ncols - 1].lag + 1 : 1; }
/* Fields like the training data's for generated or decoded records: of the columns that are written. */
struct vae_head *schema_head(const struct schema *, bool wide, struct vae_err *);
/* raw[n,d] -> the schema's columns as the first fields of a batch being built, which holds row0 rows; a missing number of
 * a table is an empty cell. Text (levels, times, numbers with missing ones among them) is in CSV form: quoted where it must be.
 * Which fields are text: schema_head(). */
int schema_write(const struct schema *, bool wide, const double *raw, size_t n, size_t row0, struct rec_build *, struct vae_err *);
/* One of them, where there is room for the rows. */
int schema_write_column(const struct schema *, size_t col, const double *raw, size_t n, size_t row0, struct rec_build *, size_t field,
                        struct vae_err *);
/* One value as the text of a CSV cell, appended to out (for vae-gen --complete, --where messages and vae-info). */
int schema_put_cell(const struct schema *, size_t col, const double *raw, struct buf *out, struct vae_err *);
/* A text as such a cell: quoted where it holds what would end it. */
int schema_quote(const struct schema *, const char *text, size_t n, struct buf *out, struct vae_err *);
/* A text (unquoted) as values of column col: what schema_read() makes of such a cell. *unknown: no level of the column. */
int schema_get_cell(const struct schema *, size_t col, const char *text, size_t n, double *raw, bool *unknown,
                    struct vae_err *);

/* The schema as a table for people, CSV with the header "column,kind,likelihood,levels", carried columns too; what
 * vae-info --schema prints and vae-fit --schema reads (through the wishes "as", "levels"; fit/wish.c). */
int schema_table(const struct schema *, struct buf *out, struct vae_err *);

/* The schema without its arrays as JSON (levels are in it), and back (arrays, and cells, are tensors of the model file). */
json_t *schema_to_json(const struct schema *);
struct schema *schema_from_json(const json_t *, struct vae_err *);

#endif
