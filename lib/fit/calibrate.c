/* calibrate.c - scores of rows that a model was not fitted to: held out, or across folds. */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"
#include "score/score.h"

/* Scores of rows of the data by m, all kinds: out[kind * stride + i]. */
static int score_rows(const struct vae_model *m, const struct fit_rows *data, const uint64_t *rows, size_t n,
                      struct pool *pool, float *out, size_t stride, struct vae_err *err) {
    size_t d = m->schema->d, values;
    float *x = mem_mul(n, d, &values) ? mem_floats(values) : NULL;
    struct score_parts *parts = mem_array(n, sizeof *parts);
    struct scorer *s = scorer_new(m, VAE_BY_ELBO, SCORE_DRAWS, pool, err);
    int r = s && x && parts ? 0 : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    if (!r) {
        schema_to_model(m->schema, data->raw, rows, n, x);
        scorer_run(s, x, NULL, n, parts);
        for (size_t i = 0; i < n; i++)
            for (int by = VAE_BY_ELBO; by <= MODEL_NBY; by++)
                out[(size_t)(by - 1) * stride + i] = (float)score_by(&parts[i], (enum vae_by)by);
    }
    scorer_free(s);
    free(x), free(parts);
    return r;
}

struct folds {
    const struct fit_plan *plan;
    const struct fit_rows *data;
};

static int fold(void *ctx, const uint64_t *rows, size_t n, const uint64_t *test, size_t ntest, float *out,
                size_t stride, struct vae_err *err) {
    const struct folds *f = ctx;
    struct train_result res;
    struct vae_model *m = fit_one(f->plan, f->data, rows, n, NULL, NULL, NULL, &res, NULL, err);
    int r = m ? score_rows(m, f->data, test, ntest, NULL, out, stride, err) : (err->code ? err->code : VAE_EOS);
    vae_model_free(m);
    return r;
}

int fit_calibrate(const struct fit_plan *plan, const struct fit_rows *data, struct vae_model *m, const uint64_t *cal,
                  size_t ncal, struct pool *pool, struct vae_err *err) {
    struct model_calibration *c = &m->cal;
    c->draws = SCORE_DRAWS;
    if (!ncal && !plan->folds)
        return 0;
    c->n = ncal ? ncal : data->n;
    c->method = ncal ? "held-out" : "cross-conformal";
    c->score = mem_array(c->n, MODEL_NBY * sizeof *c->score);
    if (!c->score)
        return err_set(err, VAE_EOS, "out of memory for %zu scores", c->n);
    struct folds f = {plan, data};
    if (!ncal)
        return conformal_cross(data->n, plan->folds, plan->train.seed, pool, fold, &f, MODEL_NBY, c->score, err);
    int r = score_rows(m, data, cal, ncal, pool, c->score, ncal, err);
    for (size_t by = 0; by < MODEL_NBY && !r; by++)
        conformal_sort(c->score + by * ncal, ncal);
    return r;
}
