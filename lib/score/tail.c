/*
 * tail.c - a generalised Pareto tail of the calibration scores: what is above a high threshold is nearly so distributed, for
 * nearly any distribution (Pickands 1975).
 *
 *   p(s) = 1/(n + 1) * P(X > s given X > top)      for s above top, the highest of n calibration scores
 *
 * Up to top p is the conformal one, exact whatever the distribution; the tail says only how it goes on from there, and both are
 * 1/(n + 1) at the joint.
 *
 * It is fitted to the min(n/5, 3 sqrt n) highest scores (the rule of Vehtari, Simpson, Gelman, Yao & Gabry, JMLR 25, 2024), as
 * they are above the next one, u, by the estimator of Zhang & Stephens (Technometrics 51, 2009): the mean of
 * theta = -shape/scale over a grid of quantiles of an empirical prior, each weighted by its profile likelihood. Nothing in it can
 * fail to converge, it is there for every shape, and it errs less on so few values than maximum likelihood and moments do.
 * A negative shape becomes 0, the exponential tail of the same mean: a lighter one would end.
 */
#include "score/tail.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

enum { LEAST = 100, DIFFERENT = 10 }; /* calibration scores; different ones among those it is fitted to */

/* The shape that is most likely with this theta: mean log(1 - theta x). */
static double shape_at(double theta, const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += log1p(-theta * x[i]);
    return sum / (double)n;
}

void tail_estimate(const double *x, size_t n, double *shape, double *scale) {
    enum { PRIOR = 3, GRID = 30 };
    double m = GRID + floor(sqrt((double)n)), quartile = x[n < 6 ? 0 : (n + 2) / 4 - 1], sum = 0, mean = 0, top = -INFINITY;
    for (double j = 1; j <= m; j++) {
        double theta = 1 / x[n - 1] + (1 - sqrt(m / (j - 0.5))) / (PRIOR * quartile), k = shape_at(theta, x, n);
        double l = (double)n * (log(-theta / k) - k - 1); /* log likelihood; 1/scale is -theta / k */
        if (isnan(l))
            continue; /* theta 0, which the grid all but never has */
        if (l > top) {
            double f = exp(top - l);
            sum *= f, mean *= f, top = l;
        }
        sum += exp(l - top), mean += theta * exp(l - top);
    }
    *shape = shape_at(mean / sum, x, n);
    *scale = -*shape * sum / mean;
}

/* As scores above u[0], the n behind it. */
static int fit_above(struct tail *t, const float *u, size_t n, struct vae_err *err) {
    double *x = mem_array(n, sizeof *x), mean = 0;
    if (!x)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < n; i++) {
        x[i] = (double)u[i + 1] - (double)u[0];
        mean += x[i] / (double)n;
    }
    tail_estimate(x, n, &t->shape, &t->scale);
    if (!(t->shape > 0))
        t->shape = 0, t->scale = mean;
    t->scale += t->shape * x[n - 1]; /* what is above the top is of the same shape again */
    free(x);
    return 0;
}

int tail_fit(struct tail *t, const float *cal, size_t n, struct vae_err *err) {
    size_t most = n / 5, k = (size_t)(3 * sqrt((double)n)), different = 1;
    if (n < LEAST)
        return err_set(err, VAE_EDATA, "--tail needs %d calibration scores, and the model has %zu: fit to more rows",
                       (int)LEAST, n);
    for (k = k < most ? k : most; k < n && cal[n - k] <= cal[n - k - 1]; k++)
        ; /* equal scores are on the same side of u */
    for (size_t i = n - k + 1; i < n; i++)
        different += cal[i] > cal[i - 1];
    if (k == n || different < DIFFERENT)
        return err_set(err, VAE_EDATA, "the %zu highest calibration scores are but %zu different ones: no tail can be fitted "
                       "to them (leave --tail out)", k, different);
    *t = (struct tail){.n = n, .top = (double)cal[n - 1]};
    return fit_above(t, cal + n - k - 1, k, err);
}

double tail_p(const struct tail *t, float s) {
    double x = ((double)s - t->top) / t->scale, above = t->shape > 0 ? exp(-log1p(t->shape * x) / t->shape) : exp(-x);
    return fmax(above / ((double)t->n + 1), (double)FLT_MIN); /* still above 0 where it is printed */
}

double tail_threshold(const struct tail *t, double alpha) {
    alpha = fmax(alpha, (double)FLT_MIN); /* the least p */
    double odds = -log(alpha * ((double)t->n + 1)), x = t->shape > 0 ? expm1(t->shape * odds) / t->shape : odds;
    float s = (float)fmin(t->top + t->scale * x, (double)FLT_MAX);
    while (s < FLT_MAX && tail_p(t, s) > alpha)
        s = nextafterf(s, INFINITY);
    while ((double)s > t->top && tail_p(t, nextafterf(s, -INFINITY)) <= alpha)
        s = nextafterf(s, -INFINITY);
    return (double)s;
}
