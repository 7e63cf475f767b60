/*
 * csv_scan.c - where the cells of a table begin and end.
 *
 * Bytes that matter (delimiter, double quote, LF, CR) are found 64 at a time as bits of a mask, so that the bytes
 * between them cost next to nothing: Langdale and Lemire, "Parsing gigabytes of JSON per second", VLDB Journal 28
 * (2019), section 3.1, applied to tables. A quote needs no look at the byte behind it: a cell is closed by every
 * quote within and opened again by one that follows at once.
 */
#include <string.h>

#include "stream/csv.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* Bit i: p[i] is the delimiter, a quote or a line end. */
static inline uint64_t find_marks(const char *p, char delim) {
    const __m128i d = _mm_set1_epi8(delim), q = _mm_set1_epi8('"'), lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    uint64_t m = 0;
    for (int i = 0; i < 4; i++) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        __m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, d), _mm_cmpeq_epi8(x, q)),
                                   _mm_or_si128(_mm_cmpeq_epi8(x, lf), _mm_cmpeq_epi8(x, cr)));
        m |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * i);
    }
    return m;
}
#else
static inline uint64_t find_marks(const char *p, char delim) {
    uint64_t m = 0;
    for (int i = 0; i < 64; i++)
        m |= (uint64_t)(p[i] == delim || p[i] == '"' || p[i] == '\n' || p[i] == '\r') << i;
    return m;
}
#endif

void csv_scan_start(struct csv_scan *s, const char *p, size_t begin, size_t end, char delim) {
    *s = (struct csv_scan){.p = p, .end = end, .at = begin, .base = begin, .delim = delim, .row = begin, .cell = begin};
}

void csv_scan_move(struct csv_scan *s, size_t by) {
    s->end -= by;
    s->at -= by;
    s->base -= by; /* may wrap; marks + base does not */
    s->row -= by;
    s->cell -= by;
    s->close -= by;
}

/* The current cell, which may be quoted, ends before byte p: where it really ends. */
static size_t end_of_cell(struct csv_scan *s, size_t p) {
    if (s->state != CSV_CLOSED)
        return p;
    for (size_t i = s->close + 1; i < p; i++)
        s->junk |= s->p[i] != ' ' && s->p[i] != '\t';
    return s->junk ? p : s->close + 1;
}

/* A mark that is not the plain end of a plain cell. True: it is no end of a cell. */
static bool inside(struct csv_scan *s, size_t p, char c) {
    if (c == '"') {
        if (s->state == CSV_QUOTED) {
            s->state = CSV_CLOSED;
            s->close = p;
        } else if (p == s->cell || (s->state == CSV_CLOSED && p == s->close + 1)) {
            s->state = CSV_QUOTED;
            s->quotes = true;
        }
        return true;
    }
    if (s->state == CSV_QUOTED)
        return true;
    if (c == '\n' && s->after_cr && p == s->row) {
        s->row = s->cell = p + 1;
        s->after_cr = false;
        return true;
    }
    return false;
}

/* The row ends before byte p, the next begins at `next`. */
static bool finish_row(struct csv_scan *s, size_t p, size_t next, struct csv_row *row) {
    *row = (struct csv_row){.begin = s->row, .end = p, .n = s->n + 1, .quotes = s->quotes, .junk = s->junk};
    s->row = s->cell = next;
    s->n = 0;
    s->state = CSV_BARE;
    s->quotes = s->junk = false;
    return true;
}

bool csv_scan_row(struct csv_scan *s, uint32_t *cells, size_t max, struct csv_row *row) {
    const char *text = s->p, delim = s->delim;
    uint64_t marks = s->marks;
    size_t base = s->base, cell = s->cell, n = s->n;
    for (;;) {
        while (marks) {
            size_t p = base + (size_t)__builtin_ctzll(marks);
            char c = text[p];
            size_t to = p;
            marks &= marks - 1;
            if (s->state != CSV_BARE || c != delim) {
                s->cell = cell;
                if (inside(s, p, c)) {
                    cell = s->cell;
                    continue;
                }
                to = end_of_cell(s, p);
            }
            if (n < max) {
                cells[2 * n] = (uint32_t)cell;
                cells[2 * n + 1] = (uint32_t)to;
            }
            if (c != delim) {
                s->marks = marks;
                s->base = base;
                s->n = n;
                s->after_cr = c == '\r';
                return finish_row(s, p, p + 1, row);
            }
            s->state = CSV_BARE;
            cell = p + 1;
            n++;
        }
        base = s->at;
        size_t left = s->end - base;
        if (left == 0)
            break;
        marks = find_marks(text + base, delim);
        if (left < 64)
            marks &= (UINT64_C(1) << left) - 1;
        s->at += left < 64 ? left : 64;
    }
    s->marks = 0;
    s->base = base;
    s->cell = cell;
    s->n = n;
    return false;
}

bool csv_scan_last(struct csv_scan *s, uint32_t *cells, size_t max, struct csv_row *row) {
    if (csv_scan_row(s, cells, max, row))
        return true;
    if (s->row == s->end || s->state == CSV_QUOTED)
        return false;
    if (s->n < max) {
        cells[2 * s->n] = (uint32_t)s->cell;
        cells[2 * s->n + 1] = (uint32_t)end_of_cell(s, s->end);
    } else {
        end_of_cell(s, s->end);
    }
    return finish_row(s, s->end, s->end, row);
}

bool csv_blank(const char *p, const struct csv_row *row) {
    if (row->n > 1)
        return false;
    for (size_t i = row->begin; i < row->end; i++)
        if (p[i] != ' ' && p[i] != '\t')
            return false;
    return true;
}

size_t csv_lines(const char *p, size_t n) {
    size_t lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += p[i] == '\r' || (p[i] == '\n' && (i == 0 || p[i - 1] != '\r'));
    return lines;
}
