/*
 * test_condition.c - columns that a model is told: where their features stand, how often they are dropped, the gradient with
 * them, what new records are told, and guidance.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "draws.h"
#include "fit/fit.h"
#include "gen/gen.h"
#include "test.h"

enum { COLS = 4, ROWS = 60, LEVELS = 3 };

/* Columns: a number, a condition of three levels, a number, a condition that is a number. */
static double *table(void) {
    double *raw = mem_array(ROWS * COLS, sizeof *raw);
    float e[3];
    for (size_t i = 0; i < ROWS; i++) {
        rng_normals(e, 3, 1, 1, 3, RNG_TEST, 0, NULL, i);
        double label = (double)(i % LEVELS);
        double row[COLS] = {label + (double)e[0], label, (double)e[1] - label, 10 * label + (double)e[2]};
        memcpy(raw + i * COLS, row, sizeof row);
    }
    return raw;
}

static struct schema *schema(const double *raw) {
    struct vae_err err = {0};
    struct vae_head *h = rec_head_new("data", &err);
    uint64_t rows[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = i;
    for (size_t c = 0; c < COLS; c++) {
        char name[8];
        snprintf(name, sizeof name, "c%zu", c);
        rec_head_add(h, name, REC_F64, 0, NULL, &err);
    }
    struct schema *s = schema_new(h, &err);
    s->col[1].condition = s->col[3].condition = true;
    s->col[1].transform = s->col[3].transform = &schema_bins;
    CHECK(!schema_learn(s, raw, rows, ROWS, 8, &err), "%s", err.msg);
    rec_head_free(h);
    return s;
}

static struct vae_model *model(const double *raw, bool chain, bool residual) {
    struct vae_err err = {0};
    struct model_config c = {.latent_dim = 2, .latent = &latent_gauss, .act = &nn_silu, .residual = residual, .nhidden = 2,
                             .hidden = {6, 6}, .lik = &lik_gaussian, .masks = chain, .chain = chain};
    struct vae_model *m = model_new(&c, schema(raw), &err);
    CHECK(m != NULL, "%s", err.msg);
    model_marginals(m);
    float *e = mem_floats(m->nw);
    rng_normals(e, m->nw, 1, 1, 5, RNG_TEST, 0, NULL, 0);
    for (size_t i = 0; i < m->nw; i++)
        m->w[i] = 0.3f * e[i];
    free(e);
    return m;
}

static float *rows_of(const struct vae_model *m, const double *raw) {
    float *x = mem_floats(ROWS * COLS);
    schema_to_model(m->schema, raw, NULL, ROWS, x);
    return x;
}

static void test_features(const struct vae_model *m, const float *x) {
    struct model_pass p;
    CHECK(!model_pass_init(&p, m, ROWS, false, NULL), "no pass");
    CHECK(m->ncond > 0 && m->conditions.width == 2 && m->conditions.value[0] == 1 && m->conditions.value[1] == 3,
          "which values are conditions");
    model_load_rows(m, &p, 0, ROWS, x, NULL);
    chain_look(m, &p, 0, ROWS);
    const float *enc = p.enc.act[0] + (m->nfeature - m->ncond) * ROWS;
    const float *dec = p.dec.act[0] + (nn_in(&m->dec) - m->ncond) * ROWS;
    CHECK(!memcmp(enc, dec, m->ncond * ROWS * sizeof *enc), "the decoder is told something else than the encoder");
    bool differ = false;
    for (size_t f = 0; f < m->ncond; f++)
        differ = differ || enc[f * ROWS] < enc[f * ROWS + 1] || enc[f * ROWS] > enc[f * ROWS + 1];
    CHECK(differ, "two levels look alike");
    for (size_t b = 0; b < m->nblocks; b++)
        for (size_t j = m->block[b].x0; j < m->block[b].x0 + m->block[b].nx; j++)
            CHECK(j == 0 || j == 2, "value %zu is explained", j);
    model_pass_free(&p);
}

/* All conditions are gone from a tenth of the records, one of two from a twentieth each, beside those. */
static void test_drop(const struct vae_model *m, const float *x) {
    enum { N = 20000 };
    struct model_pass p;
    size_t gone[4] = {0};
    static uint64_t rows[N];
    CHECK(!model_pass_init(&p, m, N, false, NULL), "no pass");
    for (size_t i = 0; i < N; i++) {
        rows[i] = i;
        for (size_t j = 0; j < COLS; j++)
            p.x[j * N + i] = x[j];
    }
    condition_drop(m, &p, 0, N / 2, 7, 3, rows);
    condition_drop(m, &p, N / 2, N / 2, 7, 3, rows + N / 2);
    for (size_t i = 0; i < N; i++) {
        gone[2 * isnan(p.x[N + i]) + isnan(p.x[3 * N + i])]++;
        CHECK(!isnan(p.x[i]) && !isnan(p.x[2 * N + i]), "a column that is no condition is dropped");
    }
    static const double share[4] = {0.825, 0.025, 0.025, 0.125};
    for (size_t k = 0; k < 4; k++)
        CHECK(fabs((double)gone[k] / N - share[k]) < 0.01, "case %zu: %g of the records, not %g", k, (double)gone[k] / N,
              share[k]);
    model_pass_free(&p);
}

/* A single condition of two values is one column, and dropped from a tenth of the records. */
static void test_drop_wide(void) {
    enum { N = 20000, WIDE = 3 };
    const size_t width = WIDE - 1;
    struct vae_err err = {0};
    struct vae_head *h = rec_head_new("data", &err);
    rec_head_add(h, "x", REC_F64, 0, NULL, &err);
    rec_head_add(h, "c", REC_F64, 1, &width, &err);
    struct schema *s = schema_new(h, &err);
    rec_head_free(h);
    s->col[1].condition = true;
    double raw[ROWS * WIDE];
    static uint64_t rows[N];
    for (size_t i = 0; i < N; i++)
        rows[i] = i;
    for (size_t i = 0; i < ROWS * WIDE; i++)
        raw[i] = (double)(i % 7);
    CHECK(!schema_learn(s, raw, rows, ROWS, 8, &err), "%s", err.msg);
    const struct model_config c = {.latent_dim = 1, .latent = &latent_gauss, .act = &nn_silu, .lik = &lik_gaussian};
    struct vae_model *m = model_new(&c, s, &err);
    struct model_pass p;
    size_t gone = 0, half = 0;
    CHECK(m && !model_pass_init(&p, m, N, false, &err), "%s", err.msg);
    condition_drop(m, &p, 0, N, 7, 3, rows);
    for (size_t i = 0; i < N; i++) {
        gone += isnan(p.x[N + i]) != 0;
        half += (isnan(p.x[N + i]) != 0) != (isnan(p.x[2 * N + i]) != 0);
    }
    CHECK(half == 0 && fabs((double)gone / N - 0.1) < 0.01, "dropped from %g of the records, half from %zu",
          (double)gone / N, half);
    model_pass_free(&p);
    vae_model_free(m);
}

static double loss(const struct vae_model *m, const float *w, struct model_pass *p, const uint64_t *rows) {
    double sum = 0;
    model_bound(m, w, p, 0, ROWS, rows);
    for (size_t i = 0; i < ROWS; i++)
        sum += p->nll[i] + p->kl[i];
    return sum;
}

/* The gradient along random directions, against differences of the bound. */
static void test_gradient(const struct vae_model *m, const float *x, const char *what) {
    struct model_pass p;
    uint64_t rows[ROWS];
    const struct model_objective obj = {.scale = 1, .beta = 1};
    float *g = mem_floats(m->nw), *v = mem_floats(m->nw), *w = mem_floats(m->nw);
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = i;
    CHECK(!model_pass_init(&p, m, ROWS, true, NULL), "no pass");
    model_load_rows(m, &p, 0, ROWS, x, NULL);
    rng_normals(p.eps, m->neps, ROWS, ROWS, 4, RNG_TEST, 1, NULL, 0);
    const struct nn_noise none = {0, 0, rows};
    model_train_shard(m, m->w, &p, 0, ROWS, &obj, &none);
    for (size_t t = 0; t < model_grad_tasks(m); t++)
        model_grad(m, m->w, &p, t, ROWS, 1, g);
    for (uint64_t k = 0; k < 12; k++) {
        static const double h = 2e-3;
        double along = 0;
        rng_normals(v, m->nw, 1, 1, 6, RNG_TEST, k, NULL, 0);
        for (size_t i = 0; i < m->nw; i++)
            along += (double)g[i] * (double)v[i], w[i] = m->w[i] + (float)h * v[i];
        double up = loss(m, w, &p, rows);
        for (size_t i = 0; i < m->nw; i++)
            w[i] = m->w[i] - (float)h * v[i];
        double slope = (up - loss(m, w, &p, rows)) / (2 * h);
        CHECK(fabs(slope - along) < 0.01 * (fabs(along) + 20), "%s: slope %g along a direction, gradient %g", what, slope, along);
    }
    model_pass_free(&p);
    free(g), free(v), free(w);
}

/* Every draw of a record is told its conditions. */
static void test_draws(const struct vae_model *m, const float *x, const char *what) {
    struct model_pass p[2];
    uint64_t rows[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = i;
    draws_equal(m, x, rows, ROWS, p, what);
    model_pass_free(&p[0]), model_pass_free(&p[1]);
}

/* New records are told what training rows had; under --where, what those had that meet it; or what meets it. */
static void test_tell(struct vae_model *m, const float *x) {
    struct model_pass p;
    struct gen_where w;
    struct vae_err err = {0};
    struct gen_key key = {.seed = 3};
    size_t seen[LEVELS] = {0};
    CHECK(!condition_keep_rows(m, x, ROWS, &err) && m->conditions.n == ROWS, "%s", err.msg);
    CHECK(!model_pass_init(&p, m, MAT_PANEL, false, NULL), "no pass");
    static char level[] = "c1=2", both[] = "c1=1,c3>20", range[] = "c3>=9.5,c3<=10.5";
    char *where[] = {level, both, range};
    for (size_t k = 0; k < 4; k++) {
        CHECK(!gen_where_parse(&w, m, 1, k ? &where[k - 1] : NULL, k ? 1 : 0, &err), "%s", err.msg);
        CHECK(w.nfirst == 0 && w.norder == 2, "a condition is to be drawn");
        for (uint64_t row = 0; row < 40 * MAT_PANEL; row += MAT_PANEL) {
            for (uint64_t i = 0; i < MAT_PANEL; i++)
                key.rows[i] = row + i;
            gen_tell(m, &p, &w, &key, true);
            for (size_t i = 0; i < MAT_PANEL; i++) {
                double c1 = cells_value(&m->schema->cells[1], p.x[MAT_PANEL + i]);
                double c3 = cells_value(&m->schema->cells[3], p.x[3 * MAT_PANEL + i]);
                bool joint = fabs(c3 - 10 * c1) < 5;
                CHECK(k == 2 || joint, "c1 %g and c3 %g never stood together", c1, c3);
                CHECK(k != 1 || c1 == 2, "c1 is %g, not 2", c1);
                CHECK(k != 2 || (c1 == 1 && c3 > 20 - 1e-4), "nothing had c1 = 1 and c3 > 20: told %g and %g", c1, c3);
                CHECK(k != 3 || (c3 >= 9.5 - 1e-4 && c3 <= 10.5 + 1e-4), "c3 is %g", c3);
                seen[(size_t)c1 % LEVELS] += k == 0;
            }
        }
        gen_where_free(&w);
    }
    for (size_t l = 0; l < LEVELS; l++)
        CHECK(seen[l] > 160 && seen[l] < 270, "level %zu was told %zu times of 640", l, seen[l]);
    model_pass_free(&p);
}

/* o(none) + W (o(c) - o(none)), and the conditions are as they were afterwards. */
static void test_guidance(const struct vae_model *m, const float *x) {
    struct model_pass p;
    float o[3][64], blind[ROWS * COLS];
    static const double guidance[] = {1, 0, 2.5};
    memcpy(blind, x, sizeof blind);
    for (size_t i = 0; i < ROWS; i++)
        blind[i * COLS + 1] = blind[i * COLS + 3] = NAN;
    for (int none = 0; none < 2; none++)
        for (size_t k = 0; k < 3; k++) {
            CHECK(!model_pass_init(&p, m, MAT_PANEL, false, NULL), "no pass");
            model_load_rows(m, &p, 0, MAT_PANEL, none ? blind : x, NULL);
            for (size_t i = 0; i < m->zdim * MAT_PANEL; i++)
                model_z(&p)[i] = 0.3f;
            if (none == 0)
                CHECK(!condition_guide(m, &p, guidance[k], NULL), "no guidance");
            model_decode(m, m->w, &p, 0, MAT_PANEL);
            model_decode(m, m->w, &p, 0, MAT_PANEL); /* twice is as good as once */
            for (size_t j = 0; j < m->noutputs && none == 0; j++)
                o[k][j] = model_o(&p)[j * MAT_PANEL];
            for (size_t j = 0; j < m->noutputs && none; j++)
                CHECK(fabsf(o[1][j] - model_o(&p)[j * MAT_PANEL]) < 1e-5f, "guidance 0 is not the same as no condition");
            model_pass_free(&p);
        }
    float moved = 0;
    for (size_t j = 0; j < m->noutputs; j++) {
        float want = o[1][j] + 2.5f * (o[0][j] - o[1][j]);
        CHECK(fabsf(o[2][j] - want) < 1e-4f, "guided output %g, not %g", (double)o[2][j], (double)want);
        moved = fmaxf(moved, fabsf(o[0][j] - o[1][j]));
    }
    CHECK(moved > 0.05f, "conditions do nothing: %g", (double)moved);
}

/* Draws from p(z|c) lie where the records with that label are encoded; those from p(z) know nothing of it. */
static void test_prior(struct vae_model *m, const float *x, const char *what) {
    enum { TIMES = 25, N = TIMES * ROWS, WHOLE = ROWS / MAT_PANEL * MAT_PANEL };
    struct vae_err err = {0};
    struct model_pass p;
    float *many = mem_floats(N * COLS);
    double mean[4][LEVELS] = {{0}}, apart = 0, blind = 0;
    const struct nn_node *last = &m->enc.node[m->enc.n - 1];
    for (size_t f = 0; f < last->out; f++) { /* means further apart, variances small */
        for (size_t i = 0; i < last->in && f < m->zdim; i++)
            m->w[last->w0 + f * last->in + i] *= 4;
        m->w[last->w0 + last->in * last->out + f] -= f < m->zdim ? 0 : 4;
    }
    for (size_t i = 0; i < TIMES; i++)
        memcpy(many + i * ROWS * COLS, x, ROWS * COLS * sizeof *x);
    CHECK(!fit_prior(m, &prior_flow, many, N, 1, 1, NULL, &err) && !model_pass_init(&p, m, MAT_PANEL, false, &err), "%s", err.msg);
    CHECK(m->space.told == m->ncond, "%s: the flow is told %zu numbers", what, m->space.told);
    for (size_t way = 0; way < 4; way++) { /* encoded, drawn from p(z|c), from N(0,1), from the flow with nothing told */
        struct gen_prior g;
        CHECK(!gen_prior_open(&g, m, way == 2 ? "normal" : NULL, &err), "%s", err.msg);
        for (size_t at = 0; at < N; at += MAT_PANEL) {
            size_t n = N - at < MAT_PANEL ? N - at : MAT_PANEL;
            uint64_t rows[MAT_PANEL];
            for (size_t i = 0; i < MAT_PANEL; i++)
                rows[i] = at + i;
            op_encode_panel(m, &p, many + at * COLS, NULL, n);
            rng_normals(p.eps, m->neps, MAT_PANEL, p.ld, 0, RNG_TEST, 1, NULL, at);
            bottleneck_draw(m, m->w, &p, 0, MAT_PANEL);
            if (way == 3) { /* the encoder is not told either */
                for (size_t i = 0; i < MAT_PANEL; i++)
                    p.x[1 * p.ld + i] = p.x[3 * p.ld + i] = NAN;
                model_look(m, &p, 0, MAT_PANEL);
                nn_forward(&m->enc, m->w, &p.enc, 0, MAT_PANEL, NULL);
                bottleneck_draw(m, m->w, &p, 0, MAT_PANEL);
                for (size_t i = 0; i < n; i++)
                    blind += (double)model_z(&p)[i] / N;
            }
            if (way)
                gen_prior_draw(&g, m, &p, 5, rows, 1);
            for (size_t i = 0; i < n; i++)
                mean[way][(at + i) % LEVELS] += (double)model_z(&p)[i] / (N / LEVELS);
        }
        gen_prior_close(&g);
    }
    for (size_t l = 0; l < LEVELS; l++) {
        apart = fmax(apart, fabs(mean[0][l] - mean[0][0]));
        CHECK(fabs(mean[1][l] - mean[0][l]) < 0.15, "%s: label %zu is encoded at %g, p(z|c) draws at %g", what, l, mean[0][l], mean[1][l]);
        CHECK(fabs(mean[2][l]) < 0.15, "%s: label %zu: p(z) draws at %g", what, l, mean[2][l]);
        CHECK(fabs(mean[3][l] - blind) < 0.25, "%s: told nothing, draws lie at %g, records at %g", what, mean[3][l], blind);
    }
    CHECK(apart > 0.4, "%s: the labels' latents are only %g apart", what, apart);
    model_pass_free(&p);
    free(many);
}

int main(void) {
    double *raw = table();
    CHECK(mat_open(NULL) == 0, "no BLAS");
    for (int kind = 0; kind < 3; kind++) {
        static const char *const what[] = {"mlp", "residual", "chain"};
        struct vae_model *m = model(raw, kind == 2, kind > 0);
        float *x = rows_of(m, raw);
        test_features(m, x);
        test_drop(m, x);
        if (kind < 2)
            test_gradient(m, x, what[kind]);
        test_draws(m, x, what[kind]);
        test_tell(m, x);
        test_guidance(m, x);
        test_prior(m, x, what[kind]);
        vae_model_free(m), free(x);
    }
    free(raw);
    test_drop_wide();
    return test_done();
}
