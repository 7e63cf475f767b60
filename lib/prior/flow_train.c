/* flow_train.c - fitting the net of a flow (learn.c): points on the straight paths, and the velocities there. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "prior/flow.h"
#include "nn/learn.h"

enum { BATCH = 512, LEAST_STEPS = 1000, MOST_STEPS = 6000, EPOCHS = 100 };
static const double LR = 1e-3;

struct flow_trainer {
    size_t k, told;
    const float *z, *mean, *sd;
    uint64_t seed;
    struct nn_net net;
    float *t;         /* [LEARN_COLUMNS] times */
    float *target;    /* [k,LEARN_COLUMNS] */
};

/* z_t and its time in, z - eps - drift z_t as the target. */
static void load(struct flow_trainer *t, const struct learn_shard *s) {
    size_t ld = s->pass->ld, col = s->col;
    float *in = s->pass->act[0] + col, *eps = t->target + col;
    for (size_t i = 0; i < s->n; i++) {
        double u;
        rng_uniform(&u, 1, t->seed, RNG_FLOW, 2 * s->step + 1, s->step ? col + i : s->rows[i]);
        /* one time in each of `batch` equal parts: less noise than if all were drawn alike */
        t->t[col + i] = s->step ? (float)(((double)(col + i) + u) / (double)s->batch) : (float)u;
    }
    rng_normals(eps, t->k, s->n, ld, t->seed, RNG_FLOW, 2 * s->step, s->rows, 0);
    for (size_t j = 0; j < t->k; j++)
        for (size_t i = 0; i < s->n; i++) {
            float time = t->t[col + i], e = eps[j * ld + i];
            float z = (t->z[s->rows[i] * (t->k + t->told) + j] - t->mean[j]) / t->sd[j], at = (1 - time) * e + time * z;
            in[j * ld + i] = at;
            eps[j * ld + i] = z - e - flow_drift(time) * at;
        }
    flow_time(t->t + col, in + t->k * ld, s->n, ld);
    for (size_t j = 0; j < t->told; j++)
        for (size_t i = 0; i < s->n; i++)
            in[(t->k + 2 * FLOW_WAVES + j) * ld + i] = t->z[s->rows[i] * (t->k + t->told) + t->k + j];
}

static void flow_shard(void *ctx, const struct learn_shard *s) {
    struct flow_trainer *t = ctx;
    size_t ld = s->pass->ld;
    load(t, s);
    nn_forward(&t->net, s->w, s->pass, s->col, s->n, NULL);
    float *out = s->pass->act[t->net.n] + s->col, *d = s->pass->grad[t->net.n] + s->col;
    for (size_t j = 0; j < t->k; j++)
        for (size_t i = 0; i < s->n; i++) {
            float e = out[j * ld + i] - t->target[j * ld + s->col + i];
            s->loss[i] += (double)e * (double)e;
            d[j * ld + i] = 2 * e / (float)(s->batch * t->k);
        }
}

static void standardise(size_t k, size_t width, size_t n, const float *z, float *mean, float *sd) {
    for (size_t j = 0; j < k; j++) {
        double m = 0, square = 0;
        for (size_t i = 0; i < n; i++) {
            double d = (double)z[i * width + j] - m;
            m += d / (double)(i + 1);
            square += d * ((double)z[i * width + j] - m);
        }
        double s = sqrt(square / (double)n);
        mean[j] = (float)m;
        sd[j] = s > 1e-6 ? (float)s : 1e-6f;
    }
}

size_t flow_rounds(const struct prior_space *s, size_t n) {
    (void)s;
    size_t steps = EPOCHS * n / BATCH;
    return steps < LEAST_STEPS ? LEAST_STEPS : steps > MOST_STEPS ? MOST_STEPS : steps;
}

int flow_fit(const struct prior_space *s, size_t n, const float *z, uint64_t seed, struct pool *pool, float *param,
             struct vae_err *err) {
    size_t k = s->k;
    struct flow_trainer t = {.k = k, .told = s->told, .z = z, .mean = param, .sd = param + k, .seed = seed};
    const struct learn l = {.net = &t.net, .w = param + 2 * k, .n = n, .steps = flow_rounds(s, n), .seed = seed,
                            .purpose = RNG_FLOW, .lr = LR, .pool = pool, .shard = flow_shard, .ctx = &t};
    standardise(k, k + s->told, n, z, param, param + k);
    int r = flow_net(&t.net, s, flow_width(s, prior_flow.size(s, n)), err);
    t.t = mem_floats(LEARN_COLUMNS), t.target = mem_floats(k * LEARN_COLUMNS);
    if (!r && (!t.t || !t.target))
        r = err_set(err, VAE_EOS, "out of memory for a flow");
    if (!r) {
        nn_init(&t.net, l.w, seed, 5000);
        r = learn_net(&l, err);
    }
    nn_net_free(&t.net);
    free(t.t), free(t.target);
    return r;
}
