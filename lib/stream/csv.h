/*
 * csv.h - tables of text (RFC 4180 and its relatives): what the scanner, the reader and the rules for header rows
 * share.
 *
 * The dialect that is read. One delimiter byte, told from TAB ; | , when it is not given. A record ends with LF, CRLF
 * or CR, mixed as they come; the last may lack it. A cell that begins with a double quote runs to the closing one,
 * doubled quotes, delimiters and line ends within; only blanks may follow it. Quotes elsewhere are ordinary bytes.
 * Lines of nothing but blanks are skipped, in tables of a single column too: an empty cell there is written "".
 * Bytes that are no UTF-8 pass through, except in the names of columns that nobody asked for by name.
 */
#ifndef STREAM_CSV_H
#define STREAM_CSV_H

#include <stdint.h>

#include "base/rec.h"
#include "stream/format.h"

enum {
    CSV_CELL_MAX = 16 << 20, /* bytes of a cell */
    CSV_ROW_MAX = 64 << 20,  /* bytes of a row */
    CSV_SLACK = 64,          /* readable bytes that must follow the text of a scan */
};

/*
 * Where a scan for cells stands. It can be given more bytes behind `end` at any time, or have all its offsets moved,
 * and goes on where it was, so a long row that comes in small pieces is looked at once.
 */
struct csv_scan {
    const char *p; /* the text; offsets below are from here */
    size_t end;
    size_t at;      /* bytes before it are in `marks` or done */
    uint64_t marks; /* of the block at `base`: delimiters, quotes and line ends not yet dealt with */
    size_t base;
    char delim;
    bool after_cr; /* the last row ended with CR: a LF at the start of the next belongs to it */
    enum {
        CSV_BARE,
        CSV_QUOTED,
        CSV_CLOSED
    } state;          /* of the current cell; closed: behind a quote that may be its last */
    bool quotes;      /* the row has quoted cells, so maybe line ends within */
    bool junk;        /* it has text behind a closing quote */
    size_t row, cell; /* where the current row and cell begin */
    size_t close;     /* where the last closing quote is */
    size_t n;         /* cells of the row before the current one */
};

/* A row that was found: its bytes without the line end, and how many cells it has. */
struct csv_row {
    size_t begin, end, n;
    bool quotes, junk;
};

void csv_scan_start(struct csv_scan *, const char *p, size_t begin, size_t end, char delim);

/* Scans to the end of a row. cells[2*i], cells[2*i+1] are the ends of cell i for i < max. False: more bytes are needed.
 */
bool csv_scan_row(struct csv_scan *, uint32_t *cells, size_t max, struct csv_row *);

/* The row that ends with the text. False: there is none. An open quote leaves state == CSV_QUOTED. */
bool csv_scan_last(struct csv_scan *, uint32_t *cells, size_t max, struct csv_row *);

/* The text moved down by `by` bytes; cells are those of the unfinished row. */
void csv_scan_move(struct csv_scan *, size_t by);

/* Is the row nothing but blanks? */
bool csv_blank(const char *p, const struct csv_row *);

/* Line ends (LF, CRLF, CR) in n bytes. */
size_t csv_lines(const char *p, size_t n);

/* The name in a header cell: without blanks around it and quotes. Writes at most n bytes to out, returns how many. */
size_t csv_name(const char *cell, size_t n, char *out);

/* A column the reader hands out. */
struct csv_col {
    char *name;
    bool tells;    /* a row that has the names of all these is a header */
    bool optional; /* may be missing from the first header */
    bool extra;    /* not among opts->want: only to be kept */
    bool keep;
};

/* The columns of a reader, and where they are in the rows that follow the last header. */
struct csv_layout {
    struct csv_col *cols;
    size_t ncols;
    size_t *at;          /* at[j]: the cell that column j is */
    size_t width;        /* cells in a row */
    bool all;            /* nothing was asked for: all columns as they come */
    size_t tell;         /* columns that tell a header */
    size_t *order;       /* columns sorted by name */
    size_t *seen, stamp; /* seen[j] == stamp: column j was met in this row */
    bool begin[256];     /* does any name begin with this byte? */
    size_t longest;      /* bytes of a header cell that may hold a name */
    char *buf;           /* room for one of these */
};

/* Starts with the columns that opts ask for. 0, VAE_EUSAGE (a name twice) or VAE_EOS; free it in any case. */
int csv_layout_init(struct csv_layout *, const struct stream_read_opts *, struct vae_err *);
void csv_layout_free(struct csv_layout *);

/* Do the cells hold all the names that make a header? cells as from a scan of p. Cheap where they do not. */
bool csv_layout_tell(struct csv_layout *, const char *p, const uint32_t *cells, size_t n);

/* Takes the order of columns from a header row. `where` ("data.csv:1") begins a message. first: optional columns may
 * be missing and are left out, kept ones given by number get their names. VAE_EDATA: a column is missing or there
 * twice; VAE_EUSAGE: one to be kept is not there. */
int csv_layout_header(struct csv_layout *, const char *p, const uint32_t *cells, size_t n, bool first,
                      const char *where, struct vae_err *);

/* Takes the columns by position from a first row that is no header; VAE_EDATA where their number does not fit, or
 * where the row was clearly meant as a header (if that may be) but lacks names. */
int csv_layout_position(struct csv_layout *, const char *p, const uint32_t *cells, size_t n, bool may_name,
                        const char *where, struct vae_err *);

/* Takes every cell as a column, named by the first row if `header`, else x1, x2, ... */
int csv_layout_all(struct csv_layout *, const char *p, const uint32_t *cells, size_t n, bool header,
                   const struct stream_read_opts *, const char *where, struct vae_err *);

/* ---- the start of a table (csv_head.c) ---- */

/* The first rows, already read. */
struct csv_sample {
    const char *p;
    size_t begin, end;
    bool whole; /* the end of the text is the end of the input */
};

enum { CSV_SAMPLE_ROWS = 100 };

/* The delimiter: one that makes the first row, of 2 or more cells, a header of the wanted names, or gives it as many
 * cells; else the one that cuts most rows into as many cells as the first, 2 or more; else a comma. Ties: TAB ; | , in
 * this order. 1; 0 where the first row may go on behind the sample; VAE_EOS. */
int csv_tell_delim(const struct csv_sample *, struct csv_layout *, char *delim, struct vae_err *);

enum csv_header { CSV_DATA, CSV_HEADER, CSV_HEADER_ASSUMED };
/* Is the first row, of n cells, a header by the rows that follow it? VAE_EOS where memory is short. */
int csv_tell_header(const struct csv_sample *, char delim, size_t n, enum csv_header *, struct vae_err *);

/* ---- the reader (csv_read.c; csv_open.c starts it) ---- */

struct csv_reader {
    struct source *src;
    char *p;    /* p[scan.row..scan.end) is not handed out yet */
    size_t cap; /* without CSV_SLACK */
    bool eof;
    size_t nul;        /* where the first NUL byte of the rest is, SIZE_MAX: none */
    size_t sample_end; /* p[..sample_end) was looked at to tell delimiter and header */
    struct csv_scan scan;
    struct csv_layout layout;
    struct vae_head *head;
    bool whole;      /* rows are handed out whole, too */
    uint32_t *spans; /* [rows,2] where those are */
    size_t spans_cap;
    struct rec_dialect dialect; /* of them; owns its header */
    bool names_rows; /* rows may be headers */
    char *top;       /* the header row where every column was taken as it came: the same again is no data */
    size_t ntop;
    uint32_t *cells; /* cells[rows][2 * width] */
    size_t cells_cap;
    size_t partial;  /* where the cells of a row that is not whole yet begin */
    uint64_t *lines; /* lines[row]: where the rows of the batch begin */
    size_t lines_cap;
    size_t asked_rows, batch_rows;
    uint64_t line; /* of the next row */
    uint64_t rows; /* handed out */
    bool grows;    /* what has no line end yet is no row */
    uint64_t base; /* bytes of the input before p[0] */
    struct stream_place behind; /* offset and line behind all that was handed out */
    size_t given;  /* rows of the last batch */
    struct rec_col *cols;
    struct vae_err pending; /* found behind rows that had to go first */
    uint32_t *new_cells;    /* a header row behind the rows of the batch, to be taken by the next call */
    size_t new_n;
    uint64_t new_line;
    struct vae_in_stats stats;
};

/* "data.csv:17", with the name cut where it is very long. Returns out. */
const char *csv_place(const struct csv_reader *, uint64_t line, char out[160]);

/* Room behind the text for a row that fills the buffer. 0, VAE_EDATA (a cell or row is too long) or VAE_EOS. */
int csv_enlarge(struct csv_reader *, struct vae_err *);

/* Reads more behind the text, or sets eof. Moves nothing: there must be room. 0 or what source_read() says. */
int csv_fill(struct csv_reader *, struct vae_err *);

/* The rest of the input is an open quote: passes over it. VAE_EROW. */
int csv_open_quote(struct csv_reader *, struct vae_err *);

/* Passes over a row: counts its lines. 0; VAE_EROW where it is no text; VAE_EDATA: a cell is too long; VAE_EOS. */
int csv_pass(struct csv_reader *, const struct csv_row *, struct vae_err *);

/* All cells of a row, however many; the caller's to free. NULL: out of memory. */
uint32_t *csv_all_cells(const struct csv_reader *, const struct csv_row *);

/* The row that holds for those to come as their header. 0 or VAE_EOS. */
int csv_note_header(struct csv_reader *, const char *row, size_t n, struct vae_err *);

/* Starts where opts->from says: delimiter, columns and place are known. 0, VAE_EDATA (the model asks for other columns)
 * or VAE_EOS. */
int csv_resume(struct csv_reader *, const struct stream_read_opts *, struct vae_err *);

/* All rows before the one that is scanned next are dealt with. */
void csv_pass_by(struct csv_reader *);

/* The text of the head of what was opened. 0 or VAE_EOS. */
int csv_make_head(struct csv_reader *, bool header, bool crlf, struct vae_err *);

/* Room for a batch of rows as wide as the layout has it. 0 or VAE_EOS. */
int csv_make_room(struct csv_reader *, struct vae_err *);

/* Rows that are carried whole have this header row: VAE_EDATA where it has a name that is to be appended to it. */
int csv_paste_check(const struct vae_head *, const char *row, size_t n, char delim, struct vae_err *);

/* ---- stream_csv's and stream_tsv's functions ---- */
void *csv_open(struct source *, const struct stream_read_opts *, struct vae_err *);
void *tsv_open(struct source *, const struct stream_read_opts *, struct vae_err *);
const struct vae_head *csv_head(const void *);
int csv_next(void *, struct vae_batch *, struct vae_err *);
void csv_where(const void *, size_t row, char out[64]);
void csv_place_of(const void *, size_t row, struct stream_place *);
void csv_stats(const void *, struct vae_in_stats *);
void csv_close(void *);
void *csv_create(struct sink *, const struct vae_head *, const struct vae_out_opts *, struct vae_err *);
void *tsv_create(struct sink *, const struct vae_head *, const struct vae_out_opts *, struct vae_err *);
int csv_put(void *, const struct vae_batch *, struct vae_err *);
int csv_flush(void *, struct vae_err *);
int csv_finish(void *, int status, struct vae_err *);
void csv_destroy(void *);

#endif
