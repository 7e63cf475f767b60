/*
 * forward.c - columns that only ever go forward: every value to come lies beyond those that were learnt, so a model of them
 * would find all new rows odd.
 *
 *   counter   numbers that never fall in the order of the rows, 100 of them or more, and are whole and rise at 95 % of the rows
 *             (ids, epochs, totals), or rise by steps of one size (9 of 10 within a tenth of the median: a clock of its own).
 *             A table that somebody sorted by a measured column has neither: its steps are of all sizes, or it repeats.
 *   clock     times that never fall, 100 or more: the nets are told where in the day, the week and the year a row stands, of
 *             these the ones that the rows went through twice. A clock of which nothing is told is a counter.
 */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "schema/scan.h"

enum { LEAST_ROWS = 100, TWICE = 2 };
static const double RISES = 0.95, EVEN_SHARE = 0.9, EVEN = 0.1;
static const double DAY = 86400, WEEK = 7 * 86400, YEAR = 365.2425 * 86400;

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* step[n] is sorted. */
static bool even(double *step, size_t n) {
    qsort(step, n, sizeof *step, by_value);
    double middle = step[n / 2];
    size_t like = 0;
    for (size_t i = 0; i < n; i++)
        like += fabs(step[i] - middle) <= EVEN * middle;
    return middle > 0 && (double)like >= EVEN_SHARE * (double)n;
}

/* The values of the rows as they come, missing ones left out -> v[n]. */
static size_t values(const struct schema_scan *s, const struct scan_col *c, const double *of_code, double *v) {
    size_t n = 0;
    for (size_t i = 0; i < s->rows; i++) {
        double x = s->raw[i * s->stride + c->first];
        x = of_code && !isnan(x) ? of_code[(size_t)x] : x;
        if (!isnan(x))
            v[n++] = x;
    }
    return n;
}

/* Do v[n] only go forward? They become their steps. */
static bool goes_forward(double *v, size_t n, bool time) {
    bool whole = true;
    size_t rises = 0, steps = n - 1;
    if (n < LEAST_ROWS || !isfinite(v[0]))
        return false;
    for (size_t i = 0; i < steps; i++) {
        whole = whole && v[i] >= floor(v[i]) && v[i] <= floor(v[i]) && fabs(v[i + 1]) < 0x1p53;
        v[i] = v[i + 1] - v[i];
        rises += v[i] > 0;
        if (!(v[i] >= 0) || isinf(v[i]))
            return false;
    }
    return time ? rises > 0 : (whole && (double)rises >= RISES * (double)steps) || even(v, steps);
}

static bool whole_days(const double *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (v[i] / DAY > floor(v[i] / DAY))
            return false;
    return true;
}

/* What a time is told as that goes on for so many seconds. */
static unsigned cycles(double span, bool date) {
    return (!date && span >= TWICE * DAY ? SCHEMA_DAY : 0) | (span >= TWICE * WEEK ? SCHEMA_WEEK : 0) |
           (span >= TWICE * YEAR ? SCHEMA_YEAR : 0);
}

int scan_forward(const struct schema_scan *s, const struct scan_col *c, enum schema_kind *kind, unsigned *clock,
                 struct vae_err *err) {
    bool number = *kind == SCHEMA_NUMBER || *kind == SCHEMA_COUNT, time = *kind == SCHEMA_TIME, codes = c->mode == SCAN_CODES;
    bool epoch = time && c->all_numbers;
    *clock = 0;
    if (c->wish >= 0 || !(number || time) || !s->rows)
        return 0;
    double *v = mem_array(s->rows, sizeof *v), *of_code = codes ? mem_array(c->dict.n + 1, sizeof *of_code) : NULL;
    int r = v && (of_code || !codes) ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < c->dict.n && codes && !r; i++)
        of_code[i] = scan_value(c, c->dict.text[i], time && !epoch ? SCAN_TIMES : SCAN_NUMBERS);
    size_t n = r ? 0 : values(s, c, of_code, v);
    double first = n ? v[0] : 0, last = n ? v[n - 1] : 0;
    bool dates = !epoch && whole_days(v, n);
    if (n && goes_forward(v, n, time)) {
        double unit = epoch && last > 1e11 ? 1000 : 1; /* milliseconds */
        *clock = time ? cycles((last - first) / unit, dates) : 0;
        *kind = *clock ? *kind : SCHEMA_COUNTER;
    }
    free(v), free(of_code);
    return r;
}
