/*
 * test_noise.c - the draws that all records share (score/noise.c): pairs of opposite signs, sizes one in each of as many parts of
 * equal probability, nothing in common between latents; and what is a sum over latents has nearly no error.
 */
#include <math.h>

#include "base/mem.h"
#include "score/score.h"
#include "test.h"

static void test_even(size_t draws, size_t k) {
    size_t pairs = (draws + 1) / 2, filled = 0, sign = 0;
    float *e = mem_floats(draws * k);
    bool *part = mem_array(pairs, sizeof *part);
    score_noise(e, draws, k, false);
    for (size_t j = 0; j < k; j++) {
        for (size_t a = 0; a < pairs; a++)
            part[a] = false;
        for (size_t a = 0; a < draws; a++) {
            double z = (double)e[a * k + j], u = erf(fabs(z) * M_SQRT1_2) * (double)pairs;
            part[(size_t)(u - 1e-6 > 0 ? u - 1e-6 : 0)] = true;
            CHECK(a % 2 == 0 || e[a * k + j] == -e[(a - 1) * k + j], "draw %zu of latent %zu has no opposite", a, j);
            sign += a % 2 == 0 && z > 0;
        }
        for (size_t a = 0; a < pairs; a++)
            filled += part[a];
    }
    CHECK(filled == pairs * k, "%zu draws of %zu latents: %zu parts of %zu", draws, k, filled, pairs * k);
    double half = 0.5 * (double)(pairs * k);
    CHECK(fabs((double)sign - half) < 5 * sqrt(half), "%zu of %zu first draws are positive", sign, pairs * k);
    free(e), free(part);
}

/* E of squares, fourth powers and a kink: eight independent sizes miss them by .5, 3.5 and .21; and latents have nothing to do with one
 * another. */
static void test_moments(void) {
    enum { DRAWS = 16, K = 40 };
    float e[DRAWS * K];
    double off[3] = {0}, both = 0;
    score_noise(e, DRAWS, K, true);
    for (size_t j = 0; j < K; j++) {
        double square = 0, fourth = 0, kink = 0, with = 0;
        for (size_t a = 0; a < DRAWS; a++) {
            double z = (double)e[a * K + j], next = (double)e[a * K + (j + 1) % K];
            square += z * z / DRAWS, fourth += z * z * z * z / DRAWS, kink += fabs(z) / DRAWS;
            with += (z * z - 1) * (next * next - 1) / DRAWS;
        }
        off[0] += (square - 1) * (square - 1) / K, off[1] += (fourth - 3) * (fourth - 3) / K;
        off[2] += (kink - 0.79788456) * (kink - 0.79788456) / K, both += with / K;
    }
    CHECK(sqrt(off[0]) < 1e-6 && sqrt(off[1]) < 2 && sqrt(off[2]) < 0.08, "off by %g, %g, %g", sqrt(off[0]), sqrt(off[1]), sqrt(off[2]));
    CHECK(fabs(both) < 0.35, "sizes of neighbouring latents go together: %g", both);
}

/* One draw is one of N(0,1). */
static void test_single(void) {
    enum { K = 4000 };
    float e[K];
    double sum = 0, square = 0;
    score_noise(e, 1, K, false);
    for (size_t j = 0; j < K; j++)
        sum += (double)e[j] / K, square += (double)e[j] * (double)e[j] / K;
    CHECK(fabs(sum) < 5 / sqrt(K) && fabs(square - 1) < 5 * sqrt(2.0 / K), "mean %g, mean square %g", sum, square);
}

int main(void) {
    test_even(16, 7);
    test_even(17, 3);
    test_even(1, 50);
    test_even(1000, 2);
    test_moments();
    test_single();
    return test_done();
}
