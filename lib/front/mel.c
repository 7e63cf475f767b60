/* mel.c - levels of mel bands. */
#include "front/mel.h"

#include <kissfft/kiss_fftr.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/vmath.h"

struct mel {
    size_t n, bands;
    kiss_fftr_cfg fft;
    float *window, *x, *power; /* [n] Hann, scaled; [n]; [n/2 + 1] */
    kiss_fft_cpx *bins;        /* [n/2 + 1] */
    size_t *first, *count;     /* [bands] bins of each */
    float *weight;             /* theirs, one band behind the other */
};

static double to_mel(double hz) { return 2595 * log10(1 + hz / 700); }
static double to_hz(double mel) { return 700 * (pow(10, mel / 2595) - 1); }

void mel_free(struct mel *m) {
    if (!m)
        return;
    kiss_fftr_free(m->fft);
    free(m->window), free(m->x), free(m->power), free(m->bins), free(m->first), free(m->count), free(m->weight), free(m);
}

/* The weights of band b at the bins, appended to weight[at..]; their number. `weight` NULL: only that. */
static size_t triangle(const struct mel *m, size_t b, double rate, float *weight, size_t *first) {
    double step = to_mel(rate / 2) / (double)(m->bands + 1), bin = rate / (double)m->n;
    double low = to_hz(step * (double)b), centre = to_hz(step * (double)(b + 1)), high = to_hz(step * (double)(b + 2));
    low = low < centre - bin ? low : centre - bin, high = high > centre + bin ? high : centre + bin;
    size_t n = 0;
    for (size_t k = 0; k <= m->n / 2; k++) {
        double f = bin * (double)k, w = f < centre ? (f - low) / (centre - low) : (high - f) / (high - centre);
        if (w <= 0)
            continue;
        if (n == 0)
            *first = k;
        if (weight)
            weight[n] = (float)w;
        n++;
    }
    return n;
}

struct mel *mel_new(size_t n, size_t bands, double rate, struct vae_err *err) {
    struct mel *m = mem_array(1, sizeof *m);
    size_t all = 0, bins = n / 2 + 1;
    if (m) {
        m->n = n, m->bands = bands;
        m->fft = kiss_fftr_alloc((int)n, 0, NULL, NULL);
        m->window = mem_array(n, sizeof *m->window), m->x = mem_array(n, sizeof *m->x);
        m->power = mem_array(bins, sizeof *m->power), m->bins = mem_array(bins, sizeof *m->bins);
        m->first = mem_array(bands, sizeof *m->first), m->count = mem_array(bands, sizeof *m->count);
    }
    bool good = m && m->fft && m->window && m->x && m->power && m->bins && m->first && m->count;
    for (size_t b = 0; b < bands && good; b++)
        all += m->count[b] = triangle(m, b, rate, NULL, &m->first[b]);
    if (!good || !(m->weight = mem_array(all + 1, sizeof *m->weight))) {
        mel_free(m);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    float *weight = m->weight;
    for (size_t b = 0; b < bands; b++)
        weight += triangle(m, b, rate, weight, &m->first[b]);
    for (size_t i = 0; i < n; i++) /* sums to n/2: a sine of amplitude 1 has n/4 in its bin, which is to be 1 */
        m->window[i] = (float)((0.5 - 0.5 * cos(2 * M_PI * (double)i / (double)n)) * 4 / (double)n);
    return m;
}

VM_WIDE static void power_of(const kiss_fft_cpx *bins, size_t n, float *power) {
    for (size_t k = 0; k < n; k++)
        power[k] = bins[k].r * bins[k].r + bins[k].i * bins[k].i;
}

void mel_levels(struct mel *m, const float *x, float *db) {
    const float *w = m->weight;
    for (size_t i = 0; i < m->n; i++)
        m->x[i] = x[i] * m->window[i];
    kiss_fftr(m->fft, m->x, m->bins);
    power_of(m->bins, m->n / 2 + 1, m->power);
    for (size_t b = 0; b < m->bands; w += m->count[b++]) {
        float sum = 1e-10F;
        for (size_t k = 0; k < m->count[b]; k++)
            sum += w[k] * m->power[m->first[b] + k];
        db[b] = sum;
    }
    vm_log(db, db, m->bands);
    for (size_t b = 0; b < m->bands; b++)
        db[b] = db[b] * 4.3429448F; /* 10 / ln 10 */
}
