/*
 * explain.c - shares of a score.
 *
 * -ELBO is a sum: -log p(x_c | z) of every column, over the draws of z that the score is made of, and the KL. Any other score
 * is asked: by how much does it fall when column c becomes what is expected of it given the others (model/expect.h)? Columns
 * come in the order of how far the bound on -log p falls then, whatever the score: nearly log p(expected | others) - log p(x_c |
 * others), the surprise in x_c. Its own term would point elsewhere: an odd value spoils what z says of its neighbours, so that
 * their terms grow too, but put right it takes the whole oddity away, and they do not. And distances weigh columns alike,
 * whether others tell them or not.
 *
 * Of a record with many columns only some are put right, the most suspicious: by how much -log p(x_c | z) is above its least, or
 * how far out x_c is in the marginal (a value that z has learnt by heart is well told), whichever is more.
 */
#include "score/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "model/op.h"

enum { SUSPECTS = 8 /* beside the K asked for */, VALUES = 1 << 22, ROWS = 256 };

struct pair {
    size_t row, item; /* of the rows at hand */
};

struct explain {
    const struct vae_model *m;
    struct scorer *scorer;
    struct scorer *bound; /* where the score itself does not ask for -log p; else NULL */
    struct pool *pool;
    size_t k, nitems, most; /* suspects of a record */
    size_t draws, passes;
    float *noise;           /* [draws,neps] the scorer's, */
    float *expect_noise;    /* and that of what is expected, [SCORE_DRAWS,neps]: any score has the same */
    struct model_item *item;
    size_t nworkers;
    struct model_pass *pass;
    struct expect **expect;

    size_t rows;            /* at a time */
    double *share, *excess; /* [rows,nitems] */
    struct pair *pair;      /* [rows * most] */
    size_t npairs;
    float *put_right;       /* [rows * most, d] */
    struct expected *expected;
    struct score_parts *parts;
    struct score_parts *row_bound, *bounds; /* by `bound`: [rows], and [rows * most]; else NULL */
    struct explain_why *all; /* [most] of a record */

    const float *x; /* of the run */
    const uint64_t *row;
    size_t n;
};

static int reserve(struct explain *e, struct vae_err *err) {
    size_t d = e->m->schema->d, n, pairs;
    e->rows = VALUES / (d * e->most) < ROWS ? VALUES / (d * e->most) : ROWS;
    e->rows = e->rows ? e->rows : 1;
    pairs = e->rows * e->most;
    e->share = mem_array(e->rows * e->nitems, sizeof *e->share);
    e->excess = mem_array(e->rows * e->nitems, sizeof *e->excess);
    e->pair = mem_array(pairs, sizeof *e->pair);
    e->put_right = mem_mul(pairs, d, &n) ? mem_floats(n) : NULL;
    e->expected = mem_array(pairs, sizeof *e->expected);
    e->parts = mem_array(pairs, sizeof *e->parts);
    e->all = mem_array(e->most, sizeof *e->all);
    e->row_bound = e->bound ? mem_array(e->rows, sizeof *e->row_bound) : NULL;
    e->bounds = e->bound ? mem_array(pairs, sizeof *e->bounds) : NULL;
    bool bounds = !e->bound || (e->row_bound && e->bounds);
    bool rows = e->share && e->excess && e->pair && e->put_right && e->expected && e->parts && e->all;
    return bounds && rows ? 0 : err_set(err, VAE_EOS, "out of memory for explanations");
}

static int workers(struct explain *e, struct vae_err *err) {
    size_t n = e->pool ? pool_threads(e->pool) : 1;
    e->pass = mem_array(n, sizeof *e->pass);
    e->expect = mem_array(n, sizeof *e->expect);
    int r = e->pass && e->expect ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (; e->nworkers < n && !r; e->nworkers++) {
        r = model_pass_init(&e->pass[e->nworkers], e->m, MAT_PANEL, false, err);
        e->expect[e->nworkers] = r ? NULL : expect_new(e->m, e->expect_noise, SCORE_DRAWS, err);
        r = r ? r : e->expect[e->nworkers] ? 0 : VAE_EOS;
    }
    return r;
}

struct explain *explain_new(const struct vae_model *m, struct scorer *scorer, size_t k, struct pool *pool, struct vae_err *err) {
    struct explain *e = mem_array(1, sizeof *e);
    size_t n;
    if (!e) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    *e = (struct explain){.m = m, .scorer = scorer, .pool = pool, .nitems = model_items(m, NULL),
                          .draws = (size_t)scorer_draws(scorer)};
    e->passes = m->neps ? e->draws : 1;
    e->k = k < e->nitems ? k : e->nitems;
    e->most = e->k + SUSPECTS < e->nitems ? e->k + SUSPECTS : e->nitems;
    e->item = mem_array(e->nitems, sizeof *e->item);
    e->noise = mem_mul(e->draws, m->neps, &n) ? mem_floats(n) : NULL;
    e->expect_noise = mem_floats(SCORE_DRAWS * m->neps);
    if (e->item && e->noise && e->expect_noise) {
        model_items(m, e->item);
        score_noise(e->expect_noise, SCORE_DRAWS, m->neps, true);
        score_noise(e->noise, e->draws, m->neps, scorer_by(scorer) != VAE_BY_IW);
        bool own = scorer_by(scorer) == VAE_BY_NEAR || scorer_by(scorer) == VAE_BY_DENOISE;
        e->bound = own ? scorer_new(m, VAE_BY_ELBO, SCORE_ONLY, 0, pool, err) : NULL;
        if ((e->bound || !own) && !reserve(e, err) && !workers(e, err))
            return e;
    } else {
        err_set(err, VAE_EOS, "out of memory for %zu columns", e->nitems);
    }
    explain_free(e);
    return NULL;
}

void explain_free(struct explain *e) {
    if (!e)
        return;
    for (size_t i = 0; i < e->nworkers; i++) {
        model_pass_free(&e->pass[i]);
        expect_free(e->expect[i]);
    }
    free(e->pass), free(e->expect), free(e->noise), free(e->expect_noise), free(e->item), free(e->share), free(e->excess);
    free(e->pair), free(e->put_right), free(e->expected), free(e->parts), free(e->all), free(e->row_bound), free(e->bounds);
    scorer_free(e->bound);
    free(e);
}

enum vae_by explain_by(const struct explain *e) { return scorer_by(e->scorer); }
size_t explain_count(const struct explain *e) { return e->k; }
const struct model_item *explain_items(const struct explain *e) { return e->item; }

/* ---- terms of -ELBO -------------------------------------------------------------------------------------- */

/* -log p(x_j | z) of a decoded panel in input units, added to nll; above[i] += by how much it is more than at the mean. */
static void add_value(const struct explain *e, struct model_pass *p, size_t j, double *nll, double *above) {
    const struct vae_model *m = e->m;
    struct lik_block b = model_value_block(m, j);
    const float *o = model_o(p) + b.o0 * p->ld, *x = p->x + j * p->ld;
    float mean[MAT_PANEL];
    double own[MAT_PANEL] = {0}, least[MAT_PANEL] = {0};
    b.lik->nll(&b, x, o, m->w + b.w0, own, NULL, 0, MAT_PANEL, p->ld);
    b.lik->mean(&b, o, m->w + b.w0, mean, MAT_PANEL, p->ld);
    b.lik->nll(&b, mean, o, m->w + b.w0, least, NULL, 0, MAT_PANEL, MAT_PANEL);
    double jacobian = b.cells || b.lik->mass ? 0 : log(m->schema->scale[j]);
    for (size_t i = 0; i < MAT_PANEL; i++) {
        bool there = !isnan(x[i]);
        nll[i] += (there ? own[i] + jacobian : 0) / (double)e->passes;
        above[i] += (there ? own[i] - least[i] : 0) / (double)e->passes;
    }
}

/* How far out a value is in the marginal: nats above the least. */
static double far_out(const struct explain *e, size_t j, float x) {
    const struct schema *s = e->m->schema;
    const struct cells *c = &s->cells[j];
    if (isnan(x))
        return 0;
    if (!c->n) {
        double z = s->stats.sd[j] > 0 ? (schema_raw(s, j, x) - s->stats.mean[j]) / s->stats.sd[j] : 0;
        return 0.5 * z * z;
    }
    double top = 0, own = c->share[c->level[cells_at(c, x)]], rare = 0.5 / (double)(s->rows + 1);
    for (size_t l = 0; l < c->nlevels; l++)
        top = c->share[l] > top ? c->share[l] : top;
    return log((top > rare ? top : rare) / (own > rare ? own : rare));
}

static void share_task(void *ctx, size_t task, size_t worker) {
    struct explain *e = ctx;
    size_t first = task * MAT_PANEL, n = e->n - first < MAT_PANEL ? e->n - first : MAT_PANEL, k = e->m->neps;
    struct model_pass *p = &e->pass[worker];
    double nll[MAT_PANEL], above[MAT_PANEL];
    op_encode_panel(e->m, p, e->x, e->row + first, n);
    memset(e->share + first * e->nitems, 0, n * e->nitems * sizeof *e->share);
    memset(e->excess + first * e->nitems, 0, n * e->nitems * sizeof *e->excess);
    for (size_t a = 0; a < e->passes; a++) {
        for (size_t j = 0; j < k; j++)
            for (size_t i = 0; i < MAT_PANEL; i++)
                p->eps[j * p->ld + i] = e->noise[a * k + j];
        bottleneck_draw(e->m, e->m->w, p, 0, MAT_PANEL);
        model_decode(e->m, e->m->w, p, 0, MAT_PANEL);
        for (size_t t = 0; t < e->nitems; t++) {
            memset(nll, 0, sizeof nll), memset(above, 0, sizeof above);
            for (size_t j = e->item[t].v0; j < e->item[t].v0 + e->item[t].width; j++)
                add_value(e, p, j, nll, above);
            for (size_t i = 0; i < n; i++) {
                e->share[(first + i) * e->nitems + t] += nll[i];
                e->excess[(first + i) * e->nitems + t] += above[i];
            }
        }
    }
    for (size_t t = 0; t < e->nitems; t++)
        for (size_t i = 0; i < n; i++) {
            double out = 0, *at = &e->excess[(first + i) * e->nitems + t];
            for (size_t j = e->item[t].v0; j < e->item[t].v0 + e->item[t].width; j++)
                out += far_out(e, j, p->x[j * p->ld + i]);
            *at = isnan(p->x[e->item[t].v0 * p->ld + i]) ? -INFINITY : !(*at >= out) ? out : *at;
        }
}

/* ---- columns put right ----------------------------------------------------------------------------------- */

/* The suspects of every record: the pairs. What is missing is none. */
static void suspect(struct explain *e) {
    e->npairs = 0;
    for (size_t i = 0; i < e->n; i++) {
        double *excess = e->excess + i * e->nitems;
        for (size_t c = 0; c < e->most; c++) {
            size_t top = 0;
            for (size_t t = 1; t < e->nitems; t++)
                top = excess[t] > excess[top] ? t : top;
            if (!(excess[top] > -INFINITY))
                break;
            excess[top] = -INFINITY;
            e->pair[e->npairs++] = (struct pair){i, top};
        }
    }
}

static void expect_task(void *ctx, size_t task, size_t worker) {
    struct explain *e = ctx;
    size_t first = task * MAT_PANEL, n = e->npairs - first < MAT_PANEL ? e->npairs - first : MAT_PANEL, d = e->m->schema->d;
    const struct model_item *item[MAT_PANEL] = {NULL};
    uint64_t rows[MAT_PANEL] = {0};
    for (size_t i = 0; i < n; i++) {
        item[i] = &e->item[e->pair[first + i].item];
        rows[i] = e->row[e->pair[first + i].row];
    }
    expect_run(e->expect[worker], &e->pass[worker], e->x, rows, item, n, e->expected + first);
    for (size_t i = 0; i < n; i++) {
        float *to = e->put_right + (first + i) * d;
        memcpy(to, e->x + rows[i] * d, d * sizeof *to);
        memcpy(to + item[i]->v0, e->expected[first + i].x, item[i]->width * sizeof *to);
    }
}

static int by_drop(const void *a, const void *b) {
    const struct explain_why *x = a, *y = b;
    if (x->drop > y->drop || x->drop < y->drop)
        return x->drop > y->drop ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* The bound on -log p that columns are ranked by. */
static double bound(const struct explain *e, const struct score_parts *p) {
    return scorer_by(e->scorer) == VAE_BY_IW ? -p->iw : -p->elbo;
}

/* Of record i, whose pairs begin at *at: the k largest drops. */
static void rank(const struct explain *e, size_t i, size_t *at, const struct score_parts *parts, struct explain_why *why) {
    const struct score_parts *bounds = e->bound ? e->bounds : e->parts;
    double score = score_by(parts, scorer_by(e->scorer)), from = bound(e, e->bound ? &e->row_bound[i] : parts);
    struct explain_why *all = e->all;
    size_t n = 0;
    for (; *at < e->npairs && e->pair[*at].row == i; ++*at) {
        double drop = from - bound(e, &bounds[*at]), share = score - score_by(&e->parts[*at], scorer_by(e->scorer));
        size_t item = e->pair[*at].item;
        bool own = scorer_by(e->scorer) == VAE_BY_ELBO;
        struct explain_why one = {item, e->expected[*at], isnan(drop) ? 0 : drop, own ? e->share[i * e->nitems + item] : share};
        all[n++] = one;
    }
    qsort(all, n, sizeof *all, by_drop);
    for (size_t c = 0; c < e->k; c++)
        why[c] = c < n ? all[c] : (struct explain_why){.item = SIZE_MAX};
}

void explain_run(struct explain *e, const float *x, const uint64_t *rows, size_t n, const struct score_parts *parts,
                 struct explain_why *why) {
    e->x = x;
    for (size_t from = 0; from < n; from += e->n) {
        size_t at = 0;
        e->n = n - from < e->rows ? n - from : e->rows;
        e->row = rows + from;
        pool_run(e->pool, (e->n + MAT_PANEL - 1) / MAT_PANEL, share_task, e);
        suspect(e);
        pool_run(e->pool, (e->npairs + MAT_PANEL - 1) / MAT_PANEL, expect_task, e);
        scorer_run(e->scorer, e->put_right, NULL, e->npairs, e->parts);
        if (e->bound) {
            scorer_run(e->bound, e->put_right, NULL, e->npairs, e->bounds);
            scorer_run(e->bound, x, e->row, e->n, e->row_bound);
        }
        for (size_t i = 0; i < e->n; i++)
            rank(e, i, &at, &parts[e->row[i]], why + (from + i) * e->k);
    }
}
