/*
 * test_prior.c - every prior of the table: fitted to rows of a known mixture its density must integrate to one, be
 * that of its own draws, and come close to the truth; and odd data must not break a fit, nor odd numbers a load. Those
 * that are trained with a model get parameters at random here; test_model has their gradients.
 */
#include "models.h"
#include "priors.h"

static bool slow(const struct prior *p) { return p == &prior_flow; }
static size_t grid(const struct prior *p) { return slow(p) ? 112 : p == &prior_realnvp ? 336 : 1008; }

static double logp1(const struct at_work *w, const float *z) {
    double l[MAT_PANEL];
    float *panel = alloc(MAT_PANEL * w->space.k, sizeof *panel);
    for (size_t i = 0; i < MAT_PANEL; i++)
        memcpy(panel + i * w->space.k, z, w->space.k * sizeof *z);
    logp16(w, panel, l);
    free(panel);
    return l[5];
}

/* ---- the truth: three normals in k dimensions, correlated -------------------------------------------------- */

enum { NMIX = 3 };
static const double WEIGHT[NMIX] = {0.5, 0.3, 0.2}, CENTRE[NMIX] = {-2, 1.5, 4}, SD[NMIX] = {0.6, 1, 0.4};

/* z[j] = centre (1 - 0.5 j) + sd (eps[j] + 0.8 eps[j-1]) */
static void draw_truth(size_t k, uint64_t row, float *z) {
    double u, eps = 0;
    float e[64];
    rng_uniform(&u, 1, 7, RNG_TEST, 1, row);
    rng_normals(e, k, 1, 1, 7, RNG_TEST, 2, NULL, row);
    size_t c = u < WEIGHT[0] ? 0 : u < WEIGHT[0] + WEIGHT[1] ? 1 : 2;
    for (size_t j = 0; j < k; j++) {
        z[j] = (float)(CENTRE[c] * (1 - 0.5 * (double)j) + SD[c] * ((double)e[j] + 0.8 * eps));
        eps = (double)e[j];
    }
}

/* log density of the truth: the map from eps to z is lower triangular with sd on its diagonal. */
static double logp_truth(size_t k, const float *z) {
    double sum = 0;
    for (size_t c = 0; c < NMIX; c++) {
        double l = log(WEIGHT[c]), eps = 0;
        for (size_t j = 0; j < k; j++) {
            eps = ((double)z[j] - CENTRE[c] * (1 - 0.5 * (double)j)) / SD[c] - 0.8 * eps;
            l -= 0.5 * eps * eps + log(SD[c]) + 0.5 * log(2 * M_PI);
        }
        sum += exp(l);
    }
    return log(sum);
}

static float *truth(size_t k, size_t n, uint64_t row0) {
    float *z = alloc(n * k, sizeof *z);
    for (size_t i = 0; i < n; i++)
        draw_truth(k, row0 + i, z + i * k);
    return z;
}

/* Fits p to z[n,k] twice: the same numbers, all accepted by check(). */
static float *fitted(const struct prior *p, size_t k, size_t n, const float *z, size_t *size) {
    struct vae_err err = {0};
    const struct prior_space space = {.k = k};
    *size = p->size(&space, n);
    float *param = alloc(*size + 1, sizeof *param), *again = alloc(*size + 1, sizeof *again);
    param[*size] = 77;
    CHECK(!p->fit(&space, n, z, 1, NULL, param, &err), "%s k %zu n %zu: %s", p->name, k, n, err.msg);
    struct pool *pool = pool_new(3, &err);
    p->fit(&space, n, z, 1, pool, again, &err);
    pool_free(pool);
    CHECK(param[*size] == 77, "%s writes behind its parameters", p->name);
    CHECK(!memcmp(param, again, *size * sizeof *param), "%s: a fit is not reproducible", p->name);
    CHECK(!p->check(&space, *size, param, &err), "%s k %zu n %zu: refuses its own fit: %s", p->name, k, n, err.msg);
    for (size_t i = 0; i < *size; i++)
        if (!isfinite(param[i])) {
            CHECK(0, "%s k %zu n %zu: parameter %zu is %g", p->name, k, n, i, (double)param[i]);
            break;
        }
    free(again);
    return param;
}

/* ---- density against draws --------------------------------------------------------------------------------- */

struct moments {
    double mass, mean[2], var[2], cov, logp;
};

/* Of exp(logp) on a grid in k <= 2 dimensions. */
static struct moments integrate(const struct at_work *w, size_t k) {
    const size_t n = grid(w->p); /* a step is then half the narrowest deviation */
    const double half = n < 1000 ? 12 : 25, step = 2 * half / (double)n;
    struct moments m = {0};
    for (size_t i = 0; i < n; i++)
        for (size_t j0 = 0; j0 < (k > 1 ? n : 1); j0 += MAT_PANEL) {
            float z[MAT_PANEL * 2];
            double l[MAT_PANEL];
            for (size_t j = 0; j < MAT_PANEL; j++) {
                z[j * k] = (float)(-half + step * ((double)i + 0.5));
                if (k > 1)
                    z[j * k + 1] = (float)(-half + step * ((double)(j0 + j) + 0.5));
            }
            w->p->logp(&w->space, w->size, w->param, z, w->work, l);
            for (size_t j = 0; j < (k > 1 ? MAT_PANEL : 1); j++) {
                const float *at = z + j * k;
                double weight = exp(l[j]) * (k > 1 ? step * step : step);
                m.mass += weight, m.logp += weight * l[j];
                for (size_t a = 0; a < k; a++)
                    m.mean[a] += weight * (double)at[a], m.var[a] += weight * (double)at[a] * (double)at[a];
                m.cov += k > 1 ? weight * (double)at[0] * (double)at[1] : 0;
            }
        }
    m.cov -= m.mean[0] * m.mean[1];
    for (size_t a = 0; a < k; a++)
        m.var[a] -= m.mean[a] * m.mean[a];
    return m;
}

static struct moments sampled(const struct at_work *w, size_t k, size_t n) {
    struct moments m = {0};
    for (size_t i = 0; i < n; i += MAT_PANEL) {
        float z[MAT_PANEL * 2], again[MAT_PANEL * 2];
        double l[MAT_PANEL];
        draw16(w, 5, i, 1, z);
        if (i % 1024 == 0) { /* by its number, wherever in the panel it stands */
            draw16(w, 5, i + 3, 1, again);
            CHECK(!memcmp(z + 3 * k, again, (MAT_PANEL - 3) * k * sizeof *z), "%s: draw %zu is not a function of its number",
                  w->p->name, i);
        }
        w->p->logp(&w->space, w->size, w->param, z, w->work, l);
        for (size_t r = 0; r < MAT_PANEL; r++) {
            m.logp += l[r] / (double)n;
            for (size_t a = 0; a < k; a++) {
                double v = (double)z[r * k + a];
                m.mean[a] += v / (double)n, m.var[a] += v * v / (double)n;
            }
            m.cov += k > 1 ? (double)z[r * k] * (double)z[r * k + 1] / (double)n : 0;
        }
    }
    m.cov -= m.mean[0] * m.mean[1];
    for (size_t a = 0; a < k; a++)
        m.var[a] -= m.mean[a] * m.mean[a];
    return m;
}

/* Parameters of a prior that is trained with a model. */
static float *random_param(const struct prior *p, size_t k, size_t *size) {
    enum { COMPONENTS = 3 };
    const struct prior_space space = {.k = k};
    *size = p->joint->encoded ? 2 * k * COMPONENTS : p->size(&space, 1);
    float *param = alloc(*size, sizeof *param), *e = alloc(*size, sizeof *e);
    rng_normals(e, *size, 1, 1, 5, RNG_TEST, 6, NULL, k);
    if (p->joint->start)
        p->joint->start(k, *size, param, 1);
    for (size_t i = 0; i < *size; i++)
        param[i] += !p->joint->encoded ? (k > 2 ? 0.02f : 0.1f) * e[i] : i / k % 2 ? 0.5f * e[i] - 1 : 2 * e[i];
    CHECK(!p->check(&space, *size, param, NULL), "%s refuses its parameters", p->name);
    free(e);
    return param;
}

static void test_density(const struct prior *p, size_t k) {
    const size_t N = slow(p) ? 1990 : 3000; /* from 2000 on its net is wider, which shows nothing more */
    const size_t draws = slow(p) ? 8000 : 100000;
    const double wide = slow(p) ? 4 : 1; /* fewer draws, a rougher grid, numbers that are followed in steps */
    float *z = truth(k, N, 0), *fresh = truth(k, N, 1000000);
    size_t size;
    float *param = p->joint ? random_param(p, k, &size) : fitted(p, k, N, z, &size);
    struct at_work w = start(p, (struct prior_space){.k = k}, size, param);
    struct moments d = integrate(&w, k), s = sampled(&w, k, draws);
    CHECK(fabs(d.mass - 1) < (slow(p) ? 0.02 : 1e-4), "%s k %zu: the density integrates to %.7f", p->name, k, d.mass);
    for (size_t a = 0; a < k; a++) {
        CHECK(fabs(s.mean[a] - d.mean[a]) < 5 * sqrt(d.var[a] / (double)draws) + (wide - 1) * 0.01,
              "%s: mean %g of draws, %g of the density", p->name, s.mean[a], d.mean[a]);
        CHECK(fabs(s.var[a] / d.var[a] - 1) < 0.03 * wide, "%s: variance %g of draws, %g of the density", p->name, s.var[a],
              d.var[a]);
    }
    CHECK(k == 1 || fabs(s.cov - d.cov) < 0.03 * wide * (1 + fabs(d.cov)), "%s: covariance %g of draws, %g of the density",
          p->name, s.cov, d.cov);
    CHECK(fabs(s.logp - d.logp) < 0.02 * wide, "%s: E log p is %g over draws, %g over the density", p->name, s.logp, d.logp);
    if (size && !p->joint) { /* a fitted one must be near the truth on rows it has not seen */
        double loss = 0;
        for (size_t i = 0; i + MAT_PANEL <= N; i += MAT_PANEL) {
            double l[MAT_PANEL];
            p->logp(&w.space, size, param, fresh + i * k, w.work, l);
            for (size_t r = 0; r < MAT_PANEL; r++)
                loss += (logp_truth(k, fresh + (i + r) * k) - l[r]) / (double)(N / MAT_PANEL * MAT_PANEL);
        }
        CHECK(loss > -0.02 && loss < 0.08 * (slow(p) ? 2 : 1), "%s k %zu: %g nats from the truth", p->name, k, loss);
    }
    end(&w);
    free(z), free(fresh), free(param);
}

/* p(z|c) of a prior that is told c: draws are those of their own c, the density is near the truth N(3 c, .5) N(-c, 1). */
static void test_told(const struct prior *p) {
    enum { N = 1990, K = 2, W = K + 1, FRESH = 4096 };
    const struct prior_space space = {K, 0, 1};
    float *z = alloc(W * N, sizeof *z), fresh[W * MAT_PANEL];
    struct vae_err err = {0};
    double loss = 0, sum[2] = {0}, square[2] = {0};
    for (size_t i = 0; i < N; i++) {
        float c = (float)(i % 3) - 1;
        rng_normals(z + i * W, K, 1, 1, 5, RNG_TEST, 1, NULL, i);
        z[i * W] = 3 * c + 0.5f * z[i * W], z[i * W + 1] -= c, z[i * W + 2] = c;
    }
    size_t size = p->size(&space, N);
    float *param = alloc(size, sizeof *param);
    CHECK(!p->fit(&space, N, z, 1, NULL, param, &err) && !p->check(&space, size, param, &err), "%s: %s", p->name, err.msg);
    CHECK(p->check(&(struct prior_space){.k = K}, size, param, &err), "%s: what was told is nothing to it", p->name);
    struct at_work w = start(p, space, size, param);
    for (size_t row = 0; row < FRESH; row += MAT_PANEL) {
        double l[MAT_PANEL];
        for (size_t i = 0; i < MAT_PANEL; i++)
            fresh[i * W + K] = (float)((row + i) % 2);
        draw16(&w, 3, row, 1, fresh);
        logp16(&w, fresh, l);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            double c = (double)((row + i) % 2), e0 = ((double)fresh[i * W] - 3 * c) / 0.5, e1 = (double)fresh[i * W + 1] + c;
            loss += (l[i] + 0.5 * (e0 * e0 + e1 * e1) + log(2 * 3.14159265358979 * 0.5)) / FRESH;
            sum[(row + i) % 2] += (double)fresh[i * W] / (FRESH / 2), square[(row + i) % 2] += e0 * e0 / (FRESH / 2);
        }
    }
    end(&w);
    for (size_t c = 0; c < 2; c++)
        CHECK(fabs(sum[c] - 3 * (double)c) < 0.15 && fabs(square[c] - 1) < 0.25,
              "%s: told %zu, draws lie at %g, and %g of the spread around", p->name, c, sum[c], square[c]);
    CHECK(loss > -0.02 && loss < 0.1, "%s: %g nats from the truth", p->name, loss);
    free(z), free(param);
}

/* The parameters that a single normal must get: mean and covariance of the rows, up to the shrinkage. */
static void test_offset(const struct prior *p) {
    enum { N = 50, K = 2 };
    float z[N * K];
    size_t size;
    for (size_t shift = 0; shift < 2; shift++) {
        for (size_t i = 0; i < N; i++) {
            rng_normals(z + i * K, K, 1, 1, 3, RNG_TEST, 4, NULL, i);
            z[i * K] += shift ? 4096 : 0;
        }
        float *param = fitted(p, K, N, z, &size), at[K] = {shift ? 4096.5f : 0.5f, -0.25f};
        static double here;
        struct at_work w = start(p, (struct prior_space){.k = K}, size, param);
        double l = logp1(&w, at);
        end(&w);
        if (!shift)
            here = l;
        else if (size)
            CHECK(fabs(l - here) < 2e-2, "%s: a shift changes the density from %g to %g", p->name, here, l);
        free(param);
    }
}

/* Few rows, many latents, constants, ties: every fit gives finite draws near the data and a finite density. */
static void test_odd(const struct prior *p) {
    static const struct {
        size_t k, n;
        int kind; /* 0 normal, 1 constant, 2 one column constant, 3 two values, 4 two equal columns, 5 one outlier */
    } cases[] = {{1, 2, 0},   {2, 2, 0},   {64, 2, 0},  {64, 100, 0}, {2, 500, 1}, {3, 500, 2},
                 {1, 500, 3}, {2, 500, 4}, {2, 500, 5}, {600, 20, 0}, {5, 2, 1}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t k = cases[c].k, n = slow(p) && cases[c].n > 100 ? 50 : cases[c].n, size;
        float *z = alloc(n * k, sizeof *z), *draw = alloc(k * MAT_PANEL, sizeof *draw);
        for (size_t i = 0; i < n; i++) {
            float *r = z + i * k;
            rng_normals(r, k, 1, 1, 9, RNG_TEST, 5, NULL, i);
            for (size_t j = 0; j < k; j++)
                r[j] = cases[c].kind == 1   ? 3
                       : cases[c].kind == 2 ? (j ? r[j] : -1)
                       : cases[c].kind == 3 ? (i % 3 ? 2.0f : -2.0f)
                       : cases[c].kind == 4 ? r[0]
                       : cases[c].kind == 5 ? (i == 7 ? 1000 : r[j])
                                            : r[j];
        }
        float *param = fitted(p, k, n, z, &size);
        bool ok = true;
        struct at_work w = start(p, (struct prior_space){.k = k}, size, param);
        for (uint64_t i = 0; i < (slow(p) ? 16 : 192); i += MAT_PANEL) {
            draw16(&w, 1, i, 1, draw);
            for (size_t j = 0; j < k * MAT_PANEL; j++)
                ok = ok && isfinite(draw[j]) && (cases[c].kind != 1 || !size || fabsf(draw[j] - 3) < 0.1f);
            ok = ok && (k > 64 || isfinite(logp1(&w, draw)));
        }
        CHECK(ok && (k > 64 || isfinite(logp1(&w, z))), "%s case %zu: draws or density make no sense", p->name, c);
        end(&w);
        free(z), free(draw), free(param);
    }
}

static bool refuses(const struct prior *p, size_t k, size_t size, const float *param) {
    struct vae_err err = {0};
    int r = p->check(&(struct prior_space){.k = k}, size, param, &err);
    return r == VAE_EDATA && err.code == VAE_EDATA && *err.msg;
}

static void test_check_gmm(void) {
    enum { K = 2, STRIDE = 1 + K + 3, C = 2 };
    const struct prior *p = &prior_gmm;
    const float half = -0.6931472f;
    const float good[C * STRIDE] = {half, 0, 1, 1, 0.5f, 2, half, -1, 3, 0.1f, -4, 0.2f};
    float bad[17 * STRIDE];
    CHECK(!p->check(&(struct prior_space){.k = K}, C * STRIDE, good, NULL), "refuses a good mixture");
    CHECK(refuses(p, K, 0, good) && refuses(p, K, C * STRIDE - 1, good) && refuses(p, 3, C * STRIDE, good),
          "takes a wrong number of parameters");
    for (size_t i = 0; i < 17; i++)
        memcpy(bad + i * STRIDE, good, STRIDE * sizeof *bad), bad[i * STRIDE] = -2.8332133f;
    CHECK(refuses(p, K, 17 * STRIDE, bad), "takes more components than there may be");
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < C * STRIDE; i++)
        for (size_t o = 0; o < 3; o++) {
            memcpy(bad, good, sizeof good);
            bad[i] = odd[o];
            CHECK(refuses(p, K, C * STRIDE, bad), "takes %g for parameter %zu", (double)odd[o], i);
        }
    static const struct {
        size_t at;
        float value;
    } wrong[] = {{0, 0.5f}, {0, -0.1f}, {6, -9}, {3, 0}, {5, -1}, {9, -0.0f}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        memcpy(bad, good, sizeof good);
        bad[wrong[i].at] = wrong[i].value;
        CHECK(refuses(p, K, C * STRIDE, bad), "takes %g for parameter %zu", (double)wrong[i].value, wrong[i].at);
    }
    /* the density by hand: 0.5 N(z; 0,1, ...) with L = (1, 0; 0.5, 2), and one component far away */
    float z[K] = {1, 2.5f};
    double t1 = 1, t2 = (2.5 - 1 - 0.5 * t1) / 2, want = 0.5 * exp(-(t1 * t1 + t2 * t2) / 2) / (2 * M_PI * 2);
    double u1 = 2 / 0.1, u2 = (2.5 - 3 + 4 * u1) / 0.2;
    want += 0.5 * exp(-(u1 * u1 + u2 * u2) / 2) / (2 * M_PI * 0.02);
    struct at_work w = start(p, (struct prior_space){.k = K}, C * STRIDE, good);
    CHECK(fabs(logp1(&w, z) - log(want)) < 1e-6, "density %.9f, should be %.9f", logp1(&w, z), log(want));
    z[0] = 1e20f;
    CHECK(logp1(&w, z) < -1e30 && !isnan(logp1(&w, z)), "far out: %g", logp1(&w, z));
    end(&w);
}

/* A flow whose net is zero is the normal of its means and standard deviations; damage is refused. */
static void test_check_flow(void) {
    enum { K = 3 };
    const struct prior *p = &prior_flow;
    const struct prior_space space = {.k = K};
    size_t size = p->size(&space, 5000);
    float *param = alloc(size, sizeof *param), z[K] = {1.5f, -1, 4}, draw[K * MAT_PANEL], zero[K * MAT_PANEL];
    double want = 0;
    for (size_t j = 0; j < K; j++) {
        param[j] = (float)j, param[K + j] = 0.5f + (float)j;
        double t = ((double)z[j] - (double)param[j]) / (double)param[K + j];
        want -= 0.5 * t * t + 0.918938533204673 + log((double)param[K + j]);
    }
    struct at_work w = start(p, (struct prior_space){.k = K}, size, param);
    CHECK(fabs(logp1(&w, z) - want) < 2e-3, "zero net: %.5f, should be %.5f", logp1(&w, z), want);
    draw16(&w, 1, 0, 1e-6f, zero);
    draw16(&w, 1, 0, 1, draw);
    for (size_t j = 0; j < K; j++)
        CHECK(fabsf(zero[j] - param[j]) < 1e-3f && fabsf(draw[j] - param[j]) > 1e-3f, "temperature: %g and %g",
              (double)zero[j], (double)draw[j]);
    end(&w);
    CHECK(!p->check(&space, size, param, NULL) && refuses(p, K, size - 1, param) && refuses(p, K + 1, size, param),
          "takes a wrong number of parameters");
    param[K] = 0;
    CHECK(refuses(p, K, size, param), "takes a standard deviation of 0");
    param[K] = 1, param[size - 1] = NAN;
    CHECK(refuses(p, K, size, param), "takes a NaN");
    free(param);
}

/* Draws go back through the layers to the noise they were made of, whatever the number of latents; the density is the
 * one written down in double. An untrained one is N(0,1). */
static void test_realnvp(void) {
    static const size_t ks[] = {1, 2, 5, 33};
    const struct prior *p = &prior_realnvp;
    for (size_t c = 0; c < sizeof ks / sizeof *ks; c++) {
        size_t k = ks[c], size;
        float *param = random_param(p, k, &size), *z = alloc(MAT_PANEL * k, sizeof *z),
              *eps = alloc(MAT_PANEL * k, sizeof *eps);
        double *w = alloc(size, sizeof *w), logp[MAT_PANEL], u[64], worst[2] = {0}, spread = 0;
        struct at_work at = start(p, (struct prior_space){.k = k}, size, param);
        for (size_t i = 0; i < size; i++)
            w[i] = (double)param[i];
        draw16(&at, 3, 100, 0.7f, z);
        rng_normals(eps, k, MAT_PANEL, MAT_PANEL, 3, RNG_PRIOR, 0, NULL, 100);
        p->logp(&at.space, size, param, z, at.work, logp);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            for (size_t j = 0; j < k; j++)
                u[j] = (double)z[i * k + j];
            worst[0] = fmax(worst[0], fabs(logp[i] - models_realnvp(k, w, u)) / (1 + fabs(logp[i])));
            for (size_t j = 0; j < k; j++) {
                worst[1] = fmax(worst[1], fabs(u[j] - 0.7 * (double)eps[j * MAT_PANEL + i]));
                spread = fmax(spread, fabs(u[j] - (double)z[i * k + j]));
            }
        }
        CHECK(worst[0] < 1e-5, "realnvp k %zu: density off by %g", k, worst[0]);
        CHECK(worst[1] < 1e-4 && spread > 0.05, "realnvp k %zu: the noise comes back off by %g, moved by %g", k,
              worst[1], spread);
        end(&at);
        memset(param, 0, size * sizeof *param);
        p->joint->start(k, size, param, 1);
        at = start(p, (struct prior_space){.k = k}, size, param);
        draw16(&at, 3, 100, 1, z);
        for (size_t j = 0; j < MAT_PANEL * k; j++)
            CHECK(z[j] == eps[j % k * MAT_PANEL + j / k], "realnvp k %zu: an untrained one is not the normal", k);
        end(&at);
        CHECK(refuses(p, k, size - 1, param) && refuses(p, k + 1, size, param) && refuses(p, k, 0, param),
              "takes a wrong size");
        param[size / 2] = NAN;
        CHECK(refuses(p, k, size, param), "takes a NaN");
        free(param), free(z), free(eps), free(w);
    }
}

/* The density of three components, by hand, and its damage. */
static void test_vamp(void) {
    enum { K = 2, C = 3, SIZE = 2 * K * C };
    const struct prior *p = &prior_vamp;
    const float param[SIZE] = {0, 1, 0, -2, 3, -1, 1, 0.5f, -40, 2, -3, -13}, z[K] = {0.5f, 0.25f},
                far[K] = {3e4f, -2e4f};
    double want = 0;
    for (size_t c = 0; c < C; c++) {
        const float *mean = param + 2 * K * c, *v = mean + K;
        double l = 0;
        for (size_t j = 0; j < K; j++)
            l -= 0.5 * (pow((double)z[j] - (double)mean[j], 2) / exp((double)v[j]) + (double)v[j] + log(2 * M_PI));
        want += exp(l) / C;
    }
    struct at_work w = start(p, (struct prior_space){.k = K}, SIZE, param);
    CHECK(fabs(logp1(&w, z) - log(want)) < 1e-5, "vamp: density %.7f, should be %.7f", logp1(&w, z), log(want));
    CHECK(isfinite(logp1(&w, far)) && logp1(&w, far) < -1e6, "vamp: far out %g", logp1(&w, far));
    float draw[K * MAT_PANEL];
    size_t seen[C] = {0};
    for (uint64_t row = 0; row < 3000; row += MAT_PANEL) { /* with hardly any noise a draw is a component's mean */
        draw16(&w, 1, row, 1e-4f, draw);
        for (size_t i = 0; i < MAT_PANEL; i++)
            for (size_t c = 0; c < C; c++)
                seen[c] +=
                    fabsf(draw[i * K] - param[2 * K * c]) + fabsf(draw[i * K + 1] - param[2 * K * c + 1]) < 0.01f;
    }
    CHECK(seen[0] + seen[1] + seen[2] == 3008 && seen[0] > 900 && seen[1] > 900 && seen[2] > 900,
          "vamp: components drawn %zu %zu %zu", seen[0], seen[1], seen[2]);
    end(&w);
    const struct prior_space space = {.k = K};
    CHECK(p->size(&space, 1) == 2 * K && p->size(&space, 1 << 20) <= 1 << 20, "vamp: a senseless number of components");
    CHECK(!p->check(&space, SIZE, param, NULL) && refuses(p, K, 0, param) && refuses(p, K, SIZE - K, param) && refuses(p, 5, SIZE, param),
          "vamp: takes a wrong number of parameters");
    static const float odd[] = {NAN, INFINITY, -INFINITY, 31, -31};
    for (size_t i = 0; i < SIZE; i++)
        for (size_t o = 0; o < sizeof odd / sizeof *odd; o++) {
            float bad[SIZE];
            memcpy(bad, param, sizeof bad);
            bad[i] = odd[o];
            bool mean = i / K % 2 == 0;
            CHECK(refuses(p, K, SIZE, bad) == (!mean || o < 3), "vamp: takes %g for parameter %zu, or does not",
                  (double)odd[o], i);
        }
}

static void test_normal(void) {
    float zero[3] = {0}, z[3] = {1, -2, 0.5f};
    struct at_work w = start(&prior_normal, (struct prior_space){.k = 3}, 0, NULL);
    CHECK(fabs(logp1(&w, zero) + 3 * 0.918938533204673) < 1e-12, "log N(0)");
    CHECK(fabs(logp1(&w, z) + 3 * 0.918938533204673 + 2.625) < 1e-12, "log N(z)");
    CHECK(prior_normal.size(&(struct prior_space){.k = 5}, 100) == 0 && refuses(&prior_normal, 3, 3, zero), "takes parameters it has not");
}

int main(void) {
    struct vae_err err = {0};
    CHECK(!mat_open(&err), "%s", err.msg);
    for (size_t t = 0; prior_table[t]; t++) {
        const struct prior *p = prior_table[t];
        if (p->codes) /* test_prior_codes.c */
            continue;
        CHECK(prior_by_name(p->name) == p && p->about && *p->about, "%s: not found by its name", p->name);
        test_density(p, 1);
        test_density(p, 2);
        if (!p->joint) {
            test_offset(p);
            test_odd(p);
        }
        if (p->told)
            test_told(p);
    }
    CHECK(!prior_by_name("no such"), "an unknown name is found");
    test_check_gmm();
    test_check_flow();
    test_normal();
    test_realnvp();
    test_vamp();
    return test_done();
}
