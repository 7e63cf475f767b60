/*
 * test_tail.c - the generalised Pareto tail: it finds the shape and scale of draws that are so distributed, is as likely as any
 * nearby, gives p that is right for what lies beyond the sample, falls, meets the conformal p, and refuses what has no tail.
 */
#include <float.h>
#include <stdbool.h>

#include "base/rng.h"
#include "model/calibration.h"
#include "score/score.h"
#include "score/tail.h"
#include "test.h"

enum { N = 2000 };

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A generalised Pareto draw by its quantile at 1 - u. */
static double draw(double u, double shape, double scale) {
    return shape == 0 ? -scale * log(u) : scale * (pow(u, -shape) - 1) / shape;
}

static double log_likelihood(const double *x, size_t n, double shape, double scale) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double y = 1 + shape * x[i] / scale;
        sum += y > 0 ? -log(scale) - (shape == 0 ? x[i] / scale : (1 + 1 / shape) * log(y)) : -INFINITY;
    }
    return sum;
}

/* Means over repetitions are near what was drawn from; nothing on a grid around an estimate is much more likely than it. */
static void test_estimate(void) {
    enum { REPEATS = 200, ROWS = 150 };
    static const double shapes[] = {-0.2, 0, 0.2, 0.6, 1.2};
    double x[ROWS];
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        double sum[2] = {0}, square[2] = {0};
        for (uint64_t rep = 0; rep < REPEATS; rep++) {
            double est[2], more = -INFINITY;
            rng_uniform(x, ROWS, 5, RNG_TEST, s, rep);
            for (size_t i = 0; i < ROWS; i++)
                x[i] = draw(x[i], shapes[s], 3);
            qsort(x, ROWS, sizeof *x, by_value);
            tail_estimate(x, ROWS, &est[0], &est[1]);
            for (int i = 0; i < 2; i++)
                sum[i] += est[i] / REPEATS, square[i] += est[i] * est[i] / REPEATS;
            for (int a = -10; a <= 10 && rep < 20; a++)
                for (int b = -10; b <= 10; b++)
                    more = fmax(more, log_likelihood(x, ROWS, est[0] + 0.03 * a, est[1] * exp(0.03 * b)));
            CHECK(rep >= 20 || more - log_likelihood(x, ROWS, est[0], est[1]) < 0.7, "shape %g: %g, %g is %g nats less likely than another",
                  shapes[s], est[0], est[1], more - log_likelihood(x, ROWS, est[0], est[1]));
        }
        for (int i = 0; i < 2; i++) {
            double want = i ? 3 : shapes[s], sd = sqrt(square[i] - sum[i] * sum[i]);
            CHECK(fabs(sum[i] - want) < 0.04 * (i ? 3 : 1), "shape %g: the mean %s is %g", shapes[s], i ? "scale" : "shape", sum[i]);
            /* the asymptotic errors of maximum likelihood: (1 + shape) / sqrt n, and sqrt(2 (1 + shape)) times the scale */
            double least = i ? 3 * sqrt(2 * (1 + shapes[s]) / ROWS) : (1 + shapes[s]) / sqrt(ROWS);
            CHECK(sd < 1.3 * least, "shape %g: %s varies by %g, it could by %g", shapes[s], i ? "scale" : "shape", sd, least);
        }
    }
}

/* The share of fresh scores with p <= alpha, for alphas below what the sample shows, over samples of three tails. */
static void test_p(void) {
    enum { REPEATS = 300, ROWS = 500 };
    static const double alphas[] = {1e-3, 2e-4}, most[] = {1.25, 2.2}; /* 500 scores show 2e-3: a half, and a tenth of it */
    static float cal[ROWS];
    double u[ROWS];
    for (int kind = 0; kind < 3; kind++) /* exponential; heavy, shape 1/4; the square of a normal's */
        for (size_t a = 0; a < 2; a++) {
            double share = 0;
            for (uint64_t rep = 0; rep < REPEATS; rep++) {
                struct tail t;
                rng_uniform(u, ROWS, 6, RNG_TEST, 100 + (uint64_t)kind, rep);
                float z[2 * ROWS];
                rng_normals(z, 1, ROWS, ROWS, 6, RNG_TEST, 200, NULL, rep * ROWS);
                for (size_t i = 0; i < ROWS; i++)
                    cal[i] = kind == 0 ? (float)draw(u[i], 0, 2) - 7 : kind == 1 ? (float)draw(u[i], 0.25, 1) : z[i] * z[i];
                conformal_sort(cal, ROWS);
                CHECK(!tail_fit(&t, cal, ROWS, NULL), "no tail");
                double s = tail_threshold(&t, alphas[a]);
                share += (kind == 0 ? exp(-(s + 7) / 2) : kind == 1 ? pow(1 + 0.25 * s, -4) : erfc(sqrt(s / 2))) / REPEATS;
            }
            CHECK(share < most[a] * alphas[a] && share > 0.5 * alphas[a], "tail %d: %g of fresh scores have p <= %g", kind, share,
                  alphas[a]);
        }
}

/* p falls from the conformal one at the joint, is never 0, and its threshold is the first score where it is low enough. */
static void test_joint(void) {
    static float cal[N];
    double u[N];
    for (int kind = 0; kind < 3; kind++) {
        struct tail t;
        rng_uniform(u, N, 7, RNG_TEST, 300, (uint64_t)kind);
        for (size_t i = 0; i < N; i++)
            cal[i] = (float)draw(u[i], kind == 0 ? -0.5 : kind == 1 ? 0.3 : 2, 10) - 100;
        conformal_sort(cal, N);
        CHECK(!tail_fit(&t, cal, N, NULL), "no tail");
        CHECK(t.shape >= 0 && t.scale > 0 && (kind > 0) == (t.shape > 0.05), "kind %d: shape %g, scale %g", kind, t.shape, t.scale);
        float top = cal[N - 1], s = nextafterf(top, INFINITY), last = (float)conformal_p(cal, N, s);
        CHECK(fabs(tail_p(&t, s) * (N + 1) - 1) < 1e-3 && tail_p(&t, s) <= 1.0 / (N + 1), "a step at the joint: %g", tail_p(&t, s));
        for (double x = 1e-3; x < 1e30; x *= 1.5) {
            float p = (float)tail_p(&t, (float)((double)top + x));
            CHECK(p <= last && p > 0, "p is %g behind %g", (double)p, (double)last);
            last = p;
        }
        CHECK(tail_p(&t, INFINITY) > 0 && (float)tail_p(&t, INFINITY) <= last, "p of an infinite score");
        CHECK(tail_p(&t, (float)tail_threshold(&t, 1e-300)) <= 1.2e-38 || tail_threshold(&t, 1e-300) >= (double)FLT_MAX,
              "an alpha below any p");
        for (double alpha = 0.9 / (N + 1); alpha > 1e-12; alpha /= 3) {
            float at = (float)tail_threshold(&t, alpha);
            CHECK(tail_p(&t, at) <= alpha && tail_p(&t, nextafterf(at, -INFINITY)) > alpha, "alpha %g: threshold %g", alpha, (double)at);
        }
    }
}

static void test_refused(void) {
    static float cal[N];
    struct tail t;
    struct vae_err err = {0};
    for (size_t i = 0; i < N; i++)
        cal[i] = (float)i;
    CHECK(!tail_fit(&t, cal, 100, &err) && tail_fit(&t, cal, 99, &err) == VAE_EDATA && strstr(err.msg, "99"), "%s", err.msg);
    for (size_t different = 1; different <= 12; different++) {
        for (size_t i = 0; i < N; i++)
            cal[i] = i < N / 2 ? -5 : (float)(i * different / N);
        int r = tail_fit(&t, cal, N, &err);
        CHECK(r == VAE_EDATA, "a tail of %zu steps", different);
    }
    for (size_t i = 0; i < N; i++)
        cal[i] = 3; /* all alike */
    CHECK(tail_fit(&t, cal, N, &err) == VAE_EDATA && strstr(err.msg, "1 different"), "%s", err.msg);
    /* what a model file may hold at most: scores that are no number are kept as the largest one */
    for (size_t i = 0; i < N; i++)
        cal[i] = i + 3 < N ? (float)i : FLT_MAX;
    CHECK(!tail_fit(&t, cal, N, &err) && tail_p(&t, INFINITY) > 0 && tail_p(&t, INFINITY) <= 1.0 / (N + 1), "p %g", tail_p(&t, INFINITY));
    CHECK(tail_threshold(&t, 1e-6) <= (double)FLT_MAX, "threshold %g", tail_threshold(&t, 1e-6));
}

int main(void) {
    test_estimate();
    test_p();
    test_joint();
    test_refused();
    return test_done();
}
