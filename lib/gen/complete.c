/*
 * complete.c - vae_complete(): the missing cells of a table filled, the others byte for byte as they came.
 *
 * Draws: z from the encoder, which sees the cells that are there; weights p(x_there|z) p(z) / q(z|x_there), one z picked
 * (sampling-importance-resampling); then the missing columns down the chain, given z and all that is there. The single best
 * value of each cell is the mean, or the most probable level, given what is there, the latents switched off: a chain
 * was trained for that, too. Without a chain it is that of the posterior mean.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/gen.h"

/* Particles of a record: more until the effective sample size is enough, or patience ends. */
enum { PARTICLES = 16, MOST_ROUNDS = 16 };
static const double ENOUGH_ESS = 8;

struct complete {
    struct gen_where where;
    size_t draws;
    double *raw;   /* [draws,cap,d] what was filled */
    size_t raw_cap;
    float *ess, *offered;
    size_t ess_cap, offered_cap, count;
    float *z;      /* [workers,zdim,MAT_PANEL] the picked latents */
    size_t nfields; /* of the input that are given: of windows those of the row itself */
    int *column_of; /* [nfields] the model's column, -1 for none */
    struct buf cell;
    size_t draw;   /* the one that is being made */
    double *out;   /* its values */
};

static void complete_free(void *state) {
    struct complete *s = state;
    gen_where_free(&s->where);
    free(s->raw), free(s->ess), free(s->offered), free(s->z), free(s->column_of);
    buf_free(&s->cell);
    free(s);
}

/* log p(x_there|z) + log p(z) - log q(z|x_there) of the z at hand. */
static void log_weights(const struct vae_model *m, struct model_pass *p, double *logw) {
    bottleneck_ratio(m, m->w, p, 0, MAT_PANEL, logw);
    if (m->config.chain)
        chain_nll(m, m->w, p, 0, MAT_PANEL);
    else {
        model_decode(m, m->w, p, 0, MAT_PANEL);
        model_nll(m, m->w, p, 0, MAT_PANEL);
    }
    for (size_t i = 0; i < MAT_PANEL; i++)
        logw[i] -= p->nll[i];
}

/* One z for each record of the panel, by importance; the effective sample sizes, and of how many. */
static void pick_latents(const struct vae_model *m, struct model_pass *p, const struct gen_key *key, size_t draw,
                         float *z, float *ess, float *offered) {
    size_t k = m->zdim, ld = p->ld;
    struct gen_pick pick[MAT_PANEL];
    double logw[MAT_PANEL], u;
    bool done[MAT_PANEL] = {false}; /* for itself: what else is in the panel makes no difference */
    size_t open = MAT_PANEL;
    for (size_t i = 0; i < MAT_PANEL; i++)
        gen_pick_start(&pick[i]);
    for (size_t a = 0; a < PARTICLES * MOST_ROUNDS && open; a++) {
        uint64_t number = draw * PARTICLES * MOST_ROUNDS + a;
        rng_normals(p->eps, m->neps, MAT_PANEL, ld, key->seed, RNG_PICK, 2 * number, key->rows, 0);
        bottleneck_draw(m, m->w, p, 0, MAT_PANEL);
        chain_z_off(m, p, 0, MAT_PANEL, false);
        log_weights(m, p, logw);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            rng_uniform(&u, 1, key->seed, RNG_PICK, 2 * number + 1, key->rows[i]);
            if (!done[i] && gen_pick_offer(&pick[i], logw[i], u))
                for (size_t j = 0; j < k; j++)
                    z[j * MAT_PANEL + i] = model_z(p)[j * ld + i];
        }
        open = (a + 1) % PARTICLES ? open : 0;
        for (size_t i = 0; i < MAT_PANEL && (a + 1) % PARTICLES == 0; i++) {
            done[i] = done[i] || gen_pick_ess(&pick[i]) >= ENOUGH_ESS;
            open += !done[i];
        }
    }
    for (size_t i = 0; i < MAT_PANEL; i++) {
        ess[i] = (float)gen_pick_ess(&pick[i]);
        offered[i] = (float)pick[i].offered;
    }
    for (size_t j = 0; j < k; j++)
        memcpy(model_z(p) + j * ld, z + j * MAT_PANEL, MAT_PANEL * sizeof *z);
}

/* What is missing becomes the best single value; a level that stands for a missing cell is out of the question. */
static void best_values(const struct vae_model *m, struct model_pass *p) {
    memcpy(p->seen, p->x, m->schema->d * p->ld * sizeof *p->x);
    bottleneck_mean(m, m->w, p, 0, MAT_PANEL);
    chain_z_off(m, p, 0, MAT_PANEL, true);
    model_decode(m, m->w, p, 0, MAT_PANEL);
    for (size_t b = 0; b < m->nblocks; b++) {
        const struct lik_block *block = &m->block[b];
        float *o = model_o(p) + block->o0 * p->ld;
        if (block->cells && block->cells->blank)
            for (size_t i = 0; i < MAT_PANEL; i++)
                o[(block->cells->nlevels - 1) * p->ld + i] = -1e30f;
        block->lik->mean(block, o, m->w + block->w0, o, MAT_PANEL, p->ld);
        for (size_t j = 0; j < block->nx; j++)
            for (size_t i = 0; i < MAT_PANEL; i++) {
                float *x = &p->x[(block->x0 + j) * p->ld + i];
                *x = isnan(*x) ? o[j * p->ld + i] : *x;
            }
    }
}

static void complete_panel(struct vae_op *op, struct model_pass *p, size_t first, size_t n) {
    struct complete *s = op->state;
    const struct vae_model *m = op->m;
    size_t d = m->schema->d;
    op_encode_panel(m, p, op->x + first * d, NULL, n);
    if (op->opts.best) {
        best_values(m, p);
    } else {
        struct gen_key key = {.seed = op->opts.seed, .worker = (size_t)(p - op->pass)};
        float ess[MAT_PANEL], offered[MAT_PANEL];
        for (size_t i = 0; i < MAT_PANEL; i++)
            key.rows[i] = op->row + first + (i < n ? i : n - 1);
        pick_latents(m, p, &key, s->draw, s->z + key.worker * m->zdim * MAT_PANEL, ess, offered);
        memcpy(s->ess + first, ess, n * sizeof *ess);
        memcpy(s->offered + first, offered, n * sizeof *offered);
        for (size_t i = 0; i < MAT_PANEL; i++)
            key.rows[i] = key.rows[i] * s->draws + s->draw;
        memcpy(p->seen, p->x, d * p->ld * sizeof *p->x);
        gen_fill(m, p, &s->where, 0, s->where.ncols, &key, NULL);
    }
    op_to_input_units(m->schema, p, n, true, s->out + first * d);
}

/* Cell f of record i: as it came, or where the model's column is missing there the filled value. */
static int put_cell(struct vae_op *op, const struct vae_batch *b, size_t i, size_t row, size_t f, int column,
                    struct vae_err *err) {
    struct complete *s = op->state;
    const struct schema *schema = op->m->schema;
    size_t len;
    const char *cell = rec_cell(&b->cols[f], i, &len);
    if (column < 0 || !isnan(op->raw[row * schema->d + schema->col[column].v0]))
        return rec_build_text(op->build, f, cell, len, err);
    s->cell.n = 0;
    int r = schema_put_cell(schema, (size_t)column, s->out + row * schema->d + schema->col[column].v0, &s->cell, err);
    if (!r)
        r = rec_build_text(op->build, f, s->cell.p ? s->cell.p : "", s->cell.n, err);
    op->totals.filled++;
    return r;
}

static int complete_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    struct complete *s = op->state;
    size_t d = op->m->schema->d, values;
    int bad = op_read(op, b, from, n, err), r = 0;
    if (bad && bad != VAE_EROW)
        return bad;
    if (!mem_mul(*n * s->draws, d, &values))
        return err_set(err, VAE_EOS, "too many draws");
    if (mem_grow(&s->raw, &s->raw_cap, values, sizeof *s->raw, err) || mem_grow(&s->ess, &s->ess_cap, *n, sizeof *s->ess, err) ||
        mem_grow(&s->offered, &s->offered_cap, *n, sizeof *s->offered, err))
        return VAE_EOS;
    for (s->draw = 0; s->draw < s->draws; s->draw++) {
        s->out = s->raw + s->draw * *n * d;
        op_panels(op, *n, complete_panel);
        for (size_t i = 0; i < *n && !op->opts.best; i++) {
            op->totals.ess += ((double)s->ess[i] - op->totals.ess) / (double)++s->count;
            op->totals.draws += ((double)s->offered[i] - op->totals.draws) / (double)s->count;
        }
    }
    for (size_t i = 0; i < *n && !r; i++)
        for (size_t draw = 0; draw < s->draws && !r; draw++) {
            s->out = s->raw + draw * *n * d;
            for (size_t f = 0; f < s->nfields && !r; f++)
                r = put_cell(op, b, from + i, i, f, s->column_of[f], err);
        }
    op->given = *n * s->draws;
    return r ? r : bad;
}

static int find_columns(struct vae_op *op, struct vae_err *err) {
    struct complete *s = op->state;
    while (s->nfields < op->in->nfields && !op->in->fields[s->nfields].lag)
        s->nfields++;
    s->column_of = mem_array(s->nfields, sizeof *s->column_of);
    if (!s->column_of)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t f = 0; f < s->nfields; f++)
        s->column_of[f] = -1;
    for (size_t c = 0; c < op->m->schema->ncols; c++)
        if (op->map.field[c] >= 0 && (size_t)op->map.field[c] < s->nfields && !op->m->schema->col[c].condition)
            s->column_of[op->map.field[c]] = (int)c;
    return 0;
}

/* The fields as they come, all of them text. */
static int head(struct vae_op *op, struct vae_err *err) {
    const struct complete *s = op->state;
    for (size_t f = 0; f < s->nfields; f++) {
        if (op->in->fields[f].type != REC_UTF8)
            return err_set(err, VAE_EUSAGE, "only the cells of a table can be filled in, and this is no table");
        struct rec_field *field = rec_head_add(op->head, op->in->fields[f].name, REC_UTF8, 0, NULL, err);
        if (!field)
            return VAE_EOS;
        field->keep = op->in->fields[f].keep;
    }
    op->head->origin = json_incref(op->in->origin ? op->in->origin : op->m->schema->origin);
    return 0;
}

struct vae_op *vae_complete(const struct vae_model *m, const struct vae_head *in, const struct vae_op_opts *opts,
                            struct vae_err *err) {
    struct vae_op *op = lines_refuse(m, "filling cells (--complete)", err) ? NULL : op_new(m, in, "data", opts, err);
    if (!op)
        return NULL;
    struct complete *s = op->state = mem_array(1, sizeof *s);
    op->free_state = s ? complete_free : NULL;
    op->run = complete_run;
    if (!s) {
        err_set(err, VAE_EOS, "out of memory");
    } else {
        s->draws = opts->draws > 1 && !opts->best ? (size_t)opts->draws : 1;
        s->z = mem_array(pool_threads(op->pool) * m->zdim * MAT_PANEL, sizeof *s->z);
        if (!s->z)
            err_set(err, VAE_EOS, "out of memory");
        else if (!schema_bind(m->schema, in, &op->map, err) && !find_columns(op, err) &&
            !gen_where_parse(&s->where, m, pool_threads(op->pool), NULL, 0, err) &&
            !gen_where_no_blank(&s->where, m, err) && !head(op, err) && !op_seal(op, true, err))
            return op;
    }
    vae_op_free(op);
    return NULL;
}
