/* windows.h - convolution and its transpose once more, in double and straight from the definition. */
#ifndef TESTS_WINDOWS_H
#define TESTS_WINDOWS_H

#include "nn/nn.h"

/* All pairs of a pixel of the small image and one of the large, and all their channels, of n records. down: x is the large
 * image and y the small one, else the other way round. */
static inline void windows_apply(const struct nn_window *v, bool down, const double *w, const double *x, double *y,
                                 size_t n) {
    struct nn_image l = v->large, s = v->small, to = down ? s : l;
    const double *bias = w + s.c * v->k * v->k * l.c;
    for (size_t i = 0; i < to.h * to.w * to.c * n; i++)
        y[i] = bias[i / n % to.c];
    for (size_t p = 0; p < s.h * s.w; p++)
        for (size_t q = 0; q < l.h * l.w; q++) { /* i and j: what is negative wraps and is large */
            size_t i = q / l.w + v->top - p / s.w * v->stride, j = q % l.w + v->left - p % s.w * v->stride;
            for (size_t o = 0; o < s.c && i < v->k && j < v->k; o++)
                for (size_t c = 0; c < l.c; c++)
                    for (size_t r = 0; r < n; r++) {
                        size_t small = (p * s.c + o) * n + r, large = (q * l.c + c) * n + r;
                        y[down ? small : large] += w[((o * v->k + i) * v->k + j) * l.c + c] * x[down ? large : small];
                    }
        }
}

#endif
