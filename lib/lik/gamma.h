/* gamma.h - log gamma, its differences and its derivative, in double, for x > 0. */
#ifndef LIK_GAMMA_H
#define LIK_GAMMA_H

#include <math.h>

static inline double gamma_log(double x) {
    int sign; /* lgamma() would write a global */
    return lgamma_r(x, &sign);
}

/* log gamma(x + r) - log gamma(x + 1), x > -1: by Stirling's series where the two are so large that their difference would
 * be lost. */
static inline double gamma_log_ratio(double x, double r) {
    if (x < 1e6)
        return gamma_log(x + r) - gamma_log(x + 1);
    double a = x + r, b = x + 1;
    return (a - 0.5) * log1p((r - 1) / b) + (r - 1) * (log(b) - 1) + (1 / a - 1 / b) / 12;
}

/* The recurrence up to 6, then the asymptotic series (Abramowitz & Stegun 6.3.18). */
static inline double gamma_digamma(double x) {
    double s = 0;
    for (; x < 6; x++)
        s -= 1 / x;
    double f = 1 / (x * x);
    return s + log(x) - 0.5 / x - f * (1.0 / 12 - f * (1.0 / 120 - f * (1.0 / 252 - f * (1.0 / 240 - f / 132))));
}

#endif
