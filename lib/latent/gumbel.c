/*
 * gumbel.c - codes drawn from q(c|x) = softmax(h), trained by draws that are softened so that a gradient goes through
 * them (Jang et al. 2017, 1611.01144; Maddison et al. 2017, 1611.00712):
 *
 *   g = -log(-log U)     c = argmax(h + g), a draw from q     e = softmax((h + g) / temperature)
 *
 * Only the training softens: the decoder is then given codes one-hot, scaled to a mean square of 1.
 */
#include <math.h>
#include <string.h>

#include "base/vmath.h"
#include "latent/codes.h"

enum { RUN = 64 };

static bool gumbel_shape(struct code_shape *s) {
    s->outputs = s->zdim = s->noise = s->k * s->codes;
    return s->codes > 1;
}

/* g[n] from standard normals: U is their distribution function, by Abramowitz & Stegun 26.2.17 (error below 7.5e-8).
 * n <= RUN. */
VM_WIDE static void gumbels(const float *eps, float *g, size_t n) {
    float t[RUN], d[RUN] = {0};
    for (size_t i = 0; i < n; i++)
        d[i] = -0.5f * eps[i] * eps[i];
    vm_exp(d, d, n);
    for (size_t i = 0; i < n; i++) {
        float x = eps[i] < 0 ? -eps[i] : eps[i], k = 1 / (1 + 0.2316419f * x);
        float tail = 0.39894228f * d[i] * k *
                     (0.31938153f + k * (-0.356563782f + k * (1.781477937f + k * (-1.821255978f + k * 1.330274429f))));
        tail = tail < 1e-30f ? 1e-30f : tail;
        t[i] = eps[i] < 0 ? tail : 1 - tail; /* U */
        g[i] = tail;
    }
    vm_log(t, t, n);
    for (size_t i = 0; i < n; i++) /* -log U, which is 1 - U where U is close to 1 */
        t[i] = eps[i] > 3 ? g[i] : -t[i];
    vm_log(t, t, n);
    for (size_t i = 0; i < n; i++)
        g[i] = -t[i];
}

/* Log weights p[codes,n] of one code become probabilities; all[n]: the log of their sum. n <= RUN. */
VM_WIDE static void normalise(size_t codes, float *p, float *all, size_t n, size_t ld) {
    vm_logsumexp(all, p, codes, n, ld);
    for (size_t v = 0; v < codes; v++) {
        for (size_t i = 0; i < n; i++)
            p[v * ld + i] -= all[i];
        vm_exp(p + v * ld, p + v * ld, n);
    }
}

static void gumbel_code(const struct code_shape *s, const float *w, const float *h, const float *eps, float *c,
                        size_t n, size_t ld) {
    (void)w;
    float g[RUN] = {0}, best[RUN] = {0};
    for (size_t j = 0; j < s->k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            float *to = c + j * ld + at;
            for (size_t v = 0; v < s->codes; v++) {
                size_t p = (j * s->codes + v) * ld + at;
                if (eps)
                    gumbels(eps + p, g, m);
                for (size_t i = 0; i < m; i++)
                    if (v == 0 || h[p + i] + g[i] > best[i])
                        best[i] = h[p + i] + g[i], to[i] = (float)v;
            }
        }
}

static void gumbel_place(const struct code_shape *s, const float *w, const float *c, float *z, size_t n, size_t ld) {
    (void)w;
    float one = sqrtf((float)s->codes);
    for (size_t j = 0; j < s->k; j++)
        for (size_t v = 0; v < s->codes; v++)
            for (size_t i = 0; i < n; i++)
                z[(j * s->codes + v) * ld + i] = c[j * ld + i] == (float)v ? one : 0;
}

static void gumbel_spread(const struct code_shape *s, const float *h, float *q, double *kl, double *by_latent, size_t n,
                          size_t ld) {
    float all[RUN];
    for (size_t r = 0; r < s->outputs; r++)
        memcpy(q + r * ld, h + r * ld, n * sizeof *q);
    for (size_t j = 0; j < s->k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * s->codes * ld + at;
            normalise(s->codes, q + p, all, m, ld);
            for (size_t v = 0; v < s->codes; v++, p += ld)
                for (size_t i = 0; i < m; i++) {
                    double t = (double)q[p + i] * (double)(h[p + i] - all[i]);
                    kl[at + i] += t;
                    if (by_latent)
                        by_latent[j] += t;
                }
        }
}

static void gumbel_log_chance(const struct code_shape *s, const float *h, const float *c, double *logq, size_t n,
                              size_t ld) {
    float all[RUN];
    for (size_t j = 0; j < s->k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * s->codes * ld + at;
            vm_logsumexp(all, h + p, s->codes, m, ld);
            for (size_t i = 0; i < m; i++)
                logq[at + i] += (double)(h[p + (size_t)c[j * ld + at + i] * ld + i] - all[i]);
        }
}

VM_WIDE static void gumbel_soften(const struct code_shape *s, const float *h, const float *eps, float temperature,
                                  float *e, float *z, size_t n, size_t ld) {
    float one = sqrtf((float)s->codes), g[RUN] = {0}, all[RUN], factor = 1 / temperature;
    for (size_t j = 0; j < s->k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * s->codes * ld + at;
            for (size_t v = 0, q = p; v < s->codes; v++, q += ld) {
                gumbels(eps + q, g, m);
                for (size_t i = 0; i < m; i++)
                    e[q + i] = (h[q + i] + g[i]) * factor;
            }
            normalise(s->codes, e + p, all, m, ld);
        }
    for (size_t r = 0; r < s->zdim; r++)
        for (size_t i = 0; i < n; i++)
            z[r * ld + i] = one * e[r * ld + i];
}

/* d[n] = what comes back to value v of e: by z and, where they cost, by the codes. n <= RUN. */
VM_WIDE static void come_back(const struct code_back *b, float one, size_t at, float *d, size_t n) {
    for (size_t i = 0; i < n; i++)
        d[i] = one * b->dz[at + i];
    for (size_t i = 0; i < n && b->codes; i++)
        d[i] += b->codes[at + i];
}

/* d[n] = what comes back to value v of q: pull * log q + cost. n <= RUN. */
VM_WIDE static void cost_back(const struct code_back *b, const float *q, size_t at, float *d, size_t n) {
    for (size_t i = 0; i < n; i++)
        d[i] = q[at + i] < 1e-30f ? 1e-30f : q[at + i];
    vm_log(d, d, n);
    for (size_t i = 0; i < n; i++)
        d[i] = b->pull * d[i] + (b->cost ? b->cost[at + i] : 0);
}

/* dh += (d - sum p d) p / temperature: the way back through p = softmax of one code, whose rows begin at `at`; d is
 * what comes back to e or to q. n <= RUN. */
VM_WIDE static void through_softmax(const struct code_shape *s, const struct code_back *b, const float *p, bool soft,
                                    float temperature, size_t at, float *dh, size_t n, size_t ld) {
    float mean[RUN] = {0}, d[RUN], one = sqrtf((float)s->codes), factor = 1 / temperature;
    for (int turn = 0; turn < 2; turn++)
        for (size_t v = 0; v < s->codes; v++) {
            size_t row = at + v * ld;
            if (soft)
                come_back(b, one, row, d, n);
            else
                cost_back(b, p, row, d, n);
            for (size_t i = 0; i < n; i++)
                if (turn)
                    dh[row + i] += factor * p[row + i] * (d[i] - mean[i]);
                else
                    mean[i] += p[row + i] * d[i];
        }
}

static void gumbel_through_soft(const struct code_shape *s, const float *e, const float *q, float temperature,
                                const struct code_back *b, float *dh, size_t n, size_t ld) {
    for (size_t r = 0; r < s->outputs; r++)
        memset(dh + r * ld, 0, n * sizeof *dh);
    for (size_t j = 0; j < s->k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = j * s->codes * ld + at;
            through_softmax(s, b, e, true, temperature, p, dh, m, ld);
            through_softmax(s, b, q, false, 1, p, dh, m, ld);
        }
}

static const struct latent_codes codes = {
    .codes = 16, .shape = gumbel_shape, .code = gumbel_code, .place = gumbel_place, .spread = gumbel_spread,
    .log_chance = gumbel_log_chance, .soften = gumbel_soften, .through_soft = gumbel_through_soft,
};

const struct latent latent_gumbel = {
    .name = "gumbel", .about = "codes: draws from a softmax", .levels = 1, .codes = &codes,
};
