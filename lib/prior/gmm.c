/*
 * gmm.c - a mixture of Gaussians with full covariances, fitted by expectation-maximisation (Dempster et al. 1977) from
 * a k-means++ start (Arthur & Vassilvitskii 2007), the covariances shrunk to the diagonal of the whole data so that
 * few rows give no singular one.
 *
 * Parameters, for each of C components: log weight, mean[k], L[k(k+1)/2], the lower Cholesky factor of the covariance
 * by rows.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "prior/prior.h"

enum { MAX_COMPONENTS = 16, ROWS_A_PARAMETER = 2, ITERATIONS = 25 };
static const double LOG_2PI = 1.83787706640934548356;

static size_t stride(size_t k) { return 1 + k + k * (k + 1) / 2; }

static size_t components(size_t k, size_t n) {
    size_t c = n / (ROWS_A_PARAMETER * stride(k));
    return c < 1 ? 1 : c > MAX_COMPONENTS ? MAX_COMPONENTS : c;
}

static size_t gmm_size(const struct prior_space *s, size_t n) { return components(s->k, n) * stride(s->k); }

/* Solves L t = z - mean and returns log N(z). t[k] is work space. */
static double log_normal(size_t k, const float *p, const float *z, double *t) {
    const float *mean = p + 1, *l = p + 1 + k;
    double square = 0, logdet = 0;
    for (size_t i = 0; i < k; l += ++i) {
        double s = (double)z[i] - (double)mean[i];
        for (size_t j = 0; j < i; j++)
            s -= (double)l[j] * t[j];
        t[i] = s / (double)l[i];
        square += t[i] * t[i];
        logdet += log((double)l[i]);
    }
    return -0.5 * (square + (double)k * LOG_2PI) - logdet;
}

/* log p(z); r[c] becomes the responsibilities of the components. */
static double responsibilities(size_t k, size_t c, const float *param, const float *z, double *t, double *r) {
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < c; i++) {
        r[i] = (double)param[i * stride(k)] + log_normal(k, param + i * stride(k), z, t);
        top = r[i] > top ? r[i] : top;
    }
    for (size_t i = 0; i < c; i++)
        sum += r[i] = exp(r[i] - top);
    for (size_t i = 0; i < c; i++)
        r[i] /= sum;
    return top + log(sum);
}

/* Cholesky factor of cov[k,k] into l by rows; the diagonal is kept above zero. */
static void cholesky(size_t k, double *cov, float *l) {
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j <= i; j++) {
            double s = cov[i * k + j];
            for (size_t m = 0; m < j; m++)
                s -= cov[i * k + m] * cov[j * k + m];
            cov[i * k + j] = i == j ? sqrt(s > 1e-8 ? s : 1e-8) : s / cov[j * k + j];
            *l++ = (float)cov[i * k + j];
        }
}

struct em {
    size_t k, n, c;
    const float *z;
    double *var;               /* [k] of the whole data */
    double *weight, *sum, *cov; /* [c], [c,k], [c,k,k]: moments weighted by responsibility */
    double *t, *r;
};

static void add(struct em *e, size_t i, const float *z, double r) {
    if (r < 1e-12)
        return;
    size_t k = e->k;
    e->weight[i] += r;
    for (size_t a = 0; a < k; a++) {
        e->sum[i * k + a] += r * (double)z[a];
        for (size_t b = 0; b <= a; b++)
            e->cov[i * k * k + a * k + b] += r * (double)z[a] * (double)z[b];
    }
}

/* Moments -> parameters: the covariance shrunk by (k + 1) / 10 rows that are spread as the whole data. */
static void maximise(struct em *e, float *param) {
    size_t k = e->k;
    for (size_t i = 0; i < e->c; i++) {
        float *p = param + i * stride(k);
        double w = e->weight[i] + 1e-9, *cov = e->cov + i * k * k, shrink = 0.1 * ((double)k + 1);
        double *mean = e->sum + i * k; /* in double: a mean rounded to float does not cancel against the squares */
        p[0] = (float)log(w / ((double)e->n + (double)e->c * 1e-9));
        for (size_t a = 0; a < k; a++)
            p[1 + a] = (float)(mean[a] /= w);
        for (size_t a = 0; a < k; a++)
            for (size_t b = 0; b <= a; b++) {
                double s = cov[a * k + b] - w * mean[a] * mean[b];
                if (a == b)
                    s += shrink * e->var[a] + w * 1e-6;
                cov[a * k + b] = s / (w + shrink);
            }
        cholesky(k, cov, p + 1 + k);
    }
    memset(e->weight, 0, e->c * sizeof *e->weight);
    memset(e->sum, 0, e->c * k * sizeof *e->sum);
    memset(e->cov, 0, e->c * k * k * sizeof *e->cov);
}

/* Centres by k-means++, each row given to the nearest: the first moments. */
static void start(struct em *e, uint64_t seed, double *far, size_t *owner) {
    size_t k = e->k;
    double u[MAX_COMPONENTS];
    rng_uniform(u, e->c, seed, RNG_GMM, 0, 0);
    size_t centre = (size_t)(u[0] * (double)e->n);
    for (size_t i = 0; i < e->c; i++) {
        double total = 0;
        for (size_t r = 0; r < e->n; r++) {
            double s = 0;
            for (size_t j = 0; j < k; j++) {
                double t = (double)e->z[r * k + j] - (double)e->z[centre * k + j];
                s += t * t;
            }
            if (i == 0 || s < far[r])
                far[r] = s, owner[r] = i;
            total += far[r];
        }
        if (i + 1 == e->c)
            break;
        double at = u[i + 1] * total;
        for (centre = 0; centre + 1 < e->n && at >= far[centre]; centre++)
            at -= far[centre];
    }
    for (size_t r = 0; r < e->n; r++)
        add(e, owner[r], e->z + r * k, 1);
}

static void variances(struct em *e) {
    for (size_t j = 0; j < e->k; j++) {
        double s = 0, q = 0;
        for (size_t r = 0; r < e->n; r++) {
            double v = (double)e->z[r * e->k + j];
            s += v;
            q += v * v;
        }
        double mean = s / (double)e->n, var = q / (double)e->n - mean * mean;
        e->var[j] = var > 1e-6 ? var : 1e-6;
    }
}

static int gmm_fit(const struct prior_space *s, size_t n, const float *z, uint64_t seed, struct pool *pool,
                   float *param, struct vae_err *err) {
    size_t k = s->k;
    size_t c = components(k, n);
    int r = 0;
    size_t size = k + c + c * k + c * k * k + k + c + n;
    double *mem = mem_array(size, sizeof *mem);
    size_t *owner = mem_array(n, sizeof *owner);
    if (!mem || !owner) {
        free(mem), free(owner);
        return err_set(err, VAE_EOS, "out of memory for a mixture of %zu components", c);
    }
    struct em e = {.k = k, .n = n, .c = c, .z = z, .var = mem};
    e.weight = e.var + k, e.sum = e.weight + c, e.cov = e.sum + c * k, e.t = e.cov + c * k * k, e.r = e.t + k;
    variances(&e);
    start(&e, seed, e.r + c, owner);
    maximise(&e, param);
    for (int step = 0; step < ITERATIONS && c > 1 && !r; step++) {
        if (pool_stopped(pool))
            r = err_set(err, VAE_ESTOP, "stopped while fitting the prior");
        for (size_t i = 0; i < n; i++) {
            responsibilities(k, c, param, z + i * k, e.t, e.r);
            for (size_t j = 0; j < c; j++)
                add(&e, j, z + i * k, e.r[j]);
        }
        maximise(&e, param);
    }
    free(mem), free(owner);
    return r;
}

static size_t gmm_rounds(const struct prior_space *s, size_t n) { return components(s->k, n) > 1 ? ITERATIONS : 0; }

static int gmm_check(const struct prior_space *s, size_t size, const float *param, struct vae_err *err) {
    size_t k = s->k;
    bool ok = size > 0 && size % stride(k) == 0 && size / stride(k) <= MAX_COMPONENTS;
    double total = 0;
    for (size_t i = 0; ok && i < size; i++)
        ok = isfinite(param[i]);
    for (size_t c = 0; ok && c < size / stride(k); c++) {
        const float *l = param + c * stride(k) + 1 + k;
        ok = param[c * stride(k)] <= 0;
        total += exp((double)param[c * stride(k)]);
        for (size_t i = 0; i < k; l += ++i)
            ok = ok && l[i] > 0;
    }
    return ok && fabs(total - 1) < 1e-3 ? 0 : err_set(err, VAE_EDATA, "the mixture prior does not fit the model");
}

static void draw(size_t k, size_t size, const float *param, uint64_t seed, uint64_t row, float t, float *z) {
    double u;
    rng_uniform(&u, 1, seed, RNG_PRIOR, 1, row);
    size_t c = size / stride(k), i = 0;
    for (double at = u; i + 1 < c; i++)
        if ((at -= exp((double)param[i * stride(k)])) < 0)
            break;
    const float *mean = param + i * stride(k) + 1, *l = mean + k;
    rng_normals(z, k, 1, 1, seed, RNG_PRIOR, 0, NULL, row);
    for (size_t a = k; a-- > 0;) { /* z = mean + L eps, from the last: row a needs eps[0..a] only */
        const float *row_a = l + a * (a + 1) / 2;
        double s = (double)mean[a];
        for (size_t b = 0; b <= a; b++)
            s += (double)row_a[b] * (double)(t * z[b]);
        z[a] = (float)s;
    }
}

static void gmm_sample(const struct prior_space *s, size_t size, const float *param, uint64_t seed,
                       const uint64_t *rows, float temperature, void *work, float *z) {
    (void)work;
    for (size_t i = 0; i < MAT_PANEL; i++)
        draw(s->k, size, param, seed, rows[i], temperature, z + i * s->k);
}

static void *gmm_work(const struct prior_space *s, size_t size, struct vae_err *err) {
    (void)size;
    void *t = mem_array(s->k, sizeof(double));
    if (!t)
        err_set(err, VAE_EOS, "out of memory");
    return t;
}

static void gmm_logp(const struct prior_space *s, size_t size, const float *param, const float *z, void *work,
                     double *logp) {
    size_t k = s->k;
    double r[MAX_COMPONENTS];
    for (size_t i = 0; i < MAT_PANEL; i++)
        logp[i] = responsibilities(k, size / stride(k), param, z + i * k, work, r);
}

const struct prior prior_gmm = {
    .name = "gmm", .about = "a mixture of Gaussians fitted to the encoded training rows", .size = gmm_size,
    .fit = gmm_fit, .rounds = gmm_rounds, .check = gmm_check, .work = gmm_work, .work_free = free, .sample = gmm_sample, .logp = gmm_logp,
};
