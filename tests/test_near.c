/*
 * test_near.c - near-copies: what is dropped is what the definition says, pair by pair; copies are found and nothing else is
 * taken for one, however far out some of the given rows are.
 */
#include <float.h>
#include <unistd.h>

#include "base/pool.h"
#include "base/rng.h"
#include "gen/generate.h"
#include "test.h"

enum { ROWS = 300, D = 4 };

/* A model of two numbers, the second with gaps, and two categories; the first number is exp(heavy * normal), one of them `outlier`. */
static struct vae_model *small_model(double heavy, double outlier) {
    char path[] = "/tmp/test_near.XXXXXX", *paths[] = {path};
    struct vae_err err = {0};
    struct vae_fit_opts opts;
    struct vae_in_opts in_opts = {.header = 1};
    struct vae_fit_report report;
    FILE *f = fdopen(mkstemp(path), "w");
    fputs("x,y,name,kind\n", f);
    for (uint64_t i = 0; i < ROWS; i++) {
        float e[2];
        rng_normals(e, 2, 1, 1, 5, RNG_TEST, 1, NULL, i);
        fprintf(f, "%.6g,", i == 7 && outlier > 0 ? outlier : exp(heavy * (double)e[0]));
        fprintf(f, i % 9 ? "%.3f," : ",", (double)e[1]);
        fprintf(f, "%c,%s\n", (char)('a' + i % 5), i % 3 ? "yes" : "no");
    }
    fclose(f);
    vae_fit_defaults(&opts);
    opts.steps = 1, opts.calibrate = false, opts.prior = "normal", opts.latent_dim = 2, opts.hidden[0] = 8, opts.nhidden = 1;
    opts.threads = 1;
    struct vae_in *in = vae_in_open(paths, 1, &in_opts, &err);
    struct vae_model *m = in ? vae_fit(in, &opts, &report, &err) : NULL;
    CHECK(m && m->schema->d == D, "%s", err.msg);
    vae_in_free(in), unlink(path);
    return m;
}

static void draw(double *raw, size_t n, double heavy, double outlier, uint64_t row0) {
    for (size_t i = 0; i < n; i++) {
        float e[2];
        double *r = raw + i * D;
        rng_normals(e, 2, 1, 1, 6, RNG_TEST, 2, NULL, row0 + i);
        r[0] = i == n / 2 && outlier > 0 ? outlier : exp(heavy * (double)e[0]);
        r[1] = i % 9 ? (double)e[1] : NAN;
        r[2] = (double)(i % 6); /* 5: a level that is unknown */
        r[3] = (double)(i % 2);
    }
}

/* The definition, word for word. */
static double apart(const struct vae_model *m, const double *a, const double *b) {
    double sum = 0;
    for (size_t j = 0; j < 2; j++) {
        double mean = m->schema->stats.mean[j], x = isnan(a[j]) ? mean : a[j], y = isnan(b[j]) ? mean : b[j];
        sum += pow((x - y) / m->schema->stats.sd[j], 2) + (isnan(a[j]) != isnan(b[j]));
    }
    for (size_t j = 2; j < D; j++)
        sum += a[j] < b[j] || a[j] > b[j];
    return sum;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double least(const struct vae_model *m, const double *given, size_t n, const double *row, size_t but) {
    double best = INFINITY;
    for (size_t i = 0; i < n; i++)
        best = i == but ? best : fmin(best, apart(m, row, given + i * D));
    return best;
}

static struct gen_given given_of(const double *raw, size_t n) {
    struct gen_given g = {.n = n, .raw = malloc(n * D * sizeof *raw)};
    memcpy(g.raw, raw, n * D * sizeof *raw);
    return g;
}

static void test_definition(void) {
    static const size_t sizes[] = {1, 2, 63, 64, 65, 200, 1000};
    enum { MOST = 1000, QUERIES = 101 };
    double *raw = malloc(MOST * D * sizeof *raw), *query = malloc(QUERIES * D * sizeof *query), *was = malloc(QUERIES * D * sizeof *was);
    double *near = malloc(MOST * sizeof *near);
    struct vae_err err = {0};
    struct vae_model *m = small_model(0.5, 0);
    for (size_t s = 0; m && s < sizeof sizes / sizeof *sizes; s++) {
        size_t n = sizes[s], left[2], want = 0;
        draw(raw, n, 0.5, 0, 0);
        for (size_t i = 0; i < n; i++)
            near[i] = least(m, raw, n, raw + i * D, i);
        qsort(near, n, sizeof *near, by_value);
        double within = near[n / 100];
        for (size_t threads = 1; threads <= 2; threads++) {
            struct pool *pool = pool_new(threads, &err);
            struct gen_given g = given_of(raw, n);
            CHECK(!gen_near_distance(m, &g, pool, &err), "%s", err.msg);
            CHECK(isfinite(within) ? fabs(g.distance - within) <= 1e-12 * within : g.distance <= 0, "%zu rows: %g, not %g", n,
                  g.distance, within);
            draw(query, QUERIES, 0.5, 0, 5000);
            for (size_t i = 0; i < QUERIES && i < n; i += 5) { /* copies, and nearly so */
                memcpy(query + i * D, raw + i * D, D * sizeof *raw);
                query[i * D] += i % 10 ? 0 : 0.3 * sqrt(g.distance) * m->schema->stats.sd[0];
            }
            memcpy(was, query, QUERIES * D * sizeof *query);
            CHECK(!gen_drop_copies(m, &g, query, QUERIES, &left[threads - 1], pool, &err), "%s", err.msg);
            size_t at = 0, wrong = 0;
            for (size_t i = 0; i < QUERIES; i++)
                if (least(m, raw, n, was + i * D, SIZE_MAX) > g.distance)
                    wrong += at >= left[threads - 1] || memcmp(query + at * D, was + i * D, D * sizeof *was) != 0, at++;
            want = at;
            CHECK(!wrong && at == left[threads - 1] && want < QUERIES, "%zu rows: %zu left of %zu", n, left[threads - 1], at);
            gen_given_free(&g), pool_free(pool);
        }
        CHECK(left[0] == left[1], "threads change it");
    }
    vae_model_free(m);
    free(raw), free(query), free(was), free(near);
}

/* What is far out makes copies of nothing, and is one of itself. */
static void test_far_out(void) {
    static const struct {
        double heavy, outlier;
    } cases[] = {{1, 0}, {8, 0}, {40, 0}, {1, 1e6}, {1, 1e12}, {1, 1e30}, {1, 1e200}, {1, 1e308}};
    double raw[ROWS * D], query[2 * ROWS * D];
    struct vae_err err = {0};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct vae_model *m = small_model(cases[k].heavy, cases[k].outlier);
        if (!m)
            return;
        size_t left;
        draw(raw, ROWS, cases[k].heavy, cases[k].outlier, 0);
        for (size_t j = 0; j < ROWS; j++) /* nothing but x tells rows apart */
            raw[j * D + 1] = 1, raw[j * D + 2] = raw[j * D + 3] = 0;
        memcpy(query, raw, sizeof raw);
        draw(query + ROWS * D, ROWS, cases[k].heavy, 0, 9000);
        for (size_t j = ROWS; j < 2 * ROWS; j++)
            query[j * D + 1] = 1, query[j * D + 2] = query[j * D + 3] = 0;
        struct gen_given g = given_of(raw, ROWS);
        CHECK(!gen_near_distance(m, &g, NULL, &err), "%s", err.msg);
        CHECK(!gen_drop_copies(m, &g, query, 2 * ROWS, &left, NULL, &err), "%s", err.msg);
        CHECK(left <= ROWS && 10 * left > 9 * ROWS, "exp(%g e), outlier %g: %zu of %d fresh rows are left, distance %g",
              cases[k].heavy, cases[k].outlier, left, ROWS, g.distance);
        gen_given_free(&g), vae_model_free(m);
    }
}

int main(void) {
    test_definition();
    test_far_out();
    return test_done();
}
