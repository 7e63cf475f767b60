/* calibration.c - from scores to p-values and back: split conformal prediction (Vovk, Gammerman & Shafer 2005). */
#include "model/calibration.h"

#include <math.h>

double conformal_p(const float *cal, size_t n, float s) {
    size_t low = 0, high = n; /* cal[0..low) < s <= cal[high..n); a score that is no number is above all */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (cal[mid] >= s)
            high = mid;
        else
            low = mid + 1;
    }
    return (1 + (double)(n - low)) / ((double)n + 1);
}

double conformal_threshold(const float *cal, size_t n, double alpha, double *smallest) {
    *smallest = 1 / ((double)n + 1);
    /* p <= alpha iff at most m calibration scores are >= s: s above the (m+1)-th largest */
    double m = floor(alpha * ((double)n + 1) * (1 + 1e-12) - 1);
    if (m < 0)
        return INFINITY;
    if (m >= (double)n)
        return -INFINITY;
    return (double)nextafterf(cal[n - 1 - (size_t)m], INFINITY);
}
