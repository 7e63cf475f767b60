/*
 * split.c - which rows are held out: the end of an order of the rows (of folds: stretches of it).
 *
 *   at random          a keyed permutation
 *   by a column        rows with one value of it stand together, the values in a random order, and the order is cut between them: a
 *                      row that has a twin of its own host, patient or batch among the fitted ones tells nothing of new hosts
 *   by time            the order of the data: fitted rows come before those that stop the training, and those before the rows of
 *                      p-values, as tomorrow comes behind today
 *   windows            blocks of that, which share no rows: blocks.c; by a column they are whole groups all the same
 */
#include "fit/split.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "schema/cell.h"

enum { LEAST = 3 }; /* groups: to learn from, to stop by, for p-values */

/* FNV-1a of a cell's text; two groups of one number are held out together, which harms nobody. */
static uint64_t hash(const void *p, size_t n) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const unsigned char *)p)[i]) * UINT64_C(0x100000001b3);
    return h;
}

int split_note(struct split_groups *g, const char *column, const struct vae_head *head, const struct vae_batch *b, size_t from,
               size_t n, struct vae_err *err) {
    char plain[CELL_PLAIN], name[80];
    int f = column ? rec_head_pick(head, column) : -1;
    if (!column)
        return 0;
    if (f < 0 || head->fields[f].width != 1)
        return err_set(err, VAE_EUSAGE, "--split-by: there is no column '%s'", err_quote(name, sizeof name, column, strlen(column)));
    int r = mem_grow(&g->of, &g->cap, g->n + n, sizeof *g->of, err);
    for (size_t i = from; i < from + n && !r; i++) {
        double v = head->fields[f].type == REC_UTF8 ? 0 : rec_number(&b->cols[f], head->fields[f].type, i);
        size_t len = sizeof v;
        const void *p = &v;
        if (head->fields[f].type == REC_UTF8)
            p = cell_text(&b->cols[f], i, b->quoted, plain, &len);
        g->of[g->n++] = hash(p, len);
    }
    return r;
}

struct place {
    double key; /* of its group */
    uint64_t group, row;
};

static int by_place(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->key < y->key || x->key > y->key)
        return x->key < y->key ? -1 : 1;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int order_groups(const struct split_groups *g, size_t n, uint64_t seed, uint64_t step, uint64_t *order, struct vae_err *err) {
    struct place *at = mem_array(n, sizeof *at);
    size_t groups = 1;
    if (!at)
        return err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    for (size_t i = 0; i < n; i++) {
        at[i] = (struct place){.group = g->of[i], .row = i};
        rng_uniform(&at[i].key, 1, seed, RNG_SPLIT, step, g->of[i] >> 16);
    }
    qsort(at, n, sizeof *at, by_place);
    for (size_t i = 0; i < n; i++) {
        order[i] = at[i].row;
        groups += i && at[i].group != at[i - 1].group;
    }
    free(at);
    return groups >= LEAST ? 0 : err_set(err, VAE_EDATA, "--split-by: %zu value%s, and %d are needed: one to learn from, one to "
                                         "stop by, one for p-values", groups, groups == 1 ? "" : "s", (int)LEAST);
}

int split_order(const struct fit_plan *p, const struct fit_rows *data, uint64_t step, uint64_t *order, struct vae_err *err) {
    size_t n = data->n;
    if (p->opts.split_by)
        return order_groups(&data->groups, n, p->opts.seed, step, order, err);
    for (uint64_t i = 0; i < n; i++)
        order[p->opts.split_time || data->overlap ? i : rng_permute(i, n, p->opts.seed, RNG_SPLIT, step)] = i;
    return 0;
}

size_t split_cut(const struct fit_rows *data, const uint64_t *order, size_t n, size_t at, size_t least) {
    const uint64_t *of = data->groups.of;
    size_t groups = 0, best = n;
    if (!of || at == 0 || at >= n)
        return at;
    for (size_t i = 1; i < n; i++) {
        groups += of[order[i]] != of[order[i - 1]];
        bool nearer = best == n || (i > at ? i - at : at - i) < (best > at ? best - at : at - best);
        if (of[order[i]] != of[order[i - 1]] && groups >= least && nearer)
            best = i;
    }
    return best;
}

int split_rows(struct fit_plan *p, const struct fit_rows *data, uint64_t *order, size_t *nfit, struct vae_err *err) {
    enum { TURNS = 5 };
    size_t n = data->n, part[3];
    if (!data->overlap || p->opts.split_by) {
        int r = split_order(p, data, 0, order, err);
        *nfit = r ? 0 : split_cut(data, order, n, n - p->ncal, 2);
        p->ncal = n - *nfit;
        return r;
    }
    double cal = (double)p->ncal / (double)n, valid = p->valid * (1 - cal);
    fit_blocks(n, data->overlap, p->opts.split_time ? 1 : TURNS, (const double[]){1 - cal - valid, valid, cal}, order, part);
    *nfit = part[0] + part[1];
    p->ncal = part[2], p->whole_valid = true;
    p->valid = ((double)part[1] + 0.5) / (double)*nfit;
    return 0;
}

/* Folds of windows. */
struct apart {
    size_t gap;
    conformal_fit_fn *fit;
    void *ctx;
};

/* A fit without the rows that share some with those that are tested, a stretch of the order of the data. */
static int fit_apart(void *ctx, const uint64_t *rows, size_t n, const uint64_t *test, size_t ntest, float *out, size_t stride,
                     struct vae_err *err) {
    const struct apart *a = ctx;
    uint64_t *far = mem_array(n, sizeof *far);
    size_t k = 0;
    if (!far)
        return err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    for (size_t i = 0; i < n; i++)
        if (rows[i] + a->gap < test[0] || rows[i] > test[ntest - 1] + a->gap)
            far[k++] = rows[i];
    int r = a->fit(a->ctx, far, k, test, ntest, out, stride, err);
    free(far);
    return r;
}

int split_cross(const struct fit_plan *p, const struct fit_rows *data, struct pool *pool, conformal_fit_fn *fit, void *ctx,
                size_t nscores, float *cal, struct vae_err *err) {
    uint64_t *order = mem_array(data->n, sizeof *order);
    size_t *bound = mem_array(p->folds + 1, sizeof *bound);
    int r = order && bound ? split_order(p, data, 1, order, err) : err_set(err, VAE_EOS, "out of memory for %zu rows", data->n);
    for (size_t f = 0; f <= p->folds && !r; f++)
        bound[f] = split_cut(data, order, data->n, data->n * f / p->folds, 1);
    struct apart apart = {fit_gap(data->n, data->overlap), fit, ctx};
    bool gaps = apart.gap > 0 && !p->opts.split_by;
    if (!r)
        r = conformal_cross(data->n, order, p->folds, bound, pool, gaps ? fit_apart : fit, gaps ? &apart : ctx, nscores, cal, err);
    free(order), free(bound);
    return r;
}
