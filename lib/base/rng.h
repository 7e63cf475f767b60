/*
 * rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). A number is a pure function of (seed, purpose, step, row, index), so any thread
 * may draw any of them in any order and a resumed run goes on with the same ones. Step and row count to 2^48,
 * index to 2^26; beyond, numbers repeat.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a stream of numbers is for; two purposes never share a number. Append only: models depend on it. */
enum rng_purpose {
    RNG_INIT = 1,    /* weights: step = parameter block */
    RNG_SHUFFLE,     /* order of rows: step = epoch */
    RNG_SPLIT,       /* rows held out, folds */
    RNG_LATENT,      /* posterior noise while training: step = optimiser step */
    RNG_VALID,       /* posterior noise of validation */
    RNG_SCORE,       /* posterior noise inside a score: row = draw, shared by all records */
    RNG_PRIOR,       /* draws from the prior: row = output row */
    RNG_LIK,         /* draws from p(x given z): row = output row */
    RNG_ENC,         /* vae-enc --sample */
    RNG_DROPOUT,     /* step = optimiser step */
    RNG_GMM,         /* start of the mixture */
    RNG_TEST,
    RNG_MASK,        /* what a training step hides: step = optimiser step; validation: row = row */
    RNG_PICK,        /* which particle is kept: step = particle, row = output row */
    RNG_FLOW,        /* training of the flow prior */
    RNG_VARY,        /* which columns of a given row are drawn anew */
    RNG_BLANK,       /* cells of new rows that are missing at random: step = column, row = output row */
    RNG_COMPARE,     /* samples of tables that are compared */
    RNG_CONDITION,   /* which conditions a training step drops; which ones a new record is told: row = output row */
    RNG_WALK,        /* neighbours of latents: step = neighbour, row = record */
    RNG_PLOT,        /* points of a scatter: row = record */
    RNG_MATCH,       /* draws from the prior that latents are held against: step = optimiser step, row = place in the batch */
    RNG_CODEBOOK,    /* where codes out of use start anew: step = optimiser step, row = code */
    RNG_EXEMPLAR,    /* which training rows are kept to compare with */
};

/* One Philox block: four 32-bit words for key `seed` and counter c. */
void rng_philox(uint64_t seed, const uint32_t c[4], uint32_t out[4]);

/* The four words of block `block` (< 2^24) for each of n <= RNG_BLOCK records: out[word][record]; numbers as below. */
enum { RNG_BLOCK = 64 };
void rng_words(uint32_t (*out)[RNG_BLOCK], size_t n, uint64_t seed, enum rng_purpose, uint64_t step,
               const uint64_t *rows, uint64_t row0, size_t block);

/* Uniform doubles in (0,1), 32 bits each: out[i] for (seed, purpose, step, row, i). */
void rng_uniform(double *out, size_t n, uint64_t seed, enum rng_purpose, uint64_t step, uint64_t row);

/* Standard normals by Box-Muller, feature-major: z[j*ld + i] for latent j < k of record i < n, whose number is
 * rows ? rows[i] : row0 + i. A record's numbers depend on its number alone, not on n, ld or its place. */
void rng_normals(float *z, size_t k, size_t n, size_t ld, uint64_t seed, enum rng_purpose, uint64_t step,
                 const uint64_t *rows, uint64_t row0);

/* The place of item i (< n) in the keyed permutation of 0..n-1: a four-round Feistel network with cycle walking. */
uint64_t rng_permute(uint64_t i, uint64_t n, uint64_t seed, enum rng_purpose, uint64_t step);

#endif
