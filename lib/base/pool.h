/* pool.h - a pool of threads over numbered tasks. Which thread runs a task never changes what it computes. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "vae.h"

struct pool;

/* A pool of n threads, the caller being one of them; n = 0: as many as processors this process may use.
 * Every thread runs with one BLAS thread of its own and a probed stack. NULL and err when threads are refused. */
struct pool *pool_new(size_t n, struct vae_err *);
size_t pool_threads(const struct pool *);

/* Runs fn(ctx, task, worker) for every task < ntasks, worker < pool_threads(); returns when all are done.
 * Tasks are handed out one at a time. p may be NULL: the caller runs them all, as worker 0. */
typedef void pool_fn(void *ctx, size_t task, size_t worker);
void pool_run(struct pool *p, size_t ntasks, pool_fn *fn, void *ctx);
void pool_free(struct pool *);

/* A question that long work asks between its steps, outside pool_run(): true ends it with VAE_ESTOP. */
typedef bool pool_stop_fn(void *ctx);
void pool_on_stop(struct pool *, pool_stop_fn *, void *ctx);
bool pool_stopped(const struct pool *); /* asks; false where there is no pool or no question */

#endif
