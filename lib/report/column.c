/* column.c - columns by name, and their cells. */
#include "report/column.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "schema/cell.h"

/* What its values are called, with a number behind where it has several. */
static const char *base_name(const struct vae_head *h, const struct rec_field *f) {
    return !strcmp(h->kind, "latent") && f->ndim && !strcmp(f->name, "mu") ? "z" : f->name;
}

/* "'species', 'z1'..'z7'", as it fits. Returns out. */
static char *names(const struct vae_head *h, char *out, size_t size) {
    size_t at = 0;
    *out = 0;
    for (size_t j = 0; j < h->nfields; j++) {
        const struct rec_field *f = &h->fields[j];
        char name[COLUMN_NAME], one[2 * COLUMN_NAME];
        column_name(h, &(struct column){j, 0}, name);
        int n = snprintf(one, sizeof one, "%s'%s'", j ? ", " : "", name);
        if (f->width > 1)
            n += snprintf(one + n, sizeof one - (size_t)n, "..'%s'",
                          column_name(h, &(struct column){j, f->width - 1}, name));
        if (at + (size_t)n + 24 > size) {
            snprintf(out + at, size - at, " and %zu more", h->nfields - j);
            break;
        }
        at += (size_t)snprintf(out + at, size - at, "%s", one);
    }
    return out;
}

int column_find(const struct vae_head *h, const char *name, struct column *c, struct vae_err *err) {
    for (size_t j = 0; j < h->nfields; j++) {
        const struct rec_field *f = &h->fields[j];
        const char *base = base_name(h, f), *digits = name + strlen(base);
        *c = (struct column){.field = j};
        if (!f->ndim && !strcmp(name, base))
            return 0;
        if (!f->ndim || strncmp(name, base, strlen(base)) || *digits < '1' || *digits > '9' || strlen(digits) > 9)
            continue;
        char *end;
        c->at = (size_t)strtoul(digits, &end, 10) - 1;
        if (!*end && c->at < f->width)
            return 0;
    }
    char wanted[64], there[160];
    return err_set(err, VAE_EUSAGE, "no column '%s'; there are %s",
                   err_quote(wanted, sizeof wanted, name, strlen(name)), names(h, there, sizeof there));
}

char *column_name(const struct vae_head *h, const struct column *c, char out[COLUMN_NAME]) {
    const struct rec_field *f = &h->fields[c->field];
    const char *base = base_name(h, f);
    err_quote(out, COLUMN_NAME - 24, base, strlen(base));
    if (f->ndim)
        snprintf(out + strlen(out), 24, "%zu", c->at + 1);
    return out;
}

double column_number(const struct vae_head *h, const struct column *c, const struct vae_batch *b, size_t i,
                     bool *text) {
    const struct rec_field *f = &h->fields[c->field];
    double v = NAN;
    if (f->type != REC_UTF8) {
        v = rec_number(&b->cols[c->field], f->type, i * f->width + c->at);
        return isfinite(v) ? v : NAN;
    }
    char plain[CELL_PLAIN];
    size_t n;
    const char *p = cell_text(&b->cols[c->field], i, b->quoted, plain, &n);
    enum num_kind kind = num_parse(p, n, &v);
    if (kind == NUM_TEXT && text)
        *text = true;
    return kind == NUM_NUMBER ? v : NAN;
}

void column_text(const struct vae_head *h, const struct column *c, const struct vae_batch *b, size_t i, char *out,
                 size_t size) {
    const struct rec_field *f = &h->fields[c->field];
    char plain[CELL_PLAIN];
    size_t n;
    const char *p = plain;
    if (f->type == REC_UTF8) {
        double v;
        p = cell_text(&b->cols[c->field], i, b->quoted, plain, &n);
        n = num_parse(p, n, &v) == NUM_MISSING ? 0 : n;
    } else {
        double v = column_number(h, c, b, i, NULL);
        n = isnan(v) ? 0 : f->type == REC_F32 ? num_put_float(plain, (float)v) : num_put_double(plain, v);
    }
    err_quote(out, size, p, n);
}
