/*
 * learn.c - fitting a net. As in fit/train.c a step is shards of records through the net, blocks of
 * gradients over the whole batch, chunks of the optimiser: the same bits whichever thread does what. A tenth of the
 * rows is held out; the averaged weights that did best on them are kept.
 */
#include "nn/learn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "nn/adamw.h"

enum { CHUNK = 1 << 14, MOST_VALID = 2048, BATCH = 512, LOOKS = 25 };
static const double EMA_DECAY = 0.998;

struct learner {
    const struct learn *l;
    size_t nvalid, batch, step;
    struct nn_work pass;
    struct adamw opt;
    struct adamw_step update;
    float *grad, *best;
    uint64_t *rows; /* [batch] */
    double *loss;   /* [batch] */
    size_t here;    /* records of this batch */
    bool valid;
};

static void learner_free(struct learner *t) {
    nn_work_free(&t->pass);
    adamw_free(&t->opt);
    free(t->grad), free(t->best), free(t->rows), free(t->loss);
}

static int learner_init(struct learner *t, struct vae_err *err) {
    const struct nn_net *net = t->l->net;
    int r = nn_work_init(&t->pass, net, t->batch + LEARN_COLUMNS - BATCH, true, err);
    if (!r)
        r = adamw_init(&t->opt, net->nw, err);
    if (r)
        return r;
    t->grad = mem_floats(net->nw), t->best = mem_floats(net->nw);
    t->rows = mem_array(t->batch, sizeof *t->rows), t->loss = mem_array(t->batch, sizeof *t->loss);
    if (!t->grad || !t->best || !t->rows || !t->loss)
        return err_set(err, VAE_EOS, "out of memory for a net of %zu weights", net->nw);
    memcpy(t->best, t->l->w, net->nw * sizeof *t->best);
    memcpy(t->opt.ema, t->l->w, net->nw * sizeof *t->opt.ema);
    return 0;
}

static void shard_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct learner *t = ctx;
    size_t col = task * MAT_SHARD, n = t->here - col < MAT_SHARD ? t->here - col : MAT_SHARD;
    struct learn_shard s = {&t->pass, t->valid ? t->opt.ema : t->l->w, t->rows + col, col, n, t->here,
                            t->valid ? 0 : t->step, t->loss + col};
    struct nn_noise noise = {t->l->seed, s.step, s.rows};
    memset(s.loss, 0, n * sizeof *s.loss);
    t->l->shard(t->l->ctx, &s);
    if (!t->valid)
        nn_backward(t->l->net, s.w, &t->pass, col, n, false, &noise);
}

static void grad_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct learner *t = ctx;
    nn_grad(t->l->net, &t->pass, task, t->here, t->grad);
}

static void update_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct learner *t = ctx;
    size_t from = task * CHUNK, left = t->l->net->nw - from;
    adamw_update(&t->opt, &t->update, t->l->w, t->grad, 1, from, left < CHUNK ? left : CHUNK);
}

static double run_shards(struct learner *t) {
    double sum = 0;
    pool_run(t->l->pool, (t->here + MAT_SHARD - 1) / MAT_SHARD, shard_task, t);
    for (size_t i = 0; i < t->here; i++)
        sum += t->loss[i];
    return sum;
}

static void train_step(struct learner *t) {
    const struct learn *l = t->l;
    size_t ntrain = l->n - t->nvalid, warm = l->steps / 20 + 1, nw = l->net->nw;
    t->valid = false;
    t->here = t->batch;
    for (size_t i = 0; i < t->batch; i++) {
        uint64_t at = (uint64_t)(t->step - 1) * t->batch + i;
        t->rows[i] = rng_permute(at % ntrain, ntrain, l->seed, l->purpose, at / ntrain);
    }
    run_shards(t);
    pool_run(l->pool, nn_grad_tasks(l->net), grad_task, t);
    double u = (double)t->step / (double)l->steps, keep = (double)(t->step + 1) / (double)(t->step + 10);
    double norm = sqrt(adamw_square(t->grad, nw));
    double share = t->step < warm ? (double)t->step / (double)warm : 0.01 + 0.99 * 0.5 * (1 + cos(M_PI * u));
    t->update = (struct adamw_step){.t = t->step, .lr = (float)(l->lr * share), .decay = 0.01f,
                                    .clip = norm > 1 ? (float)(1 / norm) : 1,
                                    .ema = (float)(keep < EMA_DECAY ? keep : EMA_DECAY)};
    if (isfinite(norm))
        pool_run(l->pool, (nw + CHUNK - 1) / CHUNK, update_task, t);
}

/* Loss of the averaged weights on the rows held out. */
static double validate(struct learner *t) {
    double sum = 0;
    t->valid = true;
    for (size_t at = 0; at < t->nvalid; at += t->here) {
        t->here = t->nvalid - at < t->batch ? t->nvalid - at : t->batch;
        for (size_t i = 0; i < t->here; i++)
            t->rows[i] = t->l->n - t->nvalid + at + i;
        sum += run_shards(t);
    }
    return sum;
}

int learn_net(const struct learn *l, struct vae_err *err) {
    struct learner t = {.l = l, .nvalid = l->all ? 0 : l->n / 10 < MOST_VALID ? l->n / 10 : MOST_VALID};
    t.batch = l->n - t.nvalid < BATCH ? l->n - t.nvalid : BATCH;
    int r = learner_init(&t, err);
    double best = r || !t.nvalid ? INFINITY : validate(&t);
    while (!r && (t.nvalid || l->all) && t.step < l->steps) {
        if (pool_stopped(l->pool)) {
            r = err_set(err, VAE_ESTOP, "stopped behind training");
            break;
        }
        t.step++;
        train_step(&t);
        double loss = t.nvalid && t.step % (l->steps / LOOKS) == 0 ? validate(&t) : INFINITY;
        if (loss < best) {
            best = loss;
            memcpy(t.best, t.opt.ema, l->net->nw * sizeof *t.best);
        }
    }
    if (!r)
        memcpy(l->w, l->all ? t.opt.ema : t.best, l->net->nw * sizeof *l->w);
    learner_free(&t);
    return r;
}
