/*
 * noise.c - the draws of N(0,1) behind scores, which all records share: so a score is a function of its record alone, but what
 * is off in the draws does not average out over records, and they had better be even.
 *
 * Draws come in pairs eps, -eps: what is odd in eps cancels in their mean. And the sizes of a latent over the pairs lie one in each
 * of as many parts of equal probability (Latin hypercube sampling, McKay et al. 1979): that settles all that is a sum of functions of
 * one latent each, but for the largest (Stein 1987). Each draw on its own is one of N(0,1), so importance-weighted bounds made of them
 * are bounds in expectation. Where all that is wanted is a mean, each latent's draws have mean square 1 besides.
 */
#include <math.h>

#include "base/rng.h"
#include "score/score.h"

double score_half_normal(double u) {
    enum { HALVINGS = 48, FAR = 9 };
    double low = 0, high = FAR;
    for (int i = 0; i < HALVINGS; i++) {
        double z = 0.5 * (low + high);
        if (erf(z * M_SQRT1_2) < u)
            low = z;
        else
            high = z;
    }
    return 0.5 * (low + high);
}

/* The mean square of latent j over the draws -> 1. */
static void scale(float *noise, size_t draws, size_t k, size_t j) {
    double square = 0;
    for (size_t a = 0; a < draws; a++)
        square += (double)noise[a * k + j] * (double)noise[a * k + j];
    float factor = (float)sqrt((double)draws / square);
    for (size_t a = 0; a < draws; a++)
        noise[a * k + j] *= factor;
}

void score_noise(float *noise, size_t draws, size_t k, bool mean) {
    enum { LEAST = 8, SEED = 1 }; /* fixed: the score of a record must not depend on anybody's option */
    size_t pairs = (draws + 1) / 2;
    for (size_t j = 0; j < k; j++) {
        for (size_t a = 0; a < pairs; a++) {
            double u[2];
            rng_uniform(u, 2, SEED, RNG_SCORE, 1 + j, a);
            double part = (double)rng_permute(a, pairs, SEED, RNG_SCORE, (UINT64_C(1) << 32) + j);
            float z = (float)score_half_normal((part + u[0]) / (double)pairs);
            noise[2 * a * k + j] = u[1] < 0.5 ? z : -z;
            if (2 * a + 1 < draws)
                noise[(2 * a + 1) * k + j] = u[1] < 0.5 ? -z : z;
        }
        if (mean && draws >= LEAST)
            scale(noise, draws, k, j);
    }
}
