/* groups.c - the categories of a scatter: the most frequent ones of a column, or the news that it holds numbers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "report/points.h"

struct group {
    const char *label;
    double number;   /* NaN: none */
    size_t first, n; /* its points in the order of labels */
};

static int by_label(const void *a, const void *b, void *ctx) {
    const struct points *p = ctx;
    const size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = strcmp(p->label[i], p->label[j]);
    return order ? order : (i > j) - (i < j);
}

static int by_count(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    int falling = (x->n < y->n) - (x->n > y->n);
    return falling ? falling : strcmp(x->label, y->label);
}

/* Numbers first, in their order. */
static int by_name(const void *a, const void *b) {
    const struct group *x = a, *y = b;
    if (x->number < y->number || x->number > y->number)
        return x->number < y->number ? -1 : 1;
    int texts = isnan(x->number) - isnan(y->number);
    return texts ? texts : strcmp(x->label, y->label);
}

/* The runs of equal labels, missing ones left out; their number. */
static size_t list_groups(const struct points *p, const size_t *order, struct group *g) {
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const char *label = p->label[order[i]];
        if (!*label)
            continue;
        if (n == 0 || strcmp(g[n - 1].label, label))
            g[n++] = (struct group){label, p->shade[order[i]], i, 0};
        g[n - 1].n++;
    }
    return n;
}

/* More numbers than there are colours, or numbers between whole ones, and nothing else? */
static bool are_numbers(const struct group *g, size_t n) {
    bool whole = true;
    for (size_t i = 0; i < n; i++) {
        if (isnan(g[i].number))
            return false;
        whole = whole && g[i].number >= floor(g[i].number) && g[i].number <= floor(g[i].number);
    }
    return n > 0 && (!whole || n > POINTS_GROUPS);
}

static void name_groups(const struct points *p, const size_t *order, struct group *g, size_t n,
                        struct points_groups *out) {
    out->n = n < POINTS_GROUPS ? n : POINTS_GROUPS;
    memset(out->group, POINTS_NONE, p->n);
    qsort(g, n, sizeof *g, by_count);
    qsort(g, out->n, sizeof *g, by_name);
    for (size_t i = 0; i < n; i++) {
        size_t k = i < out->n ? i : POINTS_OTHER;
        strcpy(out->label[k], k == POINTS_OTHER ? "others" : g[i].label);
        out->count[k] += g[i].n;
        for (size_t at = g[i].first; at < g[i].first + g[i].n; at++)
            out->group[order[at]] = (unsigned char)k;
    }
    strcpy(out->label[POINTS_NONE], "missing");
    for (size_t i = 0; i < p->n; i++)
        out->count[POINTS_NONE] += out->group[i] == POINTS_NONE;
}

int points_group(const struct points *p, struct points_groups *out, struct vae_err *err) {
    size_t *order = mem_array(p->n, sizeof *order), n = 0;
    struct group *g = mem_array(p->n, sizeof *g);
    *out = (struct points_groups){.group = mem_array(p->n, 1)};
    if (order && g && out->group) {
        for (size_t i = 0; i < p->n; i++)
            order[i] = i;
        qsort_r(order, p->n, sizeof *order, by_label, (void *)(uintptr_t)p);
        n = list_groups(p, order, g);
        out->numbers = are_numbers(g, n);
        if (!out->numbers)
            name_groups(p, order, g, n, out);
    }
    bool ok = order && g && out->group;
    free(order), free(g);
    return ok ? 0 : err_set(err, VAE_EOS, "out of memory");
}
