/*
 * train.c - stochastic gradient ascent on the objective.
 *
 * A step: shards of 64 or 128 records run forward and back through the whole model in parallel; then blocks of weight
 * gradients, each over the whole batch; then chunks of the optimiser. Nothing depends on which thread does what, and
 * all noise is keyed by (seed, step, row), so the result is a function of the data and the configuration alone.
 */
#include "fit/train.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fit/checkpoint.h"
#include "model/codes.h"

enum { CHUNK = 1 << 14, EMA_EVERY = 4, MAX_SKIPS = 3, MAX_ROLLBACKS = 5, COLUMN_GAP = 16, LOOK_ROWS = 64, ENOUGH_HELD = 200 };
static const double COOLEST = 0.3, FRESH = 0.8; /* temperature of codes in the end; until then what they do not use starts anew */
static const float CHANCES_RATE = 3; /* the codes move on, and what is known of them has to keep up */
static const float LIK_RATE = 10; /* log sd has to travel far, and its gradient is well scaled */
static const double EMA_DECAY = 0.998;
static const double LONG = 0.2; /* seconds of a step after which it asks whether to stop, on its way */

struct trainer {
    struct vae_model *m;
    const struct train_data *data;
    const struct train_config *cfg;
    const struct train_run *run;
    struct train_state s;
    struct model_pass pass;
    float *grad;
    double *square;       /* [chunks] */
    uint64_t *rows;       /* [batch] of the step */
    struct train_card *card; /* [batch] */
    size_t nchunks, from; /* from: the step of the checkpoint it went on from */
    struct model_objective obj;
    struct adamw_step update;
    struct nn_noise noise;
    const float *eval_w;
    size_t here;          /* records of this batch of a validation, or of a look */
    double told;          /* when report() was called last, by the clock */
    atomic_bool halt;     /* the step at hand is not to be ended */
};

static bool tell(struct trainer *t, const struct train_point *pt) {
    struct train_point p = *pt;
    p.from = t->from;
    t->told = clock_seconds();
    return t->run->report && t->run->report(t->run->ctx, &p);
}

/* Asked by each task of a step. Worker 0 is the thread of train_model(), the only one that may call report(). */
static bool halted(struct trainer *t, size_t worker) {
    if (worker == 0 && clock_seconds() - t->told > LONG &&
        tell(t, &(struct train_point){.step = t->s.step - 1, .steps = t->cfg->steps}))
        atomic_store(&t->halt, true);
    return atomic_load(&t->halt);
}

static void trainer_free(struct trainer *t) {
    model_pass_free(&t->pass);
    train_state_free(&t->s);
    free(t->grad), free(t->square), free(t->rows), free(t->card);
}

static int trainer_init(struct trainer *t, struct vae_err *err) {
    size_t nw = t->m->nw, batch = t->cfg->batch, draws = t->cfg->draws ? t->cfg->draws : 1;
    t->nchunks = (nw + CHUNK - 1) / CHUNK;
    /* a gap keeps features from standing a power of two apart, where they would fight for the same cache lines */
    int r = model_pass_init(&t->pass, t->m, batch * draws + COLUMN_GAP, true, err);
    if (!r)
        r = model_pass_serve(&t->pass, t->m, t->cfg->objective, draws, err);
    if (!r)
        r = train_state_init(&t->s, t->m->w, nw, err);
    if (r)
        return r;
    t->s.before = t->run->before;
    t->s.curve = t->run->curve ? t->run->curve : &t->s.own;
    t->grad = mem_floats(nw);
    t->square = mem_array(t->nchunks, sizeof *t->square);
    t->rows = mem_array(batch, sizeof *t->rows);
    t->card = mem_array(batch, sizeof *t->card);
    if (!t->grad || !t->square || !t->rows || !t->card)
        return err_set(err, VAE_EOS, "out of memory for training %zu weights", nw);
    r = checkpoint_restore(t->run->checkpoint, &t->s, t->cfg->steps, err);
    t->from = t->s.step;
    t->told = clock_seconds();
    return r;
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

/* Noise of every draw of the records in columns col.. */
static void draw_noise(struct trainer *t, size_t col, size_t n, enum rng_purpose purpose, uint64_t step) {
    for (size_t k = 0; k < t->pass.draws; k++)
        rng_normals(t->pass.eps + k * t->cfg->batch + col, t->m->neps, n, t->pass.ld, t->cfg->seed, purpose,
                    step + ((uint64_t)k << 40), t->rows + col, 0);
}

static void encode_task(void *ctx, size_t task, size_t worker) {
    struct trainer *t = ctx;
    if (halted(t, worker))
        return;
    size_t col = task * shard(t), n = shard_size(t, task, t->cfg->batch);
    model_load_masked(t->m, &t->pass, col, n, t->data->x, t->rows + col, t->cfg->seed, t->s.step);
    draw_noise(t, col, n, RNG_LATENT, t->s.step);
    struct nn_noise noise = t->noise;
    noise.rows = t->rows + col;
    model_train_encode(t->m, t->m->w, &t->pass, col, n, &t->obj, &noise);
}

static void couple_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    model_train_couple(t->m, &t->pass, task * shard(t), shard_size(t, task, t->cfg->batch), &t->obj);
}

static void decode_task(void *ctx, size_t task, size_t worker) {
    struct trainer *t = ctx;
    if (halted(t, worker))
        return;
    size_t col = task * shard(t), n = shard_size(t, task, t->cfg->batch);
    struct nn_noise noise = t->noise;
    noise.rows = t->rows + col;
    model_train_decode(t->m, t->m->w, &t->pass, col, n, &t->obj, &noise);
}

static void shard_task(void *ctx, size_t task, size_t worker) {
    encode_task(ctx, task, worker);
    decode_task(ctx, task, worker);
}

/* All records forward and back: at once, or in parts that all are through before any is in the next. */
static void run_shards(struct trainer *t) {
    size_t n = shards(t, t->cfg->batch);
    if (!model_couples(&t->obj)) {
        pool_run(t->run->pool, n, shard_task, t);
        return;
    }
    pool_run(t->run->pool, n, encode_task, t);
    pool_run(t->run->pool, n, couple_task, t);
    pool_run(t->run->pool, n, decode_task, t);
}

static void grad_task(void *ctx, size_t task, size_t worker) {
    struct trainer *t = ctx;
    if (!halted(t, worker))
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
    const struct vae_model *m = t->m;
    /* nets; a codebook, which moves by itself; a prior's net; parameters of likelihoods: decay would pull a log sd to 0, which
       means nothing */
    const size_t end[] = {m->wlatent, m->wprior, m->wlik, m->nw};
    const float rate[] = {1, 0, m->chances.n ? CHANCES_RATE : 1, LIK_RATE};
    struct adamw_step plain = t->update;
    plain.decay = 0;
    for (size_t i = 0, from = task * CHUNK, to = from + chunk_size(t, task); i < 4; i++) {
        size_t n = end[i] <= from ? 0 : (end[i] < to ? end[i] : to) - from;
        adamw_update(&t->s.opt, i == 3 ? &plain : &t->update, m->w, t->grad, rate[i], from, n);
        from += n;
    }
}

static void learn_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    bool fresh = (double)t->s.step < FRESH * (double)t->cfg->steps;
    codes_learn(t->m, t->m->w, &t->pass, task, t->cfg->batch, fresh, t->cfg->seed, t->s.step);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The factor that keeps the gradient below twice the median norm of late. */
static float clip_factor(struct train_state *s, double norm) {
    double sorted[TRAIN_NORMS];
    size_t n = s->nnorms < TRAIN_NORMS ? s->nnorms : TRAIN_NORMS;
    float factor = 1;
    if (n >= 8) {
        memcpy(sorted, s->norms, n * sizeof *sorted);
        qsort(sorted, n, sizeof *sorted, by_value);
        double limit = 2 * sorted[n / 2];
        factor = norm > limit ? (float)(limit / norm) : 1;
    }
    s->norms[s->nnorms++ % TRAIN_NORMS] = norm;
    return factor;
}

static void choose_rows(struct trainer *t) {
    uint64_t n = t->data->n;
    for (size_t i = 0; i < t->cfg->batch; i++) {
        uint64_t at = (uint64_t)(t->s.step - 1) * t->cfg->batch + i;
        t->rows[i] = t->data->train[rng_permute(at % n, n, t->cfg->seed, RNG_SHUFFLE, at / n)];
    }
    train_deal(t->m, t->data->x, t->card, t->rows, t->cfg->batch, shard(t));
}

/* Back to the last good weights, at half the rate. */
static int roll_back(struct trainer *t, struct vae_err *err) {
    struct train_state *s = &t->s;
    if (++s->res.rolled_back > MAX_ROLLBACKS)
        return err_set(err, VAE_EDIVERGED, "training diverged %d times; try a smaller --lr (it was %g)",
                       MAX_ROLLBACKS, (double)t->cfg->lr);
    memcpy(s->w, s->snapshot, s->nw * sizeof *s->w);
    memset(s->opt.m, 0, s->nw * sizeof *s->opt.m);
    memset(s->opt.v, 0, s->nw * sizeof *s->opt.v);
    memcpy(s->opt.ema, s->snapshot, s->nw * sizeof *s->opt.ema);
    s->t = s->skips = s->nnorms = 0;
    s->lr_scale *= 0.5;
    return 0;
}

/* Records as they would be encoded and decoded: without masks and dropout, from the posterior's mean. */
static void look_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    struct model_pass *p = &t->pass;
    size_t col = task * MAT_PANEL, n = t->here - col < MAT_PANEL ? t->here - col : MAT_PANEL;
    const float *w = t->m->w;
    model_load_rows(t->m, p, col, n, t->data->x, t->rows + col);
    rng_normals(p->eps + col, t->m->neps, n, p->ld, t->cfg->seed, RNG_VALID, 0, t->rows + col, 0);
    nn_forward(&t->m->enc, w, &p->enc, col, n, NULL);
    bottleneck_draw(t->m, w, p, col, n);
    bottleneck_kl(t->m, w, p, col, n, NULL);
    bottleneck_mean(t->m, w, p, col, n);
    model_decode(t->m, w, p, col, n);
    model_errors(t->m, w, p, col, n, true, p->nll + col);
}

/* The KL and the squared error in input units of rows held out (where these are few, of training rows), for the controller of beta. */
static void look_out(struct trainer *t) {
    const struct train_data *d = t->data;
    bool held = d->nvalid >= ENOUGH_HELD;
    const uint64_t *rows = held ? d->valid : d->train, first = t->s.step / SCHEDULE_WATCH * LOOK_ROWS;
    double kl = 0, mse = 0;
    t->here = t->cfg->batch < LOOK_ROWS ? t->cfg->batch : LOOK_ROWS;
    for (size_t i = 0; i < t->here; i++)
        t->rows[i] = rows[(first + i) % (held ? d->nvalid : d->n)];
    pseudo_forward(t->m, t->m->w, &t->pass, t->cfg->batch, t->run->pool);
    pool_run(t->run->pool, (t->here + MAT_PANEL - 1) / MAT_PANEL, look_task, t);
    for (size_t i = 0; i < t->here; i++)
        kl += t->pass.kl[i], mse += t->pass.nll[i];
    schedule_watch(t->cfg, &t->s.schedule, t->s.step, kl / (double)t->here, mse / (double)t->here);
}

static int train_step(struct trainer *t, struct vae_err *err) {
    const struct train_config *c = t->cfg;
    struct train_state *s = &t->s;
    struct pool *pool = t->run->pool;
    struct schedule now = schedule_at(c, &s->schedule, s->step);
    t->obj = (struct model_objective){.scale = 1.0f / (float)c->batch, .beta = (float)now.beta, .free_nats = (float)now.free_nats,
                                      .kind = c->objective, .weight = c->weight, .batch = c->batch, .population = t->data->n,
                                      .temperature = (float)pow(COOLEST, (double)s->step / (double)c->steps)};
    t->noise = (struct nn_noise){c->seed, s->step, NULL};
    choose_rows(t);
    /* there and back, by shard; weight gradients, each over the whole batch; their norm; the update */
    pseudo_forward(t->m, t->m->w, &t->pass, c->batch, pool);
    run_shards(t);
    pseudo_backward(t->m, t->m->w, &t->pass, pool);
    pool_run(pool, model_grad_tasks(t->m), grad_task, t);
    if (atomic_load(&t->halt)) { /* nothing has changed yet */
        s->step--;
        return VAE_ESTOP;
    }
    pool_run(pool, t->nchunks, norm_task, t);
    double norm = 0, recon = 0, kl = 0;
    for (size_t i = 0; i < t->nchunks; i++)
        norm += t->square[i];
    for (size_t i = 0; i < c->batch; i++)
        recon += t->pass.nll[i], kl += t->pass.kl[i];
    if (!isfinite(norm) || !isfinite(recon + kl)) {
        s->res.skipped++;
        return ++s->skips >= MAX_SKIPS ? roll_back(t, err) : 0;
    }
    s->skips = 0;
    s->recon += recon, s->kl += kl, s->seen += c->batch;
    s->t++;
    double keep = (double)(s->t + 1) / (double)(s->t + 10);
    bool average = s->t % EMA_EVERY == 0;
    t->update = (struct adamw_step){
        .t = s->t, .lr = (float)now.lr * (float)s->lr_scale, .decay = c->decay,
        .clip = clip_factor(s, sqrt(norm)),
        .ema = average ? (float)pow(keep < EMA_DECAY ? keep : EMA_DECAY, EMA_EVERY) : 1};
    pool_run(pool, codes_learn_tasks(t->m), learn_task, t);
    pool_run(pool, t->nchunks, update_task, t);
    model_project(t->m, t->m->w);
    if (schedule_watches(c) && s->step % SCHEDULE_WATCH == 0)
        look_out(t);
    return 0;
}

static void valid_task(void *ctx, size_t task, size_t worker) {
    (void)worker;
    struct trainer *t = ctx;
    size_t col = task * shard(t), n = shard_size(t, task, t->here);
    model_load_rows(t->m, &t->pass, col, n, t->data->x, t->rows + col);
    draw_noise(t, col, n, RNG_VALID, 0);
    model_judge(t->m, t->eval_w, &t->pass, col, n, &t->obj, t->rows + col);
}

/* Minus the bound per record on the rows held out, by the averaged weights, with noise that never changes; *kl: of that, the KL. */
static double validate(struct trainer *t, double *kl) {
    double sum = 0;
    *kl = 0;
    t->eval_w = t->s.opt.ema;
    pseudo_forward(t->m, t->eval_w, &t->pass, t->cfg->batch, t->run->pool);
    for (size_t at = 0; at < t->data->nvalid; at += t->cfg->batch) {
        size_t left = t->data->nvalid - at;
        t->here = left < t->cfg->batch ? left : t->cfg->batch;
        memcpy(t->rows, t->data->valid + at, t->here * sizeof *t->rows);
        train_deal(t->m, t->data->x, t->card, t->rows, t->here, shard(t));
        pool_run(t->run->pool, shards(t, t->here), valid_task, t);
        for (size_t i = 0; i < t->here; i++)
            sum += t->pass.nll[i] + t->pass.kl[i], *kl += t->pass.kl[i] / (double)t->data->nvalid;
    }
    return t->data->nvalid ? sum / (double)t->data->nvalid : NAN;
}

/* Validates and keeps the best, by what is minimised once beta is settled: recon + beta KL, which is the bound where beta is 1. A
 * constraint has no such number: what comes later meets it better. A point of the curve. */
static int look_up(struct trainer *t, struct train_point *pt, struct vae_err *err) {
    const struct train_config *c = t->cfg;
    struct train_state *s = &t->s;
    double n = s->seen ? (double)s->seen : NAN;
    pt->curve = true;
    pt->recon = s->recon / n, pt->kl = s->kl / n, pt->beta = (double)t->obj.beta;
    pt->elbo = -(pt->recon + pt->kl);
    double kl;
    pt->valid = validate(t, &kl);
    s->recon = s->kl = 0, s->seen = 0;
    double value = t->data->nvalid ? pt->valid + ((double)c->beta - 1) * kl : -pt->elbo;
    bool settled = schedule_at(c, &s->schedule, s->step).settled;
    if (isfinite(value)) {
        memcpy(s->snapshot, s->w, s->nw * sizeof *s->snapshot);
        /* without rows held out the last weights are the best ones */
        if (!settled || s->res.best_step == 0 || value < s->res.best || !t->data->nvalid) {
            s->res.best = value;
            s->res.best_step = s->step;
            memcpy(s->best, s->opt.ema, s->nw * sizeof *s->best);
        }
    }
    s->over = c->patience && settled && s->step - s->res.best_step >= c->patience * c->valid_every;
    return train_state_point(s, pt, err);
}

static int stopped(const struct trainer *t, struct vae_err *err) {
    return err_set(err, VAE_ESTOP, "stopped at step %zu of %zu", t->s.step, t->cfg->steps);
}

/* The next step, what is told of it, and perhaps a checkpoint: one at the end always, as what follows takes time, too. */
static int go_on(struct trainer *t, struct vae_err *err) {
    size_t step = ++t->s.step, steps = t->cfg->steps;
    struct train_point pt = {.step = step, .steps = steps};
    int r = train_step(t, err);
    if (!r && (step % t->cfg->valid_every == 0 || step == steps))
        r = look_up(t, &pt, err);
    if (r && r != VAE_ESTOP)
        return r;
    bool stop = r || tell(t, &pt);
    if (t->s.step && (stop || t->s.over || step == steps || checkpoint_due(t->run->checkpoint)))
        checkpoint_save(t->run->checkpoint, &t->s);
    return stop ? stopped(t, err) : 0;
}

int train_model(struct vae_model *m, const struct train_data *data, const struct train_config *cfg,
                const struct train_run *run, struct train_result *res, struct vae_err *err) {
    struct trainer t = {.m = m, .data = data, .cfg = cfg, .run = run};
    int r = trainer_init(&t, err);
    for (size_t i = 0; t.from && i < t.s.curve->n && !r; i++)
        r = tell(&t, &t.s.curve->point[i]) ? stopped(&t, err) : 0;
    while (!r && !t.s.over && t.s.step < cfg->steps)
        r = go_on(&t, err);
    if (!r && !t.s.res.best_step)
        r = err_set(err, VAE_EDIVERGED, "training gave no finite bound in %zu steps", t.s.step);
    if (r == VAE_EDIVERGED)
        checkpoint_remove(run->checkpoint); /* it would only diverge again */
    *res = t.s.res;
    res->steps = t.s.step;
    res->watched = t.s.schedule.seen;
    if (!r) {
        memcpy(m->w, t.s.best, m->nw * sizeof *m->w);
        model_project(m, m->w);
    }
    trainer_free(&t);
    return r;
}

int train_measure(struct vae_model *m, const struct train_data *data, const struct train_config *cfg, struct pool *pool,
                  double seconds, struct train_rate *rate, struct vae_err *err) {
    enum { WARM = 3, LEAST = 3 }; /* the first steps touch memory for the first time */
    struct train_run run = {.pool = pool};
    struct trainer t = {.m = m, .data = data, .cfg = cfg, .run = &run};
    struct vae_err own = {0};
    int r = trainer_init(&t, &own);
    double from = clock_seconds(), kl;
    size_t done = 0;
    for (; !r && (done < WARM + LEAST || clock_seconds() - from < seconds); done++) {
        if (done == WARM)
            from = clock_seconds();
        t.s.step++;
        r = train_step(&t, &own);
    }
    rate->step = done > WARM ? (clock_seconds() - from) / (double)(done - WARM) : 0;
    from = clock_seconds();
    if (!r)
        validate(&t, &kl);
    rate->valid = clock_seconds() - from;
    trainer_free(&t);
    return !r || r == VAE_EDIVERGED ? 0 : err_set(err, r, "%s", own.msg); /* divergence is for the real one to tell */
}
