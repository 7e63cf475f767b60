/* logistic.h - the logistic distribution, F(t) = sigmoid(t), in double and without cancellation. */
#ifndef LIK_LOGISTIC_H
#define LIK_LOGISTIC_H

#include <math.h>

/* log F(t). */
static inline double logistic_log(double t) { return t > 0 ? -log1p(exp(-t)) : t - log1p(exp(t)); }

/* log P(low < T < high), ends may be infinite: F(b) - F(a) = F(b) F(-a) (1 - exp(a - b)). */
static inline double logistic_log_between(double low, double high) {
    double inner = isinf(low) || isinf(high) ? 0 : log(-expm1(low - high));
    return (isinf(high) ? 0 : logistic_log(high)) + (isinf(low) ? 0 : logistic_log(-low)) + inner;
}

/* log of F(t) F(-t), the slope of F. */
static inline double logistic_log_slope(double t) { return -fabs(t) - 2 * log1p(exp(-fabs(t))); }

/* The t with P(low < T < t) = share of P(low < T < high). */
static inline double logistic_inverse(double low, double high, double share) {
    if (low > 0)
        return -logistic_inverse(-high, -low, 1 - share);
    double log_a = isinf(low) ? -INFINITY : logistic_log(low), log_b = isinf(high) ? 0 : logistic_log(high);
    double log_f = log_b + log(share + (1 - share) * exp(log_a - log_b));
    return log_f - log(-expm1(log_f));
}

#endif
