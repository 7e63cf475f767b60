/*
 * csv_open.c - the start of a table: reads what it takes to know delimiter, header and columns, and settles them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/csv.h"

/* Bytes at first; also the most that is read before the head is known, but for two long rows. For fuzzing, make it 64:
 * then there is no row that does not meet the end of the buffer. */
#ifndef CSV_BUFFER
#define CSV_BUFFER (1 << 20)
#endif

enum {
    ROWS = 4096,   /* of a batch, unless told */
    LIVE_ROWS = 8, /* of idle input are enough to tell whether there is a header */
};

static int out_of_memory(struct vae_err *err) {
    return err_set(err, VAE_EOS, "out of memory");
}

/* Reads until there are `rows` lines with something on them, the end, or a full buffer. The sample ends behind the
 * last of these lines, however much more there is, so that what it tells does not depend on the sizes of reads. 1, 0
 * where there are fewer, or a code. */
static int read_lines(struct csv_reader *r, size_t rows, struct vae_err *err) {
    size_t lines = 0;
    for (size_t i = 0;; i++) {
        r->sample_end = i;
        while (i == r->scan.end) {
            if (r->eof || r->scan.end == r->cap || (lines > LIVE_ROWS && source_pauses(r->src)))
                return 0;
            int rc = csv_fill(r, err);
            if (rc < 0)
                return rc;
        }
        bool ends = r->p[i] == '\n' || r->p[i] == '\r';
        lines += ends && i > 0 && r->p[i - 1] != '\n' && r->p[i - 1] != '\r';
        if (lines == rows) {
            r->sample_end = i + 1;
            return 1;
        }
    }
}

static struct csv_sample sample_from(const struct csv_reader *r, size_t begin) {
    return (struct csv_sample){r->p, begin, r->sample_end, r->eof && r->sample_end == r->scan.end};
}

/* Reads until the first `rows` rows that are not blank are whole, or the end. They are in the sample then. */
static int read_rows(struct csv_reader *r, size_t rows, struct vae_err *err) {
    struct csv_scan from = r->scan;
    struct csv_row row;
    int rc = 0;
    for (size_t n = 0; n < rows && rc == 0;) {
        if (csv_scan_row(&r->scan, NULL, 0, &row))
            n += !csv_blank(r->p, &row);
        else if (r->eof)
            break;
        else if (r->scan.end == r->cap)
            rc = csv_enlarge(r, err);
        else
            rc = csv_fill(r, err);
    }
    size_t end = r->eof && r->scan.row < r->scan.end ? r->scan.end : r->scan.row;
    r->sample_end = end > r->sample_end ? end : r->sample_end;
    from.end = r->scan.end;
    from.p = r->p;
    r->scan = from;
    return rc;
}

/* The UTF-8 byte order mark is no data. */
static int skip_mark(struct csv_reader *r, size_t *begin, struct vae_err *err) {
    static const char mark[] = "\xef\xbb\xbf";
    size_t n;
    *begin = 0;
    while ((n = r->scan.end) < 3 && !r->eof && !memcmp(r->p, mark, n)) {
        int rc = csv_fill(r, err);
        if (rc < 0)
            return rc;
    }
    *begin = n >= 3 && !memcmp(r->p, mark, 3) ? 3 : 0;
    return 0;
}

/* The text of the head: {"format", "delim", "header", "crlf", "columns"}, names in the order of the file. */
int csv_make_head(struct csv_reader *r, bool header, bool crlf, struct vae_err *err) {
    const struct csv_layout *l = &r->layout;
    char delim[2] = {r->scan.delim, 0};
    size_t *who = mem_array(l->width, sizeof *who); /* 1 + the column in this cell */
    json_t *names = json_array();
    int rc = VAE_EOS;
    r->head = rec_head_new("data", err);
    if (!r->head || !who || !names)
        goto out;
    for (size_t j = 0; j < l->ncols; j++) {
        struct rec_field *f = rec_head_add(r->head, l->cols[j].name, REC_UTF8, 0, NULL, err);
        if (!f)
            goto out;
        f->keep = l->cols[j].keep;
        who[l->at[j]] = j + 1;
    }
    struct rec_field *row =
        r->whole ? rec_head_add(r->head, r->dialect.n ? r->dialect.header : "", REC_UTF8, 0, NULL, err) : NULL;
    if (r->whole && !row)
        goto out;
    if (row)
        row->whole = true;
    r->dialect.delim = *delim, r->dialect.crlf = crlf;
    for (size_t i = 0; i < l->width; i++)
        if (who[i] && json_array_append_new(names, json_string(l->cols[who[i] - 1].name)) < 0)
            goto out;
    r->head->origin = json_pack("{ss ss sb sb sO}", "format", *delim == '\t' ? "tsv" : "csv", "delim", delim, "header",
                                header, "crlf", crlf, "columns", names);
    rc = r->head->origin ? 0 : VAE_EOS;
out:
    json_decref(names);
    free(who);
    return rc < 0 ? out_of_memory(err) : 0;
}

/* Settles the columns by the first row. *is_header: the row is one. */
static int settle(struct csv_reader *r, const struct stream_read_opts *opts, const struct csv_row *row,
                  const uint32_t *cells, uint64_t line, bool *is_header, struct vae_err *err) {
    struct csv_layout *l = &r->layout;
    struct csv_sample sample = sample_from(r, row->begin);
    char at[160];
    csv_place(r, line, at);
    int rc, header = opts->header;
    if (l->all) {
        enum csv_header what = header == 1 ? CSV_HEADER : CSV_DATA;
        rc = header < 0 ? csv_tell_header(&sample, r->scan.delim, row->n, &what, err) : 0;
        *is_header = what != CSV_DATA;
        r->stats.header_assumed = what == CSV_HEADER_ASSUMED;
        return rc < 0 ? rc : csv_layout_all(l, r->p, cells, row->n, *is_header, opts, at, err);
    }
    r->names_rows = header != 0;
    *is_header = header == 1 || (header < 0 && csv_layout_tell(l, r->p, cells, row->n));
    if (*is_header)
        rc = csv_layout_header(l, r->p, cells, row->n, true, at, err);
    else
        rc = csv_layout_position(l, r->p, cells, row->n, header != 0, at, err);
    if (rc == 0)
        r->stats.extra_columns = row->n - l->ncols;
    return rc;
}

/* The first row: its cells settle the layout. A header is passed over; the scan then stands at the first record. */
static int first_row(struct csv_reader *r, const struct stream_read_opts *opts, struct vae_err *err) {
    struct csv_row row;
    struct csv_scan before;
    uint32_t *cells = NULL;
    bool header = false, crlf = false, found;
    for (;;) {
        before = r->scan;
        found = r->eof && !r->grows ? csv_scan_last(&r->scan, NULL, 0, &row) : csv_scan_row(&r->scan, NULL, 0, &row);
        if (!found || !csv_blank(r->p, &row))
            break;
        r->line++;
    }
    int rc = 0;
    if (!found && r->grows) {
        rc = err_set(err, VAE_EAGAIN, "%s: has no whole row yet", source_name(r->src));
        goto out;
    }
    if (!found) {
        rc = r->scan.state == CSV_QUOTED ? csv_open_quote(r, err)
                                         : err_set(err, VAE_EDATA, "%s: no data", source_name(r->src));
        goto out;
    }
    if (row.end < r->scan.end && r->p[row.end] == '\r' && row.end + 1 == r->scan.end && !r->eof)
        rc = r->scan.end < r->cap ? csv_fill(r, err) : 0;
    if (rc < 0)
        goto out;
    crlf = row.end + 1 < r->scan.end && r->p[row.end] == '\r' && r->p[row.end + 1] == '\n';
    uint64_t line = r->line;
    rc = csv_pass(r, &row, err);
    if (rc < 0)
        goto out;
    cells = csv_all_cells(r, &row);
    rc = cells ? settle(r, opts, &row, cells, line, &header, err) : out_of_memory(err);
    if (rc < 0)
        goto out;
    if (!header) { /* it is read again, as a record */
        before.end = r->scan.end;
        r->scan = before;
        r->line = line;
        goto out;
    }
    r->stats.headers = 1;
    rc = csv_note_header(r, r->p + row.begin, row.end - row.begin, err);
    if (rc == 0 && r->layout.all) {
        r->ntop = row.end - row.begin;
        r->top = mem_text(r->p + row.begin, r->ntop);
        rc = r->top ? 0 : out_of_memory(err);
    }
out:
    free(cells);
    if (rc == VAE_EROW) { /* without a first row there is no table */
        rc = VAE_EDATA;
        if (err)
            err->code = rc;
    }
    csv_pass_by(r);
    return rc < 0 ? rc : csv_make_head(r, header || !found, crlf, err);
}

/* Reads as many lines as it takes to tell the delimiter. */
static int find_delim(struct csv_reader *r, size_t begin, bool tell, struct vae_err *err) {
    for (size_t lines = tell ? CSV_SAMPLE_ROWS : 1;; lines *= 2) {
        int more = read_lines(r, lines, err);
        if (more < 0)
            return more;
        struct csv_sample sample = sample_from(r, begin);
        int rc = csv_tell_delim(&sample, &r->layout, &r->scan.delim, err);
        if (rc != 0 || !more)
            return rc;
    }
}

/* From the first byte on: delimiter and header are told by what stands there. */
static int begin_fresh(struct csv_reader *r, const struct stream_read_opts *opts, char delim, struct vae_err *err) {
    size_t begin = 0;
    bool all = r->layout.all, tell = all && (!delim || opts->header < 0);
    int rc = skip_mark(r, &begin, err);
    csv_scan_start(&r->scan, r->p, begin, r->scan.end, delim ? delim : ',');
    if (rc == 0)
        rc = delim ? read_lines(r, tell ? CSV_SAMPLE_ROWS : 1, err) : find_delim(r, begin, tell, err);
    if (rc >= 0)
        rc = read_rows(r, tell ? 2 : 1, err);
    return rc < 0 ? rc : first_row(r, opts, err);
}

static int begin_table(struct csv_reader *r, const struct stream_read_opts *opts, char delim, struct vae_err *err) {
    if (delim == '"' || delim == '\n' || delim == '\r' || (unsigned char)delim >= 0x80)
        return err_set(err, VAE_EUSAGE, "a delimiter is one ASCII character, no quote and no line end");
    r->p = mem_array(CSV_BUFFER + CSV_SLACK, 1);
    r->cap = CSV_BUFFER;
    r->nul = SIZE_MAX;
    r->line = 1;
    r->whole = opts->whole;
    r->asked_rows = opts->batch_rows ? opts->batch_rows : ROWS;
    r->grows = opts->from != NULL;
    int rc = r->p ? csv_layout_init(&r->layout, opts, err) : out_of_memory(err);
    csv_scan_start(&r->scan, r->p, 0, 0, ',');
    if (rc == 0)
        rc = opts->from && opts->from->cells ? csv_resume(r, opts, err) : begin_fresh(r, opts, delim, err);
    if (rc == 0)
        rc = csv_make_room(r, err);
    if (rc < 0)
        return rc;
    r->cols = mem_array(r->head->nfields, sizeof *r->cols);
    return r->cols ? 0 : out_of_memory(err);
}

static void *open_table(struct source *src, const struct stream_read_opts *opts, char delim, struct vae_err *err) {
    struct csv_reader *r = calloc(1, sizeof *r);
    if (!r) {
        out_of_memory(err);
        return NULL;
    }
    r->src = src;
    if (begin_table(r, opts, opts->delim ? opts->delim : delim, err) < 0) {
        csv_close(r);
        return NULL;
    }
    return r;
}

void *csv_open(struct source *src, const struct stream_read_opts *opts, struct vae_err *err) {
    return open_table(src, opts, 0, err);
}

void *tsv_open(struct source *src, const struct stream_read_opts *opts, struct vae_err *err) {
    return open_table(src, opts, '\t', err);
}
