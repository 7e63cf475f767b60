/* exemplars.c - choosing the training rows to compare with, and the comparison: see exemplars.h. */
#include "score/exemplars.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "score/gower.h"

static const double FLOOR = 0.1; /* of the mean sparsity: where rows are all alike, a little distance is no sign of anything */

struct room {
    float *u, *distance;
    uint32_t *place;
};

struct exemplars {
    const struct model_exemplars *kept;
    const struct schema *schema;
    struct gower *gower;
    double floor;      /* of the sparsity */
    size_t workers;
    struct room *room; /* [workers] */
};

void exemplars_free(struct exemplars *e) {
    if (!e)
        return;
    for (size_t i = 0; e->room && i < e->workers; i++)
        free(e->room[i].u), free(e->room[i].distance), free(e->room[i].place);
    gower_free(e->gower);
    free(e->room);
    free(e);
}

struct exemplars *exemplars_new(const struct model_exemplars *kept, const struct schema *schema, size_t workers,
                                struct vae_err *err) {
    struct exemplars *e = mem_array(1, sizeof *e);
    if (kept->width != gower_width(schema)) { /* a file says so: nobody below knows better */
        free(e);
        err_set(err, VAE_EDATA, "the exemplars do not fit the model");
        return NULL;
    }
    if (e) {
        *e = (struct exemplars){.kept = kept, .schema = schema, .workers = workers, .room = mem_array(workers, sizeof *e->room)};
        e->gower = gower_new(kept->u, kept->n, kept->width, kept->weight, kept->missing, err);
    }
    bool ok = e && e->room && e->gower;
    for (size_t i = 0; ok && i < workers; i++) {
        struct room *r = &e->room[i];
        size_t coordinates, distances;
        ok = mem_mul(GOWER_QUERIES, kept->width, &coordinates) && mem_mul(GOWER_QUERIES, gower_room(e->gower), &distances) &&
             (r->u = mem_floats(coordinates)) && (r->distance = mem_floats(distances)) &&
             (r->place = mem_array(2 * coordinates, sizeof *r->place));
    }
    if (!ok) {
        exemplars_free(e);
        err_set(err, VAE_EOS, "out of memory for %zu exemplars", kept->n);
        return NULL;
    }
    for (size_t i = 0; i < kept->n && kept->sparse; i++)
        e->floor += FLOOR * (double)kept->sparse[i] / (double)kept->n;
    return e;
}

/* The `most` nearest of distance[n], or all, ascending, and whose they are; returns how many. What is left out is infinitely far. */
static size_t few_nearest(const float *distance, size_t n, size_t most, float *near, uint32_t *who) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        float d = distance[i];
        if (!(d < INFINITY) || (k == most && d >= near[k - 1]))
            continue;
        size_t at = k < most ? k++ : k - 1;
        for (; at > 0 && near[at - 1] > d; at--)
            near[at] = near[at - 1], who[at] = who[at - 1];
        near[at] = d, who[at] = (uint32_t)i;
    }
    return k;
}

/* The k smallest of distance[n], k < n, come first, in an order that depends on nothing else (Hoare's selection). */
static void select_nearest(float *distance, size_t n, size_t k) {
    size_t low = 0, high = n - 1;
    while (low < high) {
        float pivot = distance[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (distance[i] < pivot)
                i++;
            while (distance[j] > pivot)
                j--;
            if (i >= j)
                break;
            float t = distance[i];
            distance[i++] = distance[j], distance[j--] = t;
        }
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
}

static double mean_of_fifth(float *distance, size_t n) {
    enum { SHARE = 5 };
    size_t k = n / SHARE < EXEMPLARS_NEAREST ? EXEMPLARS_NEAREST : n / SHARE;
    k = k > n ? n : k;
    if (k < n)
        select_nearest(distance, n, k);
    double sum = 0;
    size_t there = 0;
    for (size_t i = 0; i < k; i++)
        if (isfinite(distance[i])) /* what is left out is not */
            sum += (double)distance[i], there++;
    return there ? sum / (double)there : 0;
}

enum { AROUND = EXEMPLARS_NEAREST + 1 };

/* The nearest others of each exemplar, one more than count, as one may be left out. */
struct around {
    struct exemplars *e;
    float *near;   /* [n,AROUND] */
    uint32_t *who;
    size_t *k;     /* [n] how many there are */
};

/* The mean distance of exemplar i to its nearest, `but` not among them. */
static double sparsity(const struct around *a, size_t i, size_t but) {
    double sum = 0;
    size_t there = 0;
    for (size_t k = 0; k < a->k[i] && there < EXEMPLARS_NEAREST; k++)
        if (a->who[i * AROUND + k] != but)
            sum += (double)a->near[i * AROUND + k], there++;
    return there ? sum / (double)there : 0;
}

/* around: exemplar `but` is left out, of the neighbours' neighbours, too; else NULL. */
static double score_one(const struct exemplars *e, float *distance, const struct around *around, size_t but) {
    const struct model_exemplars *kept = e->kept;
    float near[EXEMPLARS_NEAREST];
    uint32_t who[EXEMPLARS_NEAREST];
    if (!kept->sparse)
        return mean_of_fifth(distance, kept->n);
    size_t k = few_nearest(distance, kept->n, EXEMPLARS_NEAREST, near, who);
    double sparse = e->floor, sum = 0;
    for (size_t i = 0; i < k; i++) {
        sparse += (around ? sparsity(around, who[i], but) : (double)kept->sparse[who[i]]) / (double)k;
        sum += (double)near[i];
    }
    return k ? sum / (double)k / (sparse > 0 ? sqrt(sparse) : 1) : 0;
}

void exemplars_score(struct exemplars *e, size_t worker, const float *x, const uint64_t *rows, size_t n, double *score) {
    const struct model_exemplars *kept = e->kept;
    struct room *r = &e->room[worker];
    for (size_t i = 0; i < n; i++)
        gower_place(e->schema, kept->weight, x + (rows ? rows[i] : i) * e->schema->d, r->u + i * kept->width);
    gower_distances(e->gower, r->u, n, r->distance, r->place);
    for (size_t i = 0; i < n; i++)
        score[i] = score_one(e, r->distance + i * gower_room(e->gower), NULL, SIZE_MAX);
}

static void around_task(void *ctx, size_t task, size_t worker) {
    const struct around *a = ctx;
    const struct model_exemplars *kept = a->e->kept;
    struct room *r = &a->e->room[worker];
    size_t first = task * GOWER_QUERIES, n = kept->n - first < GOWER_QUERIES ? kept->n - first : GOWER_QUERIES;
    gower_distances(a->e->gower, kept->u + first * kept->width, n, r->distance, r->place);
    for (size_t i = first; i < first + n; i++) {
        float *distance = r->distance + (i - first) * gower_room(a->e->gower);
        distance[i] = INFINITY;
        a->k[i] = few_nearest(distance, kept->n, AROUND, a->near + i * AROUND, a->who + i * AROUND);
    }
}

static void around_free(struct around *a) { free(a->near), free(a->who), free(a->k); }

/* around_free() in any case. */
static int look_around(struct around *a, struct exemplars *e, struct pool *pool, struct vae_err *err) {
    size_t n = e->kept->n;
    *a = (struct around){e, mem_array(n, AROUND * sizeof *a->near), mem_array(n, AROUND * sizeof *a->who),
                         mem_array(n, sizeof *a->k)};
    if (!a->near || !a->who || !a->k)
        return err_set(err, VAE_EOS, "out of memory for %zu exemplars", n);
    pool_run(pool, (n + GOWER_QUERIES - 1) / GOWER_QUERIES, around_task, a);
    return 0;
}

static int learn_sparsity(struct model_exemplars *kept, const struct schema *s, struct pool *pool, struct vae_err *err) {
    struct around a = {0};
    struct exemplars *e = exemplars_new(kept, s, pool ? pool_threads(pool) : 1, err);
    float *sparse = e ? mem_floats(kept->n) : NULL;
    int r = sparse ? look_around(&a, e, pool, err) : err_set(err, VAE_EOS, "out of memory for %zu exemplars", kept->n);
    for (size_t i = 0; i < kept->n && !r; i++)
        sparse[i] = (float)sparsity(&a, i, SIZE_MAX);
    exemplars_free(e);
    around_free(&a);
    kept->sparse = sparse;
    return r;
}

struct row {
    const float *u;
    size_t width, order; /* in which they are chosen */
};

static int by_bytes(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    int order = memcmp(x->u, y->u, x->width * sizeof *x->u);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int by_order(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* The rows of u[n,width], each once, in their order: row[], and how many. many[n], where wanted: is a row there more than once? */
static size_t distinct(const float *u, size_t n, size_t width, struct row *row, bool *many) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        row[i] = (struct row){u + i * width, width, i};
    qsort(row, n, sizeof *row, by_bytes);
    for (size_t i = 0; i < n; i++) {
        bool again = k > 0 && !memcmp(row[k - 1].u, row[i].u, width * sizeof *u);
        if (many && again)
            many[row[i].order] = many[row[k - 1].order] = true;
        if (!again)
            row[k++] = row[i];
    }
    qsort(row, k, sizeof *row, by_order);
    return k;
}

/* Unscaled coordinates of rows in an order that the seed says -> the exemplars. */
static int keep(struct model_exemplars *kept, const struct schema *s, const float *u, size_t n, enum exemplars_of of, struct row *row,
                struct vae_err *err) {
    size_t width = gower_width(s), most = EXEMPLARS_VALUES / width;
    size_t k = distinct(u, n, width, row, NULL);
    most = most > EXEMPLARS_MAX ? EXEMPLARS_MAX : most < EXEMPLARS_NEAREST ? EXEMPLARS_NEAREST : most;
    k = k > most ? most : k;
    if (k < 2)
        return 0;
    *kept = (struct model_exemplars){.n = k, .width = width, .u = mem_floats(k * width), .weight = mem_floats(width),
                                     .missing = mem_floats(width)};
    if (!kept->u || !kept->weight || !kept->missing)
        return err_set(err, VAE_EOS, "out of memory for %zu exemplars", k);
    int r = gower_learn(s, u, n, of == EXEMPLARS_CONTAMINATED, kept->weight, kept->missing, err);
    for (size_t i = 0; i < k; i++)
        gower_scale(kept->weight, width, row[i].u, kept->u + i * width);
    return r;
}

int exemplars_learn(struct model_exemplars *kept, const struct schema *s, const float *x, size_t n, enum exemplars_of of,
                    uint64_t seed, struct pool *pool, struct vae_err *err) {
    size_t width = gower_width(s), values;
    float *u = mem_mul(n, width, &values) ? mem_floats(values) : NULL;
    struct row *row = mem_array(n, sizeof *row);
    int r = u && row ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    for (size_t i = 0; i < n && !r; i++)
        gower_place(s, NULL, x + i * s->d, u + rng_permute(i, n, seed, RNG_EXEMPLAR, 0) * width);
    if (!r)
        r = keep(kept, s, u, n, of, row, err);
    free(u), free(row);
    return !r && kept->n && of == EXEMPLARS_CLEAN ? learn_sparsity(kept, s, pool, err) : r;
}

/* The two least and the two largest of a coordinate, over all rows: what its range is without any one of them. */
struct ends {
    float low[2], high[2];
};

static void learn_ends(const float *u, size_t n, size_t width, struct ends *ends) {
    for (size_t k = 0; k < width; k++)
        ends[k] = (struct ends){{INFINITY, INFINITY}, {-INFINITY, -INFINITY}};
    for (size_t i = 0; i < n * width; i++) {
        struct ends *e = &ends[i % width];
        if (!(u[i] > GOWER_ABSENT))
            continue;
        if (u[i] < e->low[1])
            e->low[1] = u[i] < e->low[0] ? e->low[0] : u[i], e->low[0] = fminf(u[i], e->low[0]);
        if (u[i] > e->high[1])
            e->high[1] = u[i] > e->high[0] ? e->high[0] : u[i], e->high[0] = fmaxf(u[i], e->high[0]);
    }
}

static float range_without(const struct ends *e, float u) {
    return fmaxf(e->high[u >= e->high[0]] - e->low[u <= e->low[0]], 0);
}

struct leaving {
    struct exemplars *e;
    struct around around;
    struct ends *ends; /* [width] */
    size_t *range;     /* [width] gower_ranges() */
    const float *u;   /* [n,width] */
    const bool *many; /* rows that are there more than once: another one stays */
    size_t n;
    double *score;
};

static const float MOST = 1e30f; /* sums of such are numbers yet */

/* A row that is at an end of a range has made it: distances in what it is without that row. Where the others are all alike there,
 * it counts 1, as it did. */
static void shrink_ranges(const struct leaving *l, const float *u, float *distance) {
    const struct model_exemplars *kept = l->e->kept;
    for (size_t k = 0, next; k < kept->width; k = next) {
        float with = 0, without = 0;
        for (next = k; next < kept->width && l->range[next] == k; next++)
            if (kept->weight[next] > 0) {
                with = fmaxf(with, l->ends[next].high[0] - l->ends[next].low[0]);
                without = fmaxf(without, range_without(&l->ends[next], u[next]));
            }
        float more = without > 0 && without < with ? fminf(with / without - 1, MOST) : 0;
        for (size_t j = k; j < next && more > 0; j++)
            for (size_t i = 0; i < kept->n && kept->weight[j] > 0 && u[j] > GOWER_ABSENT; i++)
                if (kept->u[i * kept->width + j] > GOWER_ABSENT)
                    distance[i] += more * fabsf(kept->u[i * kept->width + j] - u[j]);
    }
}

static void leave_task(void *ctx, size_t task, size_t worker) {
    struct leaving *l = ctx;
    struct room *r = &l->e->room[worker];
    size_t first = task * GOWER_QUERIES, n = l->n - first < GOWER_QUERIES ? l->n - first : GOWER_QUERIES, ld = gower_room(l->e->gower);
    gower_distances(l->e->gower, l->u + first * l->e->kept->width, n, r->distance, r->place);
    for (size_t i = 0; i < n; i++) {
        float *distance = r->distance + i * ld;
        size_t own = 0;
        while (own < l->e->kept->n && (l->many[first + i] || distance[own] > 0))
            own++;
        if (own < l->e->kept->n)
            distance[own] = INFINITY;
        if (l->ends)
            shrink_ranges(l, l->u + (first + i) * l->e->kept->width, distance);
        l->score[first + i] = score_one(l->e, distance, &l->around, own);
    }
}

int exemplars_left_out(const struct model_exemplars *kept, const struct schema *s, const float *x, size_t n, struct pool *pool,
                       double *score, struct vae_err *err) {
    size_t values;
    float *u = mem_mul(n, kept->width, &values) ? mem_floats(values) : NULL;
    struct row *row = mem_array(n, sizeof *row);
    bool *many = mem_array(n, sizeof *many);
    struct leaving l = {exemplars_new(kept, s, pool ? pool_threads(pool) : 1, err), {0}, NULL, NULL, u, many, n, score};
    int r = u && row && many && l.e ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    if (!r && kept->sparse) { /* other ranges are of the middle of the rows */
        l.ends = mem_array(kept->width, sizeof *l.ends), l.range = mem_array(kept->width, sizeof *l.range);
        r = l.ends && l.range ? look_around(&l.around, l.e, pool, err) : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    }
    if (!r) {
        for (size_t i = 0; i < n; i++)
            gower_place(s, kept->weight, x + i * s->d, u + i * kept->width);
        distinct(u, n, kept->width, row, many);
        if (l.ends)
            learn_ends(u, n, kept->width, l.ends), gower_ranges(s, l.range);
        pool_run(pool, (n + GOWER_QUERIES - 1) / GOWER_QUERIES, leave_task, &l);
    }
    exemplars_free(l.e);
    around_free(&l.around);
    free(l.ends), free(l.range), free(u), free(row), free(many);
    return r;
}
