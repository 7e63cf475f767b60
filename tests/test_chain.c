/*
 * A decoder that sees columns: a proper distribution, drawn from as it scores, with or without conditions; and its gradient
 * under the masks of training.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mat.h"
#include "base/rng.h"
#include "draws.h"
#include "gen/gen.h"
#include "test.h"

enum { COLS = 3, LEVELS = 3, CELLS = 4, LATENTS = 2, ALL = 27 };

/* Three columns: a category, an ordered one, and numbers in four cells of which two share a level. */
static struct schema *small_schema(void) {
    struct vae_err err = {0};
    struct vae_head *h = rec_head_new("data", &err);
    for (size_t c = 0; c < COLS; c++) {
        char name[8];
        snprintf(name, sizeof name, "c%zu", c);
        rec_head_add(h, name, REC_F64, 0, NULL, &err);
    }
    struct schema *s = schema_new(h, &err);
    for (size_t c = 0; c < COLS; c++) {
        struct cells *k = &s->cells[c];
        size_t n = c == 2 ? CELLS : LEVELS;
        CHECK(!cells_new(k, n, &err), "%s", err.msg);
        k->nlevels = LEVELS;
        for (size_t i = 0; i < n; i++) {
            k->level[i] = (uint32_t)(i < LEVELS ? i : LEVELS - 1);
            k->low[i] = (double)i, k->high[i] = (double)i;
            k->weight[i] = n == CELLS && i >= 2 ? 0.5 : 1;
        }
        for (size_t l = 0; l < LEVELS; l++)
            k->share[l] = 1.0 / LEVELS;
        cells_finish(k, 0, 0.1);
        s->col[c].kind = c == 0 ? SCHEMA_CATEGORY : SCHEMA_NUMBER;
        snprintf(s->col[c].lik, sizeof s->col[c].lik, "%s", c == 0 ? "categorical" : "binned");
        s->scale[c] = 1;
    }
    rec_head_free(h);
    return s;
}

static struct vae_model *small_model(void) {
    static const size_t hidden = 8;
    struct vae_err err = {0};
    struct model_config c = {.latent_dim = LATENTS, .latent = &latent_gauss, .act = &nn_silu, .residual = true, .nhidden = 1,
                             .lik = &lik_gaussian, .masks = true, .chain = true};
    c.hidden[0] = hidden;
    struct vae_model *m = model_new(&c, small_schema(), &err);
    CHECK(m != NULL, "%s", err.msg);
    float *e = mem_floats(m->nw);
    rng_normals(e, m->nw, 1, 1, 5, RNG_TEST, 0, NULL, 0);
    for (size_t i = 0; i < m->nw; i++)
        m->w[i] = 0.2f * e[i];
    free(e);
    return m;
}

/* Table `number` of COLS base-LEVELS digits as x; the last level of column 2 is its first cell. */
static void record(size_t number, struct model_pass *p, size_t i) {
    for (size_t c = 0; c < COLS; c++, number /= LEVELS)
        p->x[c * p->ld + i] = (float)(number % LEVELS) + 0.5f;
}

static void set_z(struct model_pass *p) {
    for (size_t i = 0; i < MAT_PANEL; i++)
        model_z(p)[i] = 0.3f, model_z(p)[p->ld + i] = -0.8f;
}

/* p(x|z) of all tables; column 2's last level by its first cell, half of it. */
static void probabilities(const struct vae_model *m, struct model_pass *p, double *prob) {
    set_z(p);
    chain_z_off(m, p, 0, MAT_PANEL, false);
    for (size_t at = 0; at < ALL; at += MAT_PANEL) {
        for (size_t i = 0; i < MAT_PANEL; i++)
            record((at + i) % ALL, p, i);
        chain_nll(m, m->w, p, 0, MAT_PANEL);
        for (size_t i = 0; i < MAT_PANEL && at + i < ALL; i++)
            prob[at + i] = exp(-p->nll[i]) * ((at + i) / 9 == 2 ? 2 : 1);
    }
}

static size_t number_of(const struct vae_model *m, const struct model_pass *p, size_t i) {
    size_t n = 0;
    for (size_t c = COLS; c-- > 0;)
        n = n * LEVELS + m->schema->cells[c].level[cells_at(&m->schema->cells[c], p->x[c * p->ld + i])];
    return n;
}

static void test_distribution(const struct vae_model *m, struct model_pass *p) {
    double prob[ALL], sum = 0, once = 0, chi = 0;
    probabilities(m, p, prob);
    for (size_t i = 0; i < ALL; i++)
        sum += prob[i];
    CHECK(fabs(sum - 1) < 1e-4, "the probabilities of all tables add up to %.6f", sum);

    enum { PANELS = 4000 };
    size_t count[ALL] = {0};
    struct gen_where where;
    CHECK(!gen_where_parse(&where, m, 1, NULL, 0, NULL), "no conditions");
    for (size_t a = 0; a < PANELS; a++) {
        struct gen_key key = {.seed = 3};
        for (size_t i = 0; i < MAT_PANEL; i++)
            key.rows[i] = a * MAT_PANEL + i;
        set_z(p);
        gen_see_none(m, p);
        gen_fill(m, p, &where, 0, where.ncols, &key, NULL);
        for (size_t i = 0; i < MAT_PANEL; i++)
            count[number_of(m, p, i)]++;
    }
    for (size_t i = 0; i < ALL; i++) {
        double want = prob[i] * PANELS * MAT_PANEL, t = (double)count[i] - want;
        chi += t * t / want;
    }
    CHECK(chi < 60, "draws do not follow p(x|z): chi-square %.1f with 26 degrees of freedom", chi);
    gen_where_free(&where);

    /* the one-group estimate is unbiased: over many record numbers it has the same mean */
    set_z(p);
    chain_z_off(m, p, 0, MAT_PANEL, false);
    for (size_t i = 0; i < MAT_PANEL; i++)
        record(11, p, i);
    for (size_t a = 0; a < 500; a++) {
        uint64_t rows[MAT_PANEL];
        for (size_t i = 0; i < MAT_PANEL; i++)
            rows[i] = a * MAT_PANEL + i;
        chain_nll_once(m, m->w, p, 0, MAT_PANEL, rows);
        for (size_t i = 0; i < MAT_PANEL; i++)
            once += p->nll[i] / (500 * MAT_PANEL);
    }
    CHECK(fabs(once + log(prob[11])) < 0.1, "one group a record: %.4f, whole chain: %.4f", once, -log(prob[11]));
}

/* P(condition | z) from the weights, and draws that meet it in the right shares. */
static void test_condition(const struct vae_model *m, struct model_pass *p) {
    static char text[] = "c2>=1,c1=0";
    char *conditions[] = {text};
    double prob[ALL], inside = 0, weight = 0, chi = 0, shares[ALL] = {0};
    struct gen_where where;
    struct vae_err err = {0};
    probabilities(m, p, prob);
    CHECK(!gen_where_parse(&where, m, 1, conditions, 1, &err), "%s", err.msg);
    CHECK(where.nfirst == 2 && where.order[2] == 0, "columns with conditions come first");
    for (size_t i = 0; i < ALL; i++)
        inside += i / 9 >= 1 && i / 3 % 3 == 0 ? prob[i] : 0;
    enum { PANELS = 4000 };
    size_t outside = 0;
    for (size_t a = 0; a < PANELS; a++) {
        struct gen_key key = {.seed = 4};
        double logw[MAT_PANEL] = {0};
        for (size_t i = 0; i < MAT_PANEL; i++)
            key.rows[i] = a * MAT_PANEL + i;
        set_z(p);
        gen_see_none(m, p);
        gen_fill(m, p, &where, 0, where.ncols, &key, logw);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            size_t n = number_of(m, p, i);
            outside += !(n / 9 >= 1 && n / 3 % 3 == 0);
            weight += exp(logw[i]) / (PANELS * MAT_PANEL);
            shares[n] += exp(logw[i]) / (PANELS * MAT_PANEL);
        }
    }
    CHECK(outside == 0, "%zu draws do not meet the condition", outside);
    /* the conditioned columns are drawn in another order than the chain's: the model knows any order only as well as it
     * was trained, so no more than the size can be asked of random weights */
    CHECK(weight > 0.1 * inside && weight < 10 * inside, "weights %.4f, probability %.4f", weight, inside);
    (void)chi;
    gen_where_free(&where);
}

/* d/dw of scale * sum(nll + guides + beta KL) under the masks of a step, by central differences of the loss. */
static double loss(const struct vae_model *m, const float *w, struct model_pass *p, const float *x, const uint64_t *rows) {
    const struct model_objective obj = {.scale = 1.0f / MAT_SHARD, .beta = 0.7f};
    const struct nn_noise noise = {1, 9, rows};
    double sum = 0;
    model_load_masked(m, p, 0, MAT_SHARD, x, rows, 1, 9);
    rng_normals(p->eps, LATENTS, MAT_SHARD, p->ld, 1, RNG_LATENT, 9, rows, 0);
    model_train_shard(m, w, p, 0, MAT_SHARD, &obj, &noise);
    for (size_t i = 0; i < MAT_SHARD; i++)
        sum += (p->nll[i] + 0.7 * p->kl[i]) / MAT_SHARD;
    for (size_t k = 0; k < m->nblocks; k++) {
        const struct lik_block *b = &m->block[k];
        double guide[MAT_SHARD] = {0};
        float *d = mem_floats(b->no * p->ld);
        if (b->lik->guide)
            b->lik->guide(b, p->target + b->x0 * p->ld, model_o(p) + b->o0 * p->ld, guide, d, 1, MAT_SHARD, p->ld);
        for (size_t i = 0; i < MAT_SHARD; i++)
            sum += guide[i] / MAT_SHARD;
        free(d);
    }
    return sum;
}

static void test_gradient(struct vae_model *m) {
    struct model_pass p;
    struct vae_err err = {0};
    CHECK(!model_pass_init(&p, m, MAT_SHARD, true, &err), "%s", err.msg);
    float x[MAT_SHARD * COLS], *dw = mem_floats(m->nw), *w = mem_floats(m->nw);
    uint64_t rows[MAT_SHARD];
    for (size_t i = 0; i < MAT_SHARD; i++) {
        rows[i] = i;
        for (size_t c = 0; c < COLS; c++)
            x[i * COLS + c] = (float)((i * 7 + c * 5 + i / 9) % (c == 2 ? CELLS : LEVELS)) + 0.5f;
    }
    x[5] = NAN; /* a missing cell */
    loss(m, m->w, &p, x, rows);
    for (size_t t = 0; t < model_grad_tasks(m); t++)
        model_grad(m, m->w, &p, t, MAT_SHARD, 1.0f / MAT_SHARD, dw);
    size_t off = 0, seen = 0, target = 0;
    for (size_t i = 0; i < MAT_SHARD; i++) {
        off += p.dec.act[0][LATENTS * p.ld + i] > 0;
        for (size_t c = 0; c < COLS; c++)
            seen += isnan(p.seen[c * p.ld + i]) ? 0 : 1, target += isnan(p.target[c * p.ld + i]) ? 0 : 1;
    }
    CHECK(off > 2 && off < MAT_SHARD / 2 && seen > 20 && target > 60, "masks: z off %zu, seen %zu, target %zu", off, seen,
          target);
    double worst = 0;
    for (size_t i = 0; i < m->nw; i += 3) {
        const float h = 5e-3f;
        memcpy(w, m->w, m->nw * sizeof *w);
        w[i] = m->w[i] + h;
        double up = loss(m, w, &p, x, rows);
        w[i] = m->w[i] - h;
        double d = (up - loss(m, w, &p, x, rows)) / (2 * (double)h), t = fabs(d - (double)dw[i]) / (0.02 + fabs(d));
        worst = t > worst ? t : worst;
    }
    CHECK(worst < 0.05, "gradient under masks is off by %.3f of itself", worst);
    model_pass_free(&p);
    free(dw), free(w);
}

/* Masks and what is seen are one for all draws of a record; where latents are switched off they are so in all, and not moved. */
static void test_draws(const struct vae_model *m) {
    struct model_pass p[2];
    float x[MAT_SHARD * COLS];
    uint64_t rows[MAT_SHARD];
    size_t blind = 0;
    for (size_t i = 0; i < MAT_SHARD; i++) {
        rows[i] = 3 * i % MAT_SHARD;
        for (size_t c = 0; c < COLS; c++)
            x[i * COLS + c] = (float)((i * 5 + c * 3 + i / 7) % (c == 2 ? CELLS : LEVELS)) + 0.5f;
    }
    draws_equal(m, x, rows, MAT_SHARD, p, "chain");
    for (size_t i = 0; i < MAT_SHARD; i++) {
        if (!(p[1].dec.act[0][LATENTS * p[1].ld + i] > 0))
            continue;
        blind++;
        for (size_t k = 0; k < DRAWS; k++)
            for (size_t j = 0; j < LATENTS; j++)
                CHECK(p[1].dec.act[0][j * p[1].ld + k * MAT_SHARD + i] == 0, "draw %zu of record %zu has latents", k, i);
        for (size_t j = 0; j < 2 * LATENTS; j++)
            CHECK(p[1].enc.grad[p[1].enc.n][j * p[1].ld + i] == 0, "record %zu moves latents that nobody saw", i);
    }
    CHECK(blind > 2, "no latents are switched off");
    model_pass_free(&p[0]), model_pass_free(&p[1]);
}

int main(void) {
    struct vae_err err = {0};
    struct model_pass p;
    CHECK(!mat_open(&err), "%s", err.msg);
    struct vae_model *m = small_model();
    CHECK(!model_pass_init(&p, m, MAT_PANEL, false, &err), "%s", err.msg);
    test_distribution(m, &p);
    test_condition(m, &p);
    test_gradient(m);
    test_draws(m);
    model_pass_free(&p);
    vae_model_free(m);
    return test_done();
}
