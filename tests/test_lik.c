/*
 * test_lik.c - the plain likelihoods of the table (test_lik_more.c has those over cells, and with tails) against its density written down
 * again in double: values, gradients, normalisation, draws, start values, and the parameters settled in closed form.
 */
#include "base/rng.h"
#include "lik/lik.h"
#include "test.h"

enum { NX = 3, MAX_N = 200000 };
static const double H = 1e-5;

/* What a row of the table must have here: one decoder output a value, at most one parameter. */
struct model {
    const char *name;
    double (*logp)(double x, double o, double theta);
    double (*mean)(double o), (*sd)(double o, double theta);
    double (*value)(double u);     /* a value it can explain, from a normal number */
    double (*output)(double mean); /* that start() should give for a marginal mean */
};

static double gaussian_logp(double x, double o, double theta) {
    double sd = exp(theta);
    return -(x - o) * (x - o) / (2 * sd * sd) - log(sd * sqrt(2 * M_PI));
}
static double same(double o) {
    return o;
}
static double gaussian_sd(double o, double theta) {
    return (void)o, exp(theta);
}
static double bernoulli_logp(double x, double o, double theta) {
    (void)theta;
    double p = 1 / (1 + exp(-o));
    return x * log(p) + (1 - x) * log1p(-p);
}
static double sigmoid(double o) {
    return 1 / (1 + exp(-o));
}
static double bernoulli_sd(double o, double theta) {
    return (void)theta, sqrt(sigmoid(o) * (1 - sigmoid(o)));
}
static double positive(double u) {
    return u > 0;
}
static double logit(double p) {
    return log(p / (1 - p));
}
static double laplace_logp(double x, double o, double theta) {
    return -fabs(x - o) / exp(theta) - log(2 * exp(theta));
}
static double laplace_sd(double o, double theta) {
    return (void)o, M_SQRT2 * exp(theta);
}
/* As the paper writes it: C(p) p^x (1-p)^(1-x), C = 2 atanh(1-2p) / (1-2p). */
static double cbernoulli_logp(double x, double o, double theta) {
    (void)theta;
    double p = sigmoid(o), c = fabs(o) < 1e-3 ? 2 + o * o / 6 : 2 * atanh(1 - 2 * p) / (1 - 2 * p);
    return log(c) + x * log(p) + (1 - x) * log1p(-p);
}
static double cbernoulli_mean(double o) {
    double p = sigmoid(o);
    return fabs(o) < 1e-3 ? 0.5 + o / 12 : p / (2 * p - 1) + 1 / (2 * atanh(1 - 2 * p));
}
static double cbernoulli_sd(double o, double theta) {
    static const double h = 1e-4; /* the variance is the slope of the mean */
    return (void)theta, sqrt((cbernoulli_mean(o + h) - cbernoulli_mean(o - h)) / (2 * h));
}
static double cbernoulli_output(double mean) {
    double low = -90, high = 90;
    for (int i = 0; i < 60; i++) {
        double mid = 0.5 * (low + high);
        if (cbernoulli_mean(mid) < mean)
            low = mid;
        else
            high = mid;
    }
    return low;
}

static const struct model models[] = {
    {"gaussian", gaussian_logp, same, gaussian_sd, same, same},
    {"bernoulli", bernoulli_logp, sigmoid, bernoulli_sd, positive, logit},
    {"laplace", laplace_logp, same, laplace_sd, same, same},
    {"cbernoulli", cbernoulli_logp, cbernoulli_mean, cbernoulli_sd, sigmoid, cbernoulli_output},
};

static const struct model *model_of(const struct lik *l) {
    for (size_t i = 0; i < sizeof models / sizeof *models; i++)
        if (!strcmp(models[i].name, l->name))
            return &models[i];
    return NULL;
}

static bool close_to(double got, double want, double tol) {
    return fabs(got - want) <= tol * (1 + fabs(want));
}

static float *floats(size_t n) {
    float *p = calloc(n, sizeof *p);
    if (!p)
        abort();
    return p;
}

static struct lik_block block_of(const struct lik *l, size_t nx, bool tied) {
    return (struct lik_block){.lik = l, .nx = nx, .no = nx, .tied = tied, .nw = (size_t)l->params * (tied ? 1 : nx)};
}

static double theta_of(const struct lik_block *b, const float *theta, size_t j) {
    return b->nw ? (double)theta[b->tied ? 0 : j] : 0;
}

/* ---- values and gradients ---------------------------------------------------------------------------------- */

/* The gradient of theta, records counting 1 each or by weights. */
static void test_parameters(const struct lik_block *b, const struct model *m, const float *x, const float *o,
                            const float *theta, bool weighted, size_t n, size_t ld) {
    float dtheta[NX] = {NAN, NAN, NAN}, *weight = floats(n);
    double g[NX] = {0};
    for (size_t i = 0; i < n; i++)
        weight[i] = (float)((i + 1) % 4);
    b->lik->grad(b, x, o, theta, weighted ? weight : NULL, dtheta, 0.25f, n, ld);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < NX; j++) {
            double xi = (double)x[j * ld + i], oi = (double)o[j * ld + i], t = theta_of(b, theta, j);
            double slope = (m->logp(xi, oi, t + H) - m->logp(xi, oi, t - H)) / (2 * H);
            g[b->tied ? 0 : j] -= 0.25 * (weighted ? (double)weight[i] : 1) * slope;
        }
    for (size_t j = 0; j < b->nw; j++)
        CHECK(close_to((double)dtheta[j], g[j], 2e-5), "%s: d/dtheta %g, should be %g", b->lik->name, (double)dtheta[j],
              g[j]);
    free(weight);
}

static void test_formula(const struct lik *l, const struct model *m, size_t n, size_t ld, bool tied) {
    struct lik_block b = block_of(l, NX, tied);
    float *x = floats(NX * ld), *o = floats(NX * ld), *d = floats(NX * ld), theta[NX] = {-1.3f, 0.4f, 0.9f};
    double *nll = calloc(2 * n, sizeof *nll), bad = 0, bad_d = 0;
    rng_normals(x, NX, n, ld, 1, RNG_TEST, 1, NULL, 0);
    rng_normals(o, NX, n, ld, 1, RNG_TEST, 2, NULL, 0);
    for (size_t i = 0; i < NX * ld; i++)
        x[i] = (float)m->value((double)x[i]), d[i] = 77;
    for (size_t i = 0; i < n; i++)
        nll[i] = nll[n + i] = 7;
    l->nll(&b, x, o, theta, nll, d, 0.25f, n, ld);
    l->nll(&b, x, o, theta, nll + n, NULL, 0, n, ld);
    CHECK(!memcmp(nll, nll + n, n * sizeof *nll), "%s: the gradient changes the value", l->name);
    for (size_t i = 0; i < n; i++) {
        double want = 7;
        for (size_t j = 0; j < NX; j++) {
            double xi = (double)x[j * ld + i], oi = (double)o[j * ld + i], t = theta_of(&b, theta, j);
            want -= m->logp(xi, oi, t);
            double g = -0.25 * (m->logp(xi, oi + H, t) - m->logp(xi, oi - H, t)) / (2 * H);
            bad_d = fmax(bad_d, fabs((double)d[j * ld + i] - g) / (1 + fabs(g)));
        }
        bad = fmax(bad, fabs(nll[i] - want) / want);
    }
    CHECK(bad < 1e-6, "%s n %zu: -log p off by %g", l->name, n, bad);
    CHECK(bad_d < 2e-6, "%s n %zu: d/do off by %g", l->name, n, bad_d);
    for (size_t i = n; i < ld; i++)
        CHECK(d[i] == 77, "%s: writes behind its columns", l->name);
    CHECK((l->grad != NULL) == (l->params > 0), "%s: parameters without gradient", l->name);
    for (int weighted = 0; l->grad && weighted < 2; weighted++)
        test_parameters(&b, m, x, o, theta, weighted, n, ld);
    free(x), free(o), free(d), free(nll);
}

/* exp(log p) sums to 1 over all values there are. */
static void test_mass(const struct lik *l) {
    struct lik_block b = block_of(l, 1, false);
    static const float theta[] = {-2, 0, 1.5f};
    static const float outputs[] = {-6, -0.5f, 0, 2.25f};
    enum { N = 40001 };
    for (size_t t = 0; t < (l->params ? 3 : 1); t++)
        for (size_t k = 0; k < 4; k++) {
            double width = isfinite(l->max - l->min) ? l->max - l->min : 48 * exp((double)theta[t]), sum = 0;
            double low = isfinite(l->min) ? l->min : (double)outputs[k] - width / 2;
            size_t n = l->mass ? (size_t)(l->max - l->min) + 1 : N;
            float *x = floats(n), *o = floats(n);
            double *nll = calloc(n, sizeof *nll);
            for (size_t i = 0; i < n; i++) {
                x[i] = (float)(low + width * (double)i / (double)(n - 1));
                o[i] = outputs[k];
            }
            l->nll(&b, x, o, &theta[t], nll, NULL, 0, n, n);
            for (size_t i = 0; i < n; i++)
                sum += exp(-nll[i]) * (l->mass ? 1 : ((double)x[i + 1 < n ? i + 1 : i] - (double)x[i ? i - 1 : 0]) / 2);
            CHECK(fabs(sum - 1) < 2e-6, "%s o %g theta %g: probabilities sum to %.9f", l->name, (double)outputs[k],
                  (double)theta[t], sum);
            free(x), free(o), free(nll);
        }
}

static double one_nll(const struct lik *l, float x, float o, float theta) {
    struct lik_block b = block_of(l, 1, false);
    double nll = 0;
    l->nll(&b, &x, &o, &theta, &nll, NULL, 0, 1, 1);
    return nll;
}

/* Numbers from elsewhere: a reimplementation may share a mistake. */
static void test_golden(void) {
    static const struct {
        const struct lik *l;
        float x, o, theta;
        double want;
    } row[] = {
        {&lik_gaussian, 0, 0, 0, 0.918938533204673},
        {&lik_gaussian, 1, 0, 0, 1.418938533204673},
        {&lik_gaussian, 0, -2, 0, 2.918938533204673},
        {&lik_gaussian, 3, 3, 0.6931471805599453f, 1.612085713764618},
        {&lik_gaussian, 1e6f, 0, 0, 5e11 + 0.918938533},
        {&lik_bernoulli, 1, 0, 0, 0.6931471805599453},
        {&lik_bernoulli, 0, 0, 0, 0.6931471805599453},
        {&lik_bernoulli, 1, 2, 0, 0.126928011042972},
        {&lik_bernoulli, 0, 2, 0, 2.126928011042972},
        {&lik_bernoulli, 1, -90, 0, 90},
        {&lik_bernoulli, 0, 90, 0, 90},
        {&lik_bernoulli, 1, 90, 0, 0},
        {&lik_bernoulli, 0, -1000, 0, 0},
        {&lik_laplace, 1.5f, 0.25f, 0.3f, 1.919169956412093}, /* scipy.stats.laplace */
        {&lik_laplace, -40, 0, -1, 108.42442031892173},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        double got = one_nll(row[i].l, row[i].x, row[i].o, row[i].theta);
        CHECK(close_to(got, row[i].want, 1e-7), "row %zu: %.12g, should be %.12g", i, got, row[i].want);
    }
}

/* ---- draws ------------------------------------------------------------------------------------------------ */

struct moments {
    double mean, se;
};

static struct moments moments_of(const float *x, size_t n) {
    double s = 0, q = 0;
    for (size_t i = 0; i < n; i++)
        s += (double)x[i];
    s /= (double)n;
    for (size_t i = 0; i < n; i++)
        q += ((double)x[i] - s) * ((double)x[i] - s);
    return (struct moments){s, sqrt(q / (double)n / (double)n)};
}

static void test_draws(const struct lik *l, const struct model *m, float output, float theta0) {
    struct lik_block b = block_of(l, 1, false);
    float *o = floats(MAX_N), *x = floats(MAX_N), *d = floats(MAX_N), *mean = floats(MAX_N), theta[1] = {theta0};
    uint64_t *rows = calloc(MAX_N, sizeof *rows);
    double *nll = calloc(MAX_N, sizeof *nll);
    for (size_t i = 0; i < MAX_N; i++)
        o[i] = output, rows[i] = i;
    l->sample(&b, o, theta, x, 3, rows, MAX_N, MAX_N);
    l->mean(&b, o, theta, mean, MAX_N, MAX_N);
    struct moments mo = moments_of(x, MAX_N);
    double sd = mo.se * sqrt(MAX_N), want_sd = m->sd((double)output, (double)theta0);
    CHECK(close_to((double)mean[0], m->mean((double)output), 1e-6), "%s: mean %g", l->name, (double)mean[0]);
    CHECK(fabs(mo.mean - (double)mean[0]) < 5 * mo.se, "%s: mean of draws %g, should be %g", l->name, mo.mean,
          (double)mean[0]);
    CHECK(fabs(sd / want_sd - 1) < 0.02, "%s o %g: sd of draws %g, should be %g", l->name, (double)output, sd, want_sd);
    l->sd(&b, o, theta, d, MAX_N, MAX_N);
    CHECK(close_to((double)d[0], want_sd, 1e-5) && d[MAX_N - 1] == d[0], "%s o %g: sd %g, should be %g", l->name, (double)output,
          (double)d[0], want_sd);
    for (size_t i = 0; i < MAX_N; i++)
        if (!((double)x[i] >= l->min && (double)x[i] <= l->max)) {
            CHECK(0, "%s: a draw %g out of range", l->name, (double)x[i]);
            break;
        }
    /* E[d log p] = 0 at the distribution's own draws */
    l->nll(&b, x, o, theta, nll, d, 1, MAX_N, MAX_N);
    mo = moments_of(d, MAX_N);
    CHECK(fabs(mo.mean) < 5 * mo.se && mo.se > 0, "%s: mean score of o %g (%g)", l->name, mo.mean, mo.se);
    if (l->grad) {
        double sum = 0, square = 0;
        for (size_t i = 0; i < MAX_N; i++) {
            float g;
            l->grad(&b, x + i, o + i, theta, NULL, &g, 1, 1, 1);
            sum += (double)g, square += (double)g * (double)g;
        }
        CHECK(fabs(sum) < 5 * sqrt(square), "%s: mean score of theta %g", l->name, sum / MAX_N);
    }
    l->mean(&b, o, theta, o, MAX_N, MAX_N);
    CHECK(!memcmp(o, mean, MAX_N * sizeof *o), "%s: the mean in place differs", l->name);
    free(o), free(x), free(d), free(mean), free(rows), free(nll);
}

/* A draw belongs to its record's number and its value's place in the record, whatever the panel. */
static void test_keys(const struct lik *l) {
    enum { N = 150, LD = 160, TURN = 67 };
    struct lik_block b = block_of(l, 2, false);
    float o[2 * LD] = {0}, x[2 * LD], y[2 * LD], theta[2] = {0, 0};
    uint64_t rows[N], turned[N];
    for (size_t i = 0; i < N; i++)
        rows[i] = 500 + i, turned[i] = 500 + (i + TURN) % N;
    l->sample(&b, o, theta, x, 3, rows, N, LD);
    l->sample(&b, o, theta, y, 3, turned, N, LD);
    size_t wrong = 0, equal = 0, again = 0;
    for (size_t i = 0; i < N; i++) {
        wrong += y[i] != x[(i + TURN) % N] || y[LD + i] != x[LD + (i + TURN) % N];
        equal += x[i] == x[LD + i];
    }
    CHECK(wrong == 0, "%s: %zu draws depend on their place", l->name, wrong);
    CHECK(equal < N * 3 / 4, "%s: two values share their noise", l->name);
    b.x0 = 1, b.nx = 1; /* a block that starts at the second value draws the same for it */
    l->sample(&b, o, theta, y, 3, rows, N, LD);
    for (size_t i = 0; i < N; i++)
        again += y[i] != x[LD + i];
    CHECK(again == 0, "%s: a draw depends on the cut into blocks", l->name);
    b = block_of(l, 2, false);
    memcpy(y, o, sizeof y);
    l->sample(&b, y, theta, y, 3, rows, N, LD);
    for (size_t i = 0; i < N; i++)
        again += y[i] != x[i] || y[LD + i] != x[LD + i];
    CHECK(again == 0, "%s: %zu draws in place differ", l->name, again);
}

/* ---- start values, floors, settling ------------------------------------------------------------------------- */

static void test_start(const struct lik *l, const struct model *m, bool tied) {
    struct lik_block b = block_of(l, NX, tied);
    double mean[NX] = {0.2, 0.5, 0.93}, sd[NX] = {0.4, 0.5, 0.2551}, floor[NX] = {1e-3, 1e-3, 1e-3};
    struct lik_marginals marg = {mean, sd, floor, NULL};
    float bias[NX] = {NAN, NAN, NAN}, theta[NX] = {NAN, NAN, NAN};
    l->start(&b, &marg, bias, theta);
    double rms = sqrt((0.16 + 0.25 + 0.2551 * 0.2551) / 3);
    for (size_t j = 0; j < NX; j++) {
        CHECK(close_to((double)bias[j], m->output(mean[j]), 1e-6), "%s: start %g for a mean of %g", l->name,
              (double)bias[j], mean[j]);
        CHECK(close_to(m->mean((double)bias[j]), mean[j], 1e-6), "%s: starts elsewhere", l->name);
        if (l->params)
            CHECK(close_to(m->sd((double)bias[j], theta_of(&b, theta, j)), tied ? rms : sd[j], 1e-6), "%s: start sd %g",
                  l->name, m->sd((double)bias[j], theta_of(&b, theta, j)));
    }
    /* constant columns, and marginals at the edge of the range, give finite values */
    double edge[NX] = {0, 1, 1}, none[NX] = {0, 0, 0};
    struct lik_marginals constant = {edge, none, none, NULL};
    l->start(&b, &constant, bias, theta);
    for (size_t j = 0; j < NX; j++)
        CHECK(isfinite(bias[j]) && isfinite(theta_of(&b, theta, j)), "%s: a constant column starts at %g, %g", l->name,
              (double)bias[j], theta_of(&b, theta, j));
}

static void test_project(const struct lik *l, bool tied) {
    struct lik_block b = block_of(l, NX, tied);
    double zero[NX] = {0}, floor[NX] = {0.5, 0.25, 0};
    struct lik_marginals marg = {zero, zero, floor, NULL};
    float theta[NX] = {-9, NAN, -90}, high[NX] = {3, 1, 0};
    if (!l->project)
        return;
    l->project(&b, &marg, high);
    CHECK(high[0] == 3 && high[1] == 1 && high[2] == 0, "%s: moves what is in range", l->name);
    l->project(&b, &marg, theta);
    if (tied) {
        CHECK(close_to((double)theta[0], -9, 1e-6), "%s: the tied floor is the lowest: %g", l->name, (double)theta[0]);
        theta[0] = -90;
        l->project(&b, &marg, theta);
        CHECK(close_to((double)theta[0], log(1e-6), 1e-6), "%s: no floor left: %g", l->name, (double)theta[0]);
    } else {
        CHECK(close_to((double)theta[0], log(0.5), 1e-6) && close_to((double)theta[1], log(0.25), 1e-6) &&
                  close_to((double)theta[2], log(1e-6), 1e-6),
              "%s: floors %g %g %g", l->name, (double)theta[0], (double)theta[1], (double)theta[2]);
    }
}

/* Where theta is settled from n records alone, their -log p has no slope in theta. */
static void test_settle(const struct lik *l, bool tied) {
    enum { N = 77, LD = 80 };
    struct lik_block b = block_of(l, NX, tied);
    float x[NX * LD], o[NX * LD], theta[NX] = {0.3f, -0.2f, 1}, g[NX], before[NX];
    double stat[2 * NX] = {0}, prior[2 * NX] = {0};
    CHECK((l->stat != NULL) == (l->settle != NULL), "%s: half a settling", l->name);
    if (!l->settle)
        return;
    rng_normals(x, NX, N, LD, 1, RNG_TEST, 8, NULL, 0);
    rng_normals(o, NX, N, LD, 1, RNG_TEST, 9, NULL, 0);
    l->stat(&b, x, o, stat, 50, LD);
    l->stat(&b, x + 50, o + 50, stat, N - 50, LD);
    memcpy(before, theta, sizeof theta);
    l->settle(&b, stat, 0, theta);
    l->grad(&b, x, o, theta, NULL, g, 1, N, LD);
    for (size_t j = 0; j < b.nw; j++)
        CHECK(fabs((double)g[j]) < 1e-4 * N * NX && theta[j] != before[j], "%s: slope %g left", l->name, (double)g[j]);
    /* the old value counts as records: with none new it stays, with as many of both the variances are averaged */
    memcpy(theta, before, sizeof theta);
    l->settle(&b, prior, 20, theta);
    for (size_t j = 0; j < b.nw; j++)
        CHECK(close_to((double)theta[j], (double)before[j], 1e-6), "%s: moved by nothing", l->name);
    if (l == &lik_gaussian) {
        double var = 0;
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < (tied ? NX : 1); j++)
                var += pow((double)x[j * LD + i] - (double)o[j * LD + i], 2) / (N * (tied ? NX : 1));
        l->settle(&b, stat, N, theta);
        CHECK(close_to((double)theta[0], 0.5 * log((var + exp(0.6)) / 2), 1e-6), "settled to %g", (double)theta[0]);
    }
}

int main(void) {
    for (size_t t = 0; lik_table[t]; t++) {
        const struct lik *l = lik_table[t];
        const struct model *m = model_of(l);
        CHECK(lik_by_name(l->name) == l && l->about && *l->about, "%s: not found by its name", l->name);
        if (l->cells || l->grid || l == &lik_student || l == &lik_negbinomial) /* test_lik_more.c knows these */
            continue;
        CHECK(m != NULL, "likelihood '%s' has no formula in this test", l->name);
        if (!m)
            continue;
        CHECK(l->outputs == 1 && l->params <= 1, "%s: this test knows one output and one parameter a value", l->name);
        for (int tied = 0; tied < 2; tied++) {
            test_formula(l, m, 1, 1, tied);
            test_formula(l, m, 64, 64, tied);
            test_formula(l, m, 131, 140, tied);
            test_start(l, m, tied);
            test_project(l, tied);
            test_settle(l, tied);
        }
        test_mass(l);
        test_draws(l, m, 0.8f, -0.7f);
        test_draws(l, m, -2.1f, 0.5f);
        test_keys(l);
    }
    CHECK(!lik_by_name("no such"), "an unknown name is found");
    test_golden();
    return test_done();
}
