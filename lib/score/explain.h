/*
 * explain.h - which columns of a record carry its score: what the record has there, what was to be expected given the other
 * columns, and how much of the score that is.
 */
#ifndef SCORE_EXPLAIN_H
#define SCORE_EXPLAIN_H

#include "model/expect.h"
#include "model/op.h"
#include "score/score.h"

struct explain_why {
    size_t item;              /* SIZE_MAX: the record has no more that could be explained */
    struct expected expected;
    double drop;              /* of the bound on -log p, when the item alone becomes what is expected of it */
    double share;             /* by VAE_BY_ELBO its -log p(x_item | z), of any other score the drop of that */
};

struct explain; /* buffers for one scorer, which must outlive it */
/* The k items that carry a score. pool may be NULL. NULL and err. */
struct explain *explain_new(const struct vae_model *, struct scorer *, size_t k, struct pool *, struct vae_err *);
void explain_free(struct explain *);
enum vae_by explain_by(const struct explain *);
size_t explain_count(const struct explain *);      /* k, or how many items there are */
const struct model_item *explain_items(const struct explain *);
/* Records x[rows[i],.] for i < n, parts[rows[i]] being what their score is of -> why[n,k], the largest drop first; equal drops
 * in the order of the columns. A record's is a function of it alone. */
void explain_run(struct explain *, const float *x, const uint64_t *rows, size_t n, const struct score_parts *parts,
                 struct explain_why *why);

/*
 * why.c: explanations as fields of a batch: for each of the k columns why1, why1_value, why1_expected, why1_spread, why1_share,
 * and so on; behind them `latent`, by VAE_BY_ELBO, and `rest`, which with the shares printed add up to the score.
 */
int why_head(struct vae_op *, size_t k, enum vae_by, struct vae_err *);
/* The next record of the output, number `at` of the batch being built, from field `field` on: record i of the batch b that was
 * read, row `row` of op->raw. why NULL: it has no score, and these are empty. */
int why_write(struct vae_op *, const struct explain *, size_t field, const struct vae_batch *b, size_t i, size_t row, size_t at,
              const struct explain_why *why, const struct score_parts *, struct vae_err *);

#endif
