/*
 * files.c - vae_files(): from the scores of records to one of each file.
 *
 * Of a file of n records, k = n/10 of them, rounded up, tell: those with the highest scores, so that a fault of a tenth of the file counts
 * as much as one of all of it.
 *
 *   score   the mean of the k highest
 *   p       min(1, p(k) n / k), p(k) the k-th smallest of the records' p: a p-value however the records of a file hang together
 *           (Rueger 1978; Vovk & Wang, Biometrika 107, 2020)
 *   anomaly p is at or below alpha, or below what the calibration scores can show so of a record
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/op.h"

enum { TENTH = 10 };

struct files {
    const struct vae_head *in;
    double alpha, least; /* of a file; the smallest p of a record */
    size_t score_in, p_in;
    int time_in;              /* -1: none */
    size_t file_out, frames_out, time_out, score_out, p_out, anomaly_out;
    struct rec_file now;      /* whose records are held */
    double *score, *p;        /* [cap] of them */
    size_t n, score_cap, p_cap;
    double most, time;        /* the highest score, and when it was */
    size_t ntext, *text;      /* other fields of text, and their cells in the file's first record */
    struct buf *cell;
    uint64_t files, anomalies;
};

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The mean of the k highest of x[n], which are sorted on the way; one that is no number is above all. */
static double top(double *x, size_t n, size_t k) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        x[i] = isnan(x[i]) ? INFINITY : x[i];
    qsort(x, n, sizeof *x, by_value);
    for (size_t i = n - k; i < n; i++)
        sum += x[i];
    return sum / (double)k;
}

/* The record of the file at hand. */
static int give(struct vae_op *op, struct vae_err *err) {
    struct files *s = op->state;
    size_t n = s->n, k = (n + TENTH - 1) / TENTH;
    const char *name = s->now.name ? s->now.name : "-";
    rec_build_reset(op->build);
    int r = rec_build_rows(op->build, 1, err);
    r = r ? r : rec_build_text(op->build, s->file_out, name, strlen(name), err);
    for (size_t i = 0; i < s->ntext && !r; i++)
        r = rec_build_text(op->build, s->file_out + 1 + i, s->cell[i].p, s->cell[i].n, err);
    if (r)
        return r;
    bool judged = n > 0 && !isnan(s->p[0]);
    double score = top(s->score, n, k);
    qsort(s->p, n, sizeof *s->p, by_value);
    double p = judged ? fmin(1, s->p[k - 1] * (double)n / (double)k) : NAN, least = s->least * (double)n / (double)k;
    bool anomaly = p <= fmax(s->alpha, least) * (1 + 1e-6); /* p is a float in a record */
    *(double *)rec_build_data(op->build, s->frames_out) = (double)n;
    *(float *)rec_build_data(op->build, s->score_out) = (float)score;
    *(float *)rec_build_data(op->build, s->p_out) = (float)p;
    *(float *)rec_build_data(op->build, s->anomaly_out) = anomaly;
    if (s->time_in >= 0)
        *(double *)rec_build_data(op->build, s->time_out) = s->time;
    s->files++, s->anomalies += anomaly;
    s->n = 0;
    return 0;
}

/* A record more of the file. */
static int add(struct files *s, const struct vae_batch *b, size_t i, struct vae_err *err) {
    int r = mem_grow(&s->score, &s->score_cap, s->n + 1, sizeof *s->score, err);
    r = r ? r : mem_grow(&s->p, &s->p_cap, s->n + 1, sizeof *s->p, err);
    for (size_t t = 0; t < s->ntext && !r && s->n == 0; t++) {
        size_t len;
        const char *cell = rec_cell(&b->cols[s->text[t]], i, &len);
        s->cell[t].n = 0;
        r = buf_put(&s->cell[t], cell, len, err);
    }
    if (r)
        return r;
    double score = (double)((const float *)b->cols[s->score_in].data)[i];
    if (s->n == 0 || !(score <= s->most)) {
        s->most = score;
        s->time = s->time_in >= 0 ? rec_number(&b->cols[s->time_in], REC_F64, i) : 0;
    }
    s->score[s->n] = score;
    s->p[s->n++] = (double)((const float *)b->cols[s->p_in].data)[i];
    return 0;
}

static int files_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    struct files *s = op->state;
    op->given = 0;
    if (s->n && b->file.number != s->now.number) {
        *n = 0;
        op->given = 1, op->held = 0;
        return give(op, err);
    }
    s->now = b->file;
    int r = 0;
    for (size_t i = 0; i < *n && !r; i++)
        r = add(s, b, from + i, err);
    op->held = s->n > 0;
    return r;
}

static void files_free(void *p) {
    struct files *s = p;
    for (size_t i = 0; i < s->ntext && s->cell; i++)
        buf_free(&s->cell[i]);
    free(s->score), free(s->p), free(s->text), free(s->cell), free(s);
}

static int number(struct vae_op *op, const char *name, enum rec_type type, int decimals, size_t *at, struct vae_err *err) {
    struct rec_field *f = rec_head_add(op->head, name, type, 0, NULL, err);
    *at = op->head->nfields - 1;
    if (f)
        f->decimals = decimals;
    return f ? 0 : VAE_EOS;
}

static int head(struct vae_op *op, struct vae_err *err) {
    struct files *s = op->state;
    const struct vae_head *in = s->in;
    int r = rec_head_add(op->head, "file", REC_UTF8, 0, NULL, err) ? 0 : VAE_EOS;
    s->text = mem_array(in->nfields, sizeof *s->text), s->cell = mem_array(in->nfields, sizeof *s->cell);
    if (!s->text || !s->cell)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t f = 0; f < in->nfields && !r; f++) {
        if (in->fields[f].type != REC_UTF8 || !strcmp(in->fields[f].name, "file"))
            continue;
        s->text[s->ntext++] = f;
        struct rec_field *to = rec_head_add(op->head, in->fields[f].name, REC_UTF8, 0, NULL, err);
        r = to ? 0 : VAE_EOS;
    }
    r = r ? r : number(op, "records", REC_F64, 0, &s->frames_out, err);
    if (!r && s->time_in >= 0)
        r = number(op, "time", REC_F64, 3, &s->time_out, err);
    r = r ? r : number(op, "score", REC_F32, -1, &s->score_out, err);
    r = r ? r : number(op, "p", REC_F32, -1, &s->p_out, err);
    return r ? r : number(op, "anomaly", REC_F32, -1, &s->anomaly_out, err);
}

static void judged(const struct vae_op *op, struct vae_score_totals *t) {
    const struct files *s = op->state;
    t->files = s->files, t->anomalies = t->alarms = s->anomalies;
}

struct vae_op *vae_files(const struct vae_head *scores, double alpha, double least, struct vae_err *err) {
    int score = rec_head_find(scores, "score"), p = rec_head_find(scores, "p"), time = rec_head_find(scores, "time");
    if (score < 0 || p < 0 || scores->fields[score].type != REC_F32 || scores->fields[p].type != REC_F32) {
        err_set(err, VAE_EUSAGE, "scores of files are made of scores and p of their records");
        return NULL;
    }
    struct vae_op *op = op_plain(scores, "score", err);
    if (!op)
        return NULL;
    struct files *s = op->state = mem_array(1, sizeof *s);
    if (s) {
        *s = (struct files){.in = scores, .alpha = alpha, .least = least, .score_in = (size_t)score, .p_in = (size_t)p};
        s->time_in = time >= 0 && scores->fields[time].type == REC_F64 ? time : -1;
        op->run = files_run, op->end = give, op->judged = judged, op->free_state = files_free;
        if (!head(op, err) && !op_seal(op, false, err))
            return op;
    } else {
        err_set(err, VAE_EOS, "out of memory");
    }
    vae_op_free(op);
    return NULL;
}
