/*
 * test_explain.c - explanations of scores: against a linear model with an exact posterior, where all that is expected has a
 * closed form; shares that add up; records that are explained alike wherever they stand.
 */
#include "base/mat.h"
#include "models.h"
#include "score/explain.h"

enum { D = 4, K = 2, ROWS = 300 };

/*
 * x = W z + e, Var e = psi, W = psi^(1/2) Q diag(s) with orthonormal Q: then W' psi^-1 W is diagonal, and so is the posterior,
 * with variances 1 / (1 + s^2) and means that times W' psi^-1 x. The precision of x is
 * psi^(-1/2) (I - Q diag(s^2 / (1 + s^2)) Q') psi^(-1/2).
 */
static const double q[D][K] = {{0.5, 0.5}, {0.5, -0.5}, {0.5, 0.5}, {0.5, -0.5}}, s2[K] = {3, 2}, psi[D] = {0.3, 0.4, 0.5, 0.44};

static double precision(size_t i, size_t j) {
    double sum = i == j;
    for (size_t a = 0; a < K; a++)
        sum -= q[i][a] * q[j][a] * s2[a] / (1 + s2[a]);
    return sum / sqrt(psi[i] * psi[j]);
}

static struct vae_model *linear_model(void) {
    static const size_t widths[] = {1, 1, 1, 1, 0};
    const struct model_config c = {.latent_dim = K, .latent = &latent_gauss, .lik = &lik_gaussian, .act = &nn_silu};
    double *raw = models_data(ROWS, D, false);
    struct vae_model *m = models_new(&c, widths, raw, ROWS, 1);
    float *enc = m->w + m->enc.node[0].w0, *dec = m->w + m->dec.node[0].w0;
    CHECK(m->enc.n == 1 && m->dec.n == 1, "nets of %zu and %zu nodes", m->enc.n, m->dec.n);
    memset(enc, 0, m->enc.nw * sizeof *enc), memset(dec, 0, m->dec.nw * sizeof *dec);
    for (size_t a = 0; a < K; a++) {
        for (size_t j = 0; j < D; j++) {
            double w = sqrt(psi[j] * s2[a]) * q[j][a];
            enc[a * D + j] = (float)(w / psi[j] / (1 + s2[a]));
            dec[j * K + a] = (float)w;
        }
        enc[2 * K * D + K + a] = (float)-log(1 + s2[a]); /* biases stand behind the weights */
    }
    for (size_t b = 0; b < m->nblocks; b++)
        for (size_t j = 0; j < m->block[b].nx; j++)
            m->w[m->block[b].w0 + j] = (float)(0.5 * log(psi[m->block[b].x0 + j]));
    free(raw);
    return m;
}

/* The item that was tampered with comes first; expected value, spread and drop are those of the normal distribution. */
static void test_linear(enum vae_by by) {
    struct vae_err err = {0};
    struct vae_model *m = linear_model();
    struct scorer *s = scorer_new(m, by, SCORE_ONLY, 64, NULL, &err);
    struct explain *e = explain_new(m, s, D, NULL, &err);
    CHECK(s && e, "%s", err.msg);
    float x[ROWS * D];
    uint64_t rows[ROWS];
    static struct score_parts parts[ROWS];
    static struct explain_why why[ROWS * D];
    rng_normals(x, D, ROWS, ROWS, 4, RNG_TEST, 9, NULL, 0); /* any numbers in [ROWS,D] */
    for (size_t i = 0; i < ROWS; i++) {
        rows[i] = i;
        x[i * D + i % D] = i % 2 ? 3.9f : -3.9f; /* beyond 4 the encoder does not see it as it is */
        for (size_t j = 0; j < D; j++)
            x[i * D + j] *= j == i % D ? 1 : 0.5f;
    }
    scorer_run(s, x, NULL, ROWS, parts);
    explain_run(e, x, rows, ROWS, parts, why);
    for (size_t i = 0; i < ROWS; i++)
        for (size_t c = 0; c < D; c++) {
            const struct explain_why *w = &why[i * D + c];
            size_t j = w->item;
            double p = precision(j, j), mean = 0, xj = (double)x[i * D + j];
            for (size_t k = 0; k < D; k++)
                mean -= k == j ? 0 : precision(j, k) / p * (double)x[i * D + k];
            if (fabs(mean) > 2.5) /* beyond the training rows */
                continue;
            double x0 = (double)w->expected.x[0], spread = m->schema->scale[j] / sqrt(p);
            double drop = 0.5 * p * (xj - mean) * (xj - mean);
            CHECK(c || j == i % D, "row %zu: %zu is first, not %zu", i, j, i % D);
            CHECK(fabs(x0 - mean) < 1e-3, "row %zu, %zu: %g expected, not %g", i, j, x0, mean);
            CHECK(fabs(w->expected.spread / spread - 1) < 0.05, "row %zu, %zu: spread %g, not %g", i, j, w->expected.spread,
                  spread);
            CHECK(fabs(w->drop - drop) < 0.02 + 0.02 * drop, "row %zu, %zu: a drop of %g, not %g", i, j, w->drop, drop);
            CHECK(by == VAE_BY_ELBO || !(fabs(w->share - w->drop) > 0), "row %zu, %zu: share %g", i, j, w->share);
        }
    explain_free(e), scorer_free(s), vae_model_free(m);
}

/* By the ELBO shares of all items and the KL make up the score, for every likelihood; an item that is missing is not named. */
static void test_sums(const struct lik *l, bool spread) {
    enum { N = 40, WIDTH = 7 };
    static const size_t widths[] = {1, 3, 1, 1, 1, 0};
    struct vae_err err = {0};
    const struct model_config c = {.latent_dim = 3, .latent = &latent_gauss, .lik = l, .act = &nn_silu, .residual = true,
                                   .nhidden = 1, .hidden = {16}, .sd = spread ? SD_RECORD : SD_COLUMN};
    double *raw = models_data(ROWS, WIDTH, l->max <= 1);
    struct vae_model *m = models_new(&c, widths, raw, ROWS, 2);
    struct scorer *s = scorer_new(m, VAE_BY_ELBO, SCORE_ONLY, 8, NULL, &err);
    struct explain *e = explain_new(m, s, 99, NULL, &err);
    float *x = mem_floats(N * WIDTH);
    uint64_t rows[N];
    struct score_parts parts[N];
    CHECK(s && e && explain_count(e) == WIDTH, "%s: %s", l->name, err.msg);
    struct explain_why *why = mem_array(2 * N * WIDTH, sizeof *why), *turned = why + N * WIDTH;
    schema_to_model(m->schema, raw, NULL, N, x);
    x[3 * WIDTH] = NAN;
    for (size_t i = 0; i < N; i++)
        rows[i] = i;
    scorer_run(s, x, NULL, N, parts);
    explain_run(e, x, rows, N, parts, why);
    for (size_t i = 0; i < N; i++) {
        double sum = parts[i].kl;
        for (size_t k = 0; k < WIDTH; k++) {
            const struct explain_why *w = &why[i * WIDTH + k];
            sum += w->item == SIZE_MAX ? 0 : w->share;
            bool right = i == 3 ? w->item != 0 && (w->item == SIZE_MAX) == (k == WIDTH - 1) : w->item < WIDTH;
            CHECK(right, "%s: item %zu", l->name, w->item);
            CHECK(w->item == SIZE_MAX || (w->expected.spread > 0 && isfinite(w->expected.spread)), "%s: spread %g", l->name,
                  w->expected.spread);
        }
        CHECK(fabs(sum + parts[i].elbo) < 1e-9 * (1 + fabs(sum)), "%s: shares of %.12g, not %.12g", l->name, sum,
              -parts[i].elbo);
    }
    /* other company, in another order */
    for (size_t i = 0; i < N; i++)
        rows[i] = (i * 7 + 5) % N;
    explain_run(e, x, rows, N - 3, parts, turned);
    for (size_t i = 0; i < N - 3; i++)
        for (size_t k = 0; k < WIDTH; k++) {
            const struct explain_why *a = &why[rows[i] * WIDTH + k], *b = &turned[i * WIDTH + k];
            bool same = a->item == b->item && !memcmp(&a->share, &b->share, sizeof a->share);
            same = same && !memcmp(&a->drop, &b->drop, sizeof a->drop);
            CHECK(same && !memcmp(&a->expected.spread, &b->expected.spread, sizeof(double)), "%s: record %zu is explained"
                  " otherwise at %zu", l->name, (size_t)rows[i], i);
        }
    free(raw), free(x), free(why);
    explain_free(e), scorer_free(s), vae_model_free(m);
}

int main(void) {
    struct vae_err err = {0};
    CHECK(!mat_open(&err), "%s", err.msg);
    test_linear(VAE_BY_ELBO);
    test_linear(VAE_BY_IW);
    for (size_t i = 0; lik_table[i]; i++)
        for (int spread = 0; spread < 1 + lik_table[i]->spreads; spread++)
            if (models_knows(lik_table[i]))
                test_sums(lik_table[i], spread);
    return test_done();
}
