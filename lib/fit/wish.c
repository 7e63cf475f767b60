/*
 * wish.c - what users say about columns: the options, and a schema file, which is a table column,kind,likelihood,levels as
 * vae_model_schema() gives it; its cells may be empty.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"
#include "stream/format.h"

enum { NCOLS = 4 };

void fit_wishes_free(struct fit_wishes *w) {
    for (size_t i = 0; i < w->n; i++)
        free(w->text[i]);
    free(w->text), free(w->lik), free(w->as), free(w->levels);
    *w = (struct fit_wishes){0};
}

/* One more pointer at the end of list[n]. */
static int append(char ***list, size_t *n, char *text, struct vae_err *err) {
    char **more = realloc(*list, (*n + 1) * sizeof *more);
    if (!more)
        return err_set(err, VAE_EOS, "out of memory");
    *list = more;
    more[(*n)++] = text;
    return 0;
}

/* "name=value" at the end of list, owned by w->text; nothing for an empty value. */
static int add(struct fit_wishes *w, const struct buf *name, const struct buf *value, char ***list, size_t *n,
               struct vae_err *err) {
    size_t bytes = name->n + 1 + value->n;
    if (!value->n)
        return 0;
    char *text = mem_array(bytes + 1, 1);
    if (!text || append(&w->text, &w->n, text, err)) {
        free(text);
        return err_set(err, VAE_EOS, "out of memory");
    }
    memcpy(text, name->p, name->n);
    text[name->n] = '=';
    memcpy(text + name->n + 1, value->p, value->n);
    return append(list, n, text, err);
}

/* The text of a cell, without quotes and the blanks around it. */
static int take_cell(const struct vae_batch *b, size_t col, size_t row, struct buf *out, struct vae_err *err) {
    size_t n;
    const char *p = rec_cell(&b->cols[col], row, &n);
    out->n = 0;
    int r = buf_reserve(out, n + 1, err);
    if (r)
        return r;
    out->n = b->quoted ? rec_unquote(p, n, out->p) : n;
    if (!b->quoted)
        memcpy(out->p, p, n);
    while (out->n && (out->p[out->n - 1] == ' ' || out->p[out->n - 1] == '\t'))
        out->n--;
    n = 0;
    while (n < out->n && (out->p[n] == ' ' || out->p[n] == '\t'))
        n++;
    memmove(out->p, out->p + n, out->n -= n);
    return 0;
}

static int add_row(struct fit_wishes *w, const struct vae_batch *b, size_t row, struct buf cell[NCOLS],
                   struct vae_err *err) {
    int r = 0;
    for (size_t i = 0; i < NCOLS && !r; i++)
        r = take_cell(b, i, row, &cell[i], err);
    if (!r && !cell[0].n)
        r = err_set(err, VAE_EDATA, "a row names no column");
    if (!r)
        r = add(w, &cell[0], &cell[1], &w->as, &w->wish.nas, err);
    if (!r)
        r = add(w, &cell[0], &cell[2], &w->lik, &w->nlik, err);
    return r ? r : add(w, &cell[0], &cell[3], &w->levels, &w->wish.nlevels, err);
}

static int read_file(struct fit_wishes *w, const char *path, struct vae_err *err) {
    static char names[NCOLS][12] = {"column", "kind", "likelihood", "levels"};
    char *const columns[NCOLS] = {names[0], names[1], names[2], names[3]};
    const struct stream_want want = {.n = NCOLS, .names = columns};
    const struct vae_in_opts opts = {.format = "csv", .delim = ',', .header = 1};
    struct buf cell[NCOLS] = {{0}};
    struct vae_err own = {0};
    const struct vae_batch *b;
    char *name = (char *)(uintptr_t)path;
    struct vae_in *in = stream_in_open(&name, 1, &opts, &want, &own);
    int n = 0, r = in ? 0 : own.code;
    while (!r && (n = vae_in_next(in, &b, &own))) {
        r = n < 0 ? n : 0;
        for (size_t i = 0; !r && i < b->rows; i++)
            if ((r = add_row(w, b, i, cell, &own)))
                err_prefix(&own, "%s", vae_in_where(in, i));
    }
    vae_in_free(in);
    for (size_t i = 0; i < NCOLS; i++)
        buf_free(&cell[i]);
    if (r && err)
        *err = own;
    return r == VAE_EROW ? VAE_EDATA : r;
}

/* A kind that is said by an option leaves the file's likelihood of that column without ground. */
static void drop_likelihood(struct fit_wishes *w, const char *as) {
    size_t n = strcspn(as, "=") + 1, left = 0;
    for (size_t i = 0; i < w->nlik; i++)
        if (strncmp(w->lik[i], as, n) != 0)
            w->lik[left++] = w->lik[i];
    w->nlik = left;
}

/* The file's texts, then the options': the last one about a column holds. */
int fit_wishes_make(struct fit_wishes *w, const struct vae_fit_opts *o, struct vae_err *err) {
    *w = (struct fit_wishes){0};
    int r = o->schema ? read_file(w, o->schema, err) : 0;
    for (size_t i = 0; i < o->nas; i++)
        drop_likelihood(w, o->as[i]);
    for (size_t i = 0; i < o->nas && !r; i++)
        r = append(&w->as, &w->wish.nas, o->as[i], err);
    for (size_t i = 0; i < o->nlevels && !r; i++)
        r = append(&w->levels, &w->wish.nlevels, o->levels[i], err);
    w->wish.as = w->as, w->wish.levels = w->levels;
    w->wish.missing = o->missing, w->wish.nmissing = o->nmissing;
    w->wish.told = o->condition, w->wish.ntold = o->ncondition;
    w->wish.bytes = o->text_bytes, w->wish.mask = o->mask_numbers, w->wish.length = o->line_length;
    w->wish.skip_bad = o->skip_bad, w->wish.forward = o->purpose == VAE_FOR_DETECT;
    return r;
}

/* "'gaussian', 'binned', ..." */
static const char *likelihoods(char *out, size_t size) {
    size_t at = 0;
    *out = 0;
    for (size_t i = 0; lik_table[i] && at + strlen(lik_table[i]->name) + 3 < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", lik_table[i]->name);
    return out;
}

int fit_wishes_likelihoods(const struct fit_wishes *w, struct schema *s, struct vae_err *err) {
    for (size_t i = 0; i < w->nlik; i++)
        for (size_t c = 0; c < s->ncols; c++) {
            struct schema_col *col = &s->col[c];
            size_t n = strlen(col->name);
            if (strncmp(w->lik[i], col->name, n) != 0 || w->lik[i][n] != '=')
                continue;
            const char *lik = w->lik[i] + n + 1;
            char name[60], text[40], all[120];
            if (!lik_by_name(lik) || strlen(lik) >= sizeof col->lik)
                return err_set(err, VAE_EUSAGE, "column '%s': no such likelihood: '%s'; there are %s",
                               err_quote(name, sizeof name, col->name, n), err_quote(text, sizeof text, lik, strlen(lik)),
                               likelihoods(all, sizeof all));
            memcpy(col->lik, lik, strlen(lik) + 1);
        }
    return 0;
}

int fit_mark_conditions(const struct vae_fit_opts *o, const struct vae_head *head, struct schema *s, struct vae_err *err) {
    size_t left = 0;
    for (size_t c = 0; c < s->ncols; c++)
        left += !s->col[c].condition;
    for (size_t i = 0; i < o->ncondition + head->nfields; i++) {
        const struct rec_field *field = i < o->ncondition ? NULL : &head->fields[i - o->ncondition];
        int at = field ? -1 : rec_head_pick(head, o->condition[i]);
        const char *name = field ? field->name : at < 0 ? o->condition[i] : head->fields[at].name, *said = field ? "" : "-c: ";
        char text[80];
        struct schema_col *col = NULL;
        if (field && (!field->apart || field->keep)) /* what is carried is not told */
            continue;
        for (size_t c = 0; c < s->ncols && !col; c++)
            col = strcmp(s->col[c].name, name) ? NULL : &s->col[c];
        err_quote(text, sizeof text, name, strlen(name));
        for (size_t k = 0; k < s->nkeep && !col; k++)
            if (!strcmp(s->keep[k], name))
                return err_set(err, VAE_EUSAGE, "%scolumn '%s' is %s and only carried; if it is a category say --as %s=category", said,
                               text, s->keep_kind[k] == SCHEMA_ARRAY ? "kept (-k)" : schema_kind_name(s->keep_kind[k]), text);
        if (!col)
            return err_set(err, VAE_EUSAGE, "%sthere is no column '%s'", said, text);
        left -= !col->condition;
        col->condition = true;
        if (!field)
            continue;
        col->apart = true;
        if (col->kind == SCHEMA_ORDINAL && !col->said) /* labels are names, though they be numbers */
            col->kind = SCHEMA_CATEGORY;
    }
    return left ? 0 : err_set(err, VAE_EUSAGE, "%sall columns are conditions; none is left to model",
                                    o->ncondition ? "-c: " : "");
}
