/*
 * fit_speed.c - how much of the machine's sgemm a fit reaches: useful floating-point operations a second of training
 * 784-400-20 (Bernoulli, batch 512) over those of cblas_sgemm 1024^3 on the same threads, measured in turn.
 *
 * Useful: the products of the layers, forward and back (weights and inputs; not the input of the first layer), 2 m n k
 * each. All else (likelihood, activations, optimiser, noise) counts as time only.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fit/train.h"

enum { SIDE = 1024, ROWS = 4096, STEPS = 150, ROUNDS = 5, BATCH = 512, REPEAT = 12 };

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *square[3];

static void product(void *ctx, size_t task, size_t worker) {
    (void)ctx, (void)task;
    float *c = square[2] + worker * SIDE * SIDE;
    for (int i = 0; i < REPEAT; i++)
        mat_gemm(false, false, SIDE, SIDE, SIDE, square[0], SIDE, square[1], SIDE, 0, c, SIDE);
}

static double sgemm_flops(struct pool *pool) {
    double t = seconds(), n = (double)pool_threads(pool);
    pool_run(pool, pool_threads(pool), product, NULL);
    return n * REPEAT * 2.0 * SIDE * SIDE * SIDE / (seconds() - t);
}

static double useful(const struct nn_net *net, bool first_input) {
    double sum = 0;
    for (size_t i = 0; i < net->n; i++)
        if (net->node[i].nw)
            sum += 2.0 * BATCH * (double)net->node[i].in * (double)net->node[i].out * (i || first_input ? 3 : 2);
    return sum;
}

static struct vae_model *model(void) {
    struct vae_err err;
    struct model_config c = {.latent_dim = 20, .latent = &latent_gauss, .act = &nn_relu, .nhidden = 1, .hidden = {400},
                             .lik = &lik_bernoulli};
    struct schema *s = schema_empty(1, 0, &err);
    s->origin = json_object();
    s->col[0] = (struct schema_col){.name = mem_text("pixel", 5), .type = REC_U8, .ndim = 1, .shape = {784}, .width = 784,
                                    .transform = &schema_unit};
    schema_place(s, &err);
    for (size_t j = 0; j < s->d; j++)
        s->scale[j] = s->stats.high[j] = s->stats.step[j] = 1, s->stats.mean[j] = 0.3, s->stats.sd[j] = 0.4;
    struct vae_model *m = model_new(&c, s, &err);
    model_marginals(m);
    model_start(m, 1);
    return m;
}

int main(int argc, char **argv) {
    struct vae_err err;
    struct pool *pool = mat_open(&err) ? NULL : pool_new(argc > 1 ? (size_t)atoi(argv[1]) : 0, &err);
    if (!pool) {
        fprintf(stderr, "fit_speed: %s\n", err.msg);
        return 1;
    }
    struct vae_model *m = model();
    float *x = mem_floats(ROWS * 784);
    uint64_t *rows = mem_array(ROWS, sizeof *rows);
    double *u = mem_array(784, sizeof *u), best = 0;
    for (size_t i = 0; i < ROWS; i++) {
        rng_uniform(u, 784, 1, RNG_TEST, 0, i);
        rows[i] = i;
        for (size_t j = 0; j < 784; j++)
            x[i * 784 + j] = u[j] < 0.3;
    }
    for (int i = 0; i < 3; i++) {
        square[i] = mem_floats(pool_threads(pool) * SIDE * SIDE);
        rng_normals(square[i], 1, SIDE * SIDE, SIDE * SIDE, 1, RNG_TEST, (uint64_t)i, NULL, 0);
    }
    struct train_data data = {x, ROWS, 0, rows, NULL};
    struct train_config cfg = {.seed = 1, .steps = STEPS, .batch = BATCH, .valid_every = STEPS, .lr = 1e-3f, .beta = 1};
    struct train_result res;
    double flops = STEPS * (useful(&m->enc, false) + useful(&m->dec, true));
    printf("core %s, %zu threads\n", mat_core(), pool_threads(pool));
    for (int i = 0; i < ROUNDS; i++) {
        double gemm = sgemm_flops(pool), t = seconds();
        if (train_model(m, &data, &cfg, &(struct train_run){.pool = pool}, &res, &err)) {
            fprintf(stderr, "fit_speed: %s\n", err.msg);
            return 1;
        }
        t = seconds() - t;
        double share = flops / t / gemm;
        best = share > best ? share : best;
        printf("sgemm %.1f GFLOP/s, fit %.1f GFLOP/s useful (%.2f ms a step): %.1f %%\n", gemm * 1e-9, flops / t * 1e-9,
               t * 1e3 / STEPS, 100 * share);
    }
    printf("best of %d: %.1f %%\n", ROUNDS, 100 * best);
    vae_model_free(m);
    pool_free(pool);
    free(x), free(rows), free(u);
    for (int i = 0; i < 3; i++)
        free(square[i]);
    return 0;
}
