/* walk_kinds.c - where the points of a walk lie: between records, along axes, in a direction, around a record. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "gen/walk.h"

/* Point i of n + 1 from a to b. */
static double mix(double a, double b, uint64_t i, uint64_t n) {
    return ((double)(n - i) * a + (double)i * b) / (double)n;
}

static double dot(const float *a, const float *b, size_t k) {
    double sum = 0;
    for (size_t j = 0; j < k; j++)
        sum += (double)a[j] * (double)b[j];
    return sum;
}

static const double PARALLEL = 1e-6; /* sine of an angle below which floats do not tell in which plane it lies */

/* What to multiply the unit vectors of a and b by; false where there is no one way round. */
static bool turn(const float *a, const float *b, size_t k, double t, double *pa, double *pb) {
    double la = sqrt(dot(a, a, k)), lb = sqrt(dot(b, b, k)), cosine = dot(a, b, k) / (la * lb), sine2 = 0;
    if (!(la > 0) || !(lb > 0))
        return false;
    for (size_t j = 0; j < k; j++) { /* of the part of b that is square to a: exact for small angles, too */
        double off = (double)b[j] / lb - cosine * (double)a[j] / la;
        sine2 += off * off;
    }
    double sine = sqrt(sine2), angle = atan2(sine, cosine), length = (1 - t) * la + t * lb;
    if (!(sine > PARALLEL))
        return false;
    *pa = length * sin((1 - t) * angle) / sine / la;
    *pb = length * sin(t * angle) / sine / lb;
    return true;
}

void walk_between(const float *a, const float *b, size_t k, uint64_t i, uint64_t n, bool spherical, float *z) {
    double t = (double)i / (double)n, pa = (double)(n - i) / (double)n, pb = t;
    if (i == 0 || i == n) {
        memcpy(z, i ? b : a, k * sizeof *z);
        return;
    }
    if (spherical)
        turn(a, b, k, t, &pa, &pb);
    for (size_t j = 0; j < k; j++)
        z[j] = (float)(pa * (double)a[j] + pb * (double)b[j]);
}

/* ---- from record to record -------------------------------------------------------------------------------------- */

static bool begins(const struct walk *w) { return w->opts.pairs ? w->seen % 2 == 0 : w->seen == 0; }

static uint64_t line_points(const struct walk *w) { return begins(w) ? 1 : w->opts.steps - 1; }

static void line_point(const struct walk *w, uint64_t i, float *z, struct walk_point *p) {
    uint64_t n = w->opts.steps - 1, at = begins(w) ? n : i + 1;
    uint64_t leg = w->opts.pairs || !w->seen ? 0 : w->seen - 1;
    walk_between(w->before, w->z, w->k, at, n, w->opts.spherical, z);
    *p = (struct walk_point){
        .walk = w->opts.pairs ? w->seen / 2 : 0,
        .t = begins(w) ? 0 : (double)leg + (double)at / (double)n,
        .back = 2 * at < n,
    };
}

/* ---- along axes --------------------------------------------------------------------------------------------------- */

static uint64_t axes_points(const struct walk *w) { return (uint64_t)w->naxes * w->opts.steps; }

static void axes_point(const struct walk *w, uint64_t i, float *z, struct walk_point *p) {
    size_t which = (size_t)(i / w->opts.steps);
    *p = (struct walk_point){
        .walk = w->number * w->naxes + which,
        .t = mix(w->opts.from, w->opts.to, i % w->opts.steps, w->opts.steps - 1),
        .axis = w->axis[which],
    };
    memcpy(z, w->z, w->k * sizeof *z);
    z[p->axis] = (float)p->t;
}

/* ---- in a direction ----------------------------------------------------------------------------------------------- */

static uint64_t toward_points(const struct walk *w) { return w->opts.steps; }

static void toward_point(const struct walk *w, uint64_t i, float *z, struct walk_point *p) {
    *p = (struct walk_point){.walk = w->number, .t = mix(w->opts.from, w->opts.to, i, w->opts.steps - 1)};
    for (size_t j = 0; j < w->k; j++)
        z[j] = (float)((double)w->z[j] + p->t * w->dir[j]);
}

/* ---- around a record ---------------------------------------------------------------------------------------------- */

static uint64_t near_points(const struct walk *w) { return w->opts.draws; }

static void near_point(const struct walk *w, uint64_t i, float *z, struct walk_point *p) {
    *p = (struct walk_point){.walk = w->number, .t = (double)(i + 1)};
    rng_normals(w->eps, w->k, 1, 1, w->opts.seed, RNG_WALK, i, NULL, w->number);
    for (size_t j = 0; j < w->k; j++)
        z[j] = (float)((double)w->z[j] + w->opts.sd * (w->sd ? (double)w->sd[j] : 1) * (double)w->eps[j]);
}

const struct walk_kind walk_kinds[] = {
    [VAE_WALK_LINE] = {.points = line_points, .point = line_point},
    [VAE_WALK_AXES] = {.points = axes_points, .point = axes_point, .from = -3, .to = 3},
    [VAE_WALK_TOWARD] = {.points = toward_points, .point = toward_point, .from = 0, .to = 1},
    [VAE_WALK_NEAR] = {.points = near_points, .point = near_point},
};
