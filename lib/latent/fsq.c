/*
 * fsq.c - finite scalar quantisation (Mentzer et al. 2023, 2309.15505): a code is one number of a few levels, or
 * several (240: three, of 8, 6 and 5), the encoder's outputs squeezed into their range and rounded. There is no
 * codebook to keep alive.
 *
 *   t = tanh(h)     u = (L t + L - 1) / 2 in (-1/2, L - 1/2)     level = round(u)
 *   z = (level - (L-1)/2) sqrt(12 / (L^2-1))
 *
 * so that levels have equal shares of the range of t, and z has variance 1 where they are used alike. The gradient
 * goes straight through the rounding (Bengio et al. 2013, 1308.3432); that of a cost is half the difference of the
 * levels beside.
 */
#include <math.h>

#include "base/vmath.h"
#include "latent/codes.h"

enum { RUN = 64, FEW_LEVELS = 8, MOST_LEVELS = 16 };

/* n as a product of `dims` numbers from 2 to `most`, falling, the largest as small as can be. */
static bool factor(size_t n, size_t dims, size_t most, size_t *level) {
    if (dims == 0)
        return n == 1;
    for (size_t l = 2; l <= most; l++)
        if (n % l == 0 && factor(n / l, dims - 1, l, level + 1)) {
            *level = l;
            return true;
        }
    return false;
}

/* As few numbers as can be, of few levels where that goes. */
static bool fsq_shape(struct code_shape *s) {
    for (size_t most = FEW_LEVELS; most <= MOST_LEVELS; most *= 2)
        for (s->dims = 1; s->dims <= CODES_MAX_DIMS; s->dims++)
            if (factor(s->codes, s->dims, most, s->level)) {
                s->outputs = s->zdim = s->k * s->dims;
                return true;
            }
    return false;
}

static float spacing(size_t levels) { return sqrtf(12 / ((float)(levels * levels) - 1)); }

VM_WIDE static void fsq_code(const struct code_shape *s, const float *w, const float *h, const float *eps, float *c,
                             size_t n, size_t ld) {
    (void)w, (void)eps;
    float t[RUN];
    for (size_t r = 0; r < s->outputs; r++) /* the first number of a code counts most */
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, j = r / s->dims, a = r % s->dims;
            float levels = (float)s->level[a], top = levels - 1, *to = c + j * ld + at;
            vm_tanh(t, h + r * ld + at, m);
            for (size_t i = 0; i < m; i++) {
                float u = floorf((levels * t[i] + levels) * 0.5f), level = u < 0 ? 0 : u < top ? u : top;
                to[i] = a ? to[i] * levels + level : level;
            }
        }
}

VM_WIDE static void fsq_place(const struct code_shape *s, const float *w, const float *c, float *z, size_t n,
                              size_t ld) {
    (void)w;
    for (size_t j = 0; j < s->k; j++) {
        float below = 1; /* values that the numbers behind this one make */
        for (size_t a = s->dims; a-- > 0; below *= (float)s->level[a]) {
            float levels = (float)s->level[a], middle = (levels - 1) / 2, step = spacing(s->level[a]);
            for (size_t i = 0; i < n; i++) {
                float rest = floorf(c[j * ld + i] / below), level = rest - levels * floorf(rest / levels);
                z[(j * s->dims + a) * ld + i] = (level - middle) * step;
            }
        }
    }
}

/* d cost / d level, half the difference of those beside it, of cost[code * ld]; `below` as above. */
static float slope(const float *cost, size_t ld, size_t code, size_t below, size_t levels) {
    size_t level = code / below % levels;
    bool up = level + 1 < levels, down = level > 0;
    float d = cost[(up ? code + below : code) * ld] - cost[(down ? code - below : code) * ld];
    return up && down ? d / 2 : d;
}

/* Number a of all codes. */
static void through_number(const struct code_shape *s, size_t a, size_t below, const float *h, const float *c,
                           const struct code_back *b, float *dh, size_t n, size_t ld) {
    float t[RUN], step = spacing(s->level[a]), half = (float)s->level[a] / 2;
    for (size_t j = 0; j < s->k; j++)
        for (size_t at = 0; at < n; at += RUN) {
            size_t m = n - at < RUN ? n - at : RUN, p = (j * s->dims + a) * ld + at;
            vm_tanh(t, h + p, m);
            for (size_t i = 0; i < m; i++)
                dh[p + i] = b->dz[p + i] * step;
            for (size_t i = 0; i < m && b->cost; i++) {
                size_t code = (size_t)c[j * ld + at + i], q = j * s->codes * ld + at + i;
                dh[p + i] += slope(b->cost + q, ld, code, below, s->level[a]);
                dh[p + i] += slope(b->codes + q, ld, code, below, s->level[a]);
            }
            for (size_t i = 0; i < m; i++)
                dh[p + i] *= half * (1 - t[i] * t[i]);
        }
}

static void fsq_through(const struct code_shape *s, const float *w, const float *h, const float *c,
                        const struct code_back *b, float *dh, size_t n, size_t ld) {
    (void)w;
    size_t below = 1;
    for (size_t a = s->dims; a-- > 0; below *= s->level[a])
        through_number(s, a, below, h, c, b, dh, n, ld);
}

static const struct latent_codes codes = {
    .codes = 8, .shape = fsq_shape, .code = fsq_code, .place = fsq_place, .through = fsq_through,
};

const struct latent latent_fsq = {
    .name = "fsq", .about = "codes: a few numbers of a few levels each, rounded", .levels = 1, .codes = &codes,
};
