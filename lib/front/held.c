/*
 * held.c - the rows that windows and steps go back to as text, so that the next run goes on where this one stopped.
 *
 * Netstrings, one behind the other: what the windows are made of (rows, names of columns); then of each series, the last seen first,
 * its key, the number of its rows as far as it matters, of each value that steps are taken from the last one and its decimals, and the
 * cells of the rows that are held, the oldest row first. Cells are as they stood in the table. The model is no part of it: one that was
 * fitted anew to the same columns goes on.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "front/windows.h"

/* ---- writing --------------------------------------------------------------------------------------------- */

static int put_number(struct buf *out, double v, struct vae_err *err) {
    char text[NUM_MAX];
    return netstring_put(out, text, num_put_double(text, v), err);
}

static int put_name(struct buf *out, const struct vae_head *h, size_t field, struct vae_err *err) {
    const char *name = h->fields[field].name;
    return netstring_put(out, name, strlen(name), err);
}

/* What the windows are made of. */
static int put_form(const struct front *f, struct buf *out, struct vae_err *err) {
    const size_t number[] = {f->window, f->ngroup, f->nlag, f->nvalues};
    int r = 0;
    for (size_t i = 0; i < sizeof number / sizeof *number && !r; i++)
        r = put_number(out, (double)number[i], err);
    for (size_t i = 0; i < f->ngroup && !r; i++)
        r = put_name(out, f->head, f->group[i], err);
    for (size_t i = 0; i < f->nlag && !r; i++)
        r = put_name(out, f->head, f->lag[i], err);
    for (size_t i = 0; i < f->in->nfields && !r; i++)
        r = f->field[i].diff ? put_name(out, f->head, i, err) : 0;
    return r;
}

/* Rows of a series that are held: the last so many. */
static size_t held(const struct front *f, uint64_t rows) { return rows < f->window - 1 ? (size_t)rows : f->window - 1; }

static int put_series(const struct front *f, const struct series *s, struct buf *out, struct vae_err *err) {
    int r = netstring_put(out, s->key.p, s->key.n, err);
    r = r ? r : put_number(out, (double)(s->rows < f->need ? s->rows : f->need), err);
    for (size_t j = 0; j < f->nvalues && !r; j++) {
        r = put_number(out, s->last[j], err);
        r = r ? r : put_number(out, s->decimals[j], err);
    }
    for (size_t k = held(f, s->rows); k > 0 && !r; k--) {
        const struct series_row *row = &s->ring[(s->rows - k) % (f->window - 1)];
        for (size_t i = 0, from = 0; i < f->nlag && !r; from = row->end[i++])
            r = netstring_put(out, row->bytes.p + from, row->end[i] - from, err);
    }
    return r;
}

/* As many as there is room for, the last seen first; all of this run. */
static int put_all(const struct front *f, struct series *const *list, struct buf *out, struct vae_err *err) {
    int r = 0;
    for (size_t i = 0; i < f->series.n && !r; i++) {
        size_t before = out->n;
        r = list[i]->rows ? put_series(f, list[i], out, err) : 0;
        if (r || out->n <= FRONT_HELD_MAX)
            continue;
        out->n = before;
        if (list[i]->seen < 0)
            break;
        r = err_set(err, VAE_EDATA,
                    "the rows that windows go back to, of %zu series, are more than %d MiB, too many to keep for the next run; "
                    "fit a shorter --window, or a --group with fewer series",
                    f->series.n, FRONT_HELD_MAX >> 20);
    }
    return r;
}

int front_save(struct front *f, size_t done, struct buf *out, struct vae_err *err) {
    struct series **list = series_list(&f->series);
    for (size_t i = f->nchanges; i > done; i--) /* as it was before those rows */
        front_exchange(&f->change[i - 1], f->nvalues);
    int r = list ? put_form(f, out, err) : err_set(err, VAE_EOS, "out of memory for %zu series", f->series.n);
    r = r ? r : put_all(f, list, out, err);
    for (size_t i = done; i < f->nchanges; i++)
        front_exchange(&f->change[i], f->nvalues);
    free(list);
    return r;
}

/* ---- reading --------------------------------------------------------------------------------------------- */

static int bad(struct vae_err *err) { return err_set(err, VAE_EDATA, "what is kept of the rows before makes no sense"); }

/* A number; NaN where it is one or is none. */
static bool take_number(const char **at, const char *end, double *v) {
    size_t n;
    const char *p = netstring_take(at, end, &n);
    enum num_kind kind = p ? num_parse(p, n, v) : NUM_TEXT;
    if (kind == NUM_MISSING)
        *v = NAN;
    return kind != NUM_TEXT;
}

static bool take_int(const char **at, const char *end, int least, int most, int *out) {
    double v;
    bool ok = take_number(at, end, &v) && v >= least && v <= most && floor(v) >= v;
    *out = ok ? (int)v : 0;
    return ok;
}

static int take_series(struct front *f, const char **at, const char *end, struct vae_err *err) {
    size_t n;
    const char *p = netstring_take(at, end, &n);
    struct series *s = p ? series_find(&f->series, p, n, err) : NULL;
    int rows;
    if (!s)
        return p && err ? err->code : bad(err);
    if (s->rows || !take_int(at, end, 1, (int)f->need, &rows))
        return bad(err);
    for (size_t j = 0; j < f->nvalues; j++)
        if (!take_number(at, end, &s->last[j]) || !take_int(at, end, -1, FRONT_NUMBER, &s->decimals[j]))
            return bad(err);
    s->rows = (uint64_t)rows, s->seen = -(int64_t)f->series.n;
    for (size_t k = held(f, s->rows); k > 0; k--) {
        struct series_row *row = &s->ring[(s->rows - k) % (f->window - 1)];
        for (size_t i = 0; i < f->nlag; i++) {
            size_t item = f->field[f->lag[i]].item;
            p = netstring_take(at, end, &n);
            int r = p && (!item || n == item) ? series_row_put(row, f->nlag, i, p, n, err) : bad(err);
            if (r)
                return r;
        }
    }
    return 0;
}

int front_load(struct front *f, const char *p, size_t n, struct vae_err *err) {
    struct buf form = {0};
    int r = put_form(f, &form, err);
    bool same = !r && form.n <= n && !memcmp(form.p, p, form.n);
    const char *at = same ? p + form.n : p;
    buf_free(&form);
    while (same && !r && at < p + n)
        r = take_series(f, &at, p + n, err);
    return r ? r : same;
}
