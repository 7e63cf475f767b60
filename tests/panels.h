/* panels.h - arrays of numbers for tests of networks; the caller frees them. */
#ifndef TESTS_PANELS_H
#define TESTS_PANELS_H

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"

static void *alloc(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

/* n numbers around 0, none within 0.05 of it, where relu has its kink. */
static void fill(float *x, size_t n, uint64_t what) {
    rng_normals(x, n, 1, 1, 99, RNG_TEST, what, NULL, 0);
    for (size_t i = 0; i < n; i++)
        x[i] = fabsf(x[i]) < 0.05f ? x[i] + copysignf(0.05f, x[i]) : x[i];
}

static float *filled(size_t n, float value) {
    float *p = alloc(n, sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = value;
    return p;
}

static bool close_to(double got, double want, double tol) {
    return fabs(got - want) <= tol * (1 + fabs(want));
}

#endif
