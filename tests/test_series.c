/*
 * test_series.c - new series of a model of windows (gen/series.c): rows follow each other as the decoder says that a row follows those
 * before it; training shows it what it will be asked; values find the codes of the columns of rows before.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mat.h"
#include "base/rng.h"
#include "draws.h"
#include "gen/series.h"
#include "test.h"

enum { OWN = 2, COLS = 4, LEVELS = 3, STATES = 9, ROWS = 12000 };

/* Windows of two rows of two columns, a, b, a@-1, b@-1, of three levels each. */
static struct schema *window_schema(void) {
    static const char *const names[COLS] = {"a", "b", "a@-1", "b@-1"};
    struct vae_err err = {0};
    struct vae_head *h = rec_head_new("data", &err);
    for (size_t c = 0; c < COLS; c++)
        rec_head_add(h, names[c], REC_F64, 0, NULL, &err);
    struct schema *s = schema_new(h, &err);
    json_object_set_new(s->origin, "front", json_pack("{s:i, s:i, s:[], s:[], s:[s, s]}", "window", 2, "step", 1, "group", "diff",
                                                      "columns", "a", "b"));
    for (size_t c = 0; c < COLS; c++) {
        struct cells *k = &s->cells[c];
        CHECK(!cells_new(k, LEVELS, &err), "%s", err.msg);
        k->nlevels = LEVELS;
        for (size_t i = 0; i < LEVELS; i++)
            k->level[i] = (uint32_t)i, k->low[i] = k->high[i] = (double)i, k->weight[i] = 1, k->share[i] = 1.0 / LEVELS;
        cells_finish(k, 0, 0.1);
        s->col[c].kind = SCHEMA_CATEGORY, s->scale[c] = 1;
        s->col[c].lag = c / OWN, s->col[c].now = c % OWN;
        snprintf(s->col[c].lik, sizeof s->col[c].lik, "categorical");
    }
    rec_head_free(h);
    return s;
}

static struct vae_model *window_model(void) {
    struct vae_err err = {0};
    struct model_config c = {.latent_dim = 2, .latent = &latent_gauss, .act = &nn_silu, .residual = true, .nhidden = 1, .hidden = {8},
                             .lik = &lik_gaussian, .masks = true, .chain = true};
    struct vae_model *m = model_new(&c, window_schema(), &err);
    CHECK(m != NULL, "%s", err.msg);
    float *e = mem_floats(m->nw);
    rng_normals(e, m->nw, 1, 1, 5, RNG_TEST, 0, NULL, 0);
    for (size_t i = 0; i < m->nw; i++)
        m->w[i] = 0.6f * e[i];
    free(e);
    return m;
}

/* P(row `next` | row `last` before it), each 3 a + b, by the score of the chain. */
static void transitions(const struct vae_model *m, double prob[STATES][STATES]) {
    struct model_pass p;
    struct vae_err err = {0};
    CHECK(!model_pass_init(&p, m, MAT_PANEL, false, &err), "%s", err.msg);
    for (size_t last = 0; last < STATES; last++)
        for (size_t next = 0; next < STATES; next++) {
            double nll = 0;
            for (size_t known = 0; known < OWN; known++) { /* columns of the row that are drawn already */
                for (size_t i = 0; i < MAT_PANEL; i++) {
                    const float x[COLS] = {(float)(next / 3) + 0.5f, (float)(next % 3) + 0.5f, (float)(last / 3) + 0.5f,
                                           (float)(last % 3) + 0.5f};
                    for (size_t c = 0; c < COLS; c++) {
                        p.seen[c * p.ld + i] = c >= OWN || c < known ? x[c] : NAN;
                        p.target[c * p.ld + i] = c == known ? x[c] : NAN;
                        model_z(&p)[(c % 2) * p.ld + i] = 7; /* is not to count */
                    }
                }
                chain_z_off(m, &p, 0, MAT_PANEL, true);
                model_decode(m, m->w, &p, 0, MAT_PANEL);
                model_nll(m, m->w, &p, 0, MAT_PANEL);
                nll += p.nll[0];
            }
            prob[last][next] = exp(-nll);
        }
    model_pass_free(&p);
}

static void test_transitions(void) {
    struct vae_model *m = window_model();
    struct vae_err err = {0};
    double prob[STATES][STATES], count[STATES][STATES] = {{0}}, most = 0;
    transitions(m, prob);
    struct vae_op_opts o = {.threads = 1, .seed = 3, .rows = ROWS / 40, .series = 40};
    struct vae_op *op = vae_generate(m, &o, &err);
    CHECK(op != NULL, "%s", err.msg);
    const struct vae_batch *b;
    size_t rows = 0;
    while (!vae_op_generate(op, 100, &b, &err) && b->rows) {
        const double *a = b->cols[0].data, *second = b->cols[1].data;
        CHECK(b->nfields == OWN && b->rows == 100, "%zu fields, %zu rows", b->nfields, b->rows);
        for (size_t i = 1; i < b->rows; i++)
            if ((rows + i) % o.rows > 1) /* the first two are a window, drawn with latents */
                count[(size_t)(3 * a[i - 1] + second[i - 1])][(size_t)(3 * a[i] + second[i])]++;
        rows += b->rows;
    }
    CHECK(rows == ROWS, "%zu rows", rows);
    for (size_t last = 0; last < STATES; last++) {
        double n = 0, all = 0;
        for (size_t next = 0; next < STATES; next++)
            n += count[last][next], all += prob[last][next];
        CHECK(fabs(all - 1) < 1e-4, "the chances behind %zu sum to %g", last, all);
        for (size_t next = 0; next < STATES && n > 0; next++) {
            double p = prob[last][next], z = (count[last][next] - n * p) / sqrt(n * p * (1 - p) + 1);
            CHECK(fabs(z) < 4, "%zu behind %zu: %g of %g, expected %g", next, last, count[last][next], n, n * p);
            most = fmax(most, p);
        }
    }
    CHECK(most > 0.3, "no row follows from another");
    vae_op_free(op), vae_model_free(m);
}

/* Half of the records of a step show the row before and hide the end of the row itself, z off. */
static void test_masks(void) {
    enum { N = 4000 };
    struct vae_model *m = window_model();
    struct model_pass p;
    struct vae_err err = {0};
    CHECK(!model_pass_init(&p, m, MAT_PANEL, true, &err), "%s", err.msg);
    size_t none = 0, first = 0;
    for (uint64_t at = 0; at < N; at += MAT_PANEL) {
        uint64_t rows[MAT_PANEL];
        for (size_t i = 0; i < MAT_PANEL; i++) {
            rows[i] = at + i;
            for (size_t c = 0; c < COLS; c++)
                p.x[c * p.ld + i] = 1.5f;
        }
        chain_mask(m, &p, 0, MAT_PANEL, 1, 2, rows);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            const float *seen = p.seen + i, *target = p.target + i;
            bool before = !isnan(seen[2 * p.ld]) && !isnan(seen[3 * p.ld]), off = p.dec.act[0][m->zdim * p.ld + i] > 0;
            none += off && before && !isnan(target[0]) && !isnan(target[p.ld]);
            first += off && before && !isnan(seen[0]) && !isnan(target[p.ld]);
        }
    }
    CHECK(none > N / 8 && first > N / 8 && none + first < N * 3 / 5, "%zu and %zu of %d", none, first, (int)N);
    model_pass_free(&p), vae_model_free(m);
}

static void test_recode(void) {
    static const double to[] = {2, NAN, 0}, number[] = {10, 20, 40};
    const struct gen_recode same = {0}, codes = {3, true, (double *)(uintptr_t)to}, nearest = {3, false, (double *)(uintptr_t)number};
    CHECK(gen_recode(&same, 7.5) == 7.5 && isnan(gen_recode(&codes, NAN)), "as it is");
    CHECK(gen_recode(&codes, 0) == 2 && isnan(gen_recode(&codes, 1)) && isnan(gen_recode(&codes, 3)), "codes");
    CHECK(gen_recode(&nearest, 19) == 1 && gen_recode(&nearest, 99) == 2, "numbers");
}

/* What a file says of the columns of rows before, and of a clock's pace, is checked before it is used. */
static void test_hostile(void) {
    static const struct {
        size_t col;
        const char *name, *value;
        bool taken;
    } edit[] = {
        {2, "before", "[1, 0]", true},  {3, "before", "[2, 1]", true},    {2, "before", "[0, 0]", false}, {2, "before", "[-1, 0]", false},
        {2, "before", "[1, 2]", false}, {2, "before", "[1, -1]", false},  {3, "before", "[1, 2]", false}, {2, "before", "[4e9, 0]", false},
        {3, "before", "null", false},   {2, "before", "\"a\"", false},    {0, "before", "[1, 0]", false}, {2, "pace", "60", false},
        {0, "pace", "-1", false},       {0, "pace", "1e300", false},
    };
    struct schema *s = window_schema();
    for (size_t c = 0; c < COLS; c++) {
        s->col[c].kind = SCHEMA_NUMBER, s->col[c].type = REC_UTF8, s->col[c].transform = &schema_standard;
        snprintf(s->col[c].lik, sizeof s->col[c].lik, "gaussian");
    }
    for (size_t i = 0; i < sizeof edit / sizeof *edit; i++) {
        struct vae_err err = {0};
        json_t *j = schema_to_json(s), *col = json_array_get(json_object_get(j, "columns"), edit[i].col);
        json_object_set_new(col, edit[i].name, json_loads(edit[i].value, JSON_DECODE_ANY, NULL));
        struct schema *back = schema_from_json(j, &err);
        CHECK(edit[i].taken ? back != NULL : !back && err.code == VAE_EDATA && strstr(err.msg, edit[i].name), "%zu, %s %s: %s",
              edit[i].col, edit[i].name, edit[i].value, back ? "taken" : err.msg);
        schema_free(back), json_decref(j);
    }
    schema_free(s);
}

int main(void) {
    struct vae_err err = {0};
    CHECK(!mat_open(&err), "%s", err.msg);
    test_transitions();
    test_masks();
    test_recode();
    test_hostile();
    return test_done();
}
