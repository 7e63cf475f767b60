/*
 * mmd.c - the latents of all records drawn to N(0,1) together: InfoVAE (Zhao et al. 2019, 1706.02262), with beta 0 the
 * Wasserstein autoencoder with that penalty (Tolstikhin et al. 2018, 1711.01558).
 *
 *   nll + beta KL + weight MMD(q(z), p(z))
 *
 * In the letters of InfoVAE beta is 1 - alpha, weight alpha + lambda - 1. The squared maximum mean discrepancy (Gretton et
 * al. 2012) is estimated without bias from the B draws z of a step and as many y from the prior:
 *
 *   1/(B(B-1)) sum over i != n of (k(z_i, z_n) + k(y_i, y_n)) - 2/B^2 sum over i, n of k(z_i, y_n)
 *
 * with the inverse multiquadratics of 1711.01558, k(a, b) = sum over s of C/(C + |a-b|^2), C = 2 k s, k latents.
 */
#include <string.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "model/objective.h"

enum { RUN = 64, LANES = 16, SCALES = 7 };
static const float SCALE[SCALES] = {0.1f, 0.2f, 0.5f, 1, 2, 5, 10};

static bool mmd_suits(const struct model_config *c) { return c->latent->moments && !c->joint; }

/* own: z[k,ld] and y[k,ld]. */
static size_t mmd_room(const struct vae_model *m, size_t ld) { return 2 * m->zdim * ld; }

static void mmd_share(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const struct model_objective *obj,
                      const struct nn_noise *noise) {
    (void)obj;
    float *z = p->own, *y = z + m->zdim * p->ld;
    for (size_t j = 0; j < m->zdim; j++) /* a chain is going to hide some of it */
        memcpy(z + j * p->ld + col, model_z(p) + j * p->ld + col, n * sizeof *z);
    rng_normals(y + col, m->zdim, n, p->ld, noise->seed, RNG_MATCH, noise->step, NULL, col);
}

VM_WIDE static void add_squares(const float *to, float z, float *square, size_t n) {
    for (size_t c = 0; c < n; c++)
        square[c] += (z - to[c]) * (z - to[c]);
}

/* square[n] -> -2 sum over s of C/(C + square)^2: k's gradient with respect to its first argument over (a - b). */
VM_WIDE static void slopes(float *square, size_t latents, size_t n) {
    for (size_t c = 0; c < n; c++) {
        float sum = 0;
        for (size_t s = 0; s < SCALES; s++) {
            float scale = 2 * (float)latents * SCALE[s], t = 1 / (scale + square[c]);
            sum -= 2 * scale * t * t;
        }
        square[c] = sum;
    }
}

/* sum of slope[n] times (z - to[n]), in lanes: one order at any vector width. */
VM_WIDE static float pull_of(const float *to, float z, const float *slope, size_t n) {
    float part[LANES] = {0}, sum = 0;
    size_t c = 0;
    for (; c + LANES <= n; c += LANES)
        for (size_t k = 0; k < LANES; k++)
            part[k] += slope[c + k] * (z - to[c + k]);
    for (; c < n; c++)
        part[c % LANES] += slope[c] * (z - to[c]);
    for (size_t k = 0; k < LANES; k++)
        sum += part[k];
    return sum;
}

/* dz[k,.] of record i += factor * sum over to[k,batch] of k's gradient; itself (z = to) is no other. */
static void pull_record(const float *z, const float *to, float *dz, size_t i, size_t k, size_t batch, size_t ld, float factor) {
    float slope[RUN];
    for (size_t at = 0; at < batch; at += RUN) {
        size_t n = batch - at < RUN ? batch - at : RUN;
        memset(slope, 0, sizeof slope);
        for (size_t j = 0; j < k; j++)
            add_squares(to + j * ld + at, z[j * ld + i], slope, n);
        slopes(slope, k, n);
        for (size_t j = 0; j < k; j++)
            dz[j * ld + i] += factor * pull_of(to + j * ld + at, z[j * ld + i], slope, n);
    }
}

static void mmd_pull(const struct vae_model *m, struct model_pass *p, size_t col, size_t n, const struct model_objective *obj) {
    const float *z = p->own, *y = z + m->zdim * p->ld;
    float b = (float)obj->batch, factor = 2 * obj->scale * obj->weight;
    for (size_t i = col; i < col + n && obj->batch > 1; i++) {
        pull_record(z, z, p->dec.grad[0], i, m->zdim, obj->batch, p->ld, factor / (b - 1));
        pull_record(z, y, p->dec.grad[0], i, m->zdim, obj->batch, p->ld, -factor / b);
    }
}

const struct objective objective_mmd = {
    .name = "mmd", .about = "the ELBO with a pull of all latents together to the prior", .couples = true, .weight = 100,
    .suits = mmd_suits, .room = mmd_room, .share = mmd_share, .pull = mmd_pull, .decode = elbo_decode, .bound = elbo_bound,
};
