/*
 * gen.h - drawing records: from the prior, under conditions, around given ones, into gaps.
 *
 * Everything works on full panels of MAT_PANEL records; a record depends on the seed and its number alone.
 */
#ifndef GEN_GEN_H
#define GEN_GEN_H

#include "base/rec.h"
#include "model/op.h"

/* A prior to draw latents from, and one thread's room for that (draw.c). */
struct gen_prior {
    const struct prior *prior;
    struct prior_space space;
    size_t nparam;
    void *work;
    float *z; /* [MAT_PANEL,k + told] of the space */
};
/* name NULL: the model's own. VAE_EUSAGE where the model has no such prior, VAE_EOS. */
int gen_prior_open(struct gen_prior *, const struct vae_model *, const char *name, struct vae_err *);
void gen_prior_close(struct gen_prior *);
/* The same for each of n threads -> *g [n], to be closed also on failure. */
int gen_priors_open(struct gen_prior **g, size_t n, const struct vae_model *, const char *name, struct vae_err *);
void gen_priors_close(struct gen_prior *, size_t n); /* NULL is fine */
/* z of a full panel, by the numbers of its records, and given the conditions in pass->x where the prior is told such; the noise
 * is scaled by temperature. */
void gen_prior_draw(const struct gen_prior *, const struct vae_model *, struct model_pass *, uint64_t seed, const uint64_t *rows,
                    float temperature);

/* What may be drawn for each value: raw values of a range and, where there is a set, of its cells alone. */
struct gen_condition {
    bool on;          /* asked for by the user: counts in the weights, and is drawn first */
    bool gone, there; /* asked to be missing, or not to be, where that comes at random */
    double low, high; /* inclusive */
    bool *set;        /* [cells->n] or NULL: all cells */
};

struct gen_where {
    size_t d;
    struct gen_condition *value; /* [d] */
    size_t ncols;
    size_t *order;               /* [norder] modelled columns, those with conditions first, the chain's order among equals */
    size_t norder, nfirst;       /* nfirst: with conditions */
    size_t *told;                /* [ntold] which of the model's condition rows meet what is said of its conditions */
    size_t ntold;
    bool tells;                  /* something is said of these */
    bool *now;                   /* [workers,ncols] false; which columns a pass draws */
};
/* "age>=60" and the like, joined by commas or several of them; n 0: no condition. VAE_EUSAGE names what is wrong. */
int gen_where_parse(struct gen_where *, const struct vae_model *, size_t workers, char *const *text, size_t n,
                    struct vae_err *);
void gen_where_free(struct gen_where *);
/* raw[n,d] was drawn under the conditions: what rounding to float carried over an edge comes back. */
void gen_where_hold(const struct gen_where *, size_t n, double *raw);
/* Cells that are missing at random in the data are so in raw[n,d], too: those of record i by rows[i]. */
void gen_where_blank(const struct gen_where *, const struct schema *, uint64_t seed, const uint64_t *rows, size_t n, double *raw);
/* VAE_EUSAGE where something is said of columns that are no conditions of the model; what: the option that asks for that. */
int gen_where_told_only(const struct gen_where *, const struct vae_model *, const char *what, struct vae_err *);
/* No missing value may be drawn. */
int gen_where_no_blank(struct gen_where *, const struct vae_model *, struct vae_err *);

/* Which random numbers a panel of records gets, and which worker draws them. */
struct gen_key {
    uint64_t seed;
    size_t worker;
    uint64_t rows[MAT_PANEL];
};

/* Draws the columns order[from..to) of where that are absent in pass->seen, one group of the chain after the other, each
 * into pass->x and pass->seen; z is set. logw (may be NULL) += log P(condition). */
void gen_fill(const struct vae_model *, struct model_pass *, const struct gen_where *, size_t from, size_t to,
              const struct gen_key *, double *logw);
/*
 * told.c: the conditions of a panel's records -> pass->x. Those that `where` speaks of, and with `all` the others too: from a
 * training row that meets them, chosen by the record's number; where none does, each is drawn for itself.
 */
void gen_tell(const struct vae_model *, struct model_pass *, const struct gen_where *, const struct gen_key *, bool all);
/* Fills told[]. */
int gen_tell_prepare(struct gen_where *, const struct vae_model *, struct vae_err *);
/* Nothing is given but conditions: pass->seen all NaN, z is used. */
void gen_see_none(const struct vae_model *, struct model_pass *);

/*
 * Picks one of the particles offered, with probability in proportion to exp(logw), and the effective sample size of the
 * weights (Kong 1992): sampling-importance-resampling (Rubin 1987) without keeping them all.
 */
struct gen_pick {
    double top, sum, square;
    size_t offered;
};
void gen_pick_start(struct gen_pick *);
bool gen_pick_offer(struct gen_pick *, double logw, double u); /* u uniform in (0,1); true: this one, so far */
double gen_pick_ess(const struct gen_pick *);

#endif
