/*
 * near.c - generated records that are copies, or nearly, of given ones.
 *
 * Distance: numbers in standard deviations of the training rows (missing: the mean, and 1 apart from what is not), levels 1 apart
 * where they differ; the squares add up. A near-copy is nearer to a given row than all but 1 % of the given rows are to
 * each other, or equal to one.
 *
 * The differences are taken as they are, of doubles: by products they would drown in the rounding of what is far out, and one
 * outlier is enough for that. Most pairs are given up after a few features.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "gen/generate.h"

enum {
    BLOCK = 64,    /* given rows */
    QUERIES = 16,  /* that look at a block while it is near at hand */
    LOOK = 4,      /* features between two looks at how far it is */
    SAMPLE = 2000, /* given rows that are asked for their neighbours */
};
static const double QUANTILE = 0.01, MOST = 1e150 /* whose square is a number */;

/* A feature of a record: what it is of value j. */
struct gen_near {
    size_t value;
    enum { NEAR_NUMBER, NEAR_LEVEL, NEAR_MISSING } kind;
    double scale, blank; /* of numbers: the sd, and what a missing one counts as */
};

/* One feature a value, and whether it is there where that can differ. */
static int list_features(const struct vae_model *m, struct gen_given *g, struct vae_err *err) {
    const struct schema *s = m->schema;
    g->near = mem_array(2 * s->d, sizeof *g->near);
    if (!g->near)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t j = 0; j < s->d; j++) {
        const struct schema_col *c = &s->col[m->feature[j].column];
        double sd = s->stats.sd[j] > 0 ? s->stats.sd[j] : 1;
        bool missing = c->missing;
        for (size_t i = 0; i < g->n; i++)
            missing = missing || isnan(g->raw[i * s->d + j]);
        if (c->levels.n)
            g->near[g->width++] = (struct gen_near){.value = j, .kind = NEAR_LEVEL, .blank = (double)c->levels.n + 1};
        else
            g->near[g->width++] = (struct gen_near){j, NEAR_NUMBER, sd, s->stats.mean[j] / sd};
        if (missing && !c->levels.n)
            g->near[g->width++] = (struct gen_near){.value = j, .kind = NEAR_MISSING};
    }
    return 0;
}

static double feature(const struct gen_near *f, const double *raw) {
    double v = raw[f->value];
    if (f->kind == NEAR_MISSING)
        return isnan(v);
    if (isnan(v))
        return f->blank;
    v = f->kind == NEAR_LEVEL ? v : v / f->scale;
    return v < -MOST ? -MOST : v > MOST ? MOST : v;
}

/* The given rows in blocks, each of these feature by feature. */
static int place_given(const struct vae_model *m, struct gen_given *g, struct vae_err *err) {
    size_t blocks = (g->n + BLOCK - 1) / BLOCK, values;
    g->feature = mem_mul(blocks * BLOCK, g->width, &values) ? mem_array(values, sizeof *g->feature) : NULL;
    if (!g->feature)
        return err_set(err, VAE_EOS, "out of memory for %zu rows", g->n);
    for (size_t i = 0; i < g->n; i++)
        for (size_t f = 0; f < g->width; f++)
            g->feature[(i / BLOCK * g->width + f) * BLOCK + i % BLOCK] = feature(&g->near[f], g->raw + i * m->schema->d);
    return 0;
}

struct search {
    const struct gen_given *g;
    const double *raw;  /* [n,d] the queries; among the given rows: all of these, n of which are asked */
    size_t n, d;
    bool self;          /* among the given rows: a row is not its own neighbour */
    double within;      /* what is farther does not matter */
    double *nearest;    /* [n] squared; INFINITY for none so near */
    double *query;      /* [workers,QUERIES,width] */
};

static size_t row_of(const struct search *s, size_t i) {
    return s->self ? (size_t)((double)i * (double)s->g->n / (double)s->n) : i;
}

/* Squared distances from a query to the rows of a block; false as soon as all are above `bound`. */
static bool distances(const struct gen_given *g, const double *query, const double *block, double bound, double t[BLOCK]) {
    memset(t, 0, BLOCK * sizeof *t);
    for (size_t f = 0; f < g->width; f++) {
        const double *x = block + f * BLOCK, v = query[f];
        if (g->near[f].kind == NEAR_NUMBER)
            for (size_t r = 0; r < BLOCK; r++)
                t[r] += (x[r] - v) * (x[r] - v);
        else
            for (size_t r = 0; r < BLOCK; r++)
                t[r] += x[r] < v || x[r] > v ? 1.0 : 0.0;
        if (f % LOOK == LOOK - 1 || f + 1 == g->width) {
            bool any = false;
            for (size_t r = 0; r < BLOCK; r++)
                any |= t[r] <= bound;
            if (!any)
                return false;
        }
    }
    return true;
}

/* Are they equal, or only so near that the square is 0? */
static bool equal(const struct gen_given *g, const double *query, const double *block, size_t r) {
    for (size_t f = 0; f < g->width; f++)
        if (block[f * BLOCK + r] < query[f] || block[f * BLOCK + r] > query[f])
            return false;
    return true;
}

/* How far the nearest row is, those of the block that begins with row `from` being looked at, too. */
static double look(const struct search *s, const double *query, size_t row, size_t from, double best) {
    const double *block = s->g->feature + from * s->g->width;
    size_t n = s->g->n - from < BLOCK ? s->g->n - from : BLOCK;
    double t[BLOCK];
    if (!distances(s->g, query, block, best < s->within ? best : s->within, t))
        return best;
    for (size_t r = 0; r < n; r++)
        if (t[r] < best && !(s->self && from + r == row))
            best = t[r] > 0 || equal(s->g, query, block, r) ? t[r] : DBL_TRUE_MIN;
    return best;
}

static void search_task(void *ctx, size_t task, size_t worker) {
    struct search *s = ctx;
    size_t width = s->g->width, q0 = task * QUERIES, nq = s->n - q0 < QUERIES ? s->n - q0 : QUERIES;
    double *query = s->query + worker * QUERIES * width;
    for (size_t i = 0; i < nq; i++) {
        s->nearest[q0 + i] = INFINITY;
        for (size_t f = 0; f < width; f++)
            query[i * width + f] = feature(&s->g->near[f], s->raw + row_of(s, q0 + i) * s->d);
    }
    for (size_t from = 0; from < s->g->n; from += BLOCK)
        for (size_t i = 0; i < nq; i++)
            s->nearest[q0 + i] = look(s, query + i * width, row_of(s, q0 + i), from, s->nearest[q0 + i]);
}

/* Squared distance of each query to its nearest given row; 0 or VAE_EOS. */
static int nearest(struct search *s, struct pool *pool, struct vae_err *err) {
    s->query = mem_array((pool ? pool_threads(pool) : 1) * QUERIES * s->g->width, sizeof *s->query);
    s->nearest = mem_array(s->n, sizeof *s->nearest);
    if (!s->query || !s->nearest) {
        free(s->query), free(s->nearest);
        s->nearest = NULL;
        return err_set(err, VAE_EOS, "out of memory");
    }
    pool_run(pool, (s->n + QUERIES - 1) / QUERIES, search_task, s);
    free(s->query);
    return 0;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int gen_near_distance(const struct vae_model *m, struct gen_given *g, struct pool *pool, struct vae_err *err) {
    struct search s = {.g = g, .raw = g->raw, .n = g->n < SAMPLE ? g->n : SAMPLE, .d = m->schema->d, .self = true,
                       .within = INFINITY};
    int r = lines_refuse(m, "leaving out near-copies (--min-distance)", err);
    if (!r)
        r = list_features(m, g, err);
    if (!r)
        r = place_given(m, g, err);
    if (!r)
        r = nearest(&s, pool, err);
    if (r)
        return r;
    qsort(s.nearest, s.n, sizeof *s.nearest, by_value);
    double at = s.nearest[(size_t)(QUANTILE * (double)s.n)];
    g->distance = isfinite(at) && at > DBL_TRUE_MIN ? at : 0;
    free(s.nearest);
    free(g->raw), free(g->x); /* nobody asks for these rows again */
    g->raw = NULL, g->x = NULL;
    return 0;
}

int gen_drop_copies(const struct vae_model *m, const struct gen_given *g, double *raw, size_t n, size_t *left,
                    struct pool *pool, struct vae_err *err) {
    size_t d = m->schema->d;
    struct search s = {.g = g, .raw = raw, .n = n, .d = d, .within = g->distance};
    int r = nearest(&s, pool, err);
    if (r)
        return r;
    *left = 0;
    for (size_t i = 0; i < n; i++)
        if (s.nearest[i] > g->distance)
            memmove(raw + (*left)++ * d, raw + i * d, d * sizeof *raw);
    free(s.nearest);
    return 0;
}
