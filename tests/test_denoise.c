/*
 * test_denoise.c - the denoiser: scores in closed form where the net says nothing, over columns of all kinds; trained, it tells rows
 * that break a dependence and rows beside a curve, the same on any number of threads and in any company; and what does not fit is
 * refused.
 */
#include "base/mat.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "columns.h"
#include "score/denoise.h"
#include "score/score.h"

enum { ROWS = 120, COLS = 5, CATEGORY = 4 /* three and any other */, VALUES = 4 + CATEGORY, LEVELS = 6, PAIRS = 3, DRAWS = LEVELS * PAIRS };

static void number(char out[CELL], size_t i) { snprintf(out, CELL, "%.4f", 100 * noise(i, 0)); }
static void twin(char out[CELL], size_t i) { snprintf(out, CELL, "%.4f", 3 - noise(i, 0)); } /* told by the first */

static struct outcome table(void) {
    static cell_fn *const cells[COLS] = {number, twin, category, gaps, constant};
    struct outcome o = scan(cells, COLS, ROWS, NULL);
    CHECK(o.s && o.s->d == COLS, "%s", o.err.msg);
    learn(&o, ROWS);
    return o;
}

/* The values v of denoise.h but for the division by their root mean square; NaN: missing. */
static void values(const double *raw, double v[ROWS][VALUES]) {
    for (size_t j = 0, k = 0; j < COLS; k += j == 2 ? CATEGORY : 1, j++) {
        double low = INFINITY, high = -INFINITY;
        for (size_t i = 0; i < ROWS; i++)
            low = fmin(low, raw[i * COLS + j]), high = fmax(high, raw[i * COLS + j]);
        for (size_t l = 0; l < (j == 2 ? CATEGORY : 1); l++) {
            double mean = 0, n = 0;
            for (size_t i = 0; i < ROWS; i++) {
                double x = raw[i * COLS + j];
                v[i][k + l] = j == 2 ? (x == (double)l) / sqrt(2) : j == 4 ? x > 7.5 : x / (high - low);
                if (!isnan(x))
                    mean += v[i][k + l], n++;
            }
            for (size_t i = 0; i < ROWS; i++)
                v[i][k + l] -= j == 4 ? 0 : mean / n;
        }
    }
}

/* With D(v', sigma) = v' / (1 + sigma^2). */
static double closed_form(const double v[VALUES], double size, const float *e) {
    double sum = 0;
    for (size_t l = 0; l < LEVELS; l++) {
        double sigma = 0.17 * pow(2 / 0.17, (double)l / (LEVELS - 1)), c = 1 / (1 + sigma * sigma);
        for (size_t a = 0; a < PAIRS; a++)
            for (size_t j = 0; j < VALUES; j++)
                for (int sign = -1; sign <= 1; sign += 2) {
                    double x = v[j] / size, off = c * (x + sign * sigma * (double)e[j * DRAWS + l * PAIRS + a]) - x;
                    sum += isnan(x) ? 0 : off * off / (2 * PAIRS);
                }
    }
    return sqrt(sum);
}

static void score_all(const struct vae_model *m, const float *x, size_t step, double *score) {
    struct vae_err err = {0};
    struct denoise *d = denoise_new(m, 1, &err);
    CHECK(d != NULL, "%s", err.msg);
    for (size_t i = 0; i < ROWS && d; i += step)
        denoise_score(d, 0, x + i * COLS, NULL, ROWS - i < step ? ROWS - i : step, score + i);
    denoise_free(d);
}

static void test_scores(struct vae_model *m, const struct outcome *o, const float *x) {
    static double v[ROWS][VALUES];
    double score[ROWS], alone[ROWS], blank[ROWS], square = 0, n = 0, worst = 0, told = 0;
    float e[VALUES * DRAWS], *w = mem_floats(m->denoiser.nw), odd[COLS];
    values(o->raw, v);
    for (size_t i = 0; i < ROWS * VALUES; i++)
        if (!isnan(v[i / VALUES][i % VALUES]))
            square += pow(v[i / VALUES][i % VALUES], 2), n++;
    CHECK(fabs((double)*m->denoiser.size / sqrt(square / n) - 1) < 1e-5, "size %g", (double)*m->denoiser.size);
    score_all(m, x, MAT_PANEL, score);
    score_all(m, x, 3, alone);
    CHECK(!memcmp(score, alone, sizeof score), "other scores in other company");

    float *trained = m->denoiser.w;
    m->denoiser.w = w; /* all zero */
    score_all(m, x, MAT_PANEL, blank);
    m->denoiser.w = trained;
    rng_normals(e, VALUES, DRAWS, DRAWS, 1, RNG_SCORE, 0, NULL, 0);
    for (size_t i = 0; i < ROWS; i++) {
        worst = fmax(worst, fabs(blank[i] / closed_form(v[i], sqrt(square / n), e) - 1));
        told += score[i] * score[i] / (blank[i] * blank[i]) / ROWS;
    }
    CHECK(worst < 1e-4, "off by %g of the closed form", worst);
    CHECK(told < 0.8, "trained, the squared error is %g of what it was", told);

    memcpy(odd, x, sizeof odd); /* each of the two as it often is, but never together */
    odd[1] = x[1] > 0 ? -1.5f : 1.5f;
    struct denoise *d = denoise_new(m, 1, NULL);
    double off = 0;
    size_t above = 0;
    denoise_score(d, 0, odd, NULL, 1, &off);
    for (size_t i = 0; i < ROWS; i++)
        above += score[i] >= off;
    CHECK(above < ROWS / 20 && off > 1.2 * score[0], "%zu rows are odder than the odd one: %g, was %g", above, off, score[0]);
    denoise_free(d), free(w);
}

static void test_refused(struct vae_model *m, const float *x) {
    struct vae_err err = {0};
    size_t *const size[] = {&m->denoiser.n, &m->denoiser.width, &m->denoiser.nw};
    for (size_t i = 0; i < 3; i++)
        for (size_t by = 0; by < 2; by++) {
            size_t was = *size[i];
            *size[i] = by ? was + 1 : was - 1, err.code = 0;
            CHECK(!denoise_new(m, 1, &err) && err.code == VAE_EDATA, "size %zu: %s", i, err.msg);
            *size[i] = was;
        }
    m->cal.by = VAE_BY_NEAR; /* as a file may say that has no exemplars */
    err.code = 0;
    CHECK(!scorer_new(m, VAE_BY_AUTO, SCORE_ONLY, 0, NULL, &err) && err.code == VAE_EUSAGE && strstr(err.msg, "exemplars"), "%s", err.msg);
    model_denoiser_free(&m->denoiser);
    m->cal.by = VAE_BY_DENOISE, err.code = 0;
    CHECK(!scorer_new(m, VAE_BY_AUTO, SCORE_ONLY, 0, NULL, &err) && err.code == VAE_EUSAGE && strstr(err.msg, "denoiser"), "%s", err.msg);
    CHECK(!denoise_learn(m, x, 9, 10, 1, NULL, &err) && !m->denoiser.n, "a denoiser of nine rows");
}

/* ---- a curve ----------------------------------------------------------------------------------------------------- */

enum { ON = 200, OFF = 100, SIDES = 4 };

static double angle(size_t i) { return 6.2831853 * fmod((double)i * 0.6180339887, 1); }

/* On a circle, but for the last rows, in its middle; a level that goes with the side; a cell that is missing now and then. */
static void across(char out[CELL], size_t i) { snprintf(out, CELL, "%.4f", 50 * cos(angle(i)) * (i < ON ? 1 : 0.1)); }
static void up(char out[CELL], size_t i) { snprintf(out, CELL, "%.4f", 0.3 * sin(angle(i)) * (i < ON ? 1 : 0.1)); }
static void side(char out[CELL], size_t i) { snprintf(out, CELL, "%s", cos(angle(i)) > 0 ? "right" : "left"); }
static void both(char out[CELL], size_t i) {
    if (i % 11)
        snprintf(out, CELL, "%.4f", cos(angle(i)) + sin(angle(i)));
}

static void test_circle(void) {
    static cell_fn *const cells[SIDES] = {across, up, side, both};
    struct outcome o = scan(cells, SIDES, ON + OFF, NULL);
    CHECK(o.s && o.s->d == SIDES, "%s", o.err.msg);
    learn(&o, ON);
    float *x = mem_floats((ON + OFF) * SIDES), far[SIDES] = {3e38f, 3e38f, 3e38f, 3e38f};
    struct vae_model m = {.schema = o.s};
    struct vae_err err = {0};
    double score[ON + OFF], highest = 0, out = 0;
    size_t above = 0;
    schema_to_model(o.s, o.raw, NULL, ON + OFF, x);
    CHECK(!denoise_learn(&m, x, ON, 800, 1, NULL, &err), "%s", err.msg);
    struct denoise *s = denoise_new(&m, 1, &err);
    CHECK(s != NULL, "%s", err.msg);
    for (size_t i = 0; i < ON + OFF; i += MAT_PANEL)
        denoise_score(s, 0, x + i * SIDES, NULL, ON + OFF - i < MAT_PANEL ? ON + OFF - i : MAT_PANEL, score + i);
    for (size_t i = 0; i < ON; i++) {
        highest = fmax(highest, score[i]);
        for (size_t k = ON; k < ON + OFF; k++)
            above += score[k] > score[i];
    }
    CHECK((double)above > 0.97 * ON * OFF, "in the middle of the circle is odd: AUROC %g", (double)above / (ON * OFF));
    denoise_score(s, 0, far, NULL, 1, &out);
    CHECK(isfinite((float)out) && out > highest, "far out it is %g, on the circle up to %g", out, highest);
    denoise_free(s), model_denoiser_free(&m.denoiser);
    free(x), done(&o);
}

int main(void) {
    struct vae_err err = {0};
    CHECK(!mat_open(&err), "%s", err.msg);
    struct outcome o = table();
    float *x = mem_floats(ROWS * COLS);
    struct vae_model m = {.schema = o.s}, again = {.schema = o.s};
    struct pool *pool = pool_new(2, &err);
    schema_to_model(o.s, o.raw, NULL, ROWS, x);
    CHECK(!denoise_learn(&m, x, ROWS, 500, 3, NULL, &err) && !denoise_learn(&again, x, ROWS, 500, 3, pool, &err), "%s", err.msg);
    CHECK(m.denoiser.n == VALUES, "%zu values", m.denoiser.n);
    CHECK(m.denoiser.nw == again.denoiser.nw &&
              !memcmp(m.denoiser.w, again.denoiser.w, m.denoiser.nw * sizeof *m.denoiser.w), "two threads learn another one");
    if (m.denoiser.n)
        test_scores(&m, &o, x);
    test_refused(&m, x);
    test_circle();
    model_denoiser_free(&again.denoiser), pool_free(pool);
    free(x), done(&o);
    return test_done();
}
