/*
 * gauss.c - a diagonal Gaussian posterior (Kingma & Welling 2014, 1312.6114): the encoder gives k means, then k log
 * variances, held in [-14, 6] so that no exp overflows.
 *
 *   z = mu + exp(v/2) eps        KL_j = (mu^2 + exp(v) - 1 - v) / 2
 */
#include <math.h>

#include "base/vmath.h"
#include "latent/latent.h"

enum { RUN = 64 };
static const double HALF_LOG_2PI = 0.91893853320467274178;

VM_WIDE void latent_logvar(const float *h, size_t m, float factor, float *v, float *e) {
    for (size_t i = 0; i < m; i++) {
        v[i] = latent_hold(h[i]);
        e[i] = v[i] * factor;
    }
    vm_exp(e, e, m);
}

static void gauss_mean(size_t k, const float *h, float *z, size_t n, size_t ld) {
    for (size_t j = 0; j < k; j++)
        for (size_t i = 0; i < n; i++)
            z[j * ld + i] = h[j * ld + i];
}

static void gauss_sd(size_t k, const float *h, float *sd, size_t n, size_t ld) {
    float v[RUN];
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN)
            latent_logvar(h + (k + j) * ld + at, n - at < RUN ? n - at : RUN, 0.5f, v, sd + j * ld + at);
}

VM_WIDE static void gauss_sample(size_t k, const float *h, const float *eps, float *z, size_t n, size_t ld) {
    float v[RUN], sd[RUN];
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * ld + at;
            latent_logvar(h + k * ld + p, m, 0.5f, v, sd);
            for (size_t i = 0; i < m; i++)
                z[p + i] = h[p + i] + sd[i] * eps[p + i];
        }
}

VM_WIDE static void gauss_kl(size_t k, const float *h, double *kl, double *by_latent, size_t n, size_t ld) {
    float v[RUN], var[RUN];
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * ld + at;
            latent_logvar(h + k * ld + p, m, 1, v, var);
            for (size_t i = 0; i < m; i++) {
                double t = 0.5 * ((double)h[p + i] * (double)h[p + i] + (double)var[i] - 1 - (double)v[i]);
                kl[at + i] += t;
                if (by_latent)
                    by_latent[j] += t;
            }
        }
}

static void gauss_logq(size_t k, const float *h, const float *eps, double *logq, size_t n, size_t ld) {
    float v[RUN], e[RUN];
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * ld + at;
            latent_logvar(h + k * ld + p, m, 0, v, e);
            for (size_t i = 0; i < m; i++)
                logq[at + i] -= 0.5 * ((double)v[i] + (double)eps[p + i] * (double)eps[p + i]) + HALF_LOG_2PI;
        }
}

VM_WIDE static void gauss_slope(size_t k, const float *h, const float *eps, const float *weight, float *dz, size_t n,
                                size_t ld) {
    float v[RUN], r[RUN]; /* 1/sd */
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * ld + at;
            latent_logvar(h + k * ld + p, m, -0.5f, v, r);
            for (size_t i = 0; i < m; i++)
                dz[p + i] -= weight[at + i] * eps[p + i] * r[i];
        }
}

VM_WIDE static void gauss_moments(size_t k, const float *h, const float *dmean, const float *dlogvar, float *dh, size_t n,
                                  size_t ld) {
    for (size_t j = 0; j < k; j++)
        for (size_t i = 0; i < n; i++) {
            size_t p = j * ld + i, q = k * ld + p;
            dh[p] += dmean[p];
            dh[q] += latent_logvar_back(h[q], dlogvar[p]);
        }
}

VM_WIDE static void gauss_backward(size_t k, const float *h, const float *eps, const float *dz, float scale, float beta,
                           float free, float *dh, size_t n, size_t ld) {
    float v[RUN], sd[RUN];
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * ld + at, q = k * ld + p;
            latent_logvar(h + q, m, 0.5f, v, sd);
            for (size_t i = 0; i < m; i++) {
                float mu = h[p + i], var = sd[i] * sd[i];
                float pull = 0.5f * (mu * mu + var - 1 - v[i]) >= free ? scale * beta : 0;
                dh[p + i] = dz[p + i] + pull * mu;
                float dv = 0.5f * (dz[p + i] * eps[p + i] * sd[i] + pull * (var - 1));
                dh[q + i] = latent_logvar_back(h[q + i], dv);
            }
        }
}

VM_WIDE static void gauss_backward_logq(size_t k, const float *h, const float *eps, const float *dz, const float *weight, float *dh,
                                        size_t n, size_t ld) {
    float v[RUN], sd[RUN];
    for (size_t j = 0; j < k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * ld + at, q = k * ld + p;
            latent_logvar(h + q, m, 0.5f, v, sd);
            for (size_t i = 0; i < m; i++) {
                dh[p + i] = dz[p + i];
                dh[q + i] = latent_logvar_back(h[q + i], 0.5f * (dz[p + i] * eps[p + i] * sd[i] - weight[at + i]));
            }
        }
}

const struct latent latent_gauss = {
    .name = "gauss", .about = "a normal with its own mean and standard deviation per latent", .heads = 2,
    .levels = 1, .mean = gauss_mean, .sd = gauss_sd, .sample = gauss_sample, .kl = gauss_kl, .logq = gauss_logq,
    .slope = gauss_slope, .moments = gauss_moments, .backward = gauss_backward, .backward_logq = gauss_backward_logq,
};

/* ladder.c has the level below. */
const struct latent latent_ladder = {
    .name = "ladder", .about = "two levels of normals, the upper one telling the prior of the lower", .heads = 2,
    .levels = 2, .mean = gauss_mean, .sd = gauss_sd, .sample = gauss_sample, .kl = gauss_kl, .logq = gauss_logq,
    .backward = gauss_backward, .backward_logq = gauss_backward_logq,
};
