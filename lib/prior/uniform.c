/* uniform.c - all codes alike: what a discrete model costs where nothing has been learnt of its codes. */
#include <math.h>

#include "base/err.h"
#include "base/rng.h"
#include "prior/prior.h"

static size_t uniform_size(const struct prior_space *s, size_t n) {
    (void)s, (void)n;
    return 0;
}

static int uniform_check(const struct prior_space *s, size_t size, const float *param, struct vae_err *err) {
    (void)s, (void)param;
    return size == 0 ? 0 : err_set(err, VAE_EDATA, "the uniform prior has no parameters, but %zu are given", size);
}

/* No temperature makes it other than it is. */
static void uniform_sample(const struct prior_space *s, size_t size, const float *param, uint64_t seed,
                           const uint64_t *rows, float temperature, void *work, float *z) {
    (void)size, (void)param, (void)temperature, (void)work;
    for (size_t i = 0; i < MAT_PANEL; i++)
        for (size_t j = 0; j < s->k; j++) {
            double u;
            rng_uniform(&u, 1, seed, RNG_PRIOR, j, rows[i]);
            z[i * (s->k + s->told) + j] = (float)floor(u * (double)s->codes);
        }
}

static void uniform_logp(const struct prior_space *s, size_t size, const float *param, const float *z, void *work,
                         double *logp) {
    (void)size, (void)param, (void)z, (void)work;
    for (size_t i = 0; i < MAT_PANEL; i++)
        logp[i] = -(double)s->k * log((double)s->codes);
}

const struct prior prior_uniform = {
    .name = "uniform", .about = "all codes alike", .codes = true, .size = uniform_size,
    .check = uniform_check, .sample = uniform_sample, .logp = uniform_logp,
};
