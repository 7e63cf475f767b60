/* decode.c - latents, or codes, to records: the mean of p(x given z), or a draw from it; conditions as they were
 * carried along, or as --where says: the same content under another label. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "gen/gen.h"
#include "model/codes.h"
#include "model/latents.h"
#include "stream/format.h"

struct decode {
    struct latents latents;
    int *condition;     /* [ncols] the field of a condition, -1: not there, or no condition */
    struct gen_where where;
};

static void decode_free(void *state) {
    struct decode *s = state;
    gen_where_free(&s->where);
    free(s->condition), free(s);
}

/* Latents (codes) op->x[first.., k], with the conditions in op->raw, -> op->raw[first.., d]. */
static void decode_panel(struct vae_op *op, struct model_pass *p, size_t first, size_t n) {
    const struct decode *s = op->state;
    const struct vae_model *m = op->m;
    size_t k = s->latents.k, d = m->schema->d;
    float *to = s->latents.codes ? p->code : model_z(p);
    struct gen_key key = {.seed = op->opts.seed, .worker = (size_t)(p - op->pass)};
    for (size_t i = 0; i < MAT_PANEL; i++) {
        size_t at = first + (i < n ? i : n - 1);
        key.rows[i] = op->row + first + i;
        for (size_t j = 0; j < k; j++)
            to[j * p->ld + i] = op->x[at * k + j];
        for (size_t c = 0; c < m->conditions.width; c++) {
            size_t j = m->conditions.value[c];
            p->x[j * p->ld + i] = schema_x(m->schema, &m->schema->col[m->feature[j].column], j, op->raw[at * d + j]);
        }
    }
    if (s->latents.codes)
        codes_place(m, m->w, p, 0, MAT_PANEL);
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

static int decode_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    const struct decode *s = op->state;
    size_t k = s->latents.k, good = 0;
    int bad = 0;
    while (good < *n && !(bad = latents_read(&s->latents, op->in, b, from + good, op->x + good * k, NULL, err)) &&
           !(bad = read_conditions(op, b, from + good, op->raw + good * op->m->schema->d, err)))
        good++;
    *n = good;
    int r = rec_build_rows(op->build, good, err);
    if (!r)
        r = op_carry(op, b, from, good, err);
    if (r)
        return r;
    op_panels(op, good, decode_panel);
    r = schema_write(op->m->schema, op->opts.windows, op->raw, good, 0, op->build, err);
    return r ? r : bad;
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

/* Conditions are written with the data; the name of a file of images is that of the file again. */
static int keep_others(struct vae_op *op, struct vae_err *err) {
    const struct decode *s = op->state;
    const struct stream_format *format = stream_format_of(op->head);
    bool files = format && format->files;
    bool *keep = mem_array(op->in->nfields + 1, sizeof *keep);
    if (!keep)
        return err_set(err, VAE_EOS, "out of memory");
    latents_others(&s->latents, op->in, keep);
    for (size_t f = 0; f < op->in->nfields; f++)
        keep[f] = keep[f] && !op_is_condition(op, op->in->fields[f].name) && !(files && !strcmp(op->in->fields[f].name, "file"));
    int r = op_keep(op, keep, err);
    free(keep);
    return r;
}

static int data_head(struct vae_op *op, struct vae_err *err) {
    rec_head_free(op->head);
    op->head = schema_head(op->m->schema, op->opts.windows, err);
    if (!op->head)
        return VAE_EOS;
    if (op->in->origin) { /* the stream knows the dialect of its own data better than the model does */
        json_decref(op->head->origin);
        op->head->origin = json_incref(op->in->origin);
    }
    return 0;
}

/* Codes where the option or the names in the stream say so. */
static int find_latents(struct vae_op *op, struct vae_err *err) {
    struct decode *s = op->state;
    const struct vae_model *m = op->m;
    if (!op->opts.codes && !latents_named_codes(op->in))
        return latents_find(&s->latents, op->in, m->zdim, err);
    if (codes_are(m))
        return latents_find_codes(&s->latents, op->in, m->codes.k, m->codes.codes, err);
    return err_set(err, op->opts.codes ? VAE_EUSAGE : VAE_EDATA,
                   "the latents of this model are no codes; it was fitted with --latent %s", m->config.latent->name);
}

/* Only symbols are drawn by logits that can be divided. */
static int check_temperature(const struct vae_op *op, struct vae_err *err) {
    double t = op->opts.temperature;
    return op->m->line || !(t > 0 && t != 1)
               ? 0
               : err_set(err, VAE_EUSAGE, "--temperature is for lines of text where latents are given; vae-gen has one for latents");
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
    else if (!latents_check_model(in, m, err) && !find_latents(op, err) && !check_temperature(op, err) &&
             !find_conditions(op, err) && !data_head(op, err) && !keep_others(op, err) &&
             !gen_where_parse(&s->where, m, pool_threads(op->pool), opts->where, opts->nwhere, err) &&
             !gen_where_told_only(&s->where, m, "latents are given", err) && !op_seal(op, true, err))
        return op;
    vae_op_free(op);
    return NULL;
}
