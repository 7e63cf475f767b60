/*
 * test_latent.c - every posterior family of the table, and the lower level of a ladder: draws, densities and
 * divergences against the density written down in double, and the gradient of the whole objective against central
 * differences.
 */
#include <stdbool.h>

#include "base/rng.h"
#include "latent/ladder.h"
#include "latent/latent.h"
#include "test.h"

enum { K = 3 };
static const double H = 1e-5;

/* A family as formulas of the encoder outputs of one latent, h[heads]. */
struct family {
    const char *name;
    size_t heads;
    double (*mean)(const double *h), (*sd)(const double *h);
    double (*draw)(const double *h, double eps);
    double (*logq)(const double *h, double z);
};

static double gauss_mean(const double *h) {
    return h[0];
}
static double gauss_sd(const double *h) {
    return exp(fmin(fmax(h[1], -14), 6) / 2);
}
static double gauss_draw(const double *h, double eps) {
    return h[0] + gauss_sd(h) * eps;
}
static double gauss_logq(const double *h, double z) {
    double t = (z - h[0]) / gauss_sd(h);
    return -0.5 * t * t - log(gauss_sd(h) * sqrt(2 * M_PI));
}

/* Of a ladder its upper level; test_ladder() has the lower one. */
static const struct family families[] = {{"gauss", 2, gauss_mean, gauss_sd, gauss_draw, gauss_logq},
                                         {"ladder", 2, gauss_mean, gauss_sd, gauss_draw, gauss_logq}};

static const struct family *family_of(const struct latent *q) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (!strcmp(families[i].name, q->name))
            return &families[i];
    return NULL;
}

static double log_normal(double z) {
    return -0.5 * z * z - 0.5 * log(2 * M_PI);
}

/* KL(q || N(0,1)) of one latent by the trapezoid rule over mean -+ 12 sd. */
static double numeric_kl(const struct family *f, const double *h) {
    enum { N = 4000 };
    double a = f->mean(h) - 12 * f->sd(h), step = 24 * f->sd(h) / N, sum = 0;
    for (int i = 0; i <= N; i++) {
        double z = a + i * step, l = f->logq(h, z);
        sum += (i == 0 || i == N ? 0.5 : 1) * exp(l) * (l - log_normal(z));
    }
    return sum * step;
}

static bool close_to(double got, double want, double tol) {
    return fabs(got - want) <= tol * (1 + fabs(want));
}

/* Encoder outputs of latent j of record i. */
static void outputs(const struct family *f, const float *h, size_t j, size_t i, size_t ld, double *out) {
    for (size_t a = 0; a < f->heads; a++)
        out[a] = (double)h[(a * K + j) * ld + i];
}

static void test_values(const struct latent *q, const struct family *f, size_t n, size_t ld) {
    float *h = calloc(q->heads * K * ld, sizeof *h), *eps = calloc(K * ld, sizeof *eps);
    float *z = calloc(3 * K * ld, sizeof *z), *mean = z + K * ld, *sd = mean + K * ld;
    double *kl = calloc(2 * n, sizeof *kl), *logq = kl + n, by[K] = {1, 2, 3}, worst[5] = {0}, by_want[K] = {1, 2, 3};
    rng_normals(h, q->heads * K, n, ld, 1, RNG_TEST, 1, NULL, 0);
    rng_normals(eps, K, n, ld, 1, RNG_TEST, 2, NULL, 0);
    for (size_t i = 0; i < 3 * K * ld; i++)
        z[i] = 77;
    for (size_t i = 0; i < n; i++)
        kl[i] = 5, logq[i] = -5;
    q->sample(K, h, eps, z, n, ld);
    q->mean(K, h, mean, n, ld);
    q->sd(K, h, sd, n, ld);
    q->kl(K, h, kl, by, n, ld);
    q->logq(K, h, eps, logq, n, ld);
    for (size_t i = 0; i < n; i++) {
        double want_kl = 5, want_q = -5, o[8];
        for (size_t j = 0; j < K; j++) {
            size_t p = j * ld + i;
            outputs(f, h, j, i, ld, o);
            worst[0] = fmax(worst[0], fabs((double)z[p] - f->draw(o, (double)eps[p])));
            worst[1] = fmax(worst[1], fabs((double)mean[p] - f->mean(o)));
            worst[2] = fmax(worst[2], fabs((double)sd[p] / f->sd(o) - 1));
            want_q += f->logq(o, f->draw(o, (double)eps[p]));
            double t = numeric_kl(f, o);
            want_kl += t, by_want[j] += t;
        }
        worst[3] = fmax(worst[3], fabs(kl[i] - want_kl));
        worst[4] = fmax(worst[4], fabs(logq[i] - want_q));
    }
    CHECK(worst[0] < 1e-5 && worst[1] < 1e-6 && worst[2] < 1e-6, "%s: draws off by %g, means %g, sd %g", q->name,
          worst[0], worst[1], worst[2]);
    CHECK(worst[3] < 1e-5, "%s: KL off by %g", q->name, worst[3]);
    CHECK(worst[4] < 1e-5, "%s: log q off by %g", q->name, worst[4]);
    for (size_t j = 0; j < K; j++)
        CHECK(close_to(by[j], by_want[j], 1e-6), "%s: KL of latent %zu: %g, should be %g", q->name, j, by[j],
              by_want[j]);
    for (size_t i = n; i < ld; i++)
        CHECK(z[i] == 77 && mean[i] == 77 && sd[i] == 77, "%s: writes behind its columns", q->name);
    free(h), free(eps), free(z), free(kl);
}

/* The mean of log q - log p over draws is the KL; draws have the mean and sd that mean() and sd() say. */
static void test_sampling(const struct latent *q) {
    enum { N = 100000 };
    float *h = calloc(q->heads * N, sizeof *h), *eps = calloc(N, sizeof *eps), *z = calloc(N, sizeof *z);
    double *logq = calloc(N, sizeof *logq), kl = 0, s = 0, v = 0, m = 0, mv = 0;
    for (size_t i = 0; i < N; i++)
        for (size_t a = 0; a < q->heads; a++)
            h[a * N + i] = a ? -1.1f : 0.7f;
    rng_normals(eps, 1, N, N, 1, RNG_TEST, 3, NULL, 0);
    q->sample(1, h, eps, z, N, N);
    q->logq(1, h, eps, logq, N, N);
    float mean, sd;
    for (size_t a = 0; a < q->heads; a++)
        h[a] = a ? -1.1f : 0.7f;
    q->mean(1, h, &mean, 1, N);
    q->sd(1, h, &sd, 1, N);
    q->kl(1, h, &kl, NULL, 1, N);
    for (size_t i = 0; i < N; i++) {
        double t = logq[i] - log_normal((double)z[i]);
        s += t, v += t * t;
        m += (double)z[i], mv += pow((double)z[i] - (double)mean, 2);
    }
    s /= N, v = v / N - s * s, m /= N, mv /= N;
    CHECK(fabs(s - kl) < 5 * sqrt(v / N), "%s: KL %g, by sampling %g +- %g", q->name, kl, s, sqrt(v / N));
    CHECK(fabs(m - (double)mean) < 5 * (double)sd / sqrt(N), "%s: mean of draws %g", q->name, m);
    CHECK(close_to(sqrt(mv), (double)sd, 0.01), "%s: sd of draws %g", q->name, sqrt(mv));
    free(h), free(eps), free(z), free(logq);
}

static double objective(const struct family *f, const double *h, double eps, double dz, double pull, double free_nats) {
    return dz * f->draw(h, eps) + pull * fmax(numeric_kl(f, h), free_nats);
}

static void test_backward(const struct latent *q, const struct family *f, size_t n, size_t ld, float free_nats) {
    const float scale = 0.125f, beta = 0.6f;
    float *h = calloc(q->heads * K * ld, sizeof *h), *dh = calloc(q->heads * K * ld, sizeof *dh);
    float *eps = calloc(2 * K * ld, sizeof *eps), *dz = eps + K * ld;
    double worst = 0;
    size_t below = 0;
    rng_normals(h, q->heads * K, n, ld, 1, RNG_TEST, 4, NULL, 0);
    rng_normals(eps, 2 * K, n, ld, 1, RNG_TEST, 5, NULL, 0);
    for (size_t i = 0; i < q->heads * K * ld; i++)
        dh[i] = 77;
    q->backward(K, h, eps, dz, scale, beta, free_nats, dh, n, ld);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < K; j++) {
            double o[8], e = (double)eps[j * ld + i], g = (double)dz[j * ld + i], pull = (double)scale * (double)beta;
            outputs(f, h, j, i, ld, o);
            if (fabs(numeric_kl(f, o) - (double)free_nats) < 1e-3)
                continue; /* at the kink of free nats */
            below += numeric_kl(f, o) < (double)free_nats;
            for (size_t a = 0; a < f->heads; a++) {
                double at = o[a], up, down;
                o[a] = at + H, up = objective(f, o, e, g, pull, (double)free_nats);
                o[a] = at - H, down = objective(f, o, e, g, pull, (double)free_nats);
                o[a] = at;
                double want = (up - down) / (2 * H);
                worst = fmax(worst, fabs((double)dh[(a * K + j) * ld + i] - want) / (1 + fabs(want)));
            }
        }
    CHECK(worst < 3e-6, "%s n %zu free %g: gradient off by %g", q->name, n, (double)free_nats, worst);
    CHECK(free_nats > 0 ? below > 0 && below < n * K : below == 0, "free nats touch %zu latents", below);
    for (size_t i = n; i < ld; i++)
        CHECK(dh[i] == 77, "%s: writes behind its columns", q->name);
    free(h), free(dh), free(eps);
}

/* d log q(z|x)/dz of the draw, times a weight of the record, h held. */
static void test_slope(const struct latent *q, const struct family *f, size_t n, size_t ld) {
    float *h = calloc(q->heads * K * ld, sizeof *h), *eps = calloc(K * ld, sizeof *eps), *dz = calloc(K * ld, sizeof *dz);
    float *weight = calloc(n, sizeof *weight);
    double worst = 0;
    rng_normals(h, q->heads * K, n, ld, 1, RNG_TEST, 6, NULL, 0);
    rng_normals(eps, K, n, ld, 1, RNG_TEST, 7, NULL, 0);
    rng_normals(weight, 1, n, n, 1, RNG_TEST, 8, NULL, 0);
    for (size_t i = 0; i < K * ld; i++)
        dz[i] = 77;
    q->slope(K, h, eps, weight, dz, n, ld);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < K; j++) {
            double o[8];
            outputs(f, h, j, i, ld, o);
            double z = f->draw(o, (double)eps[j * ld + i]);
            double want = 77 + (double)weight[i] * (f->logq(o, z + H) - f->logq(o, z - H)) / (2 * H);
            worst = fmax(worst, fabs((double)dz[j * ld + i] - want));
        }
    CHECK(worst < 2e-5, "%s n %zu: slope off by %g", q->name, n, worst);
    for (size_t i = n; i < ld; i++)
        CHECK(dz[i] == 77, "%s: writes behind its columns", q->name);
    free(h), free(eps), free(dz), free(weight);
}

/* Outputs far out of range give finite numbers, those at the edge of the range, and only gradients that lead back. */
static void test_gauss_range(void) {
    const struct latent *q = &latent_gauss;
    const float far[] = {-1000, -14.5f, 6.5f, 1000}, edge[] = {-14, -14, 6, 6};
    for (size_t i = 0; i < 4; i++) {
        float h[2] = {0.5f, far[i]}, at[2] = {0.5f, edge[i]}, eps = 1.5f, z[2], dh[2], sd[2];
        double kl[2] = {0}, logq[2] = {0};
        q->sample(1, h, &eps, &z[0], 1, 1), q->sample(1, at, &eps, &z[1], 1, 1);
        q->sd(1, h, &sd[0], 1, 1), q->sd(1, at, &sd[1], 1, 1);
        q->kl(1, h, &kl[0], NULL, 1, 1), q->kl(1, at, &kl[1], NULL, 1, 1);
        q->logq(1, h, &eps, &logq[0], 1, 1), q->logq(1, at, &eps, &logq[1], 1, 1);
        CHECK(isfinite(z[0]) && z[0] == z[1] && sd[0] == sd[1] && kl[0] == kl[1] && logq[0] == logq[1],
              "a log variance of %g is not held at %g", (double)far[i], (double)edge[i]);
        bool low = far[i] < 0;
        float dz = low ? 1 : -1; /* wants a smaller, a larger variance: further out */
        q->backward(1, h, &eps, &dz, 1, 0, 0, dh, 1, 1);
        CHECK(dh[1] == 0 && dh[0] == dz, "log variance %g: pushed further out by %g", (double)far[i], (double)dh[1]);
        dz = -dz;
        q->backward(1, h, &eps, &dz, 1, 0, 0, dh, 1, 1);
        CHECK(low ? dh[1] < 0 : dh[1] > 0, "log variance %g: no way back (%g)", (double)far[i], (double)dh[1]);
    }
    /* closed forms: KL(N(0,1)) = 0, KL(N(2,1)) = 2, KL(N(0,e)) = (e-2)/2 */
    float h[6] = {0, 2, 0, 0, 0, 1};
    double kl[3] = {0};
    q->kl(1, h, kl, NULL, 3, 3);
    CHECK(fabs(kl[0]) < 1e-7 && close_to(kl[1], 2, 1e-7) && close_to(kl[2], 0.359140914229523, 1e-6), "KL %g %g %g",
          kl[0], kl[1], kl[2]);
    float eps = 0, unit[2] = {3, 0};
    double logq = 0;
    q->logq(1, unit, &eps, &logq, 1, 1);
    CHECK(close_to(logq, -0.918938533204673, 1e-9), "log N(0) = %.12f", logq);
}

/* ---- the lower level of a ladder --------------------------------------------------------------------------------- */

/* One latent below: o[4] = mean and log variance by the encoder, then by the prior. The posterior is their product. */
struct below {
    double mean, sd, prior_mean, prior_sd;
};

static struct below below(const double *o) {
    double ve = pow(gauss_sd(o), 2), vp = pow(gauss_sd(o + 2), 2);
    return (struct below){(o[0] * vp + o[2] * ve) / (ve + vp), sqrt(ve * vp / (ve + vp)), o[2], sqrt(vp)};
}

static double log_density(double z, double mean, double sd) { return log_normal((z - mean) / sd) - log(sd); }

static double below_kl(const struct below *b) {
    enum { N = 4000 };
    double step = 24 * b->sd / N, sum = 0;
    for (int i = 0; i <= N; i++) {
        double z = b->mean - 12 * b->sd + i * step, l = log_density(z, b->mean, b->sd);
        sum += (i == 0 || i == N ? 0.5 : 1) * exp(l) * (l - log_density(z, b->prior_mean, b->prior_sd));
    }
    return sum * step;
}

static double below_objective(const double *o, double eps, double dz, double pull, double free_nats) {
    struct below b = below(o);
    return dz * (b.mean + b.sd * eps) + pull * fmax(below_kl(&b), free_nats);
}

static void test_ladder(size_t n, size_t ld, float free_nats) {
    const float scale = 0.125f, beta = 0.6f;
    const double pull = (double)scale * (double)beta;
    float *mem = calloc(14 * K * ld, sizeof *mem), *h = mem, *t = h + 2 * K * ld, *eps = t + 2 * K * ld,
          *dz = eps + K * ld;
    float *z = dz + K * ld, *mean = z + K * ld, *sd = mean + K * ld, *down = sd + K * ld, *dh = down + K * ld,
          *dt = dh + 2 * K * ld;
    double *kl = calloc(2 * n, sizeof *kl), *ratio = kl + n, by[K] = {1, 2, 3}, by_want[K] = {1, 2, 3}, worst[6] = {0};
    rng_normals(mem, 6 * K, n, ld, 1, RNG_TEST, 6, NULL, 0);
    for (size_t i = 6 * K * ld; i < 14 * K * ld; i++)
        mem[i] = 77;
    for (size_t j = 0; j < K; j++)
        memcpy(down + j * ld, eps + j * ld, n * sizeof *eps);
    h[K * ld] = 9, t[2 * K * ld - ld] = -20; /* log variances out of range */
    for (size_t i = 0; i < n; i++)
        kl[i] = 5, ratio[i] = -5;
    ladder_sample(K, h, t, eps, z, n, ld), ladder_mean(K, h, t, mean, n, ld), ladder_sd(K, h, t, sd, n, ld);
    ladder_descend(K, t, down, n, ld);
    ladder_kl(K, h, t, kl, by, n, ld), ladder_ratio(K, h, t, eps, z, ratio, n, ld);
    ladder_backward(K, h, t, eps, dz, scale, beta, free_nats, dh, dt, n, ld);
    for (size_t i = 0; i < n; i++) {
        double want_kl = 5, want_ratio = -5;
        for (size_t j = 0; j < K; j++) {
            size_t p = j * ld + i, q = p + K * ld;
            double o[4] = {(double)h[p], (double)h[q], (double)t[p], (double)t[q]}, e = (double)eps[p];
            struct below b = below(o);
            double draw = b.mean + b.sd * e, l = below_kl(&b);
            worst[0] = fmax(worst[0], fabs((double)z[p] - draw) / (1 + fabs(draw)));
            worst[1] = fmax(worst[1], fabs((double)mean[p] - b.mean) + fabs((double)sd[p] / b.sd - 1));
            worst[2] = fmax(worst[2], fabs((double)down[p] - b.prior_mean - b.prior_sd * e));
            want_kl += l, by_want[j] += l;
            want_ratio +=
                log_density((double)z[p], b.prior_mean, b.prior_sd) - log_density(b.mean + b.sd * e, b.mean, b.sd);
            float got[4] = {dh[p], dh[q], dt[p], dt[q]};
            for (size_t a = 0; a < 4 && fabs(l - (double)free_nats) > 1e-3; a++) {
                double at = o[a], up, less;
                o[a] = at + H, up = below_objective(o, e, (double)dz[p], pull, (double)free_nats);
                o[a] = at - H, less = below_objective(o, e, (double)dz[p], pull, (double)free_nats);
                o[a] = at;
                double want = (up - less) / (2 * H);
                bool held = a % 2 && (at > 6 || at < -14); /* only the way back is open */
                if (!held)
                    worst[5] = fmax(worst[5], fabs((double)got[a] - want) / (1 + fabs(want)));
            }
        }
        worst[3] = fmax(worst[3], fabs(kl[i] - want_kl) / (1 + want_kl));
        worst[4] = fmax(worst[4], fabs(ratio[i] - want_ratio) / (1 + fabs(want_ratio)));
    }
    CHECK(worst[0] < 1e-5 && worst[1] < 1e-5 && worst[2] < 1e-5,
          "lower level: draws off by %g, means or sd %g, prior %g", worst[0], worst[1], worst[2]);
    CHECK(worst[3] < 1e-5 && worst[4] < 1e-4, "lower level: KL off by %g, ratio %g", worst[3], worst[4]);
    CHECK(worst[5] < 1e-5, "lower level, n %zu free %g: gradient off by %g", n, (double)free_nats, worst[5]);
    for (size_t j = 0; j < K; j++)
        CHECK(close_to(by[j], by_want[j], 1e-5), "lower level: KL of latent %zu: %g, should be %g", j, by[j],
              by_want[j]);
    for (size_t i = n; i < ld; i++)
        for (size_t j = 6 * K; j < 14 * K; j++)
            CHECK(mem[j * ld + i] == 77, "lower level: writes behind its columns");
    free(mem), free(kl);
}

int main(void) {
    for (size_t t = 0; latent_table[t]; t++) {
        const struct latent *q = latent_table[t];
        const struct family *f = family_of(q);
        if (q->codes) /* test_latent_codes.c */
            continue;
        CHECK(latent_by_name(q->name) == q && q->about && *q->about, "%s: not found by its name", q->name);
        CHECK(f != NULL && f->heads == q->heads, "posterior family '%s' has no formula in this test", q->name);
        if (!f || f->heads != q->heads)
            continue;
        test_values(q, f, 1, 1);
        test_values(q, f, 64, 64);
        test_values(q, f, 70, 75);
        test_sampling(q);
        test_backward(q, f, 1, 1, 0);
        test_backward(q, f, 66, 70, 0);
        test_backward(q, f, 66, 70, 0.4f);
        if (q->slope)
            test_slope(q, f, 66, 70);
    }
    CHECK(!latent_by_name("no such"), "an unknown name is found");
    test_gauss_range();
    test_ladder(1, 1, 0);
    test_ladder(66, 70, 0);
    test_ladder(66, 70, 0.4f);
    return test_done();
}
