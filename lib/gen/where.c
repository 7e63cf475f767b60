/*
 * where.c - conditions as users write them:  age>=60,sex=F,"odd, name"!='b c'
 *
 * condition = name op value, joined by commas; op is one of = == != < <= > >=; a name or value with a comma, an operator
 * or blanks at its ends stands in single or double quotes. Several conditions on one column must all hold.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rng.h"
#include "gen/gen.h"
#include "schema/time.h"

enum op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE };
static const struct {
    const char *text;
    enum op op;
} ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE}, {"=", OP_EQ}, {"<", OP_LT}, {">", OP_GT}};

struct word {
    const char *p;
    size_t n;
};

void gen_where_free(struct gen_where *w) {
    for (size_t j = 0; w->value && j < w->d; j++)
        free(w->value[j].set);
    free(w->value), free(w->order), free(w->now), free(w->told);
    *w = (struct gen_where){0};
}

/* A word up to one of the bytes in `stop`, or a quoted one; blanks around it are passed over. NULL: no end quote. */
static const char *take_word(const char *p, const char *stop, struct word *w) {
    while (isspace((unsigned char)*p))
        p++;
    if (*p == '"' || *p == '\'') {
        const char *end = strchr(p + 1, *p);
        *w = (struct word){p + 1, end ? (size_t)(end - p - 1) : 0};
        p = end ? end + 1 : NULL;
        while (p && isspace((unsigned char)*p))
            p++;
        return p;
    }
    *w = (struct word){p, strcspn(p, stop)};
    p += w->n;
    while (w->n && isspace((unsigned char)w->p[w->n - 1]))
        w->n--;
    return p;
}

static bool same_name(const char *column, struct word name) {
    return strlen(column) == name.n && !memcmp(column, name.p, name.n);
}

/* "'age', 'sex' and 5 more", the columns that conditions can be on. */
static const char *column_names(const struct schema *s, char *out, size_t size) {
    size_t at = 0;
    *out = 0;
    for (size_t c = 0; c < s->ncols; c++) {
        char name[40];
        err_quote(name, sizeof name, s->col[c].name, strlen(s->col[c].name));
        if (at + strlen(name) + sizeof ", '' and 12345 more" > size) {
            snprintf(out + at, size - at, " and %zu more", s->ncols - c);
            break;
        }
        at += (size_t)snprintf(out + at, size - at, "%s'%s'", c ? ", " : "", name);
    }
    return out;
}

static int find_column(const struct schema *s, struct word name, struct vae_err *err) {
    char text[80], names[140];
    for (size_t c = 0; c < s->ncols; c++)
        if (same_name(s->col[c].name, name))
            return (int)c;
    err_quote(text, sizeof text, name.p, name.n);
    for (size_t c = 0; c < s->nkeep; c++)
        if (same_name(s->keep[c], name))
            return err_set(err, VAE_EUSAGE, "--where: column '%s' is carried, not modelled", text);
    return err_set(err, VAE_EUSAGE, "--where: the model has no column '%s'; there are %s", text,
                   column_names(s, names, sizeof names));
}

/* Is the value, or the level, a cell of its own? */
static bool is_atom(const struct cells *cells, double v) {
    if (!cells->n)
        return false;
    size_t i = cells_at(cells, cells_x(cells, v));
    return !(cells->high[i] > cells->low[i]);
}

/* Which cells go on being allowed: those of the value, or with OP_NE all others. */
static int narrow_set(struct gen_condition *c, const struct cells *cells, double code, enum op op, struct vae_err *err) {
    bool fresh = !c->set;
    if (fresh)
        c->set = mem_array(cells->n, sizeof *c->set);
    if (!c->set)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < cells->n; i++) {
        bool blank = cells->blank && i + 1 == cells->n;
        bool is = isnan(code) ? blank : !blank && cells->low[i] == code;
        c->set[i] = (fresh || c->set[i]) && is == (op == OP_EQ);
    }
    return 0;
}

/* A bound between two numbers that can be written, of so many decimals: the first or last of these that meets it; INFINITY where
 * an equal one is asked for. */
static double to_grid(double v, int decimals, enum op op) {
    static const double slack = 1e-9; /* of a step: what decimal fractions are off as doubles */
    double unit = pow(10, decimals), steps = v * unit, near = nearbyint(steps);
    if (!isfinite(steps) || fabs(steps - near) <= slack * fmax(1, fabs(steps) * 1e-6))
        return v;
    return op == OP_EQ ? INFINITY : (op == OP_GE || op == OP_LT ? ceil(steps) : floor(steps)) / unit;
}

/* The number as written stands for all that is rounded to it, a date for its day, which is rounded down to. */
static void narrow_range(struct gen_condition *c, const struct schema_col *col, double v, enum op op) {
    if (!col->levels.n && col->kind != SCHEMA_TIME && col->decimals >= 0)
        v = to_grid(v, col->decimals, op);
    static const double edge = 1e-6; /* of a step: so near to the next value nothing is drawn */
    bool day = col->kind == SCHEMA_TIME;
    double half = col->levels.n ? 0.5 : col->decimals >= 0 ? 0.5 * pow(10, -col->decimals) : 0, in = half * (1 - edge),
           out = half * (1 + edge), from = day ? v : v - in, to = day ? v + 1 - edge : v + in,
           below = day ? v - edge : out > 0 ? v - out : nextafter(v, -INFINITY),
           above = day ? v + 1 : out > 0 ? v + out : nextafter(v, INFINITY),
           low = op == OP_GE || op == OP_EQ ? from : op == OP_GT ? above : -INFINITY,
           high = op == OP_LE || op == OP_EQ ? to : op == OP_LT ? below : INFINITY;
    c->low = low > c->low ? low : c->low;
    c->high = high < c->high ? high : c->high;
}

/* A date is a time for every column of times, whatever those are written as. */
static bool get_date(const struct schema_col *col, struct word value, double raw[2]) {
    struct time_point t;
    bool date = col->kind == SCHEMA_TIME && time_parse(value.p, value.n, &t) && *t.style == 'd';
    if (date)
        raw[0] = t.day, raw[1] = 0;
    return date;
}

/* Times are drawn by their day: a condition with a time of the day allows the days that meet it whole. */
static int whole_days(const char *title, double second, enum op *op, struct vae_err *err) {
    if (*op == OP_EQ)
        return err_set(err, VAE_EUSAGE, "--where: times of '%s' are equal by the day (2024-02-29); else use >= and <=",
                       title);
    if (*op == OP_LE)
        *op = OP_LT;
    if (*op == OP_GE && second > 0)
        *op = OP_GT;
    return 0;
}

static int condition(struct gen_where *w, const struct vae_model *m, struct word name, enum op op, struct word value,
                     struct vae_err *err) {
    const struct schema *s = m->schema;
    int c = find_column(s, name, err);
    if (c < 0)
        return c;
    const struct schema_col *col = &s->col[c];
    struct gen_condition *cond = &w->value[col->v0];
    const struct cells *cells = &s->cells[col->v0];
    double raw[2] = {NAN, NAN};
    bool unknown = false, level = col->levels.n > 0;
    char text[80], title[80];
    err_quote(text, sizeof text, value.p, value.n);
    err_quote(title, sizeof title, col->name, strlen(col->name));
    bool date = get_date(col, value, raw);
    if (!date && (col->width > 2 || schema_get_cell(s, (size_t)c, value.p, value.n, raw, &unknown, err)))
        return err_set(err, VAE_EUSAGE, "--where: '%s' is no value of column '%s'", text, title);
    if (unknown)
        return err_set(err, VAE_EUSAGE, "--where: '%s' is no level of column '%s'; vae-info --schema lists them", text,
                       title);
    if (isnan(raw[0]) && col->blank_share > 0 && (op == OP_EQ || op == OP_NE)) {
        cond->gone = cond->gone || op == OP_EQ;
        cond->there = cond->there || op == OP_NE;
        return 0;
    }
    if (isnan(raw[0]) && !(cells->n && cells->blank && (op == OP_EQ || op == OP_NE)))
        return err_set(err, VAE_EUSAGE, "--where: column '%s' is never missing in this model", title);
    if (op == OP_NE && !isnan(raw[0]) && !is_atom(cells, raw[0]))
        return err_set(err, VAE_EUSAGE, "--where: != is for levels and for numbers that repeat; in '%s' it is neither",
                       title);
    if (col->kind == SCHEMA_TIME && col->width == 2 && !date && !isnan(raw[0]) && whole_days(title, raw[1], &op, err))
        return VAE_EUSAGE;
    cond->on = true;
    if ((level && (op == OP_EQ || op == OP_NE)) || op == OP_NE || isnan(raw[0]))
        return narrow_set(cond, cells, raw[0], op, err);
    if (level && col->kind != SCHEMA_ORDINAL)
        return err_set(err, VAE_EUSAGE, "--where: the levels of '%s' have no order: = or != it is", title);
    narrow_range(cond, col, raw[0], op);
    return 0;
}

static int parse(struct gen_where *w, const struct vae_model *m, const char *p, struct vae_err *err) {
    for (;;) {
        struct word name, value;
        size_t k = 0, nops = sizeof ops / sizeof *ops;
        p = take_word(p, "=!<>,", &name);
        while (p && k < nops && strncmp(p, ops[k].text, strlen(ops[k].text)) != 0)
            k++;
        if (!p || k == nops || !name.n)
            return err_set(err, VAE_EUSAGE, "--where: expected COLUMN=VALUE (or != < <= > >=), conditions joined by commas");
        p = take_word(p + strlen(ops[k].text), ",", &value);
        if (!p || (*p && *p != ','))
            return err_set(err, VAE_EUSAGE, "--where: a quote has no end, or text stands behind it");
        int r = condition(w, m, name, ops[k].op, value, err);
        if (r || !*p++)
            return r;
    }
}

/* Is there anything left that meets all conditions on a value? */
static int check(const struct gen_where *w, const struct vae_model *m, struct vae_err *err) {
    for (size_t j = 0; j < w->d; j++) {
        const struct gen_condition *c = &w->value[j];
        const struct cells *cells = &m->schema->cells[j];
        const struct cells_part part = {c->low, c->high, c->set};
        double least = m->schema->stats.low[j], most = m->schema->stats.high[j];
        bool any = !cells->n && c->low <= c->high && !(c->low > most) && !(c->high < least);
        for (size_t i = 0; i < cells->n; i++)
            any = any || (cells->weight[i] > 0 && cells_share(cells, i, &part) > 0);
        if (!any || (c->gone && (c->on || c->there)))
            return err_set(err, VAE_EUSAGE, "--where: no value of column '%s' meets the conditions",
                           m->schema->col[m->feature[j].column].name);
    }
    return 0;
}

/* Columns with conditions first, each part in the order of the chain. */
static void put_in_order(struct gen_where *w, const struct vae_model *m) {
    const struct schema *s = m->schema;
    size_t n = 0;
    for (int first = 1; first >= 0; first--) {
        for (size_t g = 0; g < m->ngroups; g++)
            for (size_t c = g; c < s->ncols; c += m->ngroups) {
                bool on = false;
                if (s->col[c].condition)
                    continue;
                for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
                    on = on || w->value[j].on;
                if (on == (first == 1))
                    w->order[n++] = c;
            }
        w->nfirst = first ? n : w->nfirst;
    }
    w->norder = n;
}

int gen_where_parse(struct gen_where *w, const struct vae_model *m, size_t workers, char *const *text, size_t n,
                    struct vae_err *err) {
    const struct schema *s = m->schema;
    *w = (struct gen_where){.d = s->d, .ncols = s->ncols};
    w->value = mem_array(s->d, sizeof *w->value);
    w->order = mem_array(s->ncols, sizeof *w->order);
    w->now = mem_array(workers * s->ncols, sizeof *w->now);
    if (!w->value || !w->order || !w->now)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t j = 0; j < s->d; j++)
        w->value[j].low = -INFINITY, w->value[j].high = INFINITY;
    int r = 0;
    for (size_t i = 0; i < n && !r; i++)
        r = parse(w, m, text[i], err);
    if (!r && n)
        r = check(w, m, err);
    if (!r)
        put_in_order(w, m);
    return r ? r : gen_tell_prepare(w, m, err);
}

int gen_where_told_only(const struct gen_where *w, const struct vae_model *m, const char *what, struct vae_err *err) {
    if (!w->nfirst)
        return 0;
    char name[80];
    const char *column = m->schema->col[w->order[0]].name;
    return err_set(err, VAE_EUSAGE, "%s: --where may speak of the model's conditions (vae-fit -c) only, and '%s' is none", what,
                   err_quote(name, sizeof name, column, strlen(column)));
}

void gen_where_hold(const struct gen_where *w, size_t n, double *raw) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < w->d; j++) {
            const struct gen_condition *c = &w->value[j];
            double *v = &raw[i * w->d + j];
            if (c->on && *v < c->low)
                *v = c->low;
            else if (c->on && *v > c->high)
                *v = c->high;
        }
}

void gen_where_blank(const struct gen_where *w, const struct schema *s, uint64_t seed, const uint64_t *rows, size_t n,
                     double *raw) {
    for (size_t c = 0; c < s->ncols; c++) {
        const struct schema_col *col = &s->col[c];
        const struct gen_condition *cond = &w->value[col->v0];
        for (size_t i = 0; i < n && (cond->gone || (col->blank_share > 0 && !cond->on && !cond->there)); i++) {
            double u;
            rng_uniform(&u, 1, seed, RNG_BLANK, c, rows[i]);
            for (size_t j = col->v0; j < col->v0 + col->width && (cond->gone || u < col->blank_share); j++)
                raw[i * s->d + j] = NAN;
        }
    }
}

int gen_where_no_blank(struct gen_where *w, const struct vae_model *m, struct vae_err *err) {
    for (size_t j = 0; j < w->d; j++) {
        const struct cells *cells = &m->schema->cells[j];
        if (cells->n && cells->blank && narrow_set(&w->value[j], cells, NAN, OP_NE, err))
            return VAE_EOS;
    }
    return 0;
}
