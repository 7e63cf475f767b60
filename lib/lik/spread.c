/* spread.c - start values, floors and settling of a location and a scale (spread.h). */
#include "lik/spread.h"

/* What o' starts at: theta is as far below the log of the marginal's scale. */
static const float SPREAD_START = 1.8545865f;
static const double SPREAD_BELOW = 2;
static const double LEAST = 1e-6; /* the floor where there is none */

void spread_location(const struct lik_block *b, const float *o, const float *theta, float *out, size_t n, size_t ld) {
    (void)theta;
    for (size_t j = 0; j < b->nx; j++)
        for (size_t i = 0; i < n; i++)
            out[j * ld + i] = spread_mean(b, o, j, ld)[i];
}

/* theta of value j. */
static float *log_scale(const struct lik_block *b, float *theta, size_t j) {
    return theta + (b->tied ? 0 : j * (size_t)b->lik->params);
}

void spread_start(const struct lik_block *b, const struct lik_marginals *m, double factor, float *bias, float *theta) {
    double square = 0;
    for (size_t j = 0; j < b->nx; j++) {
        bias[b->spread ? 2 * j : j] = (float)m->mean[j];
        if (b->spread)
            bias[2 * j + 1] = SPREAD_START;
        square += m->sd[j] * m->sd[j] / (double)b->nx;
    }
    for (size_t j = 0; j < (b->tied ? 1 : b->nx); j++) {
        double sd = b->tied ? sqrt(square) : m->sd[j];
        *log_scale(b, theta, j) = (float)(log(factor * (sd > LEAST ? sd : LEAST)) - (b->spread ? SPREAD_BELOW : 0));
    }
    spread_project(b, m, theta);
}

void spread_project(const struct lik_block *b, const struct lik_marginals *m, float *theta) {
    double lowest = INFINITY;
    for (size_t j = 0; j < b->nx; j++)
        lowest = m->floor[j] < lowest ? m->floor[j] : lowest;
    for (size_t j = 0; j < (b->tied ? 1 : b->nx); j++) {
        double floor = b->tied ? lowest : m->floor[j];
        float least = (float)log(floor > LEAST ? floor : LEAST), *t = log_scale(b, theta, j);
        if (!(*t >= least))
            *t = least;
    }
}

void spread_stat(const struct lik_block *b, const float *x, const float *o, int power, double *stat, size_t n,
                 size_t ld) {
    for (size_t j = 0; j < b->nx && !b->spread; j++)
        for (size_t i = 0; i < n; i++) {
            double t = (double)x[j * ld + i] - (double)o[j * ld + i], part = b->tied ? 1 / (double)b->nx : 1;
            if (isnan(t))
                continue;
            stat[b->tied ? 0 : j] += (power == 2 ? t * t : fabs(t)) * part;
            stat[b->nw + (b->tied ? 0 : j)] += part;
        }
}

void spread_settle(const struct lik_block *b, const double *stat, int power, double prior, float *theta) {
    for (size_t j = 0; j < b->nw; j++) {
        double old = exp(power * (double)theta[j]);
        theta[j] = (float)(log((stat[j] + prior * old) / (stat[b->nw + j] + prior)) / power);
    }
}
