/*
 * expect.c - the mean and the spread of p(item | the others) under a model.
 *
 * A decoder that sees columns (chain.c) is asked directly, the latents switched off. An encoder that was trained with masks
 * does not see the item: E[x] and Var[x] over draws of q(z | the others).
 *
 * Any other encoder must be shown something. Levels are shown as their shares in the training rows. A number is shown as x, and
 * with f(x) the mean that the decoder gives back, x := f(x) is what filling a gap by turns comes to (Rezende et al. 2014,
 * 1401.4082, appendix F). It starts from the marginal mean, and as it is slow where an item has much of a latent to itself, goes
 * by the secant of f (Aitken). Draws by turns,
 *
 *   x' = f(x) + e,   Var e = s^2 = E[Var(x|z)] + Var E[x|z],
 *
 * are near the fixed point autoregressive with the slope r of f, so that their stationary variance is s^2 / (1 - r^2): for a
 * linear model exactly Var(x | the others).
 */
#include "model/expect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"

enum { ROUNDS = 2 }; /* of the secant */
/* The secant is trusted up to this slope, the spread up to that; steps are in standard deviations. */
static const double SECANT_MOST = 0.8, SLOPE_MOST = 0.999, LEAST_STEP = 0.01, STEP = 0.25, DAY = 86400;

struct lane {
    const struct model_item *item;
    double x[ITEM_WIDTH];                     /* what is shown, model units; NaN: nothing, or shares */
    double mean[ITEM_WIDTH], var[ITEM_WIDTH]; /* what came back */
    double slope[ITEM_WIDTH];                 /* of f */
};

struct expect {
    const struct vae_model *m;
    const float *noise;
    size_t draws;
    size_t *block;   /* [d] which block a value is in */
    size_t nlevels;  /* the most of a value */
    float *p, *sum;  /* [ITEM_WIDTH,nlevels,MAT_PANEL] probabilities of levels by a draw, and over draws */
    struct lane lane[MAT_PANEL];
};

size_t model_items(const struct vae_model *m, struct model_item *item) {
    const struct schema *s = m->schema;
    size_t n = 0;
    for (size_t c = 0; c < s->ncols; c++) {
        size_t each = s->col[c].kind == SCHEMA_ARRAY ? 1 : s->col[c].width;
        for (size_t j = 0; j < s->col[c].width && !s->col[c].condition; j += each, n++)
            if (item)
                item[n] = (struct model_item){c, s->col[c].v0 + j, each};
    }
    return n;
}

struct lik_block model_value_block(const struct vae_model *m, size_t j) {
    size_t low = 0, high = m->nblocks; /* block[low] begins at or before j, block[high] behind it */
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (m->block[mid].x0 <= j)
            low = mid;
        else
            high = mid;
    }
    return lik_value(&m->block[low], j - m->block[low].x0);
}

struct expect *expect_new(const struct vae_model *m, const float *noise, size_t draws, struct vae_err *err) {
    struct expect *e = mem_array(1, sizeof *e);
    size_t n = 0;
    if (e) {
        *e = (struct expect){.m = m, .noise = noise, .draws = draws};
        for (size_t j = 0; j < m->schema->d; j++)
            e->nlevels = m->schema->cells[j].nlevels > e->nlevels ? m->schema->cells[j].nlevels : e->nlevels;
        bool fits = mem_mul(e->nlevels + 1, ITEM_WIDTH * MAT_PANEL, &n);
        e->p = fits ? mem_floats(n) : NULL;
        e->sum = fits ? mem_floats(n) : NULL;
    }
    if (e && e->p && e->sum)
        return e;
    expect_free(e);
    err_set(err, VAE_EOS, "out of memory");
    return NULL;
}

void expect_free(struct expect *e) {
    if (!e)
        return;
    free(e->p), free(e->sum);
    free(e);
}

static const struct cells *cells_of(const struct expect *e, size_t j) {
    return e->m->schema->cells[j].n ? &e->m->schema->cells[j] : NULL;
}

/* Probabilities of value k of lane i, MAT_PANEL apart. */
static float *levels_of(float *p, const struct expect *e, size_t k, size_t i) {
    return p + k * e->nlevels * MAT_PANEL + i;
}

/* A value of j in model units. */
static double in_model(const struct expect *e, size_t j, double raw) {
    return (raw - e->m->schema->center[j]) / e->m->schema->scale[j];
}

/* The standard deviation of value j over the training rows, model units. */
static double unit(const struct expect *e, size_t j) {
    const struct schema *s = e->m->schema;
    return s->stats.sd[j] > 0 ? s->stats.sd[j] / s->scale[j] : 1;
}

static double within(double v, double low, double high) { return !(v > low) ? low : v > high ? high : v; }

/* x within what the training rows have. */
static double known(const struct expect *e, size_t j, double x) {
    const struct schema *s = e->m->schema;
    return within(x, in_model(e, j, s->stats.low[j]), in_model(e, j, s->stats.high[j]));
}

/* Shows the encoder, or the decoder of a chain, the records as the lanes say. */
static void look(struct expect *e, struct model_pass *p) {
    const struct vae_model *m = e->m;
    for (size_t i = 0; i < MAT_PANEL; i++)
        for (size_t k = 0; k < e->lane[i].item->width; k++)
            p->x[(e->lane[i].item->v0 + k) * p->ld + i] = (float)e->lane[i].x[k];
    model_look(m, p, 0, MAT_PANEL);
    if (m->config.chain) {
        memcpy(p->seen, p->x, m->schema->d * p->ld * sizeof *p->x);
        chain_z_off(m, p, 0, MAT_PANEL, true);
        return;
    }
    for (size_t i = 0; i < MAT_PANEL && !m->config.masks; i++)
        for (size_t k = 0; k < e->lane[i].item->width; k++)
            if (cells_of(e, e->lane[i].item->v0 + k))
                model_marginal_features(m, e->lane[i].item->v0 + k, p->enc.act[0] + i, p->ld);
    nn_forward(&m->enc, m->w, &p->enc, 0, MAT_PANEL, NULL);
}

/* Decodes z; of each lane's item the mean and the variance, or where asked for the probabilities of the levels. */
static void decode(struct expect *e, struct model_pass *p, bool levels) {
    const struct vae_model *m = e->m;
    model_decode(m, m->w, p, 0, MAT_PANEL);
    for (size_t i = 0; i < MAT_PANEL; i++)
        for (size_t k = 0; k < e->lane[i].item->width; k++) {
            struct lik_block b = model_value_block(m, e->lane[i].item->v0 + k);
            const float *o = model_o(p) + b.o0 * p->ld + i, *theta = m->w + b.w0;
            float mean, sd;
            if (b.cells && levels)
                b.lik->levels(&b, o, theta, levels_of(e->p, e, k, i), 1, p->ld);
            if (b.cells)
                continue;
            b.lik->mean(&b, o, theta, &mean, 1, p->ld);
            b.lik->sd(&b, o, theta, &sd, 1, p->ld);
            e->lane[i].mean[k] = (double)mean, e->lane[i].var[k] = (double)sd * (double)sd;
        }
}

/* Every value of every lane that is a plain number. */
#define EACH_NUMBER(e, l, j)                                                                                           \
    for (struct lane *l = (e)->lane; l < (e)->lane + MAT_PANEL; l++)                                                   \
        for (size_t k = 0, j = l->item->v0; k < l->item->width; k++, j++)                                              \
            if (!cells_of(e, j))

/* ---- an encoder that must be shown something --------------------------------------------------------------- */

static void turn(struct expect *e, struct model_pass *p) {
    look(e, p);
    bottleneck_mean(e->m, e->m->w, p, 0, MAT_PANEL);
    decode(e, p, false);
}

/* What is shown becomes what comes back; and the slope of f there. */
static void settle(struct expect *e, struct model_pass *p) {
    double was[MAT_PANEL][ITEM_WIDTH], step[MAT_PANEL][ITEM_WIDTH];
    for (int round = 0; round < ROUNDS; round++) {
        turn(e, p);
        EACH_NUMBER(e, l, j) {
            was[l - e->lane][k] = l->x[k];
            l->x[k] = known(e, j, l->mean[k]);
            step[l - e->lane][k] = l->x[k] - was[l - e->lane][k];
        }
        turn(e, p);
        EACH_NUMBER(e, l, j) {
            double first = step[l - e->lane][k];
            bool there = fabs(first) < LEAST_STEP * unit(e, j);
            l->slope[k] = there ? 0 : within((l->mean[k] - l->x[k]) / first, 0, SECANT_MOST);
            l->x[k] = known(e, j, was[l - e->lane][k] + first / (1 - l->slope[k]));
        }
    }
    turn(e, p);
    EACH_NUMBER(e, l, j) {
        was[l - e->lane][k] = known(e, j, l->x[k] + (l->mean[k] - l->x[k]) / (1 - l->slope[k]));
        l->x[k] = was[l - e->lane][k] + STEP * unit(e, j);
    }
    turn(e, p);
    EACH_NUMBER(e, l, j) {
        step[l - e->lane][k] = l->mean[k];
        l->x[k] = was[l - e->lane][k] - STEP * unit(e, j);
    }
    turn(e, p);
    EACH_NUMBER(e, l, j) {
        l->slope[k] = within((step[l - e->lane][k] - l->mean[k]) / (2 * STEP * unit(e, j)), 0, SLOPE_MOST);
        l->x[k] = was[l - e->lane][k];
    }
}

/* ---- what comes of it -------------------------------------------------------------------------------------- */

/* The moments over draws of z: mean and var of the lanes, sum of the levels. */
static void average(struct expect *e, struct model_pass *p) {
    double mean[MAT_PANEL][ITEM_WIDTH] = {{0}}, square[MAT_PANEL][ITEM_WIDTH] = {{0}}, var[MAT_PANEL][ITEM_WIDTH] = {{0}};
    size_t neps = e->m->neps, levels = ITEM_WIDTH * e->nlevels * MAT_PANEL;
    size_t draws = e->m->config.chain || !neps ? 1 : e->draws;
    memset(e->sum, 0, levels * sizeof *e->sum);
    for (size_t a = 0; a < draws; a++) {
        for (size_t j = 0; j < neps; j++)
            for (size_t i = 0; i < MAT_PANEL; i++)
                p->eps[j * p->ld + i] = e->noise[a * neps + j];
        if (!e->m->config.chain)
            bottleneck_draw(e->m, e->m->w, p, 0, MAT_PANEL);
        decode(e, p, true);
        EACH_NUMBER(e, l, j) {
            mean[l - e->lane][k] += l->mean[k] / (double)draws;
            square[l - e->lane][k] += l->mean[k] * l->mean[k] / (double)draws;
            var[l - e->lane][k] += l->var[k] / (double)draws;
        }
        for (size_t l = 0; l < levels; l++)
            e->sum[l] += e->p[l] / (float)draws;
    }
    EACH_NUMBER(e, l, j) {
        double m = mean[l - e->lane][k];
        l->mean[k] = m;
        l->var[k] = var[l - e->lane][k] + fmax(square[l - e->lane][k] - m * m, 0);
    }
}

/* Value k of lane i over cells: a level and its probability, or the median and the variance. Blank is out of the question. */
static double read_cells(const struct expect *e, size_t i, size_t k, float *x) {
    size_t j = e->lane[i].item->v0 + k, best = 0;
    const struct cells *c = cells_of(e, j);
    const float *p = levels_of(e->sum, e, k, i);
    size_t n = c->n - (c->blank && c->n > 1);
    bool number = e->m->feature[j].value;
    double all = 0, sum = 0, mean = 0, square = 0, most = -1;
    for (size_t at = 0; at < n; at++)
        all += (double)p[c->level[at] * MAT_PANEL] * c->weight[at];
    all = all > 0 ? all : 1;
    for (size_t at = 0; at < n; at++) {
        double share = (double)p[c->level[at] * MAT_PANEL] * c->weight[at] / all, width = c->high[at] - c->low[at];
        mean += share * c->value[at], square += share * (c->value[at] * c->value[at] + width * width / 12);
        if (number ? sum < 0.5 : share > most)
            best = at, most = share;
        sum += share;
    }
    *x = (float)best + 0.5f;
    return number ? fmax(square - mean * mean, 0) : most;
}

/* A plain number, and its variance in input units: within what the training rows have, and no more than theirs. */
static double read_number(const struct expect *e, size_t i, size_t k, float *x) {
    const struct schema *s = e->m->schema;
    const struct lane *l = &e->lane[i];
    size_t j = l->item->v0 + k;
    double sd = unit(e, j), var = l->var[k] / (1 - l->slope[k] * l->slope[k]);
    *x = (float)known(e, j, isnan(l->x[k]) ? l->mean[k] : l->x[k]);
    return fmin(var, sd * sd) * s->scale[j] * s->scale[j];
}

static void read_lane(const struct expect *e, size_t i, struct expected *out) {
    size_t width = e->lane[i].item->width;
    double var = 0;
    for (size_t k = 0; k < width; k++) {
        size_t j = e->lane[i].item->v0 + k;
        double own = (cells_of(e, j) ? read_cells : read_number)(e, i, k, &out->x[k]);
        if (cells_of(e, j) && !e->m->feature[j].value) {
            out->spread = own;
            return;
        }
        var += own * (width > 1 && k == 0 ? DAY * DAY : 1);
    }
    out->spread = sqrt(var);
}

void expect_run(struct expect *e, struct model_pass *p, const float *x, const uint64_t *rows,
                const struct model_item *const *item, size_t n, struct expected *out) {
    uint64_t panel[MAT_PANEL]; /* always full: the last one stands in for those that are not there */
    bool masks = e->m->config.masks;
    for (size_t i = 0; i < MAT_PANEL; i++) {
        struct lane *l = &e->lane[i];
        *l = (struct lane){.item = item[i < n ? i : n - 1]};
        panel[i] = rows[i < n ? i : n - 1];
        for (size_t k = 0; k < l->item->width; k++) {
            size_t j = l->item->v0 + k;
            l->x[k] = masks || cells_of(e, j) ? NAN : in_model(e, j, e->m->schema->stats.mean[j]);
        }
    }
    model_load_rows(e->m, p, 0, MAT_PANEL, x, panel);
    if (!masks)
        settle(e, p);
    look(e, p);
    average(e, p);
    for (size_t i = 0; i < n; i++)
        read_lane(e, i, &out[i]);
}
