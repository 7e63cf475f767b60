/*
 * csv_read.c - tables of text to batches of cells that point into the bytes as they were read. csv.h has the dialect.
 *
 * Memory is bounded: the buffer grows only where one row does not fit, up to CSV_ROW_MAX. Cells found are those of all
 * columns of the file; the batch shows the ones asked for by their places among them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/csv.h"

enum {
    READ = 1 << 18,  /* bytes of one read */
    CELLS = 1 << 20, /* of a batch; a wide table has fewer rows */
};

static int out_of_memory(struct vae_err *err) {
    return err_set(err, VAE_EOS, "out of memory");
}

const char *csv_place(const struct csv_reader *r, uint64_t line, char out[160]) {
    snprintf(out, 160, "%.128s:%llu", source_name(r->src), (unsigned long long)line);
    return out;
}

/* ---- the buffer ------------------------------------------------------------------------------------------ */

static void find_nul(struct csv_reader *r, size_t from) {
    const char *z = from < r->scan.end ? memchr(r->p + from, 0, r->scan.end - from) : NULL;
    r->nul = z ? (size_t)(z - r->p) : SIZE_MAX;
}

/* Moves the rest to the front; `cells` are those of the unfinished row. */
static void compact(struct csv_reader *r, uint32_t *cells) {
    size_t by = r->scan.row;
    if (by == 0)
        return;
    memmove(r->p, r->p + by, r->scan.end - by);
    for (size_t i = 0; i < 2 * r->scan.n && i < 2 * r->layout.width; i++)
        cells[i] -= (uint32_t)by;
    if (r->nul != SIZE_MAX)
        r->nul -= by;
    r->base += by;
    csv_scan_move(&r->scan, by);
}

int csv_enlarge(struct csv_reader *r, struct vae_err *err) {
    const struct csv_scan *s = &r->scan;
    char at[160];
    if (s->end - s->cell > CSV_CELL_MAX)
        return err_set(err, VAE_EDATA, "%s: a cell is longer than 16 MiB", csv_place(r, r->line, at));
    if (s->end - s->row >= CSV_ROW_MAX)
        return err_set(err, VAE_EDATA, "%s: row longer than 64 MiB", csv_place(r, r->line, at));
    size_t cap = 2 * r->cap;
    char *p = realloc(r->p, cap + CSV_SLACK);
    if (!p)
        return out_of_memory(err);
    memset(p + r->cap, 0, cap + CSV_SLACK - r->cap);
    r->p = p;
    r->scan.p = p;
    r->cap = cap;
    return 0;
}

int csv_fill(struct csv_reader *r, struct vae_err *err) {
    size_t end = r->scan.end, room = r->cap - end;
    long got = source_read(r->src, r->p + end, room < READ ? room : READ, err);
    if (got < 0)
        return (int)got;
    r->eof = got == 0;
    r->scan.end += (size_t)got;
    if (r->nul == SIZE_MAX)
        find_nul(r, end);
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------------------ */

int csv_open_quote(struct csv_reader *r, struct vae_err *err) {
    struct csv_scan *s = &r->scan;
    uint64_t line = r->line + csv_lines(r->p + s->row, s->cell - s->row);
    char at[160];
    s->row = s->cell = s->end;
    s->state = CSV_BARE;
    return err_set(err, VAE_EROW, "%s: a quote is opened and never closed", csv_place(r, line, at));
}

uint32_t *csv_all_cells(const struct csv_reader *r, const struct csv_row *row) {
    uint32_t *cells = mem_array(row->n, 2 * sizeof *cells);
    struct csv_scan s;
    struct csv_row again;
    csv_scan_start(&s, r->p, row->begin, row->end, r->scan.delim);
    if (cells)
        csv_scan_last(&s, cells, row->n, &again);
    return cells;
}

/* No cell may be longer than CSV_CELL_MAX. */
static int check_cells(const struct csv_reader *r, const struct csv_row *row, uint64_t line, struct vae_err *err) {
    uint32_t *cells = csv_all_cells(r, row);
    char at[160];
    int rc = cells ? 0 : out_of_memory(err);
    for (size_t i = 0; rc == 0 && i < row->n; i++)
        if (cells[2 * i + 1] - cells[2 * i] > CSV_CELL_MAX)
            rc = err_set(err, VAE_EDATA, "%s: a cell is longer than 16 MiB", csv_place(r, line, at));
    free(cells);
    return rc;
}

int csv_pass(struct csv_reader *r, const struct csv_row *row, struct vae_err *err) {
    uint64_t line = r->line;
    char at[160];
    r->line += 1 + (row->quotes ? csv_lines(r->p + row->begin, row->end - row->begin) : 0);
    if (row->end - row->begin > CSV_CELL_MAX) {
        int rc = check_cells(r, row, line, err);
        if (rc < 0)
            return rc;
    }
    if (r->nul < row->end) {
        find_nul(r, row->end);
        return err_set(err, VAE_EROW, "%s: NUL byte in a text table", csv_place(r, line, at));
    }
    if (row->junk)
        return err_set(err, VAE_EROW, "%s: text behind the closing quote of a cell", csv_place(r, line, at));
    return 0;
}

int csv_make_room(struct csv_reader *r, struct vae_err *err) {
    size_t width = r->layout.width, rows = width < CELLS ? CELLS / width : 1, need;
    r->batch_rows = r->asked_rows < rows ? r->asked_rows : rows;
    if (!mem_mul(r->batch_rows, 2 * width, &need))
        return out_of_memory(err);
    int rc = mem_grow(&r->lines, &r->lines_cap, r->batch_rows, sizeof *r->lines, err);
    if (rc == 0 && r->whole)
        rc = mem_grow(&r->spans, &r->spans_cap, 2 * r->batch_rows, sizeof *r->spans, err);
    return rc < 0 ? rc : mem_grow(&r->cells, &r->cells_cap, need, sizeof *r->cells, err);
}

int csv_note_header(struct csv_reader *r, const char *row, size_t n, struct vae_err *err) {
    char *copy = r->whole || r->grows ? mem_text(row, n) : NULL;
    if ((r->whole || r->grows) && !copy)
        return out_of_memory(err);
    free((void *)(uintptr_t)r->dialect.header);
    r->dialect.header = copy;
    r->dialect.n = copy ? n : 0;
    return 0;
}

/* Takes the order of columns from header cells. */
static int take_header(struct csv_reader *r, const uint32_t *cells, size_t n, uint64_t line, struct vae_err *err) {
    char at[160];
    int rc = csv_layout_header(&r->layout, r->p, cells, n, false, csv_place(r, line, at), err);
    if (rc == 0)
        rc = csv_note_header(r, r->p + cells[0], cells[2 * n - 1] - cells[0], err);
    if (rc < 0)
        return rc;
    size_t extra = n - r->layout.ncols;
    r->stats.headers++;
    r->stats.extra_columns = extra > r->stats.extra_columns ? extra : r->stats.extra_columns;
    return csv_make_room(r, err);
}

/* Does the row name columns? 1, 0 or VAE_EOS. Where it does and is not as wide as the others, *own are its cells. */
static int names_columns(struct csv_reader *r, const struct csv_row *row, const uint32_t *cells, uint32_t **own,
                         struct vae_err *err) {
    if (r->top)
        return row->end - row->begin == r->ntop && !memcmp(r->p + row->begin, r->top, r->ntop);
    if (!r->names_rows)
        return 0;
    if (row->n == r->layout.width)
        return csv_layout_tell(&r->layout, r->p, cells, row->n);
    if (row->n < r->layout.tell)
        return 0;
    *own = csv_all_cells(r, row);
    if (!*own)
        return out_of_memory(err);
    if (csv_layout_tell(&r->layout, r->p, *own, row->n))
        return 1;
    free(*own);
    *own = NULL;
    return 0;
}

enum { SKIP = 0, TAKE = 1, WAIT = 2 };

/* A row was found, as the `done`-th of the batch: TAKE, SKIP, WAIT (a header: the rows before go first), or a code. */
static int judge(struct csv_reader *r, const struct csv_row *row, uint32_t *cells, size_t done, struct vae_err *err) {
    uint64_t line = r->line;
    char at[160];
    int rc = csv_pass(r, row, err);
    if (rc < 0)
        return rc;
    if (csv_blank(r->p, row))
        return SKIP;
    uint32_t *own = NULL;
    rc = names_columns(r, row, cells, &own, err);
    if (rc < 0)
        return rc;
    if (rc > 0 && r->top) {
        r->stats.headers++;
        return SKIP;
    }
    if (rc > 0) {
        size_t n = row->n;
        if (!own && !(own = csv_all_cells(r, row)))
            return out_of_memory(err);
        if (done > 0) {
            r->new_cells = own;
            r->new_n = n;
            r->new_line = line;
            return WAIT;
        }
        rc = take_header(r, own, n, line, err);
        free(own);
        return rc < 0 ? rc : SKIP;
    }
    if (row->n != r->layout.width)
        return err_set(err, VAE_EROW, "%s: expected %zu value%s, got %zu; leave such rows out (--skip-bad)", csv_place(r, line, at),
                       r->layout.width, r->layout.width == 1 ? "" : "s", row->n);
    r->lines[done] = line;
    if (r->whole)
        r->spans[2 * done] = (uint32_t)row->begin, r->spans[2 * done + 1] = (uint32_t)row->end;
    return TAKE;
}

/* The next row of the text, reading on where there is none; 1, 0 (the end, or enough for now), or a code. */
static int find_row(struct csv_reader *r, uint32_t *cells, size_t done, struct csv_row *row, struct vae_err *err) {
    for (;;) {
        size_t width = r->layout.width;
        bool last = r->eof && !r->grows;
        if (last ? csv_scan_last(&r->scan, cells, width, row) : csv_scan_row(&r->scan, cells, width, row))
            return 1;
        if (r->eof)
            return last && r->scan.state == CSV_QUOTED ? csv_open_quote(r, err) : 0;
        bool full = r->scan.end == r->cap;
        if (done > 0 && (full || source_idle(r->src)))
            return 0;
        int rc = 0;
        if (full)
            compact(r, cells);
        if (r->scan.end == r->cap)
            rc = csv_enlarge(r, err);
        if (rc == 0)
            rc = csv_fill(r, err);
        if (rc < 0)
            return rc;
    }
}

/* Up to batch_rows rows; a fault behind some of them is kept for the next call. */
static int collect(struct csv_reader *r, struct vae_err *err) {
    size_t done = 0;
    while (done < r->batch_rows) {
        struct csv_row row;
        size_t from = done * 2 * r->layout.width; /* only a header before the first row changes the width */
        uint32_t *cells = r->cells + from;
        int rc = find_row(r, cells, done, &row, err);
        if (rc == 0) {
            r->partial = from;
            csv_pass_by(r);
            break;
        }
        if (rc > 0)
            rc = judge(r, &row, cells, done, err);
        if (rc == WAIT)
            break;
        if (rc >= 0 || (rc == VAE_EROW && done == 0))
            csv_pass_by(r);
        if (rc < 0 && done == 0)
            return rc;
        if (rc < 0) {
            r->pending = *err;
            break;
        }
        done += rc == TAKE;
    }
    return (int)done;
}

static int take_pending(struct csv_reader *r, struct vae_err *err) {
    int code = r->pending.code;
    *err = r->pending;
    if (code == VAE_EROW) {
        r->pending.code = 0;
        csv_pass_by(r);
    }
    return code;
}

int csv_next(void *h, struct vae_batch *b, struct vae_err *err) {
    struct csv_reader *r = h;
    struct vae_err own;
    err = err ? err : &own;
    r->given = 0;
    if (r->pending.code)
        return take_pending(r, err);
    int n = 0;
    if (r->new_cells) {
        n = take_header(r, r->new_cells, r->new_n, r->new_line, err);
        free(r->new_cells);
        r->new_cells = NULL;
        csv_pass_by(r);
    }
    if (n == 0) {
        size_t width = r->layout.width, partial = r->scan.n < width ? r->scan.n : width;
        if (r->partial)
            memmove(r->cells, r->cells + r->partial, 2 * partial * sizeof *r->cells);
        r->partial = 0;
        if (r->scan.row >= r->cap / 2)
            compact(r, r->cells);
        n = collect(r, err);
    }
    if (n < 0) {
        if (n != VAE_EROW) /* there is no way to go on */
            r->pending = *err;
        return n;
    }
    for (size_t j = 0; j < r->layout.ncols; j++)
        r->cols[j] = (struct rec_col){.text = r->p,
                                      .begin = r->cells + 2 * r->layout.at[j],
                                      .end = r->cells + 2 * r->layout.at[j] + 1,
                                      .stride = 2 * r->layout.width};
    *b = (struct vae_batch){.rows = (size_t)n, .first = r->rows, .nfields = r->head->nfields, .cols = r->cols,
                            .quoted = true};
    if (r->whole) {
        r->cols[r->layout.ncols] = (struct rec_col){.text = r->p, .begin = r->spans, .end = r->spans + 1, .stride = 2};
        b->dialect = &r->dialect;
    }
    r->rows += (uint64_t)n;
    r->given = (size_t)n;
    return n;
}

const struct vae_head *csv_head(const void *h) {
    return ((const struct csv_reader *)h)->head;
}

void csv_where(const void *h, size_t row, char out[64]) {
    const struct csv_reader *r = h;
    snprintf(out, 64, "%llu", (unsigned long long)r->lines[row]);
}

void csv_stats(const void *h, struct vae_in_stats *st) {
    const struct csv_reader *r = h;
    struct csv_scan s = r->scan;
    struct csv_row row;
    st->rows += r->rows;
    st->headers += r->stats.headers;
    st->extra_columns += r->stats.extra_columns;
    st->header_assumed |= r->stats.header_assumed;
    st->has_input |= r->pending.code || r->new_cells || csv_scan_row(&s, NULL, 0, &row);
}

void csv_close(void *h) {
    struct csv_reader *r = h;
    if (!r)
        return;
    csv_layout_free(&r->layout);
    rec_head_free(r->head);
    free(r->p);
    free(r->top);
    free(r->cells);
    free(r->lines);
    free(r->spans);
    free((void *)(uintptr_t)r->dialect.header);
    free(r->cols);
    free(r->new_cells);
    free(r);
}
