/*
 * csv_grow.c - tables that grow: where a reader stands, in bytes of the input, and how another one goes on there.
 *
 * Offsets are those of the input: byte p[i] of the buffer is byte base + i. Going on needs no byte before the place but
 * the header row, of which the place has a copy: so a log can be rotated away, and its header with it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/csv.h"

void csv_pass_by(struct csv_reader *r) {
    const struct csv_scan *s = &r->scan;
    bool lf = s->after_cr && s->row < s->end && r->p[s->row] == '\n'; /* the rest of CRLF */
    r->behind.offset = r->base + s->row + lf;
    r->behind.line = r->line;
}

void csv_place_of(const void *h, size_t row, struct stream_place *at) {
    const struct csv_reader *r = h;
    *at = r->behind;
    at->cells = r->layout.width;
    at->delim = r->scan.delim;
    at->crlf = r->dialect.crlf;
    at->header = r->dialect.header;
    at->nheader = r->dialect.n;
    if (row < r->given) {
        at->offset = r->base + r->cells[row * 2 * r->layout.width];
        at->line = r->lines[row];
    }
}

/* The columns as the header row says. */
static int by_header(struct csv_reader *r, const struct stream_place *from, const char *where, struct vae_err *err) {
    char *text = mem_array(from->nheader + CSV_SLACK, 1);
    uint32_t *cells = mem_array(from->nheader + 1, 2 * sizeof *cells);
    struct csv_scan scan;
    struct csv_row row;
    int rc = text && cells ? 0 : err_set(err, VAE_EOS, "out of memory");
    if (rc == 0) {
        memcpy(text, from->header, from->nheader);
        csv_scan_start(&scan, text, 0, from->nheader, from->delim);
        bool whole = csv_scan_last(&scan, cells, from->nheader + 1, &row);
        rc = whole ? csv_layout_header(&r->layout, text, cells, row.n, true, where, err)
                   : err_set(err, VAE_EDATA, "%s: no header row", where);
    }
    free(text);
    free(cells);
    return rc < 0 ? rc : csv_note_header(r, from->header, from->nheader, err);
}

int csv_resume(struct csv_reader *r, const struct stream_read_opts *opts, struct vae_err *err) {
    const struct stream_place *from = opts->from;
    char at[160];
    csv_place(r, from->line, at);
    csv_scan_start(&r->scan, r->p, 0, 0, from->delim);
    r->line = from->line;
    r->base = from->offset;
    r->names_rows = opts->header != 0;
    int rc = from->header ? by_header(r, from, at, err)
                          : csv_layout_position(&r->layout, r->p, NULL, from->cells, false, at, err);
    csv_pass_by(r);
    return rc < 0 ? rc : csv_make_head(r, from->header, from->crlf, err);
}
