/* denoise.c - a denoiser over many levels of noise: see denoise.h. */
#include "score/denoise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/vmath.h"
#include "nn/learn.h"
#include "score/gower.h"

enum { BLOCKS = 2, NARROW = 128, WIDE = 512, TOLD = 3 /* of the level of noise */, LEVELS = 6, PAIRS = 3, DRAWS = LEVELS * PAIRS };
enum { LEAST_ROWS = 10 };
static const double LR = 1e-3, SIGMA_LOW = 0.05, SIGMA_HIGH = 2, SIGMA_FIRST = 0.17;
static const float HALF = 0.70710678f; /* of a level that is there: two of them are 1 apart */

/* A value of v: coordinate `from`, of that the level, or SIZE_MAX where it is a number. */
struct spot {
    size_t from, level;
};

/* Where the values of v come from. */
struct spots {
    size_t n, width; /* values; coordinates */
    struct spot *spot;
};

static int find_spots(const struct schema *s, struct spots *at, struct vae_err *err) {
    size_t width = gower_width(s), n = 0;
    size_t *levels = mem_array(width, sizeof *levels);
    if (!levels)
        return err_set(err, VAE_EOS, "out of memory");
    gower_levels(s, levels);
    for (size_t k = 0; k < width; k++)
        n += levels[k] ? levels[k] : 1;
    *at = (struct spots){.width = width, .spot = mem_array(n, sizeof *at->spot)};
    for (size_t k = 0; k < width && at->spot; k++)
        for (size_t l = 0; l < (levels[k] ? levels[k] : 1); l++)
            at->spot[at->n++] = (struct spot){k, levels[k] ? l : SIZE_MAX};
    free(levels);
    return at->spot ? 0 : err_set(err, VAE_EOS, "out of memory");
}

/* The value of coordinate x at a spot; it is not missing. */
static float value_at(const struct spot *s, float x) {
    return s->level == SIZE_MAX ? x : HALF * (float)(x >= (float)s->level && x <= (float)s->level);
}

/* Coordinates u -> v[i * ld] and, where there is something to explain, there[i * ld] = 1, else 0. */
static void place(const struct spots *at, const struct model_denoiser *d, const float *u, float *v, float *there, size_t ld) {
    for (size_t i = 0; i < at->n; i++) {
        const struct spot *s = &at->spot[i];
        bool here = u[s->from] > GOWER_ABSENT;
        float x = value_at(s, u[s->from]) - d->mean[i];
        if (s->level == SIZE_MAX && !(d->weight[s->from] > 0)) /* all alike, or not */
            x = (float)(x < 0 || x > 0);
        v[i * ld] = here ? x / d->size[0] : 0;
        there[i * ld] = here;
    }
}

/* What the net is told of the level of noise, t from 0 to 1 on a log scale -> f[TOLD,ld]. */
static void tell_level(float t, float *f, size_t ld) {
    f[0] = 2 * t - 1;
    vm_sincospi(&f[ld], &f[2 * ld], &t, 1);
}

static double sigma_at(double t) { return SIGMA_LOW * pow(SIGMA_HIGH / SIGMA_LOW, t); }

static size_t width_for(size_t n) { return n <= 64 ? NARROW : n <= 256 ? 2 * NARROW : WIDE; }

/* x + W silu(W silu(norm x)) behind what is there: as of nn_mlp(), but neither linear where it starts nor from end to end, which
 * would put right what is far from all rows, too. */
static int add_block(struct nn_net *net, size_t width, struct vae_err *err) {
    size_t src = net->n;
    int r = nn_add(net, &nn_layernorm, width, width, 0, 0, err);
    for (int i = 0; i < 2 && !r; i++) {
        r = nn_add(net, &nn_silu, width, width, 0, 0, err);
        r = r ? r : nn_add(net, &nn_dense, width, width, 0, 0, err);
    }
    return r ? r : nn_add(net, &nn_residual, width, width, src, 0, err);
}

static int make_net(struct nn_net *net, size_t n, struct vae_err *err) {
    size_t width = width_for(n);
    int r = nn_add(net, &nn_dense, n + TOLD, width, 0, 0, err);
    for (int i = 0; i < BLOCKS && !r; i++)
        r = add_block(net, width, err);
    r = r ? r : nn_add(net, &nn_silu, width, width, 0, 0, err);
    r = r ? r : nn_add(net, &nn_dense, width, n, 0, 0, err);
    if (r)
        return r;
    net->node[net->n - 1].gain = 0;
    nn_place(net, 0);
    return 0;
}

/* ---- training ------------------------------------------------------------------------------------------------ */

struct trainer {
    size_t n; /* values */
    const float *v, *there; /* [rows,n] */
    struct nn_net net;
    uint64_t seed;
    float *target; /* [n,LEARN_COLUMNS] */
};

static void learn_shard(void *ctx, const struct learn_shard *s) {
    struct trainer *t = ctx;
    size_t ld = s->pass->ld, col = s->col, n = t->n;
    float *in = s->pass->act[0] + col, *target = t->target + col;
    rng_normals(target, n, s->n, ld, t->seed, RNG_DENOISE, 2 * s->step, s->rows, 0);
    for (size_t i = 0; i < s->n; i++) {
        double u;
        rng_uniform(&u, 1, t->seed, RNG_DENOISE, 2 * s->step + 1, s->step ? col + i : s->rows[i]);
        double at = s->step ? ((double)(col + i) + u) / (double)s->batch : u, sigma = sigma_at(at), c = 1 / (1 + sigma * sigma);
        float noise = (float)sigma, shrink = (float)sqrt(c), keep = (float)c, scale = (float)(sigma * sqrt(c));
        const float *v = t->v + s->rows[i] * n;
        for (size_t j = 0; j < n; j++) {
            float dirty = v[j] + noise * target[j * ld + i];
            in[j * ld + i] = dirty * shrink;
            target[j * ld + i] = (v[j] - keep * dirty) / scale;
        }
        tell_level((float)at, in + n * ld + i, ld);
    }
    nn_forward(&t->net, s->w, s->pass, col, s->n, NULL);
    float *out = s->pass->act[t->net.n] + col, *grad = s->pass->grad[t->net.n] + col;
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < s->n; i++) {
            float e = (out[j * ld + i] - target[j * ld + i]) * t->there[s->rows[i] * n + j];
            s->loss[i] += (double)e * (double)e;
            grad[j * ld + i] = 2 * e / (float)(s->batch * n);
        }
}

static void learn_means(const struct spots *at, const float *u, size_t n, float *mean) {
    for (size_t i = 0; i < at->n; i++) {
        double sum = 0, here = 0;
        for (size_t r = 0; r < n; r++) {
            float x = u[r * at->width + at->spot[i].from];
            if (x > GOWER_ABSENT)
                sum += (double)value_at(&at->spot[i], x), here++;
        }
        mean[i] = here > 0 ? (float)(sum / here) : 0;
    }
}

/* Divides v[n], values less their means, by their root mean square. */
static void learn_size(float *v, const float *there, size_t n, float *size) {
    double square = 0, seen = 0;
    for (size_t i = 0; i < n; i++)
        square += (double)v[i] * (double)v[i], seen += (double)there[i];
    *size = square > 0 ? (float)sqrt(square / seen) : 1;
    for (size_t i = 0; i < n; i++)
        v[i] /= *size;
}

static int train(struct vae_model *m, const struct spots *at, const float *u, size_t n, size_t steps, uint64_t seed, struct pool *pool,
                 struct vae_err *err) {
    struct model_denoiser *d = &m->denoiser;
    struct trainer t = {.n = at->n, .seed = seed};
    size_t values;
    float *v = mem_mul(n, 2 * at->n, &values) ? mem_floats(values) : NULL;
    t.v = v, t.there = v ? v + n * at->n : NULL, t.target = mem_floats(at->n * LEARN_COLUMNS);
    int r = v && t.target ? make_net(&t.net, at->n, err) : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    if (!r) {
        d->size[0] = 1;
        learn_means(at, u, n, d->mean);
        for (size_t i = 0; i < n; i++)
            place(at, d, u + i * at->width, v + i * at->n, v + (n + i) * at->n, 1);
        learn_size(v, t.there, n * at->n, d->size);
        d->nw = t.net.nw;
        d->w = mem_floats(d->nw);
        r = d->w ? 0 : err_set(err, VAE_EOS, "out of memory for a denoiser");
    }
    if (!r) {
        nn_init(&t.net, d->w, seed, 6000);
        const struct learn l = {.net = &t.net, .w = d->w, .n = n, .steps = steps, .seed = seed, .purpose = RNG_DENOISE,
                                .lr = LR, .all = true, .pool = pool, .shard = learn_shard, .ctx = &t};
        r = learn_net(&l, err);
    }
    nn_net_free(&t.net);
    free(v), free(t.target);
    return r;
}

int denoise_learn(struct vae_model *m, const float *x, size_t n, size_t steps, uint64_t seed, struct pool *pool,
                  struct vae_err *err) {
    struct model_denoiser *d = &m->denoiser;
    struct spots at = {0};
    size_t values;
    if (n < LEAST_ROWS)
        return 0;
    int r = find_spots(m->schema, &at, err);
    float *u = !r && mem_mul(n, at.width, &values) ? mem_floats(values) : NULL, *differ = NULL;
    if (!r) {
        *d = (struct model_denoiser){.n = at.n, .width = at.width, .weight = mem_floats(at.width), .mean = mem_floats(at.n),
                                     .size = mem_floats(1)};
        differ = mem_floats(at.width);
        r = u && differ && d->weight && d->mean && d->size ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    }
    for (size_t i = 0; i < n && !r; i++)
        gower_place(m->schema, NULL, x + i * m->schema->d, u + i * at.width);
    if (!r)
        r = gower_learn(m->schema, u, n, false, d->weight, differ, err);
    for (size_t i = 0; i < n && !r; i++)
        gower_scale(d->weight, at.width, u + i * at.width, u + i * at.width);
    if (!r)
        r = train(m, &at, u, n, steps, seed, pool, err);
    free(u), free(differ), free(at.spot);
    return r;
}

/* ---- scoring ------------------------------------------------------------------------------------------------- */

struct room {
    struct nn_work pass;
    float *u;                  /* [width] */
    float *v, *there, *dirty;  /* [n,MAT_PANEL] */
};

struct denoise {
    const struct vae_model *m;
    struct spots at;
    struct nn_net net;
    float *noise;     /* [n,DRAWS] */
    size_t workers;
    struct room *room; /* [workers] */
};

void denoise_free(struct denoise *d) {
    if (!d)
        return;
    for (size_t i = 0; d->room && i < d->workers; i++) {
        nn_work_free(&d->room[i].pass);
        free(d->room[i].u), free(d->room[i].v);
    }
    nn_net_free(&d->net);
    free(d->at.spot), free(d->noise), free(d->room);
    free(d);
}

static int make_room(struct denoise *d, struct room *r, struct vae_err *err) {
    size_t n = d->at.n * MAT_PANEL;
    r->u = mem_floats(d->at.width), r->v = mem_floats(3 * n);
    if (!r->u || !r->v)
        return err_set(err, VAE_EOS, "out of memory");
    r->there = r->v + n, r->dirty = r->there + n;
    return nn_work_init(&r->pass, &d->net, MAT_PANEL, false, err);
}

struct denoise *denoise_new(const struct vae_model *m, size_t workers, struct vae_err *err) {
    const struct model_denoiser *kept = &m->denoiser;
    struct denoise *d = mem_array(1, sizeof *d);
    int r = d ? find_spots(m->schema, &d->at, err) : err_set(err, VAE_EOS, "out of memory");
    if (!r && (d->at.n != kept->n || d->at.width != kept->width)) /* a file says so: nobody below knows better */
        r = err_set(err, VAE_EDATA, "the denoiser does not fit the model");
    if (!r)
        r = make_net(&d->net, d->at.n, err);
    if (!r && d->net.nw != kept->nw)
        r = err_set(err, VAE_EDATA, "the denoiser does not fit the model");
    if (!r) {
        d->m = m, d->workers = workers;
        d->noise = mem_floats(DRAWS * d->at.n), d->room = mem_array(workers, sizeof *d->room);
        r = d->noise && d->room ? 0 : err_set(err, VAE_EOS, "out of memory");
    }
    for (size_t i = 0; i < workers && !r; i++)
        r = make_room(d, &d->room[i], err);
    if (!r) {
        enum { SEED = 1 }; /* fixed: the score of a record must not depend on anybody's option */
        rng_normals(d->noise, d->at.n, DRAWS, DRAWS, SEED, RNG_SCORE, 0, NULL, 0);
        return d;
    }
    denoise_free(d);
    return NULL;
}

/* error[MAT_PANEL] += share * |D(v + sigma e, sigma) - v|^2, e[i * DRAWS] the noise or minus it. */
static void one_draw(const struct denoise *d, struct room *r, double t, const float *e, float sign, double share, double *error) {
    size_t n = d->at.n;
    double sigma = sigma_at(t), c = 1 / (1 + sigma * sigma);
    float *in = r->pass.act[0], noise = sign * (float)sigma;
    float shrink = (float)sqrt(c), keep = (float)c, scale = (float)(sigma * sqrt(c));
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < MAT_PANEL; i++) {
            size_t k = j * MAT_PANEL + i;
            r->dirty[k] = r->v[k] + noise * e[j * DRAWS];
            in[k] = r->dirty[k] * shrink;
        }
    for (size_t i = 0; i < MAT_PANEL; i++)
        tell_level((float)t, in + n * MAT_PANEL + i, MAT_PANEL);
    nn_forward(&d->net, d->m->denoiser.w, &r->pass, 0, MAT_PANEL, NULL);
    const float *out = r->pass.act[d->net.n];
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < MAT_PANEL; i++) {
            size_t k = j * MAT_PANEL + i;
            double off = (double)(keep * r->dirty[k] + scale * out[k] - r->v[k]) * (double)r->there[k];
            error[i] += share * off * off;
        }
}

void denoise_score(struct denoise *d, size_t worker, const float *x, const uint64_t *rows, size_t n, double *score) {
    struct room *r = &d->room[worker];
    const struct model_denoiser *kept = &d->m->denoiser;
    double error[MAT_PANEL] = {0}, first = log(SIGMA_FIRST / SIGMA_LOW) / log(SIGMA_HIGH / SIGMA_LOW);
    for (size_t i = 0; i < MAT_PANEL; i++) { /* a panel is full: the last record fills it */
        size_t k = i < n ? i : n - 1;
        gower_place(d->m->schema, kept->weight, x + (rows ? rows[k] : k) * d->m->schema->d, r->u);
        place(&d->at, kept, r->u, r->v + i, r->there + i, MAT_PANEL);
    }
    for (size_t l = 0; l < LEVELS; l++)
        for (size_t a = 0; a < 2 * PAIRS; a++)
            one_draw(d, r, first + (1 - first) * (double)l / (LEVELS - 1), d->noise + l * PAIRS + a / 2, a % 2 ? -1 : 1,
                     1.0 / (2 * PAIRS), error);
    for (size_t i = 0; i < n; i++)
        score[i] = sqrt(error[i]);
}
