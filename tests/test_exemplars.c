/*
 * Distances to exemplars against their definition written down again in double: Gower's, over columns of all kinds; the neighbours,
 * the sparsity around them, the nearest fifth; a row left out of those it is compared with.
 */
#include <float.h>

#include "base/mem.h"
#include "base/rng.h"
#include "columns.h"
#include "score/exemplars.h"
#include "score/gower.h"
#include "score/score.h"

enum { ROWS = 150, TWINS = 6, COLS = 6 };

static void number(char out[CELL], size_t i) { snprintf(out, CELL, "%.4f", 100 * noise(i, 0) * noise(i, 7)); }
static void moment(char out[CELL], size_t i) {
    snprintf(out, CELL, "2024-03-%02dT%02d:%02d:00", (int)(1 + i * 5 % 28), (int)(24 * noise(i, 2)), (int)(60 * noise(i, 3)));
}
static void spiky(char out[CELL], size_t i) { snprintf(out, CELL, "%.3f", i % 20 ? 0.0 : 40 * noise(i, 5)); }

/* Columns of all kinds; the last rows are there twice. */
static struct outcome table(void) {
    static cell_fn *const cells[COLS] = {number, category, moment, gaps, spiky, constant};
    struct outcome o = scan(cells, COLS, ROWS - TWINS, NULL);
    CHECK(o.s && o.s->d == 7, "%s", o.err.msg);
    o.raw = realloc(o.raw, ROWS * o.s->d * sizeof *o.raw);
    memcpy(o.raw + (ROWS - TWINS) * o.s->d, o.raw + (ROWS - 2 * TWINS) * o.s->d, TWINS * o.s->d * sizeof *o.raw);
    learn(&o, ROWS);
    return o;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Coordinate k of a row as it is compared; values are number, category, day, second, gaps, spiky, constant. */
static double coordinate(const double *r, size_t k) {
    double turn = r[3] / 86400 * 2 * acos(-1);
    return k < 3 ? r[k] : k == 3 ? sin(turn) : k == 4 ? cos(turn) : r[k - 1];
}

enum { WIDTH = 8 };

/* but: a row that is left out, or SIZE_MAX. */
static double range_of(const double *raw, size_t d, size_t k, bool core, size_t but) {
    double v[ROWS], mean = 0, square = 0;
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++)
        if (i != but && !isnan(coordinate(raw + i * d, k)))
            v[n++] = coordinate(raw + i * d, k);
    qsort(v, n, sizeof *v, by_value);
    if (!core)
        return v[n - 1] - v[0];
    for (size_t i = 0; i < n; i++)
        mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        square += (v[i] - mean) * (v[i] - mean) / (double)n;
    double middle = v[n - 1 - (n - 1) / 20] - v[(n - 1) / 20];
    return middle > 0 ? middle : 3.2897072539 * sqrt(square);
}

/* The distance by its definition, but for what a missing cell counts, which depends on the order of the rows: *gaps of those. */
static double distance(const double *range, const double *a, const double *b, size_t *lack) {
    double sum = 0;
    *lack = 0;
    for (size_t k = 0; k < WIDTH; k++) {
        double x = coordinate(a, k), y = coordinate(b, k);
        if (isnan(x) || isnan(y))
            *lack += isnan(x) != isnan(y);
        else if (k == 1 || !(range[k] > 0))
            sum += x < y || x > y;
        else
            sum += fabs(x - y) / range[k];
    }
    return sum;
}

static void test_distances(const struct outcome *o, const float *x, bool core) {
    struct vae_err err = {0};
    size_t d = o->s->d, width = gower_width(o->s);
    CHECK(width == WIDTH, "%zu coordinates", width);
    float *u = mem_floats(ROWS * WIDTH), weight[WIDTH], missing[WIDTH];
    uint32_t place[2 * WIDTH * GOWER_QUERIES];
    double range[WIDTH], worst = 0;
    for (size_t i = 0; i < ROWS; i++)
        gower_place(o->s, NULL, x + i * d, u + i * WIDTH);
    CHECK(!gower_learn(o->s, u, ROWS, core, weight, missing, &err), "%s", err.msg);
    for (size_t i = 0; i < ROWS; i++)
        gower_scale(weight, WIDTH, u + i * WIDTH, u + i * WIDTH);
    for (size_t k = 0; k < WIDTH; k++)
        range[k] = range_of(o->raw, d, k, core, SIZE_MAX);
    CHECK(missing[5] > 0 && missing[5] < 0.6f, "two rows differ by %g", (double)missing[5]);
    CHECK(!(weight[1] > 0) && !(weight[7] > 0) && weight[6] > 0, "levels and constants are compared for equality");
    struct gower *g = gower_new(u, ROWS, WIDTH, weight, missing, &err);
    float *t = mem_floats(GOWER_QUERIES * gower_room(g)), *alone = mem_floats(gower_room(g));
    size_t moved = 0;
    for (size_t q = 0; q + GOWER_QUERIES <= ROWS; q += GOWER_QUERIES) {
        gower_distances(g, u + q * WIDTH, GOWER_QUERIES, t, place);
        for (size_t i = 0; i < GOWER_QUERIES; i++) {
            gower_distances(g, u + (q + i) * WIDTH, 1, alone, place);
            moved += memcmp(alone, t + i * gower_room(g), ROWS * sizeof *t) != 0;
            for (size_t e = 0; e < ROWS; e++) {
                size_t lack;
                double want = distance(range, o->raw + (q + i) * d, o->raw + e * d, &lack) + (double)lack * (double)missing[5];
                worst = fmax(worst, fabs(want - (double)t[i * gower_room(g) + e]));
            }
        }
    }
    CHECK(worst < 2e-5, "off by %g", worst);
    CHECK(moved == 0, "%zu rows are elsewhere in company", moved);
    gower_free(g), free(u), free(t), free(alone);
}

/* The mean of the k least of v[n]. */
static double least(const double *v, size_t n, size_t k) {
    double sorted[ROWS], sum = 0;
    memcpy(sorted, v, n * sizeof *v);
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0; i < k; i++)
        sum += sorted[i] / (double)k;
    return sum;
}

/* What exemplars.h says, from distances by gower.c. out: the exemplar that the row itself is, or SIZE_MAX; wider[WIDTH]: by how much
 * it has made the range of each coordinate so. */
static double by_definition(const struct model_exemplars *e, const float *u, size_t out, const double *wider) {
    struct gower *g = gower_new(e->u, e->n, e->width, e->weight, e->missing, NULL);
    float t[GOWER_BLOCK + ROWS], s[GOWER_BLOCK + ROWS];
    uint32_t place[2 * WIDTH];
    double v[ROWS], floor = 0, around = 0, score;
    bool used[ROWS] = {0};
    gower_distances(g, u, 1, t, place);
    for (size_t i = 0; i < e->n; i++)
        v[i] = i == out ? INFINITY : (double)t[i];
    for (size_t i = 0; i < e->n * WIDTH; i++)
        if (e->u[i] > GOWER_ABSENT && u[i % WIDTH] > GOWER_ABSENT && wider[i % WIDTH] > 1)
            v[i / WIDTH] += (wider[i % WIDTH] - 1) * fabs((double)e->u[i] - (double)u[i % WIDTH]);
    size_t k = e->n / 5 > 5 ? e->n / 5 : 5;
    if (!e->sparse) {
        gower_free(g);
        return least(v, e->n, k);
    }
    score = least(v, e->n, 5);
    for (size_t i = 0; i < e->n; i++)
        floor += 0.1 * (double)e->sparse[i] / (double)e->n;
    for (int near = 0; near < 5; near++) {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < e->n; i++)
            if (!used[i] && (best == SIZE_MAX || v[i] < v[best]))
                best = i;
        used[best] = true;
        double w[ROWS];
        gower_distances(g, e->u + best * e->width, 1, s, place);
        for (size_t i = 0; i < e->n; i++)
            w[i] = i == best || i == out ? INFINITY : (double)s[i];
        around += least(w, e->n, 5) / 5;
    }
    gower_free(g);
    return score / sqrt(around + floor);
}

static void test_scores(const struct outcome *o, const float *x, enum exemplars_of of) {
    struct vae_err err = {0};
    struct model_exemplars kept = {0}, again = {0};
    size_t d = o->s->d;
    CHECK(!exemplars_learn(&kept, o->s, x, ROWS, of, 3, NULL, &err), "%s", err.msg);
    CHECK(kept.n == ROWS - TWINS, "%zu exemplars: twins count once", kept.n);
    CHECK((kept.sparse != NULL) == (of == EXEMPLARS_CLEAN), "sparsity");
    exemplars_learn(&again, o->s, x, ROWS, of, 3, NULL, &err);
    CHECK(!memcmp(kept.u, again.u, kept.n * kept.width * sizeof *kept.u), "the same seed, other exemplars");
    struct exemplars *e = exemplars_new(&kept, o->s, 1, &err);
    double score[ROWS], left[ROWS], worst = 0, worst_left = 0;
    size_t made = 0;
    for (size_t i = 0; i < ROWS; i += GOWER_QUERIES)
        exemplars_score(e, 0, x + i * d, NULL, ROWS - i < GOWER_QUERIES ? ROWS - i : GOWER_QUERIES, score + i);
    CHECK(!exemplars_left_out(&kept, o->s, x, ROWS, NULL, left, &err), "%s", err.msg);
    for (size_t i = 0; i < ROWS; i++) {
        float u[WIDTH];
        size_t own = SIZE_MAX;
        gower_place(o->s, kept.weight, x + i * d, u);
        for (size_t k = 0; k < kept.n; k++)
            own = memcmp(kept.u + k * WIDTH, u, sizeof u) ? own : k;
        CHECK(own != SIZE_MAX, "row %zu is no exemplar", i);
        bool twin = i >= ROWS - 2 * TWINS;
        double wider[WIDTH] = {0};
        worst = fmax(worst, fabs(score[i] - by_definition(&kept, u, SIZE_MAX, wider)));
        for (size_t k = 0; k < WIDTH && of == EXEMPLARS_CLEAN && !twin; k++)
            if (kept.weight[k] > 0)
                wider[k] = range_of(o->raw, d, k, false, SIZE_MAX) / range_of(o->raw, d, k, false, i), made += wider[k] > 1;
        worst_left = fmax(worst_left, fabs(left[i] - by_definition(&kept, u, twin ? SIZE_MAX : own, wider)));
    }
    CHECK(of != EXEMPLARS_CLEAN || made > 5, "%zu ranges are made by rows", made);
    CHECK(worst < 1e-6 && worst_left < 1e-6, "scores off by %g and, left out, %g", worst, worst_left);
    exemplars_free(e);
    model_exemplars_free(&kept), model_exemplars_free(&again);
}

/* More rows than are kept; and so few that there is nothing to compare with. */
static void test_sizes(void) {
    enum { MANY = 6000 };
    static const size_t one[] = {1};
    struct vae_err err = {0};
    struct model_exemplars kept = {0};
    struct vae_head *h = rec_head_new("data", NULL);
    rec_head_add(h, "v", REC_F64, 0, one, NULL);
    struct schema *s = schema_new(h, NULL);
    double *raw = mem_array(MANY, sizeof *raw);
    float *x = mem_floats(MANY);
    uint64_t *rows = mem_array(MANY, sizeof *rows);
    for (size_t i = 0; i < MANY; i++)
        raw[i] = sqrt((double)i), rows[i] = i;
    s->col[0].transform = &schema_standard;
    CHECK(!schema_learn(s, raw, rows, MANY, 16, &err), "%s", err.msg);
    schema_to_model(s, raw, NULL, MANY, x);
    CHECK(!exemplars_learn(&kept, s, x, MANY, EXEMPLARS_CLEAN, 1, NULL, &err) && kept.n == EXEMPLARS_MAX, "%zu are kept", kept.n);
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < kept.n; i++)
        low = fmin(low, (double)kept.u[i]), high = fmax(high, (double)kept.u[i]);
    CHECK(high - low > 0.98 && high - low < 1.00001, "of the whole range, not %g of it", high - low);
    model_exemplars_free(&kept);
    CHECK(!exemplars_learn(&kept, s, x, 1, EXEMPLARS_CLEAN, 1, NULL, &err) && !kept.n, "one row has no neighbour");
    float same[3] = {1, 1, 1}, far[2] = {FLT_MAX, NAN};
    CHECK(!exemplars_learn(&kept, s, same, 3, EXEMPLARS_CLEAN, 1, NULL, &err) && !kept.n, "rows that are all alike are one");
    CHECK(!exemplars_learn(&kept, s, x, 20, EXEMPLARS_CLEAN, 1, NULL, &err) && kept.n == 20, "%s", err.msg);
    struct exemplars *e = exemplars_new(&kept, s, 1, &err);
    double score[2];
    exemplars_score(e, 0, far, NULL, 2, score);
    CHECK(isfinite(score[0]) && score[0] > 1e6 && isfinite(score[1]) && score[1] > 0, "far out: %g, missing: %g", score[0], score[1]);
    exemplars_free(e);
    kept.width++;
    CHECK(!exemplars_new(&kept, s, 1, &err) && err.code == VAE_EDATA, "exemplars of another schema");
    model_exemplars_free(&kept);
    schema_free(s), rec_head_free(h), free(raw), free(x), free(rows);
}

/* Rows left out are to new ones as these are to each other, also where a few of them make the ranges: columns with heavy tails. */
static void test_new_rows(void) {
    enum { N = 100, NEW = 400, D = 20, REPEATS = 12 };
    struct vae_err err = {0};
    double raw[D * (N + NEW)], score[N + NEW], low[2] = {0};
    float x[D * (N + NEW)], cal[N];
    uint64_t rows[N];
    for (uint64_t rep = 0; rep < REPEATS; rep++) {
        struct vae_head *h = rec_head_new("data", NULL);
        for (size_t j = 0; j < D; j++)
            rec_head_add(h, (char[]){(char)('a' + j), 0}, REC_F64, 0, (size_t[]){1}, NULL);
        struct schema *s = schema_new(h, NULL);
        for (size_t i = 0; i < N + NEW; i++) {
            float e[2 * D];
            rng_normals(e, 2 * D, 1, 1, 11, RNG_TEST, rep, NULL, i);
            for (size_t j = 0; j < D; j++)
                raw[i * D + j] = (double)e[j] / fabs((double)e[D + j]), s->col[j].transform = &schema_standard;
        }
        for (size_t i = 0; i < N; i++)
            rows[i] = i;
        struct model_exemplars kept = {0};
        CHECK(!schema_learn(s, raw, rows, N, 16, &err), "%s", err.msg);
        schema_to_model(s, raw, NULL, N + NEW, x);
        CHECK(!exemplars_learn(&kept, s, x, N, EXEMPLARS_CLEAN, 1, NULL, &err), "%s", err.msg);
        CHECK(!exemplars_left_out(&kept, s, x, N, NULL, score, &err), "%s", err.msg);
        struct exemplars *e = exemplars_new(&kept, s, 1, &err);
        for (size_t i = N; i < N + NEW; i += GOWER_QUERIES)
            exemplars_score(e, 0, x + i * D, NULL, GOWER_QUERIES, score + i);
        for (size_t i = 0; i < N; i++)
            cal[i] = (float)score[i];
        conformal_sort(cal, N);
        for (size_t i = N; i < N + NEW; i++) {
            double p = conformal_p(cal, N, (float)score[i]);
            low[0] += p <= 0.02, low[1] += p <= 0.1;
        }
        exemplars_free(e), model_exemplars_free(&kept), schema_free(s), rec_head_free(h);
    }
    for (size_t k = 0; k < 2; k++) {
        double alpha = k ? 0.1 : 0.02, sd = sqrt(alpha * (1 - alpha) / (N * REPEATS)), share = low[k] / (NEW * REPEATS);
        CHECK(share < alpha + 4 * sd && share > alpha / 4, "%g of new rows have p <= %g", share, alpha);
    }
}

int main(void) {
    struct outcome o = table();
    float *x = mem_floats(ROWS * o.s->d);
    schema_to_model(o.s, o.raw, NULL, ROWS, x);
    test_distances(&o, x, false);
    test_distances(&o, x, true);
    test_scores(&o, x, EXEMPLARS_CLEAN);
    test_scores(&o, x, EXEMPLARS_TRIMMED);
    test_scores(&o, x, EXEMPLARS_CONTAMINATED);
    test_sizes();
    test_new_rows();
    free(x), done(&o);
    return test_done();
}
