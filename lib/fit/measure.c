/*
 * measure.c - what a fitted model is worth on rows x[n,d]: bounds on log p(x) with their standard errors, and what each latent
 * is used for.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fit/fit.h"
#include "model/op.h"
#include "score/score.h"

enum { IW_ROWS = 500, IW_LEAST = 20, IW_MOST = 1000 };
static const double COLLAPSED = 0.05; /* nats of a record: latents that carry less are idle */
static const double IW_WORK = 1e11; /* floating-point operations of the importance-weighted bound: a second or two */

struct mean {
    double mean, square;
    size_t n;
};

static void mean_add(struct mean *m, double v) {
    double delta = v - m->mean;
    m->mean += delta / (double)++m->n;
    m->square += delta * (v - m->mean);
}

static double mean_error(const struct mean *m) {
    return m->n > 1 ? sqrt(m->square / (double)(m->n - 1) / (double)m->n) : NAN;
}

/* Rows at..at+n-1 of x: their means of z and codes are left in the pass, and by_latent[] gets what a draw costs. */
static void look_at_panel(const struct vae_model *m, struct model_pass *p, const float *x, size_t at, size_t n, double *by_latent) {
    op_encode_panel(m, p, x + at * m->schema->d, NULL, n);
    rng_normals(p->eps, m->neps, MAT_PANEL, p->ld, 0, RNG_VALID, 1, NULL, at);
    bottleneck_draw(m, m->w, p, 0, MAT_PANEL);
    bottleneck_kl(m, m->w, p, 0, n, by_latent);
    bottleneck_mean(m, m->w, p, 0, n);
}

/* Of codes: what they cost, how many values are in use, and the perplexity, exp(entropy), of their frequencies; means over the
 * codes. Active is one of more than one value. */
static int code_use(struct vae_model *m, const float *x, size_t n, struct pool *pool, struct vae_fit_report *rep,
                    struct vae_err *err) {
    size_t k = m->codes.k, codes = m->codes.codes;
    struct model_pass p;
    int r = model_pass_init(&p, m, MAT_PANEL, false, err);
    if (r)
        return r;
    double *use = mem_array(k * (1 + codes), sizeof *use), *cost = use, *count = use + k;
    for (size_t at = 0; at < n && use && !(r = fit_stopped(pool, err)); at += MAT_PANEL) {
        size_t here = n - at < MAT_PANEL ? n - at : MAT_PANEL;
        look_at_panel(m, &p, x, at, here, cost);
        for (size_t j = 0; j < k; j++)
            for (size_t i = 0; i < here; i++)
                count[j * codes + (size_t)p.code[j * p.ld + i]]++;
    }
    rep->codes = codes;
    for (size_t j = 0; j < k && use; j++) {
        double entropy = 0, used = 0;
        for (size_t v = 0; v < codes; v++) {
            double share = count[j * codes + v] / (double)n;
            used += share > 0;
            entropy -= share > 0 ? share * log(share) : 0;
        }
        cost[j] /= (double)n;
        rep->code_nats += cost[j];
        rep->code_usage += used / (double)(codes * k);
        rep->code_perplexity += exp(entropy) / (double)k;
        rep->active_units += used > 1;
    }
    model_pass_free(&p);
    m->use = use;
    rep->kl = use;
    return use ? r : err_set(err, VAE_EOS, "out of memory");
}

/* KL per latent, and the variance of the posterior means over records (active: above 0.01; Burda et al. 2016; of a ladder with
 * a KL above 0.01, too). A prior that was trained along has no such parts: what a latent tells is its KL to a normal of the mean and
 * variance that it has over records. */
static int latent_use(struct vae_model *m, const float *x, size_t n, struct pool *pool, struct vae_fit_report *rep,
                      struct vae_err *err) {
    size_t k = m->config.latent_dim;
    struct model_pass p;
    int r = model_pass_init(&p, m, MAT_PANEL, false, err);
    if (r)
        return r;
    double *use = mem_array(4 * k, sizeof *use), *kl = use, *sum = use + k, *square = use + 2 * k, *noise = use + 3 * k;
    if (!use) {
        model_pass_free(&p);
        return err_set(err, VAE_EOS, "out of memory");
    }
    for (size_t at = 0; at < n && !(r = fit_stopped(pool, err)); at += MAT_PANEL) {
        size_t here = n - at < MAT_PANEL ? n - at : MAT_PANEL;
        look_at_panel(m, &p, x, at, here, kl);
        for (size_t j = 0; j < k; j++)
            for (size_t i = 0; i < here; i++) {
                double z = (double)model_z(&p)[j * p.ld + i];
                sum[j] += z, square[j] += z * z;
            }
        if (!m->config.joint)
            continue;
        bottleneck_sd(m, m->w, &p, model_z(&p), 0, here);
        for (size_t j = 0; j < k; j++)
            for (size_t i = 0; i < here; i++)
                noise[j] += pow((double)model_z(&p)[j * p.ld + i], 2);
    }
    for (size_t j = 0; j < k; j++) {
        double mean = sum[j] / (double)n, var = square[j] / (double)n - mean * mean, all = var + noise[j] / (double)n;
        kl[j] /= (double)n;
        if (m->config.joint && j < m->ntop)
            kl[j] = fmax(kl[j] - 0.5 * (all + mean * mean - 1 - log(all)), 0);
        /* means of a lower level move with the upper one, whether it says anything of its own or not */
        rep->active_units += var > 0.01 && (m->ntop == k || kl[j] >= 0.01);
    }
    model_pass_free(&p);
    m->use = use;
    rep->kl = kl;
    return r;
}

int fit_use(struct vae_model *m, const float *x, size_t n, struct pool *pool, struct vae_fit_report *rep,
            struct vae_err *err) {
    double nats = 0;
    free(m->use);
    m->use = NULL;
    rep->active_units = 0;
    int r = m->codes.codes ? code_use(m, x, n, pool, rep, err) : latent_use(m, x, n, pool, rep, err);
    for (size_t j = 0; j < m->config.latent_dim && !r; j++)
        nats += m->use[j];
    rep->collapsed = !r && (!rep->active_units || nats < COLLAPSED);
    return r;
}

/* The bound of a chain: what generating follows, each column given those before it. One draw of z a row. */
static int chain_bound(const struct vae_model *m, const float *x, size_t n, struct pool *pool, struct mean *bound,
                       struct vae_err *err) {
    struct model_pass p;
    int r = model_pass_init(&p, m, MAT_PANEL, false, err);
    if (r)
        return r;
    for (size_t at = 0; at < n && !(r = fit_stopped(pool, err)); at += MAT_PANEL) {
        size_t here = n - at < MAT_PANEL ? n - at : MAT_PANEL;
        uint64_t rows[MAT_PANEL];
        for (size_t i = 0; i < here; i++)
            rows[i] = at + i;
        model_load_rows(m, &p, 0, here, x, rows);
        nn_forward(&m->enc, m->w, &p.enc, 0, here, NULL);
        rng_normals(p.eps, m->neps, here, p.ld, 0, RNG_VALID, 1, rows, 0);
        bottleneck_draw(m, m->w, &p, 0, here);
        bottleneck_kl(m, m->w, &p, 0, here, NULL);
        chain_nll(m, m->w, &p, 0, here);
        for (size_t i = 0; i < here; i++)
            mean_add(bound, -(p.nll[i] + p.kl[i]));
    }
    model_pass_free(&p);
    return r;
}

/* The bound by scores: what the latents alone tell. */
static int latent_bound(const struct vae_model *m, const float *x, size_t n, struct pool *pool, struct mean *bound,
                        struct vae_err *err) {
    struct score_parts *parts;
    int r = fit_parts(m, VAE_BY_ELBO, SCORE_DRAWS, x, n, pool, &parts, err);
    for (size_t i = 0; i < n && !r; i++)
        mean_add(bound, parts[i].elbo);
    free(parts);
    return r;
}

/* The importance-weighted bound, of as many of the rows and draws as the work allows. */
static int importance_bound(const struct vae_model *m, const float *x, size_t n, struct pool *pool, struct vae_fit_report *rep,
                            struct vae_err *err) {
    size_t rows = n < IW_ROWS ? n : IW_ROWS;
    double places = m->npositions ? (double)m->npositions : 1; /* at which the weights are used */
    double most = IW_WORK / (2 * (double)m->nw * places * (double)rows);
    int draws = most > IW_MOST ? IW_MOST : most < IW_LEAST ? IW_LEAST : (int)most;
    struct score_parts *parts;
    int r = fit_parts(m, VAE_BY_IW, draws, x, rows, pool, &parts, err);
    struct mean bound = {0}, ess = {0};
    for (size_t i = 0; i < rows && !r; i++)
        mean_add(&bound, parts[i].iw), mean_add(&ess, parts[i].ess);
    free(parts);
    rep->iw = bound.mean, rep->iw_se = mean_error(&bound), rep->iw_ess = ess.mean;
    rep->iw_draws = draws, rep->iw_rows = rows;
    return r;
}

int fit_measure(struct vae_model *m, const float *x, size_t n, struct pool *pool, struct vae_fit_report *rep,
                struct vae_err *err) {
    struct mean bound = {0};
    bool chain = m->config.chain;
    int r = chain ? chain_bound(m, x, n, pool, &bound, err) : latent_bound(m, x, n, pool, &bound, err);
    if (r)
        return r;
    rep->elbo = bound.mean, rep->elbo_se = mean_error(&bound);
    /* a chain has none but that of its latents; of codes that are certain it is the ELBO */
    rep->iw = rep->iw_se = rep->iw_ess = NAN;
    if (m->neps && !chain)
        r = importance_bound(m, x, n, pool, rep, err);
    return r ? r : fit_use(m, x, n, pool, rep, err);
}
