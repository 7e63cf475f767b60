/*
 * test_lik_more.c - likelihoods over cells, grids, counts and heavy tails: gradients by finite differences, probabilities that add
 * up to one, draws and ranges that agree with them, missing values, and numbers from scipy.
 */
#include "base/rng.h"
#include "lik/lik.h"
#include "test.h"

enum { CELLS = 7, LEVELS = 4, N = 64, DRAWS = 20000, OUT = 16 /* outputs of a value, at most */, GRID = 8 };

/* 0, 1, (2..5), 6 | 7.5, (8..10) and a blank one: atoms and intervals, two cells in level 1, two in level 2. */
static struct cells small_cells(bool blank) {
    struct cells c;
    struct vae_err err = {0};
    static const double low[CELLS] = {0, 1, 2, 6, 7.5, 8, 0}, high[CELLS] = {0, 1, 5, 6, 7.5, 10, 0};
    static const double weight[CELLS] = {1, 0.25, 0.75, 0.4, 0.6, 1, 1};
    static const uint32_t level[CELLS] = {0, 1, 1, 2, 2, 3, 4};
    CHECK(!cells_new(&c, blank ? CELLS : CELLS - 1, &err), "%s", err.msg);
    for (size_t i = 0; i < c.n; i++)
        c.low[i] = low[i], c.high[i] = high[i], c.weight[i] = weight[i], c.level[i] = level[i];
    c.nlevels = blank ? LEVELS + 1 : LEVELS;
    c.blank = blank;
    for (size_t l = 0; l < c.nlevels; l++)
        c.share[l] = 1.0 / (double)c.nlevels;
    cells_finish(&c, 0.5, 1);
    CHECK(!cells_check(&c, &err), "%s", err.msg);
    return c;
}

struct on {
    const struct lik *l;
    struct cells cells;
    struct lik_block b;
    float theta[8];
    float o[OUT][N], x[N]; /* output, record */
};

static void set_up(struct on *s, const struct lik *l, bool blank) {
    *s = (struct on){.l = l};
    if (l->cells)
        s->cells = small_cells(blank);
    const struct cells *c = l->cells ? &s->cells : NULL;
    s->b = (struct lik_block){.lik = l, .nx = 1, .no = lik_outputs(l, c), .nw = lik_params(l, c), .cells = c,
                                .step = 1.0f / GRID};
    static const float ordinal[] = {-1, 0.2f, 1.4f}, count[] = {0.8f}, student[] = {-0.3f, 1.1f};
    memcpy(s->theta, l == &lik_ordinal ? ordinal : l == &lik_negbinomial ? count : student,
           l == &lik_ordinal ? sizeof ordinal : l == &lik_negbinomial ? sizeof count : sizeof student);
    for (size_t k = 0; k < s->b.no; k++)
        rng_normals(s->o[k], 1, N, N, 1, RNG_TEST, 30 + k, NULL, 0);
    rng_normals(s->x, 1, N, N, 1, RNG_TEST, 40, NULL, 0);
    for (size_t i = 0; i < N; i++) {
        if (l->cells)
            s->x[i] = (float)(i % s->cells.n) + 0.25f;
        else if (l->grid)
            s->x[i] = (float)(i % (GRID + 1)) / GRID;
        else if (l->mass)
            s->x[i] = (float)(i % 9);
        if (i % 11 == 5)
            s->x[i] = NAN;
        for (size_t k = 2 * s->b.no / 3; l->grid && k < s->b.no; k++) /* log scales between their ends */
            s->o[k][i] = 0.4f * s->o[k][i] - 1;
        if (l == &lik_ordinal && i > 5 && i < 30) /* far from all cuts, on either side */
            s->o[0][i] = i % 2 ? 50 : -50;
    }
}

static void tear_down(struct on *s) {
    if (s->l->cells)
        cells_free(&s->cells);
}

static double total(struct on *s, float *d) {
    double nll[N] = {0}, sum = 0;
    s->l->nll(&s->b, s->x, s->o[0], s->theta, nll, d, 0.5f, N, N);
    for (size_t i = 0; i < N; i++) {
        CHECK(!isnan(s->x[i]) || nll[i] == 0, "%s: a missing value has -log p %g", s->l->name, nll[i]);
        sum += 0.5 * nll[i];
    }
    return sum;
}

static void test_gradients(struct on *s) {
    float d[OUT * N], dtheta[8] = {0};
    double worst = 0, h;
    total(s, d);
    for (size_t k = 0; k < s->b.no; k++)
        for (size_t i = 0; i < N; i += 3) {
            float was = s->o[k][i], up = was + 1e-2f, down = was - 1e-2f;
            s->o[k][i] = up;
            double a = total(s, NULL);
            s->o[k][i] = down;
            h = (double)up - (double)down;
            double g = (a - total(s, NULL)) / h;
            s->o[k][i] = was;
            worst = fmax(worst, fabs(g - (double)d[k * N + i]) / (0.01 + fabs(g)));
        }
    CHECK(worst < 0.02, "%s: d/do is off by %.4f of itself", s->l->name, worst);
    CHECK((s->l->grad != NULL) == (s->b.nw > 0), "%s: parameters without gradient", s->l->name);
    if (s->l->grad)
        s->l->grad(&s->b, s->x, s->o[0], s->theta, NULL, dtheta, 0.5f, N, N);
    for (size_t k = 0; k < s->b.nw; k++) {
        float was = s->theta[k], up = was + 1e-2f, down = was - 1e-2f;
        s->theta[k] = up;
        double a = total(s, NULL);
        s->theta[k] = down;
        h = (double)up - (double)down;
        double g = (a - total(s, NULL)) / h;
        s->theta[k] = was;
        CHECK(fabs(g - (double)dtheta[k]) < 0.01 * (1 + fabs(g)), "%s: d/dtheta[%zu] %g, should be %g", s->l->name, k,
              (double)dtheta[k], g);
    }
}

/* Records with weights: the sum of each one's gradient times its weight. */
static void test_weights(struct on *s) {
    float weight[N], got[8], one[8];
    double want[8] = {0}, size[8] = {0};
    if (!s->l->grad)
        return;
    for (size_t i = 0; i < N; i++) {
        weight[i] = i % 5 == 2 ? 0 : (float)(1 + i % 7) / 4;
        s->l->grad(&s->b, s->x + i, s->o[0] + i, s->theta, NULL, one, 0.5f, 1, N);
        for (size_t k = 0; k < s->b.nw; k++)
            want[k] += (double)weight[i] * (double)one[k], size[k] += fabs((double)one[k]);
    }
    s->l->grad(&s->b, s->x, s->o[0], s->theta, weight, got, 0.5f, N, N);
    for (size_t k = 0; k < s->b.nw; k++)
        CHECK(size[k] > 0 && fabs((double)got[k] - want[k]) < 1e-5 * size[k], "%s: d/dtheta[%zu] of weighted records %g, should be %g",
              s->l->name, k, (double)got[k], want[k]);
}

/* exp(-nll) over all there is: cells by their width, counts and a grid one by one, a line in tangents. */
static double whole(const struct on *s, size_t record) {
    double sum = 0;
    float o[OUT];
    for (size_t k = 0; k < s->b.no; k++)
        o[k] = s->o[k][record];
    size_t steps = s->l->cells ? s->cells.n : s->l->grid ? GRID + 1 : s->l->mass ? 20000 : 40001;
    for (size_t i = 0; i < steps; i++) {
        double nll = 0, u = ((double)i + 0.5) / (double)steps * 2 - 1, t = tan(u * M_PI_2);
        float x = s->l->cells ? (float)i + 0.5f : s->l->grid ? (float)i / GRID : s->l->mass ? (float)i : (float)((double)o[0] + t);
        s->l->nll(&s->b, &x, o, s->theta, &nll, NULL, 0, 1, 1);
        double width = 1;
        if (s->l->cells)
            width = s->cells.high[i] > s->cells.low[i] ? s->cells.high[i] - s->cells.low[i]
                    : s->cells.blank && i + 1 == s->cells.n ? 1 : 0.5;
        else if (!s->l->mass)
            width = 2.0 / (double)steps * M_PI_2 * (1 + t * t);
        sum += exp(-nll) * width;
    }
    return sum;
}

/* How often draws fall in [low, high] against range(), and that draws from a range stay there. */
static void test_ranges(struct on *s, size_t record, double low, double high) {
    static uint64_t rows[DRAWS];
    static float o[OUT * DRAWS], x[DRAWS], y[DRAWS];
    double logp[1] = {0}, in = 0, below[2] = {0, 0}, middle;
    float o1[OUT];
    for (size_t i = 0; i < DRAWS; i++)
        for (size_t k = 0; k < s->b.no; k++)
            o[k * DRAWS + i] = o1[k] = s->o[k][record], rows[i] = i;
    s->l->range(&s->b, o1, s->theta, low, high, NULL, logp, 1, 1);
    s->l->sample(&s->b, o, s->theta, x, 9, rows, DRAWS, DRAWS);
    s->l->sample_range(&s->b, o, s->theta, low, high, NULL, y, 10, rows, DRAWS, DRAWS);
    middle = 0.5 * (low + high);
    size_t outside = 0, n = 0;
    for (size_t i = 0; i < DRAWS; i++) {
        double v = s->l->cells ? cells_value(&s->cells, x[i]) : (double)x[i];
        double w = s->l->cells ? cells_value(&s->cells, y[i]) : (double)y[i];
        bool inside = v >= low && v <= high;
        in += inside, n += inside;
        below[0] += inside && v <= middle;
        below[1] += w <= middle;
        outside += !(w >= low - 1e-6 && w <= high + 1e-6);
    }
    double p = exp(logp[0]), se = sqrt(p * (1 - p) / DRAWS) + 1e-4;
    CHECK(fabs(in / DRAWS - p) < 5 * se, "%s %g..%g: %.4f of the draws, P %.4f", s->l->name, low, high, in / DRAWS, p);
    CHECK(outside == 0, "%s: %zu draws leave %g..%g", s->l->name, outside, low, high);
    if (n > 500)
        CHECK(fabs(below[0] / (double)n - below[1] / DRAWS) < 5 * sqrt(0.25 / (double)n + 0.25 / DRAWS),
              "%s: draws in a range: %.3f below its middle, should be %.3f", s->l->name, below[1] / DRAWS,
              below[0] / (double)n);
}

/* A set of cells of a range without bounds: the odd ones. */
static void test_set(struct on *s) {
    bool set[CELLS];
    double logp = 0, want = 0;
    float o1[OUT], x[N];
    uint64_t rows[N];
    size_t wrong = 0;
    for (size_t k = 0; k < s->b.no; k++)
        o1[k] = s->o[k][0];
    for (size_t i = 0; i < s->cells.n; i++) {
        double nll = 0, width = s->cells.high[i] - s->cells.low[i];
        float at = (float)i + 0.5f;
        set[i] = i % 2;
        s->l->nll(&s->b, &at, o1, s->theta, &nll, NULL, 0, 1, 1);
        want += set[i] ? exp(-nll) * (width > 0 ? width : 0.5) : 0;
    }
    s->l->range(&s->b, o1, s->theta, -INFINITY, INFINITY, set, &logp, 1, 1);
    CHECK(fabs(exp(logp) - want) < 1e-5, "%s: P of a set %.6f, should be %.6f", s->l->name, exp(logp), want);
    for (size_t i = 0; i < N; i++)
        rows[i] = i;
    s->l->sample_range(&s->b, s->o[0], s->theta, -INFINITY, INFINITY, set, x, 3, rows, N, N);
    for (size_t i = 0; i < N; i++)
        wrong += !set[cells_at(&s->cells, x[i])];
    CHECK(wrong == 0, "%s: %zu draws are not in the set", s->l->name, wrong);
}

/* start() gives the marginals back, project() leaves what is in order alone. */
static void test_start(struct on *s) {
    double mean = s->l->max <= 1 ? 0.4 : 3, sd = s->l->max <= 1 ? 0.25 : 2.5, floor = 1e-3, share[8] = {0.1, 0.4, 0.3, 0.15, 0.05};
    if (s->l->cells && s->cells.nlevels == LEVELS)
        share[0] = 0.15;
    struct lik_marginals m = {&mean, &sd, &floor, share};
    float bias[OUT], theta[8] = {0}, before[8];
    s->l->start(&s->b, &m, bias, theta);
    for (size_t i = 0; i < s->cells.n && s->l->cells; i++) {
        float x = (float)i + 0.5f;
        double nll = 0, want = share[s->cells.level[i]] * s->cells.weight[i];
        s->l->nll(&s->b, &x, bias, theta, &nll, NULL, 0, 1, 1);
        double width = s->cells.high[i] - s->cells.low[i];
        double got = exp(-nll) * (s->cells.blank && i + 1 == s->cells.n ? 1 : width > 0 ? width : 0.5);
        CHECK(fabs(got - want) < 1e-4, "%s: starts with %.5f for cell %zu, should be %.5f", s->l->name, got, i, want);
    }
    if (!s->l->cells) {
        float out;
        s->l->mean(&s->b, bias, theta, &out, 1, 1);
        CHECK(fabs((double)out - mean) < 1e-5, "%s: starts at a mean of %g", s->l->name, (double)out);
    }
    memcpy(before, theta, sizeof theta);
    if (s->l->project)
        s->l->project(&s->b, &m, theta);
    CHECK(!memcmp(before, theta, sizeof theta), "%s: moves what is in order", s->l->name);
    for (size_t k = 0; k < s->b.nw; k++)
        theta[k] = k % 2 ? -1e9f : 1e9f;
    if (s->l->project)
        s->l->project(&s->b, &m, theta);
    double nll = 0;
    float x = s->l->cells ? 0.5f : 1;
    s->l->nll(&s->b, &x, bias, theta, &nll, NULL, 0, 1, 1);
    CHECK(isfinite(nll), "%s: parameters far out give %g", s->l->name, nll);
}

/* A guide's gradient is that of its loss, on outputs that have no part in -log p; a missing value has none. */
static void test_guide(struct on *s) {
    float d[OUT * N] = {0}, with[OUT * N] = {0};
    double loss[N] = {0}, worst = 0, most = 0;
    size_t k = s->b.no - 1;
    if (!s->l->guide)
        return;
    total(s, d);
    memcpy(with, d, sizeof d);
    s->l->guide(&s->b, s->x, s->o[0], loss, with, 0.5f, N, N);
    CHECK(!memcmp(with, d, k * N * sizeof *d), "%s: the guide changes outputs that others learn", s->l->name);
    for (size_t i = 0; i < N; i++) {
        double up[N] = {0}, down[N] = {0};
        float was = s->o[k][i], room[OUT * N];
        CHECK(!(fabsf(d[k * N + i]) > 0), "%s: the guide's output has a part in -log p", s->l->name);
        s->o[k][i] = was + 1e-2f;
        s->l->guide(&s->b, s->x, s->o[0], up, room, 0.5f, N, N);
        s->o[k][i] = was - 1e-2f;
        s->l->guide(&s->b, s->x, s->o[0], down, room, 0.5f, N, N);
        s->o[k][i] = was;
        double g = 0.5 * (up[i] - down[i]) / 2e-2;
        worst = fmax(worst, fabs(g - (double)with[k * N + i]) / (0.01 + fabs(g)));
        most = fmax(most, fabs(g));
        CHECK(!isnan(s->x[i]) || !(loss[i] > 0 || fabsf(with[k * N + i]) > 0), "%s: a missing value guides", s->l->name);
    }
    CHECK(worst < 0.02 && most > 0.1, "%s: the guide's gradient is off by %.4f of itself", s->l->name, worst);
}

static void test_means(void) {
    struct on s;
    float out[N];
    set_up(&s, &lik_binned, true);
    lik_binned.mean(&s.b, s.o[0], s.theta, out, N, N);
    for (size_t i = 0; i < N; i++) {
        double value = s.cells.center + s.cells.spread * (double)s.o[s.cells.nlevels + 2][i];
        double got = cells_value(&s.cells, out[i]), want = fmin(fmax(value, s.cells.low[0]), s.cells.high[s.cells.n - 2]),
               near = INFINITY;
        for (size_t k = 0; k + 1 < s.cells.n; k++) /* no nearer cell than the one that is given */
            near = fmin(near, fmax(fmax(s.cells.low[k] - want, want - s.cells.high[k]), 0));
        CHECK(fabs(got - want) < near + 1e-3, "binned: mean %g, should be %g", got, want);
    }
    tear_down(&s);
    set_up(&s, &lik_categorical, false);
    lik_categorical.mean(&s.b, s.o[0], s.theta, out, N, N);
    for (size_t i = 0; i < N; i++) {
        size_t best = 0;
        for (size_t l = 1; l < LEVELS; l++)
            best = s.o[l][i] > s.o[best][i] ? l : best;
        static const size_t heaviest[LEVELS] = {0, 2, 4, 5};
        CHECK(cells_at(&s.cells, out[i]) == heaviest[best], "categorical: mode of record %zu", i);
    }
    tear_down(&s);
}

/* scipy.stats: nbinom.logpmf(x, r, r/(r+mu)), t.logpdf, t.cdf, norm.logcdf, laplace.cdf. */
static void test_golden(void) {
    static const struct {
        const struct lik *l;
        float x, o, theta[2];
        double want;
    } row[] = {
        {&lik_negbinomial, 3, 0.7f, {0.9162907f}, 2.0171104562984494},
        {&lik_negbinomial, 0, 2, {-2.3025851f}, 0.43160278610772107},
        {&lik_negbinomial, 400, 6, {3.4011974f}, 5.2497710119604335},
        {&lik_student, 1.5f, 0.5f, {0.3f, 1.0986123f}, 1.581057207378721},
        {&lik_student, -40, 0, {0, -2.3025851f}, 11.321843151962725},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct lik_block b = {.lik = row[i].l, .nx = 1, .no = 1, .nw = (size_t)row[i].l->params};
        double nll = 0;
        row[i].l->nll(&b, &row[i].x, &row[i].o, row[i].theta, &nll, NULL, 0, 1, 1);
        CHECK(fabs(nll - row[i].want) < 2e-6 * (1 + row[i].want), "row %zu: %.9f, should be %.9f", i, nll, row[i].want);
    }
    static const struct {
        const struct lik *l;
        double low, high;
        float theta[2];
        double want;
    } range[] = {
        {&lik_student, -INFINITY, -1.2, {0, 1.6094379f}, -2.005552113761256}, {&lik_student, 0.3, 2.5, {0, 0}, -1.0554714159793481},
        {&lik_gaussian, -INFINITY, -8, {0}, -35.01343715991456},              {&lik_gaussian, -0.5, 1.5, {0}, -0.4705553654158995},
        {&lik_gaussian, 6, 7, {0}, -20.73806700328247},
        {&lik_laplace, -INFINITY, -1.2, {0}, -1.8931471805599454},
        {&lik_laplace, -0.5, 1.5, {0}, -0.5358535762078106},
        {&lik_laplace, 6, 7, {0}, -7.151822325947027},
    };
    for (size_t i = 0; i < sizeof range / sizeof *range; i++) {
        struct lik_block b = {.lik = range[i].l, .nx = 1, .no = 1, .nw = (size_t)range[i].l->params};
        double logp = 0;
        float o = 0;
        range[i].l->range(&b, &o, range[i].theta, range[i].low, range[i].high, NULL, &logp, 1, 1);
        CHECK(fabs(logp - range[i].want) < 1e-6 * (1 + fabs(range[i].want)), "range %zu: %.9f, should be %.9f", i, logp,
              range[i].want);
    }
}

/* log P(low <= count <= high) with mean mu and size r. */
static double count_range(double mu, double r, double low, double high) {
    struct lik_block b = {.lik = &lik_negbinomial, .nx = 1, .no = 1, .nw = 1};
    float o = (float)log(mu), theta = (float)log(r);
    double logp = 0;
    lik_negbinomial.range(&b, &o, &theta, low, high, NULL, &logp, 1, 1);
    return logp;
}

/* Large counts: of size 1 they are geometric, P(X >= k) = q^k; else draws have the moments, and p adds up to a range. */
static void test_counts(void) {
    enum { MANY = 8000 };
    static const double geometric[][3] = {{2000, 0, 1500}, {2000, 30000, 31000}, {2e5, 1e5, INFINITY}, {10, 2000, INFINITY},
                                          {1e8, 3e7, 2e8}, {1e12, 0, 1e12},      {1e12, 2e12, 7e12},   {0.01, 0, 20}};
    for (size_t i = 0; i < sizeof geometric / sizeof *geometric; i++) {
        double mu = exp((double)(float)log(geometric[i][0])), low = geometric[i][1], high = geometric[i][2];
        double log_q = -log1p(1 / mu), want = low * log_q + log(-expm1((high - low + 1) * log_q));
        double got = count_range(geometric[i][0], 1, low, high);
        CHECK(fabs(got - want) < 1e-6 * (1 + fabs(want)), "mean %g, %g..%g: log P %.9f, should be %.9f", mu, low, high, got,
              want);
    }
    static const double moments[][2] = {{2000, 22026}, {2e5, 22026}, {2e5, 0.5}, {5e4, 3}, {1e7, 40}, {1e14, 2}, {0.2, 0.3}};
    static uint64_t rows[MANY];
    static float o[MANY], x[MANY];
    struct lik_block b = {.lik = &lik_negbinomial, .nx = 1, .no = 1, .nw = 1};
    for (size_t k = 0; k < sizeof moments / sizeof *moments; k++) {
        double mu = moments[k][0], r = moments[k][1], var = mu + mu * mu / r, sum = 0, square = 0;
        float theta = (float)log(r);
        for (size_t i = 0; i < MANY; i++)
            rows[i] = i, o[i] = (float)log(mu);
        lik_negbinomial.sample(&b, o, &theta, x, 5, rows, MANY, MANY);
        for (size_t i = 0; i < MANY; i++)
            sum += ((double)x[i] - mu) / sqrt(var), square += pow((double)x[i] - mu, 2) / var;
        float sd;
        lik_negbinomial.sd(&b, o, &theta, &sd, 1, 1);
        CHECK(fabs((double)sd / sqrt(var) - 1) < 1e-5, "mean %g, size %g: sd %g", mu, r, (double)sd);
        double kurtosis = 3 + 6 / r + 1 / var;
        CHECK(fabs(sum / MANY) < 5 / sqrt(MANY), "mean %g, size %g: draws are off by %g sd", mu, r, sum / MANY);
        CHECK(fabs(square / MANY - 1) < 5 * sqrt((kurtosis - 1) / MANY), "mean %g, size %g: %g of the variance", mu, r,
              square / MANY);
    }
    double p = 0;
    float theta = (float)log(22026.0), at = (float)log(2000.0);
    for (float v = 1950; v <= 2100; v++) {
        double nll = 0;
        lik_negbinomial.nll(&b, &v, &at, &theta, &nll, NULL, 0, 1, 1);
        p += exp(-nll);
    }
    CHECK(fabs(log(p) - count_range(2000, 22026, 1950, 2100)) < 1e-8, "the sum of p is not the range's");
}

/* It starts at the marginal's sd; several values and draws in place: each has its own outputs; theta is the smallest. */
static void test_spread(const struct on *s) {
    enum { VALUES = 3 };
    struct lik_block b = s->b;
    b.nx = VALUES, b.no = 2 * VALUES, b.nw = VALUES * (size_t)s->l->params;
    const double mean[VALUES] = {-1, 0, 5}, sd[VALUES] = {0.5, 2, 30}, floor[VALUES] = {0};
    const struct lik_marginals m = {mean, sd, floor, NULL};
    float o[2 * VALUES * N], bias[2 * VALUES], theta[2 * VALUES], x[VALUES * N];
    uint64_t rows[N];
    s->l->start(&b, &m, bias, theta);
    for (size_t i = 0; i < 2 * VALUES * N; i++)
        o[i] = bias[i / N], rows[i % N] = i % N;
    s->l->sample(&b, o, theta, x, 4, rows, N, N);
    s->l->sample(&b, o, theta, o, 4, rows, N, N);
    CHECK(!memcmp(o, x, sizeof x), "%s: draws in place are others", s->l->name);
    for (size_t j = 0; j < VALUES; j++) {
        double square = 0;
        for (size_t i = 0; i < N; i++)
            square += pow(((double)x[j * N + i] - mean[j]) / sd[j], 2) / N;
        CHECK(square > 0.4 && square < 2.2, "%s: value %zu starts with %.3f of its variance", s->l->name, j, square);
    }
    float told[VALUES];
    s->l->sd(&b, bias, theta, told, 1, 1);
    for (size_t j = 0; j < VALUES; j++)
        CHECK(fabs((double)told[j] / sd[j] - 1) < 1e-3, "%s: value %zu starts with an sd of %g, not %g", s->l->name, j,
              (double)told[j], sd[j]);
    double far = 0, nll = 0;
    for (size_t k = 0; k < VALUES; k++) { /* all of -log p at the mean of an output far down is that of theta */
        float at[2 * VALUES], v[VALUES];
        for (size_t j = 0; j < VALUES; j++)
            at[2 * j] = v[j] = (float)mean[j], at[2 * j + 1] = -100 - (float)k;
        nll = 0;
        s->l->nll(&b, v, at, theta, &nll, NULL, 0, 1, 1);
        CHECK(k == 0 || fabs(nll - far) < 1e-9, "%s: falls below the smallest sd", s->l->name);
        far = nll;
    }
}

/* Values with one theta, as the pixels of an image: their sum, each told by its own two outputs. */
static void test_spread_tied(const struct on *s) {
    enum { VALUES = 3 };
    struct lik_block one = s->b, all = s->b;
    all.nx = VALUES, all.no = 2 * VALUES, all.tied = true;
    float o[2 * VALUES * N], x[VALUES * N], d[2 * VALUES * N], part[2 * N], dtheta[2], own[2];
    double nll[N] = {0}, want[N] = {0}, sum[2] = {0};
    rng_normals(o, 2 * VALUES, N, N, 2, RNG_TEST, 31, NULL, 0);
    rng_normals(x, VALUES, N, N, 2, RNG_TEST, 40, NULL, 0);
    s->l->nll(&all, x, o, s->theta, nll, d, 0.5f, N, N);
    s->l->grad(&all, x, o, s->theta, NULL, dtheta, 0.5f, N, N);
    for (size_t j = 0; j < VALUES; j++) {
        s->l->nll(&one, x + j * N, o + 2 * j * N, s->theta, want, part, 0.5f, N, N);
        s->l->grad(&one, x + j * N, o + 2 * j * N, s->theta, NULL, own, 0.5f, N, N);
        CHECK(!memcmp(d + 2 * j * N, part, sizeof part), "%s: the gradient of value %zu depends on the others", s->l->name, j);
        for (size_t k = 0; k < s->b.nw; k++)
            sum[k] += (double)own[k];
    }
    for (size_t i = 0; i < N; i++)
        CHECK(fabs(nll[i] - want[i]) < 1e-9, "%s: record %zu: -log p %g is no sum, %g", s->l->name, i, nll[i], want[i]);
    for (size_t k = 0; k < s->b.nw; k++)
        CHECK(fabs((double)dtheta[k] - sum[k]) < 1e-4 * (1 + fabs(sum[k])), "%s: d/dtheta[%zu] %g, should be %g", s->l->name, k,
              (double)dtheta[k], sum[k]);
}

/* One scale for all values: it starts at their mean, and stays above the lowest of their floors. */
static void test_tied_student(void) {
    const struct lik_block b = {.lik = &lik_student, .nx = 3, .no = 3, .nw = 2, .tied = true};
    const double mean[3] = {0}, sd[3] = {0, 3, 4}, floor[3] = {0.5, 0.25, 0.75};
    const struct lik_marginals m = {mean, sd, floor, NULL};
    float bias[3], theta[2], low[2] = {-9, 0};
    lik_student.start(&b, &m, bias, theta);
    CHECK(fabs(exp((double)theta[0]) - sqrt(25.0 / 3 * 0.8)) < 1e-5, "starts at a scale of %g", exp((double)theta[0]));
    lik_student.project(&b, &m, low);
    CHECK(fabs(exp((double)low[0]) - 0.25) < 1e-6, "the tied floor is the lowest: %g", exp((double)low[0]));
}

/* The probabilities of the levels are those that nll has, and there is an sd or they. */
static void test_levels(struct on *s) {
    static float p[(LEVELS + 1) * N];
    const struct cells *c = &s->cells;
    CHECK(!s->l->sd != !s->l->levels && !s->l->levels != s->l->cells, "%s: sd or levels", s->l->name);
    if (!s->l->cells)
        return;
    s->l->levels(&s->b, s->o[0], s->theta, p, N, N);
    for (size_t i = 0; i < N; i++) {
        double sum = 0;
        for (size_t l = 0; l < c->nlevels; l++)
            sum += (double)p[l * N + i];
        CHECK(fabs(sum - 1) < 1e-5, "%s: levels of %g", s->l->name, sum);
        for (size_t k = 0; k < c->n; k++) {
            float x = (float)k + 0.5f;
            double nll = 0;
            s->l->nll(&s->b, &x, s->o[0] + i, s->theta, &nll, NULL, 0, 1, N);
            double want = exp(c->cost[k] - nll);
            CHECK(fabs((double)p[c->level[k] * N + i] - want) < 1e-5, "%s: level of cell %zu: %g, not %g", s->l->name, k,
                  (double)p[c->level[k] * N + i], want);
        }
    }
}

int main(void) {
    for (size_t t = 0; lik_table[t]; t++) {
        const struct lik *l = lik_table[t];
        CHECK(l->range && l->sample_range, "%s: conditions are not possible", l->name);
        for (int blank = 0; blank < (l->cells && l != &lik_ordinal ? 2 : 1); blank++) {
            struct on s;
            if (!l->cells && !l->grid && l->params < 2 && l != &lik_negbinomial) /* test_lik.c has their formulas */
                continue;
            set_up(&s, l, blank);
            test_gradients(&s);
            test_weights(&s);
            test_guide(&s);
            for (size_t i = 0; i < 4; i++)
                CHECK(fabs(whole(&s, i) - 1) < 1e-4, "%s: probabilities add up to %.6f", l->name, whole(&s, i));
            double unit = l->grid ? 1.0 / GRID : 1;
            test_ranges(&s, 1, unit, 4 * unit);
            test_ranges(&s, 2, 3 * unit, 9 * unit);
            test_levels(&s);
            if (l->cells)
                test_set(&s);
            test_start(&s);
            tear_down(&s);
        }
    }
    for (size_t t = 0; lik_table[t]; t++) /* an sd for each record */
        if (lik_table[t]->spreads) {
            struct on s;
            set_up(&s, lik_table[t], false);
            s.b.spread = true, s.b.no = 2;
            rng_normals(s.o[1], 1, N, N, 1, RNG_TEST, 31, NULL, 0);
            test_gradients(&s);
            test_weights(&s);
            for (size_t i = 0; i < 4; i++)
                CHECK(fabs(whole(&s, i) - 1) < 1e-4, "%s: probabilities add up to %.6f", s.l->name, whole(&s, i));
            test_ranges(&s, 1, -1, 2);
            test_ranges(&s, 2, 1, 4);
            test_start(&s);
            test_spread(&s);
            test_spread_tied(&s);
        }
    for (size_t t = 0; lik_table[t]; t++) { /* ranges of the plain ones */
        const struct lik *l = lik_table[t];
        struct on s;
        if (l->cells || l->grid || l->params > 1 || l == &lik_negbinomial)
            continue;
        set_up(&s, l, false);
        test_ranges(&s, 1, l->max <= 1 ? 0.5 : -0.3, l->max <= 1 ? 1 : 0.9);
        test_ranges(&s, 2, l->max <= 1 ? 0 : 1, l->max <= 1 ? 0.75 : 4);
    }
    test_means();
    test_golden();
    test_counts();
    test_tied_student();
    return test_done();
}
