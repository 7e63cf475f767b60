/* why.c - explanations of scores as fields of a batch. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"
#include "score/explain.h"

enum { NAME, VALUE, EXPECTED, SPREAD, SHARE, NFIELDS }; /* of a column */
static const char *const part[NFIELDS] = {"", "_value", "_expected", "_spread", "_share"};

int why_head(struct vae_op *op, size_t k, enum vae_by by, struct vae_err *err) {
    char name[48];
    bool made = true;
    for (size_t i = 0; i < k * NFIELDS && made; i++) {
        snprintf(name, sizeof name, "why%zu%s", i / NFIELDS + 1, part[i % NFIELDS]);
        made = rec_head_add(op->head, name, i % NFIELDS < SPREAD ? REC_UTF8 : REC_F32, 0, NULL, err);
    }
    if (made && by == VAE_BY_ELBO)
        made = rec_head_add(op->head, "latent", REC_F32, 0, NULL, err);
    return made && rec_head_add(op->head, "rest", REC_F32, 0, NULL, err) ? 0 : VAE_EOS;
}

/* A text that is in CSV form, into a batch whose cells are or are not. */
static int put_text(struct vae_op *op, size_t field, char *text, size_t n, bool quoted, struct vae_err *err) {
    if (!quoted && n && *text == '"')
        n = rec_unquote(text, n, text);
    return rec_build_text(op->build, field, n ? text : "", n, err);
}

/* pixels17, as a table would call it; a column of a table by its name. */
static int put_name(struct vae_op *op, size_t field, const struct model_item *item, bool quoted, struct buf *cell,
                    struct vae_err *err) {
    const struct schema_col *col = &op->m->schema->col[item->column];
    cell->n = 0;
    int r = col->ndim ? buf_printf(cell, err, "%s%zu", col->name, item->v0 - col->v0 + 1)
                      : schema_quote(op->m->schema, col->name, strlen(col->name), cell, err);
    return r ? r : put_text(op, field, cell->p, cell->n, quoted, err);
}

/* The value as it stands in the input, where that is a table. */
static int put_value(struct vae_op *op, size_t field, const struct model_item *item, const struct vae_batch *b, size_t i,
                     const double *raw, struct buf *cell, struct vae_err *err) {
    int from = op->map.whole ? -1 : op->map.field[item->column];
    if (from >= 0 && op->in->fields[from].type == REC_UTF8) {
        size_t n;
        const char *p = rec_cell(&b->cols[from], i, &n);
        return rec_build_text(op->build, field, p, n, err);
    }
    char text[NUM_MAX];
    cell->n = 0;
    int r = op->m->schema->col[item->column].ndim ? buf_put(cell, text, num_put_double(text, raw[item->v0]), err)
                                                  : schema_put_cell(op->m->schema, item->column, raw + item->v0, cell, err);
    return r ? r : put_text(op, field, cell->p, cell->n, b->quoted, err);
}

static int put_expected(struct vae_op *op, size_t field, const struct model_item *item, const struct expected *expected,
                        bool quoted, struct buf *cell, struct vae_err *err) {
    const struct schema *s = op->m->schema;
    char text[NUM_MAX];
    double raw[ITEM_WIDTH];
    for (size_t k = 0; k < item->width; k++)
        raw[k] = schema_raw(s, item->v0 + k, expected->x[k]);
    cell->n = 0;
    int r = s->col[item->column].ndim ? buf_put(cell, text, num_put_float(text, (float)*raw), err)
                                      : schema_put_cell(s, item->column, raw, cell, err);
    return r ? r : put_text(op, field, cell->p, cell->n, quoted, err);
}

/* To four digits: more would be noise. */
static float rounded(double v) {
    if (!(fabs(v) > 0) || !isfinite(v))
        return (float)v;
    double unit = pow(10, floor(log10(fabs(v))) - 3);
    return (float)(nearbyint(v / unit) * unit);
}

int why_write(struct vae_op *op, const struct explain *e, size_t field, const struct vae_batch *b, size_t i, size_t row,
              size_t at, const struct explain_why *why, const struct score_parts *parts, struct vae_err *err) {
    size_t k = explain_count(e), last = field + k * NFIELDS;
    bool latent = explain_by(e) == VAE_BY_ELBO;
    double rest = why ? (double)(float)score_by(parts, explain_by(e)) : (double)NAN;
    struct buf cell = {0};
    int r = 0;
    for (size_t c = 0; c < k && !r; c++) {
        size_t f = field + c * NFIELDS;
        float *spread = rec_build_data(op->build, f + SPREAD), *share = rec_build_data(op->build, f + SHARE);
        spread[at] = share[at] = NAN;
        if (!why || why[c].item == SIZE_MAX) {
            for (size_t t = NAME; t <= EXPECTED && !r; t++)
                r = rec_build_text(op->build, f + t, "", 0, err);
            continue;
        }
        const struct model_item *item = &explain_items(e)[why[c].item];
        r = put_name(op, f + NAME, item, b->quoted, &cell, err);
        r = r ? r : put_value(op, f + VALUE, item, b, i, op->raw + row * op->m->schema->d, &cell, err);
        r = r ? r : put_expected(op, f + EXPECTED, item, &why[c].expected, b->quoted, &cell, err);
        spread[at] = rounded(why[c].expected.spread);
        share[at] = (float)why[c].share;
        rest -= (double)share[at];
    }
    if (latent) {
        float *kl = rec_build_data(op->build, last++);
        kl[at] = why ? (float)parts->kl : NAN;
        rest -= (double)kl[at];
    }
    ((float *)rec_build_data(op->build, last))[at] = (float)rest;
    buf_free(&cell);
    return r;
}
