/* state.c - see state.h. Arrays are tensors; counts and numbers members of the JSON object "state", a table row each. */
#include "fit/state.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

#define AT(member) offsetof(struct train_state, member)
static const struct scalar {
    const char *name;
    size_t at;
} counts[] = {{"step", AT(step)},     {"updates", AT(t)},           {"skips", AT(skips)},
              {"norms", AT(nnorms)},  {"seen", AT(seen)},           {"over", AT(over)},
              {"best_step", AT(res.best_step)}, {"skipped", AT(res.skipped)}, {"rolled_back", AT(res.rolled_back)},
              {"watched", AT(schedule.watched)}},
  numbers[] = {{"lr_scale", AT(lr_scale)}, {"recon", AT(recon)}, {"kl", AT(kl)}, {"best", AT(res.best)},
             {"log_beta", AT(schedule.weight)}, {"watched_quick", AT(schedule.seen)}, {"watched_slow", AT(schedule.slow)}};

enum { NCOUNTS = sizeof counts / sizeof *counts, NNUMBERS = sizeof numbers / sizeof *numbers, NARRAYS = 6 };
enum { POINT = 6 }; /* numbers of a point of the curve */

static size_t *count_at(const struct train_state *s, size_t i) { return (size_t *)((uintptr_t)s + counts[i].at); }
static double *number_at(const struct train_state *s, size_t i) { return (double *)((uintptr_t)s + numbers[i].at); }

struct array {
    const char *name;
    float *data;
};

static void arrays(const struct train_state *s, struct array out[NARRAYS]) {
    const struct array all[NARRAYS] = {{"train.weights", s->w},    {"train.moment1", s->opt.m}, {"train.moment2", s->opt.v},
                                       {"train.average", s->opt.ema}, {"train.best", s->best},     {"train.good", s->snapshot}};
    memcpy(out, all, sizeof all);
}

int train_state_init(struct train_state *s, float *w, size_t nw, struct vae_err *err) {
    *s = (struct train_state){.nw = nw, .w = w, .lr_scale = 1};
    s->curve = &s->own;
    int r = adamw_init(&s->opt, nw, err);
    if (r)
        return r;
    s->best = mem_floats(nw), s->snapshot = mem_floats(nw);
    if (!s->best || !s->snapshot)
        return err_set(err, VAE_EOS, "out of memory for training %zu weights", nw);
    memcpy(s->best, w, nw * sizeof *w);
    memcpy(s->snapshot, w, nw * sizeof *w);
    memcpy(s->opt.ema, w, nw * sizeof *w);
    return 0;
}

void train_state_free(struct train_state *s) {
    adamw_free(&s->opt);
    free(s->best), free(s->snapshot), free(s->own.point);
    *s = (struct train_state){0};
}

int train_state_point(struct train_state *s, const struct train_point *pt, struct vae_err *err) {
    struct train_curve *c = s->curve;
    int r = mem_grow(&c->point, &c->cap, c->n + 1, sizeof *c->point, err);
    if (!r)
        c->point[c->n++] = *pt;
    return r;
}

/* ---- to and from a container ----------------------------------------------------------------------------------- */

static json_t *scalars(const struct train_state *s) {
    json_t *j = json_object();
    for (size_t i = 0; i < NCOUNTS; i++)
        json_object_set_new(j, counts[i].name, json_integer((json_int_t)*count_at(s, i)));
    for (size_t i = 0; i < NNUMBERS; i++)
        json_object_set_new(j, numbers[i].name, json_real(*number_at(s, i)));
    return j;
}

static int put_trial(const struct train_trial *b, size_t nw, struct tensors *t, struct vae_err *err) {
    const struct train_result *r = &b->res;
    json_t *j = json_pack("{s:I, s:I, s:f, s:I, s:I}", "steps", (json_int_t)r->steps, "best_step", (json_int_t)r->best_step, "best",
                          r->best, "skipped", (json_int_t)r->skipped, "rolled_back", (json_int_t)r->rolled_back);
    int e = tensors_set_json(t, "before", j, err);
    return e ? e : tensors_add(t, "train.before", TENSOR_F32, 1, &nw, b->w, err);
}

int train_state_put(const struct train_state *s, struct tensors *t, int64_t **bits, struct vae_err *err) {
    static const size_t nnorms = TRAIN_NORMS;
    struct array a[NARRAYS];
    arrays(s, a);
    size_t shape[2] = {s->curve->n, POINT};
    for (size_t i = 0; i < NNUMBERS; i++)
        if (!isfinite(*number_at(s, i)))
            return err_set(err, VAE_EDATA, "state: '%s' is not finite", numbers[i].name);
    *bits = mem_array(s->curve->n * POINT + 1, sizeof **bits);
    int r = *bits ? tensors_set_json(t, "state", scalars(s), err) : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < NARRAYS && !r; i++)
        r = tensors_add(t, a[i].name, TENSOR_F32, 1, &s->nw, a[i].data, err);
    if (!r)
        r = tensors_add(t, "train.norms", TENSOR_F64, 1, &nnorms, s->norms, err);
    for (size_t i = 0; i < s->curve->n && !r; i++) { /* a point may hold a NaN, so it goes by its bits */
        const struct train_point *p = &s->curve->point[i];
        const double v[POINT] = {(double)p->step, p->recon, p->kl, p->beta, p->elbo, p->valid};
        memcpy(*bits + i * POINT, v, sizeof v);
    }
    if (!r && s->before)
        r = put_trial(s->before, s->nw, t, err);
    return r ? r : tensors_add(t, "train.curve", TENSOR_I64, 2, shape, *bits, err);
}

static int get_scalars(struct train_state *s, const struct tensors *t, struct vae_err *err) {
    json_t *j = tensors_get_json(t, "state", err);
    int64_t v;
    int r = j ? 0 : VAE_EDATA;
    for (size_t i = 0; i < NCOUNTS && !r; i++)
        if (!(r = js_int(j, counts[i].name, 0, INT64_C(1) << 53, &v, "state", err)))
            *count_at(s, i) = (size_t)v;
    for (size_t i = 0; i < NNUMBERS && !r; i++)
        r = js_number(j, numbers[i].name, number_at(s, i), "state", err);
    json_decref(j);
    return r;
}

static int get_curve(struct train_state *s, const struct tensors *t, size_t steps, struct vae_err *err) {
    const struct tensor *x = tensors_find(t, "train.curve");
    if (!x || x->type != TENSOR_I64 || x->ndim != 2 || x->shape[1] != POINT)
        return err_set(err, VAE_EDATA, "tensor 'train.curve' does not fit");
    int r = 0;
    s->curve->n = 0;
    for (size_t i = 0; i < x->shape[0] && !r; i++) {
        double v[POINT];
        memcpy(v, (const int64_t *)x->data + i * POINT, sizeof v);
        if (!(v[0] >= 1 && v[0] <= (double)steps))
            return err_set(err, VAE_EDATA, "the curve does not fit");
        struct train_point p = {.step = (size_t)v[0], .steps = steps, .curve = true, .recon = v[1], .kl = v[2],
                                .beta = v[3], .elbo = v[4], .valid = v[5]};
        r = train_state_point(s, &p, err);
    }
    return r;
}

int train_state_get(struct train_state *s, const struct tensors *t, size_t steps, struct vae_err *err) {
    static const size_t nnorms = TRAIN_NORMS;
    const void *from;
    struct array a[NARRAYS];
    arrays(s, a);
    int r = get_scalars(s, t, err);
    if (!r && (s->step > steps || s->res.best_step > s->step || s->t > s->step || s->over > 1 ||
               !(s->lr_scale > 0 && s->lr_scale <= 1)))
        r = err_set(err, VAE_EDATA, "state: the counts do not fit each other");
    for (size_t i = 0; i < NARRAYS && !r; i++)
        if (!(r = tensors_get(t, a[i].name, TENSOR_F32, 1, &s->nw, &from, err)))
            memcpy(a[i].data, from, s->nw * sizeof(float));
    if (!r && !(r = tensors_get(t, "train.norms", TENSOR_F64, 1, &nnorms, &from, err)))
        memcpy(s->norms, from, sizeof s->norms);
    return r ? r : get_curve(s, t, steps, err);
}

int train_trial_get(struct train_trial *b, const struct tensors *t, size_t nw, struct vae_err *err) {
    const void *from;
    int64_t v[4];
    static const char *const name[] = {"steps", "best_step", "skipped", "rolled_back"};
    if (!tensors_find(t, "train.before"))
        return 0;
    json_t *j = tensors_get_json(t, "before", err);
    int r = j ? tensors_get(t, "train.before", TENSOR_F32, 1, &nw, &from, err) : VAE_EDATA;
    for (size_t i = 0; i < 4 && !r; i++)
        r = js_int(j, name[i], 0, INT64_C(1) << 53, &v[i], "before", err);
    if (!r)
        r = js_number(j, "best", &b->res.best, "before", err);
    json_decref(j);
    if (r)
        return r;
    b->res = (struct train_result){.steps = (size_t)v[0], .best_step = (size_t)v[1], .best = b->res.best, .skipped = (size_t)v[2],
                                   .rolled_back = (size_t)v[3]};
    b->w = mem_floats(nw);
    if (!b->w)
        return err_set(err, VAE_EOS, "out of memory");
    memcpy(b->w, from, nw * sizeof *b->w);
    return 0;
}
