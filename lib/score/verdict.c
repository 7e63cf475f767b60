/* verdict.c - the calibration scores that a score is held against, and the threshold. */
#include "score/verdict.h"

#include <math.h>

#include "base/err.h"
#include "model/calibration.h"

/* 1/(n + 1), to be said in a message and then asked for: rounded up. */
static double to_say(double smallest) { return smallest * 1.0006; }

int verdict_set(struct verdict *v, const struct vae_model *m, enum vae_by by, int draws, const struct vae_op_opts *o,
                struct vae_err *err) {
    const struct model_calibration *cal = &m->cal;
    double smallest;
    *v = (struct verdict){.alpha = o->alpha > 0 ? o->alpha : cal->alpha, .threshold = INFINITY};
    /* the bound of another number of draws has another distribution */
    if (!cal->n || (by == VAE_BY_IW && draws != cal->draws))
        return !o->tail ? 0 : err_set(err, VAE_EDATA, "the model has no calibration for this score: --tail has nothing to go "
                                                      "on from");
    v->n = cal->n;
    v->cal = cal->score + (size_t)(by - 1) * cal->n;
    v->beyond = o->tail;
    int r = o->tail ? tail_fit(&v->tail, v->cal, v->n, err) : 0;
    v->threshold = conformal_threshold(v->cal, v->n, v->alpha, &smallest);
    if (r || v->threshold < INFINITY)
        return r;
    if (o->tail) {
        v->threshold = tail_threshold(&v->tail, v->alpha);
        return 0;
    }
    if (o->alpha > 0)
        return err_set(err, VAE_EUSAGE, "%zu calibration scores cannot show an alpha of %g, but %.4g at least: say that much "
                       "(--alpha), or --tail, or fit to more rows", v->n, v->alpha, to_say(smallest));
    v->raised = true;
    v->alpha = smallest;
    v->threshold = conformal_threshold(v->cal, v->n, smallest, &smallest);
    return 0;
}

double verdict_p(const struct verdict *v, float score) {
    if (!v->cal)
        return (double)NAN;
    /* a score that is no number is above all */
    return v->beyond && !((double)score <= v->tail.top) ? tail_p(&v->tail, isnan(score) ? INFINITY : score)
                                                        : conformal_p(v->cal, v->n, score);
}
