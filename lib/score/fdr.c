/*
 * fdr.c - vae_fdr(): anomalies of a batch of records so that at most a share q of them is false in the mean.
 *
 *   of m p-values in ascending order the k smallest are rejected, k = max { i : p_i <= q i / m }
 *
 * (Benjamini & Hochberg, JRSS B 57, 1995). p-values that share their calibration rows are not independent, but positively
 * dependent in the way that the procedure needs (Bates, Candes, Lei, Romano & Sesia, Ann. Statist. 51, 2023): the share is at most
 * q times that of the normal records, over new calibration rows and new records.
 */
#include "score/fdr.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/op.h"

struct fdr {
    double q, *p; /* [cap] of a batch, ascending */
    size_t batch, cap, p_field, anomaly_field;
    uint64_t batches, anomalies;
};

double fdr_cut(const double *p, size_t n, double q) {
    static const double slack = 1 + 1e-7; /* p is a float in a record: one that is q i / m must not be above it by that alone */
    for (size_t i = n; i > 0; i--)
        if (p[i - 1] <= q * (double)i / (double)n * slack)
            return p[i - 1];
    return -1;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The records that are held back get their anomalies. */
static int judge(struct vae_op *op, struct vae_err *err) {
    struct fdr *s = op->state;
    const float *p = rec_build_data(op->build, s->p_field);
    float *anomaly = rec_build_data(op->build, s->anomaly_field);
    int r = mem_grow(&s->p, &s->cap, op->held, sizeof *s->p, err);
    if (r)
        return r;
    size_t n = 0;
    for (size_t i = 0; i < op->held; i++) /* a record without p was not judged */
        if (!isnan(p[i]))
            s->p[n++] = (double)p[i];
    qsort(s->p, n, sizeof *s->p, by_value);
    double cut = fdr_cut(s->p, n, s->q);
    for (size_t i = 0; i < op->held; i++) {
        anomaly[i] = (double)p[i] <= cut;
        s->anomalies += anomaly[i] > 0;
    }
    s->batches++;
    return 0;
}

static int fdr_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    struct fdr *s = op->state;
    size_t room = s->batch ? s->batch - op->held : *n;
    *n = *n < room ? *n : room;
    int r = rec_build_rows(op->build, op->held + *n, err);
    for (size_t f = 0; f < op->head->nfields && !r; f++)
        r = rec_build_copy(op->build, f, &b->cols[f], from, *n, op->held, err);
    op->held += *n;
    op->given = 0;
    if (r || op->held != s->batch)
        return r;
    r = judge(op, err);
    op->given = op->held, op->held = 0;
    return r;
}

static void fdr_free(void *p) {
    struct fdr *s = p;
    free(s->p);
    free(s);
}

static void judged(const struct vae_op *op, struct vae_score_totals *t) {
    const struct fdr *s = op->state;
    t->fdr = s->q, t->batches = s->batches, t->anomalies = t->alarms = s->anomalies;
}

struct vae_op *vae_fdr(const struct vae_head *scores, double q, size_t batch, struct vae_err *err) {
    int p = rec_head_find(scores, "p"), anomaly = rec_head_find(scores, "anomaly");
    if (p < 0 || anomaly < 0 || scores->fields[p].type != REC_F32 || scores->fields[anomaly].type != REC_F32 || !(q > 0 && q < 1)) {
        err_set(err, VAE_EUSAGE, "a false discovery rate is for scores with p, and between 0 and 1");
        return NULL;
    }
    struct vae_op *op = op_plain(scores, "score", err);
    if (!op)
        return NULL;
    struct fdr *s = op->state = mem_array(1, sizeof *s);
    struct vae_head *head = rec_head_copy(scores, err);
    if (s && head) {
        *s = (struct fdr){.q = q, .batch = batch, .p_field = (size_t)p, .anomaly_field = (size_t)anomaly};
        rec_head_free(op->head);
        op->head = head;
        op->run = fdr_run, op->end = judge, op->judged = judged, op->free_state = fdr_free;
        if (!op_seal(op, false, err))
            return op;
    } else {
        rec_head_free(head);
        free(s);
        err_set(err, VAE_EOS, "out of memory");
    }
    vae_op_free(op);
    return NULL;
}
