/*
 * mdct.c - the MDCT by folding to a DCT-IV of n points, and that by a complex FFT of n/2.
 *
 * With 2n windowed samples as four quarters (a, b, c, d), r for reversed: MDCT(a, b, c, d) = DCT-IV(-c_r - d, a - b_r); back,
 * u = DCT-IV(X) is (-c_r - d, a - b_r), and (u2, -u2_r, -u1_r, -u1) the samples with their aliases.
 */
#include "front/mdct.h"

#include <kissfft/kiss_fft.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

struct mdct {
    size_t n;
    kiss_fft_cfg fft;     /* of n/2 points */
    kiss_fft_cpx *twist;  /* [n/2] exp(-i pi (j + 1/8) / n), times the root of the scale */
    kiss_fft_cpx *a, *b;  /* [n/2] */
    float *window, *fold; /* [2n], [n] */
};

void mdct_free(struct mdct *m) {
    if (!m)
        return;
    kiss_fft_free(m->fft);
    free(m->twist), free(m->a), free(m->b), free(m->window), free(m->fold), free(m);
}

struct mdct *mdct_new(size_t n, struct vae_err *err) {
    struct mdct *m = mem_array(1, sizeof *m);
    if (m) {
        m->n = n;
        m->fft = kiss_fft_alloc((int)(n / 2), 0, NULL, NULL);
        m->twist = mem_array(n / 2, sizeof *m->twist);
        m->a = mem_array(n / 2, sizeof *m->a), m->b = mem_array(n / 2, sizeof *m->b);
        m->window = mem_array(2 * n, sizeof *m->window), m->fold = mem_array(n, sizeof *m->fold);
    }
    if (!m || !m->fft || !m->twist || !m->a || !m->b || !m->window || !m->fold) {
        mdct_free(m);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    double scale = pow(2.0 / (double)n, 0.25);
    for (size_t j = 0; j < n / 2; j++) {
        double angle = -M_PI * ((double)j + 0.125) / (double)n;
        m->twist[j] = (kiss_fft_cpx){(float)(scale * cos(angle)), (float)(scale * sin(angle))};
    }
    for (size_t i = 0; i < 2 * n; i++)
        m->window[i] = (float)sin(M_PI / (2 * (double)n) * ((double)i + 0.5));
    return m;
}

static kiss_fft_cpx times(kiss_fft_cpx a, kiss_fft_cpx b) {
    return (kiss_fft_cpx){a.r * b.r - a.i * b.i, a.r * b.i + a.i * b.r};
}

/* The orthonormal DCT-IV of v[n], its own inverse. */
static void dct4(struct mdct *m, const float *v, float *out) {
    size_t n = m->n, half = n / 2;
    for (size_t j = 0; j < half; j++)
        m->a[j] = times((kiss_fft_cpx){v[2 * j], v[n - 1 - 2 * j]}, m->twist[j]);
    kiss_fft(m->fft, m->a, m->b);
    for (size_t j = 0; j < half; j++) {
        kiss_fft_cpx y = times(m->b[j], m->twist[j]);
        out[2 * j] = y.r, out[n - 1 - 2 * j] = -y.i;
    }
}

void mdct_analyse(struct mdct *m, const float *x, float *X) {
    size_t n = m->n, half = n / 2;
    const float *w = m->window;
    for (size_t i = 0; i < half; i++) {
        size_t a = i, b = n - 1 - i, c = n + half - 1 - i, d = n + half + i;
        m->fold[i] = -w[c] * x[c] - w[d] * x[d];
        m->fold[half + i] = w[a] * x[a] - w[b] * x[b];
    }
    dct4(m, m->fold, X);
}

void mdct_synthesise(struct mdct *m, const float *X, float *y) {
    size_t n = m->n, half = n / 2;
    const float *w = m->window;
    dct4(m, X, m->fold);
    for (size_t i = 0; i < half; i++) {
        size_t a = i, b = n - 1 - i, c = n + half - 1 - i, d = n + half + i;
        y[a] = w[a] * m->fold[half + i], y[b] = -w[b] * m->fold[half + i];
        y[c] = -w[c] * m->fold[i], y[d] = -w[d] * m->fold[i];
    }
}
