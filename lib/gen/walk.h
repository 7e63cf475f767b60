/*
 * walk.h - walks among latents. A record gives some points, one after the other; a kind of walk says how many and where
 * they lie. All in plain double arithmetic in a fixed order, a point by itself: the same bytes for any chunking.
 */
#ifndef GEN_WALK_H
#define GEN_WALK_H

#include "base/rec.h"
#include "model/latents.h"

struct walk {
    struct vae_walk_opts opts;
    const struct walk_kind *kind;
    size_t k;
    size_t naxes, *axis; /* [naxes] latents to traverse, from 0 */
    double *dir;         /* [k] what a distance of 1 toward a value is */
    float *z, *before;   /* [k] the record at hand and the one before it */
    float *sd, *eps;     /* [k] NULL: 1 each; room for noise */
    uint64_t number;     /* of the record at hand, from opts.first_row */
    uint64_t seen;       /* records before it */
};

struct walk_point {
    uint64_t walk; /* which, from 0 */
    double t;      /* where on it */
    size_t axis;   /* of a traversal, from 0 */
    bool back;     /* nearer to the record before than to the one at hand */
};

struct walk_kind {
    uint64_t (*points)(const struct walk *); /* that the record at hand gives, at least one */
    void (*point)(const struct walk *, uint64_t i, float *z, struct walk_point *);
    double from, to; /* range where none is asked for */
};
extern const struct walk_kind walk_kinds[]; /* by enum vae_walk_kind */

/* The point i/n of the way from a[k] to b[k], the ends exactly: on the straight line; or spherical: directions turn at an even
 * rate about the origin (slerp, Shoemake 1985) and lengths change evenly, on the straight line where one of the two has no
 * length or they point the same or opposite ways. */
void walk_between(const float *a, const float *b, size_t k, uint64_t i, uint64_t n, bool spherical, float *z);

/* The direction toward opts->toward among the latents of opts->labelled -> dir[k]; `in` (may be NULL) names the model that they
 * must be of. Counts bad records in *bad where opts->skip_bad. VAE_EUSAGE names what is wrong with the column or its value. */
int walk_toward(const struct vae_walk_opts *, const struct vae_head *in, size_t k, double *dir, uint64_t *bad, struct vae_err *);

/* The normal w of the plane by which ridge-logistic regression tells z[n,k] with is[i] from those without, as far as dir[k], the
 * way between the means, goes along it: dir = w (w.dir) / (w.w). */
int walk_logistic(const float *z, const bool *is, size_t n, size_t k, double *dir, struct vae_err *);

#endif
