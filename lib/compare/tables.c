/* tables.c - reading the three tables, and what their columns are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rec.h"
#include "compare/compare.h"
#include "schema/cell.h"
#include "schema/levels.h"

static const char *const title[COMPARE_TABLES] = {"the training table", "the test table", "the synthetic table"};
enum { NO_TEXT = 0, BINS = 10, MOST_DECIMALS = 15 };

void compare_free(struct compare *c) {
    for (size_t j = 0; j < c->ncols && c->col; j++) {
        struct compare_column *col = &c->col[j];
        for (size_t t = 0; t < COMPARE_TABLES; t++) {
            if (col->bin[t] != col->code[t])
                free(col->bin[t]);
            free(col->code[t]), free(col->value[t]);
        }
        schema_levels_free(&col->levels);
        buf_free(&col->written);
        free(col->name);
    }
    free(c->col);
    c->col = NULL;
    c->ncols = 0;
}

/* ---- reading: value[i] the number or NaN, code[i] 1 + the text's level or NO_TEXT ----------------------------- */

/* What our models take for missing, and what else pandas does: others compare with the latter. */
static bool is_missing(const char *p, size_t n) {
    static const struct cell_missing usual = {NULL, 0};
    static const char *const more[] = {"N/A",   "n/a",    "None",    "#N/A",     "#NA",  "#N/A N/A", "<NA>",
                                       "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN", "-nan", "-NaN"};
    bool is = cell_is_missing(&usual, p, n);
    for (size_t i = 0; i < sizeof more / sizeof *more && !is; i++)
        is = strlen(more[i]) == n && !memcmp(more[i], p, n);
    return is;
}

static int read_level(struct compare_column *col, const char *p, size_t n, uint32_t *code, struct vae_err *err) {
    long level = levels_add(&col->levels, p, n, err);
    *code = level < 0 ? NO_TEXT : (uint32_t)level + 1;
    return level >= 0 ? 0 : level == VAE_EROW ? VAE_EROW : VAE_EOS;
}

/* TRAIN's first text in a column: the n numbers before it become levels, too, as they were written. */
static int turn_to_text(struct compare_column *col, size_t n, struct vae_err *err) {
    const char *p = col->written.p;
    int r = 0;
    for (size_t i = 0; i < n && !r; i++)
        if (!isnan(col->value[COMPARE_TRAIN][i])) {
            r = read_level(col, p, strlen(p), &col->code[COMPARE_TRAIN][i], err);
            p += strlen(p) + 1;
        }
    col->text = true;
    buf_free(&col->written);
    return r;
}

/* Row `at` of table t, which is row i of the batch. */
static int read_cell(struct compare_column *col, size_t t, size_t at, const struct rec_field *f, const struct vae_batch *b,
                     size_t field, size_t i, struct vae_err *err) {
    double *value = &col->value[t][at];
    uint32_t *code = &col->code[t][at];
    *code = NO_TEXT;
    *value = NAN;
    if (f->type != REC_UTF8) {
        *value = rec_number(&b->cols[field], f->type, i);
        return 0;
    }
    char plain[CELL_PLAIN];
    size_t n;
    const char *p = cell_text(&b->cols[field], i, b->quoted, plain, &n);
    bool number = num_parse(p, n, value) == NUM_NUMBER, train = t == COMPARE_TRAIN;
    if (number && !col->text)
        return !train ? 0 : buf_put(&col->written, p, n, err) ? VAE_EOS : buf_put(&col->written, "", 1, err);
    *value = NAN;
    if (!number && is_missing(p, n))
        return 0;
    int r = train && !col->text ? turn_to_text(col, at, err) : 0;
    return r ? r : read_level(col, p, n, code, err);
}

static int read_batch(struct compare *c, size_t t, const struct vae_head *head, const int *field,
                      const struct vae_batch *b, size_t cap[][2], size_t *bad, struct vae_err *err) {
    size_t need;
    if (!mem_add(c->n[t], b->rows, &need))
        return err_set(err, VAE_EOS, "too many rows");
    for (size_t j = 0; j < c->ncols; j++) {
        struct compare_column *col = &c->col[j];
        if (mem_grow(&col->value[t], &cap[j][0], need, sizeof(double), err) ||
            mem_grow(&col->code[t], &cap[j][1], need, sizeof(uint32_t), err))
            return VAE_EOS;
        for (size_t i = 0; i < b->rows; i++) {
            size_t f = (size_t)field[j], at = c->n[t] + i;
            *bad = i;
            int r = read_cell(col, t, at, &head->fields[f], b, f, i, err);
            if (r)
                return r;
        }
    }
    c->n[t] = need;
    return 0;
}

static bool dropped(const char *name, char *const *drop, size_t ndrop) {
    bool is = false;
    for (size_t i = 0; i < ndrop; i++)
        is = is || !strcmp(drop[i], name);
    return is;
}

/* The columns of TRAIN, those left out aside. */
static int make_columns(struct compare *c, const struct vae_head *h, char *const *drop, size_t ndrop,
                        struct vae_err *err) {
    char text[80];
    for (size_t i = 0; i < ndrop; i++)
        if (rec_head_find(h, drop[i]) < 0)
            return err_set(err, VAE_EUSAGE, "there is no column '%s' to leave out",
                           err_quote(text, sizeof text, drop[i], strlen(drop[i])));
    c->col = mem_array(h->nfields + 1, sizeof *c->col);
    if (!c->col)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t f = 0; f < h->nfields; f++) {
        const char *name = h->fields[f].name;
        if (dropped(name, drop, ndrop))
            continue;
        c->col[c->ncols].name = mem_text(name, strlen(name));
        if (!c->col[c->ncols++].name)
            return err_set(err, VAE_EOS, "out of memory");
    }
    return c->ncols ? 0 : err_set(err, VAE_EUSAGE, "no column is left to compare");
}

/* field[j] of the table for column j; any order will do. */
static int bind(const struct compare *c, size_t t, const struct vae_head *h, char *const *drop, size_t ndrop, int *field,
                struct vae_err *err) {
    char text[80];
    for (size_t j = 0; j < c->ncols; j++) {
        field[j] = rec_head_find(h, c->col[j].name);
        err_quote(text, sizeof text, c->col[j].name, strlen(c->col[j].name));
        if (field[j] < 0)
            return err_set(err, VAE_EDATA, "%s has no column '%s'", title[t], text);
        if (h->fields[field[j]].width != 1)
            return err_set(err, VAE_EDATA, "column '%s' holds images or frames: only tables are compared", text);
    }
    for (size_t f = 0; f < h->nfields; f++) {
        const char *name = h->fields[f].name;
        bool known = dropped(name, drop, ndrop);
        for (size_t j = 0; j < c->ncols && !known; j++)
            known = field[j] == (int)f;
        if (!known)
            return err_set(err, VAE_EDATA, "%s has a column '%s' that %s has not (--drop leaves one out)", title[t],
                           err_quote(text, sizeof text, name, strlen(name)), title[COMPARE_TRAIN]);
    }
    return 0;
}

static int read_table(struct compare *c, size_t t, struct vae_in *in, char *const *drop, size_t ndrop,
                      struct vae_err *err) {
    const struct vae_head *h = vae_in_head(in);
    const struct vae_batch *b;
    int r = t == COMPARE_TRAIN ? make_columns(c, h, drop, ndrop, err) : 0, n;
    int *field = mem_array(c->ncols + 1, sizeof *field);
    size_t(*cap)[2] = mem_array(c->ncols + 1, sizeof *cap), bad = 0;
    if (!r && (!field || !cap))
        r = err_set(err, VAE_EOS, "out of memory");
    if (!r)
        r = bind(c, t, h, drop, ndrop, field, err);
    while (!r && (n = vae_in_next(in, &b, err))) {
        r = n < 0 ? n : read_batch(c, t, h, field, b, cap, &bad, err);
        if (r == VAE_EROW && n >= 0)
            err_prefix(err, "%s", vae_in_where(in, bad));
    }
    for (size_t j = 0; j < c->ncols && t == COMPARE_TRAIN; j++)
        buf_free(&c->col[j].written);
    free(field), free(cap);
    return r ? r : c->n[t] ? 0 : err_set(err, VAE_EDATA, "%s has no rows", title[t]);
}

/* ---- what the columns are ------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The quantile of v[n], ascending, between the two values around it. */
static double quantile(const double *v, size_t n, double q) {
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? v[i] + (at - (double)i) * (v[i + 1] - v[i]) : v[n - 1];
}

/* The fewest digits behind the point that change no value by more than 1e-9. */
static int decimals(const double *v, size_t n) {
    for (int k = 0; k < MOST_DECIMALS; k++) {
        double unit = pow(10, k);
        size_t i = 0;
        while (i < n && fabs(nearbyint(v[i] * unit) / unit - v[i]) <= 1e-9)
            i++;
        if (i == n)
            return k;
    }
    return MOST_DECIMALS;
}

/* What is known of a numeric column from TRAIN's values v[n], ascending; the bins of all tables. */
static int finish_number(const struct compare *c, struct compare_column *col, const double *v, size_t n,
                         struct vae_err *err) {
    double mean = 0, square = 0, cut[BINS];
    size_t ncut = 0;
    for (size_t i = 0; i < n; i++)
        mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (v[i] - mean) * (v[i] - mean);
    col->low = v[0], col->high = v[n - 1], col->median = quantile(v, n, 0.5);
    col->sd = square > 0 ? sqrt(square / (double)(n - 1)) : 1;
    col->missing = n < c->n[COMPARE_TRAIN];
    col->decimals = decimals(v, n);
    for (int k = 1; k < BINS; k++) {
        double at = quantile(v, n, (double)k / BINS);
        if (!ncut || at > cut[ncut - 1])
            cut[ncut++] = at;
    }
    col->nbins = ncut + 2;
    double beyond = col->high + 10 * (col->high - col->low + 1);
    for (size_t t = 0; t < COMPARE_TABLES; t++) {
        col->bin[t] = mem_array(c->n[t], sizeof(uint32_t));
        if (!col->bin[t])
            return err_set(err, VAE_EOS, "out of memory");
        for (size_t i = 0; i < c->n[t]; i++) {
            double *x = &col->value[t][i];
            *x = col->code[t][i] != NO_TEXT ? beyond : *x;
            uint32_t bin = 0;
            while (bin < ncut && cut[bin] < *x)
                bin++;
            col->bin[t][i] = isnan(*x) ? (uint32_t)ncut + 1 : bin;
        }
    }
    return 0;
}

/* Numbers become levels, too, by their value where TRAIN has nothing else, and missing cells one. */
static int finish_category(const struct compare *c, struct compare_column *col, struct vae_err *err) {
    long blank = levels_add(&col->levels, "", 0, err);
    for (size_t t = 0; t < COMPARE_TABLES && blank >= 0; t++) {
        for (size_t i = 0; i < c->n[t]; i++) {
            double x = col->value[t][i];
            char text[40];
            long level = blank;
            if (col->code[t][i] != NO_TEXT)
                level = (long)col->code[t][i] - 1;
            else if (!isnan(x))
                level = levels_add(&col->levels, text, (size_t)snprintf(text, sizeof text, "%g", x), err);
            if (level < 0)
                return VAE_EOS;
            col->code[t][i] = (uint32_t)level;
            col->levels.count[level] += t == COMPARE_TRAIN;
        }
        col->bin[t] = col->code[t];
    }
    col->nbins = col->levels.n;
    return blank < 0 ? VAE_EOS : 0;
}

static int finish_column(const struct compare *c, struct compare_column *col, struct vae_err *err) {
    size_t n = 0, different = 0, rows = c->n[COMPARE_TRAIN];
    double *v = mem_array(rows, sizeof *v);
    if (!v)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < rows; i++)
        if (!isnan(col->value[COMPARE_TRAIN][i]))
            v[n++] = col->value[COMPARE_TRAIN][i];
    qsort(v, n, sizeof *v, by_value);
    for (size_t i = 0; i < n; i++)
        different += i == 0 || v[i] > v[i - 1];
    col->number = !col->text && different > COMPARE_FEW;
    int r = col->number ? finish_number(c, col, v, n, err) : finish_category(c, col, err);
    free(v);
    return r;
}

int compare_read(struct compare *c, struct vae_in *const in[COMPARE_TABLES], char *const *drop, size_t ndrop,
                 struct vae_err *err) {
    int r = 0;
    for (size_t t = 0; t < COMPARE_TABLES && !r; t++)
        r = read_table(c, t, in[t], drop, ndrop, err);
    for (size_t j = 0; j < c->ncols && !r; j++)
        r = finish_column(c, &c->col[j], err);
    return r;
}
