/* test_rng.c - Philox against its authors' vectors; the draws against what they should be. */
#include <stdint.h>
#include <time.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "test.h"

/* Random123's kat_vectors for philox4x32-10: counter, key, result. */
static void test_vectors(void) {
    static const struct {
        uint32_t c[4];
        uint64_t key;
        uint32_t want[4];
    } vectors[] = {
        {{0, 0, 0, 0}, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
         UINT64_MAX,
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         0x299f31d0a4093822,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint32_t out[4];
        rng_philox(vectors[i].key, vectors[i].c, out);
        CHECK(memcmp(out, vectors[i].want, sizeof out) == 0, "vector %zu: %08x", i, out[0]);
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* sqrt(n) times the Kolmogorov-Smirnov distance of x (sorted here) to the distribution function cdf. */
static double ks(double *x, size_t n, double (*cdf)(double)) {
    double d = 0;
    qsort(x, n, sizeof *x, by_value);
    for (size_t i = 0; i < n; i++)
        d = fmax(d, fmax(cdf(x[i]) - (double)i / (double)n, (double)(i + 1) / (double)n - cdf(x[i])));
    return d * sqrt((double)n);
}

static double normal_cdf(double x) {
    return 0.5 * erfc(-x * 0.70710678118654752440);
}
static double uniform_cdf(double x) {
    return x;
}

static void test_uniform(void) {
    enum { N = 100003 };
    double *u = malloc(N * sizeof *u), part[5], sum = 0;
    rng_uniform(u, N, 7, RNG_TEST, 3, 11);
    rng_uniform(part, 5, 7, RNG_TEST, 3, 11);
    CHECK(memcmp(u, part, sizeof part) == 0, "the first numbers depend on n");
    for (size_t i = 0; i < N; i++) {
        sum += u[i];
        if (!(u[i] > 0 && u[i] < 1))
            CHECK(0, "%g is not in (0,1)", u[i]);
    }
    CHECK(fabs(sum / N - 0.5) < 0.005, "mean %g", sum / N);
    CHECK(ks(u, N, uniform_cdf) < 1.95, "KS"); /* p = 0.001 */
    free(u);
}

/* Every one of seed, purpose, step, row and index, in its high bits too, gives other numbers. */
static void test_distinct(void) {
    static const struct {
        uint64_t seed, step, row;
        enum rng_purpose purpose;
    } keys[] = {
        {1, 0, 0, RNG_TEST},
        {2, 0, 0, RNG_TEST},
        {1ull << 32, 0, 0, RNG_TEST},
        {1, 0, 0, RNG_GMM},
        {1, 1, 0, RNG_TEST},
        {1, 1ull << 32, 0, RNG_TEST},
        {1, 1ull << 47, 0, RNG_TEST},
        {1, 0, 1, RNG_TEST},
        {1, 0, 1ull << 32, RNG_TEST},
        {1, 0, 1ull << 47, RNG_TEST},
        {1, 1ull << 32, 1ull << 32, RNG_TEST},
    };
    enum { N = sizeof keys / sizeof *keys, K = 64 };
    double u[N][K];
    for (size_t i = 0; i < N; i++)
        rng_uniform(u[i], K, keys[i].seed, keys[i].purpose, keys[i].step, keys[i].row);
    for (size_t i = 0; i < N * K; i++)
        for (size_t j = 0; j < i; j++)
            if (u[i / K][i % K] == u[j / K][j % K]) /* by chance: 6e-5 */
                CHECK(0, "keys %zu and %zu give the same number", i / K, j / K);
    CHECK(u[0][0] != u[1][0], "distinct");
}

static void test_normals(void) {
    enum { K = 7, N = 60000, LD = N + 3 };
    float *z = malloc(K * LD * sizeof *z);
    double *x = malloc(K * N * sizeof *x), m[5] = {0}, cross[K][K] = {{0}};
    rng_normals(z, K, N, LD, 5, RNG_TEST, 1, NULL, 100);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < K; j++) {
            double v = (double)z[j * LD + i];
            x[i * K + j] = v;
            for (int p = 1; p < 5; p++)
                m[p] += pow(v, p) / (K * N);
            for (size_t l = 0; l < j; l++)
                cross[j][l] += v * (double)z[l * LD + i] / N;
        }
    CHECK(fabs(m[1]) < 0.006 && fabs(m[2] - 1) < 0.01 && fabs(m[3]) < 0.02 && fabs(m[4] - 3) < 0.06,
          "moments %g %g %g %g", m[1], m[2], m[3], m[4]);
    for (size_t j = 0; j < K; j++)
        for (size_t l = 0; l < j; l++)
            CHECK(fabs(cross[j][l]) < 0.018, "latents %zu and %zu correlate: %g", j, l, cross[j][l]);
    CHECK(ks(x, K * N, normal_cdf) < 1.95, "KS");
    CHECK(x[0] < -4 && x[K * N - 1] > 4 && x[K * N - 1] < 7, "extremes %g %g", x[0], x[K * N - 1]);
    free(z);
    free(x);
}

/* A record's normals: the same alone, in any batch, at any place, and at every vector width. */
static void test_place(void) {
    enum { K = 11, N = 150, LD = 160 };
    static const char *const kinds[] = {"avx512f", "avx2", "scalar"};
    static float all[K * LD], one[K], some[K * LD], other[K * LD];
    uint64_t rows[N];
    const char *usual = vm_kind();
    char first[16];
    strcpy(first, usual);
    rng_normals(all, K, N, LD, 9, RNG_LATENT, 4, NULL, 1000);
    for (size_t i = 0; i < N; i++)
        rows[i] = 1000 + (i * 77) % N;
    rng_normals(some, K, N, N, 9, RNG_LATENT, 4, rows, 0);
    int bad = 0;
    for (size_t i = 0; i < N; i++) {
        rng_normals(one, K, 1, 1, 9, RNG_LATENT, 4, NULL, 1000 + i);
        for (size_t j = 0; j < K; j++) {
            bad += memcmp(&one[j], &all[j * LD + i], sizeof *one) != 0;
            bad += memcmp(&some[j * N + i], &all[j * LD + (i * 77) % N], sizeof *one) != 0;
        }
    }
    CHECK(bad == 0, "%d numbers depend on their place", bad);
    for (size_t k = 1; k <= K; k++) {
        rng_normals(some, k, N, LD, 9, RNG_LATENT, 4, NULL, 1000);
        bad = 0;
        for (size_t j = 0; j < k; j++)
            bad += memcmp(&some[j * LD], &all[j * LD], N * sizeof *all) != 0;
        CHECK(bad == 0, "%zu latents: other numbers", k);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (vm_use(kinds[i]) == 0) {
            memcpy(other, all, sizeof all); /* the padding */
            rng_normals(other, K, N, LD, 9, RNG_LATENT, 4, NULL, 1000);
            CHECK(memcmp(other, all, sizeof all) == 0, "other numbers with %s", kinds[i]);
        }
    CHECK(vm_use(first) == 0, "%s is gone", first);
    /* What lies between the rows is left alone, also with no latents or records. */
    memset(some, 0x55, sizeof some);
    memset(other, 0x55, sizeof other);
    rng_normals(some, 0, N, LD, 9, RNG_LATENT, 4, NULL, 0);
    rng_normals(some, K, 0, LD, 9, RNG_LATENT, 4, NULL, 0);
    CHECK(memcmp(some, other, sizeof some) == 0, "writes for no records");
    rng_normals(some, K, 5, LD, 9, RNG_LATENT, 4, NULL, 0);
    CHECK(memcmp(some + 5, other + 5, (LD - 5) * sizeof *some) == 0, "writes between the rows");
}

static void test_permute(void) {
    enum { MOST = 2000 };
    unsigned char seen[MOST];
    for (size_t n = 1; n <= MOST; n++) {
        size_t bad = 0, same = 0;
        memset(seen, 0, n);
        for (size_t i = 0; i < n; i++) {
            uint64_t to = rng_permute(i, n, 3, RNG_SHUFFLE, n);
            bad += to >= n || seen[to]++;
            same += to == rng_permute(i, n, 3, RNG_SHUFFLE, n + 1);
        }
        CHECK(bad == 0, "n = %zu: no permutation", n);
        if (n > 50)
            CHECK(same < n / 4, "n = %zu: %zu places do not depend on the step", n, same);
    }
    static const uint64_t large[] = {1000003, 1ull << 32, (1ull << 40) + 1, UINT64_MAX};
    for (size_t l = 0; l < sizeof large / sizeof *large; l++) {
        enum { N = 1000 };
        double place[N];
        int collisions = 0, outside = 0;
        for (uint64_t i = 0; i < N; i++) {
            uint64_t to = rng_permute(i, large[l], 3, RNG_SHUFFLE, 0);
            outside += to >= large[l];
            place[i] = ((double)to + 0.5) / (double)large[l];
        }
        CHECK(outside == 0, "n = %llu: %d places outside", (unsigned long long)large[l], outside);
        CHECK(ks(place, N, uniform_cdf) < 1.95, "n = %llu: not uniform", (unsigned long long)large[l]);
        for (size_t i = 1; i < N; i++)
            collisions += place[i] == place[i - 1];
        CHECK(collisions == 0, "n = %llu: %d collisions", (unsigned long long)large[l], collisions);
    }
    /* All 6 orders of 3 items turn up over the steps, none of them too often. */
    int orders[27] = {0}, different = 0, most = 0;
    for (uint64_t step = 0; step < 6000; step++) {
        uint64_t at = 0;
        for (uint64_t i = 0; i < 3; i++)
            at = at * 3 + rng_permute(i, 3, 1, RNG_SHUFFLE, step);
        orders[at]++;
    }
    for (size_t i = 0; i < 27; i++) {
        different += orders[i] > 0;
        most = orders[i] > most ? orders[i] : most;
    }
    CHECK(different == 6 && most < 2000, "%d orders, one of them %d times", different, most);
}

static void test_speed(void) {
    enum { K = 16, N = 1024, ROUNDS = 200 };
    static float z[K * N];
    clock_t t = clock();
    for (uint64_t i = 0; i < ROUNDS; i++)
        rng_normals(z, K, N, N, 1, RNG_TEST, i, NULL, 0);
    double normal = (double)(clock() - t) / CLOCKS_PER_SEC * 1e9 / ((double)K * N * ROUNDS);
    uint64_t sum = 0;
    t = clock();
    for (uint64_t i = 0; i < 200000; i++)
        sum += rng_permute(i, 200000, 1, RNG_SHUFFLE, 1);
    printf("a normal %.2f ns, a place %.0f ns\n", normal, (double)(clock() - t) / CLOCKS_PER_SEC * 1e9 / 200000);
    CHECK(sum == 199999ull * 100000, "the places do not sum up");
}

int main(void) {
    test_vectors();
    test_uniform();
    test_distinct();
    test_normals();
    test_place();
    test_permute();
    test_speed();
    return test_done();
}
