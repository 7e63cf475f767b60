/* test_compare.c - the figures of synthetic tables against closed forms and tables whose answer is known. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mat.h"
#include "base/pool.h"
#include "base/rng.h"
#include "compare/compare.h"
#include "test.h"

enum { ROWS = 900 };

static double u(uint64_t seed, uint64_t row, size_t index) {
    double v[8];
    rng_uniform(v, 8, seed, RNG_TEST, 0, row);
    return v[index];
}

/* x normal-ish, y = x + noise, a category that goes with x, a rare gap. */
static void write_table(char *path, uint64_t seed, bool joint, double shift, uint64_t copy_of) {
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs("x,y,kind,\n", f);
    for (uint64_t i = 0; i < ROWS; i++) {
        uint64_t s = copy_of && i % 2 ? copy_of : seed;
        double x = u(s, i, 0) + u(s, i, 1) + u(s, i, 2) + shift, y = (joint ? x : u(s, i, 3) * 3) + u(s, i, 4);
        fprintf(f, "%.3f,%.2f,%s,%.1f\n", x, y, x > 1.5 ? "high" : u(s, i, 5) < 0.5 ? "low" : "", u(s, i, 6) * 5);
    }
    fclose(f);
}

static void run(char *const path[3], size_t threads, struct vae_fidelity *f) {
    struct vae_err err = {0};
    struct vae_in *in[3];
    struct vae_in_opts opts = {.header = 1};
    for (size_t t = 0; t < 3; t++) {
        in[t] = vae_in_open(&path[t], 1, &opts, &err);
        CHECK(in[t], "open: %s", err.msg);
    }
    struct vae_compare_opts o = {.seed = 1, .threads = threads};
    CHECK(!vae_compare(in, &o, f, &err), "compare: %s", err.msg);
    for (size_t t = 0; t < 3; t++)
        vae_in_free(in[t]);
}

static void test_tables(void) {
    enum { TRAIN, TEST, FRESH, INDEPENDENT, SHIFTED, COPIES, N };
    char path[N][32];
    for (size_t i = 0; i < N; i++)
        strcpy(path[i], "/tmp/vae-test-XXXXXX");
    write_table(path[TRAIN], 1, true, 0, 0);
    write_table(path[TEST], 2, true, 0, 0);
    write_table(path[FRESH], 3, true, 0, 0);
    write_table(path[INDEPENDENT], 4, false, 0, 0);
    write_table(path[SHIFTED], 5, true, 2, 0);
    write_table(path[COPIES], 6, true, 0, 1);
    struct vae_fidelity f, g;
    run((char *[]){path[TRAIN], path[TEST], path[TRAIN]}, 1, &f);
    CHECK(fabs(f.synth.shape - 100) < 1e-9 && fabs(f.synth.trend - 100) < 1e-9, "itself: shape %g, trend %g",
          f.synth.shape, f.synth.trend);
    CHECK(f.synth.invalid <= 0 && f.synth.same_rows >= 100, "itself: invalid %g, same %g", f.synth.invalid,
          f.synth.same_rows);
    CHECK(f.copied > 95, "itself: copied %g", f.copied);
    vae_fidelity_free(&f);
    run((char *[]){path[TRAIN], path[TEST], path[FRESH]}, 1, &f);
    CHECK(f.synth.shape > 93 && f.synth.trend > 90 && f.synth.c2st > 88, "fresh rows: %g %g %g", f.synth.shape,
          f.synth.trend, f.synth.c2st);
    CHECK(fabs(f.copied) < 15 && f.synth.same_rows <= 0, "fresh rows: copied %g", f.copied);
    CHECK(f.numeric == 3 && f.ncolumns == 4, "%zu numeric of %zu columns", f.numeric, f.ncolumns);
    run((char *[]){path[TRAIN], path[TEST], path[FRESH]}, 3, &g);
    CHECK(!memcmp(&f.synth, &g.synth, sizeof f.synth) && !memcmp(&f.floor, &g.floor, sizeof f.floor), "threads change it");
    CHECK(fabs(f.copied - g.copied) <= 0, "threads change what is copied");
    vae_fidelity_free(&g);
    double trend = f.synth.trend, shape = f.synth.shape;
    vae_fidelity_free(&f);
    run((char *[]){path[TRAIN], path[TEST], path[INDEPENDENT]}, 1, &f);
    CHECK(f.synth.trend < trend - 8, "independent columns: trend %g, fresh rows have %g", f.synth.trend, trend);
    vae_fidelity_free(&f);
    run((char *[]){path[TRAIN], path[TEST], path[SHIFTED]}, 1, &f);
    CHECK(f.synth.shape < shape - 30 && f.synth.c2st < 10 && f.synth.invalid > 5, "shifted: %g %g %g", f.synth.shape,
          f.synth.c2st, f.synth.invalid);
    vae_fidelity_free(&f);
    run((char *[]){path[TRAIN], path[TEST], path[COPIES]}, 1, &f);
    CHECK(fabs(f.copied - 50) < 15 && fabs(f.synth.same_rows - 50) < 1e-9, "half copies: copied %g, same %g", f.copied,
          f.synth.same_rows);
    vae_fidelity_free(&f);
    for (size_t i = 0; i < N; i++)
        unlink(path[i]);
}

/* Against pairs counted one by one. */
static void test_auc(void) {
    enum { M = 200 };
    float score[M];
    bool is[M];
    double sum = 0, pairs = 0;
    for (size_t i = 0; i < M; i++) {
        is[i] = u(7, i, 0) < 0.3;
        score[i] = (float)floor(10 * u(7, i, 1) + is[i]);
    }
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < M; j++)
            if (is[i] && !is[j])
                pairs++, sum += score[i] > score[j] ? 1 : score[i] < score[j] ? 0 : 0.5;
    CHECK(fabs(compare_auc(score, is, M) - sum / pairs) < 1e-12, "auc %.6f, should be %.6f", compare_auc(score, is, M),
          sum / pairs);
}

/* At the minimum the gradient is 0: the sums of residuals are the penalty, that of the intercept nothing. */
static void test_logistic(void) {
    enum { M = 600, D = 5 };
    static float x[M * D], f[M];
    static bool is[M], out[M];
    float w[D + 1];
    struct vae_err err = {0};
    for (size_t i = 0; i < M; i++) {
        for (size_t j = 0; j < D; j++)
            x[i * D + j] = (float)(u(8, i, j) * 2 - 1);
        is[i] = u(9, i, 0) < 1 / (1 + exp(-3.0 * (double)x[i * D] + 2.0 * (double)x[i * D + 1] - 0.5));
        out[i] = i % 3 == 0;
    }
    CHECK(!compare_logistic(x, is, out, M, D, w, f, &err), "logistic: %s", err.msg);
    for (size_t j = 0; j <= D; j++) {
        double g = j < D ? (double)w[j] : 0;
        for (size_t i = 0; i < M; i++) {
            double logit = (double)w[D];
            for (size_t k = 0; k < D; k++)
                logit += (double)w[k] * (double)x[i * D + k];
            CHECK(j || fabs(logit - (double)f[i]) < 1e-4, "f[%zu] is %g, not %g", i, (double)f[i], logit);
            g += out[i] ? 0 : (1 / (1 + exp(-logit)) - is[i]) * (j < D ? (double)x[i * D + j] : 1);
        }
        CHECK(fabs(g) < 0.02, "gradient of weight %zu: %g", j, g);
    }
    CHECK(w[0] > 1.5f && w[1] < -0.8f && fabsf(w[3]) < 0.7f, "weights %g %g %g", (double)w[0], (double)w[1], (double)w[3]);
}

int main(void) {
    struct vae_err err = {0};
    CHECK(!mat_open(&err), "%s", err.msg);
    test_auc();
    test_logistic();
    test_tables();
    return test_done();
}
