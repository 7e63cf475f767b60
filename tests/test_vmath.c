/* test_vmath.c - the same bits at every width, and how far they are from the truth. */
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "base/vmath.h"
#include "test.h"

enum { N = 4096 };

static const char *const kinds[] = {"avx512f", "avx2", "scalar"};
enum { NKINDS = sizeof kinds / sizeof *kinds };

static void sinpi_only(float *y, const float *x, size_t n) {
    float c[N];
    vm_sincospi(y, c, x, n);
}
static void cospi_only(float *y, const float *x, size_t n) {
    float s[N];
    vm_sincospi(s, y, x, n);
}
static double sinpi_true(double x) {
    return sin(3.14159265358979323846 * fmod(x, 2));
}
static double cospi_true(double x) {
    return cos(3.14159265358979323846 * fmod(x, 2));
}
static double sigmoid_true(double x) {
    return 1 / (1 + exp(-x));
}
static double softplus_true(double x) {
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* Each function, the arguments where its accuracy is promised, and units in the last place it may be off. */
static const struct {
    const char *name;
    void (*map)(float *, const float *, size_t);
    double (*truth)(double);
    float low, high;
    double ulps;
} functions[] = {
    {"exp", vm_exp, exp, -104, 88.72f, 1.5},
    {"log", vm_log, log, 0x1p-149f, 0x1.fffffep127f, 1.5},
    {"tanh", vm_tanh, tanh, -100, 100, 1.5},
    {"sinpi", sinpi_only, sinpi_true, -4, 4, 1.5},
    {"cospi", cospi_only, cospi_true, -4, 4, 1.5},
    {"sigmoid", vm_sigmoid, sigmoid_true, -100, 100, 3},
    {"softplus", vm_softplus, softplus_true, -100, 100, 3},
};
enum { NFUNCTIONS = sizeof functions / sizeof *functions };

static const float special[] = {0,
                                -0.0f,
                                1,
                                -1,
                                0.5f,
                                1.5f,
                                2,
                                -2,
                                INFINITY,
                                -INFINITY,
                                NAN,
                                0x1p-149f,
                                -0x1p-149f,
                                0x1p-126f,
                                -0x1p-126f,
                                0x1.fffffcp-127f,
                                0x1.fffffep127f,
                                -0x1.fffffep127f,
                                88.722839f,
                                88.72284f,
                                -87.33655f,
                                -103.97208f,
                                -104,
                                100,
                                -100,
                                0x1.fffffep-1f,
                                0x1.000002p0f,
                                8388608,
                                16777216,
                                0x1p31f,
                                0x1p32f};

static uint32_t state = 1;

static uint32_t next(void) {
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
}

/* Arguments of a round: the special ones, any bit patterns, or what lies between low and high. */
static void fill(float *x, int round, float low, float high) {
    for (size_t i = 0; i < N; i++) {
        uint32_t u = next();
        if (round == 0)
            x[i] = special[i % (sizeof special / sizeof *special)];
        else if (round % 2)
            memcpy(&x[i], &u, sizeof u);
        else
            x[i] = (float)(low + ((double)high - low) * u / 4294967296.0);
    }
}

static bool same(float a, float b) {
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void test_widths(void) {
    enum { ROUNDS = 250 }; /* a million arguments for each function */
    static float x[N], y[N], want[N];
    for (size_t f = 0; f < NFUNCTIONS; f++)
        for (int round = 0; round < ROUNDS; round++) {
            fill(x, round, functions[f].low, functions[f].high);
            if (vm_use("scalar") < 0)
                abort();
            functions[f].map(want, x, N);
            for (size_t k = 0; k < NKINDS; k++) {
                if (vm_use(kinds[k]) < 0)
                    continue;
                functions[f].map(y, x, N);
                size_t i = 0;
                while (i < N && same(y[i], want[i]))
                    i++;
                if (i < N)
                    CHECK(0, "%s(%a) is %a with %s, %a scalar", functions[f].name, (double)x[i], (double)y[i], kinds[k],
                          (double)want[i]);
            }
        }
    CHECK(1, "widths");
}

/* Any length, any alignment, in place; nothing beyond the end is written. */
static void test_lengths(void) {
    enum { MOST = 70 };
    static float x[N], want[N], y[N];
    fill(x, 2, 0, 4);
    for (size_t k = 0; k < NKINDS; k++) {
        if (vm_use(kinds[k]) < 0)
            continue;
        for (size_t f = 0; f < NFUNCTIONS; f++) {
            int bad = 0;
            functions[f].map(want, x, N);
            for (size_t n = 0; n <= MOST; n++)
                for (size_t at = 0; at < 4; at++) {
                    memcpy(y, x, sizeof x);
                    functions[f].map(y + at, y + at, n);
                    bad += memcmp(y, x, at * sizeof *x) != 0 || memcmp(y + at, want + at, n * sizeof *x) != 0 ||
                           memcmp(y + at + n, x + at + n, MOST * sizeof *x) != 0;
                }
            CHECK(bad == 0, "%s with %s: %d lengths are wrong", functions[f].name, kinds[k], bad);
        }
    }
}

static void test_accuracy(void) {
    static float x[N], y[N];
    for (size_t f = 0; f < NFUNCTIONS; f++) {
        double worst = 0;
        float at = 0;
        for (int round = 1; round < 200; round++) {
            fill(x, round, functions[f].low, functions[f].high);
            functions[f].map(y, x, N);
            for (size_t i = 0; i < N; i++) {
                if (!(x[i] >= functions[f].low && x[i] <= functions[f].high))
                    continue;
                double want = functions[f].truth((double)x[i]);
                int exponent = 0;
                frexp(want, &exponent);
                double ulp = ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
                double off = fabs((double)y[i] - want) / ulp;
                if (!(off <= worst)) {
                    worst = off;
                    at = x[i];
                }
            }
        }
        printf("%s: %.3f ulp at %a\n", functions[f].name, worst, (double)at);
        CHECK(worst <= functions[f].ulps, "%s: %g ulp at %a", functions[f].name, worst, (double)at);
    }
}

static void test_values(void) {
    static const struct {
        void (*map)(float *, const float *, size_t);
        const char *name;
        float x, y;
    } values[] = {
        {vm_exp, "exp", 0, 1},
        {vm_exp, "exp", INFINITY, INFINITY},
        {vm_exp, "exp", 89, INFINITY},
        {vm_exp, "exp", -INFINITY, 0},
        {vm_exp, "exp", -105, 0},
        {vm_exp, "exp", NAN, NAN},
        {vm_log, "log", 1, 0},
        {vm_log, "log", 0, -INFINITY},
        {vm_log, "log", -1, NAN},
        {vm_log, "log", INFINITY, INFINITY},
        {vm_log, "log", NAN, NAN},
        {vm_tanh, "tanh", 0, 0},
        {vm_tanh, "tanh", INFINITY, 1},
        {vm_tanh, "tanh", -INFINITY, -1},
        {vm_tanh, "tanh", NAN, NAN},
        {sinpi_only, "sinpi", 0.5f, 1},
        {sinpi_only, "sinpi", 1.5f, -1},
        {cospi_only, "cospi", 1, -1},
        {cospi_only, "cospi", 0, 1},
        {vm_sigmoid, "sigmoid", 0, 0.5f},
        {vm_sigmoid, "sigmoid", 100, 1},
        {vm_sigmoid, "sigmoid", INFINITY, 1},
        {vm_sigmoid, "sigmoid", -INFINITY, 0},
        {vm_sigmoid, "sigmoid", NAN, NAN},
        {vm_softplus, "softplus", 100, 100},
        {vm_softplus, "softplus", 0x1.fffffep127f, 0x1.fffffep127f},
        {vm_softplus, "softplus", INFINITY, INFINITY},
        {vm_softplus, "softplus", -INFINITY, 0},
        {vm_softplus, "softplus", NAN, NAN},
    };
    for (size_t k = 0; k < NKINDS; k++) {
        if (vm_use(kinds[k]) < 0)
            continue;
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            float y;
            values[i].map(&y, &values[i].x, 1);
            CHECK(y == values[i].y || same(y, values[i].y), "%s(%g) is %g with %s", values[i].name, (double)values[i].x,
                  (double)y, kinds[k]);
        }
    }
}

/* Columns of several rows against sums in double, also where an exp alone overflows, or all are -inf; nothing is
 * written behind the columns. */
static void test_logsumexp(void) {
    enum { ROWS = 5, COLS = 150, LD = 160 };
    static float x[N], y[LD];
    double worst = 0;
    fill(x, 2, -30, 30);
    for (size_t r = 0; r < ROWS; r++)
        x[r * LD] = -INFINITY, x[r * LD + 1] += 1000, x[r * LD + 2] -= 1000, x[r * LD + 3] = r ? -INFINITY : 7;
    y[COLS] = 77;
    vm_logsumexp(y, x, ROWS, COLS, LD);
    for (size_t i = 1; i < COLS; i++) {
        double top = -INFINITY, sum = 0;
        for (size_t r = 0; r < ROWS; r++)
            top = fmax(top, (double)x[r * LD + i]);
        for (size_t r = 0; r < ROWS; r++)
            sum += exp((double)x[r * LD + i] - top);
        double off = fabs((double)y[i] - top - log(sum)) / (1 + fabs(top));
        worst = off <= worst ? worst : off;
    }
    CHECK(worst < 3e-7, "logsumexp is off by %g", worst);
    CHECK(y[0] == -INFINITY && y[3] == 7 && y[COLS] == 77, "logsumexp of nothing is %g, of 7 alone %g",
          (double)y[0], (double)y[3]);
}

static void test_kinds(void) {
    CHECK(vm_use("sse9") < 0, "an unknown kind is accepted");
    for (size_t k = 0; k < NKINDS; k++) {
        bool can = vm_use(kinds[k]) == 0;
        CHECK(!can || strcmp(vm_kind(), kinds[k]) == 0, "%s is %s", kinds[k], vm_kind());
#ifdef __x86_64__
        bool should = k == 0   ? __builtin_cpu_supports("avx512f")
                      : k == 1 ? __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
                               : true;
        CHECK(can == should, "%s: %d", kinds[k], can);
#endif
    }
}

static void test_speed(void) {
    static float x[N], y[N];
    for (size_t k = 0; k < NKINDS; k++) {
        if (vm_use(kinds[k]) < 0)
            continue;
        printf("%s:", kinds[k]);
        for (size_t f = 0; f < NFUNCTIONS; f++) {
            enum { ROUNDS = 300 };
            fill(x, 2, 0.1f, 3);
            clock_t t = clock();
            for (int i = 0; i < ROUNDS; i++)
                functions[f].map(y, x, N);
            printf(" %s %.2f", functions[f].name, (double)(clock() - t) / CLOCKS_PER_SEC * 1e9 / ((double)N * ROUNDS));
        }
        printf(" ns\n");
    }
}

int main(void) {
    char usual[16];
    strcpy(usual, vm_kind());
    test_kinds();
    test_widths();
    test_lengths();
    CHECK(vm_use(usual) == 0, "%s is gone", usual);
    test_accuracy();
    test_values();
    test_logsumexp();
    test_speed();
    return test_done();
}
