/*
 * vq.c - vector quantisation (van den Oord et al. 2017, 1711.00937): each position has a codebook of its own, and its
 * code is the nearest vector e_v to the encoder's h, which is what the decoder is given.
 *
 * The vectors follow the mean of what is given to them (EMA, appendix A.1 there); one that is hardly used starts anew
 * at an output of the encoder. The gradient goes straight through; beside it h is pulled, by L nats a unit squared,
 * to
 *
 *   sum_v q_v e_v        q_v ~ exp(-L |h - e_v|^2 - cost_v)
 *
 * nearly its own vector, but for those that cost less.
 *
 * Parameters of a position: e[codes,DIMS], then how many records of a batch each vector has had of late, [codes].
 */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/vmath.h"
#include "latent/codes.h"

enum { RUN = 64, DIMS = 8 };
static const float COMMIT = 0.25f, KEEP = 0.99f;
static const float DEAD = 0.02f; /* of what a vector would have if all had the same */

static bool vq_shape(struct code_shape *s) {
    s->dims = DIMS;
    s->outputs = s->zdim = s->k * DIMS;
    s->params = s->k * s->codes * (DIMS + 1);
    return s->codes > 1;
}

static size_t book(const struct code_shape *s, size_t j) { return j * s->codes * (DIMS + 1); }

/* d[n] = |h - e|^2, n <= RUN */
VM_WIDE static void distance(const float *e, const float *h, float *d, size_t n, size_t ld) {
    memset(d, 0, n * sizeof *d);
    for (size_t a = 0; a < DIMS; a++)
        for (size_t i = 0; i < n; i++) {
            float t = h[a * ld + i] - e[a];
            d[i] += t * t;
        }
}

static void vq_code(const struct code_shape *s, const float *w, const float *h, const float *eps, float *c, size_t n,
                    size_t ld) {
    (void)eps;
    float d[RUN], best[RUN] = {0};
    for (size_t j = 0; j < s->k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN;
            float *to = c + j * ld + at;
            for (size_t v = 0; v < s->codes; v++) {
                distance(w + book(s, j) + v * DIMS, h + j * DIMS * ld + at, d, m, ld);
                for (size_t i = 0; i < m; i++)
                    if (v == 0 || d[i] < best[i])
                        best[i] = d[i], to[i] = (float)v;
            }
        }
}

static void vq_place(const struct code_shape *s, const float *w, const float *c, float *z, size_t n, size_t ld) {
    for (size_t j = 0; j < s->k; j++)
        for (size_t i = 0; i < n; i++) {
            const float *e = w + book(s, j) + (size_t)c[j * ld + i] * DIMS;
            for (size_t a = 0; a < DIMS; a++)
                z[(j * DIMS + a) * ld + i] = e[a];
        }
}

/* dh += pull * 2 L (h - sum q_v e_v) of one position, m <= RUN records. */
VM_WIDE static void commit(const struct code_shape *s, const float *e, const float *h, const float *cost,
                           const float *codes, float pull, float *dh, size_t m, size_t ld) {
    float d[RUN], least[RUN], sum[RUN] = {0}, mean[DIMS][RUN] = {{0}};
    for (int turn = 0; turn < 2; turn++) /* the least energy first, so that no exp underflows */
        for (size_t v = 0; v < s->codes; v++) {
            distance(e + v * DIMS, h, d, m, ld);
            for (size_t i = 0; i < m; i++)
                d[i] = COMMIT * d[i] + (cost ? (cost[v * ld + i] + codes[v * ld + i]) / pull : 0);
            for (size_t i = 0; i < m && !turn; i++)
                least[i] = v && least[i] < d[i] ? least[i] : d[i];
            if (!turn)
                continue;
            for (size_t i = 0; i < m; i++)
                d[i] = least[i] - d[i];
            vm_exp(d, d, m);
            for (size_t i = 0; i < m; i++)
                sum[i] += d[i];
            for (size_t a = 0; a < DIMS; a++)
                for (size_t i = 0; i < m; i++)
                    mean[a][i] += d[i] * e[v * DIMS + a];
        }
    for (size_t a = 0; a < DIMS; a++)
        for (size_t i = 0; i < m; i++)
            dh[a * ld + i] += pull * 2 * COMMIT * (h[a * ld + i] - mean[a][i] / sum[i]);
}

static void vq_through(const struct code_shape *s, const float *w, const float *h, const float *c,
                       const struct code_back *b, float *dh, size_t n, size_t ld) {
    (void)c;
    for (size_t r = 0; r < s->outputs; r++)
        memcpy(dh + r * ld, b->dz + r * ld, n * sizeof *dh);
    for (size_t j = 0; j < s->k && b->pull > 0; j++) /* without a pull no cost is felt */
        for (size_t at = 0; at < n; at += RUN) {
            size_t p = j * DIMS * ld + at, q = j * s->codes * ld + at;
            commit(s, w + book(s, j), h + p, b->cost ? b->cost + q : NULL, b->codes ? b->codes + q : NULL, b->pull,
                   dh + p, n - at < RUN ? n - at : RUN, ld);
        }
}

/* sum[DIMS] of the h whose code is v; how many they are. */
static float gather(const float *h, const float *c, float v, float *sum, size_t n, size_t ld) {
    size_t here = 0;
    memset(sum, 0, DIMS * sizeof *sum);
    for (size_t i = 0; i < n; i++)
        if (c[i] == v) {
            here++;
            for (size_t a = 0; a < DIMS; a++)
                sum[a] += h[a * ld + i];
        }
    return (float)here;
}

static void vq_learn(const struct code_shape *s, float *w, const float *h, const float *c, size_t j, bool fresh,
                     uint64_t seed, uint64_t step, size_t n, size_t ld) {
    float *book_j = w + book(s, j), *count = book_j + s->codes * DIMS, even = (float)n / (float)s->codes, sum[DIMS];
    h += j * DIMS * ld;
    for (size_t v = 0; v < s->codes; v++) {
        float *e = book_j + v * DIMS, here = gather(h, c + j * ld, (float)v, sum, n, ld);
        double u;
        count[v] += (1 - KEEP) * (here - count[v]);
        for (size_t a = 0; a < DIMS && here > 0; a++) /* the mean, each record weighed with (1 - KEEP) KEEP^age */
            e[a] += (1 - KEEP) * (sum[a] - here * e[a]) / count[v];
        if (!fresh || count[v] >= DEAD * even)
            continue;
        rng_uniform(&u, 1, seed, RNG_CODEBOOK, step, j * s->codes + v);
        for (size_t a = 0; a < DIMS; a++)
            e[a] = h[a * ld + (size_t)(u * (double)n)];
        count[v] = even;
    }
}

static const struct latent_codes codes = {
    .codes = 16, .shape = vq_shape, .code = vq_code, .place = vq_place, .through = vq_through, .learn = vq_learn,
};

const struct latent latent_vq = {
    .name = "vq", .about = "codes: the nearest of the vectors in a codebook", .levels = 1, .codes = &codes,
};
