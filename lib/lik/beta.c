/* beta.c - the regularised incomplete beta function by its continued fraction (Press et al., "Numerical Recipes", 6.4). */
#include "lik/beta.h"

#include <math.h>

#include "lik/gamma.h"

enum { TERMS = 10000 }; /* some sqrt(a) or sqrt(b) of them are needed, whichever is smaller */

static double fraction(double a, double b, double x) {
    double c = 1, d = 1 / fmax(1 - (a + b) * x / (a + 1), 1e-300), h = d;
    for (int m = 1; m <= TERMS; m++) {
        for (int odd = 0; odd < 2; odd++) {
            double k = m, f = odd ? -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
                                  : k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k));
            d = 1 + f * d, c = 1 + f / c;
            d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d), c = fabs(c) < 1e-300 ? 1e-300 : c;
            h *= d * c;
        }
        if (fabs(d * c - 1) < 1e-15)
            break;
    }
    return h;
}

static double log_of(double x, double y) { return x < 0.5 ? log(x) : log1p(-y); }

/* x left of the mean, where the fraction converges. */
static double lower(double a, double b, double x, double y) {
    double gammas = a > b ? gamma_log_ratio(a - 1, b + 1) - gamma_log(b) : gamma_log_ratio(b - 1, a + 1) - gamma_log(a);
    return gammas + a * log_of(x, y) + b * log_of(y, x) + log(fraction(a, b, x)) - log(a);
}

double beta_log(double a, double b, double x, double y) {
    if (!(x > 0 && y > 0))
        return y > 0 ? -INFINITY : 0;
    return x < (a + 1) / (a + b + 2) ? lower(a, b, x, y) : log1p(-fmin(exp(lower(b, a, y, x)), 1));
}
