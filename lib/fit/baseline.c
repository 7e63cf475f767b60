/*
 * baseline.c - what a model has to beat: independent columns, and probabilistic PCA (Tipping & Bishop 1999) with as
 * many latents. Both are fitted to the training rows and measured on the rows held out, in input units.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "fit/fit.h"
#include "model/op.h"

enum { PPCA_VALUES = 1500, PPCA_ROWS = 20000 };

/* The likelihoods at their start values are the marginals. */
double baseline_independent(const struct vae_model *m, const float *x, size_t n, struct vae_err *err) {
    struct model_pass p;
    if (model_pass_init(&p, m, MAT_PANEL, false, err))
        return NAN;
    float *w = mem_floats(m->nw), *bias = mem_floats(m->noutputs);
    double sum = NAN;
    if (w && bias) {
        sum = 0;
        for (size_t i = 0; i < m->nblocks; i++) {
            const struct lik_block *b = &m->block[i];
            struct lik_marginals marg = model_block_marginals(m, b);
            b->lik->start(b, &marg, bias + b->o0, w + b->w0);
        }
        for (size_t j = 0; j < m->noutputs * p.ld; j++)
            model_o(&p)[j] = bias[j / p.ld];
        for (size_t at = 0; at < n; at += MAT_PANEL) {
            size_t here = n - at < MAT_PANEL ? n - at : MAT_PANEL;
            uint64_t rows[MAT_PANEL];
            for (size_t i = 0; i < here; i++)
                rows[i] = at + i;
            model_load_rows(m, &p, 0, here, x, rows);
            model_nll(m, w, &p, 0, here);
            for (size_t i = 0; i < here; i++)
                sum += p.nll[i] / (double)n;
        }
    } else {
        err_set(err, VAE_EOS, "out of memory");
    }
    model_pass_free(&p);
    free(w), free(bias);
    return sum;
}

/* Is every value a plain number, and none missing? */
static bool all_plain(const struct vae_model *m, const float *x, size_t n) {
    bool plain = true;
    for (size_t i = 0; i < m->nblocks; i++)
        plain = plain && !m->block[i].cells && !m->block[i].lik->mass;
    for (size_t i = 0; i < n * m->schema->d && plain; i++)
        plain = !isnan(x[i]);
    return plain;
}

/* -log N(x; mean, W W^T + s2 I) by the k leading eigenvectors u of the covariance, variances v. */
static double ppca_nll(const float *x, size_t d, size_t k, const double *mean, const double *u, const double *v,
                       double s2, double *t) {
    double total = 0, explained = 0, square = 0, logdet = (double)(d - k) * log(s2);
    for (size_t j = 0; j < d; j++) {
        t[j] = (double)x[j] - mean[j];
        total += t[j] * t[j];
    }
    for (size_t c = 0; c < k; c++) {
        double p = 0;
        for (size_t j = 0; j < d; j++)
            p += u[c * d + j] * t[j];
        explained += p * p;
        square += p * p / v[c];
        logdet += log(v[c]);
    }
    return 0.5 * ((double)d * log(2 * M_PI) + logdet + square + (total - explained) / s2);
}

double baseline_ppca(const struct vae_model *m, const float *train, size_t ntrain, const float *x, size_t n) {
    size_t d = m->schema->d, k = m->config.latent_dim;
    if (m->ncond || d > PPCA_VALUES || ntrain < 3 || n == 0 || !all_plain(m, x, n) || !all_plain(m, train, ntrain))
        return NAN;
    double *mem = mem_array(d * d + 3 * d, sizeof *mem), result = NAN;
    if (!mem)
        return NAN;
    double *cov = mem, *w = cov + d * d, *mean = w + d, *t = mean + d, floor = INFINITY;
    for (size_t j = 0; j < d; j++)
        floor = m->lik_floor[j] < floor ? m->lik_floor[j] : floor;
    floor = floor > 1e-6 ? floor * floor : 1e-12;
    if (!mat_covariance(train, ntrain < PPCA_ROWS ? ntrain : PPCA_ROWS, d, mean, cov, NULL) && !mat_eigh(d, cov, w, NULL)) {
        k = k >= d ? d - 1 : k;
        double s2 = 0;
        for (size_t j = 0; j + k < d; j++)
            s2 += w[j] / (double)(d - k);
        s2 = s2 > floor ? s2 : floor;
        for (size_t j = d - k; j < d; j++)
            w[j] = w[j] > s2 ? w[j] : s2;
        result = 0;
        for (size_t i = 0; i < n; i++)
            result += ppca_nll(x + i * d, d, k, mean, cov + (d - k) * d, w + (d - k), s2, t) / (double)n;
        result += schema_log_jacobian(m->schema, 0, d);
    }
    free(mem);
    return result;
}
