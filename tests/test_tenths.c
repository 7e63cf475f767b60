/* test_tenths.c - the parts that a column is cut in for drift: shares that were counted, spikes apart, what a file may not say. */
#include <jansson.h>
#include <math.h>

#include "base/rng.h"
#include "schema/tenths.h"
#include "test.h"

enum { N = 1000 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Shares are those of the values, and come back from JSON as they were. */
static void counted(const double *v, size_t n, const char *what) {
    struct tenths t, u;
    tenths_learn(&t, v, n);
    CHECK(t.n > 0 && t.n <= TENTHS_EDGES, "%s: %zu edges", what, t.n);
    for (size_t k = 0; k <= t.n; k++) {
        double count = 0;
        for (size_t i = 0; i < n; i++)
            count += (k == 0 || v[i] > t.edge[k - 1]) && (k == t.n || v[i] <= t.edge[k]);
        CHECK(fabs(count / (double)n - t.share[k]) < 1e-9, "%s: part %zu has %g, not %g", what, k, t.share[k], count / (double)n);
    }
    json_t *j = tenths_to_json(&t);
    CHECK(tenths_from_json(j, &u, NULL) == 0 && u.n == t.n && !memcmp(u.edge, t.edge, sizeof t.edge) &&
              !memcmp(u.share, t.share, sizeof t.share), "%s: another after JSON", what);
    json_decref(j);
}

static void parts(void) {
    double v[N];
    struct tenths t;
    rng_uniform(v, N, 3, RNG_TEST, 0, 0);
    qsort(v, N, sizeof *v, by_value);
    counted(v, N, "even");
    tenths_learn(&t, v, N);
    CHECK(t.n == 9, "%zu edges of even values", t.n);
    for (size_t k = 0; k <= t.n; k++)
        CHECK(fabs(t.share[k] - 0.1) < 0.003, "share %g of even values", t.share[k]);
    for (size_t i = 0; i < N; i++) /* runs of one value, at the ends and between: as many edges as there can be */
        v[i] = (double)((i + 50) / 200);
    counted(v, N, "runs");
    for (size_t i = 0; i < N; i++)
        v[i] = i < 400 ? 0 : (double)i;
    counted(v, N, "spike");
    tenths_learn(&t, v, N);
    CHECK(t.edge[1] == 0 && fabs(t.share[1] - 0.4) < 1e-12 && t.share[0] == 0, "the spike has no part of its own");
    for (size_t i = 0; i < N; i++)
        v[i] = -7;
    counted(v, N, "constant");
    tenths_learn(&t, v, N);
    CHECK(tenths_part(&t, -7.5) != tenths_part(&t, -7) && tenths_part(&t, -6) != tenths_part(&t, -7), "off a constant");
    counted(v, 1, "one row");
    tenths_learn(&t, v, 0);
    CHECK(t.n == 0, "edges of nothing");
}

static void refused(void) {
    static const char *const bad[] = {
        "{}", "[]", "{\"edges\":[],\"shares\":[1]}", "{\"edges\":[1],\"shares\":[1]}", "{\"edges\":[1],\"shares\":[0.5,0.4]}",
        "{\"edges\":[2,1],\"shares\":[0.2,0.3,0.5]}", "{\"edges\":[1,1],\"shares\":[0.2,0.3,0.5]}",
        "{\"edges\":[\"1\"],\"shares\":[0.5,0.5]}", "{\"edges\":[1],\"shares\":[-0.5,1.5]}",
        "{\"edges\":[1],\"shares\":[null,1]}",
        "{\"edges\":[1,2,3,4,5,6,7,8,9,10,11,12,13],\"shares\":[1,0,0,0,0,0,0,0,0,0,0,0,0,0]}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tenths t;
        struct vae_err err = {0};
        json_t *j = json_loads(bad[i], 0, NULL);
        CHECK(j && tenths_from_json(j, &t, &err) == VAE_EDATA && *err.msg, "taken: %s", bad[i]);
        json_decref(j);
    }
}

int main(void) {
    parts();
    refused();
    return test_done();
}
