/*
 * test_fit.c - training: the same weights for any number of threads, a linear model that reaches what probabilistic
 * PCA reaches, the baselines against their formulas, and a whole fit from a table whose p-values hold on fresh rows.
 */
#include <unistd.h>

#include "base/mat.h"
#include "fit/checkpoint.h"
#include "fit/fit.h"
#include "models.h"
#include "score/score.h"

/* ---- threads, and checkpoints --------------------------------------------------------------------------------------------------- */

static bool stop_at(void *ctx, const struct train_point *pt) { return pt->step == *(size_t *)ctx; }

/* Each number of threads trains the same weights; the last ones in three parts, by way of a file. */
static void test_threads(const struct models_kind *kind, const struct lik *lik, const struct objective *objective, const char *dir) {
    enum { ROWS = 350, VALID = 50, D = 9 };
    static const size_t widths[] = {1, 1, 4, 1, 1, 1, 0};
    struct model_config c = {.latent_dim = 3,
                             .act = &nn_silu,
                             .residual = true,
                             .nhidden = 2,
                             .hidden = {40, 40},
                             .dropout = 0.2f,
                             .lik = lik};
    struct train_config t = {.seed = 4,
                             .steps = 60,
                             .batch = 150,
                             .patience = 3,
                             .valid_every = 20,
                             .lr = 2e-3f,
                             .decay = 0.01f,
                             .beta = 1,
                             .warmup = 0.3f,
                             .free_nats = 0.1f,
                             .objective = objective,
                             .draws = objective->draws ? 3 : 1};
    double *raw = models_data(ROWS, D, lik->max <= 1);
    uint64_t rows[ROWS];
    float *first = NULL;
    models_set_kind(&c, kind);
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = i;
    char path[200];
    snprintf(path, sizeof path, "%s/checkpoint", dir);
    for (size_t run = 0; run <= 5; run++) {
        size_t threads = run <= 3 ? run : run - 3, stop = run == 3 ? 7 : run == 4 ? 41 : 0; /* 0: none, to the end */
        struct vae_err err = {0};
        struct checkpoint *c0 = run >= 3 ? checkpoint_open(path, run > 3, 1e9, &err) : NULL;
        CHECK((c0 || run < 3) && (!c0 || !checkpoint_plan(c0, json_pack("{s:i}", "steps", 60), &err)), "%s", err.msg);
        struct vae_model *m = models_new(&c, widths, raw, ROWS, 1);
        float *x = models_rows(m, raw, ROWS);
        struct train_data data = {x, ROWS - VALID, VALID, rows, rows + ROWS - VALID};
        struct pool *pool = threads ? pool_new(threads, &err) : NULL;
        struct train_result res;
        CHECK(!pseudo_start(m, x, ROWS - VALID, 1, &err), "%s", err.msg);
        struct train_run how = {pool, stop_at, &stop, c0, NULL, NULL};
        int code = train_model(m, &data, &t, &how, &res, &err);
        CHECK(code == (stop ? VAE_ESTOP : 0), "%s", err.msg);
        CHECK(stop || (isfinite(res.best) && res.steps == 60 && res.skipped == 0), "best %g after %zu", res.best, res.steps);
        if (!first) {
            first = mem_floats(m->nw);
            memcpy(first, m->w, m->nw * sizeof *first);
        }
        CHECK(stop || !memcmp(first, m->w, m->nw * sizeof *first), "%s %s %s: %zu threads%s train another model",
              models_kind_name(kind), lik->name, objective->name, threads, run == 5 ? ", twice resumed," : "");
        checkpoint_free(c0);
        pool_free(pool), free(x);
        vae_model_free(m);
    }
    unlink(path);
    free(first), free(raw);
}

/* ---- a linear model against probabilistic PCA -------------------------------------------------------------------- */

enum { PD = 5, PK = 2 };

/* Two factors and noise of one size: raw[n,PD]. */
static double *factors(size_t n, uint64_t row0) {
    static const double v[PD][PK] = {{1, 0.2}, {-0.8, 0.6}, {0.5, 0.9}, {0, -1}, {0.7, 0.1}};
    double *raw = mem_array(n * PD, sizeof *raw);
    for (size_t i = 0; i < n; i++) {
        float e[PD + PK];
        rng_normals(e, PD + PK, 1, 1, 8, RNG_TEST, 3, NULL, row0 + i);
        for (size_t j = 0; j < PD; j++)
            raw[i * PD + j] = 0.4 * (double)e[j] + v[j][0] * (double)e[PD] + v[j][1] * (double)e[PD + 1];
    }
    return raw;
}

/* Eigenvalues and -vectors (columns of u) of the symmetric a[n,n] by Jacobi's rotations. */
static void jacobi(size_t n, double *a, double *u) {
    for (size_t i = 0; i < n * n; i++)
        u[i] = i % (n + 1) == 0;
    for (int sweep = 0; sweep < 60; sweep++)
        for (size_t p = 0; p < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                double phi = 0.5 * atan2(2 * a[p * n + q], a[q * n + q] - a[p * n + p]), c = cos(phi), s = sin(phi);
                for (size_t k = 0; k < n; k++) {
                    double x = a[k * n + p], y = a[k * n + q];
                    a[k * n + p] = c * x - s * y, a[k * n + q] = s * x + c * y;
                }
                for (size_t k = 0; k < n; k++) {
                    double x = a[p * n + k], y = a[q * n + k];
                    a[p * n + k] = c * x - s * y, a[q * n + k] = s * x + c * y;
                    x = u[k * n + p], y = u[k * n + q];
                    u[k * n + p] = c * x - s * y, u[k * n + q] = s * x + c * y;
                }
            }
}

/* -log N(x; mean, cov) averaged over x[n,d], by a Cholesky factor. */
static double gauss_nll(size_t d, const double *mean, const double *cov, const float *x, size_t n) {
    double l[PD * PD] = {0}, sum = 0, logdet = 0;
    for (size_t i = 0; i < d; i++)
        for (size_t j = 0; j <= i; j++) {
            double s = cov[i * d + j];
            for (size_t k = 0; k < j; k++)
                s -= l[i * d + k] * l[j * d + k];
            l[i * d + j] = i == j ? sqrt(s) : s / l[j * d + j];
        }
    for (size_t i = 0; i < d; i++)
        logdet += 2 * log(l[i * d + i]);
    for (size_t r = 0; r < n; r++) {
        double t[PD], square = 0;
        for (size_t i = 0; i < d; i++) {
            t[i] = (double)x[r * d + i] - mean[i];
            for (size_t k = 0; k < i; k++)
                t[i] -= l[i * d + k] * t[k];
            t[i] /= l[i * d + i];
            square += t[i] * t[i];
        }
        sum += 0.5 * (square + logdet + (double)d * log(2 * M_PI)) / (double)n;
    }
    return sum;
}

/* The maximum likelihood PPCA of train[ntrain,PD] with k factors (Tipping & Bishop 1999), on x[n,PD]. */
static double ppca_nll(const float *train, size_t ntrain, size_t k, const float *x, size_t n) {
    double mean[PD] = {0}, cov[PD * PD] = {0}, u[PD * PD], model[PD * PD], s2 = 0;
    size_t order[PD] = {0, 1, 2, 3, 4};
    for (size_t i = 0; i < ntrain; i++)
        for (size_t j = 0; j < PD; j++)
            mean[j] += (double)train[i * PD + j] / (double)ntrain;
    for (size_t i = 0; i < ntrain; i++)
        for (size_t a = 0; a < PD; a++)
            for (size_t b = 0; b < PD; b++)
                cov[a * PD + b] +=
                    ((double)train[i * PD + a] - mean[a]) * ((double)train[i * PD + b] - mean[b]) / (double)ntrain;
    jacobi(PD, cov, u);
    for (size_t i = 0; i < PD; i++)
        for (size_t j = i + 1; j < PD; j++)
            if (cov[order[j] * (PD + 1)] > cov[order[i] * (PD + 1)]) {
                size_t t = order[i];
                order[i] = order[j], order[j] = t;
            }
    for (size_t i = k; i < PD; i++)
        s2 += cov[order[i] * (PD + 1)] / (double)(PD - k);
    for (size_t a = 0; a < PD; a++)
        for (size_t b = 0; b < PD; b++) {
            model[a * PD + b] = a == b ? s2 : 0;
            for (size_t i = 0; i < k; i++)
                model[a * PD + b] += u[a * PD + order[i]] * u[b * PD + order[i]] * (cov[order[i] * (PD + 1)] - s2);
        }
    return gauss_nll(PD, mean, model, x, n);
}

static void test_linear(void) {
    enum { TRAIN = 2000, VALID = 500 };
    static const size_t widths[] = {1, 1, 1, 1, 1, 0};
    double *raw = factors(TRAIN + VALID, 0);
    struct model_config c = {.latent_dim = PK, .latent = &latent_gauss, .act = &nn_silu, .lik = &lik_gaussian};
    struct train_config t = {
        .seed = 1, .steps = 3000, .batch = 128, .valid_every = 100, .lr = 5e-3f, .beta = 1, .warmup = 0.2f};
    struct vae_err err = {0};
    struct schema *s = models_schema(widths, &schema_standard, raw, TRAIN + VALID);
    for (size_t j = 0; j < PD; j++)
        s->center[j] = 0, s->scale[j] = 0.5; /* one unit for all: the noise stays of one size */
    struct vae_model *m = model_new(&c, s, &err);
    model_marginals(m);
    model_start(m, 2);
    float *x = models_rows(m, raw, TRAIN + VALID);
    uint64_t rows[TRAIN + VALID];
    for (size_t i = 0; i < TRAIN + VALID; i++)
        rows[i] = i;
    struct train_data data = {x, TRAIN, VALID, rows, rows + TRAIN};
    struct train_result res;
    const float *held = x + TRAIN * PD;

    double independent = baseline_independent(m, held, VALID, &err), direct = m->log_jacobian;
    for (size_t j = 0; j < PD; j++)
        for (size_t i = 0; i < VALID; i++) {
            double e = ((double)held[i * PD + j] - m->lik_mean[j]) / m->lik_sd[j];
            direct += (0.5 * e * e + log(m->lik_sd[j] * sqrt(2 * M_PI))) / VALID;
        }
    CHECK(fabs(independent - direct) < 1e-5, "independent columns: %g, should be %g", independent, direct);
    for (size_t k = 1; k <= PD; k++) {
        m->config.latent_dim = k;
        double want = ppca_nll(x, TRAIN, k < PD ? k : PD - 1, held, VALID) + m->log_jacobian;
        double got = baseline_ppca(m, x, TRAIN, held, VALID);
        CHECK(fabs(got - want) < 1e-4, "PPCA with %zu factors: %g, should be %g", k, got, want);
    }
    m->config.latent_dim = PK;
    double ppca = baseline_ppca(m, x, TRAIN, held, VALID);

    CHECK(!train_model(m, &data, &t, &(struct train_run){0}, &res, &err), "%s", err.msg);
    struct vae_fit_report rep = {0};
    CHECK(!fit_measure(m, held, VALID, NULL, &rep, &err), "%s", err.msg);
    CHECK(fabs(-rep.elbo - ppca) < 0.06, "a linear model reaches -log p %g (validation %g), PPCA %g, columns %g",
          -rep.elbo, res.best, ppca, independent);
    CHECK(independent - ppca > 0.5, "these data tell nothing");
    CHECK(rep.active_units == PK && rep.kl && rep.kl[0] > 0.1 && rep.kl[1] > 0.1, "latents in use: %zu",
          rep.active_units);

    /* the measure is the mean of the scores, with its error */
    struct scorer *sc = scorer_new(m, VAE_BY_ELBO, SCORE_ONLY, SCORE_DRAWS, NULL, &err);
    static struct score_parts parts[VALID];
    double mean = 0, var = 0, kl = 0;
    scorer_run(sc, held, NULL, VALID, parts);
    for (size_t i = 0; i < VALID; i++)
        mean += parts[i].elbo / VALID, kl += parts[i].kl / VALID;
    for (size_t i = 0; i < VALID; i++)
        var += (parts[i].elbo - mean) * (parts[i].elbo - mean) / (VALID - 1);
    CHECK(fabs(rep.elbo - mean) < 1e-9 && fabs(rep.elbo_se / sqrt(var / VALID) - 1) < 1e-9, "elbo %g +- %g", rep.elbo,
          rep.elbo_se);
    CHECK(fabs(rep.kl[0] + rep.kl[1] - kl) < 1e-6, "KL by latent %g %g, in all %g", rep.kl[0], rep.kl[1], kl);
    scorer_free(sc), free(raw), free(x);
    vae_model_free(m);
}

/* ---- a whole fit ------------------------------------------------------------------------------------------------- */

static void write_table(const char *path, size_t n, uint64_t row0) {
    double *raw = factors(n, row0);
    FILE *f = fopen(path, "w");
    fputs("a,b,c,d,e\n", f);
    for (size_t i = 0; i < n * PD; i++)
        fprintf(f, "%.4f%c", raw[i], i % PD == PD - 1 ? '\n' : ',');
    fclose(f);
    free(raw);
}

static struct vae_model *fit_table(char *path, size_t threads, size_t steps, struct vae_fit_report *rep) {
    struct vae_err err = {0};
    struct vae_fit_opts o;
    struct vae_in_opts io = {.header = -1};
    vae_fit_defaults(&o);
    o.threads = threads, o.steps = steps, o.latent_dim = PK, o.purpose = VAE_FOR_DETECT;
    struct vae_in *in = vae_in_open(&path, 1, &io, &err);
    CHECK(in != NULL, "%s", err.msg);
    struct vae_model *m = in ? vae_fit(in, &o, rep, &err) : NULL;
    CHECK(m != NULL, "%s", err.msg);
    vae_in_free(in);
    return m;
}

/* The share of fresh rows with p <= alpha must be near alpha: within 4 sd of what n calibration rows allow. */
static void check_p(const struct vae_model *m, double alpha) {
    enum { FRESH = 4000 };
    double *raw = factors(FRESH, 5000000), n = (double)m->cal.n;
    float *x = models_rows(m, raw, FRESH);
    static struct score_parts parts[FRESH];
    struct scorer *s = scorer_new(m, VAE_BY_AUTO, SCORE_ALL, 0, NULL, NULL);
    CHECK(scorer_by(s) == VAE_BY_NEAR, "scores of --for detect are not by exemplars");
    scorer_run(s, x, NULL, FRESH, parts);
    for (int by = VAE_BY_ELBO; by <= VAE_BY_NEAR; by++) {
        size_t low = 0;
        for (size_t i = 0; i < FRESH; i++)
            low += conformal_p(m->cal.score + (size_t)(by - 1) * m->cal.n, m->cal.n,
                               (float)score_by(&parts[i], (enum vae_by)by)) <= alpha;
        double share = (double)low / FRESH, sd = sqrt(alpha * (1 - alpha) * (1 / n + 1.0 / FRESH));
        CHECK(fabs(share - alpha) < 4 * sd, "%s, score %d: %g of fresh rows have p <= %g", m->cal.method, by, share,
              alpha);
    }
    scorer_free(s), free(x), free(raw);
}

static void test_fit(const char *dir, size_t rows, size_t steps, const char *method) {
    char path[200], saved[2][200];
    struct vae_model *m[2];
    struct vae_fit_report rep[2];
    struct vae_err err = {0};
    snprintf(path, sizeof path, "%s/table.csv", dir);
    write_table(path, rows, 100000);
    for (size_t i = 0; i < 2; i++) {
        m[i] = fit_table(path, i + 1, steps, &rep[i]);
        snprintf(saved[i], sizeof saved[i], "%s/%zu.vae", dir, i);
        CHECK(m[i] && !vae_model_save(m[i], saved[i], &err), "%s", err.msg);
        unlink(saved[i]);
        if (!m[i])
            return;
    }
    CHECK(!strcmp(vae_model_id(m[0]), vae_model_id(m[1])) && *vae_model_id(m[0]), "%s: two threads fit another model",
          method);
    CHECK(!strcmp(m[0]->cal.method, method) && m[0]->cal.n == (rows < 2000 ? rows : rows / 5),
          "calibrated by %s on %zu", m[0]->cal.method, m[0]->cal.n);
    CHECK(rep[0].rows == rows && rep[0].bad_rows == 0 && rep[0].values == PD && rep[0].latents == PK, "report");
    CHECK(rep[0].elbo > rep[0].independent + 0.3 && rep[0].elbo < rep[0].ppca + 0.3, "elbo %g, columns %g, PPCA %g",
          rep[0].elbo, rep[0].independent, rep[0].ppca);
    CHECK(rep[0].iw > rep[0].elbo - 0.1 && rep[0].iw < rep[0].elbo + 1 && rep[0].iw_se > 0 && rep[0].iw_ess > 2 &&
              rep[0].iw_ess <= rep[0].iw_draws && rep[0].iw_rows > 0,
          "importance-weighted %g (%g), effective sample size %g of %d", rep[0].iw, rep[0].iw_se, rep[0].iw_ess, rep[0].iw_draws);
    CHECK(m[0]->schema->col[0].decimals == 4, "decimals %d", m[0]->schema->col[0].decimals);
    check_p(m[0], 0.05);
    check_p(m[0], 0.2);
    unlink(path);
    vae_model_free(m[0]), vae_model_free(m[1]);
}

int main(void) {
    struct models_kind kind;
    struct vae_err err = {0};
    char dir[] = "/tmp/test_fit.XXXXXX";
    if (mat_open(&err) || !mkdtemp(dir)) {
        fprintf(stderr, "cannot start: %s\n", err.msg);
        return 1;
    }
    for (size_t t = 0; lik_table[t]; t++)
        for (size_t q = 0; (models_knows(lik_table[t]) || lik_table[t]->grid) && models_kind(q, &kind); q++)
            if (q == 0 || lik_table[t] == &lik_gaussian || lik_table[t] == &lik_bernoulli)
                test_threads(&kind, lik_table[t], &objective_elbo, dir);
    models_kind(0, &kind);
    for (size_t t = 1; objective_table[t]; t++)
        test_threads(&kind, &lik_gaussian, objective_table[t], dir);
    test_linear();
    test_fit(dir, 400, 500, "cross-conformal");
    test_fit(dir, 3000, 600, "held-out");
    rmdir(dir);
    return test_done();
}
