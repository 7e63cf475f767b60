/*
 * The denoiser: rows on a curve are nearer to where it puts them than rows beside it, whatever the columns are; a record has one
 * score wherever it stands; what a file may say of it that is not so.
 */
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/op.h"
#include "score/denoise.h"
#include "scans.h"

enum { ROWS = 200, ODD = 100, COLS = 4, STEPS = 800 };

static double angle(size_t i) { return 6.2831853 * fmod((double)i * 0.6180339887, 1); }

/* On a circle, but for the last rows, which are in its middle; a level that goes with the side; a cell that is missing now and then. */
static void across(char out[CELL], size_t i) { snprintf(out, CELL, "%.4f", 50 * cos(angle(i)) * (i < ROWS ? 1 : 0.1)); }
static void up(char out[CELL], size_t i) { snprintf(out, CELL, "%.4f", 0.3 * sin(angle(i)) * (i < ROWS ? 1 : 0.1)); }
static void side(char out[CELL], size_t i) { snprintf(out, CELL, "%s", cos(angle(i)) > 0 ? "right" : "left"); }
static void both(char out[CELL], size_t i) {
    if (i % 11)
        snprintf(out, CELL, "%.4f", cos(angle(i)) + sin(angle(i)));
}

int main(void) {
    static cell_fn *const cells[COLS] = {across, up, side, both};
    struct vae_err err = {0};
    if (mat_open(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    struct outcome o = scan(cells, COLS, ROWS + ODD, NULL);
    uint64_t rows[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = i;
    for (size_t c = 0; c < o.s->ncols; c++) {
        o.s->col[c].transform = o.s->col[c].levels.n ? &schema_level : &schema_standard;
        snprintf(o.s->col[c].lik, sizeof o.s->col[c].lik, "%s", o.s->col[c].levels.n ? "categorical" : "gaussian");
    }
    CHECK(!schema_learn(o.s, o.raw, rows, ROWS, 16, &err), "%s", err.msg);
    size_t d = o.s->d;
    float *x = mem_floats((ROWS + ODD) * d);
    schema_to_model(o.s, o.raw, NULL, ROWS + ODD, x);
    const struct model_config c = {.latent_dim = 1, .latent = &latent_gauss, .act = &nn_silu, .nhidden = 1, .hidden = {4},
                                   .lik = &lik_gaussian, .masks = true};
    struct vae_model *m = model_new(&c, o.s, &err);
    o.s = NULL;
    CHECK(m != NULL, "%s", err.msg);
    CHECK(!denoise_learn(m, x, 9, 10, 1, NULL, &err) && !m->denoiser.n, "nine rows are too few");
    CHECK(!denoise_learn(m, x, ROWS, STEPS, 1, NULL, &err), "%s", err.msg);
    CHECK(m->denoiser.n > m->denoiser.width, "%zu values of %zu coordinates: levels are one by one", m->denoiser.n, m->denoiser.width);
    struct denoise *s = denoise_new(m, 1, &err);
    CHECK(s != NULL, "%s", err.msg);
    double score[ROWS + ODD], alone, worst = 0, highest = 0, lowest = INFINITY;
    for (size_t i = 0; i < ROWS + ODD; i += MAT_PANEL)
        denoise_score(s, 0, x + i * d, NULL, ROWS + ODD - i < MAT_PANEL ? ROWS + ODD - i : MAT_PANEL, score + i);
    size_t above = 0;
    for (size_t i = 0; i < ROWS + ODD; i++) {
        denoise_score(s, 0, x, &i, 1, &alone);
        worst = fmax(worst, fabs(alone - score[i]));
        if (i < ROWS)
            highest = fmax(highest, score[i]);
        else
            lowest = fmin(lowest, score[i]);
    }
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = ROWS; k < ROWS + ODD; k++)
            above += score[k] > score[i];
    CHECK(!(worst > 0), "a record scores otherwise elsewhere, by %g", worst);
    CHECK((double)above > 0.97 * ROWS * ODD, "in the middle of the circle is odd: AUROC %g", (double)above / (ROWS * ODD));
    CHECK(isfinite(highest) && lowest > 0, "scores from %g to %g", lowest, highest);
    float far[8], far_score;
    for (size_t j = 0; j < d; j++)
        far[j] = 3e38f;
    denoise_score(s, 0, far, NULL, 1, &alone);
    far_score = (float)alone;
    CHECK(isfinite(far_score) && alone > highest, "far out it is %g", alone);
    denoise_free(s);
    m->denoiser.nw--;
    CHECK(!denoise_new(m, 1, &err) && err.code == VAE_EDATA, "a net of another size");
    m->denoiser.nw++, m->denoiser.n--;
    CHECK(!denoise_new(m, 1, &err) && err.code == VAE_EDATA, "another number of values");
    m->denoiser.n++;
    vae_model_free(m);
    done(&o), free(x);
    return test_done();
}
