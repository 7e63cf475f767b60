/* filter.c - vae_score(): records in, scores and p-values out. */
#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/op.h"
#include "score/score.h"

struct score_state {
    struct scorer *scorer;
    struct score_parts *parts;
    size_t cap;
    size_t field; /* of score; p, anomaly and the parts stand behind it */
    bool row_column;
    const float *cal; /* calibration scores of the same kind, NULL for none */
    double threshold;
    struct vae_score_totals totals;
    double square, mean; /* Welford's moments of nll */
};

static void score_free(void *p) {
    struct score_state *s = p;
    scorer_free(s->scorer);
    free(s->parts);
    free(s);
}

static void total(struct score_state *s, const struct score_parts *p, double score, bool anomaly) {
    struct vae_score_totals *t = &s->totals;
    double nll = score_by(p, scorer_by(s->scorer) == VAE_BY_IW ? VAE_BY_IW : VAE_BY_ELBO), delta = nll - s->mean;
    t->rows++;
    t->anomalies += anomaly;
    t->max_score = t->rows == 1 || score > t->max_score ? score : t->max_score;
    s->mean += delta / (double)t->rows;
    s->square += delta * (nll - s->mean);
    t->mean_ess += (p->ess - t->mean_ess) / (double)t->rows;
}

/* partial[n]: records without a score, as rows of their windows are missing; NULL: there are none. */
static int score_write(struct vae_op *op, const bool *partial, size_t n, struct vae_err *err) {
    struct score_state *s = op->state;
    int r = rec_build_rows(op->build, n, err);
    if (r)
        return r;
    float *col[7];
    size_t ncol = op->opts.parts ? 7 : 3;
    for (size_t f = 0; f < ncol; f++)
        col[f] = rec_build_data(op->build, s->field + f);
    double *row = s->row_column ? rec_build_data(op->build, 0) : NULL;
    for (size_t i = 0; i < n; i++) {
        const struct score_parts *p = &s->parts[i];
        /* what is printed decides, so that equal scores have equal p */
        float score = (float)score_by(p, scorer_by(s->scorer));
        bool anomaly = !((double)score < s->threshold); /* a score that is no number is one, too */
        double pvalue = s->cal ? conformal_p(s->cal, op->m->cal.n, score) : NAN;
        double nll = scorer_by(s->scorer) == VAE_BY_IW ? -p->iw : -p->elbo;
        double value[7] = {(double)score, pvalue, anomaly, nll, p->recon, p->kl, p->mse};
        bool none = partial && partial[i];
        for (size_t f = 0; f < ncol; f++)
            col[f][i] = !none ? (float)value[f] : f == 2 ? 0 : NAN;
        if (row)
            row[i] = (double)(op->row + i + 1);
        if (none)
            s->totals.partial++;
        else
            total(s, p, (double)score, anomaly);
    }
    return 0;
}

static int score_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    struct score_state *s = op->state;
    int bad = op_read(op, b, from, n, err);
    if (bad && bad != VAE_EROW)
        return bad;
    if (*n > s->cap) {
        free(s->parts);
        s->cap = 0;
        s->parts = mem_array(*n, sizeof *s->parts);
        if (!s->parts)
            return err_set(err, VAE_EOS, "out of memory for %zu scores", *n);
        s->cap = *n;
    }
    scorer_run(s->scorer, op->x, NULL, *n, s->parts);
    int r = score_write(op, b->partial ? b->partial + from : NULL, *n, err);
    if (!r)
        r = op_carry(op, b, from, *n, err);
    return r ? r : bad;
}

/* [row or kept columns], score, p, anomaly and, where asked, the parts. */
static int score_head(struct vae_op *op, struct vae_err *err) {
    static const char *const name[] = {"score", "p", "anomaly", "nll", "recon", "kl", "mse"};
    struct score_state *s = op->state;
    if (op_keep_or_row(op, &s->row_column, err))
        return err ? err->code : VAE_EOS;
    s->field = op->head->nfields;
    for (size_t i = 0; i < (op->opts.parts ? 7 : 3); i++) {
        struct rec_field *f = rec_head_add(op->head, name[i], REC_F32, 0, NULL, err);
        if (!f)
            return VAE_EOS;
        f->decimals = i == 2 ? 0 : -1;
    }
    return 0;
}

static void set_threshold(struct vae_op *op) {
    struct score_state *s = op->state;
    const struct model_calibration *cal = &op->m->cal;
    double alpha = op->opts.alpha > 0 ? op->opts.alpha : cal->alpha, smallest;
    s->threshold = INFINITY;
    /* the bound of another number of draws has another distribution */
    bool like = scorer_by(s->scorer) != VAE_BY_IW || scorer_draws(s->scorer) == cal->draws;
    if (cal->n && like) {
        s->cal = cal->score + (size_t)(scorer_by(s->scorer) - 1) * cal->n;
        s->threshold = conformal_threshold(s->cal, cal->n, alpha, &smallest);
        if (alpha < smallest) {
            s->totals.alpha_raised = true;
            alpha = smallest;
            s->threshold = conformal_threshold(s->cal, cal->n, alpha, &smallest);
        }
    }
    s->totals.alpha = alpha;
    s->totals.threshold = s->threshold;
    s->totals.draws = scorer_draws(s->scorer);
}

struct vae_op *vae_score(const struct vae_model *m, const struct vae_head *in, const struct vae_op_opts *opts,
                         struct vae_err *err) {
    struct vae_op *op = op_new(m, in, "score", opts, err);
    if (!op)
        return NULL;
    struct score_state *s = op->state = mem_array(1, sizeof *s);
    op->run = score_run;
    op->free_state = score_free;
    if (!s)
        err_set(err, VAE_EOS, "out of memory");
    else if (!schema_bind(m->schema, in, &op->map, err) && !score_head(op, err) && !op_seal(op, false, err) &&
             (s->scorer = scorer_new(m, opts->by, opts->draws, op->pool, err))) {
        set_threshold(op);
        return op;
    }
    if (!s)
        op->free_state = NULL;
    vae_op_free(op);
    return NULL;
}

void vae_score_totals(const struct vae_op *op, struct vae_score_totals *out) {
    const struct score_state *s = op->state;
    *out = s->totals;
    double n = (double)out->rows;
    out->mean_nll = out->rows ? s->mean : NAN;
    out->se_nll = out->rows > 1 ? sqrt(s->square / (n - 1) / n) : NAN;
}
