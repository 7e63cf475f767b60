/*
 * pool.c - threads that take numbered tasks from a counter.
 *
 * `waiting` counts the tasks nobody has taken. A worker takes one by lowering it with compare-and-swap and only then
 * reads the job: the job cannot change while a taken task is unfinished, so a worker that is late for one job just
 * helps with the next. `undone` counts the tasks that are not finished; pool_run returns when it is 0.
 * Both sides spin a little before they sleep, because most jobs follow one another closely.
 */
#include "base/pool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"

enum { SPIN_NS = 20000, STACK = 2 << 20, MAX_THREADS = 128 /* for more, Debian's OpenBLAS lacks buffers */ };

struct worker {
    struct pool *pool;
    size_t number;
    pthread_t thread;
};

struct pool {
    pool_fn *fn; /* the job; written while undone is 0 */
    void *ctx;
    size_t ntasks;
    atomic_size_t waiting, undone;
    pthread_mutex_t lock; /* for sleeping and quitting only */
    pthread_cond_t work, done;
    size_t asleep; /* workers waiting for `work` */
    atomic_bool quit;
    bool spin;
    size_t nthreads, started; /* the caller included; workers that run */
    struct worker *workers;   /* [nthreads - 1] */
    pool_stop_fn *stop;
    void *stop_ctx;
};

static void relax(void) {
#ifdef __x86_64__
    __builtin_ia32_pause();
#endif
}

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Takes and runs tasks until none is waiting. */
static void work(struct pool *p, size_t worker) {
    size_t n = atomic_load_explicit(&p->waiting, memory_order_acquire);
    while (n > 0) {
        if (!atomic_compare_exchange_weak_explicit(&p->waiting, &n, n - 1, memory_order_acquire, memory_order_acquire))
            continue;
        p->fn(p->ctx, p->ntasks - n, worker);
        if (atomic_fetch_sub_explicit(&p->undone, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->done);
            pthread_mutex_unlock(&p->lock);
        }
        n = atomic_load_explicit(&p->waiting, memory_order_acquire);
    }
}

static bool wanted(struct pool *p) {
    return atomic_load_explicit(&p->waiting, memory_order_acquire) > 0 ||
           atomic_load_explicit(&p->quit, memory_order_acquire);
}

static bool finished(struct pool *p) {
    return atomic_load_explicit(&p->undone, memory_order_acquire) == 0;
}

/* Waits for cond for a while, at most SPIN_NS. */
static void spin(struct pool *p, bool (*cond)(struct pool *)) {
    if (!p->spin)
        return;
    for (int64_t end = now() + SPIN_NS; now() < end;)
        for (int i = 0; i < 16; i++) {
            if (cond(p))
                return;
            relax();
        }
}

static void *run_worker(void *arg) {
    struct worker *w = arg;
    struct pool *p = w->pool;
    mat_thread();
    for (;;) {
        work(p, w->number);
        spin(p, wanted);
        pthread_mutex_lock(&p->lock);
        while (!wanted(p)) {
            p->asleep++;
            pthread_cond_wait(&p->work, &p->lock);
            p->asleep--;
        }
        pthread_mutex_unlock(&p->lock);
        if (atomic_load_explicit(&p->quit, memory_order_acquire))
            return NULL;
    }
}

/* How many processors this process may run on. */
static size_t processors(void) {
    size_t n = 1;
    for (size_t bits = CPU_SETSIZE; bits <= (size_t)CPU_SETSIZE << 8; bits *= 2) { /* too small a set is EINVAL */
        cpu_set_t *set = CPU_ALLOC(bits);
        if (!set)
            break;
        int rc = sched_getaffinity(0, CPU_ALLOC_SIZE(bits), set);
        if (rc == 0)
            n = (size_t)CPU_COUNT_S(CPU_ALLOC_SIZE(bits), set);
        CPU_FREE(set);
        if (rc == 0 || errno != EINVAL)
            break;
    }
    return n ? n : 1;
}

/* Starts the workers with every signal blocked, so that signals come to the thread that made the pool. */
static int start(struct pool *p, struct vae_err *err) {
    pthread_attr_t attr;
    sigset_t all, old;
    int rc = pthread_attr_init(&attr);
    if (rc != 0) {
        errno = rc;
        return err_errno(err, VAE_EOS, "cannot start threads");
    }
    pthread_attr_setstacksize(&attr, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (; rc == 0 && p->started + 1 < p->nthreads; p->started += rc == 0) {
        struct worker *w = &p->workers[p->started];
        *w = (struct worker){.pool = p, .number = p->started + 1};
        rc = pthread_create(&w->thread, &attr, run_worker, w);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (rc == 0)
        return 0;
    errno = rc;
    return err_errno(err, VAE_EOS, "cannot start thread %zu of %zu", p->started + 2, p->nthreads);
}

struct pool *pool_new(size_t n, struct vae_err *err) {
    size_t cpus = processors();
    if (n == 0)
        n = cpus < MAX_THREADS ? cpus : MAX_THREADS;
    if (n > MAX_THREADS) {
        err_set(err, VAE_EUSAGE, "%zu threads are too many: at most %d", n, (int)MAX_THREADS);
        return NULL;
    }
    if (mat_reserve(n, err) < 0)
        return NULL;
    struct pool *p = mem_array(1, sizeof *p);
    if (!p || !(p->workers = mem_array(n - 1, sizeof *p->workers))) {
        free(p);
        err_set(err, VAE_EOS, "out of memory for %zu threads", n);
        return NULL;
    }
    p->nthreads = n;
    p->spin = n <= cpus;
    atomic_init(&p->waiting, 0);
    atomic_init(&p->undone, 0);
    atomic_init(&p->quit, false);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    mat_thread();
    if (start(p, err) < 0) {
        pool_free(p);
        return NULL;
    }
    return p;
}

size_t pool_threads(const struct pool *p) {
    return p ? p->nthreads : 1;
}

void pool_on_stop(struct pool *p, pool_stop_fn *stop, void *ctx) {
    p->stop = stop;
    p->stop_ctx = ctx;
}

bool pool_stopped(const struct pool *p) {
    return p && p->stop && p->stop(p->stop_ctx);
}

void pool_run(struct pool *p, size_t ntasks, pool_fn *fn, void *ctx) {
    if (!p || p->nthreads == 1 || ntasks == 1) {
        for (size_t i = 0; i < ntasks; i++)
            fn(ctx, i, 0);
        return;
    }
    if (ntasks == 0)
        return;
    p->fn = fn;
    p->ctx = ctx;
    p->ntasks = ntasks;
    atomic_store_explicit(&p->undone, ntasks, memory_order_relaxed);
    atomic_store_explicit(&p->waiting, ntasks, memory_order_release);
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->asleep && i + 1 < ntasks; i++)
        pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    work(p, 0);
    spin(p, finished);
    pthread_mutex_lock(&p->lock);
    while (!finished(p))
        pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void pool_free(struct pool *p) {
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    atomic_store_explicit(&p->quit, true, memory_order_release);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->started; i++)
        pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p->workers);
    free(p);
}
