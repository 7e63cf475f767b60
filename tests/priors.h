/* priors.h - a prior at work in a test: its draws and densities, a panel at a time. */
#ifndef PRIORS_H
#define PRIORS_H

#include "base/rng.h"
#include "prior/prior.h"
#include "test.h"

static inline void *alloc(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    if (!p)
        abort();
    return p;
}

struct at_work {
    const struct prior *p;
    struct prior_space space;
    size_t size;
    const float *param;
    void *work;
};

static inline struct at_work start(const struct prior *p, struct prior_space space, size_t size, const float *param) {
    struct vae_err err = {0};
    struct at_work w = {p, space, size, param, p->work ? p->work(&space, size, &err) : NULL};
    CHECK(!p->work || w.work, "%s: %s", p->name, err.msg);
    return w;
}

static inline void end(const struct at_work *w) {
    if (w->p->work_free)
        w->p->work_free(w->work);
}

/* Draws rows row0.. row0+15 -> z[16,k + told], of which what is told is there. */
static inline void draw16(const struct at_work *w, uint64_t seed, uint64_t row0, float temperature, float *z) {
    uint64_t rows[MAT_PANEL];
    for (size_t i = 0; i < MAT_PANEL; i++)
        rows[i] = row0 + i;
    w->p->sample(&w->space, w->size, w->param, seed, rows, temperature, w->work, z);
}

static inline void logp16(const struct at_work *w, const float *z, double *logp) {
    w->p->logp(&w->space, w->size, w->param, z, w->work, logp);
}

#endif
