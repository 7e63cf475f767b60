/* test_pool.c - every task once, nothing before its time, threads that sleep when there is nothing to do. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/mat.h"
#include "base/mem.h"
#include "base/pool.h"
#include "test.h"

enum { MOST = 1000 };

struct job {
    int done[MOST]; /* not atomic: pool_run orders it */
    size_t by[MOST], threads;
    atomic_size_t bad, blocked;
};

static void task(void *ctx, size_t i, size_t worker) {
    struct job *j = ctx;
    sigset_t mask;
    if (worker >= j->threads || i >= MOST)
        j->bad++;
    else {
        j->done[i]++;
        j->by[i] = worker;
    }
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    if (worker > 0 && sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1)
        j->blocked++;
    else if (worker > 0)
        j->bad++;
}

static void test_tasks(size_t threads) {
    struct vae_err err = {0};
    struct pool *p = pool_new(threads, &err);
    static struct job j;
    CHECK(p != NULL, "%s", err.msg);
    if (!p)
        return;
    CHECK(pool_threads(p) == threads, "%zu threads", pool_threads(p));
    size_t bad = 0;
    for (size_t round = 0; round < 1000; round++) {
        size_t n = round < 20 ? round : round % 7 == 0 ? MOST : round * 7919 % 50;
        memset(j.done, 0, sizeof j.done);
        j.threads = threads;
        pool_run(p, n, task, &j);
        for (size_t i = 0; i < MOST; i++)
            bad += j.done[i] != (i < n);
        if (round % 200 == 0)
            usleep(2000); /* let them fall asleep */
    }
    CHECK(bad == 0 && j.bad == 0, "%zu threads: %zu tasks not run once, %zu not as promised", threads, bad,
          (size_t)j.bad);
    pool_free(p);
}

/* Two tasks that wait for each other: only two threads can do them. */
static void meet(void *ctx, size_t i, size_t worker) {
    pthread_barrier_wait(ctx);
    (void)i;
    (void)worker;
}

static void test_parallel(void) {
    struct vae_err err = {0};
    struct pool *p = pool_new(4, &err);
    pthread_barrier_t barrier;
    pthread_barrier_init(&barrier, NULL, 4);
    alarm(60);
    for (int i = 0; i < 300; i++) {
        if (i % 100 == 50)
            usleep(2000);
        pool_run(p, 4, meet, &barrier);
    }
    alarm(0);
    CHECK(p != NULL, "%s", err.msg);
    pthread_barrier_destroy(&barrier);
    pool_free(p);
}

static double cpu_seconds(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void nothing(void *ctx, size_t i, size_t worker) {
    (void)ctx;
    (void)i;
    (void)worker;
}

static void test_idle(void) {
    struct vae_err err = {0};
    struct pool *p = pool_new(0, &err);
    cpu_set_t set;
    CHECK(p != NULL, "%s", err.msg);
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        CHECK(pool_threads(p) == (size_t)CPU_COUNT(&set) || CPU_COUNT(&set) > 128, "%zu threads", pool_threads(p));
    pool_run(p, 100, nothing, NULL);
    double before = cpu_seconds();
    usleep(100000);
    CHECK(cpu_seconds() - before < 0.02, "idle threads used %g s of 0.1", cpu_seconds() - before);
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < 20000; i++)
        pool_run(p, pool_threads(p), nothing, NULL);
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%zu threads: an empty job takes %.2f us\n", pool_threads(p),
           ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 20000 / 1e3);
    pool_free(p);
}

static void count(void *ctx, size_t i, size_t worker) {
    *(size_t *)ctx += i + worker + 1;
}

static void test_none(void) {
    size_t sum = 0;
    pool_run(NULL, 10, count, &sum);
    CHECK(sum == 55 && pool_threads(NULL) == 1, "without a pool: %zu", sum);
    pool_run(NULL, 0, count, &sum);
    CHECK(sum == 55, "no tasks");
    pool_free(NULL);
    struct vae_err err = {0};
    CHECK(pool_new(100000, &err) == NULL && err.code == VAE_EUSAGE, "100000 threads");
}

/* Products in all threads at once. */
struct product {
    float w[64 * 100], x[100 * MAT_PANEL], c[64][64 * MAT_PANEL];
};

static void multiply(void *ctx, size_t i, size_t worker) {
    struct product *p = ctx;
    (void)worker;
    mat_gemm(false, false, 64, MAT_PANEL, 100, p->w, 100, p->x, MAT_PANEL, 0, p->c[i], MAT_PANEL);
}

static void test_products(void) {
    struct vae_err err = {0};
    struct product *p = mem_array(1, sizeof *p);
    int bad = 0;
    CHECK(mat_open(&err) == 0, "%s", err.msg);
    struct pool *pool = pool_new(8, &err);
    CHECK(pool != NULL, "%s", err.msg);
    for (size_t i = 0; i < 64 * 100; i++)
        p->w[i] = (float)(i * 7919 % 101) / 101;
    for (size_t i = 0; i < 100 * MAT_PANEL; i++)
        p->x[i] = (float)(i * 7919 % 103) / 103;
    for (int round = 0; round < 50; round++) {
        pool_run(pool, 64, multiply, p);
        for (size_t i = 1; i < 64; i++)
            bad += memcmp(p->c[i], p->c[0], sizeof p->c[0]) != 0;
    }
    CHECK(bad == 0, "%d products differ", bad);
    pool_free(pool);
    free(p);
}

int main(void) {
    test_none();
    for (size_t threads = 1; threads <= 8; threads = threads < 4 ? threads + 1 : threads * 2)
        test_tasks(threads);
    test_parallel();
    test_idle();
    test_products();
    return test_done();
}
