/* learn.h - fitting a net of its own to rows, beside the model. */
#ifndef NN_LEARN_H
#define NN_LEARN_H

#include "base/pool.h"
#include "base/rng.h"
#include "nn/nn.h"

enum { LEARN_COLUMNS = 512 + 16 }; /* of a pass, at most */

/* Columns col..col+n-1 of a pass over a batch; rows[n] of them. */
struct learn_shard {
    struct nn_work *pass;
    const float *w;
    const uint64_t *rows;
    size_t col, n, batch;
    uint64_t step;  /* 0: rows held out, to be seen with noise that never changes */
    double *loss;   /* [n] */
};

struct learn {
    const struct nn_net *net; /* placed from 0 on */
    float *w;                 /* as they start; the best in the end */
    size_t n, steps;
    uint64_t seed;
    enum rng_purpose purpose; /* of the order of the rows */
    double lr;
    bool all;                 /* no rows are held out, and the last weights are kept */
    struct pool *pool;
    /* From the rows to the output, loss[n], and the gradient of its mean over the batch in the output. */
    void (*shard)(void *ctx, const struct learn_shard *);
    void *ctx;
};
/* The weights that do best on the rows held out, the start weights among them. 0, VAE_EOS or VAE_ESTOP. */
int learn_net(const struct learn *, struct vae_err *);

#endif
