/*
 * scan.h - what the columns of a table looked like while they were read for a fit: scan.c reads, scan_end.c concludes, and
 * kind.c has the rules.
 */
#ifndef SCHEMA_SCAN_H
#define SCHEMA_SCAN_H

#include "schema/cell.h"
#include "schema/time.h"

/* How the cells of a column are held in raw. Missing is NaN everywhere; a text that is no number (no time) INFINITY. */
enum scan_mode {
    SCAN_CODES,   /* codes of their texts: few different ones so far */
    SCAN_NUMBERS, /* numbers: too many different ones to keep the texts */
    SCAN_TIMES,   /* seconds since 1970 */
    SCAN_LINES,   /* where in `lines` their texts begin */
    SCAN_LOST,    /* nothing: too many different texts, an id or free text */
};

/* The first text that is not what it should be. */
struct scan_odd {
    bool seen;
    size_t row;
    char text[32], where[72];
};

enum { UNIT_ODD = 96, SCAN_STYLES = 4, SCAN_NUMBER_TEXTS = 2000, SCAN_LEVELS = 100000 };

struct scan_col {
    size_t field, first, width; /* of the head; first value of a scanned row; values */
    bool array;                 /* a numeric field */
    bool told;                  /* it will be a condition */
    struct scan_col *now;       /* of one that is of a row before: the same column of the row itself, else NULL */
    enum schema_kind kind;      /* what it came to be, once that is known */
    int wish;                   /* enum schema_kind, -1 none */
    bool fixed_levels;          /* the texts are the user's */
    enum scan_mode mode;
    struct schema_levels dict;
    size_t dict_bytes;
    struct buf lines;           /* of SCAN_LINES: each its number of bytes, then these, masked and without quotes */
    size_t longest;             /* symbols */
    size_t long_cells, blanks; /* cells of more than 40 bytes; with blanks within */
    /* of the different texts, or of all cells where the texts are not kept */
    bool all_numbers, all_times;
    bool plain;                 /* there is a number without a unit */
    struct unit unit;           /* of its numbers, empty where none has one */
    bool leading_zero;          /* "007" */
    size_t text_bytes;          /* of each number; 0: there is none, SIZE_MAX: they differ */
    int decimals;               /* most digits behind the point, -1 where a number has an exponent */
    struct scan_odd no_number, no_time, number; /* number: the first one, whose form no_number is beside */
    struct scan_style {
        char style[TIME_STYLE];
        size_t cells;
    } styles[SCAN_STYLES]; /* of times */
    int time_decimals;
    char zone[TIME_ZONE];       /* that times are held in, "": as they are written; known once they are SCAN_TIMES */
};

struct schema_scan {
    const struct vae_head *head;
    size_t ncols, stride, rows, left_out;
    struct scan_col *col;
    bool bytes, mask; /* as in struct schema_wish */
    size_t length;
    double *raw; /* [rows,stride] */
    size_t cap;
    struct cell_missing missing;
    bool skip_bad, forward;
    uint64_t *tag; /* [rows] the caller's, or NULL */
    schema_where_fn *where;
    void *ctx;
};

/* The unit becomes that of most cells, or none where most numbers are plain: the others are the odd ones. Of texts whose counts
 * are known. */
void scan_settle_unit(struct scan_col *);
/* "lacks the '%' that other cells have": what is wrong with a number beside the column's others -> out. NULL for what is none. */
const char *scan_unit_odd(const struct scan_col *, const char *p, size_t n, char out[UNIT_ODD]);
/* The value of a code in another mode; INFINITY for a text that is none. */
double scan_value(const struct scan_col *, const char *text, enum scan_mode);
/* The commonest style of the times so far, that of dates where all cells are. */
const char *scan_style(const struct scan_col *);
/* Codes of the first `rows` rows become numbers or times; the texts are given up. */
int scan_change(struct schema_scan *, struct scan_col *, enum scan_mode, size_t rows, struct vae_err *);
/* What the texts of a column tell, from those that the rows still hold. */
void scan_note_again(struct schema_scan *, struct scan_col *);

/* line_scan.c: a cell that is a line. Is it good; then it is kept, at *v. */
int scan_line_judge(const struct schema_scan *, const struct scan_col *, const char *p, size_t n, bool quoted, struct vae_err *);
int scan_line(const struct schema_scan *, struct scan_col *, const char *p, size_t n, bool quoted, double *v, struct vae_err *);
/* The symbols of the column, from the rows that are left, and its width. */
int scan_line_end(const struct schema_scan *, const struct scan_col *, struct schema_col *, struct vae_err *);
int scan_line_values(const struct scan_col *, const struct schema_col *, double at, double *raw, struct vae_err *);

/* What a column holds. low to never_falls are of its numbers. */
struct scan_facts {
    size_t rows, cells;   /* cells: that are not missing */
    size_t different;     /* texts; SCAN_NUMBER_TEXTS where they are not kept */
    size_t values;        /* numbers; fewer than texts where one number is written in several ways */
    size_t numbers, times; /* cells that are one */
    size_t number_texts;  /* different texts that are numbers */
    double low, high, mean;
    bool whole, counts_up, never_falls;
};
/* forward.c: a column of this kind that only goes forward becomes a counter, or a clock: *clock is what is told of it, else 0, and *pace,
 * in windows, the median step of a series in seconds. */
int scan_forward(const struct schema_scan *, const struct scan_col *, enum schema_kind *, unsigned *clock, double *pace, struct vae_err *);
enum schema_kind kind_tell(const struct scan_col *, const struct scan_facts *);
/* Are so many of the cells numbers (times) that the others are mistakes? */
bool kind_has_odd(const struct scan_facts *, size_t fitting, size_t texts);

#endif
