/*
 * test_train.c - what keeps a training alive: steps that are not finite are skipped, three in a row rolled back, five
 * roll-backs end it; a checkpoint at any step goes on to the same bytes; one of another run, or a damaged one, is refused.
 */
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mat.h"
#include "base/pool.h"
#include "fit/checkpoint.h"
#include "fit/fit.h"
#include "models.h"

enum { ROWS = 300, VALID = 44, D = 7, STEPS = 90, EVERY = 10 };
static const size_t widths[] = {1, 1, 1, 3, 1, 0};

/* A model, its rows, and what the callback does to them and sees of them. */
struct run {
    struct vae_model *m;
    float *x, *good; /* [ROWS,D]; as they were */
    uint64_t rows[ROWS];
    struct train_data data;
    struct train_config cfg;
    struct train_run run;
    struct train_result res;
    struct vae_err err;
    /* what is to happen */
    size_t bad_from, bad_to; /* behind these steps the rows are infinite */
    bool bad_again;          /* and once more three steps later */
    size_t stop_at;          /* 0: never */
    size_t stop_within;      /* the step behind this one, 0: never */
    /* what was seen */
    float *before, *snapshot; /* weights after the last step, and at the last point */
    size_t kept_back;         /* steps behind which the weights were those of the last point, but not behind a point */
    double moved[STEPS + 1];  /* most that a weight of the nets changed in the step */
    struct train_point curve[STEPS];
    size_t npoints, from, seen;
};

static bool watch(void *ctx, const struct train_point *pt) {
    struct run *r = ctx;
    size_t nw = r->m->nw;
    double most = 0;
    if (pt->curve)
        r->curve[r->npoints++] = *pt;
    r->from = pt->from;
    if (pt->step <= pt->from) /* points of before */
        return false;
    if (pt->step == r->seen) /* asked within a step that takes long */
        return pt->step == r->stop_within;
    r->seen = pt->step;
    if (pt->step == r->stop_within)
        nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    for (size_t i = 0; i < r->m->wlik; i++)
        most = fmax(most, fabs((double)r->m->w[i] - (double)r->before[i]));
    r->moved[pt->step] = most;
    memcpy(r->before, r->m->w, nw * sizeof(float));
    if (pt->curve)
        memcpy(r->snapshot, r->m->w, nw * sizeof(float));
    else
        r->kept_back += !memcmp(r->snapshot, r->m->w, nw * sizeof(float));
    size_t length = r->bad_to - r->bad_from, again = r->bad_to + 1;
    bool bad = (pt->step >= r->bad_from && pt->step < r->bad_to) ||
               (r->bad_again && pt->step >= again && pt->step < again + length);
    for (size_t i = 0; i < ROWS * D; i++)
        r->x[i] = bad ? INFINITY : r->good[i];
    return pt->step == r->stop_at;
}

static struct run *run_new(void) {
    struct run *r = mem_array(1, sizeof *r);
    static const struct model_config config = {.latent_dim = 2, .latent = &latent_gauss, .act = &nn_silu, .residual = true,
                                               .nhidden = 1, .hidden = {24}, .dropout = 0.1f, .lik = &lik_gaussian};
    double *raw = models_data(ROWS, D, false);
    r->m = models_new(&config, widths, raw, ROWS, 1);
    r->x = models_rows(r->m, raw, ROWS);
    r->good = mem_floats(ROWS * D);
    memcpy(r->good, r->x, ROWS * D * sizeof(float));
    for (size_t i = 0; i < ROWS; i++)
        r->rows[i] = i;
    r->data = (struct train_data){r->x, ROWS - VALID, VALID, r->rows, r->rows + ROWS - VALID};
    r->cfg = (struct train_config){.seed = 3, .steps = STEPS, .batch = 64, .valid_every = EVERY, .lr = 1e-3f, .beta = 1,
                                   .warmup = 0.2f, .free_nats = 0.1f};
    r->run = (struct train_run){.report = watch, .ctx = r};
    r->before = mem_floats(r->m->nw), r->snapshot = mem_floats(r->m->nw);
    memcpy(r->before, r->m->w, r->m->nw * sizeof(float));
    memcpy(r->snapshot, r->m->w, r->m->nw * sizeof(float));
    free(raw);
    return r;
}

static void run_free(struct run *r) {
    vae_model_free(r->m);
    free(r->x), free(r->good), free(r->before), free(r->snapshot), free(r);
}

static int train(struct run *r) { return train_model(r->m, &r->data, &r->cfg, &r->run, &r->res, &r->err); }

/* ---- steps that are not finite ----------------------------------------------------------------------------------- */

static void test_skip(void) {
    struct run *r = run_new();
    r->bad_from = 14, r->bad_to = 16, r->bad_again = true; /* steps 15, 16 and 18, 19 */
    CHECK(!train(r), "%s", r->err.msg);
    CHECK(r->res.skipped == 4 && r->res.rolled_back == 0, "%zu skipped, %zu rolled back", r->res.skipped, r->res.rolled_back);
    for (size_t i = 1; i <= STEPS; i++)
        CHECK((r->moved[i] == 0) == (i == 15 || i == 16 || i == 18 || i == 19), "step %zu moved %g", i, r->moved[i]);
    run_free(r);
}

static void test_roll_back(void) {
    struct run *r = run_new();
    double rate[2];
    for (int bad = 0; bad < 2; bad++) {
        r->cfg.decay = 0;
        r->bad_from = bad ? 24 : 1000, r->bad_to = bad ? 27 : 1000; /* steps 25 to 27: the last point was at 20 */
        CHECK(!train(r), "%s", r->err.msg);
        CHECK(r->res.skipped == (bad ? 3 : 0) && r->res.rolled_back == (size_t)bad, "%zu skipped, %zu rolled back",
              r->res.skipped, r->res.rolled_back);
        CHECK(r->kept_back == (size_t)bad, "%zu times back at the last point's weights", r->kept_back);
        rate[bad] = r->moved[28];
        CHECK(isfinite(r->res.best) && r->res.best_step > 0, "best %g", r->res.best);
        run_free(r);
        r = run_new();
    }
    /* with its moments forgotten Adam moves each weight by the rate, whatever the gradient; the cosine at step 28 of 90 */
    double u = (28.0 - 10) / (90 - 10 + 1), want = 0.5e-3 * (0.01 + 0.99 * 0.5 * (1 + cos(M_PI * u)));
    CHECK(fabs(rate[1] / want - 1) < 1e-3, "first step after a roll-back: %g, half the rate is %g", rate[1], want);
    CHECK(fabs(rate[0] / want - 1) > 0.05, "the test tells nothing: %g", rate[0]);
    run_free(r);
}

static void test_diverged(void) {
    struct run *r = run_new();
    r->bad_from = 0, r->bad_to = STEPS;
    for (size_t i = 0; i < ROWS * D; i++)
        r->x[i] = INFINITY;
    int code = train(r);
    CHECK(code == VAE_EDIVERGED && strstr(r->err.msg, "--lr"), "%d: %s", code, r->err.msg);
    /* the sixth roll-back is too many */
    CHECK(r->res.skipped == 18 && r->res.steps == 18, "%zu skipped in %zu steps", r->res.skipped, r->res.steps);
    run_free(r);
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------- */

static json_t *plan(size_t steps, const char *crc) {
    return json_pack("{s:I, s:s, s:f, s:{s:i}}", "steps", (json_int_t)steps, "data_crc32", crc, "lr", 1.0, "config", "latent_dim", 2);
}

static struct checkpoint *open_checkpoint(struct run *r, const char *path, bool resume) {
    struct checkpoint *c = checkpoint_open(path, resume, 1e9, &r->err);
    if (c && checkpoint_plan(c, plan(STEPS, "0badcafe"), &r->err)) {
        checkpoint_free(c);
        c = NULL;
    }
    CHECK(c != NULL, "%s", r->err.msg);
    r->run.checkpoint = c;
    return c;
}

static void same_end(const struct run *a, const struct run *b, const char *what) {
    CHECK(!memcmp(a->m->w, b->m->w, a->m->nw * sizeof(float)), "%s: other weights", what);
    CHECK(!memcmp(&a->res, &b->res, sizeof a->res), "%s: another result", what);
    bool same = a->npoints == b->npoints;
    for (size_t i = 0; i < a->npoints && same; i++) {
        const struct train_point *p = &a->curve[i], *q = &b->curve[i];
        same = p->step == q->step && p->recon == q->recon && p->kl == q->kl && p->beta == q->beta && p->elbo == q->elbo &&
               p->valid == q->valid;
    }
    CHECK(same, "%s: another curve, %zu points and %zu", what, a->npoints, b->npoints);
}

/* Stopped at any step, also while skipping and behind a roll-back, as often as one likes: the same end. */
static void test_resume(const char *path) {
    struct run *whole = run_new();
    whole->bad_from = 24, whole->bad_to = 27;
    whole->cfg.patience = 3;
    CHECK(!train(whole), "%s", whole->err.msg);
    static const size_t stops[][4] = {{1}, {25, 26}, {27, 30, 31}, {10}, {89}, {90}, {5, 35, 60, 88}};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct run *r = NULL;
        for (size_t k = 0; k < 5; k++) {
            if (r)
                run_free(r);
            r = run_new();
            r->bad_from = 24, r->bad_to = 27;
            r->cfg.patience = 3;
            r->stop_at = k < 4 ? stops[i][k] : 0;
            size_t gone = k ? stops[i][k - 1] : 0;
            bool bad = gone >= 24 && gone < 27;
            for (size_t j = 0; j < ROWS * D; j++)
                r->x[j] = bad ? INFINITY : r->good[j];
            struct checkpoint *c = open_checkpoint(r, path, true);
            CHECK(checkpoint_steps(c) == (k ? STEPS : 0), "%zu steps", checkpoint_steps(c));
            int code = train(r);
            CHECK(code == (r->stop_at ? VAE_ESTOP : 0), "%d: %s", code, r->err.msg);
            CHECK(r->from == gone || r->stop_at, "went on from %zu, not %zu", r->from, gone);
            CHECK(checkpoint_kept(c) == (r->stop_at ? r->stop_at : r->res.steps), "the file is of step %zu", checkpoint_kept(c));
            checkpoint_free(c);
            if (!r->stop_at)
                break;
        }
        same_end(whole, r, "resumed");
        /* and once more, from its end: nothing is trained, all is told */
        struct run *again = run_new();
        struct checkpoint *c = open_checkpoint(again, path, true);
        again->cfg.patience = 3;
        CHECK(!train(again) && again->moved[STEPS] == 0, "%s", again->err.msg);
        same_end(whole, again, "resumed at its end");
        checkpoint_remove(c);
        CHECK(access(path, F_OK) != 0 && checkpoint_kept(c) == 0, "the checkpoint is still there");
        checkpoint_free(c);
        run_free(again), run_free(r);
    }
    run_free(whole);
}

/* A step that takes long is given up on the way, and done again. */
static void test_stop_within(const char *path) {
    struct run *whole = run_new();
    CHECK(!train(whole), "%s", whole->err.msg);
    for (size_t threads = 1; threads <= 2; threads++) {
        struct run *r = run_new();
        r->run.pool = pool_new(threads, &r->err);
        r->stop_within = 40;
        struct checkpoint *c = open_checkpoint(r, path, true);
        CHECK(train(r) == VAE_ESTOP && strstr(r->err.msg, "step 40 of") && checkpoint_kept(c) == 40, "%s", r->err.msg);
        CHECK(!memcmp(r->before, r->m->w, r->m->nw * sizeof(float)), "half a step moved the weights");
        checkpoint_free(c);
        pool_free(r->run.pool), run_free(r);
        r = run_new();
        c = open_checkpoint(r, path, true);
        CHECK(!train(r) && r->from == 40, "%s", r->err.msg);
        same_end(whole, r, "stopped within a step");
        checkpoint_remove(c);
        checkpoint_free(c);
        run_free(r);
    }
    run_free(whole);
}

/* The rows become infinite in the second training. */
static bool spoil(void *ctx, const struct train_point *pt) {
    struct run *r = ctx;
    r->seen += pt->step == 1;
    for (size_t i = 0; i < ROWS * D && r->seen == 2; i++)
        r->x[i] = INFINITY;
    return false;
}

/* Idle latents are answered by a second training; where that diverges, there is still the first. */
static void test_answer_diverges(void) {
    struct run *r = run_new();
    r->cfg.lr = 1e-9f;
    memset(r->m->w, 0, r->m->nw * sizeof(float)); /* idle */
    r->run.report = spoil;
    struct fit_plan plan = {.train = r->cfg};
    struct fit_material f = {.m = r->m, .x = r->x, .n = ROWS, .nheld = VALID, .index = r->rows, .train = r->data, .cfg = r->cfg};
    CHECK(!fit_train(&plan, &f, &r->run, &r->res, &r->err), "%s", r->err.msg);
    CHECK(r->seen == 2 && r->res.answered && r->res.rolled_back == 0 && isfinite(r->res.best), "%zu trainings, best %g", r->seen,
          r->res.best);
    run_free(r);
}

static void test_divergence_forgets(const char *path) {
    struct run *r = run_new();
    r->bad_from = 20, r->bad_to = STEPS;
    r->stop_at = 15;
    struct checkpoint *c = open_checkpoint(r, path, true);
    CHECK(train(r) == VAE_ESTOP && access(path, F_OK) == 0, "%s", r->err.msg);
    r->stop_at = 0;
    CHECK(train(r) == VAE_EDIVERGED && access(path, F_OK) != 0, "what diverged can be gone on from");
    checkpoint_free(c);
    run_free(r);
}

/* Each must be refused with this code and these words. */
static void refused(const char *path, json_t *p, int code, const char *words) {
    struct vae_err err = {0};
    struct checkpoint *c = checkpoint_open(path, true, 60, &err);
    int r = c ? checkpoint_plan(c, p, &err) : err.code;
    if (!c)
        json_decref(p);
    CHECK(r == code && strstr(err.msg, words) && strstr(err.msg, "remove it"), "%d: %s", r, err.msg);
    checkpoint_free(c);
}

static void test_refused(const char *path) {
    struct vae_err err = {0};
    struct run *r = run_new();
    struct checkpoint *c = open_checkpoint(r, path, false);
    r->stop_at = 33;
    train(r);
    checkpoint_free(c);
    CHECK(!checkpoint_open(path, false, 60, &err) && err.code == VAE_EUSAGE && strstr(err.msg, "--resume"), "%s", err.msg);
    refused(path, plan(STEPS + 1, "0badcafe"), VAE_EUSAGE, "steps 90, not 91");
    refused(path, plan(STEPS, "0badcaff"), VAE_EDATA, "other data");
    json_t *p = plan(STEPS, "0badcafe");
    json_object_set_new(p, "lr", json_real(0.5));
    refused(path, p, VAE_EUSAGE, "lr 1, not 0.5");
    p = plan(STEPS, "0badcafe");
    json_object_set_new(json_object_get(p, "config"), "latent_dim", json_integer(3));
    refused(path, p, VAE_EUSAGE, "latent_dim 2, not 3");

    /* a state that is another net's, or senseless, is told when it is asked for */
    struct vae_model *small = r->m;
    const size_t nw = small->nw;
    struct tensors *t = tensors_load(path, 1 << 30, NULL, &err);
    CHECK(t != NULL, "%s", err.msg);
    struct train_state s;
    CHECK(!train_state_init(&s, small->w, nw, &err) && !train_state_get(&s, t, STEPS, &err) && s.step == 33, "%s", err.msg);
    train_state_free(&s);
    CHECK(!train_state_init(&s, small->w, nw - 1, &err) && train_state_get(&s, t, STEPS, &err) == VAE_EDATA, "other weights");
    train_state_free(&s);
    CHECK(!train_state_init(&s, small->w, nw, &err) && train_state_get(&s, t, 32, &err) == VAE_EDATA, "more steps than there are");
    train_state_free(&s);
    static const struct {
        const char *member, *value;
    } wrong[] = {{"step", "-1"}, {"step", "5.5"}, {"best_step", "34"}, {"updates", "34"}, {"over", "2"}, {"lr_scale", "0"},
                 {"lr_scale", "2"}, {"best", "null"}, {"norms", "1e300"}, {"recon", "\"\""}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *state = tensors_get_json(t, "state", &err), *was = state;
        json_t *v = json_loads(wrong[i].value, JSON_DECODE_ANY, NULL);
        json_object_set_new(state, wrong[i].member, v);
        CHECK(!tensors_set_json(t, "state", json_incref(was), &err), "%s", err.msg);
        CHECK(!train_state_init(&s, small->w, nw, &err) && train_state_get(&s, t, STEPS, &err) == VAE_EDATA, "%s: %s is taken",
              wrong[i].member, wrong[i].value);
        train_state_free(&s);
        json_decref(state);
        tensors_free(t);
        t = tensors_load(path, 1 << 30, NULL, &err);
    }
    tensors_free(t);
    unlink(path);
    run_free(r);
}

/* A checkpoint that cannot be written ends nothing, and is told once. */
static void test_trouble(const char *dir) {
    char path[200], sub[190];
    snprintf(sub, sizeof sub, "%s/sub", dir);
    snprintf(path, sizeof path, "%s/c", sub);
    struct run *r = run_new();
    struct vae_err err = {0};
    CHECK(!checkpoint_open(path, true, 0, &err) && err.code == VAE_ECREATE, "a directory that is not there: %s", err.msg);
    if (mkdir(sub, 0777) == 0) {
        struct checkpoint *c = open_checkpoint(r, path, true);
        rmdir(sub);
        CHECK(!train(r) && checkpoint_kept(c) == 0, "%s", r->err.msg);
        const char *text = checkpoint_trouble(c);
        CHECK(text && strstr(text, "sub/c") && !checkpoint_trouble(c), "told: %s", text ? text : "nothing");
        checkpoint_free(c);
    }
    run_free(r);
}

/* Numbers that are not finite have no place in a file: the older checkpoint stays. */
static void test_not_finite(const char *path) {
    struct run *r = run_new();
    struct checkpoint *c = open_checkpoint(r, path, true);
    struct train_state s;
    CHECK(!train_state_init(&s, r->m->w, r->m->nw, &r->err), "%s", r->err.msg);
    s.step = 3;
    checkpoint_save(c, &s);
    s.step = 4, s.opt.v[5] = INFINITY;
    checkpoint_save(c, &s);
    s.opt.v[5] = 0, s.recon = NAN;
    checkpoint_save(c, &s);
    CHECK(checkpoint_kept(c) == 3 && !checkpoint_trouble(c), "kept step %zu", checkpoint_kept(c));
    train_state_free(&s);
    checkpoint_remove(c);
    checkpoint_free(c);
    run_free(r);
}

int main(void) {
    struct vae_err err = {0};
    char dir[] = "/tmp/test_train.XXXXXX", path[64];
    if (mat_open(&err) || !mkdtemp(dir)) {
        fprintf(stderr, "cannot start: %s\n", err.msg);
        return 1;
    }
    snprintf(path, sizeof path, "%s/c", dir);
    test_skip();
    test_roll_back();
    test_diverged();
    test_answer_diverges();
    test_resume(path);
    test_stop_within(path);
    test_divergence_forgets(path);
    test_refused(path);
    test_trouble(dir);
    test_not_finite(path);
    rmdir(dir);
    return test_done();
}
