/* gower.c - Gower's distance between records: see gower.h. */
#include "score/gower.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vmath.h"

static const float FARTHEST = 1e30f; /* of a coordinate: sums of such are numbers yet */

/* Of a time: turn[2], the cycles that value j is a place in, in its unit, days or seconds of one; how many. A clock has those that
 * it is told by alone, as its day will never come again. */
static size_t cycles(const struct schema_col *c, size_t j, double turn[2]) {
    size_t n = 0;
    if (c->kind == SCHEMA_TIME && j > c->v0 && (!c->clock || (c->clock & SCHEMA_DAY)))
        turn[n++] = 86400;
    if (j == c->v0 && (c->clock & SCHEMA_WEEK))
        turn[n++] = 7;
    if (j == c->v0 && (c->clock & SCHEMA_YEAR))
        turn[n++] = 365.2425;
    return n;
}

/* Is value j compared as it is? */
static bool is_plain(const struct schema_col *c, size_t j) { return c->kind != SCHEMA_TIME || (j == c->v0 && !c->clock); }

static size_t coordinates(const struct schema_col *c, size_t j) {
    double turn[2];
    return is_plain(c, j) + 2 * cycles(c, j, turn);
}

/* Levels without an order. */
static bool is_level(const struct schema *s, const struct schema_col *c, size_t j) {
    return s->cells[j].n && (c->kind == SCHEMA_CATEGORY || c->kind == SCHEMA_BINARY);
}

size_t gower_width(const struct schema *s) {
    size_t n = 0;
    for (size_t c = 0; c < s->ncols; c++)
        for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
            n += coordinates(&s->col[c], j);
    return n;
}

void gower_levels(const struct schema *s, size_t *levels) {
    for (size_t c = 0; c < s->ncols; c++)
        for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
            for (size_t k = coordinates(&s->col[c], j); k > 0; k--)
                *levels++ = is_level(s, &s->col[c], j) ? s->cells[j].n : 0;
}

void gower_ranges(const struct schema *s, size_t *of) {
    size_t k = 0;
    for (size_t c = 0; c < s->ncols; c++) {
        size_t first = k;
        for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++)
            for (size_t i = coordinates(&s->col[c], j); i > 0; i--, k++)
                of[k] = s->col[c].kind == SCHEMA_ARRAY ? first : k;
    }
}

static float within(double v) {
    double most = (double)FARTHEST;
    return (float)(v > most ? most : v < -most ? -most : v);
}

/* A value as a number to be scaled, or the number of its level. */
static float coordinate(const struct schema *s, const struct schema_col *c, size_t j, float x) {
    const struct cells *cells = &s->cells[j];
    if (isnan(x))
        return GOWER_ABSENT;
    if (!cells->n)
        return within((double)x);
    if (is_level(s, c, j) || c->kind == SCHEMA_ORDINAL)
        return (float)cells_at(cells, x);
    double v = cells_value(cells, x);
    return isnan(v) ? GOWER_ABSENT : within((v - cells->center) / cells->spread);
}

/* Sine and cosine of the part of a turn that value j is. */
static void place(const struct schema *s, size_t j, float x, double turn, float u[2]) {
    u[0] = u[1] = GOWER_ABSENT;
    if (isnan(x))
        return;
    double turns = schema_raw(s, j, x) / turn;
    float half = isfinite(turns) ? (float)(2 * (turns - floor(turns))) : 0;
    vm_sincospi(&u[0], &u[1], &half, 1);
}

void gower_scale(const float *weight, size_t width, const float *from, float *to) {
    for (size_t k = 0; k < width; k++)
        to[k] = weight[k] > 0 && from[k] > GOWER_ABSENT ? within((double)from[k] * (double)weight[k]) : from[k];
}

void gower_place(const struct schema *s, const float *weight, const float *x, float *u) {
    size_t k = 0;
    for (size_t c = 0; c < s->ncols; c++) {
        const struct schema_col *col = &s->col[c];
        for (size_t j = col->v0; j < col->v0 + col->width; j++) {
            double turn[2];
            size_t n = cycles(col, j, turn);
            if (is_plain(col, j))
                u[k++] = coordinate(s, col, j, x[j]);
            for (size_t i = 0; i < n; i++, k += 2)
                place(s, j, x[j], turn[i], u + k);
        }
    }
    if (weight)
        gower_scale(weight, k, u, u);
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The range of v[n], which becomes sorted; that of the core is no narrower than of a normal of the same standard deviation, which
 * columns that hardly ever move would be. */
static double range(float *v, size_t n, bool core) {
    if (n == 0)
        return 0;
    qsort(v, n, sizeof *v, by_value);
    if (!core)
        return (double)v[n - 1] - (double)v[0];
    double mean = 0, square = 0, low = (double)v[(n - 1) / 20], high = (double)v[n - 1 - (n - 1) / 20];
    for (size_t i = 0; i < n; i++)
        mean += (double)v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += ((double)v[i] - mean) * ((double)v[i] - mean) / (double)n;
    double normal = 2 * 1.6448536269514722 * sqrt(square); /* between the quantiles .05 and .95 */
    return high > low ? high - low : normal;
}

/* One coordinate: u[i * width] of n records; v has room for n. */
static void learn_one(const float *u, size_t n, size_t width, bool level, bool core, float *v, float *weight, float *missing) {
    size_t here = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (u[i * width] > GOWER_ABSENT)
            v[here++] = u[i * width];
    for (size_t i = 1; i < here; i++) { /* rows come in no order: neighbours are pairs at random */
        double d = fabs((double)v[i] - (double)v[i - 1]);
        sum += level ? (double)(d > 0) : d;
    }
    double r = level ? 0 : range(v, here, core);
    *weight = r > 0 && isfinite(1 / r) ? (float)(1 / r) : 0;
    *missing = here > 1 ? (float)fmin(sum / (double)(here - 1) * (*weight > 0 ? (double)*weight : 1), 1) : 1;
}

int gower_learn(const struct schema *s, const float *u, size_t n, bool core, float *weight, float *missing, struct vae_err *err) {
    size_t width = gower_width(s), k = 0;
    float *v = mem_floats(n + 1);
    if (!v)
        return err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    for (size_t c = 0; c < s->ncols; c++) {
        const struct schema_col *col = &s->col[c];
        size_t first = k;
        for (size_t j = col->v0; j < col->v0 + col->width; j++)
            for (size_t i = coordinates(col, j); i > 0; i--, k++)
                learn_one(u + k, n, width, is_level(s, col, j), core, v, weight + k, missing + k);
        if (col->kind == SCHEMA_ARRAY && col->width > 1) { /* values of one kind: what is small in them is small */
            float least = 0;
            for (size_t i = first; i < k; i++)
                least = weight[i] > 0 && !(least > 0 && least < weight[i]) ? weight[i] : least;
            for (size_t i = first; i < k; i++) {
                missing[i] *= weight[i] > 0 ? least / weight[i] : 1;
                weight[i] = least;
            }
        }
    }
    free(v);
    return 0;
}

struct gower {
    size_t n, width, nblocks;
    float *u;         /* [nblocks,width,GOWER_BLOCK] */
    const float *weight, *missing;
    bool *gaps;       /* [width] is it missing in some of the records? */
};

struct gower *gower_new(const float *u, size_t n, size_t width, const float *weight, const float *missing, struct vae_err *err) {
    struct gower *g = mem_array(1, sizeof *g);
    size_t values;
    if (g) {
        *g = (struct gower){.n = n, .width = width, .nblocks = (n + GOWER_BLOCK - 1) / GOWER_BLOCK, .weight = weight,
                            .missing = missing};
        g->u = mem_mul(g->nblocks * GOWER_BLOCK, width, &values) ? mem_floats(values) : NULL;
        g->gaps = mem_array(width, sizeof *g->gaps);
    }
    if (!g || !g->u || !g->gaps) {
        gower_free(g);
        err_set(err, VAE_EOS, "out of memory for %zu exemplars", n);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < width; k++) {
            float v = u[i * width + k];
            g->u[(i / GOWER_BLOCK * width + k) * GOWER_BLOCK + i % GOWER_BLOCK] = v;
            g->gaps[k] = g->gaps[k] || !(v > GOWER_ABSENT);
        }
    return g;
}

void gower_free(struct gower *g) {
    if (!g)
        return;
    free(g->u), free(g->gaps);
    free(g);
}

size_t gower_room(const struct gower *g) { return g->nblocks * GOWER_BLOCK; }

/* The coordinates of a query, by how they are compared: place[0..nplain) by differences, place[nplain..n) by those and perhaps
 * missing on the other side; the rest are levels or missing here. */
struct query {
    const float *u;
    const uint32_t *place;
    size_t nplain, n, width;
};

static struct query sort_query(const struct gower *g, const float *u, uint32_t *place) {
    size_t plain = 0, number = 0, other = 0;
    uint32_t *rest = place + g->width;
    for (int gaps = 0; gaps < 2; gaps++)
        for (size_t k = 0; k < g->width; k++)
            if (g->gaps[k] == (gaps == 1)) {
                if (g->weight[k] > 0 && u[k] > GOWER_ABSENT)
                    place[number++] = (uint32_t)k, plain += !gaps;
                else
                    rest[other++] = (uint32_t)k;
            }
    memmove(place + number, rest, other * sizeof *place);
    return (struct query){u, place, plain, number, g->width};
}

/* A block as vectors, so that all its sums stay in registers; loads and stores are those of floats. */
typedef float lanes __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t bits __attribute__((vector_size(32)));
enum { LANES = 8, PARTS = GOWER_BLOCK / LANES };

/* |v|, and where ? a : b lane by lane; no functions, as vectors of a width that the processor may lack cannot be passed to such */
#define SIZE(v) ((lanes)((bits)(v) & INT32_MAX))
#define PICK(where, a, b) ((lanes)(((bits)(a) & (where)) | ((bits)(b) & ~(where))))

/* t[GOWER_BLOCK] = distances from a query to a block. */
VM_WIDE static void block(const float *ex, const struct query *q, const float *missing, float *t) {
    const lanes absent = (lanes){0} + GOWER_ABSENT;
    lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (size_t i = 0; i < q->nplain; i++) {
        const lanes *e = (const lanes *)(ex + (size_t)q->place[i] * GOWER_BLOCK), u = (lanes){0} + q->u[q->place[i]];
        s0 += SIZE(e[0] - u), s1 += SIZE(e[1] - u), s2 += SIZE(e[2] - u), s3 += SIZE(e[3] - u);
    }
    lanes sum[PARTS] = {s0, s1, s2, s3};
    for (size_t i = q->nplain; i < q->n; i++) {
        const lanes *e = (const lanes *)(ex + (size_t)q->place[i] * GOWER_BLOCK), u = (lanes){0} + q->u[q->place[i]];
        const lanes miss = (lanes){0} + missing[q->place[i]];
        for (size_t l = 0; l < PARTS; l++)
            sum[l] += PICK(e[l] > absent, SIZE(e[l] - u), miss);
    }
    for (size_t i = q->n; i < q->width; i++) { /* equal: 0; a level beside another: 1; beside a gap: as above */
        const lanes *e = (const lanes *)(ex + (size_t)q->place[i] * GOWER_BLOCK), u = (lanes){0} + q->u[q->place[i]];
        const lanes miss = (lanes){0} + missing[q->place[i]], one = (lanes){0} + 1.0f;
        for (size_t l = 0; l < PARTS; l++)
            sum[l] += PICK((e[l] < u) | (e[l] > u), PICK((u > absent) & (e[l] > absent), one, miss), (lanes){0});
    }
    memcpy(t, sum, sizeof sum);
}

void gower_distances(const struct gower *g, const float *u, size_t m, float *distance, uint32_t *place) {
    size_t room = gower_room(g);
    struct query q[GOWER_QUERIES];
    for (size_t i = 0; i < m; i++)
        q[i] = sort_query(g, u + i * g->width, place + 2 * i * g->width);
    for (size_t b = 0; b < g->nblocks; b++)
        for (size_t i = 0; i < m; i++)
            block(g->u + b * g->width * GOWER_BLOCK, &q[i], g->missing, distance + i * room + b * GOWER_BLOCK);
}
