/*
 * classify.c - vae_classify(): which level of a condition a record has.
 *
 *   p(c|x) = p(x|c) p(c) / sum over levels
 *
 * p(x|c) by the importance-weighted bound, every level with the same noise, so that what the noise does to one it does to all; p(c)
 * the share of the level among the training rows. Other conditions are told as they are in the record.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/op.h"
#include "score/score.h"

enum { CLASSIFY_DRAWS = 64 };

struct classify {
    struct scorer *scorer;
    struct score_parts *parts;
    size_t cap, col, nlevels;
    double *logp; /* [cap,nlevels] */
    bool row_column;
    size_t field; /* of the level; the probabilities stand behind it */
};

static void classify_free(void *state) {
    struct classify *s = state;
    scorer_free(s->scorer);
    free(s->parts), free(s->logp), free(s);
}

static int reserve(struct classify *s, size_t n, struct vae_err *err) {
    if (n <= s->cap)
        return 0;
    free(s->parts), free(s->logp);
    s->cap = 0;
    s->parts = mem_array(n, sizeof *s->parts);
    s->logp = mem_array(n, s->nlevels * sizeof *s->logp);
    if (!s->parts || !s->logp)
        return err_set(err, VAE_EOS, "out of memory for %zu records", n);
    s->cap = n;
    return 0;
}

/* logp[n,nlevels] = log p(x|c) p(c). */
static void score_levels(struct vae_op *op, size_t n) {
    struct classify *s = op->state;
    const struct schema *schema = op->m->schema;
    const struct schema_col *col = &schema->col[s->col];
    uint64_t total = 0;
    for (size_t l = 0; l < s->nlevels; l++)
        total += col->levels.count[l];
    for (size_t l = 0; l < s->nlevels; l++) {
        float x = schema_x(schema, col, col->v0, (double)l);
        for (size_t i = 0; i < n; i++)
            op->x[i * schema->d + col->v0] = x;
        scorer_run(s->scorer, op->x, NULL, n, s->parts);
        double prior = total ? log((double)col->levels.count[l] / (double)total) : 0;
        for (size_t i = 0; i < n; i++)
            s->logp[i * s->nlevels + l] = s->parts[i].iw + prior;
    }
}

/* The level of record i and the probabilities. */
static int write_record(struct vae_op *op, size_t i, struct vae_err *err) {
    struct classify *s = op->state;
    const double *logp = s->logp + i * s->nlevels;
    size_t best = 0;
    double sum = 0;
    for (size_t l = 1; l < s->nlevels; l++)
        best = logp[l] > logp[best] ? l : best;
    for (size_t l = 0; l < s->nlevels; l++)
        sum += exp(logp[l] - logp[best]);
    for (size_t l = 0; l < s->nlevels; l++)
        ((float *)rec_build_data(op->build, s->field + 1 + l))[i] = (float)(exp(logp[l] - logp[best]) / sum);
    if (s->row_column)
        ((double *)rec_build_data(op->build, op->nkeep))[i] = (double)(op->row + i + 1);
    struct buf cell = {0};
    double code = (double)best;
    int r = schema_put_cell(op->m->schema, s->col, &code, &cell, err);
    r = r ? r : rec_build_text(op->build, s->field, cell.n ? cell.p : "", cell.n, err);
    buf_free(&cell);
    return r;
}

static int classify_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    struct classify *s = op->state;
    int bad = op_read(op, b, from, n, err);
    if (bad && bad != VAE_EROW)
        return bad;
    int r = reserve(s, *n, err);
    r = r ? r : rec_build_rows(op->build, *n, err);
    if (!r)
        score_levels(op, *n);
    for (size_t i = 0; i < *n && !r; i++)
        r = write_record(op, i, err);
    r = r ? r : op_carry(op, b, from, *n, err);
    rec_build_quoted(op->build, true);
    return r ? r : bad;
}

/* The condition that is asked for: one with levels. */
static int find_condition(struct vae_op *op, struct vae_err *err) {
    struct classify *s = op->state;
    const struct schema *schema = op->m->schema;
    const char *name = op->opts.classify;
    size_t found = 0;
    for (size_t c = 0; c < schema->ncols; c++)
        if (schema->col[c].condition && schema->col[c].levels.n > 1 && (!name || !strcmp(name, schema->col[c].name)))
            s->col = c, found++;
    s->nlevels = found ? schema->col[s->col].levels.n : 0;
    char text[80];
    if (found == 1)
        return 0;
    if (name)
        return err_set(err, VAE_EUSAGE, "--classify: '%s' is no condition with levels (vae-fit -c, --label-from)",
                       err_quote(text, sizeof text, name, strlen(name)));
    return err_set(err, VAE_EUSAGE, found ? "--classify: the model has several conditions; name one (--class)"
                                          : "--classify: the model has no condition with levels (vae-fit -c, --label-from)");
}

/* [row or kept columns], the level under the name of its condition, p_ and each level's name. */
static int classify_head(struct vae_op *op, struct vae_err *err) {
    struct classify *s = op->state;
    const struct schema_col *col = &op->m->schema->col[s->col];
    int r = op_keep_or_row(op, &s->row_column, err);
    s->field = op->head->nfields;
    if (!r && !rec_head_add(op->head, col->name, REC_UTF8, 0, NULL, err))
        r = VAE_EOS;
    struct buf name = {0};
    for (size_t l = 0; l < s->nlevels && !r; l++) {
        name.n = 0;
        r = buf_printf(&name, err, "p_%s", col->levels.text[l]);
        struct rec_field *f = r ? NULL : rec_head_add(op->head, name.p, REC_F32, 0, NULL, err);
        r = f ? 0 : VAE_EOS;
    }
    buf_free(&name);
    return r;
}

struct vae_op *vae_classify(const struct vae_model *m, const struct vae_head *in, const struct vae_op_opts *opts,
                            struct vae_err *err) {
    struct vae_op *op = op_new(m, in, "score", opts, err);
    if (!op)
        return NULL;
    struct classify *s = op->state = mem_array(1, sizeof *s);
    op->free_state = s ? classify_free : NULL;
    op->run = classify_run;
    if (!s)
        err_set(err, VAE_EOS, "out of memory");
    else if (!schema_bind(m->schema, in, &op->map, err) && !find_condition(op, err) && !classify_head(op, err) &&
             !op_seal(op, false, err) &&
             (s->scorer = scorer_new(m, VAE_BY_IW, SCORE_ONLY, opts->draws > 0 ? opts->draws : CLASSIFY_DRAWS, op->pool, err)))
        return op;
    vae_op_free(op);
    return NULL;
}
