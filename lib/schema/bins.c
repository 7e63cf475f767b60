/*
 * bins.c - cutting values in cells (base/cells.h), and cells in levels.
 *
 * Numbers that take few different values, often, have a cell for each. Others are cut at quantiles in intervals of a few
 * rows, within which they are taken for uniform; what repeats is a cell of its own (a spike). Levels, what the decoder tells
 * apart, are spikes and runs of neighbouring cells that hold about as many rows each: the finer structure within a
 * level is kept by the weights of its cells, whatever the other columns are.
 */
#include "schema/bins.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

enum { FEW_VALUES = 1024, OFTEN = 3, MOST_CELLS = 2048, LEAST_ROWS = 4, LEVEL_ROWS = 8, MOST_LEVELS = 1000, RARE_ROWS = 3 };

struct cut {
    struct cells *cells;
    double *count; /* [most] training rows in each cell */
    size_t n, most;
};

static void add_cell(struct cut *c, double low, double high, size_t count) {
    struct cells *k = c->cells;
    k->low[c->n] = low, k->high[c->n] = high;
    c->count[c->n++] = (double)count;
}

/* Rows that have the value at v[i]. */
static size_t repeats(const double *v, size_t n, size_t i) {
    size_t k = i + 1;
    while (k < n && v[k] <= v[i])
        k++;
    return k - i;
}

static size_t different(const double *v, size_t n) {
    size_t d = 0;
    for (size_t i = 0; i < n; i += repeats(v, n, i))
        d++;
    return d;
}

/* Each different value an atom. */
static void cut_atoms(struct cut *c, const double *v, size_t n) {
    for (size_t i = 0, k; i < n; i += k) {
        k = repeats(v, n, i);
        add_cell(c, v[i], v[i], k);
    }
}

/* Spikes, and intervals of `rows` rows between them; an interval ends where the next cell of its run begins. */
static void cut_intervals(struct cut *c, const double *v, size_t n, size_t spike, size_t rows) {
    size_t from = 0; /* where the interval at hand begins */
    for (size_t i = 0, k; i < n; i += k) {
        k = repeats(v, n, i);
        bool is_spike = k > spike, full = i - from >= rows;
        if (i > from && (is_spike || full)) {
            add_cell(c, v[from], is_spike ? v[i - 1] : v[i], i - from);
            from = i;
        }
        if (is_spike) {
            add_cell(c, v[i], v[i], k);
            from = i + k;
        }
    }
    if (from < n)
        add_cell(c, v[from], v[n - 1], n - from);
}

/* Levels of the cells: those of many rows alone, the others together with their neighbours. */
static void group(struct cut *c, size_t n, size_t bins) {
    double alone = (double)n / (4 * (double)bins), full = (double)n / (double)bins, held = 0;
    alone = alone < LEVEL_ROWS ? LEVEL_ROWS : alone;
    full = full < alone ? alone : full;
    uint32_t levels = 0, open = 0; /* open: 1 + the level that is being filled */
    for (size_t i = 0; i < c->n; i++) {
        bool atom = !(c->cells->high[i] > c->cells->low[i]);
        if (atom && c->count[i] >= alone) {
            c->cells->level[i] = levels++;
            continue;
        }
        if (!open)
            open = ++levels, held = 0;
        c->cells->level[i] = open - 1;
        held += c->count[i];
        open = held >= full ? 0 : open;
    }
    c->cells->nlevels = levels;
}

/* weight and share from the counts; the last `unseen` cells are never drawn. */
static int weigh(struct cut *c, double total, struct vae_err *err) {
    double *sum = mem_array(c->cells->nlevels, sizeof *sum);
    if (!sum)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < c->n; i++)
        sum[c->cells->level[i]] += c->count[i];
    for (size_t i = 0; i < c->n; i++)
        c->cells->weight[i] = sum[c->cells->level[i]] > 0 ? c->count[i] / sum[c->cells->level[i]] : 0;
    for (size_t l = 0; l < c->cells->nlevels; l++)
        c->cells->share[l] = total > 0 ? sum[l] / total : 1 / (double)c->cells->nlevels;
    free(sum);
    return 0;
}

/* A last cell and level for what is missing. */
static void add_blank(struct cut *c, size_t missing) {
    add_cell(c, 0, 0, missing);
    c->cells->level[c->n - 1] = (uint32_t)c->cells->nlevels++;
    c->cells->blank = true;
}

int bins_cut(const double *v, size_t n, size_t missing, bool blank, size_t bins, double step, struct cells *cells,
             struct vae_err *err) {
    static const double nothing = 0;
    size_t values = different(v, n), per = n / 1000 < LEAST_ROWS ? LEAST_ROWS : n / 1000;
    bool few = values <= FEW_VALUES && n >= OFTEN * values;
    struct cut c = {.cells = cells, .most = (few ? values : MOST_CELLS) + 2};
    int r = cells_new(cells, c.most, err);
    c.count = r ? NULL : mem_array(c.most, sizeof *c.count);
    if (!r && !c.count)
        r = err_set(err, VAE_EOS, "out of memory");
    if (!r) {
        if (n == 0) { /* something to choose from, though it was never seen */
            cut_atoms(&c, &nothing, 1);
            c.count[0] = blank && missing ? 0 : 1;
        } else if (few) {
            cut_atoms(&c, v, n);
        } else {
            cut_intervals(&c, v, n, n / 500 < LEAST_ROWS ? LEAST_ROWS : n / 500, per);
        }
        group(&c, n ? n : 1, bins);
        if (blank)
            add_blank(&c, missing);
        cells->n = c.n;
        r = weigh(&c, (double)n + (blank ? (double)missing : 0), err);
    }
    if (!r)
        cells_finish(cells, few ? 0 : step, 1);
    free(c.count);
    return r;
}

struct rank {
    double count;
    size_t code;
};

static int by_count(const void *a, const void *b) {
    const struct rank *x = a, *y = b;
    if (x->count < y->count || x->count > y->count)
        return x->count < y->count ? 1 : -1;
    return x->code < y->code ? -1 : 1;
}

/* Frequent codes are levels of their own, the others and what is unknown share one. */
static int pool_rare(struct cut *c, size_t codes, double n, struct vae_err *err) {
    double rare = n / 20000 < RARE_ROWS ? RARE_ROWS : n / 20000;
    struct rank *rank = mem_array(codes, sizeof *rank);
    if (!rank)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < codes; i++)
        rank[i] = (struct rank){c->count[i], i};
    qsort(rank, codes, sizeof *rank, by_count);
    size_t kept = 0;
    while (kept < codes && kept < MOST_LEVELS && rank[kept].count >= rare)
        kept++;
    for (size_t i = 0; i <= codes; i++)
        c->cells->level[i] = UINT32_MAX;
    for (size_t i = 0; i < kept; i++)
        c->cells->level[rank[i].code] = 0;
    uint32_t next = 0;
    for (size_t i = 0; i <= codes; i++)
        c->cells->level[i] = c->cells->level[i] == 0 ? next++ : UINT32_MAX;
    for (size_t i = 0; i <= codes; i++)
        c->cells->level[i] = c->cells->level[i] == UINT32_MAX ? next : c->cells->level[i];
    c->cells->nlevels = next + 1;
    free(rank);
    return 0;
}

int levels_cut(const double *v, size_t n, size_t missing, bool blank, size_t codes, bool ordered, struct cells *cells,
               struct vae_err *err) {
    struct cut c = {.cells = cells, .most = codes + 2};
    int r = cells_new(cells, c.most, err);
    c.count = r ? NULL : mem_array(c.most, sizeof *c.count);
    if (!r && !c.count)
        r = err_set(err, VAE_EOS, "out of memory");
    if (r)
        return r;
    for (size_t i = 0; i <= codes; i++)
        add_cell(&c, (double)i, (double)i, 0);
    for (size_t i = 0; i < n; i++)
        if (v[i] >= 0 && v[i] < (double)codes)
            c.count[(size_t)v[i]]++;
    double pooled = 0;
    if (ordered) {
        /* an order has no place for what is unknown: it counts as the middle, but as rare as nothing else */
        double half = 0;
        size_t middle = 0;
        for (size_t i = 0; i < codes; i++) {
            c.cells->level[i] = (uint32_t)i;
            half += c.count[i];
            middle = half * 2 < (double)n ? i + 1 : middle;
        }
        c.cells->level[codes] = (uint32_t)(middle < codes ? middle : codes - 1);
        c.cells->nlevels = codes;
        pooled = (double)n;
    } else {
        r = pool_rare(&c, codes, (double)n, err);
        for (size_t i = 0; i < codes && !r; i++)
            pooled += c.cells->level[i] + 1 == c.cells->nlevels ? c.count[i] : 0;
    }
    if (!r && blank)
        add_blank(&c, missing);
    cells->n = c.n;
    if (!r)
        r = weigh(&c, (double)n + (blank ? (double)missing : 0), err);
    if (!r)
        cells_finish(cells, 0, 1 / (pooled + 1));
    free(c.count);
    return r;
}
