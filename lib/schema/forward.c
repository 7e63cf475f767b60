/*
 * forward.c - columns that only ever go forward: every value to come lies beyond those that were learnt, so a model of them
 * would find all new rows odd.
 *
 *   counter   numbers that never fall in the order of the rows, 100 of them or more, and are whole and rise at 95 % of the rows
 *             (ids, epochs, totals), or rise by steps of one size (9 of 10 within a tenth of the median: a clock of its own).
 *             A table that somebody sorted by a measured column has neither: its steps are of all sizes, or it repeats.
 *   clock     times that never fall, 100 or more: the nets are told where in the day, the week and the year a row stands, of
 *             these the ones that the rows went through twice. A clock of which nothing is told is a counter.
 *
 * Where records are windows, what is before a row is what its window has there: the row before in its own series.
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

/* A column as numbers: its values, or those of its codes. */
struct view {
    size_t first;
    double *of_code; /* NULL: values */
};

static int look(const struct scan_col *c, enum scan_mode mode, struct view *v, struct vae_err *err) {
    *v = (struct view){.first = c->first};
    if (c->mode != SCAN_CODES)
        return 0;
    v->of_code = mem_array(c->dict.n + 1, sizeof *v->of_code);
    for (size_t i = 0; i < c->dict.n && v->of_code; i++)
        v->of_code[i] = scan_value(c, c->dict.text[i], mode);
    return v->of_code ? 0 : err_set(err, VAE_EOS, "out of memory");
}

static double at(const struct schema_scan *s, const struct view *v, size_t row) {
    double x = s->raw[row * s->stride + v->first];
    return v->of_code && !isnan(x) ? v->of_code[(size_t)x] : x;
}

/* What the rows hold, missing ones left out. */
struct walk {
    size_t n;          /* steps: from row to row; of windows from the row before in its series */
    double *step;      /* [rows] */
    double low, high;  /* of the values */
    bool whole, dates; /* whole numbers; whole days, if they are seconds */
};

static bool is_whole(double v) { return v >= floor(v) && v <= floor(v); }

static void walk_on(const struct schema_scan *s, const struct view *now, const struct view *before, struct walk *w) {
    double last = NAN;
    for (size_t i = 0; i < s->rows; i++) {
        double v = at(s, now, i), was = before ? at(s, before, i) : last;
        if (isnan(v))
            continue;
        last = v;
        w->low = fmin(w->low, v), w->high = fmax(w->high, v);
        w->whole = w->whole && is_whole(v) && fabs(v) < 0x1p53;
        w->dates = w->dates && is_whole(v / DAY);
        if (!isnan(was))
            w->step[w->n++] = v - was;
    }
}

/* The same column one row before, where records are windows. */
static const struct scan_col *row_before(const struct schema_scan *s, const struct scan_col *c) {
    for (size_t k = 0; k < s->ncols; k++)
        if (s->col[k].now == c && s->head->fields[s->col[k].field].lag == 1)
            return &s->col[k];
    return NULL;
}

static bool goes_forward(struct walk *w, bool time) {
    size_t rises = 0;
    if (w->n + 1 < LEAST_ROWS)
        return false;
    for (size_t i = 0; i < w->n; i++) {
        rises += w->step[i] > 0;
        if (!(w->step[i] >= 0) || isinf(w->step[i]))
            return false;
    }
    return time ? rises > 0 : (w->whole && (double)rises >= RISES * (double)w->n) || even(w->step, w->n);
}

/* What a time is told as that goes on for so many seconds. */
static unsigned cycles(double span, bool date) {
    return (!date && span >= TWICE * DAY ? SCHEMA_DAY : 0) | (span >= TWICE * WEEK ? SCHEMA_WEEK : 0) |
           (span >= TWICE * YEAR ? SCHEMA_YEAR : 0);
}

int scan_forward(const struct schema_scan *s, const struct scan_col *c, enum schema_kind *kind, unsigned *clock, double *pace,
                 struct vae_err *err) {
    bool number = *kind == SCHEMA_NUMBER || *kind == SCHEMA_COUNT, time = *kind == SCHEMA_TIME, epoch = time && c->all_numbers;
    enum scan_mode mode = time && !epoch ? SCAN_TIMES : SCAN_NUMBERS;
    const struct scan_col *back = row_before(s, c);
    struct view now = {0}, before = {0};
    struct walk w = {.low = INFINITY, .high = -INFINITY, .whole = true, .dates = !epoch};
    *clock = 0, *pace = 0;
    if (c->wish >= 0 || !(number || time) || !s->rows)
        return 0;
    int r = look(c, mode, &now, err);
    r = r || !back ? r : look(back, mode, &before, err);
    w.step = r ? NULL : mem_array(s->rows, sizeof *w.step);
    if (w.step)
        walk_on(s, &now, back ? &before : NULL, &w);
    else
        r = r ? r : err_set(err, VAE_EOS, "out of memory");
    if (w.step && goes_forward(&w, time)) {
        double unit = epoch && w.high > 1e11 ? 1000 : 1; /* milliseconds */
        *clock = time ? cycles((w.high - w.low) / unit, w.dates) : 0;
        *kind = *clock ? *kind : SCHEMA_COUNTER;
        qsort(w.step, w.n, sizeof *w.step, by_value);
        *pace = back ? w.step[w.n / 2] / unit : 0;
    }
    free(w.step), free(now.of_code), free(before.of_code);
    return r;
}
