/*
 * test_objective.c - the objectives of the table: each term and its gradient against the formula in double, and that
 * estimates have the mean they should have, by quadrature over the noise.
 */
#include <stdio.h>

#include "base/mat.h"
#include "model/objective.h"
#include "models.h"

static const double H = 1e-5;

enum { D = 4, ROWS = 40 };
static const size_t widths[] = {1, 1, 2, 0};

static struct vae_model *small(size_t latents, const struct lik *lik, const double *raw) {
    const struct model_config c = {.latent_dim = latents, .latent = &latent_gauss, .act = &nn_tanh, .nhidden = 1, .hidden = {5},
                                   .lik = lik};
    return models_new(&c, widths, raw, ROWS, 3);
}

static void pass_for(struct model_pass *p, const struct vae_model *m, const struct objective *kind, size_t batch, size_t draws) {
    struct vae_err err = {0};
    CHECK(!model_pass_init(p, m, batch * draws + 3, true, &err) && !model_pass_serve(p, m, kind, draws, &err), "%s", err.msg);
}

static void gradient(const struct vae_model *m, struct model_pass *p, size_t n, float scale, float *dw) {
    for (size_t i = 0; i < m->nw; i++)
        dw[i] = NAN;
    for (size_t t = model_grad_tasks(m); t-- > 0;)
        model_grad(m, m->w, p, t, n, scale, dw);
}

/* ---- the importance-weighted bound ------------------------------------------------------------------------------- */

enum { N = 5 };

/* Noise of draw k of the record in column i. */
static void noise_of(const struct vae_model *m, const struct model_pass *p, size_t column, double *eps) {
    for (size_t j = 0; j < m->zdim; j++)
        eps[j] = (double)p->eps[j * p->ld + column];
}

/* log w of a draw, its q that of the weights w0 (log q of a z that w made is then followed through z alone), or of w itself. */
static double log_weight(const struct vae_model *m, const double *w, const double *w0, const float *x, const double *eps,
                         double beta) {
    const double zero[8] = {0}, one[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    struct models_parts r = models_record(m, w, x, eps, 0);
    double logq = r.logq;
    if (w0) {
        struct models_parts mean = models_record(m, w0, x, zero, 0), up = models_record(m, w0, x, one, 0);
        logq = 0;
        for (size_t j = 0; j < m->zdim; j++) {
            double sd = up.z[j] - mean.z[j], t = (r.z[j] - mean.z[j]) / sd;
            logq -= 0.5 * t * t + log(sd) + 0.5 * log(2 * M_PI);
        }
    }
    return beta * (r.logp - logq) - r.nll;
}

/* log 1/K sum w; v[K] (may be NULL): the weights, sum 1. */
static double log_mean(const double *l, size_t draws, double *v) {
    double top = -INFINITY, sum = 0;
    for (size_t k = 0; k < draws; k++)
        top = fmax(top, l[k]);
    for (size_t k = 0; k < draws; k++)
        sum += exp(l[k] - top);
    for (size_t k = 0; k < draws && v; k++)
        v[k] = exp(l[k] - top) / sum;
    return top + log(sum / (double)draws);
}

/* Minus scale times the bound of all records; with u[N * K], what DReG follows for the encoder instead. */
static double iwae_loss(const struct vae_model *m, const double *w, const double *w0, const float *x, const struct model_pass *p,
                        double beta, const double *u) {
    double sum = 0;
    for (size_t i = 0; i < N; i++) {
        double l[8], eps[8];
        for (size_t k = 0; k < p->draws; k++) {
            noise_of(m, p, k * N + i, eps);
            l[k] = log_weight(m, w, u ? w0 : NULL, x + i * D, eps, beta);
            sum -= u ? u[i * p->draws + k] * l[k] : 0;
        }
        sum -= u ? 0 : log_mean(l, p->draws, NULL);
    }
    return sum;
}

static void test_iwae(const struct lik *lik, size_t draws, float beta) {
    const float scale = 0.25f;
    const uint64_t rows[N] = {0, 1, 2, 3, 4};
    double *raw = models_data(ROWS, D, lik->max <= 1), u[N * 8], v[8];
    struct vae_model *m = small(2, lik, raw);
    float *x = models_rows(m, raw, ROWS), *dw = mem_floats(m->nw);
    double *w = models_weights(m), *w0 = models_weights(m), worst = 0;
    struct model_pass p;
    pass_for(&p, m, &objective_iwae, N, draws);
    struct model_objective o = {.scale = scale, .beta = beta, .kind = &objective_iwae, .batch = N};
    rng_normals(p.eps, m->neps, p.ld, p.ld, 1, RNG_TEST, 5, NULL, 0);
    for (size_t at = 0; at < N; at += 3) { /* in shards */
        size_t n = N - at < 3 ? N - at : 3;
        model_load_rows(m, &p, at, n, x, rows + at);
        model_train_shard(m, m->w, &p, at, n, &o, NULL);
    }
    gradient(m, &p, N, scale, dw);
    for (size_t i = 0; i < N; i++) {
        double l[8], eps[8], nll = 0, kl = 0;
        for (size_t k = 0; k < draws; k++) {
            noise_of(m, &p, k * N + i, eps);
            struct models_parts r = models_record(m, w, x + i * D, eps, 0);
            l[k] = log_weight(m, w, NULL, x + i * D, eps, (double)beta);
            nll += r.nll / (double)draws, kl = r.kl;
        }
        log_mean(l, draws, v);
        for (size_t k = 0; k < draws; k++)
            u[i * draws + k] = (1 - (double)beta) * v[k] + (double)beta * v[k] * v[k];
        CHECK(fabs(p.nll[i] - nll) < 1e-5 * (1 + fabs(nll)) && fabs(p.kl[i] - kl) < 1e-5 * (1 + kl),
              "iwae %zu draws record %zu: nll %.9g kl %.9g, should be %.9g %.9g", draws, i, p.nll[i], p.kl[i], nll, kl);
    }
    for (size_t i = 0; i < m->nw; i++) {
        bool encoder = i < m->dec.node[0].w0;
        w[i] = w0[i] + H;
        double up = iwae_loss(m, w, w0, x, &p, (double)beta, encoder ? u : NULL);
        w[i] = w0[i] - H;
        double want = (double)scale * (up - iwae_loss(m, w, w0, x, &p, (double)beta, encoder ? u : NULL)) / (2 * H);
        w[i] = w0[i];
        worst = fmax(worst, fabs((double)dw[i] - want) / (1 + fabs(want)));
    }
    CHECK(worst < 2e-4, "iwae, %s, %zu draws, beta %g: gradient off by %g", lik->name, draws, (double)beta, worst);

    for (size_t at = 0; at < N; at += 3)
        model_judge(m, m->w, &p, at, N - at < 3 ? N - at : 3, &o, rows + at);
    for (size_t i = 0; i < N; i++) {
        double l[8], eps[8];
        for (size_t k = 0; k < draws; k++) {
            noise_of(m, &p, k * N + i, eps);
            l[k] = log_weight(m, w, NULL, x + i * D, eps, 1);
        }
        double want = -log_mean(l, draws, NULL), got = p.nll[i] + p.kl[i];
        CHECK(fabs(got - want) < 1e-5 * (1 + fabs(want)), "iwae, %zu draws, record %zu: bound %.9g, should be %.9g", draws, i,
              got, want);
    }
    model_pass_free(&p);
    free(raw), free(x), free(dw), free(w), free(w0);
    vae_model_free(m);
}

/* The mean over all noise of the encoder's gradient is the gradient of the mean of the bound (so that of the plain IWAE gradient,
 * and with one draw that of the ELBO): over a grid of two latent draws of one latent, each point a record with its own scale. */
static void test_mean(size_t draws, float beta) {
    enum { SIDE = 31 };
    const double step = 0.4;
    size_t n = draws == 1 ? SIDE : SIDE * SIDE;
    double *raw = models_data(ROWS, D, false), worst = 0, size = 0;
    struct vae_model *m = small(1, &lik_gaussian, raw);
    float *x = models_rows(m, raw, ROWS), *dw = mem_floats(m->nw), *scale = mem_floats(n);
    double *w = models_weights(m);
    const uint64_t row = 7;
    struct model_pass p;
    pass_for(&p, m, &objective_iwae, n, draws);
    for (size_t i = 0; i < n; i++) {
        double density = 1;
        for (size_t k = 0, at = i; k < draws; k++, at /= SIDE) {
            double e = step * ((double)(at % SIDE) - SIDE / 2);
            p.eps[k * n + i] = (float)e;
            density *= step * exp(-0.5 * e * e) / sqrt(2 * M_PI);
        }
        scale[i] = (float)density;
        struct model_objective o = {.scale = scale[i], .beta = beta, .kind = &objective_iwae, .batch = n};
        model_load_rows(m, &p, i, 1, x, &row);
        model_train_shard(m, m->w, &p, i, 1, &o, NULL);
    }
    gradient(m, &p, n, 1, dw);
    for (size_t a = 0; a < m->dec.node[0].w0; a++) {
        double keep = w[a], want = 0;
        for (int side = -1; side <= 1; side += 2) {
            w[a] = keep + side * H;
            for (size_t i = 0; i < n; i++) {
                double l[2];
                for (size_t k = 0; k < draws; k++) {
                    double eps = (double)p.eps[k * n + i];
                    l[k] = log_weight(m, w, NULL, x + row * D, &eps, (double)beta);
                }
                want -= side * (double)scale[i] * log_mean(l, draws, NULL) / (2 * H);
            }
        }
        w[a] = keep;
        worst = fmax(worst, fabs((double)dw[a] - want) / (1 + fabs(want)));
        size += fabs(want);
    }
    CHECK(worst < 2e-4 && size > 0.5, "iwae, %zu draws, beta %g: the mean gradient is off by %g (of %g)", draws, (double)beta,
          worst, size);
    model_pass_free(&p);
    free(raw), free(x), free(dw), free(scale), free(w);
    vae_model_free(m);
}

/* ---- objectives in which records know of one another --------------------------------------------------------------- */

enum { BATCH = 70, LATENTS = 3, POPULATION = 300 };

/* One record as the encoder has it. */
struct encoded {
    double z[LATENTS], mean[LATENTS], sd[LATENTS];
};

static double log_normal(double z, double mean, double sd) {
    double t = (z - mean) / sd;
    return -0.5 * t * t - log(sd) - 0.5 * log(2 * M_PI);
}

/* log of the estimate of q(z_i), of all latents or of one alone. */
static double log_aggregate(const struct encoded *e, size_t i, size_t first, size_t last) {
    double sum = 0;
    for (size_t n = 0; n < BATCH; n++) {
        double l = 0;
        for (size_t j = first; j < last; j++)
            l += log_normal(e[i].z[j], e[n].mean[j], e[n].sd[j]);
        sum += exp(l) * (n == i ? 1.0 / POPULATION : (1 - 1.0 / POPULATION) / (BATCH - 1));
    }
    return log(sum);
}

static double tc_term(const struct encoded *e, double beta, double weight) {
    double tc = 0;
    for (size_t i = 0; i < BATCH; i++) {
        tc += log_aggregate(e, i, 0, LATENTS);
        for (size_t j = 0; j < LATENTS; j++)
            tc -= log_aggregate(e, i, j, j + 1);
    }
    return beta * (weight - 1) * tc;
}

static double kernel(const double *a, const double *b) {
    static const double scale[] = {0.1, 0.2, 0.5, 1, 2, 5, 10};
    double square = 0, sum = 0;
    for (size_t j = 0; j < LATENTS; j++)
        square += (a[j] - b[j]) * (a[j] - b[j]);
    for (size_t s = 0; s < 7; s++)
        sum += 2 * LATENTS * scale[s] / (2 * LATENTS * scale[s] + square);
    return sum;
}

static double mmd_term(const struct encoded *e, double beta, double weight) {
    (void)beta;
    static float y[LATENTS * BATCH];
    double mmd = 0, prior[BATCH][LATENTS];
    rng_normals(y, LATENTS, BATCH, BATCH, 5, RNG_MATCH, 11, NULL, 0);
    for (size_t i = 0; i < BATCH; i++)
        for (size_t j = 0; j < LATENTS; j++)
            prior[i][j] = (double)y[j * BATCH + i];
    for (size_t i = 0; i < BATCH; i++)
        for (size_t n = 0; n < BATCH; n++) {
            mmd -= 2.0 / (BATCH * BATCH) * kernel(e[i].z, prior[n]);
            if (n != i)
                mmd += (kernel(e[i].z, e[n].z) + kernel(prior[i], prior[n])) / (BATCH * (BATCH - 1.0));
        }
    return BATCH * weight * mmd;
}

/* The terms of the table, over all records of a step. */
static const struct {
    const struct objective *kind;
    double (*term)(const struct encoded *, double beta, double weight);
    double weight;
} coupled[] = {{&objective_tc, tc_term, 4}, {&objective_tc, tc_term, 0}, {&objective_mmd, mmd_term, 50}};

static double coupled_loss(const struct vae_model *m, const double *w, const float *x, const struct model_pass *p, size_t c,
                           double beta) {
    static struct encoded e[BATCH];
    const double zero[LATENTS] = {0}, one[LATENTS] = {1, 1, 1};
    double sum = 0;
    for (size_t i = 0; i < BATCH; i++) {
        double eps[LATENTS];
        noise_of(m, p, i, eps);
        struct models_parts r = models_record(m, w, x + i * D, eps, 0), mean = models_record(m, w, x + i * D, zero, 0);
        struct models_parts up = models_record(m, w, x + i * D, one, 0);
        sum += r.nll + beta * r.kl;
        for (size_t j = 0; j < LATENTS; j++)
            e[i].z[j] = r.z[j], e[i].mean[j] = mean.z[j], e[i].sd[j] = up.z[j] - mean.z[j];
    }
    return sum + coupled[c].term(e, beta, coupled[c].weight);
}

/* A step in shards of 64 and the rest, each part for all before the next. */
static void run_coupled(const struct vae_model *m, struct model_pass *p, const float *x, const struct model_objective *o) {
    uint64_t rows[BATCH];
    for (size_t i = 0; i < BATCH; i++)
        rows[i] = i;
    for (int part = 0; part < 3; part++)
        for (size_t at = 0; at < BATCH; at += MAT_SHARD) {
            size_t n = BATCH - at < MAT_SHARD ? BATCH - at : MAT_SHARD;
            const struct nn_noise noise = {5, 11, rows + at};
            if (part == 0) {
                model_load_rows(m, p, at, n, x, rows + at);
                model_train_encode(m, m->w, p, at, n, o, &noise);
            } else if (part == 1) {
                model_train_couple(m, p, at, n, o);
            } else {
                model_train_decode(m, m->w, p, at, n, o, &noise);
            }
        }
}

static void test_coupled(size_t c) {
    const struct objective *kind = coupled[c].kind;
    const struct model_config config = {.latent_dim = LATENTS, .latent = &latent_gauss, .act = &nn_silu, .lik = &lik_gaussian};
    double *raw = models_data(BATCH, D, false), worst = 0, size = 0;
    struct vae_model *m = models_new(&config, widths, raw, BATCH, 3);
    float *x = models_rows(m, raw, BATCH), *dw = mem_floats(m->nw), *plain = mem_floats(m->nw);
    double *w = models_weights(m);
    struct model_pass p;
    pass_for(&p, m, kind, BATCH, 1);
    struct model_objective o = {.scale = 1, .beta = 0.5f, .kind = kind, .weight = (float)coupled[c].weight, .batch = BATCH,
                                .population = POPULATION};
    rng_normals(p.eps, m->neps, BATCH, p.ld, 1, RNG_TEST, 5, NULL, 0);
    CHECK(kind->couples && model_couples(&o), "%s: records know nothing of one another", kind->name);
    run_coupled(m, &p, x, &o);
    gradient(m, &p, BATCH, 1, dw);
    for (size_t i = 0; i < m->nw; i++) {
        double keep = w[i], up, down;
        w[i] = keep + H, up = coupled_loss(m, w, x, &p, c, 0.5);
        w[i] = keep - H, down = coupled_loss(m, w, x, &p, c, 0.5);
        w[i] = keep;
        double want = (up - down) / (2 * H);
        worst = fmax(worst, fabs((double)dw[i] - want) / (10 + fabs(want)));
    }
    CHECK(worst < 2e-4, "%s, weight %g: gradient off by %g", kind->name, coupled[c].weight, worst);

    /* without its term it is the ELBO, and the term is no trifle */
    o.kind = NULL;
    run_coupled(m, &p, x, &o);
    gradient(m, &p, BATCH, 1, plain);
    for (size_t i = 0; i < m->dec.node[0].w0; i++)
        size = fmax(size, fabs((double)plain[i] - (double)dw[i]));
    CHECK(size > 1, "%s: the term changes the encoder's gradient by %g", kind->name, size);
    o.kind = kind, o.weight = kind == &objective_tc;
    run_coupled(m, &p, x, &o);
    gradient(m, &p, BATCH, 1, dw);
    CHECK(!memcmp(dw, plain, m->nw * sizeof *dw), "%s: not the ELBO where its term counts nothing", kind->name);
    model_pass_free(&p);
    free(raw), free(x), free(dw), free(plain), free(w);
    vae_model_free(m);
}

int main(void) {
    struct vae_err err = {0};
    if (mat_open(&err)) {
        fprintf(stderr, "cannot start: %s\n", err.msg);
        return 1;
    }
    for (size_t i = 0; objective_table[i]; i++)
        CHECK(objective_by_name(objective_table[i]->name) == objective_table[i] && *objective_table[i]->about,
              "objective %s: not found by its name", objective_table[i]->name);
    CHECK(!objective_by_name("no such"), "an unknown name is found");
    for (size_t draws = 1; draws <= 5; draws += 2)
        for (int b = 0; b < 3; b++) {
            test_iwae(&lik_gaussian, draws, (float)b * 0.5f);
            test_iwae(&lik_bernoulli, draws, (float)b * 0.5f);
        }
    for (size_t draws = 1; draws <= 2; draws++) {
        test_mean(draws, 1);
        test_mean(draws, 0.5f);
    }
    for (size_t c = 0; c < sizeof coupled / sizeof *coupled; c++)
        test_coupled(c);
    return test_done();
}
