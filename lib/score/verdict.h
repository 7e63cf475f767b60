/* verdict.h - what a score means: its p-value, and whether that makes the record an anomaly. */
#ifndef SCORE_VERDICT_H
#define SCORE_VERDICT_H

#include "model/model.h"
#include "score/tail.h"

struct verdict {
    const float *cal;  /* [n] calibration scores of the same kind, ascending; NULL: none, then there is no p */
    size_t n;
    bool beyond;       /* p goes on beyond them, by this */
    struct tail tail;
    double alpha;      /* p at or below it is an anomaly */
    double threshold;  /* and so is a score at or above this; +infinity: none is */
    bool raised;       /* the model's own alpha is below what its scores can show: the smallest they can is used */
};

/* For scores of this kind (not VAE_BY_AUTO), made of so many draws; opts->alpha wins over the model's own. VAE_EUSAGE where
 * the calibration scores cannot show the alpha that is asked for; with opts->tail VAE_EDATA where there is none. */
int verdict_set(struct verdict *, const struct vae_model *, enum vae_by, int draws, const struct vae_op_opts *, struct vae_err *);
double verdict_p(const struct verdict *, float score); /* NaN where there is none */

#endif
