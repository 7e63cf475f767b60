/*
 * test_ops.c - the filters on a small model: encoded, decoded, scored and generated records against the arithmetic in
 * double; what is drawn has the distribution it should have.
 */
#include "base/mat.h"
#include "models.h"
#include "score/score.h"

enum { FROWS = 45 };

/* raw[FROWS,d] as a batch of the schema's columns. */
static struct rec_build *batch_of(const struct vae_model *m, const struct vae_head *h, const double *raw) {
    struct rec_build *b = rec_build_new(h, NULL);
    CHECK(!schema_write(m->schema, true, raw, FROWS, 0, b, NULL), "no batch");
    return b;
}

static const void *field(const struct vae_op *op, const struct vae_batch *b, const char *name) {
    int f = rec_head_find(vae_op_head(op), name);
    CHECK(f >= 0, "no field '%s'", name);
    return b->cols[f].data;
}

/* Sums of what should be standard normal. */
struct tally {
    double n, sum, square;
};

static void tally(struct tally *t, double v) {
    t->n++, t->sum += v, t->square += v * v;
}

static bool normal(const struct tally *t) {
    return fabs(t->sum) < 5 * sqrt(t->n) && fabs(t->square - t->n) < 5 * sqrt(2 * t->n);
}

/* Records from CUT on through a second filter that starts with that number: the same bytes in the first field. */
enum { CUT = 21 };
static void check_cut(struct vae_op *late, struct rec_build *in, const void *whole, size_t record) {
    struct vae_err err = {0};
    const struct vae_batch *out = NULL;
    size_t from = CUT;
    CHECK(late && !vae_op_run(late, rec_build_batch(in, FROWS), &from, &out, &err) && out->rows == FROWS - CUT, "%s",
          err.msg);
    CHECK(!memcmp(out->cols[0].data, (const char *)whole + CUT * record, (FROWS - CUT) * record),
          "a draw depends on the cut");
    vae_op_free(late);
}

static void test_encode(const struct vae_model *m, const struct vae_head *h, struct rec_build *in, const float *x) {
    size_t k = m->config.latent_dim, d = m->schema->d;
    double *w = models_weights(m), off = 0;
    struct vae_err err = {0};
    struct tally t = {0};
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct vae_op_opts o = {.threads = 1 + seed % 2, .seed = seed, .with_sd = true, .sample = seed > 0};
        struct vae_op *op = vae_encode(m, h, &o, &err);
        const struct vae_batch *out = NULL;
        size_t from = 0;
        CHECK(op && !vae_op_run(op, rec_build_batch(in, FROWS), &from, &out, &err) && from == FROWS, "%s", err.msg);
        const float *mu = field(op, out, "mu"), *sd = field(op, out, "sd");
        o.first_row = CUT;
        check_cut(vae_encode(m, h, &o, &err), in, mu, k * sizeof *mu);
        for (size_t i = 0; i < FROWS; i++) {
            double zero[64] = {0}, one[64];
            for (size_t j = 0; j < k; j++)
                one[j] = 1;
            struct models_parts a = models_record(m, w, x + i * d, zero, 0), b = models_record(m, w, x + i * d, one, 0);
            for (size_t j = 0; j < k; j++) {
                double got = (double)mu[i * k + j], s = b.z[j] - a.z[j];
                off = fmax(off, fabs((double)sd[i * k + j] / s - 1));
                if (o.sample)
                    tally(&t, (got - a.z[j]) / s);
                else
                    off = fmax(off, fabs(got - a.z[j]));
            }
        }
        vae_op_free(op);
    }
    CHECK(off < 1e-5, "latents off by %g", off);
    CHECK(normal(&t), "draws of latents: mean %g, mean square %g", t.sum / t.n, t.square / t.n);
    free(w);
}

/* Latents of the posterior means, decoded. */
static void test_decode(struct vae_model *m, const float *x) {
    size_t k = m->config.latent_dim, d = m->schema->d;
    const struct lik *l = m->config.lik;
    double *w = models_weights(m), off = 0;
    struct vae_head *h = rec_head_new("latent", NULL);
    struct vae_err err = {0};
    struct tally t = {0};
    rec_head_add(h, "mu", REC_F32, 1, &k, NULL);
    struct rec_build *in = rec_build_new(h, NULL);
    rec_build_rows(in, FROWS, NULL);
    float *z = rec_build_data(in, 0);
    double told[FROWS][64]; /* outputs of the decoder */
    for (size_t i = 0; i < FROWS; i++) {
        struct models_parts r = models_record(m, w, x + i * d, (double[64]){0}, 0);
        for (size_t j = 0; j < k; j++)
            z[i * k + j] = (float)r.z[j];
        memcpy(told[i], r.out, d * sizeof(double));
    }
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct vae_op_opts o = {.threads = 1, .seed = seed, .sample = seed > 0};
        struct vae_op *op = vae_decode(m, h, &o, &err);
        const struct vae_batch *out = NULL;
        size_t from = 0;
        CHECK(op && !vae_op_run(op, rec_build_batch(in, FROWS), &from, &out, &err), "%s", err.msg);
        o.first_row = CUT;
        check_cut(vae_decode(m, h, &o, &err), in, out->cols[0].data, sizeof(double));
        for (size_t c = 0, theta = m->wlik; c < m->schema->ncols; c++, theta += (size_t)l->params) {
            const double *v = out->cols[c].data;
            size_t width = m->schema->col[c].width, v0 = m->schema->col[c].v0;
            for (size_t i = 0; i < FROWS; i++)
                for (size_t j = 0; j < width; j++) {
                    double unit = (v[i * width + j] - m->schema->center[v0 + j]) / m->schema->scale[v0 + j];
                    double output = told[i][v0 + j], mean = models_mean(l, output);
                    if (o.sample)
                        tally(&t, (unit - mean) / sqrt(models_var(l, output, l->params ? w[theta] : 0)));
                    else
                        off = fmax(off, fabs(unit - mean));
                }
        }
        vae_op_free(op);
    }
    CHECK(off < 1e-5, "decoded means off by %g", off);
    CHECK(normal(&t), "%s: decoded draws: mean %g, mean square %g", m->config.lik->name, t.sum / t.n, t.square / t.n);
    rec_build_free(in), rec_head_free(h), free(w);
}

static void test_filter(const struct vae_model *m, const struct vae_head *h, struct rec_build *in, const float *x) {
    struct score_parts parts[FROWS], all[FROWS];
    struct vae_err err = {0};
    struct scorer *whole = scorer_new(m, VAE_BY_ELBO, SCORE_ALL, 0, NULL, &err);
    CHECK(whole, "%s", err.msg);
    scorer_run(whole, x, NULL, FROWS, all);
    scorer_free(whole);
    for (int by = VAE_BY_ELBO; by <= VAE_BY_MSE; by++) {
        struct vae_op_opts o = {.threads = 2, .parts = true, .by = (enum vae_by)by, .alpha = 0.3};
        struct vae_op *op = vae_score(m, h, &o, &err);
        struct scorer *s = scorer_new(m, (enum vae_by)by, SCORE_ONLY, 0, NULL, &err);
        const struct vae_batch *out = NULL;
        size_t from = 0, wrong = 0;
        CHECK(op && s && !vae_op_run(op, rec_build_batch(in, FROWS), &from, &out, &err), "%s", err.msg);
        scorer_run(s, x, NULL, FROWS, parts);
        const float *score = field(op, out, "score"), *p = field(op, out, "p"), *odd = field(op, out, "anomaly");
        const float *nll = field(op, out, "nll"), *recon = field(op, out, "recon"), *kl = field(op, out, "kl");
        const float *mse = field(op, out, "mse");
        const float *cal = m->cal.score + (size_t)(by - 1) * m->cal.n;
        for (size_t i = 0; i < FROWS; i++) {
            double want = score_by(&parts[i], (enum vae_by)by), bound = by == VAE_BY_IW ? -parts[i].iw : -parts[i].elbo;
            double pv = conformal_p(cal, m->cal.n, (float)want);
            wrong += score_by(&all[i], (enum vae_by)by) != want; /* one scorer gives what each alone does */
            wrong += score[i] != (float)want || p[i] != (float)pv || odd[i] != (pv <= 0.3) || nll[i] != (float)bound ||
                     recon[i] != (float)parts[i].recon || kl[i] != (float)parts[i].kl || mse[i] != (float)parts[i].mse;
        }
        CHECK(wrong == 0, "score %d: %zu rows differ", by, wrong);
        scorer_free(s);
        vae_op_free(op);
    }
}

/* Draws of a model with the normal prior have the moments of decoding normal latents; cut anywhere they are the same.
 */
static void test_generate(struct vae_model *m) {
    enum { DRAWS = 4000 };
    size_t d = m->schema->d, k = m->config.latent_dim;
    const struct lik *l = m->config.lik;
    struct vae_op_opts o = {.threads = 2, .seed = 3, .prior = "normal"}, late = o;
    struct vae_err err = {0};
    struct vae_op *whole = vae_generate(m, &o, &err), *cut;
    late.first_row = 1001;
    cut = vae_generate(m, &late, &err);
    const struct vae_batch *a, *b;
    CHECK(whole && cut && !vae_op_generate(whole, DRAWS, &a, &err) && !vae_op_generate(cut, 77, &b, &err), "%s",
          err.msg);
    double *w = models_weights(m), sum[64] = {0}, square[64] = {0}, want[64] = {0}, want2[64] = {0}, v[64], mean[64],
           z[64];
    for (size_t i = 0; i < DRAWS; i++) {
        float e[64];
        rng_normals(e, k, 1, 1, 12, RNG_TEST, 9, NULL, i); /* other draws: moments only */
        for (size_t j = 0; j < k; j++)
            z[j] = (double)e[j];
        models_forward(&m->dec, w, z, mean);
        for (size_t c = 0, theta = m->wlik; c < m->schema->ncols; c++, theta += (size_t)l->params) {
            size_t width = m->schema->col[c].width, v0 = m->schema->col[c].v0;
            const double *g = a->cols[c].data;
            if (i < 77)
                CHECK(!memcmp((const double *)b->cols[c].data + i * width, g + (1001 + i) * width, width * sizeof *g),
                      "row %zu depends on the cut", i);
            for (size_t j = v0; j < v0 + width; j++) {
                double p = models_mean(l, mean[j]), var = models_var(l, mean[j], l->params ? w[theta] : 0);
                v[j] = (g[i * width + j - v0] - m->schema->center[j]) / m->schema->scale[j];
                sum[j] += v[j] / DRAWS, square[j] += v[j] * v[j] / DRAWS;
                want[j] += p / DRAWS, want2[j] += (p * p + var) / DRAWS;
            }
        }
    }
    for (size_t j = 0; j < d; j++) {
        double var = want2[j] - want[j] * want[j];
        CHECK(fabs(sum[j] - want[j]) < 7 * sqrt(var / DRAWS) && fabs(square[j] / want2[j] - 1) < 0.2,
              "%s value %zu: mean %g, should be %g; square %g, should be %g", m->config.lik->name, j, sum[j], want[j],
              square[j], want2[j]);
    }
    vae_op_free(whole), vae_op_free(cut), free(w);
}

static void test_ops(const struct lik *lik) {
    static const size_t widths[] = {1, 1, 4, 1, 0};
    struct model_config c = {
        .latent_dim = 3, .latent = &latent_gauss, .act = &nn_tanh, .nhidden = 2, .hidden = {6, 5}, .lik = lik};
    size_t d = 7;
    double *raw = models_data(FROWS, d, lik->max <= 1);
    struct vae_model *m = models_new(&c, widths, raw, FROWS, 3);
    struct vae_head *h = schema_head(m->schema, true, NULL);
    struct rec_build *in = batch_of(m, h, raw);
    float *x = models_rows(m, raw, FROWS);
    for (size_t j = 0; j < d && lik->max > 1; j++) /* draws are held in the range of the data: not here */
        m->schema->stats.low[j] = -1e9, m->schema->stats.high[j] = 1e9;
    m->cal.n = 20, m->cal.method = "held-out", m->cal.score = mem_array(20 * MODEL_NBY, sizeof(float));
    struct scorer *s = scorer_new(m, VAE_BY_ELBO, SCORE_ONLY, 0, NULL, NULL);
    struct score_parts parts[20];
    scorer_run(s, x, NULL, 20, parts);
    m->cal.draws = scorer_draws(s);
    for (size_t by = 0; by < model_scores(m); by++) {
        for (size_t i = 0; i < 20; i++)
            m->cal.score[by * 20 + i] = (float)score_by(&parts[i], (enum vae_by)(by + 1));
        conformal_sort(m->cal.score + by * 20, 20);
    }
    scorer_free(s);
    test_encode(m, h, in, x);
    test_decode(m, x);
    test_filter(m, h, in, x);
    test_generate(m);
    rec_build_free(in), rec_head_free(h), free(raw), free(x);
    vae_model_free(m);
}

int main(void) {
    struct vae_err err = {0};
    if (mat_open(&err)) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    for (size_t t = 0; lik_table[t]; t++)
        if (models_knows(lik_table[t]))
            test_ops(lik_table[t]);
    return test_done();
}
