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

/* The EXEMPLARS_NEAREST of distance[n], or all, ascending, and whose they are; returns how many. */
static size_t few_nearest(const float *distance, size_t n, float *near, uint32_t *who) {
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        float d = distance[i];
        if (k == EXEMPLARS_NEAREST && d >= near[k - 1])
            continue;
        size_t at = k < EXEMPLARS_NEAREST ? k++ : k - 1;
        for (; at > 0 && near[at - 1] > d; at--)
            near[at] = near[at - 1], who[at] = who[at - 1];
        near[at] = d, who[at] = (uint32_t)i;
    }
    return k;
}

/* The mean of those that are there: what is left out is infinitely far. */
static double mean_of_few(const float *near, size_t k) {
    double sum = 0;
    size_t there = 0;
    for (size_t i = 0; i < k; i++)
        if (isfinite(near[i]))
            sum += (double)near[i], there++;
    return there ? sum / (double)there : 0;
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
    return mean_of_few(distance, k);
}

static double score_one(const struct exemplars *e, float *distance) {
    const struct model_exemplars *kept = e->kept;
    float near[EXEMPLARS_NEAREST];
    uint32_t who[EXEMPLARS_NEAREST];
    if (!kept->sparse)
        return mean_of_fifth(distance, kept->n);
    size_t k = few_nearest(distance, kept->n, near, who);
    double sparse = e->floor;
    for (size_t i = 0; i < k; i++)
        sparse += (double)kept->sparse[who[i]] / (double)k;
    return mean_of_few(near, k) / (sparse > 0 ? sqrt(sparse) : 1);
}

void exemplars_score(struct exemplars *e, size_t worker, const float *x, const uint64_t *rows, size_t n, double *score) {
    const struct model_exemplars *kept = e->kept;
    struct room *r = &e->room[worker];
    for (size_t i = 0; i < n; i++)
        gower_place(e->schema, kept->weight, x + (rows ? rows[i] : i) * e->schema->d, r->u + i * kept->width);
    gower_distances(e->gower, r->u, n, r->distance, r->place);
    for (size_t i = 0; i < n; i++)
        score[i] = score_one(e, r->distance + i * gower_room(e->gower));
}

struct sparsity {
    struct exemplars *e;
    float *sparse; /* [n] */
};

/* The mean distance of each exemplar to its nearest among the others. */
static void sparse_task(void *ctx, size_t task, size_t worker) {
    const struct sparsity *s = ctx;
    const struct model_exemplars *kept = s->e->kept;
    struct room *r = &s->e->room[worker];
    size_t first = task * GOWER_QUERIES, n = kept->n - first < GOWER_QUERIES ? kept->n - first : GOWER_QUERIES;
    gower_distances(s->e->gower, kept->u + first * kept->width, n, r->distance, r->place);
    for (size_t i = 0; i < n; i++) {
        float near[EXEMPLARS_NEAREST], *distance = r->distance + i * gower_room(s->e->gower);
        uint32_t who[EXEMPLARS_NEAREST];
        distance[first + i] = INFINITY;
        s->sparse[first + i] = (float)mean_of_few(near, few_nearest(distance, kept->n, near, who));
    }
}

static int learn_sparsity(struct model_exemplars *kept, const struct schema *s, struct pool *pool, struct vae_err *err) {
    kept->sparse = mem_floats(kept->n);
    struct sparsity all = {kept->sparse ? exemplars_new(kept, s, pool ? pool_threads(pool) : 1, err) : NULL, kept->sparse};
    if (!all.e)
        return err_set(err, VAE_EOS, "out of memory for %zu exemplars", kept->n);
    pool_run(pool, (kept->n + GOWER_QUERIES - 1) / GOWER_QUERIES, sparse_task, &all);
    exemplars_free(all.e);
    return 0;
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

struct leaving {
    struct exemplars *e;
    const float *u;   /* [n,width] */
    const bool *many; /* rows that are there more than once: another one stays */
    size_t n;
    double *score;
};

static void leave_task(void *ctx, size_t task, size_t worker) {
    struct leaving *l = ctx;
    struct room *r = &l->e->room[worker];
    size_t first = task * GOWER_QUERIES, n = l->n - first < GOWER_QUERIES ? l->n - first : GOWER_QUERIES, ld = gower_room(l->e->gower);
    gower_distances(l->e->gower, l->u + first * l->e->kept->width, n, r->distance, r->place);
    for (size_t i = 0; i < n; i++) {
        float *distance = r->distance + i * ld;
        for (size_t k = 0; k < l->e->kept->n && !l->many[first + i]; k++)
            if (!(distance[k] > 0)) {
                distance[k] = INFINITY;
                break;
            }
        l->score[first + i] = score_one(l->e, distance);
    }
}

int exemplars_left_out(const struct model_exemplars *kept, const struct schema *s, const float *x, size_t n, struct pool *pool,
                       double *score, struct vae_err *err) {
    size_t values;
    float *u = mem_mul(n, kept->width, &values) ? mem_floats(values) : NULL;
    struct row *row = mem_array(n, sizeof *row);
    bool *many = mem_array(n, sizeof *many);
    struct leaving l = {exemplars_new(kept, s, pool ? pool_threads(pool) : 1, err), u, many, n, score};
    int r = u && row && many && l.e ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    if (!r) {
        for (size_t i = 0; i < n; i++)
            gower_place(s, kept->weight, x + i * s->d, u + i * kept->width);
        distinct(u, n, kept->width, row, many);
        pool_run(pool, (n + GOWER_QUERIES - 1) / GOWER_QUERIES, leave_task, &l);
    }
    exemplars_free(l.e);
    free(u), free(row), free(many);
    return r;
}
