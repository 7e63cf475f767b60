/*
 * test_lik_unit.c - values in 0..1: the continuous Bernoulli and discretised logistics in numbers from elsewhere (mpmath,
 * 40 to 900 digits), at their ends and limits, and as they start; and the arithmetic of exp(-w x) that both stand on.
 */
#include "base/rng.h"
#include "lik/decay.h"
#include "lik/lik.h"
#include "test.h"

enum { OUT = 15 };

static void test_decay(void) {
    enum { N = 200 };
    float w[N], log_z[N], mean[N];
    for (size_t i = 0; i < N; i++)
        w[i] = i ? (float)pow(10, (double)i / 16 - 8) : 0;
    decay_log(log_z, w, N);
    decay_mean(mean, w, N);
    for (size_t i = 0; i < N; i++) {
        double v = (double)w[i], want = v > 0 ? log(-expm1(-v) / v) : 0;
        double m = v > 1e-3 ? 1 / v - 1 / expm1(v) : 0.5 - v / 12 + v * v * v / 720;
        double size = fmax(fabs(want), v < 1 ? 1e-30 : 1);
        CHECK(fabs((double)log_z[i] - want) < 3e-7 * size, "w %g: log %.9g, should be %.9g", v, (double)log_z[i], want);
        CHECK(fabs((double)mean[i] - m) < 4e-7 * m, "w %g: mean %.9g, should be %.9g", v, (double)mean[i], m);
        CHECK(fabs(decay_log_of(v) - want) < 1e-15 && fabs(decay_mean_of(v) - m) < 1e-11, "w %g: of one %.17g, %.17g",
              v, decay_log_of(v), decay_mean_of(v));
        for (double u = 0.03; u < 1; u += 0.12) { /* the share below the inverse is u */
            double x = decay_inverse(v, u), share = v > 0 ? expm1(-v * x) / expm1(-v) : x;
            CHECK(x >= 0 && x <= 1 && fabs(share - u) < 1e-12, "w %g: share %g below %g, should be %g", v, share, x, u);
        }
    }
}

static double cbernoulli(float x, float o, float *d) {
    const struct lik_block b = {.lik = &lik_cbernoulli, .nx = 1, .no = 1};
    double nll = 0;
    lik_cbernoulli.nll(&b, &x, &o, NULL, &nll, d, 1, 1, 1);
    return nll;
}

static void test_cbernoulli(void) {
    static const struct {
        float x, o;
        double want;
    } row[] = {
        {0.25f, 1e-3f, 0.00025004167854464039}, {0.5f, 0.01f, 4.1666630081857535e-6}, {1, 100, -4.6051701859880914},
        {0, -300, -5.7037824746562011},         {0.75f, -0.9f, 0.25852506502418377},  {0.5f, 0, 0},
        {1, 8, -2.0797770605879524},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        double got = cbernoulli(row[i].x, row[i].o, NULL);
        CHECK(fabs(got - row[i].want) < 3e-7 * (fabs(row[i].want) + 1e-3), "row %zu: %.12g, should be %.12g", i, got,
              row[i].want);
    }
    static const struct {
        double low, high;
        float o;
        double want;
    } range[] = {{0.25, 0.5, 2, -1.7873386716983295},
                 {0.5, 1, -40, -20.000000002061154},
                 {-3, 7, 5, 0},
                 {0, 0.5, 0, -0.69314718055994531}};
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        const struct lik_block b = {.lik = &lik_cbernoulli, .nx = 1, .no = 1};
        double logp = 0;
        lik_cbernoulli.range(&b, &range[i].o, NULL, range[i].low, range[i].high, NULL, &logp, 1, 1);
        CHECK(fabs(logp - range[i].want) < 1e-13 * (1 + fabs(range[i].want)), "range %zu: %.17g, should be %.17g", i,
              logp, range[i].want);
    }
    /* the steepest density, from where a logit can only come back; beyond the ends -log p rises, whatever the logit */
    float d;
    for (int s = -1; s <= 1; s += 2) {
        float end = s > 0 ? 1 : 0, o = (float)s * 700;
        CHECK(!(fabs(cbernoulli(end, o, &d) - cbernoulli(end, (float)s * 512, NULL)) > 0) && !(fabsf(d) > 0),
              "steeper than the steepest: slope %g", (double)d);
        cbernoulli(1 - end, o, &d);
        CHECK((float)s * d > 0.9f, "no way back: slope %g", (double)d);
        for (float far = 0.1f; far < 1e6f; far *= 10) {
            float logit = (float)s * 30;
            double more = cbernoulli(end + (float)s * far, logit, NULL) - cbernoulli(end, logit, NULL);
            CHECK(fabs(more / (512 * (double)far) - 1) < 1e-4, "%g beyond the end: %g more", (double)far, more);
        }
    }
}

/* ---- discretised logistics --------------------------------------------------------------------------------- */

static double dlogistic(float x, const float *o) {
    const struct lik_block b = {.lik = &lik_dlogistic, .nx = 1, .no = OUT, .step = 1 / 255.0f};
    double nll = 0;
    lik_dlogistic.nll(&b, &x, o, NULL, &nll, NULL, 0, 1, 1);
    return nll;
}

static const float wide[OUT] = {0.5f, -1, 0.25f, 2, -0.5f, -1, 0.5f, 2, 3.5f, 5, -2, -4, -6, -1, -3};
static const float narrow[OUT] = {0, 0, 0, 0, 0, 0.4f, 0.4f, 0.4f, 0.4f, 0.4f, -7, -7, -7, -7, -7};

static void test_golden(void) {
    static const struct {
        const float *o;
        int level;
        double want, tolerance;
    } row[] = {
        {wide, 0, 1.7030869354010874, 1e-6},     {wide, 1, 6.8660097010442173, 2e-6},
        {wide, 100, 6.7243678785957715, 2e-6},   {wide, 128, 3.2485145701017741, 1e-5},
        {wide, 254, 6.3638389152883196, 2e-6},   {wide, 255, 1.1201241662104585, 1e-6},
        {narrow, 0, 107.51305638199884, 1e-4},   {narrow, 26, 0.72027099930717712, 1e-4},
        {narrow, 60, 146.2314070952519, 1e-4},   {narrow, 255, 984.81957985654423, 1e-3},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        double got = dlogistic((float)row[i].level / 255, row[i].o);
        CHECK(fabs(got - row[i].want) < row[i].tolerance, "row %zu: %.12g, should be %.12g", i, got, row[i].want);
    }
    static const struct {
        int low, high;
        double want;
    } range[] = {{-9, 0, -1.7030869354010874},
                 {100, 150, -1.6985964046865197},
                 {51, 255, -0.30438455370439667},
                 {0, 400, 0}};
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        const struct lik_block b = {.lik = &lik_dlogistic, .nx = 1, .no = OUT, .step = 1 / 255.0f};
        double logp = 0;
        lik_dlogistic.range(&b, wide, NULL, range[i].low / 255.0, range[i].high / 255.0, NULL, &logp, 1, 1);
        CHECK(fabs(logp - range[i].want) < 1e-6, "range %zu: %.12g, should be %.12g", i, logp, range[i].want);
    }
}

/* All 256 levels have all the probability; a value beyond them less than the end, and less the farther it is. */
static void test_levels(void) {
    for (int which = 0; which < 2; which++) {
        const float *o = which ? narrow : wide;
        double sum = 0, last = dlogistic(1, o);
        for (int k = 0; k < 256; k++)
            sum += exp(-dlogistic((float)k / 255, o));
        CHECK(fabs(sum - 1) < 1e-5, "the levels' probabilities sum to %.9f", sum);
        double mean = 0, square = 0;
        float sd;
        for (int k = 0; k < 256; k++) {
            double p = exp(-dlogistic((float)k / 255, o)), v = k / 255.0;
            mean += p * v, square += p * v * v;
        }
        const struct lik_block b = {.lik = &lik_dlogistic, .nx = 1, .no = OUT, .step = 1 / 255.0f};
        lik_dlogistic.sd(&b, o, NULL, &sd, 1, 1);
        CHECK(fabs((double)sd - sqrt(square - mean * mean)) < 1e-5, "an sd of %g, not %g", (double)sd, sqrt(square - mean * mean));
        for (int k = 256; k < 300; k++) {
            double at = dlogistic((float)k / 255, o);
            CHECK(at > last, "level %d: -log p %g, after %g", k, at, last);
            last = at;
        }
    }
}

/* Log scales beyond their ends count as these, and only move back. */
static void test_limits(void) {
    const struct lik_block b = {.lik = &lik_dlogistic, .nx = 1, .no = OUT, .step = 1 / 255.0f};
    for (int side = -1; side <= 1; side += 2) {
        /* on the mean or at an end, which wants the scale beyond; off the mean, which wants it back */
        float o[OUT] = {0}, d[OUT], x[2] = {side < 0 ? 0.4f : 1, 0.6f};
        double nll[2] = {0};
        bool held = false, back = false;
        for (size_t k = 0; k < 5; k++)
            o[5 + k] = 1.6f, o[10 + k] = (float)side * 20;
        for (size_t i = 0; i < 2; i++) {
            lik_dlogistic.nll(&b, &x[i], o, NULL, &nll[i], d, 1, 1, 1);
            for (size_t k = 10; k < OUT; k++) {
                CHECK((float)side * d[k] >= 0, "moves on: %g", (double)d[k]);
                held = held || !(fabsf(d[k]) > 0), back = back || fabsf(d[k]) > 1e-6f;
            }
            for (size_t k = 10; k < OUT; k++)
                o[k] = (float)side * 30;
            double again = 0;
            lik_dlogistic.nll(&b, &x[i], o, NULL, &again, NULL, 0, 1, 1);
            CHECK(!(fabs(again - nll[i]) > 0), "goes on beyond its end: %g, %g", again, nll[i]);
        }
        CHECK(held && back, "side %d: held %d, comes back %d", side, held, back);
    }
}

/* It starts at the marginal mean and near the marginal sd, for pixels that are constant, mostly black, in between, or
 * even; and no broader: a bell of this mean and sd would have more entropy where pixels are black or white. */
static void test_start(void) {
    static const struct {
        double mean, sd, most; /* nats of entropy, at most */
    } row[] = {{0, 0, 0.01},     {1, 0, 0.01},           {0.5, 0.002, 1.5}, {0.13, 0.3, 2.8},
               {0.4, 0.2, 5.4}, {0.5, 0.2886751, 5.7}, {0.02, 0.1, 1}};
    const struct lik_block b = {.lik = &lik_dlogistic, .nx = 1, .no = OUT, .step = 1 / 255.0f};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const struct lik_marginals m = {&row[i].mean, &row[i].sd, &row[i].sd, NULL};
        float bias[OUT], mean;
        lik_dlogistic.start(&b, &m, bias, NULL);
        lik_dlogistic.mean(&b, bias, NULL, &mean, 1, 1);
        CHECK(fabs((double)mean - row[i].mean) < 2e-4, "mean %g, sd %g: starts at %g", row[i].mean, row[i].sd,
              (double)mean);
        double sum = 0, square = 0, at = 0;
        for (int k = 0; k < 256; k++) {
            double p = exp(-dlogistic((float)k / 255, bias)), v = k / 255.0;
            sum += p * v, square += p * v * v, at -= p * log(p > 0 ? p : 1);
        }
        double sd = sqrt(square - sum * sum);
        CHECK(sd < row[i].sd * 1.3 + 0.004 && sd > row[i].sd * 0.7 - 0.001, "mean %g: sd %g, should be %g", row[i].mean,
              sd, row[i].sd);
        CHECK(at < row[i].most, "mean %g, sd %g: an entropy of %g", row[i].mean, row[i].sd, at);
    }
}

/* Draws stand on the grid and have the mean that mean() tells; several values in place are drawn as one by one. */
static void test_draws(void) {
    enum { N = 20000, V = 3, R = 70 };
    static float o[OUT * N], x[N], mean[N];
    static uint64_t rows[N];
    struct lik_block b = {.lik = &lik_dlogistic, .nx = 1, .no = OUT, .step = 1 / 255.0f};
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < OUT; k++)
            o[k * N + i] = wide[k], rows[i] = i;
    lik_dlogistic.sample(&b, o, NULL, x, 3, rows, N, N);
    lik_dlogistic.mean(&b, o, NULL, mean, N, N);
    double sum = 0, square = 0;
    size_t off = 0;
    for (size_t i = 0; i < N; i++) {
        double v = (double)x[i], level = v * 255;
        sum += v / N, square += v * v / N;
        off += !(v >= 0 && v <= 1 && fabs(level - nearbyint(level)) < 1e-4);
    }
    CHECK(off == 0, "%zu draws are between levels", off);
    CHECK(fabs(sum - (double)mean[0]) < 5 * sqrt((square - sum * sum) / N), "mean of draws %g, should be %g", sum,
          (double)mean[0]);

    float many[V * OUT * R], one[OUT * R], want[R], drawn[V * R];
    rng_normals(many, V * OUT, R, R, 1, RNG_TEST, 3, NULL, 0);
    b.nx = V, b.no = V * OUT, b.x0 = 4;
    for (int what = 0; what < 2; what++) {
        float copy[V * OUT * R];
        memcpy(copy, many, sizeof copy);
        if (what)
            lik_dlogistic.mean(&b, copy, NULL, copy, R, R);
        else
            lik_dlogistic.sample(&b, copy, NULL, copy, 7, rows, R, R);
        memcpy(drawn, copy, sizeof drawn);
        for (size_t j = 0; j < V; j++) {
            struct lik_block single = {.lik = &lik_dlogistic, .nx = 1, .no = OUT, .x0 = 4 + j, .step = b.step};
            memcpy(one, many + j * OUT * R, sizeof one);
            if (what)
                lik_dlogistic.mean(&single, one, NULL, want, R, R);
            else
                lik_dlogistic.sample(&single, one, NULL, want, 7, rows, R, R);
            CHECK(!memcmp(want, drawn + j * R, sizeof want), "%s of value %zu in place is another",
                  what ? "mean" : "draw", j);
        }
    }
}

int main(void) {
    test_decay();
    test_cbernoulli();
    test_golden();
    test_levels();
    test_limits();
    test_start();
    test_draws();
    return test_done();
}
