/*
 * csv_head.c - what the first rows of a table tell: its delimiter, and whether it begins with a header.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "stream/csv.h"

/* The next row that is not blank. Rows cut by the end of the sample do not count, unless the input ends there. */
static bool next_row(struct csv_scan *s, bool whole, uint32_t *cells, size_t max, struct csv_row *row) {
    do {
        if (!(whole ? csv_scan_last(s, cells, max, row) : csv_scan_row(s, cells, max, row)))
            return false;
    } while (csv_blank(s->p, row));
    return true;
}

/* Cells in the first row, and how many rows of the sample have as many. */
static size_t agree(const struct csv_sample *t, char delim, size_t *n) {
    struct csv_scan s;
    struct csv_row row;
    size_t rows = 0;
    *n = 0;
    csv_scan_start(&s, t->p, t->begin, t->end, delim);
    for (size_t i = 0; i < CSV_SAMPLE_ROWS && next_row(&s, t->whole, NULL, 0, &row); i++) {
        if (i == 0)
            *n = row.n;
        rows += row.n == *n;
    }
    return rows;
}

/* Does this delimiter make the first row a header? 1, 0 or VAE_EOS. */
static int makes_header(const struct csv_sample *t, char delim, size_t n, struct csv_layout *l, struct vae_err *err) {
    uint32_t *cells = mem_array(n, 2 * sizeof *cells);
    if (!cells)
        return err_set(err, VAE_EOS, "out of memory");
    struct csv_scan s;
    struct csv_row row;
    csv_scan_start(&s, t->p, t->begin, t->end, delim);
    int is = next_row(&s, t->whole, cells, n, &row) && csv_layout_tell(l, t->p, cells, n);
    free(cells);
    return is;
}

int csv_tell_delim(const struct csv_sample *t, struct csv_layout *l, char *delim, struct vae_err *err) {
    static const char each[] = "\t;|,";
    size_t most = 0, wanted = 0, needed = 0;
    char fits = 0;
    bool whole = true;
    for (size_t j = 0; j < l->ncols; j++) {
        wanted += !l->cols[j].extra;
        needed += !l->cols[j].extra && !l->cols[j].optional;
    }
    *delim = ',';
    for (const char *d = each; *d; d++) {
        size_t n, rows = agree(t, *d, &n);
        if (!l->all && n >= 2 && n >= l->tell) {
            int is = makes_header(t, *d, n, l, err);
            if (is < 0)
                return is;
            if (is) {
                *delim = *d;
                return 1;
            }
        }
        whole &= n > 0;
        if (n < 2)
            continue;
        if (!fits && (n == wanted || n == needed))
            fits = *d;
        if (rows > most) {
            most = rows;
            *delim = *d;
        }
    }
    if (fits)
        *delim = fits;
    return whole;
}

/* ---- the header row ------------------------------------------------------------------------------------ */

/* What was seen of a column. */
struct seen {
    enum num_kind first; /* the cell of the first row */
    bool number, text;   /* below there are numbers, other cells */
    bool again;          /* the first cell is there again below */
};

/* A quoted number is a number: some programs quote every cell. */
static enum num_kind kind_of(const char *p, const uint32_t *cell) {
    const char *c = p + cell[0];
    size_t n = cell[1] - cell[0];
    double x;
    if (n >= 2 && c[0] == '"' && c[n - 1] == '"') {
        c++;
        n -= 2;
    }
    return num_parse(c, n, &x);
}

static void look(struct seen *seen, const char *p, const uint32_t *first, const uint32_t *cells, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const uint32_t *a = first + 2 * i, *b = cells + 2 * i;
        enum num_kind k = kind_of(p, b);
        seen[i].number |= k == NUM_NUMBER;
        seen[i].text |= k == NUM_TEXT;
        seen[i].again |= k == NUM_TEXT && a[1] - a[0] == b[1] - b[0] && !memcmp(p + a[0], p + b[0], a[1] - a[0]);
    }
}

/*
 * A header: a word above numbers. Data: a number or nothing above numbers; or, in a table of words only, a word that is
 * there again below itself. Else nobody can tell.
 */
static enum csv_header judge(const struct seen *seen, size_t n) {
    bool numbers = false, again = false;
    for (size_t i = 0; i < n; i++) {
        bool numeric = seen[i].number && !seen[i].text;
        if (numeric && seen[i].first == NUM_TEXT)
            return CSV_HEADER;
        numbers |= numeric || seen[i].first == NUM_NUMBER;
        again |= seen[i].again;
    }
    return numbers || again ? CSV_DATA : CSV_HEADER_ASSUMED;
}

int csv_tell_header(const struct csv_sample *t, char delim, size_t n, enum csv_header *out, struct vae_err *err) {
    uint32_t *first = mem_array(n, 2 * sizeof *first), *cells = mem_array(n, 2 * sizeof *cells);
    struct seen *seen = mem_array(n, sizeof *seen);
    int rc = 0;
    if (!first || !cells || !seen) {
        rc = err_set(err, VAE_EOS, "out of memory");
        goto out;
    }
    struct csv_scan s;
    struct csv_row row, top;
    csv_scan_start(&s, t->p, t->begin, t->end, delim);
    next_row(&s, t->whole, first, n, &top);
    for (size_t i = 0; i < n; i++)
        seen[i].first = kind_of(t->p, first + 2 * i);
    for (size_t r = 1; r < CSV_SAMPLE_ROWS && next_row(&s, t->whole, cells, n, &row); r++) {
        bool same = row.end - row.begin == top.end - top.begin &&
                    !memcmp(t->p + row.begin, t->p + top.begin, row.end - row.begin);
        if (row.n == n && !row.junk && !same) /* the same: a header that was written again, or tells nothing */
            look(seen, t->p, first, cells, n);
    }
    *out = judge(seen, n);
out:
    free(first);
    free(cells);
    free(seen);
    return rc;
}
