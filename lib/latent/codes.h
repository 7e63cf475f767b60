/*
 * codes.h - families whose latents are codes: a record has k of them, each one of `codes` values, and z, what the
 * decoder is given for them. How probable codes are is up to a prior over them.
 *
 * Panels are feature-major: h[outputs,n] encoder outputs, eps[noise,n] standard normals, z[zdim,n], c[k,n] codes as
 * whole numbers. w[params] are parameters of the family's own.
 */
#ifndef LATENT_CODES_H
#define LATENT_CODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "latent/latent.h"

enum { CODES_MAX = 4096, CODES_MAX_DIMS = 6 };

struct code_shape {
    size_t k, codes;
    size_t outputs, zdim, noise, params;
    size_t dims, level[CODES_MAX_DIMS]; /* numbers that stand for a code; fsq: how many levels each of them has */
};

/* What comes back from a pass of the training. codes and cost are NULL where all codes cost alike. */
struct code_back {
    const float *dz;    /* [zdim,n] by z */
    const float *codes; /* [k * codes,n] by the codes one-hot, as the costs of those behind depend on them */
    const float *cost;  /* [k * codes,n] what each value of a code costs, given those before */
    float pull;         /* scale * beta: a nat of cost counts so much; in codes and cost it is in already */
};

struct latent_codes {
    size_t codes; /* values of a code, unless told */
    /* The rest of a shape that has k and codes; false: the family has no such codes. */
    bool (*shape)(struct code_shape *);

    /* The codes of h, the most probable ones; by eps (may be NULL) a draw, where q is not all in one place. */
    void (*code)(const struct code_shape *, const float *w, const float *h, const float *eps, float *c, size_t n,
                 size_t ld);
    void (*place)(const struct code_shape *, const float *w, const float *c, float *z, size_t n, size_t ld);
    /* dh, straight through what is not differentiable. */
    void (*through)(const struct code_shape *, const float *w, const float *h, const float *c,
                    const struct code_back *, float *dh, size_t n, size_t ld);

    /* Parameters of its own that no gradient changes, NULL for none: learn() moves those of position j after a step,
     * by a batch with its codes; `fresh`: what is out of use starts anew, as (seed, step) has it. */
    void (*learn)(const struct code_shape *, float *w, const float *h, const float *c, size_t j, bool fresh,
                  uint64_t seed, uint64_t step, size_t n, size_t ld);

    /* Where q is spread over the values of a code; NULL for the others. q[k * codes,n]; kl[i] += sum q log q, by[j]
     * (may be NULL) += that of each code over the records; logq[i] += log q(c). */
    void (*spread)(const struct code_shape *, const float *h, float *q, double *kl, double *by, size_t n, size_t ld);
    void (*log_chance)(const struct code_shape *, const float *h, const float *c, double *logq, size_t n, size_t ld);
    /* For the training a draw between the values, nearer to one of them where the temperature is low: e[k * codes,n],
     * each code's sum being 1, and z; and dh from e and q. */
    void (*soften)(const struct code_shape *, const float *h, const float *eps, float temperature, float *e, float *z,
                   size_t n, size_t ld);
    void (*through_soft)(const struct code_shape *, const float *e, const float *q, float temperature,
                         const struct code_back *, float *dh, size_t n, size_t ld);
};

#endif
