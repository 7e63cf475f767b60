/*
 * test_lines.c - lines of text: symbols and back, a model of lines that is a distribution over all of them, its
 * gradient, and what is spelled: draws as often as p says, a beam that finds the best. All against an enumeration of
 * the lines.
 */
#include <float.h>
#include <unistd.h>

#include "base/mat.h"
#include "fit/train.h"
#include "model/objective.h"
#include "model/spell.h"
#include "models.h"
#include "repair.h"
#include "schema/levels.h"
#include "schema/line.h"
#include "score/score.h"

enum { PLACES = 3, LETTERS = 2, SYMBOLS = LETTERS + 2, Z = 2 };

/* A column of lines over a and b, PLACES long. */
static struct schema *the_schema(void) {
    struct schema *s = schema_empty(1, 0, NULL);
    struct schema_col *c = &s->col[0];
    *c = (struct schema_col){.name = mem_text("line", 4),
                             .kind = SCHEMA_LINE,
                             .type = REC_UTF8,
                             .width = PLACES + 1,
                             .decimals = -1,
                             .transform = &schema_none};
    levels_add(&c->levels, "a", 1, NULL), levels_add(&c->levels, "b", 1, NULL);
    c->levels.count[0] = 7, c->levels.count[1] = 5;
    snprintf(c->lik, sizeof c->lik, "categorical");
    s->origin = json_pack("{s:s}", "format", "text");
    s->rows = 6;
    CHECK(!schema_place(s, NULL), "no place");
    for (size_t j = 0; j < s->d; j++)
        s->scale[j] = 1;
    return s;
}

static struct vae_model *the_model(uint64_t seed, float shake) {
    struct vae_err err = {0};
    struct model_config c = {.latent_dim = Z,
                             .latent = &latent_gauss,
                             .act = &nn_tanh,
                             .nhidden = 1,
                             .hidden = {5},
                             .recurrent = true,
                             .lik = &lik_categorical};
    struct vae_model *m = model_new(&c, the_schema(), &err);
    CHECK(m != NULL, "%s", err.msg);
    model_marginals(m);
    model_start(m, seed);
    float *e = mem_floats(m->nw);
    rng_normals(e, m->nw, 1, 1, seed, RNG_TEST, 3, NULL, 0);
    for (size_t i = 0; i < m->nw; i++)
        m->w[i] += shake * e[i];
    free(e);
    return m;
}

/* ---- symbols ------------------------------------------------------------------------------------------------ */

static void test_symbols(void) {
    struct schema_col c = {.name = (char *)(uintptr_t) "line", .kind = SCHEMA_LINE, .width = 7};
    struct buf out = {0};
    struct vae_err err = {0};
    double raw[7];
    levels_add(&c.levels, "a", 1, NULL), levels_add(&c.levels, "\xc3\xa9", 2, NULL),
        levels_add(&c.levels, "0", 1, NULL);
    const char *text = "a\xc3\xa9x";
    CHECK(!line_read(&c, text, strlen(text), false, raw, &err), "%s", err.msg);
    const double want[] = {0, 1, 3, 4, NAN, NAN, NAN};
    for (size_t j = 0; j < 7; j++)
        CHECK(isnan(want[j]) ? isnan(raw[j]) : fabs(raw[j] - want[j]) < 1e-9, "value %zu is %g, not %g", j, raw[j],
              want[j]);
    CHECK(!line_put(&c, raw, &out, NULL) && out.n == 6 && !memcmp(out.p, "a\xc3\xa9\xef\xbf\xbd", 6), "back: %.*s",
          (int)out.n, out.p);
    CHECK(!line_read(&c, "aaaaaa", 6, false, raw, NULL) && fabs(raw[5]) < 1e-9 && fabs(raw[6] - 1) < 1e-9,
          "six symbols: %g, %g beyond", raw[5], raw[6]);
    CHECK(!line_read(&c, "aaaaaaaa", 8, false, raw, NULL) && fabs(raw[6] - 3) < 1e-9, "eight symbols: %g beyond, not 3",
          raw[6]);
    CHECK(!line_read(&c, "", 0, false, raw, NULL) && fabs(raw[0] - 4) < 1e-9 && isnan(raw[1]),
          "an empty line is its end");
    CHECK(!line_read(&c, "\"a\"\"a\"", 6, true, raw, NULL) && fabs(raw[1] - 3) < 1e-9 && fabs(raw[2]) < 1e-9 &&
              fabs(raw[3] - 4) < 1e-9,
          "a quoted cell");
    c.mask = true;
    CHECK(!line_read(&c, "a123a7", 6, false, raw, NULL) && fabs(raw[1] - 2) < 1e-9 && fabs(raw[2]) < 1e-9 &&
              fabs(raw[3] - 2) < 1e-9 && fabs(raw[4] - 4) < 1e-9,
          "numbers are not masked");
    static const char *const broken[] = {"a\xff", "\xc3", "a\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\xe2\x82"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        CHECK(line_read(&c, broken[i], strlen(broken[i]), false, raw, &err) == VAE_EROW && strstr(err.msg, "no UTF-8"),
              "text %zu passes for UTF-8", i);
    c.bytes = true;
    CHECK(!line_read(&c, "a\xff", 2, false, raw, NULL) && fabs(raw[1] - 3) < 1e-9, "a byte is any byte");
    schema_levels_free(&c.levels), buf_free(&out);
}

/* ---- all lines ---------------------------------------------------------------------------------------------- */

/* Every beginning of PLACES symbols, or a line that ends before: x[.,PLACES + 1], how many. */
static size_t enumerate(float (*x)[PLACES + 1]) {
    size_t n = 0, all = 1;
    for (size_t t = 0; t < PLACES; t++)
        all *= SYMBOLS;
    for (size_t code = 0; code < all; code++) {
        size_t rest = code, t = 0, end = PLACES;
        bool same = true; /* as another code: symbols behind the end */
        for (; t < PLACES; t++, rest /= SYMBOLS) {
            x[n][t] = t > end ? NAN : (float)(rest % SYMBOLS);
            same = same && (t <= end || rest % SYMBOLS == 0);
            end = t < end && rest % SYMBOLS == SYMBOLS - 1 ? t : end;
        }
        x[n][PLACES] = NAN;
        n += same;
    }
    return n;
}

enum { LINES = SYMBOLS * SYMBOLS * SYMBOLS };

/* logp[n] of the lines x given z, without symbols that have no name where not `all`: p of what is spelled. */
static void log_p(const struct vae_model *m, float (*x)[PLACES + 1], size_t n, const float *z, bool all, double *logp) {
    struct model_pass p;
    model_pass_init(&p, m, MAT_PANEL, false, NULL);
    for (size_t i = 0; i < n; i++) {
        uint64_t row = i;
        model_load_rows(m, &p, 0, 1, x[0], &row);
        for (size_t k = 0; k < Z; k++)
            model_z(&p)[k * p.ld] = z[k];
        model_decode(m, m->w, &p, 0, 1);
        const float *o = model_o(&p);
        for (size_t j = 0; j < m->noutputs && !all; j++)
            if (j % SYMBOLS == LETTERS)
                ((float *)(uintptr_t)o)[j * p.ld] = -1e30f;
        model_nll(m, m->w, &p, 0, 1);
        logp[i] = -p.nll[0];
    }
    model_pass_free(&p);
}

static void test_sum(const struct vae_model *m) {
    float x[LINES][PLACES + 1], longer[2][PLACES + 1] = {{0, 1, 0, 1}, {0, 1, 0, 4}};
    const float z[Z] = {0.7f, -1.1f};
    double logp[LINES], sum = 0, two[2], plain;
    size_t n = enumerate(x);
    CHECK(n == 1 + 3 + 9 + 27, "%zu lines", n);
    log_p(m, x, n, z, true, logp);
    for (size_t i = 0; i < n; i++)
        sum += exp(logp[i]);
    CHECK(fabs(sum - 1) < 1e-5, "p of all lines sums to %.9g", sum);
    log_p(m, longer, 2, z, true, two);
    longer[0][PLACES] = NAN;
    log_p(m, longer, 1, z, true, &plain);
    CHECK(fabs(plain - two[0] - log(SYMBOLS)) < 1e-9 && fabs(plain - two[1] - 4 * log(SYMBOLS)) < 1e-9,
          "what is beyond costs %g and %g nats", plain - two[0], plain - two[1]);
}

/* The score of lines: the bound over the root of how many symbols there are, those that are beyond among them. */
static void test_score(const struct vae_model *m) {
    static const struct {
        float x[PLACES + 1];
        double symbols;
    } line[] = {{{3, NAN, NAN, NAN}, 1}, {{0, 3, NAN, NAN}, 2}, {{1, 0, 3, NAN}, 3}, {{0, 1, 0, 1}, 4}, {{0, 1, 0, 6}, 9}};
    enum { N = sizeof line / sizeof *line };
    static const uint64_t rows[N] = {4, 0, 3, 1, 2};
    float x[N][PLACES + 1];
    struct score_parts parts[N];
    struct vae_err err = {0};
    struct scorer *s = scorer_new(m, VAE_BY_LINE, SCORE_ONLY, 4, NULL, &err);
    CHECK(s != NULL, "%s", err.msg);
    for (size_t i = 0; i < N; i++)
        memcpy(x[i], line[i].x, sizeof x[i]);
    for (int picked = 0; picked < 2; picked++) {
        scorer_run(s, x[0], picked ? rows : NULL, N, parts);
        for (size_t i = 0; i < N; i++) {
            double want = -parts[i].elbo / sqrt(line[picked ? rows[i] : i].symbols);
            CHECK(fabs(score_by(&parts[i], VAE_BY_LINE) - want) < 1e-12 * want, "line %zu has %g, not %g", i, parts[i].line, want);
        }
    }
    scorer_free(s);
}

/* The number of the line in column i of the pass. */
static size_t number(const struct model_pass *p, size_t i, float (*x)[PLACES + 1], size_t n) {
    for (size_t k = 0; k < n; k++) {
        bool same = true;
        for (size_t t = 0; t < PLACES; t++) {
            float v = p->x[t * p->ld + i];
            same = same && (isnan(v) ? isnan(x[k][t]) : v == x[k][t]);
        }
        if (same)
            return k;
    }
    return n;
}

static void tell(struct model_pass *p, const float *z) {
    for (size_t k = 0; k < Z; k++)
        for (size_t i = 0; i < MAT_PANEL; i++)
            model_z(p)[k * p->ld + i] = z[k];
}

static void test_draws(const struct vae_model *m, double temperature) {
    enum { PANELS = 1500 };
    float x[LINES][PLACES + 1];
    const float z[Z] = {-0.4f, 0.9f};
    double logp[LINES], worst = 0, sum = 0;
    size_t n = enumerate(x), count[LINES + 1] = {0};
    struct model_pass p;
    struct spell s;
    log_p(m, x, n, z, false, logp);
    CHECK(!model_pass_init(&p, m, MAT_PANEL, false, NULL) && !spell_init(&s, m, temperature, 0, NULL), "no pass");
    for (size_t at = 0; at < PANELS; at++) {
        uint64_t rows[MAT_PANEL];
        for (size_t i = 0; i < MAT_PANEL; i++)
            rows[i] = at * MAT_PANEL + i;
        tell(&p, z);
        spell_lines(m, &p, &s, true, 5, rows);
        for (size_t i = 0; i < MAT_PANEL; i++)
            count[number(&p, i, x, n)]++;
    }
    CHECK(count[n] == 0, "%zu draws are no line", count[n]);
    for (size_t k = 0; k < n; k++) {
        double want = exp(logp[k]) * PANELS * MAT_PANEL, off = ((double)count[k] - want) / sqrt(want + 1);
        sum += exp(logp[k]);
        worst = fabs(off) > worst ? fabs(off) : worst;
    }
    CHECK(fabs(sum - 1) < 1e-5, "p of all lines that have names sums to %g", sum);
    CHECK((worst < 5) == (temperature == 1),
          "temperature %g: a line is drawn %g standard deviations too often or too rarely", temperature, worst);
    spell_free(&s), model_pass_free(&p);
}

/* With room for all beginnings the beam finds the most probable line; the greedy one is never better. */
static void test_beam(uint64_t seed, size_t *better) {
    struct vae_model *m = the_model(seed, 0.8f);
    float x[LINES][PLACES + 1], z[Z];
    double logp[LINES];
    size_t n = enumerate(x), best = 0, got[3], beam[3] = {0, 2, 16};
    struct model_pass p;
    rng_normals(z, Z, 1, 1, seed, RNG_TEST, 8, NULL, 0);
    log_p(m, x, n, z, false, logp);
    for (size_t k = 1; k < n; k++)
        best = logp[k] > logp[best] ? k : best;
    CHECK(!model_pass_init(&p, m, MAT_PANEL, false, NULL), "no pass");
    for (size_t b = 0; b < 3; b++) {
        struct spell s;
        CHECK(!spell_init(&s, m, 0, beam[b], NULL), "no beam");
        tell(&p, z);
        spell_lines(m, &p, &s, false, 0, NULL);
        got[b] = number(&p, 3, x, n);
        CHECK(got[b] < n && got[b] == number(&p, 15, x, n), "beam %zu: two columns with the same latents differ",
              beam[b]);
        spell_free(&s);
    }
    CHECK(got[2] == best || logp[best] - logp[got[2]] < 1e-5, "the beam finds a line of %g, and there is one of %g",
          logp[got[2]], logp[best]);
    CHECK(logp[got[0]] <= logp[got[2]] + 1e-5 && logp[got[1]] <= logp[got[2]] + 1e-5,
          "a narrower beam finds a better line");
    *better += logp[got[2]] > logp[got[0]] + 1e-5;
    model_pass_free(&p);
    vae_model_free(m);
}

/* ---- the gradient of the whole model ------------------------------------------------------------------------ */

static double loss(const struct vae_model *m, const float *w, struct model_pass *p, float (*x)[PLACES + 1],
                   const uint64_t *rows, size_t n, const struct model_objective *obj) {
    double sum = 0;
    model_load_masked(m, p, 0, n, x[0], rows, 3, 7);
    model_train_shard(m, w, p, 0, n, obj, &(const struct nn_noise){3, 7, rows});
    for (size_t i = 0; i < n; i++)
        sum += (p->nll[i] + (double)obj->beta * p->kl[i]) * (double)obj->scale;
    return sum;
}

/* Along directions of one weight each: differences in single precision, of the larger gradients. */
static void test_gradient(float word_dropout) {
    enum { N = 7 };
    struct vae_model *m = the_model(11, 0.4f);
    m->config.word_dropout = word_dropout;
    float x[LINES][PLACES + 1];
    enumerate(x);
    const uint64_t rows[N] = {0, 5, 11, 17, 23, 31, 39};
    struct model_pass p;
    struct model_objective obj = {.scale = 1.0f / N, .beta = 0.7f, .batch = N, .population = N};
    float *dw = mem_floats(m->nw), *w = mem_floats(m->nw);
    CHECK(!model_pass_init(&p, m, N, true, NULL), "no pass");
    rng_normals(p.eps, Z, N, p.ld, 1, RNG_TEST, 4, NULL, 0);
    loss(m, m->w, &p, x, rows, N, &obj);
    for (size_t t = 0; t < model_grad_tasks(m); t++)
        model_grad(m, m->w, &p, t, N, obj.scale, dw);
    memcpy(w, m->w, m->nw * sizeof *w);
    double worst = 0, size = 0;
    for (size_t i = 0; i < m->nw; i++) {
        const float h = 4e-3f;
        w[i] = m->w[i] + h;
        double up = loss(m, w, &p, x, rows, N, &obj);
        w[i] = m->w[i] - h;
        double down = loss(m, w, &p, x, rows, N, &obj), e = fabs((up - down) / (2 * (double)h) - (double)dw[i]);
        w[i] = m->w[i];
        worst = e > worst ? e : worst, size += fabs((double)dw[i]);
    }
    CHECK(worst < 5e-4 && size > 1, "word dropout %g: a weight's gradient is off by %g (all of them: %g)",
          (double)word_dropout, worst, size);
    free(dw), free(w);
    model_pass_free(&p);
    vae_model_free(m);
}

/* Of 4000 positions that have a symbol so many are not told; which ones, the record's number and the step say. */
static void test_drop(void) {
    struct vae_model *m = the_model(1, 0);
    enum { N = 1000 };
    float *x = mem_floats(N * (PLACES + 1));
    uint64_t rows[N];
    struct model_pass p;
    size_t dropped = 0, there = 0;
    m->config.word_dropout = 0.3f;
    CHECK(!model_pass_init(&p, m, N, false, NULL), "no pass");
    for (size_t i = 0; i < N; i++) {
        rows[i] = i;
        for (size_t t = 0; t <= PLACES; t++)
            x[i * (PLACES + 1) + t] = t < 1 + i % PLACES ? 1 : NAN;
    }
    model_load_masked(m, &p, 0, N, x, rows, 1, 1);
    for (size_t t = 0; t < PLACES; t++)
        for (size_t i = 0; i < N; i++) {
            float v = p.dec.act[0][(Z + t) * p.ld + i];
            there += isnan(v) ? 0 : 1, dropped += v < 0 ? 1 : 0;
            CHECK(isnan(v) == isnan(p.x[t * p.ld + i]), "what is dropped is there no more");
        }
    double sd = sqrt((double)there * 0.21);
    CHECK(fabs((double)dropped - 0.3 * (double)there) < 5 * sd, "%zu of %zu symbols are not told", dropped, there);
    model_load_rows(m, &p, 0, N, x, rows);
    for (size_t t = 0; t < PLACES; t++)
        for (size_t i = 0; i < N; i++)
            CHECK(!(p.dec.act[0][(Z + t) * p.ld + i] < 0), "a symbol is dropped where nothing is trained");
    free(x);
    model_pass_free(&p);
    vae_model_free(m);
}

/* The rows of a batch, in whatever order, are dealt out: each shard has its share of long lines, long ones first. */
static void test_deal(void) {
    enum { N = 37, SHARD = 16 };
    struct vae_model *m = the_model(1, 0);
    float x[N][PLACES + 1];
    uint64_t rows[N], want[N];
    struct train_card card[N];
    size_t most = 0, seen[N] = {0}, wrong = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t t = 0; t <= PLACES; t++)
            x[i][t] = t < 1 + i * i % PLACES ? 1 : NAN;
    for (int again = 0; again < 2; again++) {
        for (size_t i = 0; i < N; i++)
            rows[i] = again ? N - 1 - i : i * 5 % N;
        train_deal(m, x[0], card, rows, N, SHARD);
        wrong += again && memcmp(rows, want, sizeof rows);
        memcpy(want, rows, sizeof rows);
    }
    CHECK(wrong == 0, "the order depends on the one before");
    for (size_t i = 0; i < N; i++) {
        size_t length = lines_length(m, x[rows[i]]);
        seen[rows[i]]++;
        CHECK(i % SHARD == 0 || length <= most, "record %zu of shard %zu is longer than the one before", i % SHARD, i / SHARD);
        CHECK(i % SHARD || length == PLACES - 1, "shard %zu begins with %zu symbols", i / SHARD, length);
        most = length;
    }
    for (size_t i = 0; i < N; i++)
        CHECK(seen[i] == 1, "row %zu is there %zu times", i, seen[i]);
    vae_model_free(m);
}

/* ---- what a model file may say ------------------------------------------------------------------------------ */

/* A schema with `value` (taken over) under `key` of its column, or of what it says of lines. */
static void test_schema(const char *what, const char *key, json_t *value, bool line) {
    struct vae_err err = {0};
    struct schema *s = the_schema(), *back;
    json_t *j = schema_to_json(s), *col = json_array_get(json_object_get(j, "columns"), 0);
    json_object_set_new(line ? json_object_get(col, "line") : col, key, value);
    back = schema_from_json(j, &err);
    CHECK(!back && err.code == VAE_EDATA && *err.msg, "a schema with %s is taken", what);
    schema_free(back), schema_free(s);
    json_decref(j);
}

static void test_hostile(void) {
    struct vae_err err = {0};
    struct schema *s = the_schema(), *back;
    json_t *j = schema_to_json(s);
    back = schema_from_json(j, &err);
    CHECK(back && back->d == PLACES + 1 && back->col[0].levels.n == LETTERS, "a schema does not come back: %s",
          err.msg);
    schema_free(back), schema_free(s);
    json_decref(j);
    test_schema("no positions", "positions", json_integer(0), true);
    test_schema("too many positions", "positions", json_integer(LINE_LENGTH_MAX + 1), true);
    test_schema("positions that are a text", "positions", json_string("3"), true);
    test_schema("lines longer below 0", "longer", json_integer(-1), true);
    test_schema("nothing of lines", "line", json_null(), false);
    test_schema("a level of two symbols", "levels", json_pack("[s, s]", "a", "bc"), false);
    test_schema("a level that is no UTF-8", "levels", json_pack("[s, [i]]", "a", 255), false);
    test_schema("no levels", "levels", json_array(), false);
    test_schema("a line that is a condition", "condition", json_true(), false);
    struct model_config c = {.latent_dim = Z,
                             .latent = &latent_gauss,
                             .act = &nn_tanh,
                             .nhidden = 1,
                             .hidden = {5},
                             .recurrent = true,
                             .lik = &lik_categorical};
    struct model_config bad[4] = {c, c, c, c};
    bad[0].nhidden = 2, bad[1].masks = true, bad[2].recurrent = false, bad[3].nchannels = 1;
    for (size_t i = 0; i < 4; i++)
        CHECK(!model_new(&bad[i], the_schema(), &err) && err.code == VAE_EDATA, "configuration %zu is taken for lines",
              i);
    CHECK(!model_new_sized(&c, the_schema(), 10, &err) && err.code == VAE_EDATA, "a model of 10 weights is taken");
}

/* Lines were calibrated for fewer kinds of scores once: such a file is refused, and it is said why. The same numbers in fewer rows. */
static void test_older(void) {
    enum { ROWS = 12 };
    static const char shape[] = "\"shape\":[7,12]";
    struct vae_err err = {0};
    struct vae_model *m = the_model(1, 0), *back;
    char path[] = "/tmp/test_lines.XXXXXX", bytes[1 << 16];
    CHECK(model_scores(m) == 7 && close(mkstemp(path)) == 0, "no file");
    m->cal = (struct model_calibration){.n = ROWS, .method = "held-out", .alpha = 0.1, .by = VAE_BY_ELBO};
    m->cal.score = mem_floats(7 * ROWS);
    CHECK(!vae_model_save(m, path, &err), "%s", err.msg);
    vae_model_free(m);
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f)
        fclose(f);
    unlink(path);
    CHECK((back = model_parse(bytes, n, "older", &err)) != NULL, "%s", err.msg);
    vae_model_free(back);
    char *at = memmem(bytes, n, shape, sizeof shape - 1);
    CHECK(at != NULL, "no shape");
    if (at)
        memcpy(at, "\"shape\":[4,21]", sizeof shape - 1);
    repair_model((unsigned char *)bytes, n);
    back = model_parse(bytes, n, "older", &err);
    CHECK(!back && err.code == VAE_EDATA && strstr(err.msg, "4 kinds of scores") && strstr(err.msg, "fit it again"), "%s", err.msg);
    vae_model_free(back);
}

int main(void) {
    struct vae_err err = {0};
    CHECK(!mat_open(&err), "%s", err.msg);
    test_symbols();
    struct vae_model *m = the_model(2, 0.5f);
    test_sum(m);
    test_score(m);
    test_draws(m, 1);
    test_draws(m, 0.5);
    vae_model_free(m);
    size_t better = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        test_beam(seed, &better);
    CHECK(better > 0, "the beam is nowhere better than greed: nothing was tested");
    test_gradient(0);
    test_gradient(0.4f);
    test_drop();
    test_deal();
    test_hostile();
    test_older();
    return test_done();
}
