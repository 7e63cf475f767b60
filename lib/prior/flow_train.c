/*
 * flow_train.c - fitting the net of a flow. As in fit/train.c a step is shards of records through the net, blocks of
 * gradients over the whole batch, chunks of the optimiser: the same bits whichever thread does what. A tenth of the rows is held
 * out; the averaged weights that did best on them are kept, the untrained ones (a normal) among them.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/adamw.h"
#include "prior/flow.h"

enum { CHUNK = 1 << 14, MOST_VALID = 2048, BATCH = 512, LOOKS = 25, LEAST_STEPS = 1000, MOST_STEPS = 6000, EPOCHS = 100 };
static const double LR = 1e-3, EMA_DECAY = 0.998;

struct flow_trainer {
    size_t k, n, nvalid, batch, steps, step;
    const float *z, *mean, *sd;
    uint64_t seed;
    struct pool *pool;
    struct nn_net net;
    struct nn_work pass;
    struct adamw opt;
    struct adamw_step update;
    float *w, *grad, *best;
    float *t;         /* [batch] times */
    float *target;    /* [k,ld] */
    uint64_t *rows;   /* [batch] */
    double *loss;     /* [batch] */
    size_t here;      /* records of this batch */
    bool valid;
};

static void trainer_free(struct flow_trainer *t) {
    nn_work_free(&t->pass);
    nn_net_free(&t->net);
    adamw_free(&t->opt);
    free(t->grad), free(t->best), free(t->t), free(t->target), free(t->rows), free(t->loss);
}

static int trainer_init(struct flow_trainer *t, size_t width, struct vae_err *err) {
    int r = flow_net(&t->net, t->k, width, err);
    if (!r)
        r = nn_work_init(&t->pass, &t->net, t->batch + 16, true, err);
    if (!r)
        r = adamw_init(&t->opt, t->net.nw, err);
    if (r)
        return r;
    t->grad = mem_floats(t->net.nw), t->best = mem_floats(t->net.nw);
    t->t = mem_floats(t->batch), t->target = mem_floats(t->k * t->pass.ld);
    t->rows = mem_array(t->batch, sizeof *t->rows), t->loss = mem_array(t->batch, sizeof *t->loss);
    if (!t->grad || !t->best || !t->t || !t->target || !t->rows || !t->loss)
        return err_set(err, VAE_EOS, "out of memory for a flow");
    nn_init(&t->net, t->w, t->seed, 5000);
    memcpy(t->best, t->w, t->net.nw * sizeof *t->best);
    memcpy(t->opt.ema, t->w, t->net.nw * sizeof *t->opt.ema);
    return 0;
}

/* Columns of a shard: z_t and its time in, z - eps - drift z_t as the target. */
static void load(struct flow_trainer *t, size_t col, size_t n) {
    size_t ld = t->pass.ld;
    float *in = t->pass.act[0] + col, *eps = t->target + col;
    uint64_t step = t->valid ? 0 : t->step;
    for (size_t i = 0; i < n; i++) {
        double u;
        rng_uniform(&u, 1, t->seed, RNG_FLOW, 2 * step + 1, t->valid ? t->rows[col + i] : col + i);
        /* one time in each of `batch` equal parts: less noise than if all were drawn alike */
        t->t[col + i] = t->valid ? (float)u : (float)(((double)(col + i) + u) / (double)t->here);
    }
    rng_normals(eps, t->k, n, ld, t->seed, RNG_FLOW, 2 * step, t->rows + col, 0);
    for (size_t j = 0; j < t->k; j++)
        for (size_t i = 0; i < n; i++) {
            float time = t->t[col + i], e = eps[j * ld + i];
            float z = (t->z[t->rows[col + i] * t->k + j] - t->mean[j]) / t->sd[j], at = (1 - time) * e + time * z;
            in[j * ld + i] = at;
            eps[j * ld + i] = z - e - flow_drift(time) * at;
        }
    flow_time(t->t + col, in + t->k * ld, n, ld);
}

static void shard_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct flow_trainer *t = ctx;
    size_t col = task * MAT_SHARD, n = t->here - col < MAT_SHARD ? t->here - col : MAT_SHARD, ld = t->pass.ld;
    const float *w = t->valid ? t->opt.ema : t->w;
    load(t, col, n);
    nn_forward(&t->net, w, &t->pass, col, n, NULL);
    float *out = t->pass.act[t->net.n] + col, *d = t->pass.grad[t->net.n] + col;
    memset(t->loss + col, 0, n * sizeof *t->loss);
    for (size_t j = 0; j < t->k; j++)
        for (size_t i = 0; i < n; i++) {
            float e = out[j * ld + i] - t->target[j * ld + col + i];
            t->loss[col + i] += (double)e * (double)e;
            d[j * ld + i] = 2 * e / (float)(t->here * t->k);
        }
    if (!t->valid)
        nn_backward(&t->net, w, &t->pass, col, n, false, NULL);
}

static void grad_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct flow_trainer *t = ctx;
    nn_grad(&t->net, &t->pass, task, t->here, t->grad);
}

static void update_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct flow_trainer *t = ctx;
    size_t from = task * CHUNK, left = t->net.nw - from;
    adamw_update(&t->opt, &t->update, t->w, t->grad, 1, from, left < CHUNK ? left : CHUNK);
}

static double run_shards(struct flow_trainer *t) {
    double sum = 0;
    pool_run(t->pool, (t->here + MAT_SHARD - 1) / MAT_SHARD, shard_task, t);
    for (size_t i = 0; i < t->here; i++)
        sum += t->loss[i];
    return sum;
}

static void train_step(struct flow_trainer *t) {
    size_t ntrain = t->n - t->nvalid, warm = t->steps / 20 + 1;
    t->valid = false;
    t->here = t->batch;
    for (size_t i = 0; i < t->batch; i++) {
        uint64_t at = (uint64_t)(t->step - 1) * t->batch + i;
        t->rows[i] = rng_permute(at % ntrain, ntrain, t->seed, RNG_FLOW, at / ntrain);
    }
    run_shards(t);
    pool_run(t->pool, nn_grad_tasks(&t->net), grad_task, t);
    double u = (double)t->step / (double)t->steps, keep = (double)(t->step + 1) / (double)(t->step + 10);
    double norm = sqrt(adamw_square(t->grad, t->net.nw));
    double lr = t->step < warm ? LR * (double)t->step / (double)warm : LR * (0.01 + 0.99 * 0.5 * (1 + cos(M_PI * u)));
    t->update = (struct adamw_step){.t = t->step, .lr = (float)lr, .decay = 0.01f,
                                    .clip = norm > 1 ? (float)(1 / norm) : 1,
                                    .ema = (float)(keep < EMA_DECAY ? keep : EMA_DECAY)};
    if (isfinite(norm))
        pool_run(t->pool, (t->net.nw + CHUNK - 1) / CHUNK, update_task, t);
}

/* Loss of the averaged weights on the rows held out, with noise that never changes. */
static double validate(struct flow_trainer *t) {
    double sum = 0;
    t->valid = true;
    for (size_t at = 0; at < t->nvalid; at += t->here) {
        t->here = t->nvalid - at < t->batch ? t->nvalid - at : t->batch;
        for (size_t i = 0; i < t->here; i++)
            t->rows[i] = t->n - t->nvalid + at + i;
        sum += run_shards(t);
    }
    return sum;
}

static void standardise(size_t k, size_t n, const float *z, float *mean, float *sd) {
    for (size_t j = 0; j < k; j++) {
        double m = 0, square = 0;
        for (size_t i = 0; i < n; i++) {
            double d = (double)z[i * k + j] - m;
            m += d / (double)(i + 1);
            square += d * ((double)z[i * k + j] - m);
        }
        double s = sqrt(square / (double)n);
        mean[j] = (float)m;
        sd[j] = s > 1e-6 ? (float)s : 1e-6f;
    }
}

size_t flow_rounds(size_t k, size_t n) {
    (void)k;
    size_t steps = EPOCHS * n / BATCH;
    return steps < LEAST_STEPS ? LEAST_STEPS : steps > MOST_STEPS ? MOST_STEPS : steps;
}

int flow_fit(size_t k, size_t n, const float *z, uint64_t seed, struct pool *pool, float *param, struct vae_err *err) {
    size_t valid = n / 10 < MOST_VALID ? n / 10 : MOST_VALID;
    struct flow_trainer t = {.k = k, .n = n, .nvalid = valid, .z = z, .mean = param, .sd = param + k, .seed = seed,
                             .pool = pool, .w = param + 2 * k};
    size_t width = flow_width(k, prior_flow.size(k, n));
    t.batch = n - valid < BATCH ? n - valid : BATCH;
    t.steps = flow_rounds(k, n);
    standardise(k, n, z, param, param + k);
    int r = trainer_init(&t, width, err);
    double best = r || !valid ? INFINITY : validate(&t);
    while (!r && valid && t.step < t.steps) {
        if (pool_stopped(pool)) {
            r = err_set(err, VAE_ESTOP, "stopped while fitting the prior");
            break;
        }
        t.step++;
        train_step(&t);
        double loss = t.step % (t.steps / LOOKS) == 0 ? validate(&t) : INFINITY;
        if (loss < best) {
            best = loss;
            memcpy(t.best, t.opt.ema, t.net.nw * sizeof *t.best);
        }
    }
    if (!r)
        memcpy(t.w, t.best, t.net.nw * sizeof *t.w);
    trainer_free(&t);
    return r;
}
