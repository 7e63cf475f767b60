/*
 * generate.c - new records: z from the prior, x from p(x given z); under conditions by importance sampling over the model.
 * A record depends on the seed and its number alone.
 */
#include "gen/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/series.h"

/* Particles of a record under a condition: more until the effective sample size is enough, or patience ends. */
enum { PARTICLES = 16, MOST_ROUNDS = 64 };
static const double ENOUGH_ESS = 8;

static void generate_free(void *state) {
    struct generate *g = state;
    gen_priors_close(g->prior, g->nworkers);
    gen_where_free(&g->where);
    gen_given_free(&g->like), gen_given_free(&g->avoid);
    free(g->ess), free(g->draws);
    free(g);
}

/* z of the panel, drawn for these numbers. */
static void draw_latents(struct vae_op *op, struct model_pass *p, size_t worker, const uint64_t *rows) {
    const struct generate *g = op->state;
    double t = op->opts.temperature > 0 && !op->m->line ? op->opts.temperature : 1;
    gen_prior_draw(&g->prior[worker], op->m, p, op->opts.seed, rows, (float)t);
}

/* Particles of all records of the panel at once; the pick of each is left in z and pass->seen. */
static void condition_panel(struct vae_op *op, struct model_pass *p, size_t worker, struct gen_key *key, double *ess,
                            double *draws) {
    struct generate *g = op->state;
    const struct vae_model *m = op->m;
    size_t k = m->zdim, d = m->schema->d, ld = p->ld;
    float *z = p->eps, *picked = p->spare; /* neither is used while generating */
    uint64_t rows[MAT_PANEL];
    struct gen_pick pick[MAT_PANEL];
    memcpy(rows, key->rows, sizeof rows);
    for (size_t i = 0; i < MAT_PANEL; i++)
        gen_pick_start(&pick[i]);
    bool done[MAT_PANEL] = {false};
    size_t open = MAT_PANEL;
    for (size_t round = 0; round < MOST_ROUNDS && open; round++) {
        for (size_t a = round * PARTICLES; a < (round + 1) * PARTICLES; a++) {
            double logw[MAT_PANEL] = {0}, u;
            for (size_t i = 0; i < MAT_PANEL; i++)
                key->rows[i] = rows[i] * (PARTICLES * MOST_ROUNDS) + a;
            draw_latents(op, p, worker, key->rows);
            gen_see_none(m, p);
            gen_fill(m, p, &g->where, 0, g->where.nfirst, key, logw);
            for (size_t i = 0; i < MAT_PANEL; i++) {
                if (done[i]) /* a record's particles are its own, whoever shares its panel */
                    continue;
                rng_uniform(&u, 1, key->seed, RNG_PICK, a, rows[i]);
                if (!gen_pick_offer(&pick[i], logw[i], u))
                    continue;
                for (size_t j = 0; j < k; j++)
                    z[j * ld + i] = model_z(p)[j * ld + i];
                for (size_t j = 0; j < d; j++)
                    picked[j * ld + i] = p->seen[j * ld + i];
            }
        }
        open = 0;
        for (size_t i = 0; i < MAT_PANEL; i++) {
            done[i] = done[i] || gen_pick_ess(&pick[i]) >= ENOUGH_ESS;
            open += !done[i];
        }
    }
    for (size_t i = 0; i < MAT_PANEL; i++) {
        key->rows[i] = rows[i] * (PARTICLES * MOST_ROUNDS);
        ess[i] = gen_pick_ess(&pick[i]), draws[i] = (double)pick[i].offered;
    }
    memcpy(model_z(p), z, k * ld * sizeof *z);
    memcpy(p->seen, picked, d * ld * sizeof *picked);
    memcpy(p->x, picked, d * ld * sizeof *picked);
}

static void generate_panel(struct vae_op *op, struct model_pass *p, size_t first, size_t n) {
    struct generate *g = op->state;
    const struct vae_model *m = op->m;
    size_t d = m->schema->d, worker = (size_t)(p - op->pass);
    struct gen_key key = {.seed = op->opts.seed, .worker = worker};
    double ess[MAT_PANEL], draws[MAT_PANEL];
    for (size_t i = 0; i < MAT_PANEL; i++)
        key.rows[i] = op->row + first + (i < n ? i : n - 1);
    gen_tell(m, p, &g->where, &key, true);
    if (g->like.n) {
        gen_vary_panel(op, p, &g->like, &g->where, &key);
    } else if (g->where.nfirst) {
        condition_panel(op, p, worker, &key, ess, draws);
        for (size_t i = 0; i < n; i++)
            g->ess[first + i] = (float)ess[i], g->draws[first + i] = (float)draws[i];
        gen_fill(m, p, &g->where, g->where.nfirst, g->where.norder, &key, NULL);
    } else {
        draw_latents(op, p, worker, key.rows);
        op_fill(m, p, !op->opts.mean, key.seed, key.rows);
    }
    op_to_input_units(m->schema, p, n, !op->opts.mean, op->raw + first * d);
    gen_where_hold(&g->where, n, op->raw + first * d);
    gen_where_blank(&g->where, m->schema, key.seed, key.rows, n, op->raw + first * d);
}

/* Ids go on where those of the training rows ended; nothing is known of other carried columns. */
static int write_kept(struct vae_op *op, size_t n, struct vae_err *err) {
    struct generate *g = op->state;
    int r = 0;
    for (size_t i = 0; i < op->nkeep; i++)
        for (size_t j = 0; j < n && !r; j++) {
            char text[NUM_MAX + 8] = "";
            size_t len = 0;
            bool id = op->m->schema->keep_kind[i] == SCHEMA_ID;
            double next = op->m->schema->keep_next[i];
            if (id && isfinite(next))
                len = num_put_fixed(text, next + (double)(g->written + j), 0);
            else if (id)
                len = (size_t)snprintf(text, sizeof text, "new%llu", (unsigned long long)(g->written + j + 1));
            r = rec_build_text(op->build, (size_t)op->keep_out[i], text, len, err);
        }
    g->written += n;
    return r;
}

static void add_up(struct generate *g, struct vae_op_totals *t, size_t n) {
    for (size_t i = 0; i < n && g->where.nfirst && !g->like.n; i++) {
        g->conditioned++;
        t->ess += ((double)g->ess[i] - t->ess) / (double)g->conditioned;
        t->draws += ((double)g->draws[i] - t->draws) / (double)g->conditioned;
    }
}

static int generate_run(struct vae_op *op, size_t n, const struct vae_batch **out, struct vae_err *err) {
    struct generate *g = op->state;
    rec_build_reset(op->build);
    int r = op_reserve(op, n, err);
    if (!r)
        r = mem_grow(&g->ess, &g->ess_cap, n, sizeof *g->ess, err);
    if (!r)
        r = mem_grow(&g->draws, &g->draws_cap, n, sizeof *g->draws, err);
    if (r)
        return r;
    op_panels(op, n, generate_panel);
    add_up(g, &op->totals, n);
    op->row += n;
    if (g->avoid.n) {
        size_t left;
        if (gen_drop_copies(op->m, &g->avoid, op->raw, n, &left, op->pool, err))
            return VAE_EOS;
        op->totals.copies += n - left;
        n = left;
    }
    r = schema_write(op->m->schema, true, op->raw, n, 0, op->build, err);
    if (!r)
        r = write_kept(op, n, err);
    *out = rec_build_batch(op->build, n);
    return r;
}

/* The prior, its buffers, the conditions and the given rows. */
static int prepare(struct vae_op *op, struct vae_err *err) {
    struct generate *g = op->state;
    const struct vae_model *m = op->m;
    const struct vae_op_opts *o = &op->opts;
    g->nworkers = pool_threads(op->pool);
    int r = gen_priors_open(&g->prior, g->nworkers, m, o->prior, err);
    if (r)
        return r;
    uint64_t *bad = o->skip_bad ? &op->totals.bad_given : NULL;
    r = gen_where_parse(&g->where, m, g->nworkers, o->where, o->nwhere, err);
    if (!r && (o->mean || o->like)) /* conditions on what is modelled are met by drawing */
        r = gen_where_told_only(&g->where, m, o->mean ? "--mean" : "--like", err);
    if (!r && o->like)
        r = gen_given_read(&g->like, m, o->like, "--like", bad, err);
    if (!r && o->avoid)
        r = gen_given_read(&g->avoid, m, o->avoid, "--min-distance", bad, err);
    if (!r && o->avoid)
        r = gen_near_distance(m, &g->avoid, op->pool, err);
    return r;
}

int gen_head(struct vae_op *op, bool wide, struct vae_err *err) {
    const struct schema *s = op->m->schema;
    rec_head_free(op->head);
    op->head = schema_head(s, wide, err);
    op->keep_out = mem_array(s->nkeep + 1, sizeof(int));
    if (!op->head || !op->keep_out)
        return VAE_EOS;
    for (size_t i = 0; i < s->nkeep; i++) {
        struct rec_field *f = rec_head_add(op->head, s->keep[i], REC_UTF8, 0, NULL, err);
        if (!f)
            return VAE_EOS;
        f->keep = true, op->keep_out[op->nkeep++] = (int)op->head->nfields - 1;
    }
    return 0;
}

struct vae_op *vae_generate(const struct vae_model *m, const struct vae_op_opts *opts, struct vae_err *err) {
    if (schema_window(m->schema) > 1 && !opts->windows)
        return gen_series(m, opts, err);
    struct vae_op *op = op_new(m, NULL, "data", opts, err);
    if (!op)
        return NULL;
    struct generate *g = op->state = mem_array(1, sizeof *g);
    op->free_state = g ? generate_free : NULL;
    op->generate = generate_run;
    if (g)
        g->written = op->row; /* ids of a shard are its own */
    if (!g)
        err_set(err, VAE_EOS, "out of memory");
    else if (!prepare(op, err) && !gen_head(op, true, err) && !op_seal(op, true, err)) {
        rec_build_quoted(op->build, true);
        return op;
    }
    vae_op_free(op);
    return NULL;
}
