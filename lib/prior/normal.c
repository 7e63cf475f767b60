/* normal.c - the standard normal, which the training objective pulls the posteriors to. */
#include "base/err.h"
#include "base/rng.h"
#include "prior/prior.h"

static size_t normal_size(const struct prior_space *s, size_t n) {
    (void)s, (void)n;
    return 0;
}

static int normal_fit(const struct prior_space *s, size_t n, const float *z, uint64_t seed, struct pool *pool,
                      float *param, struct vae_err *err) {
    (void)pool, (void)s, (void)n, (void)z, (void)seed, (void)param, (void)err;
    return 0;
}

static int normal_check(const struct prior_space *s, size_t size, const float *param, struct vae_err *err) {
    (void)s, (void)param;
    return size == 0 ? 0 : err_set(err, VAE_EDATA, "the normal prior has no parameters, but %zu are given", size);
}

static void normal_sample(const struct prior_space *s, size_t size, const float *param, uint64_t seed,
                          const uint64_t *rows, float temperature, void *work, float *z) {
    (void)size, (void)param, (void)work;
    size_t k = s->k;
    for (size_t i = 0; i < MAT_PANEL; i++) {
        rng_normals(z + i * k, k, 1, 1, seed, RNG_PRIOR, 0, NULL, rows[i]);
        for (size_t j = 0; j < k; j++)
            z[i * k + j] *= temperature;
    }
}

static void normal_logp(const struct prior_space *s, size_t size, const float *param, const float *z, void *work,
                        double *logp) {
    (void)size, (void)param, (void)work;
    size_t k = s->k;
    for (size_t i = 0; i < MAT_PANEL; i++) {
        logp[i] = 0;
        for (size_t j = 0; j < k; j++)
            logp[i] -= 0.5 * (double)z[i * k + j] * (double)z[i * k + j] + 0.91893853320467274178;
    }
}

const struct prior prior_normal = {
    .name = "normal", .about = "the standard normal of the objective", .size = normal_size, .fit = normal_fit,
    .check = normal_check, .sample = normal_sample, .logp = normal_logp,
};
