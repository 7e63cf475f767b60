/*
 * score.c - scores of panels of records.
 *
 *   elbo    E_q[-log p(x|z)] + KL(q||p), the expectation over fixed draws
 *   iw      -log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)        (Burda et al. 2016, 1509.00519)
 *   recon   E_q[-log p(x|z)]
 *   mse     squared error of the reconstruction from the posterior mean
 *   near    distance to the neighbours among training rows (exemplars.h)
 *   denoise distance to where a denoiser puts it (denoise.h)
 */
#include "score/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/op.h"
#include "score/denoise.h"
#include "score/exemplars.h"
#include "score/gower.h"

_Static_assert((int)MAT_PANEL <= (int)GOWER_QUERIES, "a panel is compared at once");

struct scorer {
    const struct vae_model *m;
    enum vae_by by;
    size_t draws, passes; /* passes: draws that differ, one where the posterior is all in one place */
    struct pool *pool;
    size_t nworkers;
    struct exemplars *exemplars; /* NULL: not wanted */
    struct denoise *denoise;     /* NULL: not wanted */
    struct model_pass *pass;     /* [nworkers], NULL: the latents' parts are not wanted */
    float *noise;    /* [draws,k], shared by all records */
    float *iw_noise; /* the same for iw, NULL: that of the others */
    const float *x;
    const uint64_t *rows;
    size_t n;
    struct score_parts *parts;
};

enum { MAX_DRAWS = 65536 };

/* Is there what such a score is made of? A file may name one as the model's own and lack it. */
static int can_score(const struct vae_model *m, enum vae_by by, int draws, struct vae_err *err) {
    if (draws > MAX_DRAWS)
        return err_set(err, VAE_EUSAGE, "%d draws are too many: at most %d", draws, (int)MAX_DRAWS);
    if (by == VAE_BY_NEAR && !m->exemplars.n)
        return err_set(err, VAE_EUSAGE, "the model has no exemplars to compare with (vae-fit --for detect keeps some)");
    if (by == VAE_BY_LINE && !m->line)
        return err_set(err, VAE_EUSAGE, "--by line is for lines of text, and this model was not fitted to such (vae-fit --text)");
    if (by == VAE_BY_DENOISE && !m->denoiser.n)
        return err_set(err, VAE_EUSAGE, "the model has no denoiser (vae-fit --for detect --no-exemplars makes one)");
    return 0;
}

/* The noise of all records, which iw has of its own (noise.c), and a pass for every worker. */
static int make_latents(struct scorer *s, bool both, struct vae_err *err) {
    size_t n, k = s->m->neps;
    bool fits = mem_mul(s->draws, k, &n);
    s->pass = mem_array(s->nworkers, sizeof *s->pass);
    s->noise = fits ? mem_floats(n) : NULL;
    s->iw_noise = fits && both ? mem_floats(n) : NULL;
    if (!s->pass || !s->noise || (both && !s->iw_noise))
        return err_set(err, VAE_EOS, "out of memory for %zu draws", s->draws);
    for (size_t i = 0; i < s->nworkers; i++)
        if (model_pass_init(&s->pass[i], s->m, MAT_PANEL, false, err))
            return VAE_EOS;
    score_noise(s->noise, s->draws, k, s->by != VAE_BY_IW);
    if (both)
        score_noise(s->iw_noise, s->draws, k, false);
    return 0;
}

struct scorer *scorer_new(const struct vae_model *m, enum vae_by by, enum score_also also, int draws, struct pool *pool,
                          struct vae_err *err) {
    by = by != VAE_BY_AUTO ? by : m->cal.by;
    if (can_score(m, by, draws, err))
        return NULL;
    struct scorer *s = mem_array(1, sizeof *s);
    if (!s) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    s->m = m;
    s->by = by;
    s->draws = draws > 0 ? (size_t)draws : m->cal.draws > 0 ? (size_t)m->cal.draws : SCORE_DRAWS;
    s->passes = m->neps ? s->draws : 1;
    s->pool = pool;
    s->nworkers = pool ? pool_threads(pool) : 1;
    bool near = by == VAE_BY_NEAR, denoise = by == VAE_BY_DENOISE, all = also == SCORE_ALL; /* near, denoise: ask no latents */
    int r = 0;
    if ((!near && !denoise) || also)
        r = make_latents(s, all && by != VAE_BY_IW && m->neps, err);
    if (!r && (near || all) && m->exemplars.n && !(s->exemplars = exemplars_new(&m->exemplars, m->schema, s->nworkers, err)))
        r = VAE_EOS;
    if (!r && (denoise || all) && m->denoiser.n && !(s->denoise = denoise_new(m, s->nworkers, err)))
        r = VAE_EOS;
    if (!r)
        return s;
    scorer_free(s);
    return NULL;
}

void scorer_free(struct scorer *s) {
    if (!s)
        return;
    for (size_t i = 0; s->pass && i < s->nworkers; i++)
        model_pass_free(&s->pass[i]);
    exemplars_free(s->exemplars);
    denoise_free(s->denoise);
    free(s->pass), free(s->noise), free(s->iw_noise), free(s);
}

enum vae_by scorer_by(const struct scorer *s) { return s->by; }
int scorer_draws(const struct scorer *s) { return (int)s->draws; }

/* Decodes the draw by eps[k] of the panel's posteriors and leaves -log p(x|z) in pass->nll. */
static void decode_draw(const struct scorer *s, struct model_pass *p, const float *eps) {
    for (size_t j = 0; j < s->m->neps; j++)
        for (size_t i = 0; i < MAT_PANEL; i++)
            p->eps[j * p->ld + i] = eps[j];
    bottleneck_draw(s->m, s->m->w, p, 0, MAT_PANEL);
    model_decode(s->m, s->m->w, p, 0, MAT_PANEL);
    model_nll(s->m, s->m->w, p, 0, MAT_PANEL);
}

/* Mean squared error of the reconstruction from the posterior mean. */
static void mean_error(const struct scorer *s, struct model_pass *p, double *mse) {
    bottleneck_mean(s->m, s->m->w, p, 0, MAT_PANEL);
    model_decode(s->m, s->m->w, p, 0, MAT_PANEL);
    model_errors(s->m, s->m->w, p, 0, MAT_PANEL, false, mse);
}

/* Sums of exp(l) and exp(2 l), scaled by the largest l seen so far: no overflow, no storage per draw. */
struct log_sum {
    double top, sum, square;
};

static void log_sum_add(struct log_sum *s, double l) {
    if (l > s->top) {
        double f = exp(s->top - l);
        s->sum *= f, s->square *= f * f;
        s->top = l;
    }
    double e = exp(l - s->top);
    s->sum += e, s->square += e * e;
}

/* Both bounds and their parts, by this noise. */
static void score_bounds(const struct scorer *s, struct model_pass *p, const float *noise, struct score_parts *out, size_t n) {
    double recon[MAT_PANEL] = {0}, kl[MAT_PANEL], ratio[MAT_PANEL];
    struct log_sum w[MAT_PANEL];
    for (size_t i = 0; i < MAT_PANEL; i++)
        w[i] = (struct log_sum){-INFINITY, 0, 0}, kl[i] = 0;
    for (size_t a = 0; a < s->passes; a++) {
        decode_draw(s, p, noise + a * s->m->neps);
        for (size_t i = 0; i < n; i++)
            recon[i] += p->nll[i] / (double)s->passes;
        bottleneck_ratio(s->m, s->m->w, p, 0, MAT_PANEL, ratio);
        if (a == 0 || s->m->kl_varies)
            bottleneck_kl(s->m, s->m->w, p, 0, MAT_PANEL, NULL);
        for (size_t i = 0; i < n; i++)
            kl[i] = s->m->kl_varies ? kl[i] + p->kl[i] / (double)s->passes : p->kl[i];
        for (size_t i = 0; i < n; i++)
            log_sum_add(&w[i], ratio[i] - p->nll[i]);
    }
    for (size_t i = 0; i < n; i++) {
        out[i].recon = recon[i], out[i].kl = kl[i], out[i].elbo = -(recon[i] + kl[i]);
        out[i].iw = w[i].top + log(w[i].sum / (double)s->passes);
        out[i].ess = w[i].sum * w[i].sum / w[i].square * (double)(s->draws / s->passes);
    }
}

static void score_latents(const struct scorer *s, struct model_pass *p, struct score_parts *out, size_t n) {
    double mse[MAT_PANEL];
    struct score_parts own[MAT_PANEL];
    score_bounds(s, p, s->noise, out, n);
    if (s->iw_noise)
        score_bounds(s, p, s->iw_noise, own, n);
    mean_error(s, p, mse);
    for (size_t i = 0; i < n; i++) {
        out[i].mse = mse[i];
        if (s->iw_noise)
            out[i].iw = own[i].iw, out[i].ess = own[i].ess;
    }
}

/* A sum over symbols lies the farther from its mean the more there are, as their root: neither the sum nor the mean of a symbol
 * can be compared between long lines and short ones. */
static void score_lines(const struct scorer *s, const float *x, const uint64_t *rows, struct score_parts *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t symbols = lines_length(s->m, x + (rows ? rows[i] : i) * s->m->schema->d);
        out[i].line = -out[i].elbo / sqrt(symbols ? (double)symbols : 1);
    }
}

static void score_task(void *ctx, size_t task, size_t worker) {
    struct scorer *s = ctx;
    size_t first = task * MAT_PANEL, n = s->n - first < MAT_PANEL ? s->n - first : MAT_PANEL;
    const float *x = s->rows ? s->x : s->x + first * s->m->schema->d;
    const uint64_t *rows = s->rows ? s->rows + first : NULL;
    struct score_parts *out = s->parts + first;
    double near[MAT_PANEL], denoise[MAT_PANEL];
    for (size_t i = 0; i < n; i++)
        out[i] = (struct score_parts){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN}, near[i] = denoise[i] = NAN;
    if (s->pass) {
        op_encode_panel(s->m, &s->pass[worker], x, rows, n);
        score_latents(s, &s->pass[worker], out, n);
        if (s->m->line)
            score_lines(s, x, rows, out, n);
    }
    if (s->exemplars)
        exemplars_score(s->exemplars, worker, x, rows, n, near);
    if (s->denoise)
        denoise_score(s->denoise, worker, x, rows, n, denoise);
    for (size_t i = 0; i < n; i++)
        out[i].near = near[i], out[i].denoise = denoise[i];
}

double score_by(const struct score_parts *p, enum vae_by by) {
    switch (by) {
    case VAE_BY_IW: return -p->iw;
    case VAE_BY_RECON: return p->recon;
    case VAE_BY_MSE: return p->mse;
    case VAE_BY_NEAR: return p->near;
    case VAE_BY_DENOISE: return p->denoise;
    case VAE_BY_LINE: return p->line;
    default: return -p->elbo;
    }
}

void scorer_run(struct scorer *s, const float *x, const uint64_t *rows, size_t n, struct score_parts *parts) {
    s->x = x, s->rows = rows, s->n = n, s->parts = parts;
    pool_run(s->pool, (n + MAT_PANEL - 1) / MAT_PANEL, score_task, s);
}
