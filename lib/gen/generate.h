/* generate.h - the state of vae_generate(), and what it does with records that are given to it. */
#ifndef GEN_GENERATE_H
#define GEN_GENERATE_H

#include "base/num.h"
#include "gen/gen.h"

/* Records that were read whole. */
struct gen_given {
    size_t n;
    double *raw;      /* [n,d] input units */
    float *x;         /* [n,d] model units */
    double *feature;  /* [blocks,width,rows of a block] for distances, where they are asked for (near.c); raw and x are gone then */
    struct gen_near *near; /* [width] what the features are */
    size_t width;
    double distance;  /* squared: nearer than that (or equal) is a copy */
};
/* All rows of a reader; option is for messages. Bad ones are left out and counted in *bad, or with bad NULL end it. */
int gen_given_read(struct gen_given *, const struct vae_model *, struct vae_in *, const char *option, uint64_t *bad,
                   struct vae_err *);
void gen_given_free(struct gen_given *);

/* Record i of the panel becomes a variation of given row key->rows[i] modulo their number (given.c). */
void gen_vary_panel(struct vae_op *, struct model_pass *, const struct gen_given *, const struct gen_where *,
                    struct gen_key *);

/* What counts as near among these rows (near.c). */
int gen_near_distance(const struct vae_model *, struct gen_given *, struct pool *, struct vae_err *);
/* Rows of raw[n,d] that are no near-copies move to the front; *left is how many. 0 or VAE_EOS. */
int gen_drop_copies(const struct vae_model *, const struct gen_given *, double *raw, size_t n, size_t *left, struct pool *,
                    struct vae_err *);

/* The head of new records: the columns that are written (wide: those of rows before, too), behind them, as op->keep_out, the ones that
 * are carried. 0 or VAE_EOS. */
int gen_head(struct vae_op *, bool wide, struct vae_err *);

struct generate {
    size_t nworkers;
    struct gen_prior *prior; /* [nworkers] */
    struct gen_where where;
    struct gen_given like, avoid;
    float *ess, *draws; /* of the records of a call, under conditions */
    size_t ess_cap, draws_cap;
    uint64_t conditioned, written;
};

#endif
