/*
 * labels.c - scores against labels: how well they rank, and what a threshold finds.
 *
 *   AUROC              P(score of an odd record > that of a normal one) + P(equal)/2            (Mann & Whitney)
 *   average precision  sum over thresholds of (recall_k - recall_(k-1)) precision_k; equal scores are one threshold
 *   cost               missed * (odd records below the threshold) + alarm * (normal ones at or above it)
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "schema/cell.h"
#include "model/model.h"

struct labelled {
    float score, p;
    unsigned char value; /* which of value[] */
    bool flagged;
};

struct vae_labels {
    const struct vae_head *head;
    struct vae_labels_opts opts;
    struct cell_missing missing;
    bool modelled;
    size_t field, score, p, anomaly; /* of the head */
    char *value[2];                  /* labels: with opts.positive that one is value[1] and all others are value[0] */
    size_t nvalues, count[2];
    struct labelled *row;
    size_t n, cap;
    uint64_t unlabelled;
};

void vae_labels_free(struct vae_labels *l) {
    if (!l)
        return;
    free(l->value[0]), free(l->value[1]), free(l->row);
    free(l);
}

static int find(const struct vae_head *h, const char *name, size_t *field, struct vae_err *err) {
    int f = rec_head_find(h, name);
    char text[80];
    *field = (size_t)f;
    if (f >= 0)
        return 0;
    return err_set(err, VAE_EDATA, "--label: there is no column '%s'", err_quote(text, sizeof text, name, strlen(name)));
}

struct vae_labels *vae_labels_open(const struct vae_head *head, const struct vae_model *m, const struct vae_labels_opts *o,
                                   struct vae_err *err) {
    struct vae_labels *l = mem_array(1, sizeof *l);
    if (!l) {
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    l->head = head, l->opts = *o;
    l->missing = (struct cell_missing){m->schema->missing, m->schema->nmissing};
    for (size_t c = 0; c < m->schema->ncols; c++)
        l->modelled = l->modelled || (!m->schema->col[c].condition && !strcmp(m->schema->col[c].name, o->column));
    if (!find(head, o->column, &l->field, err) && !find(head, "score", &l->score, err) && !find(head, "p", &l->p, err) &&
        !find(head, "anomaly", &l->anomaly, err)) {
        if (head->fields[l->field].width == 1)
            return l;
        err_set(err, VAE_EUSAGE, "--label: a label is one cell, and '%s' is an array", o->column);
    }
    vae_labels_free(l);
    return NULL;
}

/* The text of label i, perhaps in room[CELL_PLAIN]; n 0: it is missing. */
static const char *label(const struct vae_labels *l, const struct vae_batch *b, size_t i, char *room, size_t *n) {
    const struct rec_field *f = &l->head->fields[l->field];
    const struct rec_col *c = &b->cols[l->field];
    const char *p = room;
    if (f->type == REC_UTF8) {
        p = cell_text(c, i, b->quoted, room, n);
        *n = cell_is_missing(&l->missing, p, *n) ? 0 : *n;
        return p;
    }
    double v = rec_number(c, f->type, i);
    *n = isnan(v) ? 0 : (size_t)snprintf(room, CELL_PLAIN, "%.9g", v);
    return p;
}

/* Which value the label p[n] is. */
static int value_of(struct vae_labels *l, const char *p, size_t n, unsigned char *value, struct vae_err *err) {
    char text[3][60];
    if (l->opts.positive) {
        *value = strlen(l->opts.positive) == n && !memcmp(l->opts.positive, p, n);
        return 0;
    }
    size_t v = 0;
    while (v < l->nvalues && (strlen(l->value[v]) != n || memcmp(l->value[v], p, n) != 0))
        v++;
    if (v == 2)
        return err_set(err, VAE_EDATA, "--label %s: more than two values ('%s', '%s', '%s'); --positive says which is the odd one",
                       l->opts.column, err_quote(text[0], sizeof *text, l->value[0], strlen(l->value[0])),
                       err_quote(text[1], sizeof *text, l->value[1], strlen(l->value[1])), err_quote(text[2], sizeof *text, p, n));
    if (v == l->nvalues && !(l->value[l->nvalues++] = mem_text(p, n)))
        return err_set(err, VAE_EOS, "out of memory");
    *value = (unsigned char)v;
    return 0;
}

int vae_labels_put(struct vae_labels *l, const struct vae_batch *b, struct vae_err *err) {
    char room[CELL_PLAIN];
    const float *score = b->cols[l->score].data, *p = b->cols[l->p].data, *anomaly = b->cols[l->anomaly].data;
    int r = mem_grow(&l->row, &l->cap, l->n + b->rows, sizeof *l->row, err);
    for (size_t i = 0; i < b->rows && !r; i++) {
        size_t n;
        const char *text = label(l, b, i, room, &n);
        struct labelled *row = &l->row[l->n];
        if (isnan(score[i]) && isnan(p[i]) && !(anomaly[i] > 0)) /* its window is not whole */
            continue;
        if (n == 0) {
            l->unlabelled++;
            continue;
        }
        *row = (struct labelled){isnan(score[i]) ? INFINITY : score[i], p[i], 0, anomaly[i] > 0};
        r = value_of(l, text, n, &row->value, err);
        l->count[row->value] += !r;
        l->n += !r;
    }
    return r;
}

/* The odd value of two that were seen; *guessed: nothing tells but that it is rarer. */
static unsigned char odd_value(const struct vae_labels *l, bool *guessed) {
    static const char *const pair[][2] = {{"0", "1"}, {"false", "true"}, {"False", "True"}, {"FALSE", "TRUE"}, {"no", "yes"}};
    *guessed = false;
    for (size_t k = 0; k < sizeof pair / sizeof *pair; k++)
        for (unsigned char v = 0; v < 2; v++)
            if (!strcmp(l->value[v], pair[k][1]) && !strcmp(l->value[!v], pair[k][0]))
                return v;
    *guessed = true;
    return l->count[1] <= l->count[0];
}

static int by_score(const void *a, const void *b) {
    const struct labelled *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* From the highest score down, equal ones together. */
static void rank(struct vae_labels *l, unsigned char odd, struct vae_labels_report *r) {
    double hits = 0, alarms = 0, nodd = (double)r->odd, normal = (double)(r->rows - r->odd);
    r->auroc = r->average_precision = 0;
    r->cost = l->opts.missed > 0 ? l->opts.missed * nodd : (double)NAN;
    qsort(l->row, l->n, sizeof *l->row, by_score);
    for (size_t i = 0, end; i < l->n; i = end) {
        double here[2] = {0};
        for (end = i; end < l->n && !(l->row[end].score < l->row[i].score); end++)
            here[l->row[end].value == odd]++;
        hits += here[1];
        r->auroc += here[1] * (normal - alarms - here[0] / 2) / (nodd * normal);
        alarms += here[0];
        r->average_precision += here[1] / nodd * hits / (hits + alarms);
        double cost = l->opts.missed * (nodd - hits) + l->opts.alarm * alarms;
        /* between records of one p no alpha can cut */
        bool cut = end == l->n || !(l->row[end].p <= l->row[i].p);
        if (cut && cost < r->cost) {
            r->cost = cost, r->threshold = (double)l->row[i].score, r->alpha = (double)l->row[i].p;
            r->cost_flagged = (uint64_t)(hits + alarms), r->cost_found = (uint64_t)hits;
        }
    }
}

int vae_labels_report(struct vae_labels *l, struct vae_labels_report *r, struct vae_err *err) {
    unsigned char odd = 1;
    char text[80];
    *r = (struct vae_labels_report){.rows = l->n, .unlabelled = l->unlabelled, .modelled = l->modelled,
                                    .threshold = NAN, .alpha = NAN};
    if (!l->n)
        return err_set(err, VAE_EDATA, "--label %s: no record has a label", l->opts.column);
    if (!l->opts.positive && l->nvalues == 2)
        odd = odd_value(l, &r->guessed);
    const char *positive = l->opts.positive ? l->opts.positive : l->value[l->nvalues == 2 ? odd : 0];
    err_quote(text, sizeof text, positive, strlen(positive));
    if (l->opts.positive && (!l->count[1] || !l->count[0]))
        return err_set(err, VAE_EDATA, "--label %s: %s of the %zu labels is '%s': nothing to tell apart", l->opts.column,
                       l->count[1] ? "each" : "none", l->n, text);
    if (!l->opts.positive && l->nvalues < 2)
        return err_set(err, VAE_EDATA, "--label %s: each of the %zu labels is '%s': nothing to tell apart", l->opts.column, l->n,
                       text);
    snprintf(r->positive, sizeof r->positive, "%s", positive);
    r->odd = l->count[odd];
    for (size_t i = 0; i < l->n; i++) {
        r->flagged += l->row[i].flagged;
        r->found += l->row[i].flagged && l->row[i].value == odd;
    }
    rank(l, odd, r);
    return 0;
}
