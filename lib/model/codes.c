/*
 * codes.c - between the encoder and the decoder where latents are codes (bottleneck.c for those that are numbers).
 *
 * Codes c of fsq and vq are functions of the record: a posterior all in one place, and the bound is log p(x|c) + log
 * P(c). Those of gumbel are drawn, and the bound is the usual one, the divergence of each code from its prior in
 * closed form, given a draw of those before. Only a pass of the training has codes between their values.
 */
#include "model/codes.h"

#include <math.h>
#include <string.h>

#include "prior/autoregressive.h"

static const struct latent_codes *family(const struct vae_model *m) { return m->config.latent->codes; }

static const float *own(const struct vae_model *m, const float *w) { return w + m->wlatent; }

void codes_place(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n) {
    family(m)->place(&m->codes, own(m, w), p->code + col, model_z(p) + col, n, p->ld);
}

void codes_find(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n, bool draw) {
    family(m)->code(&m->codes, own(m, w), model_h(p) + col, draw ? p->eps + col : NULL, p->code + col, n, p->ld);
    codes_place(m, w, p, col, n);
}

/* Where the codes stand one-hot: the input of their prior, behind what that is told. */
static float *hot(const struct vae_model *m, struct model_pass *p) {
    return m->chances.n ? p->chances.act[0] + m->space.told * p->ld : p->soft;
}

static void tell(const struct vae_model *m, struct model_pass *p, size_t col, size_t n) {
    const float *from = condition_told(m, p) + col;
    for (size_t f = 0; f < m->space.told; f++)
        memcpy(p->chances.act[0] + f * p->ld + col, from + f * p->ld, n * sizeof *from);
}

/* cost[n] += sum of share * -log P(value of a code | codes before, as they are in hot()); share NULL: of the codes
 * themselves. With obj what a prior that is trained needs for its way back. */
static void soft_cost(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                      const float *share, double *cost, double *by, const struct model_objective *obj,
                      const struct nn_noise *noise) {
    size_t last = m->chances.n;
    double each = log((double)m->codes.codes);
    if (last) {
        float *d = obj ? p->chances.grad[last] + col : NULL;
        tell(m, p, col, n);
        nn_forward(&m->chances, w, &p->chances, col, n, noise);
        ar_cost(&m->space, p->chances.act[last] + col, share ? share : hot(m, p) + col, cost, by, d,
                obj ? obj->scale : 0, n, p->ld);
        return;
    }
    for (size_t i = 0; i < n; i++)
        cost[i] += (double)m->codes.k * each;
    for (size_t j = 0; j < m->codes.k && by; j++)
        by[j] += (double)n * each;
}

/* The same of the codes in pass->code. */
static void cost_of(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                    const float *share, double *cost, double *by, const struct model_objective *obj,
                    const struct nn_noise *noise) {
    if (m->chances.n)
        ar_hot(&m->space, p->code + col, hot(m, p) + col, n, p->ld);
    soft_cost(m, w, p, col, n, share, cost, by, obj, noise);
}

void codes_kl(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n, double *by) {
    double *kl = p->kl + col;
    float *share = family(m)->spread ? p->share + col : NULL;
    memset(kl, 0, n * sizeof *kl);
    if (share) /* the sum over the values of each code, given a draw of those before */
        family(m)->spread(&m->codes, model_h(p) + col, share, kl, by, n, p->ld);
    cost_of(m, w, p, col, n, share, kl, by, NULL, NULL);
}

void codes_ratio(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n, double *ratio) {
    memset(ratio, 0, n * sizeof *ratio);
    cost_of(m, w, p, col, n, NULL, ratio, NULL, NULL, NULL);
    if (family(m)->log_chance)
        family(m)->log_chance(&m->codes, model_h(p) + col, p->code + col, ratio, n, p->ld);
    for (size_t i = 0; i < n; i++)
        ratio[i] = -ratio[i];
}

/* ---- a pass of the training -------------------------------------------------------------------------------- */

void codes_train(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                 const struct model_objective *obj, const struct nn_noise *noise) {
    const struct latent_codes *q = family(m);
    double *kl = p->kl + col;
    memset(kl, 0, n * sizeof *kl);
    if (q->soften) {
        q->soften(&m->codes, model_h(p) + col, p->eps + col, obj->temperature, hot(m, p) + col, model_z(p) + col, n,
                  p->ld);
        q->spread(&m->codes, model_h(p) + col, p->share + col, kl, NULL, n, p->ld);
        soft_cost(m, w, p, col, n, p->share + col, kl, NULL, obj, noise);
    } else {
        codes_find(m, w, p, col, n, true);
        cost_of(m, w, p, col, n, NULL, kl, NULL, obj, noise);
    }
}

/* The prior learns at its own pace; what the encoder feels of it counts beta. */
void codes_backward(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                    const struct model_objective *obj, const struct nn_noise *noise) {
    const struct latent_codes *q = family(m);
    struct code_back back = {.dz = p->dec.grad[0] + col, .pull = obj->scale * obj->beta};
    float *dh = p->enc.grad[p->enc.n] + col;
    size_t last = m->chances.n;
    if (last) {
        float *codes = p->chances.grad[0] + m->space.told * p->ld + col, *cost = p->chances.act[last] + col;
        nn_backward(&m->chances, w, &p->chances, col, n, true, noise);
        for (size_t r = 0; r < m->codes.k * m->codes.codes; r++)
            for (size_t i = 0; i < n; i++) {
                codes[r * p->ld + i] *= obj->beta;
                cost[r * p->ld + i] *= -back.pull;
            }
        back.codes = codes, back.cost = cost;
    }
    if (q->soften)
        q->through_soft(&m->codes, hot(m, p) + col, p->share + col, obj->temperature, &back, dh, n, p->ld);
    else
        q->through(&m->codes, own(m, w), model_h(p) + col, p->code + col, &back, dh, n, p->ld);
}

size_t codes_learn_tasks(const struct vae_model *m) { return m->codes.codes && family(m)->learn ? m->codes.k : 0; }

void codes_learn(const struct vae_model *m, float *w, struct model_pass *p, size_t task, size_t n, bool fresh,
                 uint64_t seed, uint64_t step) {
    family(m)->learn(&m->codes, w + m->wlatent, model_h(p), p->code, task, fresh, seed, step, n, p->ld);
}
