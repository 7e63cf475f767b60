/* decode.c - latents to records: the mean of p(x given z), or a draw from it; conditions as they were carried along, or as
 * --where says: the same content under another label. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "gen/gen.h"

struct decode {
    int field;          /* of the latents, a vector; -1: one text field a latent, cell[k] */
    int cell[MODEL_MAX_LATENT];
    int *condition;     /* [ncols] the field of a condition, -1: not there, or no condition */
    struct gen_where where;
};

static void decode_free(void *state) {
    struct decode *s = state;
    gen_where_free(&s->where);
    free(s->condition), free(s);
}

/* Latents op->x[first.., zdim], with the conditions in op->raw, -> op->raw[first.., d]. */
static void decode_panel(struct vae_op *op, struct model_pass *p, size_t first, size_t n) {
    const struct decode *s = op->state;
    const struct vae_model *m = op->m;
    size_t k = m->zdim, d = m->schema->d;
    struct gen_key key = {.seed = op->opts.seed, .worker = (size_t)(p - op->pass)};
    for (size_t i = 0; i < MAT_PANEL; i++) {
        size_t at = first + (i < n ? i : n - 1);
        key.rows[i] = op->row + first + i;
        for (size_t j = 0; j < k; j++)
            model_z(p)[j * p->ld + i] = op->x[at * k + j];
        for (size_t c = 0; c < m->conditions.width; c++) {
            size_t j = m->conditions.value[c];
            p->x[j * p->ld + i] = schema_x(m->schema, &m->schema->col[m->feature[j].column], j, op->raw[at * d + j]);
        }
    }
    gen_tell(m, p, &s->where, &key, false);
    op_fill(m, p, op->opts.sample, op->opts.seed, key.rows);
    op_to_input_units(m->schema, p, n, op->opts.sample, op->raw + first * d);
}

/* Conditions of record i, as they were carried along -> raw[d]. */
static int read_conditions(struct vae_op *op, const struct vae_batch *b, size_t i, double *raw, struct vae_err *err) {
    const struct decode *s = op->state;
    const struct schema *schema = op->m->schema;
    for (size_t c = 0; c < schema->ncols; c++) {
        const struct schema_col *col = &schema->col[c];
        if (!col->condition)
            continue;
        for (size_t j = 0; j < col->width; j++)
            raw[col->v0 + j] = NAN;
        if (s->condition[c] >= 0 &&
            schema_read_column(schema, c, b, op->in, (size_t)s->condition[c], i, raw + col->v0, &op->seen, err))
            return err->code;
    }
    return 0;
}

/* Latents of record i -> z[k]. */
static int read_latents(const struct vae_op *op, const struct vae_batch *b, size_t i, float *z, struct vae_err *err) {
    const struct decode *s = op->state;
    size_t k = op->m->zdim;
    for (size_t j = 0; j < k; j++) {
        if (s->field >= 0) {
            enum rec_type type = op->in->fields[s->field].type;
            const void *data = b->cols[s->field].data;
            z[j] = type == REC_F64 ? (float)((const double *)data)[i * k + j] : ((const float *)data)[i * k + j];
        } else {
            size_t len;
            double v = NAN;
            const char *p = rec_cell(&b->cols[s->cell[j]], i, &len);
            char plain[64];
            if (b->quoted && len > 1 && len <= sizeof plain && *p == '"')
                len = rec_unquote(p, len, plain), p = plain;
            if (num_parse(p, len, &v) != NUM_NUMBER) {
                char cell[60];
                return err_set(err, VAE_EROW, "latent z%zu: '%s' is not a number", j + 1,
                               err_quote(cell, sizeof cell, p, len));
            }
            z[j] = (float)v;
        }
        if (!isfinite(z[j]))
            return err_set(err, VAE_EROW, "latent z%zu is not finite", j + 1);
    }
    return 0;
}

static int decode_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    size_t k = op->m->zdim, good = 0;
    int bad = 0;
    while (good < *n && !(bad = read_latents(op, b, from + good, op->x + good * k, err)) &&
           !(bad = read_conditions(op, b, from + good, op->raw + good * op->m->schema->d, err)))
        good++;
    *n = good;
    int r = rec_build_rows(op->build, good, err);
    if (!r)
        r = op_carry(op, b, from, good, err);
    if (r)
        return r;
    op_panels(op, good, decode_panel);
    r = schema_write(op->m->schema, op->raw, good, 0, op->build, err);
    return r ? r : bad;
}

/* Finds the latents: the field mu (or the first numeric one that is not just carried) of k values, or k text columns
 * z1, z2, ... */
static int find_latents(struct vae_op *op, struct vae_err *err) {
    struct decode *s = op->state;
    size_t k = op->m->zdim;
    s->field = -1;
    for (size_t f = 0; f < op->in->nfields; f++) { /* a kept column may be called mu, too */
        const struct rec_field *field = &op->in->fields[f];
        if (field->type != REC_UTF8 && !field->keep && (s->field < 0 || !strcmp(field->name, "mu")))
            s->field = (int)f;
    }
    if (s->field >= 0) {
        const struct rec_field *f = &op->in->fields[s->field];
        if (f->type != REC_F32 && f->type != REC_F64)
            return err_set(err, VAE_EDATA, "latents are floats, not %s", rec_type_name(f->type));
        if (f->width != k)
            return err_set(err, VAE_EDATA, "expected %zu latents, got %zu; is this another model's stream?", k, f->width);
        return 0;
    }
    for (size_t j = 0; j < k; j++) {
        char name[24];
        snprintf(name, sizeof name, "z%zu", j + 1);
        s->cell[j] = rec_head_find(op->in, name);
        if (s->cell[j] < 0)
            return err_set(err, VAE_EDATA, "column '%s' is missing: this model has %zu latents", name, k);
    }
    return 0;
}

static int find_conditions(struct vae_op *op, struct vae_err *err) {
    struct decode *s = op->state;
    const struct schema *schema = op->m->schema;
    s->condition = mem_array(schema->ncols, sizeof *s->condition);
    if (!s->condition)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t c = 0; c < schema->ncols; c++)
        s->condition[c] = schema->col[c].condition ? rec_head_find(op->in, schema->col[c].name) : -1;
    return 0;
}

/* Carries what was kept, and the text columns that are no latents and no sd's. */
static int keep_others(struct vae_op *op, struct vae_err *err) {
    const struct decode *s = op->state;
    size_t k = op->m->zdim, n = op->in->nfields;
    bool *keep = mem_array(n + 1, sizeof *keep);
    if (!keep)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t f = 0; f < n; f++)
        keep[f] = (op->in->fields[f].type == REC_UTF8 || (op->in->fields[f].keep && (int)f != s->field)) &&
                  !op_is_condition(op, op->in->fields[f].name); /* written with the data */
    for (size_t j = 0; j < k && s->field < 0; j++) {
        char name[24];
        snprintf(name, sizeof name, "sd%zu", j + 1);
        int sd = rec_head_find(op->in, name);
        if (sd >= 0)
            keep[sd] = false;
        keep[s->cell[j]] = false;
    }
    int r = op_keep(op, keep, err);
    free(keep);
    return r;
}

static int check_model(const struct vae_op *op, struct vae_err *err) {
    const char *id = json_string_value(json_object_get(op->in->model, "id"));
    if (id && *op->m->id && strcmp(id, op->m->id))
        return err_set(err, VAE_EDATA, "these latents are of model %.12s, not of this one (%.12s)", id, op->m->id);
    return 0;
}

static int data_head(struct vae_op *op, struct vae_err *err) {
    rec_head_free(op->head);
    op->head = schema_head(op->m->schema, err);
    if (!op->head)
        return VAE_EOS;
    if (op->in->origin) { /* the stream knows the dialect of its own data better than the model does */
        json_decref(op->head->origin);
        op->head->origin = json_incref(op->in->origin);
    }
    return 0;
}

struct vae_op *vae_decode(const struct vae_model *m, const struct vae_head *in, const struct vae_op_opts *opts,
                          struct vae_err *err) {
    struct vae_op *op = op_new(m, in, "data", opts, err);
    if (!op)
        return NULL;
    op->run = decode_run;
    struct decode *s = op->state = mem_array(1, sizeof *s);
    op->free_state = s ? decode_free : NULL;
    if (!s)
        err_set(err, VAE_EOS, "out of memory");
    else if (!check_model(op, err) && !find_latents(op, err) && !find_conditions(op, err) && !data_head(op, err) &&
             !keep_others(op, err) &&
             !gen_where_parse(&s->where, m, pool_threads(op->pool), opts->where, opts->nwhere, err) &&
             !gen_where_told_only(&s->where, m, "latents are given", err) && !op_seal(op, true, err))
        return op;
    vae_op_free(op);
    return NULL;
}
