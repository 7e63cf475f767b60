/*
 * test_mat.c - products against plain arithmetic and, on every set of kernels this processor runs, the layout that
 * makes a record's bits independent of where it stands. Without arguments the test runs itself once for each set.
 */
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mat.h"
#include "base/mem.h"
#include "test.h"

static uint32_t state = 1;

static float next(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return (float)state / 4294967296.0f - 0.5f;
}

static void fill(float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        x[i] = next();
}

/* ---- products -------------------------------------------------------------------------------------------- */

static void check_product(bool ta, bool tb, size_t m, size_t n, size_t k, float beta) {
    size_t pad = (m + n + k) % 3, lda = (ta ? m : k) + pad, ldb = (tb ? k : n) + pad, ldc = n + pad;
    float *a = mem_floats((ta ? k : m) * lda), *b = mem_floats((tb ? n : k) * ldb), *c = mem_floats(m * ldc + 1),
          *was = mem_floats(m * ldc + 1);
    size_t bad = 0;
    fill(a, (ta ? k : m) * lda);
    fill(b, (tb ? n : k) * ldb);
    fill(c, m * ldc);
    for (size_t i = 0; i < m * ldc && beta == 0; i++)
        c[i] = NAN; /* must not be read */
    memcpy(was, c, m * ldc * sizeof *c);
    mat_gemm(ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < ldc; j++) {
            if (j >= n) { /* between the rows */
                bad += memcmp(&c[i * ldc + j], &was[i * ldc + j], sizeof *c) != 0;
                continue;
            }
            double sum = beta == 0 ? 0 : (double)beta * (double)was[i * ldc + j];
            for (size_t l = 0; l < k; l++)
                sum += (double)a[ta ? l * lda + i : i * lda + l] * (double)b[tb ? j * ldb + l : l * ldb + j];
            bad += !(fabs(sum - (double)c[i * ldc + j]) < 2e-6 * (1 + sqrt((double)k)));
        }
    CHECK(bad == 0, "%s: op %d %d, m %zu n %zu k %zu beta %g: %zu wrong", mat_core(), ta, tb, m, n, k, (double)beta,
          bad);
    free(a);
    free(b);
    free(c);
    free(was);
}

static void test_products(void) {
    static const size_t sizes[] = {1, 2, 3, 7, 16, 17, 64, 65, 129};
    enum { N = sizeof sizes / sizeof *sizes };
    for (size_t i = 0; i < N * N * N; i++)
        check_product(i & 1, i & 2, sizes[i % N], sizes[i / N % N], sizes[i / N / N], (float)(i % 3) / 2);
    for (int op = 0; op < 4; op++) {
        check_product(op & 1, op & 2, 300, 200, 500, 0);
        check_product(op & 1, op & 2, 0, 5, 5, 0);
        check_product(op & 1, op & 2, 5, 0, 5, 0);
        check_product(op & 1, op & 2, 5, 5, 0, 0);
        check_product(op & 1, op & 2, 5, 5, 0, 0.5f);
    }
}

/* ---- a record's place -------------------------------------------------------------------------------------- */

/* c[m,16] = op(w) x for a panel with one record in every column: all columns have the same bits. Then other records
 * around it: its bits stay. */
static void check_panel(bool transposed, size_t m, size_t k, const float *w, float *x, float *c) {
    float record[800], want[400];
    size_t differ = 0, neighbours = 0;
    size_t lda = transposed ? m : k;
    fill(record, k);
    for (size_t l = 0; l < k; l++)
        for (size_t j = 0; j < MAT_PANEL; j++)
            x[l * MAT_PANEL + j] = record[l];
    mat_gemm(transposed, false, m, MAT_PANEL, k, w, lda, x, MAT_PANEL, 0, c, MAT_PANEL);
    for (size_t i = 0; i < m; i++) {
        want[i] = c[i * MAT_PANEL];
        for (size_t j = 1; j < MAT_PANEL; j++)
            differ += memcmp(&c[i * MAT_PANEL + j], &want[i], sizeof *c) != 0;
    }
    for (size_t at = 0; at < MAT_PANEL; at += 5) {
        fill(x, k * MAT_PANEL);
        for (size_t l = 0; l < k; l++)
            x[l * MAT_PANEL + at] = record[l];
        mat_gemm(transposed, false, m, MAT_PANEL, k, w, lda, x, MAT_PANEL, 0, c, MAT_PANEL);
        for (size_t i = 0; i < m; i++)
            neighbours += memcmp(&c[i * MAT_PANEL + at], &want[i], sizeof *c) != 0;
    }
    CHECK(differ == 0 && neighbours == 0, "%s%s: m %zu k %zu: %zu values depend on the column, %zu on the neighbours",
          mat_core(), transposed ? " (transposed)" : "", m, k, differ, neighbours);
}

static void test_panels(void) {
    static const size_t ms[] = {1,  2,  3,  4,  5,  7,   8,   11,  13,  16,  17,  23,  31,  32,
                                33, 48, 61, 64, 97, 100, 127, 128, 199, 256, 257, 311, 397, 400};
    static const size_t ks[] = {1,   2,   3,   4,   5,   7,   8,   13,  16,  17,  29,  32,  47,  64,  97,  128,
                                200, 251, 256, 257, 320, 383, 384, 385, 448, 499, 512, 640, 768, 784, 797, 800};
    float *w = mem_floats(400 * 800), *x = mem_floats(800 * MAT_PANEL), *c = mem_floats(400 * MAT_PANEL);
    fill(w, 400 * 800);
    for (size_t i = 0; i < sizeof ms / sizeof *ms; i++)
        for (size_t l = 0; l < sizeof ks / sizeof *ks; l++) {
            check_panel(false, ms[i], ks[l], w, x, c);
            check_panel(true, ms[i], ks[l], w, x, c);
        }
    for (int i = 0; i < 400; i++) /* and any other shape */
        check_panel(i & 1, 1 + (size_t)((next() + 0.5f) * 399), 1 + (size_t)((next() + 0.5f) * 799), w, x, c);
    free(w);
    free(x);
    free(c);
}

/* A whole layer computes the same from one call to the next, in training's shards too. */
static void test_repeat(void) {
    enum { M = 200, K = 784 };
    float *w = mem_floats(M * K), *x = mem_floats(K * MAT_SHARD), *c = mem_floats(M * MAT_SHARD),
          *again = mem_floats(M * MAT_SHARD);
    fill(w, M * K);
    fill(x, K * MAT_SHARD);
    mat_gemm(false, false, M, MAT_SHARD, K, w, K, x, MAT_SHARD, 0, c, MAT_SHARD);
    int bad = 0;
    for (int i = 0; i < 50; i++) {
        mat_gemm(false, false, M, MAT_SHARD, K, w, K, x, MAT_SHARD, 0, again, MAT_SHARD);
        bad += memcmp(c, again, M * MAT_SHARD * sizeof *c) != 0;
    }
    CHECK(bad == 0, "%s: %d products differ from the first", mat_core(), bad);
    clock_t t = clock();
    for (int i = 0; i < 400; i++)
        mat_gemm(false, false, M, MAT_PANEL, K, w, K, x, MAT_PANEL, 0, c, MAT_PANEL);
    double panel = 2.0 * M * K * MAT_PANEL * 400 / ((double)(clock() - t) / CLOCKS_PER_SEC) / 1e9;
    t = clock();
    for (int i = 0; i < 100; i++)
        mat_gemm(false, false, M, MAT_SHARD, K, w, K, x, MAT_SHARD, 0, c, MAT_SHARD);
    double shard = 2.0 * M * K * MAT_SHARD * 100 / ((double)(clock() - t) / CLOCKS_PER_SEC) / 1e9;
    printf("%s: panels %.0f, shards %.0f GFLOP/s\n", mat_core(), panel, shard);
    free(w);
    free(x);
    free(c);
    free(again);
}

/* ---- the rest ---------------------------------------------------------------------------------------------- */

static void test_eigh(void) {
    struct vae_err err = {0};
    double w[1], one[1] = {-3};
    CHECK(mat_eigh(0, NULL, NULL, &err) == 0, "order 0");
    CHECK(mat_eigh(1, one, w, &err) == 0 && w[0] == -3 && fabs(one[0]) == 1, "order 1: %g", w[0]);
    for (size_t n = 2; n < 80; n = n * 2 + 1) {
        double *a = mem_array(n * n, sizeof *a), *v = mem_array(n * n, sizeof *v), *values = mem_array(n, sizeof *v);
        double residual = 0, skew = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j <= i; j++)
                a[i * n + j] = a[j * n + i] = (double)next();
        memcpy(v, a, n * n * sizeof *a);
        CHECK(mat_eigh(n, v, values, &err) == 0, "%s", err.msg);
        for (size_t r = 0; r < n; r++)
            for (size_t i = 0; i < n; i++) {
                double av = 0, dot = 0;
                for (size_t j = 0; j < n; j++) {
                    av += a[i * n + j] * v[r * n + j];
                    dot += v[r * n + j] * v[i * n + j];
                }
                residual = fmax(residual, fabs(av - values[r] * v[r * n + i]));
                skew = fmax(skew, fabs(dot - (i == r)));
                CHECK(r == 0 || values[r] >= values[r - 1], "order %zu: not ascending", n);
            }
        CHECK(residual < 1e-13 * (double)n && skew < 1e-13 * (double)n, "order %zu: off by %g, %g", n, residual, skew);
        free(a);
        free(v);
        free(values);
    }
    double bad[4] = {1, NAN, NAN, 1}, two[2];
    CHECK(mat_eigh(2, bad, two, &err) == VAE_EDATA, "NaN is diagonalised");
}

static void test_transpose(void) {
    static const size_t sizes[] = {0, 1, 2, 15, 16, 17, 50};
    enum { N = sizeof sizes / sizeof *sizes, ROOM = 52 * 53 };
    float x[ROOM], y[ROOM], was[ROOM];
    fill(x, ROOM);
    fill(was, ROOM);
    for (size_t a = 0; a < N; a++)
        for (size_t b = 0; b < N; b++) {
            size_t rows = sizes[a], cols = sizes[b], ldx = cols + 2, ldy = rows + 1, bad = 0;
            memcpy(y, was, sizeof y);
            mat_transpose(rows, cols, x, ldx, y, ldy);
            for (size_t i = 0; i < ROOM; i++) {
                size_t row = i / ldy, col = i % ldy;
                float want = row < cols && col < rows ? x[col * ldx + row] : was[i];
                bad += memcmp(&want, &y[i], sizeof want) != 0;
            }
            CHECK(bad == 0, "%zu x %zu: %zu wrong", rows, cols, bad);
        }
}

/* In a child whose address space is limited: mat_open, and mat_reserve(2) where that works, give these. */
static void check_tight(size_t mebibytes, int opens, int reserves) {
    pid_t child = fork();
    if (child == 0) {
        struct vae_err err = {0};
        struct rlimit tight = {mebibytes << 20, mebibytes << 20};
        alarm(20); /* OpenBLAS itself would hang */
        setrlimit(RLIMIT_AS, &tight);
        bool good = mat_open(&err) == opens && (opens < 0 || mat_reserve(2, &err) == reserves);
        bool named = strstr(err.msg, "OpenBLAS") && (opens == 0 || strcmp(mat_core(), "none") == 0);
        _exit(good && named ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(status == 0, "under ulimit -v %zu MiB: status %x", mebibytes, (unsigned)status);
}

static void test_tight(void) {
    size_t pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%zu", &pages) != 1 || pages > (size_t)1 << 24)
        return; /* a sanitizer has mapped terabytes */
    fclose(f);
    check_tight(120, VAE_EOS, 0);
    check_tight(260, 0, VAE_EOS);
}

/* ---- all kernels ------------------------------------------------------------------------------------------- */

static int test_core(const char *core) {
    struct vae_err err = {0};
    CHECK(strcmp(mat_core(), "none") == 0, "loaded before mat_open");
    test_tight();
    CHECK(mat_open(&err) == 0, "%s", err.msg);
    if (err.code)
        return test_done();
    CHECK(mat_open(&err) == 0, "%s", err.msg);
    CHECK(mat_reserve(4, &err) == 0, "%s", err.msg);
    CHECK(*core == 0 || strcmp(mat_core(), core) == 0, "asked for %s, got %s", core, mat_core());
    test_products();
    test_panels();
    test_repeat();
    test_eigh();
    test_transpose();
    return test_done();
}

static bool runs(const char *core) {
#ifdef __x86_64__
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (strcmp(core, "SkylakeX") == 0)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (strcmp(core, "Haswell") == 0 || strcmp(core, "Zen") == 0)
        return avx2;
    if (strcmp(core, "Sandybridge") == 0)
        return __builtin_cpu_supports("avx");
    if (strcmp(core, "Nehalem") == 0)
        return __builtin_cpu_supports("sse4.2");
#endif
    return *core == 0;
}

int main(int argc, char **argv) {
    static const char *const cores[] = {"", "SkylakeX", "Haswell", "Zen", "Sandybridge", "Nehalem"};
    if (argc > 1)
        return test_core(argv[1]);
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
        if (!runs(cores[i]))
            continue;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            setenv("OPENBLAS_CORETYPE", cores[i], 1);
            execl("/proc/self/exe", argv[0], cores[i], (char *)NULL);
            _exit(127);
        }
        int status = -1;
        waitpid(child, &status, 0);
        CHECK(status == 0, "the kernels \"%s\" fail", cores[i]);
    }
    return test_done();
}
