/* drift.c - see drift.h. */
#include "score/drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "score/score.h"

enum { PARTS = TENTHS_EDGES + 1, GROUPS = 10 };
static const double CHANCE = 0.001; /* of any column's drift where there is none */

enum { NOW, BEFORE, WINDOWS }; /* see drift.h */

struct tally {
    uint64_t part[PARTS], missing;
};

struct column {
    const struct schema_col *col;
    const struct cells *cells; /* NULL: tenths */
    unsigned char *part;       /* [cells->n] */
    bool ordered;
    size_t n;                  /* parts */
    double share[PARTS];       /* of the fitted rows with a value */
    struct tally tally[WINDOWS];
};

struct drift {
    size_t n, d;
    double rows; /* of the fit */
    const char *model; /* id */
    uint64_t seen[WINDOWS];
    struct column *column;
};

void drift_free(struct drift *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->column[i].part);
    free(s->column);
    free(s);
}

/* The share of cell i among the rows that have a value. */
static double cell_share(const struct cells *c, size_t i) {
    double all = 0;
    if (c->blank && i == c->n - 1)
        return 0;
    for (size_t k = 0; k < c->n; k++)
        all += c->blank && k == c->n - 1 ? 0 : c->weight[k] * c->share[c->level[k]];
    return all > 0 ? c->weight[i] * c->share[c->level[i]] / all : 0;
}

/* How many cells are commoner; of equals the first counts as commoner. */
static size_t rank(const double *share, size_t n, size_t i) {
    size_t more = 0;
    for (size_t k = 0; k < n && more < GROUPS; k++)
        more += share[k] > share[i] || (!(share[k] < share[i]) && k < i);
    return more;
}

/* Cells to parts: in order, a part being full at a tenth; or the commonest a part each. */
static int group_cells(struct column *c, struct vae_err *err) {
    const struct cells *cells = c->cells;
    double *share = mem_array(cells->n, sizeof *share), full = 0;
    c->part = mem_array(cells->n, 1);
    if (!share || !c->part) {
        free(share);
        return err_set(err, VAE_EOS, "out of memory");
    }
    for (size_t i = 0; i < cells->n; i++)
        share[i] = cell_share(cells, i);
    c->n = 1;
    for (size_t i = 0; i < cells->n; i++) {
        size_t at = c->n - 1;
        if (!c->ordered)
            at = rank(share, cells->n, i) < GROUPS - 1 ? rank(share, cells->n, i) : GROUPS - 1;
        else if (full > 0 && full + share[i] > 1.0 / GROUPS + 1e-9 && c->n < GROUPS)
            at++, full = 0;
        full += share[i];
        c->part[i] = (unsigned char)at;
        c->share[at] += share[i];
        c->n = at + 1 > c->n ? at + 1 : c->n;
    }
    free(share);
    return 0;
}

static bool watched(const struct schema *s, const struct schema_col *col) {
    return col->width == 1 && col->kind != SCHEMA_TIME && (s->cells[col->v0].n || col->tenths.n);
}

static int set_column(struct column *c, const struct schema *s, const struct schema_col *col, struct vae_err *err) {
    c->col = col;
    c->ordered = col->kind != SCHEMA_CATEGORY && col->kind != SCHEMA_BINARY;
    if (s->cells[col->v0].n) {
        c->cells = &s->cells[col->v0];
        return group_cells(c, err);
    }
    c->n = col->tenths.n + 1;
    for (size_t i = 0; i < c->n; i++)
        c->share[i] = col->tenths.share[i];
    return 0;
}

struct drift *drift_new(const struct vae_model *m, struct vae_err *err) {
    const struct schema *s = m->schema;
    struct drift *w = mem_array(1, sizeof *w);
    err->code = 0;
    if (!w || !(w->column = mem_array(s->ncols, sizeof *w->column))) {
        err_set(err, VAE_EOS, "out of memory");
        drift_free(w);
        return NULL;
    }
    w->d = s->d, w->rows = (double)s->rows, w->model = m->id;
    for (size_t c = 0; c < s->ncols && s->rows && !err->code; c++)
        if (watched(s, &s->col[c]))
            set_column(&w->column[w->n++], s, &s->col[c], err);
    if (w->n && !err->code)
        return w;
    drift_free(w);
    return NULL;
}

void drift_add(struct drift *w, const double *raw, const float *x, size_t n) {
    for (size_t k = 0; k < w->n; k++) {
        struct column *c = &w->column[k];
        struct tally *t = &c->tally[NOW];
        size_t j = c->col->v0;
        for (size_t i = 0; i < n; i++) {
            double v = raw[i * w->d + j];
            if (isnan(v))
                t->missing++;
            else
                t->part[c->cells ? c->part[cells_at(c->cells, x[i * w->d + j])] : tenths_part(&c->col->tenths, v)]++;
        }
    }
    w->seen[NOW] += n;
}

/* The value that the chi-square distribution stays below but for a chance p; by the cube root (Wilson & Hilferty 1931). */
static double chi_square(double df, double p) {
    double z = score_half_normal(1 - 2 * p), t = 1 - 2 / (9 * df) + z * sqrt(2 / (9 * df));
    return df * t * t * t;
}

uint64_t drift_rows(const struct drift *w) { return w->seen[NOW] + (w->seen[NOW] < DRIFT_ROWS ? w->seen[BEFORE] : 0); }

/* What is told of: as many rows. */
static struct tally told(const struct drift *w, const struct column *c) {
    struct tally t = c->tally[NOW];
    for (size_t k = 0; k < c->n && w->seen[NOW] < DRIFT_ROWS; k++)
        t.part[k] += c->tally[BEFORE].part[k];
    t.missing += w->seen[NOW] < DRIFT_ROWS ? c->tally[BEFORE].missing : 0;
    return t;
}

static double largest_gap(const struct column *c, const struct tally *t, double present) {
    double seen = 0, fitted = 0, most = 0;
    for (size_t i = 0; i < c->n; i++) {
        seen += (double)t->part[i] / present, fitted += c->share[i];
        most = fmax(most, fabs(seen - fitted));
    }
    return most;
}

bool drift_column(const struct drift *w, size_t i, struct vae_drift *out) {
    if (i >= w->n)
        return false;
    const struct column *c = &w->column[i];
    const struct tally t = told(w, c);
    double n = (double)drift_rows(w), lost = c->col->missing_share, gone = n > 0 ? (double)t.missing / n : 0;
    bool blanks = lost > 0 || t.missing;
    double parts = (double)c->n + blanks, psi = 0;
    *out = (struct vae_drift){.column = c->col->name, .missing = n > 0 ? gone : NAN, .missing_fit = lost, .ks = NAN, .psi = NAN};
    if (!(n > 0))
        return true;
    for (size_t k = 0; k < c->n + blanks; k++) {
        double count = k < c->n ? (double)t.part[k] : (double)t.missing;
        double share = k < c->n ? c->share[k] * (1 - lost) : lost;
        double a = (count + 0.5) / (n + parts / 2), e = (share * w->rows + 0.5) / (w->rows + parts / 2);
        psi += (a - e) * log(a / e);
    }
    double unit = 1 / n + 1 / w->rows, df = parts - 1;
    out->psi = psi;
    if (df > 0 && psi > unit * chi_square(df, CHANCE / (double)w->n))
        out->drift = psi - unit * df;
    if (c->ordered && n > (double)t.missing)
        out->ks = largest_gap(c, &t, n - (double)t.missing);
    return true;
}

/* ---- from run to run ----------------------------------------------------------------------------------------- */

static bool put(json_t *a, uint64_t v) { return json_array_append_new(a, json_integer((json_int_t)v)) == 0; }

/* [rows, and of each column: missing, parts ...] */
static json_t *save_window(const struct drift *w, int of) {
    json_t *a = json_array();
    bool good = a && put(a, w->seen[of]);
    for (size_t k = 0; k < w->n; k++) {
        const struct tally *t = &w->column[k].tally[of];
        good = good && put(a, t->missing);
        for (size_t i = 0; i < w->column[k].n; i++)
            good = good && put(a, t->part[i]);
    }
    if (!good)
        json_decref(a);
    return good ? a : NULL;
}

json_t *drift_save(const struct drift *w) {
    bool full = w->seen[NOW] >= DRIFT_ROWS;
    json_t *j = json_pack("{s:s, s:o}", "model", w->model, "before", save_window(w, full ? NOW : BEFORE));
    if (j && !full && json_object_set_new(j, "now", save_window(w, NOW))) {
        json_decref(j);
        return NULL;
    }
    return j;
}

static bool get(const json_t *a, size_t *at, uint64_t *v) {
    const json_t *j = json_array_get(a, (*at)++);
    *v = (uint64_t)json_integer_value(j);
    return json_is_integer(j) && json_integer_value(j) >= 0 && *v < UINT64_C(1) << 53;
}

static bool load_window(struct drift *w, int of, const json_t *a) {
    size_t at = 0;
    bool good = get(a, &at, &w->seen[of]);
    for (size_t k = 0; k < w->n; k++) {
        struct tally *t = &w->column[k].tally[of];
        good = good && get(a, &at, &t->missing);
        uint64_t all = t->missing;
        for (size_t i = 0; i < w->column[k].n; i++) {
            good = good && get(a, &at, &t->part[i]);
            all += t->part[i];
        }
        good = good && all == w->seen[of];
    }
    return good && at == json_array_size(a);
}

int drift_load(struct drift *w, const json_t *j, struct vae_err *err) {
    const char *model = json_string_value(json_object_get(j, "model"));
    const json_t *now = json_object_get(j, "now");
    if (!j || (model && strcmp(model, w->model)))
        return 0;
    if (model && load_window(w, BEFORE, json_object_get(j, "before")) && (!now || load_window(w, NOW, now)))
        return 0;
    return err_set(err, VAE_EDATA, "what is kept of the drift so far makes no sense");
}
