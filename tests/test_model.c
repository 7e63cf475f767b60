/*
 * test_model.c - a whole model: the objective, its gradient and the scores against the formula in double; a linear
 * model whose likelihood is known; and that a record's score is its own, wherever it stands and whoever computes it.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/mat.h"
#include "base/pool.h"
#include "models.h"
#include "score/score.h"

static const double H = 1e-5;

struct layout {
    const char *what;
    size_t widths[16];
    size_t k, nhidden, hidden[4];
    bool residual;
    size_t nchannels, channels[2];
};

static const struct layout layouts[] = {
    {"linear", {1, 1, 1, 0}, 2, 0, {0}, false, 0, {0}},
    {"mlp", {1, 1, 4, 1, 0}, 3, 2, {6, 5}, false, 0, {0}},
    {"residual", {3, 1, 2, 1, 1, 0}, 2, 3, {6, 6, 4}, true, 0, {0}},
    {"many", {1, 1, 1, 0}, 9, 1, {5}, true, 0, {0}}, /* latents, two of them in the upper level of a ladder */
    {"conv", {25, 0}, 2, 1, {5}, true, 2, {3, 2}},
};

static size_t sum_of(const size_t *widths) {
    size_t d = 0;
    for (; *widths; widths++)
        d += *widths;
    return d;
}

static const struct models_kind plain = {&latent_gauss, NULL};

static struct vae_model *small(const struct layout *l, const struct models_kind *q, const struct lik *lik, const double *raw,
                               size_t n) {
    struct model_config c = {.latent_dim = l->k,
                             .act = l->nhidden % 2 ? &nn_silu : &nn_tanh,
                             .residual = l->residual,
                             .nhidden = l->nhidden,
                             .nchannels = l->nchannels,
                             .lik = lik};
    memcpy(c.hidden, l->hidden, sizeof l->hidden);
    memcpy(c.channels, l->channels, sizeof l->channels);
    models_set_kind(&c, q);
    return models_new(&c, l->widths, raw, n, 3);
}

/* ---- objective and gradient ----------------------------------------------------------------------------------- */

enum { N = 7, LD = 16, SOME = 101 /* of the many weights of a RealNVP every so manyth */ };

static double objective(const struct vae_model *m, const double *w, const float *x, const struct model_pass *p,
                        const struct model_objective *o) {
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        double eps[64];
        for (size_t j = 0; j < m->config.latent_dim; j++)
            eps[j] = (double)p->eps[j * p->ld + i];
        struct models_parts r = models_record(m, w, x + i * m->schema->d, eps, (double)o->free_nats);
        sum += (double)o->scale * (r.nll + (double)o->beta * r.kl_free);
    }
    return sum;
}

static void test_gradient(const struct layout *l, const struct models_kind *q, const struct lik *lik, float free_nats) {
    size_t d = sum_of(l->widths);
    double *raw = models_data(60, d, lik->max <= 1);
    struct vae_model *m = small(l, q, lik, raw, 60);
    struct model_pass p;
    struct vae_err err = {0};
    CHECK(!model_pass_init(&p, m, LD, true, &err), "%s", err.msg);
    raw[2 * d] = lik->max <= 1 ? 1 : raw[2 * d] * 30; /* an outlier beyond the knee of the encoder's inputs */
    float *x = models_rows(m, raw, 60), *dw = mem_floats(m->nw);
    uint64_t rows[N] = {0, 1, 2, 3, 4, 5, 6};
    struct model_objective o = {.scale = 0.25f, .beta = 0.7f, .free_nats = free_nats};
    for (size_t i = 0; i < m->nw; i++)
        dw[i] = NAN;
    rng_normals(p.eps, l->k, N, p.ld, 1, RNG_TEST, 5, NULL, 0);
    pseudo_forward(m, m->w, &p, N, NULL);
    for (size_t at = 0; at < N; at += 4) { /* in shards */
        size_t n = N - at < 4 ? N - at : 4;
        model_load_rows(m, &p, at, n, x, rows + at);
        model_train_shard(m, m->w, &p, at, n, &o, NULL);
    }
    pseudo_backward(m, m->w, &p, NULL);
    for (size_t t = model_grad_tasks(m); t-- > 0;)
        model_grad(m, m->w, &p, t, N, o.scale, dw);

    double *w = models_weights(m), worst = 0, size = 0;
    for (size_t i = 0; i < N; i++) {
        double eps[64];
        for (size_t j = 0; j < l->k; j++)
            eps[j] = (double)p.eps[j * p.ld + i];
        struct models_parts r = models_record(m, w, x + i * d, eps, 0);
        CHECK(fabs(p.nll[i] - r.nll) < 1e-5 * (1 + fabs(r.nll)) && fabs(p.kl[i] - r.kl) < 1e-5 * (1 + fabs(r.kl)),
              "%s %s %s record %zu: nll %.9g kl %.9g, should be %.9g %.9g", l->what, models_kind_name(q), lik->name, i, p.nll[i], p.kl[i],
              r.nll, r.kl);
    }
    for (size_t i = 0; i < m->nw; i += i >= m->wprior && i + SOME < m->wlik && !m->npseudo ? SOME : 1) {
        double keep = w[i], up, down;
        w[i] = keep + H, up = objective(m, w, x, &p, &o);
        w[i] = keep - H, down = objective(m, w, x, &p, &o);
        w[i] = keep;
        double want = (up - down) / (2 * H), e = fabs((double)dw[i] - want) / (1 + fabs(want));
        if (!(e < 2e-4))
            CHECK(0, "%s %s %s free %g: weight %zu of %zu (likelihood's from %zu): gradient %g, should be %g", l->what,
                  models_kind_name(q), lik->name, (double)free_nats, i, m->nw, m->wlik, (double)dw[i], want);
        worst = fmax(worst, e), size += fabs(want);
    }
    CHECK(size > 1, "%s %s %s: gradients vanish (%g, worst error %g)", l->what, models_kind_name(q), lik->name, size, worst);
    free(raw), free(x), free(dw), free(w);
    model_pass_free(&p);
    vae_model_free(m);
}

/* ---- scores ------------------------------------------------------------------------------------------------ */

/* Draw a of the noise that is shared (test_noise.c). */
static void fixed_noise(size_t k, int draws, int a, double *eps) {
    float *e = mem_floats((size_t)draws * k);
    score_noise(e, (size_t)draws, k, true);
    for (size_t j = 0; j < k; j++)
        eps[j] = (double)e[(size_t)a * k + j];
    free(e);
}

static void test_score(const struct layout *l, const struct models_kind *q, const struct lik *lik, int draws) {
    enum { ROWS = 37 };
    size_t d = sum_of(l->widths);
    double *raw = models_data(ROWS, d, lik->max <= 1);
    struct vae_model *m = small(l, q, lik, raw, ROWS);
    struct vae_err err = {0};
    struct scorer *s = scorer_new(m, VAE_BY_AUTO, SCORE_ONLY, draws, NULL, &err);
    CHECK(s && scorer_draws(s) == draws && scorer_by(s) == VAE_BY_ELBO, "%s", err.msg);
    float *x = models_rows(m, raw, ROWS);
    double *w = models_weights(m);
    struct score_parts parts[ROWS];
    scorer_run(s, x, NULL, ROWS, parts);
    for (size_t i = 0; i < ROWS; i++) {
        double recon = 0, kl = 0, mse = 0, sum = 0, square = 0, top = -INFINITY, lw[64];
        for (int a = 0; a < draws; a++) {
            double eps[64];
            fixed_noise(l->k, draws, a, eps);
            struct models_parts r = models_record(m, w, x + i * d, eps, 0);
            recon += r.nll / draws, kl += r.kl / draws;
            lw[a] = r.logp - r.logq - r.nll;
            top = fmax(top, lw[a]);
        }
        for (int a = 0; a < draws; a++)
            sum += exp(lw[a] - top), square += exp(2 * (lw[a] - top));
        struct models_parts r = models_record(m, w, x + i * d, (double[64]){0}, 0);
        for (size_t j = 0; j < d; j++)
            mse += pow((double)x[i * d + j] - r.mean[j], 2) / (double)d;
        double want[6] = {recon, kl, -recon - kl, top + log(sum / draws), sum * sum / square, mse};
        double got[6] = {parts[i].recon, parts[i].kl, parts[i].elbo, parts[i].iw, parts[i].ess, parts[i].mse};
        static const char *const name[6] = {"recon", "kl", "elbo", "iw", "ess", "mse"};
        for (size_t a = 0; a < 6; a++)
            CHECK(fabs(got[a] - want[a]) < 3e-5 * (1 + fabs(want[a])), "%s %s %s K %d record %zu: %s %.9g, should be %.9g",
                  l->what, models_kind_name(q), lik->name, draws, i, name[a], got[a], want[a]);
        if (draws == 1)
            CHECK(fabs(parts[i].iw - lw[0]) < 3e-5 * (1 + fabs(lw[0])) && fabs(parts[i].ess - 1) < 1e-9,
                  "one draw: %g is not log p(x,z)/q(z) = %g", parts[i].iw, lw[0]);
    }
    CHECK(score_by(&parts[0], VAE_BY_ELBO) == -parts[0].elbo && score_by(&parts[0], VAE_BY_IW) == -parts[0].iw &&
              score_by(&parts[0], VAE_BY_RECON) == parts[0].recon && score_by(&parts[0], VAE_BY_MSE) == parts[0].mse,
          "a score is another's part");
    scorer_free(s), free(raw), free(x), free(w);
    vae_model_free(m);
}

/* More draws make a tighter bound: on average over records IW(4) <= IW(64) <= IW(1024), and the ELBO below them. */
static void test_bounds(void) {
    enum { ROWS = 400 };
    const struct layout *l = &layouts[1];
    double *raw = models_data(ROWS, sum_of(l->widths), false), iw[3] = {0}, elbo = 0;
    struct vae_model *m = small(l, &plain, &lik_gaussian, raw, ROWS);
    float *x = models_rows(m, raw, ROWS);
    static struct score_parts parts[ROWS];
    for (size_t a = 0; a < 3; a++) {
        struct scorer *s = scorer_new(m, VAE_BY_IW, SCORE_ONLY, 4 << (4 * a), NULL, NULL);
        scorer_run(s, x, NULL, ROWS, parts);
        for (size_t i = 0; i < ROWS; i++) {
            iw[a] += parts[i].iw / ROWS, elbo = a == 2 ? elbo + parts[i].elbo / ROWS : elbo;
            CHECK(parts[i].ess >= 1 - 1e-9 && parts[i].ess <= (4 << (4 * a)) + 1e-9, "effective sample size %g",
                  parts[i].ess);
        }
        scorer_free(s);
    }
    /* the noise is one for all records, so between many draws and very many a little is left to chance */
    CHECK(elbo < iw[0] && iw[0] < iw[1] && iw[2] > iw[1] - 0.2, "bounds %g %g %g %g do not rise", elbo, iw[0], iw[1],
          iw[2]);
    free(raw), free(x);
    vae_model_free(m);
}

/* x = V z + c + noise, V's columns orthogonal in the metric of the noise, the encoder set to the true posterior: then
 * every importance weight is p(x) itself, and the ELBO is log p(x) but for the error of its draws. */
static void test_linear(void) {
    enum { D = 3, K = 2, ROWS = 40 };
    static const size_t widths[] = {1, 1, 1, 0};
    static const double v[D][K] = {{1.2, 0.3}, {-0.8, 0.9}, {0.5, 0}}, c[D] = {0.1, -0.2, 0.3}, sd[D] = {0.5, 0.7, 0.4};
    double vo[D][K], prec[K] = {0}, dot = 0, *raw = models_data(ROWS, D, false), shift = 0;
    for (size_t j = 0; j < D; j++)
        dot += v[j][0] * v[j][1] / (sd[j] * sd[j]), prec[0] += v[j][0] * v[j][0] / (sd[j] * sd[j]);
    for (size_t j = 0; j < D; j++) { /* Gram-Schmidt */
        vo[j][0] = v[j][0], vo[j][1] = v[j][1] - dot / prec[0] * v[j][0];
        prec[1] += vo[j][1] * vo[j][1] / (sd[j] * sd[j]);
    }
    prec[0] += 1, prec[1] += 1;
    struct model_config config = {.latent_dim = K, .latent = &latent_gauss, .act = &nn_relu, .lik = &lik_gaussian};
    struct vae_model *m = models_new(&config, widths, raw, ROWS, 1);
    CHECK(m->nw == D * 2 * K + 2 * K + K * D + D + D, "a linear model has %zu weights", m->nw);
    float *enc = m->w + m->enc.node[0].w0, *dec = m->w + m->dec.node[0].w0, *x = models_rows(m, raw, ROWS);
    for (size_t a = 0; a < K; a++) {
        double at_c = 0;
        for (size_t j = 0; j < D; j++) {
            double g = vo[j][a] / (sd[j] * sd[j]) / prec[a];
            enc[a * D + j] = (float)g, enc[(K + a) * D + j] = 0;
            at_c += g * c[j];
        }
        enc[2 * K * D + a] = (float)-at_c, enc[2 * K * D + K + a] = (float)-log(prec[a]);
    }
    for (size_t j = 0; j < D; j++) {
        for (size_t a = 0; a < K; a++)
            dec[j * K + a] = (float)vo[j][a];
        dec[D * K + j] = (float)c[j];
        m->w[m->wlik + j] = (float)log(sd[j]);
        shift += log(m->schema->scale[j]);
    }
    static struct score_parts one[ROWS], many[ROWS], even[ROWS];
    struct scorer *s1 = scorer_new(m, VAE_BY_IW, SCORE_ONLY, 1, NULL, NULL), *s2 = scorer_new(m, VAE_BY_IW, SCORE_ONLY, 16, NULL, NULL);
    struct scorer *s3 = scorer_new(m, VAE_BY_ELBO, SCORE_ONLY, 16, NULL, NULL); /* draws of mean square 1 */
    scorer_run(s1, x, NULL, ROWS, one), scorer_run(s2, x, NULL, ROWS, many), scorer_run(s3, x, NULL, ROWS, even);
    for (size_t i = 0; i < ROWS; i++) {
        /* log N(x; c, V V^T + Psi), by the matrix determinant and inversion lemmas */
        double square = 0, logdet = log(prec[0] * prec[1]), t[K] = {0};
        bool inside = true;
        for (size_t j = 0; j < D; j++) {
            double e = (double)x[i * D + j] - c[j];
            inside = inside && fabsf(x[i * D + j]) < 4;
            square += e * e / (sd[j] * sd[j]), logdet += 2 * log(sd[j]);
            for (size_t a = 0; a < K; a++)
                t[a] += vo[j][a] * e / (sd[j] * sd[j]);
        }
        square -= t[0] * t[0] / prec[0] + t[1] * t[1] / prec[1];
        double want = -0.5 * (square + logdet + D * log(2 * M_PI)) - shift;
        if (!inside)
            continue;
        CHECK(fabs(one[i].iw - want) < 1e-5 * (1 + fabs(want)), "record %zu: one draw gives %.9g, log p is %.9g", i,
              one[i].iw, want);
        CHECK(fabs(many[i].iw - want) < 1e-5 * (1 + fabs(want)) && fabs(many[i].ess / 16 - 1) < 1e-5,
              "record %zu: many draws give %.9g (effective %g), log p is %.9g", i, many[i].iw, many[i].ess, want);
        CHECK(fabs(even[i].elbo - want) < 2e-3, "record %zu: ELBO %.6g, log p is %.6g", i, even[i].elbo, want);
    }
    scorer_free(s1), scorer_free(s2), scorer_free(s3), free(raw), free(x);
    vae_model_free(m);
}

/* z2 ~ N(0,1), z1 ~ N(A z2 + B, S^2), x = V z1 + c + noise: the posterior of z1 given z2 and x is the prior of z1 and what x tells
 * of it, each weighed by its precision. With the encoder set to that, every importance weight is p(x), as above. */
static void test_linear_ladder(void) {
    enum { D = 3, ROWS = 40 };
    static const size_t widths[] = {1, 1, 1, 0};
    static const double v[D] = {1.2, -0.8, 0.5}, c[D] = {0.1, -0.2, 0.3}, sd[D] = {0.5, 0.7, 0.4}, A = 0.8, B = -0.3, S = 0.6;
    double tells = 0, shift = 0, logdet = 0, *raw = models_data(ROWS, D, false);
    const struct models_kind ladder = {&latent_ladder, NULL};
    struct model_config config = {.latent_dim = 2, .act = &nn_relu, .lik = &lik_gaussian};
    models_set_kind(&config, &ladder);
    struct vae_model *m = models_new(&config, widths, raw, ROWS, 1);
    CHECK(m->ntop == 1 && m->nw == 4 * D + 4 + 2 * D + D + 2 + 2 + D, "a linear ladder has %zu weights", m->nw);
    float *enc = m->w + m->enc.node[0].w0, *dec = m->w + m->dec.node[0].w0, *down = m->w + m->down.node[0].w0;
    float *x = models_rows(m, raw, ROWS);
    for (size_t j = 0; j < D; j++) {
        tells += v[j] * v[j] / (sd[j] * sd[j]);
        shift += log(m->schema->scale[j]), logdet += 2 * log(sd[j]);
    }
    double given = S * S + 1 / tells, precision = 1 + A * A / given, offset = 0;
    memset(enc, 0, (4 * D + 4) * sizeof *enc);
    for (size_t j = 0; j < D; j++) {
        double g = v[j] / (sd[j] * sd[j]) / tells; /* z1 is about sum g (x - c) */
        enc[0 * D + j] = (float)(A / given / precision * g), enc[2 * D + j] = (float)g;
        offset += g * c[j];
        dec[j * 2] = 0, dec[j * 2 + 1] = (float)v[j], dec[2 * D + j] = (float)c[j];
        m->w[m->wlik + j] = (float)log(sd[j]);
    }
    float *bias = enc + 4 * D;
    bias[0] = (float)(-A / given / precision * (offset + B)), bias[1] = (float)-log(precision);
    bias[2] = (float)-offset, bias[3] = (float)-log(tells);
    down[0] = (float)A, down[1] = 0, down[2] = (float)B, down[3] = (float)(2 * log(S));
    static struct score_parts one[ROWS], many[ROWS];
    struct scorer *s1 = scorer_new(m, VAE_BY_IW, SCORE_ONLY, 1, NULL, NULL), *s2 = scorer_new(m, VAE_BY_IW, SCORE_ONLY, 16, NULL, NULL);
    scorer_run(s1, x, NULL, ROWS, one), scorer_run(s2, x, NULL, ROWS, many);
    for (size_t i = 0; i < ROWS; i++) {
        double square = 0, t = 0, wide = A * A + S * S;
        bool inside = true;
        for (size_t j = 0; j < D; j++) {
            double e = (double)x[i * D + j] - c[j] - v[j] * B;
            inside = inside && fabsf(x[i * D + j]) < 4;
            square += e * e / (sd[j] * sd[j]), t += v[j] * e / (sd[j] * sd[j]);
        }
        square -= t * t * wide / (1 + wide * tells);
        double want = -0.5 * (square + logdet + log(1 + wide * tells) + D * log(2 * M_PI)) - shift;
        CHECK(!inside || fabs(one[i].iw - want) < 1e-5 * (1 + fabs(want)), "record %zu: one draw gives %.9g, log p is %.9g", i,
              one[i].iw, want);
        CHECK(!inside || fabs(many[i].ess / 16 - 1) < 1e-5, "record %zu: draws differ in weight (effective %g)", i, many[i].ess);
    }
    scorer_free(s1), scorer_free(s2), free(raw), free(x);
    vae_model_free(m);
}

/* ---- a score belongs to its record ---------------------------------------------------------------------------- */

static const struct layout broad[] = {
    {"broad", {1, 1, 1, 1, 1, 20, 1, 1, 1, 1, 1, 1, 1, 0}, 5, 3, {70, 70, 33}, true, 0, {0}},
    {"images", {121, 0}, 5, 1, {40}, true, 2, {17, 33}},
};

static void test_place(const struct layout *l, const struct models_kind *q, const struct lik *lik) {
    enum { ROWS = 67 };
    size_t d = sum_of(l->widths);
    double *raw = models_data(ROWS, d, lik->max <= 1);
    struct vae_model *m = small(l, q, lik, raw, ROWS);
    float *x = models_rows(m, raw, ROWS);
    static struct score_parts first[ROWS], parts[ROWS];
    struct scorer *s = scorer_new(m, VAE_BY_ELBO, SCORE_ONLY, 5, NULL, NULL);
    scorer_run(s, x, NULL, ROWS, first);
    size_t wrong = 0;
    for (size_t i = 0; i < ROWS; i++) {
        scorer_run(s, x + i * d, NULL, 1, parts);
        wrong += memcmp(parts, first + i, sizeof *parts) != 0;
    }
    CHECK(wrong == 0, "%s: %zu records score otherwise alone", lik->name, wrong);
    scorer_free(s);
    for (size_t threads = 1; threads <= 3; threads++) {
        struct vae_err err = {0};
        struct pool *pool = pool_new(threads, &err);
        CHECK(pool != NULL, "%s", err.msg);
        s = scorer_new(m, VAE_BY_ELBO, SCORE_ONLY, 5, pool, &err);
        for (size_t turn = 0; turn < 17; turn++) {
            uint64_t rows[ROWS];
            for (size_t i = 0; i < ROWS; i++)
                rows[i] = (i * (turn + 1) + turn) % ROWS; /* 67 is prime: a permutation */
            scorer_run(s, x, rows, ROWS, parts);
            wrong = 0;
            for (size_t i = 0; i < ROWS; i++)
                wrong += memcmp(parts + i, first + rows[i], sizeof *parts) != 0;
            CHECK(wrong == 0, "%s: %zu records score otherwise elsewhere, %zu threads, turn %zu", lik->name, wrong,
                  threads, turn);
        }
        scorer_free(s);
        pool_free(pool);
    }
    free(raw), free(x);
    vae_model_free(m);
}

/* ---- units, files ---------------------------------------------------------------------------------------------- */

/* A density of a column in other units is another density: by the factor, exactly. */
static void test_units(void) {
    enum { ROWS = 30 };
    const struct layout *l = &layouts[1];
    size_t d = sum_of(l->widths);
    double *raw = models_data(ROWS, d, false);
    struct score_parts here[ROWS], there[ROWS];
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < ROWS && turn; i++)
            raw[i * d + 1] *= 1000;
        struct vae_model *m = small(l, &plain, &lik_gaussian, raw, ROWS);
        struct scorer *s = scorer_new(m, VAE_BY_ELBO, SCORE_ONLY, 4, NULL, NULL);
        float *x = models_rows(m, raw, ROWS);
        scorer_run(s, x, NULL, ROWS, turn ? there : here);
        scorer_free(s), free(x);
        vae_model_free(m);
    }
    for (size_t i = 0; i < ROWS; i++)
        CHECK(fabs(here[i].elbo - there[i].elbo - log(1000)) < 1e-4 * (1 + fabs(here[i].elbo)) &&
                  fabs(here[i].iw - there[i].iw - log(1000)) < 1e-4 * (1 + fabs(here[i].iw)) &&
                  fabs(here[i].mse - there[i].mse) < 1e-4 * (1 + here[i].mse),
              "record %zu: %g and %g", i, here[i].elbo, there[i].elbo);
    /* a probability has no units */
    double *bits = models_data(ROWS, d, true);
    struct vae_model *m = small(l, &plain, &lik_bernoulli, bits, ROWS);
    CHECK(m->log_jacobian == 0, "a mass has a Jacobian: %g", m->log_jacobian);
    vae_model_free(m), free(raw), free(bits);
}

/* Whoever always guesses the mean has 1 for a mean squared error, whatever the counts. */
static void test_count_errors(void) {
    enum { ROWS = 40, D = 3 };
    static const size_t widths[] = {1, 1, 1, 0};
    const struct model_config c = {.latent_dim = 2, .latent = &latent_gauss, .act = &nn_silu, .nhidden = 1, .hidden = {4},
                                   .lik = &lik_negbinomial};
    double raw[ROWS * D], sum = 0;
    for (size_t i = 0; i < ROWS; i++)
        raw[i * D] = (double)(i * i % 7), raw[i * D + 1] = (double)(i * i * 1000), raw[i * D + 2] = (double)(i % 5 * 40000000);
    struct vae_model *m = model_new(&c, models_schema(widths, &schema_none, raw, ROWS), NULL);
    model_marginals(m);
    model_start(m, 1);
    const struct nn_node *last = &m->dec.node[m->dec.n - 1];
    memset(m->w + last->w0, 0, last->in * last->out * sizeof *m->w);
    struct scorer *s = scorer_new(m, VAE_BY_MSE, SCORE_ONLY, 1, NULL, NULL);
    float *x = models_rows(m, raw, ROWS);
    struct score_parts parts[ROWS];
    scorer_run(s, x, NULL, ROWS, parts);
    for (size_t i = 0; i < ROWS; i++)
        sum += parts[i].mse / ROWS;
    CHECK(fabs(sum - 1) < 1e-4, "counts: a mean squared error of %g", sum);
    scorer_free(s), free(x);
    vae_model_free(m);
}

/* The grid of a column: the step its values are written in, as a part of their range; and no Jacobian. */
static void test_grid(void) {
    static const struct {
        enum rec_type type;
        int decimals;
        double raw[6], steps;
    } row[] = {
        {REC_U8, -1, {0, 3, 9, 200, 4, 7}, 255},
        {REC_U8, -1, {0, 1, 1, 0, 1, 0}, 1},
        {REC_I32, -1, {-4, 12, 2, 0, 8, 10}, 16},
        {REC_F32, -1, {0.2, 0.4, 0, 1, 0.6, 0.4}, 5},
        {REC_F64, -1, {3, 3, 3, 3, 3, 3}, 1},
        {REC_UTF8, 1, {17, 18, 19.5, 20, 17, 17}, 30}, /* 17.1 is a value, too */
        {REC_UTF8, -1, {17, 18, 19.5, 20, 17, 17}, 6},
        {REC_UTF8, 15, {17, 18, 19.5, 20, 17, 17}, LIK_GRID_MAX},
    };
    const struct model_config c = {.latent_dim = 1, .latent = &latent_gauss, .act = &nn_silu, .lik = &lik_dlogistic};
    static const uint64_t rows[] = {0, 1, 2, 3, 4, 5};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        for (size_t ncols = 1; ncols <= 6; ncols += 5) { /* a column of six rows, six columns of one */
            static const size_t widths[] = {1, 1, 1, 1, 1, 1, 0};
            struct schema *s = models_schema(widths + 6 - ncols, &schema_unit, row[i].raw, 6 / ncols);
            for (size_t k = 0; k < ncols; k++)
                s->col[k].type = row[i].type, s->col[k].decimals = row[i].decimals;
            CHECK(!schema_learn(s, row[i].raw, rows, 6 / ncols, 8, NULL), "row %zu: not learnt", i);
            struct vae_model *m = model_new(&c, s, NULL);
            model_marginals(m);
            CHECK(m->nblocks == ncols && m->noutputs == 15 * ncols && m->log_jacobian == 0, "row %zu: %zu blocks, %zu outputs", i,
                  m->nblocks, m->noutputs);
            double steps = 1 / (double)m->block[0].step;
            CHECK(ncols > 1 || fabs(steps / row[i].steps - 1) < 1e-6, "row %zu: %g steps, should be %g", i, steps, row[i].steps);
            vae_model_free(m);
        }
}

static void test_file(const struct layout *l, const struct models_kind *q, const struct lik *lik, const char *dir) {
    enum { ROWS = 50 };
    struct vae_err err = {0};
    size_t d = sum_of(l->widths);
    double *raw = models_data(ROWS, d, lik->max <= 1);
    struct vae_model *m = small(l, q, lik, raw, ROWS);
    float *x = models_rows(m, raw, ROWS), z[100 * 5];
    rng_normals(z, 500, 1, 1, 1, RNG_TEST, 6, NULL, 0);
    if (!q->joint) {
        m->prior = &prior_gmm, m->nprior = prior_gmm.size(&m->space, 100), m->prior_param = mem_floats(m->nprior + 1);
        prior_gmm.fit(&m->space, 100, z, 1, NULL, m->prior_param, NULL);
    }
    m->use = mem_array(5, sizeof *m->use);
    for (size_t i = 0; i < 5; i++)
        m->use[i] = (double)i / 3;
    m->cal.n = 9, m->cal.draws = 6, m->cal.alpha = 0.0123, m->cal.by = VAE_BY_IW, m->cal.method = "held-out";
    m->cal.score = mem_array(9 * MODEL_NBY, sizeof(float));
    for (size_t i = 0; i < 9 * MODEL_NBY; i++)
        m->cal.score[i] = (float)(i % 9) / 7;
    char path[200], other[200];
    snprintf(path, sizeof path, "%s/one.vae", dir), snprintf(other, sizeof other, "%s/two.vae", dir);
    CHECK(!vae_model_save(m, path, &err), "%s", err.msg);
    struct vae_model *back = vae_model_load(path, &err);
    CHECK(back != NULL, "%s", err.msg);
    if (!back)
        return;
    CHECK(!strcmp(vae_model_id(m), vae_model_id(back)) && strlen(vae_model_id(m)) == 64, "ids %s %s", vae_model_id(m),
          vae_model_id(back));
    CHECK(back->nw == m->nw && !memcmp(back->w, m->w, m->nw * sizeof *m->w), "weights");
    CHECK(back->log_jacobian == m->log_jacobian && back->cal.alpha == m->cal.alpha && back->cal.by == m->cal.by &&
              back->cal.draws == 6 && back->cal.n == 9 && !strcmp(back->cal.method, "held-out") &&
              !memcmp(back->cal.score, m->cal.score, 9 * model_scores(m) * sizeof(float)),
          "calibration or units");
    CHECK(back->nprior == m->nprior && !memcmp(back->prior_param, m->prior_param, m->nprior * sizeof(float)) &&
              back->use && !memcmp(back->use, m->use, 5 * sizeof *m->use) && back->prior == m->prior,
          "prior or latents' use");
    CHECK(!memcmp(back->lik_mean, m->lik_mean, 3 * d * sizeof *m->lik_mean), "marginals");
    struct scorer *s = scorer_new(m, VAE_BY_AUTO, SCORE_ONLY, 0, NULL, NULL), *t = scorer_new(back, VAE_BY_AUTO, SCORE_ONLY, 0, NULL, NULL);
    static struct score_parts a[ROWS], b[ROWS];
    float *y = models_rows(back, raw, ROWS);
    scorer_run(s, x, NULL, ROWS, a), scorer_run(t, y, NULL, ROWS, b);
    CHECK(scorer_draws(t) == 6 && scorer_by(t) == VAE_BY_IW && !memcmp(a, b, sizeof a),
          "a loaded model scores otherwise");
    CHECK(!vae_model_save(back, other, &err) && !strcmp(vae_model_id(m), vae_model_id(back)), "saved again: %s %s",
          vae_model_id(back), err.msg);
    scorer_free(s), scorer_free(t), free(raw), free(x), free(y);
    vae_model_free(m), vae_model_free(back);
    unlink(path), unlink(other);
}

static void walk(const struct models_kind *q, const struct lik *lik, const char *dir) {
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        test_gradient(&layouts[i], q, lik, 0);
        test_gradient(&layouts[i], q, lik, 0.35f);
        test_score(&layouts[i], q, lik, 1);
        test_score(&layouts[i], q, lik, 7);
        test_score(&layouts[i], q, lik, 16);
    }
    for (size_t i = 0; i < sizeof broad / sizeof *broad; i++) {
        test_place(&broad[i], q, lik);
        test_file(&broad[i], q, lik, dir);
    }
}

int main(void) {
    struct vae_err err = {0};
    char dir[] = "/tmp/test_model.XXXXXX";
    if (mat_open(&err) || !mkdtemp(dir)) {
        fprintf(stderr, "cannot start: %s\n", err.msg);
        return 1;
    }
    struct models_kind kind;
    for (size_t t = 0; lik_table[t]; t++)
        for (size_t q = 0; models_knows(lik_table[t]) && models_kind(q, &kind); q++)
            if (!kind.joint || lik_table[t] == &lik_gaussian) /* which to a prior are all alike */
                walk(&kind, lik_table[t], dir);
    test_bounds();
    test_linear();
    test_linear_ladder();
    test_units();
    test_grid();
    test_count_errors();
    rmdir(dir);
    return test_done();
}
