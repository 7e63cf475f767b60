/* mat.c - OpenBLAS loaded at run time, checked before it is trusted; and the transpose it lacks. */
#include "base/mat.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/dl.h"
#include "base/err.h"
#include "base/mem.h"

enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 }; /* values of enums in <cblas.h> */

static const size_t BUFFER = (size_t)128 << 20; /* what OpenBLAS 0.3 maps for a thread's products on x86-64 */
static const size_t LIBRARY = (size_t)48 << 20; /* the library and libgfortran */

static struct {
    pthread_mutex_t lock;
    void *handle;
    void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);
    void (*dsyevd)(const char *, const char *, const int *, double *, const int *, double *, double *, const int *,
                   int *, const int *, int *, size_t, size_t);
    void (*set_threads)(int);
    char *(*corename)(void);
    void *(*take)(int); /* optional: OpenBLAS's own buffers */
    void (*give)(void *);
    size_t reserved; /* of them are mapped */
} blas = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local bool one_thread; /* this thread has called set_threads(1) */

/* An environment variable set for a while; restore() puts the old value back. */
struct setting {
    const char *name;
    char *old;
};

static bool set(struct setting *s, const char *name, const char *value) {
    const char *old = getenv(name);
    *s = (struct setting){name, old ? mem_text(old, strlen(old)) : NULL};
    return (!old || s->old) && setenv(name, value, 1) == 0;
}

static void restore(struct setting *s) {
    if (s->old)
        setenv(s->name, s->old, 1);
    else
        unsetenv(s->name);
    free(s->old);
}

static int can_map(size_t bytes, struct vae_err *err) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return err_errno(err, VAE_EOS, "cannot map %zu MiB of memory for OpenBLAS", bytes >> 20);
    munmap(p, bytes);
    return 0;
}

/* Loads the library with the kernels of `core`, or of its own choice for NULL. */
static int load(const char *core, struct vae_err *err) {
    const struct dl_symbol symbols[] = {{"cblas_sgemm", &blas.sgemm},
                                        {"dsyevd_", &blas.dsyevd},
                                        {"openblas_set_num_threads", &blas.set_threads},
                                        {"openblas_get_corename", &blas.corename}};
    struct setting threads, kernels = {0};
    int rc = 0;
    if (!set(&threads, "OPENBLAS_NUM_THREADS", "1") || (core && !set(&kernels, "OPENBLAS_CORETYPE", core)))
        rc = err_set(err, VAE_EOS, "out of memory");
    else if (!(blas.handle = dl_open("libopenblas.so.0", "OpenBLAS", symbols, sizeof symbols / sizeof *symbols, err)))
        rc = VAE_EOS;
    restore(&threads);
    if (kernels.name)
        restore(&kernels);
    if (rc == 0 && (!dl_find(blas.handle, "blas_memory_alloc", &blas.take) || !dl_find(blas.handle, "blas_memory_free", &blas.give)))
        blas.take = NULL;
    return rc;
}

static void unload(void) {
    dl_close(blas.handle);
    blas.handle = NULL;
    blas.reserved = 0;
}

/* The kernels to ask for, since OpenBLAS takes slow ones on processors that are newer than it; NULL: its choice. */
static const char *best_core(void) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

/* Whether a product with n columns agrees with plain arithmetic. */
static bool product_ok(size_t n) {
    enum { M = 33, K = 47, N = 64 };
    float a[M * K], b[K * N], c[M * N];
    unsigned seed = 1;
    for (size_t i = 0; i < M * K; i++)
        a[i] = (float)((seed = seed * 1664525 + 1013904223) >> 16) / 65536 - 0.5f;
    for (size_t i = 0; i < K * n; i++)
        b[i] = (float)((seed = seed * 1664525 + 1013904223) >> 16) / 65536 - 0.5f;
    mat_gemm(false, false, M, n, K, a, K, b, n, 0, c, n);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < K; l++)
                sum += (double)a[i * K + l] * (double)b[l * n + j];
            if (!(fabs(sum - (double)c[i * n + j]) < 1e-5))
                return false;
        }
    return true;
}

/* mat_reserve, with the lock held. */
static int reserve(size_t threads, struct vae_err *err) {
    size_t bytes;
    if (threads <= blas.reserved)
        return 0;
    if (!mem_mul(threads - blas.reserved, BUFFER, &bytes))
        return err_set(err, VAE_EOS, "too many threads: %zu", threads);
    int rc = can_map(bytes, err);
    if (rc < 0 || !blas.take)
        return rc;
    void **buffers = mem_array(threads, sizeof *buffers);
    if (!buffers)
        return err_set(err, VAE_EOS, "out of memory for %zu threads", threads);
    for (size_t i = 0; i < threads; i++)
        buffers[i] = blas.take(0);
    for (size_t i = 0; i < threads; i++)
        blas.give(buffers[i]);
    free(buffers);
    blas.reserved = threads;
    return 0;
}

static int open_core(const char *core, struct vae_err *err) {
    int rc = load(core, err);
    if (rc == 0)
        rc = reserve(1, err);
    if (rc == 0 && !(product_ok(MAT_PANEL) && product_ok(MAT_SHARD)))
        rc = err_set(err, VAE_EOS, "the %s kernels of OpenBLAS compute wrong products here: set OPENBLAS_CORETYPE",
                     mat_core());
    if (rc < 0)
        unload();
    return rc;
}

int mat_open(struct vae_err *err) {
    static const char fallback[] = "Haswell";
    int rc = 0;
    pthread_mutex_lock(&blas.lock);
    if (!blas.handle && (rc = can_map(LIBRARY + BUFFER, err)) == 0) {
        const char *asked = getenv("OPENBLAS_CORETYPE"), *core = asked && *asked ? NULL : best_core();
        rc = open_core(core, err);
        if (rc < 0 && core && strcmp(core, fallback) != 0)
            rc = open_core(fallback, err);
    }
    pthread_mutex_unlock(&blas.lock);
    return rc;
}

int mat_reserve(size_t threads, struct vae_err *err) {
    pthread_mutex_lock(&blas.lock);
    int rc = blas.handle ? reserve(threads, err) : 0;
    pthread_mutex_unlock(&blas.lock);
    return rc;
}

void mat_thread(void) {
    if (!blas.handle)
        return;
    blas.set_threads(1);
    one_thread = true;
}

const char *mat_core(void) {
    return blas.handle ? blas.corename() : "none";
}

void mat_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              float beta, float *c, size_t ldc) {
    if (m == 0 || n == 0)
        return;
    if (k == 0) { /* BLAS wants leading dimensions that an empty matrix need not have */
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                c[i * ldc + j] = beta == 0 ? 0 : beta * c[i * ldc + j];
        return;
    }
    if (!one_thread)
        mat_thread();
    blas.sgemm(ROW_MAJOR, ta ? TRANSPOSED : AS_IS, tb ? TRANSPOSED : AS_IS, (int)m, (int)n, (int)k, 1, a, (int)lda, b,
               (int)ldb, beta, c, (int)ldc);
}

int mat_covariance(const float *x, size_t n, size_t d, double *mean, double *cov, struct vae_err *err) {
    float *centred = mem_floats(n * d), *c = mem_floats(d * d);
    memset(mean, 0, d * sizeof *mean);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            mean[j] += (double)x[i * d + j] / (double)n;
    if (centred && c) {
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < d; j++)
                centred[i * d + j] = x[i * d + j] - (float)mean[j];
        mat_gemm(true, false, d, d, n, centred, d, centred, d, 0, c, d);
        for (size_t i = 0; i < d * d; i++)
            cov[i] = (double)c[i] / (double)n;
    }
    int rc = centred && c ? 0 : err_set(err, VAE_EOS, "out of memory for a covariance of %zu values", d);
    free(centred), free(c);
    return rc;
}

int mat_eigh(size_t n, double *a, double *w, struct vae_err *err) {
    double size = 0, *work = NULL;
    int isize = 0, *iwork = NULL, info = 0, query = -1, order = (int)n, rc = 0;
    if (n == 0)
        return 0;
    if (n > 16384) /* dsyevd counts its 2 n^2 doubles of work in an int */
        return err_set(err, VAE_EOS, "a matrix of order %zu is too large to diagonalise", n);
    if ((rc = mat_open(err)) < 0)
        return rc;
    for (size_t i = 0; i < n * n; i++)
        if (!isfinite(a[i]))
            return err_set(err, VAE_EDATA, "a matrix to diagonalise has a value that is not finite");
    if (!one_thread)
        mat_thread();
    blas.dsyevd("V", "U", &order, a, &order, w, &size, &query, &isize, &query, &info, 1, 1);
    int lwork = (int)size, liwork = isize;
    work = mem_array((size_t)lwork, sizeof *work);
    iwork = mem_array((size_t)liwork, sizeof *iwork);
    if (!work || !iwork) {
        rc = err_set(err, VAE_EOS, "out of memory to diagonalise a matrix of order %zu", n);
        goto out;
    }
    /* Column-major eigenvectors in columns are row-major ones in rows. */
    blas.dsyevd("V", "U", &order, a, &order, w, work, &lwork, iwork, &liwork, &info, 1, 1);
    if (info != 0)
        rc = err_set(err, VAE_EDATA, "the eigenvalues of a matrix of order %zu do not converge", n);
out:
    free(work);
    free(iwork);
    return rc;
}

void mat_transpose(size_t rows, size_t cols, const float *x, size_t ldx, float *y, size_t ldy) {
    enum { B = 16 }; /* a block's rows are whole cache lines on both sides */
    for (size_t i0 = 0; i0 < rows; i0 += B)
        for (size_t j0 = 0; j0 < cols; j0 += B) {
            size_t i1 = i0 + B < rows ? i0 + B : rows, j1 = j0 + B < cols ? j0 + B : cols;
            for (size_t j = j0; j < j1; j++)
                for (size_t i = i0; i < i1; i++)
                    y[j * ldy + i] = x[i * ldx + j];
        }
}
