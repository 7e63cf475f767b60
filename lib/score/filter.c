/* filter.c - vae_score(): records in, scores and p-values out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/op.h"
#include "score/benign.h"
#include "score/drift.h"
#include "score/explain.h"
#include "score/persist.h"
#include "score/verdict.h"

enum { MEMORY_MAX = 1 << 20 }; /* bytes of what the run before gave */

/* What a record is found to be. */
struct finding {
    float score;
    bool anomaly, benign, alarm; /* benign: it would be an anomaly, but is like a known record */
    bool partial;                /* it is nothing, as rows of its window are missing */
};

/* The columns behind the kept ones; some are there only where they are asked for. */
enum { SCORE, P, ANOMALY, ALARM, BENIGN, NLL, RECON, KL, MSE, NCOLUMNS };
static const char *const column_name[NCOLUMNS] = {"score", "p", "anomaly", "alarm", "benign",
                                                "nll",   "recon", "kl", "mse"};
static bool is_flag(int column) { return column == ANOMALY || column == ALARM || column == BENIGN; }

struct score_state {
    struct scorer *scorer;
    struct score_parts *parts;
    struct finding *found; /* [cap] */
    size_t *pick; /* the records that are written */
    size_t cap;
    size_t field; /* of the first of the columns, score */
    size_t ncolumns;
    int column[NCOLUMNS];
    bool alarms; /* asked for: they are what is written alone, not anomalies */
    struct persist persist;
    struct drift *drift;   /* NULL: not watched */
    struct benign *benign; /* NULL: none are known */
    bool row_column;
    struct verdict verdict;
    struct vae_score_totals totals;
    double square, mean; /* Welford's moments of nll */
    struct explain *explain; /* NULL: not asked for */
    size_t why_field;
    uint64_t *why_row;       /* [why_cap] records to be explained, and why they are odd: [why_cap,K] */
    struct explain_why *why;
    size_t row_cap, why_cap;
};

static void score_free(void *p) {
    struct score_state *s = p;
    explain_free(s->explain);
    scorer_free(s->scorer);
    persist_free(&s->persist);
    benign_free(s->benign);
    drift_free(s->drift);
    free(s->parts), free(s->found), free(s->pick), free(s->why_row), free(s->why);
    free(s);
}

static void total(struct score_state *s, const struct score_parts *p, const struct finding *v) {
    struct vae_score_totals *t = &s->totals;
    double score = (double)v->score;
    double nll = score_by(p, scorer_by(s->scorer) == VAE_BY_IW ? VAE_BY_IW : VAE_BY_ELBO), delta = nll - s->mean;
    t->rows++;
    t->anomalies += v->anomaly;
    t->alarms += v->alarm;
    t->benign += v->benign;
    t->max_score = t->rows == 1 || score > t->max_score ? score : t->max_score;
    s->mean += delta / (double)t->rows;
    s->square += delta * (nll - s->mean);
    t->mean_ess += (p->ess - t->mean_ess) / (double)t->rows;
}

/* partial[n]: records without a score, as rows of their windows are missing; NULL: there are none. Finds what each of n records is, counts
 * them all, and picks those to write; how many. */
static size_t judge(struct vae_op *op, const bool *partial, size_t n) {
    struct score_state *s = op->state;
    size_t picked = 0;
    for (size_t i = 0; i < n; i++) {
        struct finding *v = &s->found[i];
        if (partial && partial[i]) {
            *v = (struct finding){.score = NAN, .partial = true};
            s->totals.partial++;
            if (!op->opts.only)
                s->pick[picked++] = i;
            continue;
        }
        v->partial = false;
        /* what is printed decides, so that equal scores have equal p */
        v->score = (float)score_by(&s->parts[i], scorer_by(s->scorer));
        v->anomaly = !((double)v->score < s->verdict.threshold); /* a score that is no number is one, too */
        v->benign = v->anomaly && s->benign && benign_like(s->benign, op->raw + i * op->m->schema->d);
        v->anomaly = v->anomaly && !v->benign;
        v->alarm = persist_add(&s->persist, v->anomaly);
        total(s, &s->parts[i], v);
        if (!op->opts.only || (s->alarms ? v->alarm : v->anomaly))
            s->pick[picked++] = i;
    }
    return picked;
}

static int score_write(struct vae_op *op, size_t n, struct vae_err *err) {
    struct score_state *s = op->state;
    int r = rec_build_rows(op->build, n, err);
    if (r)
        return r;
    float *col[NCOLUMNS];
    for (size_t f = 0; f < s->ncolumns; f++)
        col[f] = rec_build_data(op->build, s->field + f);
    double *row = s->row_column ? rec_build_data(op->build, op->nkeep) : NULL;
    for (size_t k = 0; k < n; k++) {
        const struct score_parts *p = &s->parts[s->pick[k]];
        const struct finding *v = &s->found[s->pick[k]];
        double nll = scorer_by(s->scorer) == VAE_BY_IW ? -p->iw : -p->elbo;
        const double value[NCOLUMNS] = {(double)v->score, verdict_p(&s->verdict, v->score), v->anomaly, v->alarm, v->benign,
                                        nll, p->recon, p->kl, p->mse};
        for (size_t f = 0; f < s->ncolumns; f++)
            col[f][k] = !v->partial ? (float)value[s->column[f]] : is_flag(s->column[f]) ? 0 : NAN;
        if (row)
            row[k] = (double)(op->row + s->pick[k] + 1);
    }
    return 0;
}

/* Why the records that are written are odd. */
static int explain_write(struct vae_op *op, const struct vae_batch *b, size_t from, size_t n, struct vae_err *err) {
    struct score_state *s = op->state;
    size_t k = explain_count(s->explain);
    if (mem_grow(&s->why_row, &s->row_cap, n, sizeof *s->why_row, err) ||
        mem_grow(&s->why, &s->why_cap, n * k, sizeof *s->why, err))
        return VAE_EOS;
    size_t whole = 0, done = 0;
    for (size_t at = 0; at < n; at++)
        if (!s->found[s->pick[at]].partial)
            s->why_row[whole++] = s->pick[at];
    explain_run(s->explain, op->x, s->why_row, whole, s->parts, s->why);
    int r = 0;
    for (size_t at = 0; at < n && !r; at++) {
        size_t i = s->pick[at];
        const struct explain_why *why = s->found[i].partial ? NULL : s->why + done++ * k;
        r = why_write(op, s->explain, s->why_field, b, from + i, i, at, why, &s->parts[i], err);
    }
    return r;
}

static int reserve(struct score_state *s, size_t n, struct vae_err *err) {
    if (n <= s->cap)
        return 0;
    free(s->parts), free(s->found), free(s->pick);
    s->cap = 0;
    s->parts = mem_array(n, sizeof *s->parts);
    s->found = mem_array(n, sizeof *s->found);
    s->pick = mem_array(n, sizeof *s->pick);
    if (!s->parts || !s->found || !s->pick)
        return err_set(err, VAE_EOS, "out of memory for %zu scores", n);
    s->cap = n;
    return 0;
}

/* Columns of whole records. */
static void watch(struct drift *drift, const struct vae_op *op, const bool *partial, size_t n) {
    size_t d = op->m->schema->d;
    for (size_t from = 0, to; from < n; from = to) {
        bool none = partial && partial[from];
        for (to = from; to < n && (partial && partial[to]) == none;)
            to++;
        if (!none)
            drift_add(drift, op->raw + from * d, op->x + from * d, to - from);
    }
}

static int score_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    struct score_state *s = op->state;
    int bad = op_read(op, b, from, n, err);
    if (bad && bad != VAE_EROW)
        return bad;
    int r = reserve(s, *n, err);
    if (r)
        return r;
    const bool *partial = b->partial ? b->partial + from : NULL;
    if (s->drift)
        watch(s->drift, op, partial, *n);
    scorer_run(s->scorer, op->x, NULL, *n, s->parts);
    op->given = judge(op, partial, *n);
    r = score_write(op, op->given, err);
    if (!r && s->explain)
        r = explain_write(op, b, from, op->given, err);
    if (!r)
        r = op_carry_picked(op, b, from, s->pick, op->given, err);
    return r ? r : bad;
}

/* [row or kept columns], then the columns, and where asked for why. */
static int score_head(struct vae_op *op, struct vae_err *err) {
    struct score_state *s = op->state;
    const bool wanted[NCOLUMNS] = {[SCORE] = true, [P] = true, [ANOMALY] = true, [ALARM] = s->alarms,
                                   [BENIGN] = op->opts.benign, [NLL] = op->opts.parts,
                                   [RECON] = op->opts.parts, [KL] = op->opts.parts, [MSE] = op->opts.parts};
    if (op_keep_or_row(op, &s->row_column, err))
        return err ? err->code : VAE_EOS;
    s->field = op->head->nfields;
    for (int c = 0; c < NCOLUMNS; c++) {
        struct rec_field *f = wanted[c] ? rec_head_add(op->head, column_name[c], REC_F32, 0, NULL, err) : NULL;
        if (wanted[c] && !f)
            return VAE_EOS;
        if (f) {
            f->decimals = is_flag(c) ? 0 : -1;
            s->column[s->ncolumns++] = c;
        }
    }
    s->why_field = op->head->nfields;
    return s->explain ? why_head(op, explain_count(s->explain), scorer_by(s->scorer), err) : 0;
}

static int read_benign(struct vae_op *op, struct vae_err *err) {
    struct score_state *s = op->state;
    struct vae_in *in = op->opts.benign;
    if (in && !(s->benign = benign_new(op->m, in, op->opts.skip_bad ? &op->totals.bad_given : NULL, err)))
        return VAE_EDATA;
    return 0;
}

static int watch_drift(struct vae_op *op, struct vae_err *err) {
    struct score_state *s = op->state;
    struct vae_err own = {0};
    s->drift = op->opts.drift ? drift_new(op->m, &own) : NULL;
    return own.code ? err_set(err, own.code, "%s", own.msg) : 0;
}

static int set_verdict(struct vae_op *op, struct vae_err *err) {
    struct score_state *s = op->state;
    struct vae_score_totals *t = &s->totals;
    int r = verdict_set(&s->verdict, op->m, scorer_by(s->scorer), scorer_draws(s->scorer), &op->opts, err);
    t->alpha = s->verdict.alpha, t->threshold = s->verdict.threshold, t->alpha_raised = s->verdict.raised;
    t->approximate = s->verdict.beyond || json_object_get(op->m->schema->origin, "front");
    t->draws = scorer_draws(s->scorer), t->least_p = s->verdict.cal ? 1 / ((double)s->verdict.n + 1) : NAN;
    return r;
}

/* What the run before gave. */
static int remember(struct score_state *s, const char *memory, struct vae_err *err) {
    if (!memory || !*memory)
        return 0;
    json_t *j = js_load(memory, strlen(memory), MEMORY_MAX, "the memory of the last run", err);
    int r = j ? persist_load(&s->persist, j, err) : VAE_EDATA;
    if (!r && s->drift)
        r = drift_load(s->drift, json_object_get(j, "drift"), err);
    json_decref(j);
    return r;
}

char *vae_score_memory(const struct vae_op *op) {
    const struct score_state *s = op->state;
    struct buf text = {0};
    json_t *j = persist_save(&s->persist);
    int r = !j || (s->drift && json_object_set_new(j, "drift", drift_save(s->drift))) ? VAE_EOS : js_dump(j, &text, NULL);
    if (!r && text.n > MEMORY_MAX) { /* of thousands of columns: each run tells of its own */
        json_object_del(j, "drift");
        text.n = 0;
        r = js_dump(j, &text, NULL);
    }
    json_decref(j);
    char *copy = r ? NULL : mem_text(text.p, text.n);
    buf_free(&text);
    return copy;
}

struct vae_op *vae_score(const struct vae_model *m, const struct vae_head *in, const struct vae_op_opts *opts,
                         struct vae_err *err) {
    struct vae_op *op = op_new(m, in, "score", opts, err);
    if (!op)
        return NULL;
    struct score_state *s = op->state = mem_array(1, sizeof *s);
    op->run = score_run;
    op->free_state = score_free;
    if (s)
        s->alarms = opts->persist[0] || opts->cooldown;
    if (!s)
        err_set(err, VAE_EOS, "out of memory");
    else if (!persist_init(&s->persist, opts->persist[0], opts->persist[1], opts->cooldown, err) &&
             !schema_bind(m->schema, in, &op->map, err) &&
             (s->scorer = scorer_new(m, opts->by, opts->parts ? SCORE_LATENTS : SCORE_ONLY, opts->draws, op->pool, err)) &&
             (!opts->explain || (s->explain = explain_new(m, s->scorer, opts->explain, op->pool, err))) &&
             !score_head(op, err) && !op_seal(op, false, err) && !read_benign(op, err) && !watch_drift(op, err) &&
             !remember(s, opts->memory, err) && !set_verdict(op, err))
        return op;
    if (!s)
        op->free_state = NULL;
    vae_op_free(op);
    return NULL;
}

void vae_score_totals(const struct vae_op *op, struct vae_score_totals *out) {
    const struct score_state *s = op->state;
    *out = s->totals;
    double n = (double)out->rows, read = n + (double)out->partial;
    struct vae_drift column;
    out->missing = read > 0 ? (double)op->seen.missing / read / (double)op->m->schema->ncols : NAN;
    out->drift = s->drift && drift_rows(s->drift) ? 0 : NAN;
    for (size_t i = 0; vae_score_drift(op, i, &column); i++)
        if (column.drift > out->drift)
            out->drift = column.drift, out->drift_column = column.column;
    out->mean_nll = out->rows ? s->mean : NAN;
    out->se_nll = out->rows > 1 ? sqrt(s->square / (n - 1) / n) : NAN;
}

bool vae_score_drift(const struct vae_op *op, size_t i, struct vae_drift *out) {
    const struct score_state *s = op->state;
    return s->drift && drift_column(s->drift, i, out);
}
