/*
 * test_conformal.c - p-values and thresholds at their edges, and what they are for: the share of fresh normal rows that
 * get a small p, over many repetitions, with a scorer that knows its training rows by heart.
 */
#include <stdbool.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "score/score.h"
#include "test.h"

/* (1 + #{cal >= s}) / (n + 1), counted. */
static double counted(const float *cal, size_t n, float s) {
    size_t above = 0;
    for (size_t i = 0; i < n; i++)
        above += cal[i] >= s;
    return (1 + (double)above) / (1 + (double)n);
}

static void test_p(void) {
    const float cal[] = {-INFINITY, -3, -3, -0.0f, 0, 0, 1, 1, 1, 1, 2.5f, INFINITY};
    const float at[] = {-INFINITY, -4, -3, -2.9f, -0.0f, 0, 0.5f, 1, 1.0001f, 2.5f, 3, INFINITY};
    for (size_t n = 0; n <= 12; n++)
        for (size_t i = 0; i < 12; i++)
            CHECK(fabs(conformal_p(cal, n, at[i]) - counted(cal, n, at[i])) < 1e-15, "n %zu s %g: p %g, should be %g",
                  n, (double)at[i], conformal_p(cal, n, at[i]), counted(cal, n, at[i]));
    CHECK(conformal_p(cal, 0, 5) == 1, "without calibration rows nothing is odd");
    CHECK(conformal_p(cal + 1, 10, NAN) == 1 / 11.0, "a score that is no number passes for normal: p %g",
          conformal_p(cal + 1, 10, NAN));
}

/* s >= threshold exactly where p <= alpha, for scores on, between and beside the calibration scores. */
static void test_threshold(void) {
    enum { MAX = 60 };
    static const double alphas[] = {1e-9, 0.001, 0.01, 1.0 / 61, 0.02, 0.05,      0.1,
                                    0.3,  0.5,   0.7,  0.9,      0.98, 60.0 / 61, 1};
    float cal[MAX];
    for (size_t n = 0; n <= MAX; n++)
        for (int ties = 0; ties < 2; ties++) {
            for (size_t i = 0; i < n; i++)
                cal[i] = ties ? (float)(i / 4) : (float)i * 1.25f - 20;
            for (size_t a = 0; a < sizeof alphas / sizeof *alphas + n; a++) {
                /* every alpha that n rows can attain exactly, too */
                size_t fixed = sizeof alphas / sizeof *alphas;
                double alpha = a < fixed ? alphas[a] : (double)(a - fixed + 1) / ((double)n + 1), least;
                double t = conformal_threshold(cal, n, alpha, &least);
                CHECK(fabs(least - 1 / ((double)n + 1)) < 1e-15, "least alpha %g", least);
                CHECK((alpha < least * (1 - 1e-9)) == (t == INFINITY), "n %zu alpha %g: threshold %g", n, alpha, t);
                for (size_t i = 0; i < n; i++) {
                    const float s[3] = {nextafterf(cal[i], -INFINITY), cal[i], nextafterf(cal[i], INFINITY)};
                    for (size_t j = 0; j < 3; j++)
                        CHECK(((double)s[j] >= t) == (counted(cal, n, s[j]) <= alpha * (1 + 1e-12)),
                              "n %zu alpha %.17g s %g: threshold %g but p %.17g", n, alpha, (double)s[j], t,
                              counted(cal, n, s[j]));
                }
            }
        }
}

static void test_sort(void) {
    float x[] = {3, -1, 2, INFINITY, -5, 2, 0};
    conformal_sort(x, 7);
    for (size_t i = 1; i < 7; i++)
        CHECK(x[i - 1] <= x[i], "out of order at %zu", i);
}

/* ---- validity ------------------------------------------------------------------------------------------- */

enum { D = 2, N = 100, FRESH = 50, REPEATS = 400, FOLDS = 5 };

struct points {
    const float *z; /* [n,D] */
    int fail_fold;  /* the fold that holds row 0 fails with this code */
    bool bad_rows;
};

/* Distance of z to the nearest of rows[n]: 0 for one of them. */
static float nearest(const struct points *p, const uint64_t *rows, size_t n, const float *z) {
    float best = INFINITY;
    for (size_t i = 0; i < n; i++) {
        const float *q = p->z + rows[i] * D;
        float s = (q[0] - z[0]) * (q[0] - z[0]) + (q[1] - z[1]) * (q[1] - z[1]);
        best = s < best ? s : best;
    }
    return sqrtf(best);
}

/* Two kinds of scores: the distance to what was learnt, and one that has learnt nothing. */
static int fit(void *ctx, const uint64_t *rows, size_t n, const uint64_t *test, size_t ntest, float *out, size_t stride,
               struct vae_err *err) {
    struct points *p = ctx;
    for (size_t i = 0; i < ntest; i++) {
        for (size_t j = 0; j < n; j++)
            if (rows[j] == test[i])
                p->bad_rows = true;
        if (p->fail_fold && test[i] == 0)
            return err_set(err, p->fail_fold, "fold of row 0");
        out[i] = nearest(p, rows, n, p->z + test[i] * D);
        out[stride + i] = p->z[test[i] * D];
    }
    p->bad_rows = p->bad_rows || n + ntest != N;
    return 0;
}

struct shares {
    double cross, naive, blank; /* of fresh rows with p <= alpha */
    double cross_var;           /* of the mean over repetitions */
};

static struct shares repeat(double alpha, struct pool *pool) {
    static float z[(N + FRESH) * D], cal[2 * N], self[N];
    uint64_t all[N];
    struct shares s = {0};
    double square = 0;
    for (size_t i = 0; i < N; i++)
        all[i] = i;
    for (uint64_t rep = 0; rep < REPEATS; rep++) {
        rng_normals(z, D * (N + FRESH), 1, 1, 77, RNG_TEST, 3, NULL, rep);
        struct points p = {.z = z};
        struct vae_err err = {0};
        CHECK(!conformal_cross(N, 0, FOLDS, rep, pool, fit, &p, 2, cal, &err), "%s", err.msg);
        CHECK(!p.bad_rows, "a fold tests rows it was fitted to, or leaves rows out");
        for (size_t i = 0; i < N; i++)
            self[i] = nearest(&p, all, N, z + i * D);
        conformal_sort(self, N);
        double cross = 0;
        for (size_t i = N; i < N + FRESH; i++) {
            float d = nearest(&p, all, N, z + i * D);
            cross += (conformal_p(cal, N, d) <= alpha) / (double)FRESH;
            s.naive += (conformal_p(self, N, d) <= alpha) / (double)(FRESH * REPEATS);
            s.blank += (conformal_p(cal + N, N, z[i * D]) <= alpha) / (double)(FRESH * REPEATS);
        }
        s.cross += cross / REPEATS, square += cross * cross / REPEATS;
    }
    s.cross_var = (square - s.cross * s.cross) / REPEATS;
    return s;
}

/* sd of a mean over repetitions of beta-binomial shares: `fresh` rows share one calibration of N. */
static double beta_binomial_sd(double alpha) {
    double m = floor(alpha * (N + 1)), mean = m / (N + 1), rho = 1.0 / (N + 2);
    return sqrt(mean * (1 - mean) * (1 + (FRESH - 1) * rho) / FRESH / REPEATS);
}

static void test_validity(void) {
    static const double alphas[] = {0.05, 0.1, 0.2};
    for (size_t a = 0; a < 3; a++) {
        double alpha = alphas[a], exact = floor(alpha * (N + 1)) / (N + 1);
        struct shares s = repeat(alpha, NULL);
        CHECK(fabs(s.blank - exact) < 5 * beta_binomial_sd(alpha),
              "alpha %g: share %g of a score without learning, "
              "should be %g",
              alpha, s.blank, exact);
        /* with N rows instead of 0.8 N to be near to, fresh rows look a little less odd: never more, not much less */
        CHECK(s.cross < alpha + 4 * sqrt(s.cross_var), "alpha %g: share %g across folds", alpha, s.cross);
        CHECK(s.cross > 0.4 * alpha, "alpha %g: share %g across folds says that nothing is ever odd", alpha, s.cross);
        CHECK(s.naive > 0.99, "alpha %g: share %g against its own rows: this test cannot fail", alpha, s.naive);
    }
}

/* The same scores for any number of threads; all rows scored once; a failure comes through. */
static void test_cross(void) {
    static float z[N * D], one[2 * N], two[2 * N];
    struct vae_err err = {0};
    rng_normals(z, D * N, 1, 1, 78, RNG_TEST, 3, NULL, 0);
    struct points p = {.z = z};
    struct pool *pool = pool_new(3, &err);
    CHECK(pool && !conformal_cross(N, 0, 7, 1, NULL, fit, &p, 2, one, &err), "%s", err.msg);
    CHECK(!conformal_cross(N, 0, 7, 1, pool, fit, &p, 2, two, &err), "%s", err.msg);
    CHECK(!memcmp(one, two, sizeof one), "scores across folds depend on threads");
    float first[N];
    for (size_t i = 0; i < N; i++)
        first[i] = z[i * D];
    conformal_sort(first, N);
    CHECK(!memcmp(first, one + N, sizeof first), "not every row is scored once");
    CHECK(!conformal_cross(N, 0, 7, 2, NULL, fit, &p, 2, two, &err) && memcmp(one, two, N * sizeof *one) != 0,
          "the seed does not change the folds");
    CHECK(!conformal_cross(N, 0, N, 1, NULL, fit, &p, 2, two, &err) && !p.bad_rows, "leave one out");
    p.fail_fold = VAE_EDIVERGED;
    CHECK(conformal_cross(N, 0, 7, 1, pool, fit, &p, 2, two, &err) == VAE_EDIVERGED && !strcmp(err.msg, "fold of row 0"),
          "a fold's failure is lost: %s", err.msg);
    pool_free(pool);
}

int main(void) {
    test_p();
    test_threshold();
    test_sort();
    test_validity();
    test_cross();
    return test_done();
}
