/*
 * rng.c - Philox4x32-10 and what is drawn with it. The counter of a block of four numbers:
 *
 *   c[0] = purpose << 24 | index / 4     index < 2^26
 *   c[1] = low half of step              step < 2^48
 *   c[2] = low half of row               row < 2^48
 *   c[3] = row >> 32 << 16 | step >> 32
 */
#include "base/rng.h"

#include <math.h>

#include "base/vmath.h"

/* Ten rounds, Salmon et al. 2011, section 3.3. */
void rng_philox(uint64_t seed, const uint32_t c[4], uint32_t out[4]) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32), x0 = c[0], x1 = c[1], x2 = c[2], x3 = c[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p = (uint64_t)x0 * 0xD2511F53u, q = (uint64_t)x2 * 0xCD9E8D57u;
        x0 = (uint32_t)(q >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)q;
        x2 = (uint32_t)(p >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = x0, out[1] = x1, out[2] = x2, out[3] = x3;
}

/* The four words of block `block` (index / 4). */
static void draw(uint32_t out[4], uint64_t seed, enum rng_purpose purpose, uint64_t step, uint64_t row, size_t block) {
    uint32_t c[4] = {(uint32_t)purpose << 24 | ((uint32_t)block & 0xffffff), (uint32_t)step, (uint32_t)row,
                     (uint32_t)(row >> 32) << 16 | (uint32_t)(step >> 32 & 0xffff)};
    rng_philox(seed, c, out);
}

VM_WIDE void rng_words(uint32_t (*out)[RNG_BLOCK], size_t n, uint64_t seed, enum rng_purpose purpose, uint64_t step,
                       const uint64_t *rows, uint64_t row0, size_t block) {
    for (size_t i = 0; i < n; i++) {
        uint64_t row = rows ? rows[i] : row0 + i;
        out[0][i] = (uint32_t)purpose << 24 | ((uint32_t)block & 0xffffff);
        out[1][i] = (uint32_t)step;
        out[2][i] = (uint32_t)row;
        out[3][i] = (uint32_t)(row >> 32) << 16 | (uint32_t)(step >> 32 & 0xffff);
    }
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) { /* rng_philox(), records across the lanes */
        for (size_t i = 0; i < n; i++) {
            uint64_t p = (uint64_t)out[0][i] * 0xD2511F53u, q = (uint64_t)out[2][i] * 0xCD9E8D57u;
            out[0][i] = (uint32_t)(q >> 32) ^ out[1][i] ^ k0;
            out[1][i] = (uint32_t)q;
            out[2][i] = (uint32_t)(p >> 32) ^ out[3][i] ^ k1;
            out[3][i] = (uint32_t)p;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

void rng_uniform(double *out, size_t n, uint64_t seed, enum rng_purpose purpose, uint64_t step, uint64_t row) {
    for (size_t i = 0; i < n; i += 4) {
        uint32_t w[4];
        draw(w, seed, purpose, step, row, i / 4);
        for (size_t j = i; j < i + 4 && j < n; j++)
            out[j] = (w[j - i] + 0.5) * 0x1p-32;
    }
}

/* Words 0,1 and 2,3 of a block each give two normals, sqrt(-2 log u) (cos, sin)(2 pi v): latents 4*block.. of n <=
 * RNG_BLOCK records. u is in (0,1] with 32 bits below, so the tails reach 6.7 sigma. */
static void normals(float *z, size_t k, size_t n, size_t ld, uint32_t (*words)[RNG_BLOCK]) {
    float u[2][RNG_BLOCK], v[2][RNG_BLOCK], s[2][RNG_BLOCK], c[2][RNG_BLOCK];
    for (size_t p = 0; p < 2 && 2 * p < k; p++) {
        for (size_t i = 0; i < n; i++) {
            u[p][i] = (float)words[2 * p][i] * 0x1p-32f + 0x1p-33f;
            v[p][i] = (float)(words[2 * p + 1][i] >> 8) * 0x1p-23f;
        }
        vm_log(u[p], u[p], n);
        vm_sincospi(s[p], c[p], v[p], n);
        for (size_t i = 0; i < n; i++) {
            float r = sqrtf(-2 * u[p][i]);
            c[p][i] *= r;
            s[p][i] *= r;
        }
        for (size_t i = 0; i < n; i++)
            z[2 * p * ld + i] = c[p][i];
        for (size_t i = 0; i < n && 2 * p + 1 < k; i++)
            z[(2 * p + 1) * ld + i] = s[p][i];
    }
}

void rng_normals(float *z, size_t k, size_t n, size_t ld, uint64_t seed, enum rng_purpose purpose, uint64_t step,
                 const uint64_t *rows, uint64_t row0) {
    uint32_t words[4][RNG_BLOCK];
    for (size_t at = 0; at < n; at += RNG_BLOCK) {
        size_t count = n - at < RNG_BLOCK ? n - at : RNG_BLOCK;
        for (size_t j = 0; j < k; j += 4) {
            rng_words(words, count, seed, purpose, step, rows ? rows + at : NULL, row0 + at, j / 4);
            normals(z + j * ld + at, k - j < 4 ? k - j : 4, count, ld, words);
        }
    }
}

uint64_t rng_permute(uint64_t i, uint64_t n, uint64_t seed, enum rng_purpose purpose, uint64_t step) {
    if (n < 2)
        return 0;
    /* Two unequal halves of together the fewest bits, so that a walk leaves 0..n-1 less than half the time. */
    unsigned bits = 64 - (unsigned)__builtin_clzll(n - 1), low = bits / 2;
    uint64_t low_mask = ((uint64_t)1 << low) - 1, high_mask = ((uint64_t)1 << (bits - low)) - 1;
    do {
        uint64_t l = i & low_mask, h = i >> low;
        for (size_t round = 0; round < 4; round++) {
            uint32_t w[4];
            draw(w, seed, purpose, step, round & 1 ? h : l,
                 0xfffffc + round); /* the last blocks: no index gets there */
            if (round & 1)
                l ^= w[0] & low_mask;
            else
                h ^= w[0] & high_mask;
        }
        i = h << low | l;
    } while (i >= n);
    return i;
}
