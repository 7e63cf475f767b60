/*
 * train.c - stochastic gradient ascent on the ELBO.
 *
 * A step: shards of 64 or 128 records run forward and back through the whole model in parallel; then blocks of weight
 * gradients, each over the whole batch; then chunks of the optimiser. Nothing depends on which thread does what, and
 * all noise is keyed by (seed, step, row), so the result is a function of the data and the configuration alone.
 */
#include "fit/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "nn/adamw.h"

enum { CHUNK = 1 << 14, NORMS = 64, EMA_EVERY = 4, MAX_SKIPS = 3, MAX_ROLLBACKS = 5, COLUMN_GAP = 16 };
static const float LIK_RATE = 10; /* log sd has to travel far, and its gradient is well scaled */
static const double EMA_DECAY = 0.998;

struct trainer {
    struct vae_model *m;
    const struct train_data *data;
    const struct train_config *cfg;
    struct pool *pool;
    struct model_pass pass;
    struct adamw opt;
    float *grad, *best, *snapshot;
    double *square;       /* [chunks] */
    uint64_t *rows;       /* [batch] of the step */
    size_t nchunks, step, t; /* t: optimiser steps taken */
    double norms[NORMS];
    size_t nnorms, skips;
    float lr_scale;
    struct model_objective obj;
    struct adamw_step update;
    struct nn_noise noise;
    const float *eval_w;
    double recon, kl;     /* sums since the last report */
    size_t seen;
};

static void trainer_free(struct trainer *t) {
    model_pass_free(&t->pass);
    adamw_free(&t->opt);
    free(t->grad), free(t->best), free(t->snapshot), free(t->square), free(t->rows);
}

static int trainer_init(struct trainer *t, struct vae_err *err) {
    size_t nw = t->m->nw, batch = t->cfg->batch;
    t->nchunks = (nw + CHUNK - 1) / CHUNK;
    /* a gap keeps features from standing a power of two apart, where they would fight for the same cache lines */
    int r = model_pass_init(&t->pass, t->m, batch + COLUMN_GAP, true, err);
    if (!r)
        r = adamw_init(&t->opt, nw, err);
    if (r)
        return r;
    t->grad = mem_floats(nw), t->best = mem_floats(nw), t->snapshot = mem_floats(nw);
    t->square = mem_array(t->nchunks, sizeof *t->square);
    t->rows = mem_array(batch, sizeof *t->rows);
    if (!t->grad || !t->best || !t->snapshot || !t->square || !t->rows)
        return err_set(err, VAE_EOS, "out of memory for training %zu weights", nw);
    memcpy(t->best, t->m->w, nw * sizeof *t->best);
    memcpy(t->snapshot, t->m->w, nw * sizeof *t->snapshot);
    memcpy(t->opt.ema, t->m->w, nw * sizeof *t->opt.ema);
    t->lr_scale = 1;
    return 0;
}

/* Records of a task: more where the batch is large, as each task packs all weights anew. Never a matter of threads. */
static size_t shard(const struct trainer *t) {
    return t->cfg->batch >= 8 * MAT_SHARD ? 2 * MAT_SHARD : MAT_SHARD;
}

static size_t shards(const struct trainer *t, size_t n) { return (n + shard(t) - 1) / shard(t); }

static size_t shard_size(const struct trainer *t, size_t task, size_t n) {
    size_t left = n - task * shard(t);
    return left < shard(t) ? left : shard(t);
}

static void shard_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    size_t col = task * shard(t), n = shard_size(t, task, t->cfg->batch);
    model_load_masked(t->m, &t->pass, col, n, t->data->x, t->rows + col, t->cfg->seed, t->step);
    rng_normals(t->pass.eps + col, t->m->neps, n, t->pass.ld, t->cfg->seed, RNG_LATENT, t->step,
                t->rows + col, 0);
    struct nn_noise noise = t->noise;
    noise.rows = t->rows + col;
    model_train_shard(t->m, t->m->w, &t->pass, col, n, &t->obj, &noise);
}

static void grad_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    model_grad(t->m, t->m->w, &t->pass, task, t->cfg->batch, t->obj.scale, t->grad);
}

static size_t chunk_size(const struct trainer *t, size_t task) {
    size_t left = t->m->nw - task * CHUNK;
    return left < CHUNK ? left : CHUNK;
}

static void norm_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    t->square[task] = adamw_square(t->grad + task * CHUNK, chunk_size(t, task));
}

static void update_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    size_t from = task * CHUNK, n = chunk_size(t, task), lik = t->m->wlik;
    size_t nets = from >= lik ? 0 : lik - from < n ? lik - from : n; /* the rest are likelihood parameters */
    adamw_update(&t->opt, &t->update, t->m->w, t->grad, 1, from, nets);
    struct adamw_step free_step = t->update; /* decay would pull a log sd to 0, which means nothing */
    free_step.decay = 0;
    adamw_update(&t->opt, &free_step, t->m->w, t->grad, LIK_RATE, from + nets, n - nets);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The factor that keeps the gradient below twice the median norm of late. */
static float clip_factor(struct trainer *t, double norm) {
    double sorted[NORMS];
    size_t n = t->nnorms < NORMS ? t->nnorms : NORMS;
    float factor = 1;
    if (n >= 8) {
        memcpy(sorted, t->norms, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, by_value);
        double limit = 2 * sorted[n / 2];
        factor = norm > limit ? (float)(limit / norm) : 1;
    }
    t->norms[t->nnorms++ % NORMS] = norm;
    return factor;
}

/* Warm-up over a twentieth of the steps, then a cosine to a hundredth. */
static double learning_rate(const struct train_config *c, size_t step) {
    double warm = (double)c->steps / 20 < 10 ? 10 : (double)c->steps / 20 > 500 ? 500 : (double)c->steps / 20;
    double s = (double)step;
    if (s < warm)
        return (double)c->lr * s / warm;
    double u = (s - warm) / ((double)c->steps - warm + 1);
    return (double)c->lr * (0.01 + 0.99 * 0.5 * (1 + cos(M_PI * u)));
}

static void choose_rows(struct trainer *t) {
    uint64_t n = t->data->n;
    for (size_t i = 0; i < t->cfg->batch; i++) {
        uint64_t at = (uint64_t)(t->step - 1) * t->cfg->batch + i;
        t->rows[i] = t->data->train[rng_permute(at % n, n, t->cfg->seed, RNG_SHUFFLE, at / n)];
    }
}

/* Back to the last good weights, at half the rate. */
static int roll_back(struct trainer *t, struct train_result *res, struct vae_err *err) {
    if (++res->rolled_back > MAX_ROLLBACKS)
        return err_set(err, VAE_EDIVERGED, "training diverged %d times; try a smaller --lr (it was %g)",
                       MAX_ROLLBACKS, (double)t->cfg->lr);
    memcpy(t->m->w, t->snapshot, t->m->nw * sizeof *t->m->w);
    memset(t->opt.m, 0, t->m->nw * sizeof *t->opt.m);
    memset(t->opt.v, 0, t->m->nw * sizeof *t->opt.v);
    memcpy(t->opt.ema, t->snapshot, t->m->nw * sizeof *t->opt.ema);
    t->t = t->skips = t->nnorms = 0;
    t->lr_scale *= 0.5f;
    return 0;
}

static int train_step(struct trainer *t, struct train_result *res, struct vae_err *err) {
    const struct train_config *c = t->cfg;
    double up = c->warmup > 0 ? (double)t->step / ((double)c->warmup * (double)c->steps) : 1;
    bool warming = up < 1;
    t->obj = (struct model_objective){1.0f / (float)c->batch, c->beta * (float)(warming ? up : 1),
                                      warming ? c->free_nats : 0};
    t->noise = (struct nn_noise){c->seed, t->step, NULL};
    choose_rows(t);
    pool_run(t->pool, shards(t, c->batch), shard_task, t);
    pool_run(t->pool, model_grad_tasks(t->m), grad_task, t);
    pool_run(t->pool, t->nchunks, norm_task, t);
    double norm = 0, recon = 0, kl = 0;
    for (size_t i = 0; i < t->nchunks; i++)
        norm += t->square[i];
    for (size_t i = 0; i < c->batch; i++)
        recon += t->pass.nll[i], kl += t->pass.kl[i];
    if (!isfinite(norm) || !isfinite(recon + kl)) {
        res->skipped++;
        return ++t->skips >= MAX_SKIPS ? roll_back(t, res, err) : 0;
    }
    t->skips = 0;
    t->recon += recon, t->kl += kl, t->seen += c->batch;
    t->t++;
    double keep = (double)(t->t + 1) / (double)(t->t + 10);
    bool average = t->t % EMA_EVERY == 0;
    t->update = (struct adamw_step){
        .t = t->t, .lr = (float)learning_rate(c, t->step) * t->lr_scale, .decay = c->decay,
        .clip = clip_factor(t, sqrt(norm)),
        .ema = average ? (float)pow(keep < EMA_DECAY ? keep : EMA_DECAY, EMA_EVERY) : 1};
    pool_run(t->pool, t->nchunks, update_task, t);
    model_project(t->m, t->m->w);
    return 0;
}

static void valid_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    size_t col = task * shard(t), n = shard_size(t, task, t->seen);
    model_load_rows(t->m, &t->pass, col, n, t->data->x, t->rows + col);
    rng_normals(t->pass.eps + col, t->m->neps, n, t->pass.ld, t->cfg->seed, RNG_VALID, 0, t->rows + col,
                0);
    model_bound(t->m, t->eval_w, &t->pass, col, n, t->rows + col);
}

/* -ELBO per record on the rows held out, by the averaged weights, with noise that never changes. */
static double validate(struct trainer *t) {
    double sum = 0;
    t->eval_w = t->opt.ema;
    for (size_t at = 0; at < t->data->nvalid; at += t->cfg->batch) {
        size_t left = t->data->nvalid - at;
        t->seen = left < t->cfg->batch ? left : t->cfg->batch;
        memcpy(t->rows, t->data->valid + at, t->seen * sizeof *t->rows);
        pool_run(t->pool, shards(t, t->seen), valid_task, t);
        for (size_t i = 0; i < t->seen; i++)
            sum += t->pass.nll[i] + t->pass.kl[i];
    }
    return t->data->nvalid ? sum / (double)t->data->nvalid : NAN;
}

static int tell(const struct trainer *t, train_report_fn *report, void *ctx, const struct train_point *pt,
                struct vae_err *err) {
    if (report && report(ctx, pt))
        return err_set(err, VAE_ESTOP, "stopped at step %zu of %zu", t->step, t->cfg->steps);
    return 0;
}

/* Validates, keeps the best, reports. *stop: nothing was gained for too long. */
static int look_up(struct trainer *t, struct train_result *res, train_report_fn *report, void *ctx, bool *stop,
                   struct vae_err *err) {
    const struct train_config *c = t->cfg;
    double n = t->seen ? (double)t->seen : NAN;
    struct train_point pt = {t->step, c->steps, true, t->recon / n, t->kl / n, (double)t->obj.beta, 0, 0};
    pt.elbo = -(pt.recon + pt.kl);
    pt.valid = validate(t);
    t->recon = t->kl = 0, t->seen = 0;
    double value = t->data->nvalid ? pt.valid : -pt.elbo;
    bool warm = (double)t->step < (double)c->warmup * (double)c->steps;
    if (isfinite(value)) {
        memcpy(t->snapshot, t->m->w, t->m->nw * sizeof *t->snapshot);
        /* without rows held out the last weights are the best ones */
        if (warm || res->best_step == 0 || value < res->best || !t->data->nvalid) {
            res->best = value;
            res->best_step = t->step;
            memcpy(t->best, t->opt.ema, t->m->nw * sizeof *t->best);
        }
    }
    *stop = c->patience && !warm && t->step - res->best_step >= c->patience * c->valid_every;
    return tell(t, report, ctx, &pt, err);
}

int train_model(struct vae_model *m, const struct train_data *data, const struct train_config *cfg, struct pool *pool,
                train_report_fn *report, void *ctx, struct train_result *res, struct vae_err *err) {
    struct trainer t = {.m = m, .data = data, .cfg = cfg, .pool = pool};
    *res = (struct train_result){.best = NAN};
    int r = trainer_init(&t, err);
    bool stop = false;
    while (!r && !stop && t.step < cfg->steps) {
        t.step++;
        r = train_step(&t, res, err);
        if (!r && (t.step % cfg->valid_every == 0 || t.step == cfg->steps))
            r = look_up(&t, res, report, ctx, &stop, err);
        else if (!r)
            r = tell(&t, report, ctx, &(struct train_point){.step = t.step, .steps = cfg->steps}, err);
    }
    if (!r && !res->best_step)
        r = err_set(err, VAE_EDIVERGED, "training gave no finite bound in %zu steps", t.step);
    res->steps = t.step;
    if (!r) {
        memcpy(m->w, t.best, m->nw * sizeof *m->w);
        model_project(m, m->w);
    }
    trainer_free(&t);
    return r;
}
