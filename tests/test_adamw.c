/* test_adamw.c - the optimiser against the formulas of AdamW in double, whole and in chunks. */
#include "base/rng.h"
#include "nn/adamw.h"
#include "test.h"

static void fill(float *x, size_t n, uint64_t what) { rng_normals(x, n, 1, 1, 99, RNG_TEST, what, NULL, 0); }

static bool close_to(double got, double want, double tol) {
    return fabs(got - want) <= tol * (1 + fabs(want));
}

int main(void) {
    enum { N = 101, STEPS = 40 };
    struct adamw a, whole;
    CHECK(!adamw_init(&a, N, NULL) && !adamw_init(&whole, N, NULL), "no optimiser");
    float w[N], v[N], g[N], rate[N];
    double ref[N], m1[N] = {0}, m2[N] = {0}, ema[N] = {0};
    fill(w, N, 31);
    memcpy(v, w, sizeof v);
    for (size_t i = 0; i < N; i++)
        ref[i] = (double)w[i], rate[i] = i < 65 ? 1 : 10; /* a multiple of the 13 below */
    for (uint64_t t = 1; t <= STEPS; t++) {
        fill(g, N, 40 + t);
        g[5] = 0; /* a weight without gradient decays and does nothing else */
        struct adamw_step s = {t, 0.01f, 0.1f, t % 2 ? 1 : 0.25f, t % 4 ? 1 : 0.75f};
        adamw_update(&whole, &s, v, g, 1, 0, 65);
        adamw_update(&whole, &s, v, g, 10, 65, N - 65);
        for (size_t at = 0; at < N; at += 13)
            adamw_update(&a, &s, w, g, rate[at], at, N - at < 13 ? N - at : 13);
        for (size_t i = 0; i < N; i++) {
            double x = (double)g[i] * (double)s.clip, lr = (double)s.lr * (double)rate[i];
            m1[i] = 0.9 * m1[i] + 0.1 * x;
            m2[i] = 0.99 * m2[i] + 0.01 * x * x;
            double step = m1[i] / (1 - pow(0.9, (double)t)) / (sqrt(m2[i] / (1 - pow(0.99, (double)t))) + 1e-8);
            if (t == 1 && i != 5)
                CHECK(close_to(step, x > 0 ? 1 : -1, 1e-6), "the first step is not the sign of the gradient: %g", step);
            ref[i] -= lr * step + lr * 0.1 * ref[i];
            if (s.ema < 1)
                ema[i] = 0.75 * ema[i] + 0.25 * ref[i];
        }
        if (t == 1)
            CHECK(close_to((double)w[1], ref[1], 1e-6), "first step: %g, should be %g", (double)w[1], ref[1]);
    }
    double bad = 0, bad_ema = 0;
    for (size_t i = 0; i < N; i++) {
        bad = fmax(bad, fabs((double)w[i] - ref[i]));
        bad_ema = fmax(bad_ema, fabs((double)a.ema[i] - ema[i]));
    }
    CHECK(bad < 1e-5, "after %d steps weights are off by %g", STEPS, bad);
    CHECK(bad_ema < 1e-5, "averaged weights are off by %g", bad_ema);
    CHECK(!memcmp(w, v, sizeof w) && !memcmp(a.mem, whole.mem, 3 * N * sizeof *a.mem), "chunks change the result");

    double square = 0;
    for (size_t i = 0; i < N; i++)
        square += (double)g[i] * (double)g[i];
    CHECK(close_to(adamw_square(g, N), square, 1e-12), "sum of squares");
    CHECK(adamw_square(g, 0) == 0, "sum of no squares");
    adamw_free(&a), adamw_free(&whole);
    return test_done();
}
