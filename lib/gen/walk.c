/* walk.c - vae_walk(): latents to latents. A record at a time is taken, and its points are given as far as a batch has room. */
#include "gen/walk.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "gen/gen.h"
#include "model/op.h"

enum { FLOATS = 1 << 20, MOST_POINTS = 4096, FEWEST_POINTS = 16, STEPS = 9, MOST_STEPS = 1 << 30 };
static const char *const names[] = {"walk", "walk_axis", "walk_t"}; /* fields that we add, in place of such as came */

struct walk_op {
    struct walk walk;
    struct latents latents;
    size_t most;               /* points of a batch */
    int field[3], mu;          /* of names (-1: none), and of the latents */
    bool open;                 /* the record at hand has points left: `next` and those behind it */
    uint64_t next;
    struct rec_build *before;  /* kept cells of the record before it, one row of the output's head */

    const struct vae_model *m; /* to start from its prior; NULL otherwise */
    struct gen_prior prior;
    struct model_pass pass;
    float *draws;              /* [MAT_PANEL,k] */
};

static void free_walk(void *state) {
    struct walk_op *s = state;
    gen_prior_close(&s->prior);
    model_pass_free(&s->pass);
    rec_build_free(s->before);
    free(s->walk.axis), free(s->walk.dir), free(s->walk.z), free(s->walk.before), free(s->walk.sd), free(s->walk.eps);
    free(s->draws);
    free(s);
}

/* ---- running ---------------------------------------------------------------------------------------------------- */

/* Row `to` of what is given: cells of record i of b, or of the record before it. */
static int carry(struct vae_op *op, const struct vae_batch *b, size_t i, bool back, size_t to, struct vae_err *err) {
    struct walk_op *s = op->state;
    const struct vae_batch *old = back ? rec_build_batch(s->before, 1) : NULL;
    int r = 0;
    for (size_t f = 0; f < op->nkeep && !r; f++)
        r = rec_build_copy(op->build, (size_t)op->keep_out[f], old ? &old->cols[op->keep_out[f]] : &b->cols[op->keep_in[f]],
                           old ? 0 : i, 1, to, err);
    return r;
}

/* Points of the record at hand, which is the i-th of b (or with b NULL of nothing), until it has no more or the batch is full. */
static int give(struct vae_op *op, const struct vae_batch *b, size_t i, size_t *made, size_t most, struct vae_err *err) {
    struct walk_op *s = op->state;
    struct walk *w = &s->walk;
    uint64_t points = w->kind->points(w);
    double *value[3];
    float *z = rec_build_data(op->build, (size_t)s->mu);
    int r = 0;
    for (size_t f = 0; f < 3; f++)
        value[f] = s->field[f] < 0 ? NULL : rec_build_data(op->build, (size_t)s->field[f]);
    for (; s->next < points && *made < most && !r; s->next++, ++*made) {
        struct walk_point p;
        w->kind->point(w, s->next, z + *made * w->k, &p);
        value[0][*made] = (double)(p.walk + 1);
        if (value[1])
            value[1][*made] = (double)(p.axis + 1);
        value[2][*made] = p.t;
        r = b ? carry(op, b, i, p.back, *made, err) : 0;
    }
    s->open = s->next < points;
    return r;
}

/* The record at hand has given all: it is the one before, with its cells. */
static int leave(struct vae_op *op, const struct vae_batch *b, size_t i, struct vae_err *err) {
    struct walk_op *s = op->state;
    float *z = s->walk.z;
    s->walk.z = s->walk.before, s->walk.before = z;
    s->walk.seen++, s->walk.number++;
    int r = 0;
    if (s->before)
        rec_build_reset(s->before);
    for (size_t f = 0; s->before && f < op->nkeep && !r; f++)
        r = rec_build_copy(s->before, (size_t)op->keep_out[f], &b->cols[op->keep_in[f]], i, 1, 0, err);
    return r;
}

static int walk_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    struct walk_op *s = op->state;
    struct walk *w = &s->walk;
    size_t good = 0, made = 0;
    int bad = 0, r = 0;
    while (good < *n && made < s->most && !r) {
        if (!s->open && (bad = latents_read(&s->latents, op->in, b, from + good, w->z, w->sd, err)))
            break;
        s->next = s->open ? s->next : 0;
        r = give(op, b, from + good, &made, s->most, err);
        if (s->open)
            break;
        if (!r)
            r = leave(op, b, from + good, err);
        good++;
    }
    *n = good, op->given = made;
    return r ? r : bad;
}

/* Where a walk that reads nothing starts: at the next draw, or at the mean, which is a draw without noise. */
static void start(struct walk_op *s) {
    struct walk *w = &s->walk;
    size_t at = w->seen % MAT_PANEL;
    uint64_t rows[MAT_PANEL];
    for (size_t i = 0; i < MAT_PANEL; i++)
        rows[i] = w->number + i;
    if (!at) {
        for (size_t c = 0; c < s->m->conditions.width; c++) /* nobody says */
            for (size_t i = 0; i < MAT_PANEL; i++)
                s->pass.x[s->m->conditions.value[c] * s->pass.ld + i] = NAN;
        gen_prior_draw(&s->prior, s->m, &s->pass, w->opts.seed, rows, w->opts.starts ? 1 : 0);
        mat_transpose(w->k, MAT_PANEL, model_z(&s->pass), s->pass.ld, s->draws, w->k);
    }
    for (size_t j = 0; j < w->k; j++)
        w->z[j] = s->draws[at * w->k + j] + 0.0f; /* no -0 */
}

static int walk_generate(struct vae_op *op, size_t n, const struct vae_batch **out, struct vae_err *err) {
    struct walk_op *s = op->state;
    struct walk *w = &s->walk;
    uint64_t starts = w->opts.starts ? w->opts.starts : 1;
    size_t made = 0, most = n < s->most ? n : s->most;
    int r = 0;
    rec_build_reset(op->build);
    while (made < most && (s->open || w->seen < starts) && !r) {
        if (!s->open)
            start(s), s->next = 0;
        r = give(op, NULL, 0, &made, most, err);
        if (!s->open && !r)
            r = leave(op, NULL, 0, err);
    }
    *out = rec_build_batch(op->build, made);
    return r;
}

/* ---- making it -------------------------------------------------------------------------------------------------- */

static int add_axes(struct walk *w, struct vae_err *err) {
    const struct vae_walk_opts *o = &w->opts;
    w->axis = mem_array(w->k + o->naxes, sizeof *w->axis);
    if (!w->axis)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < o->naxes; i++) {
        char *end, shown[40];
        unsigned long v = strtoul(o->axes[i], &end, 10);
        if (!strcmp(o->axes[i], "all") && o->naxes == 1) {
            for (; w->naxes < w->k; w->naxes++)
                w->axis[w->naxes] = w->naxes;
            continue;
        }
        if (*o->axes[i] < '0' || *o->axes[i] > '9' || *end || v < 1 || v > w->k)
            return err_set(err, VAE_EUSAGE, "--axes: expected all or numbers of latents from 1 to %zu, got '%s'", w->k,
                           err_quote(shown, sizeof shown, o->axes[i], strlen(o->axes[i])));
        w->axis[w->naxes++] = v - 1;
    }
    return w->naxes ? 0 : err_set(err, VAE_EUSAGE, "--axes: name the latents to traverse");
}

/* What the kind of walk needs, and its defaults. */
static int prepare(struct vae_op *op, struct vae_err *err) {
    struct walk_op *s = op->state;
    struct walk *w = &s->walk;
    struct vae_walk_opts *o = &w->opts;
    w->kind = &walk_kinds[o->kind];
    o->steps = o->steps ? o->steps : STEPS;
    o->draws = o->draws ? o->draws : 1;
    if (o->steps < 2 || o->steps > MOST_STEPS)
        return err_set(err, VAE_EUSAGE, "a walk has 2 to %d steps", MOST_STEPS);
    if (o->from == o->to)
        o->from = w->kind->from, o->to = w->kind->to;
    bool sd = op->in && s->latents.has_sd && o->kind == VAE_WALK_NEAR;
    w->z = mem_array(w->k, sizeof *w->z);
    w->before = mem_array(w->k, sizeof *w->before);
    w->eps = mem_array(w->k, sizeof *w->eps);
    w->sd = sd ? mem_array(w->k, sizeof *w->sd) : NULL;
    w->dir = mem_array(w->k, sizeof *w->dir);
    if (!w->z || !w->before || !w->eps || !w->dir || (sd && !w->sd))
        return err_set(err, VAE_EOS, "out of memory");
    if (o->kind == VAE_WALK_AXES)
        return add_axes(w, err);
    if (o->kind == VAE_WALK_TOWARD)
        return walk_toward(o, op->head, w->k, w->dir, &op->totals.bad_given, err);
    return 0;
}

static int start_from_prior(struct walk_op *s, const struct vae_model *m, struct vae_err *err) {
    s->m = m;
    s->draws = mem_array(MAT_PANEL * s->walk.k, sizeof *s->draws);
    if (!s->draws)
        return err_set(err, VAE_EOS, "out of memory");
    int r = mat_open(err);
    if (!r && (r = gen_prior_open(&s->prior, m, s->walk.opts.starts ? NULL : prior_normal.name, err)) && !s->walk.opts.starts)
        err_prefix(err, "no mean to start from");
    return r ? r : model_pass_init(&s->pass, m, MAT_PANEL, false, err);
}

static int keep_others(struct vae_op *op, struct vae_err *err) {
    const struct walk_op *s = op->state;
    bool *keep = mem_array(op->in->nfields + 1, sizeof *keep);
    if (!keep)
        return err_set(err, VAE_EOS, "out of memory");
    latents_others(&s->latents, op->in, keep);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (rec_head_find(op->in, names[i]) >= 0)
            keep[rec_head_find(op->in, names[i])] = false;
    int r = op_keep(op, keep, err);
    free(keep);
    return r;
}

/* Fields of what is given, and room for a batch of it. */
static int lay_out(struct vae_op *op, struct vae_err *err) {
    struct walk_op *s = op->state;
    struct walk *w = &s->walk;
    int r = op->in ? keep_others(op, err) : 0;
    for (int i = 0; i < 3 && !r; i++) {
        s->field[i] = -1;
        if (i == 1 && w->opts.kind != VAE_WALK_AXES)
            continue;
        struct rec_field *f = rec_head_add(op->head, names[i], REC_F64, 0, NULL, err);
        if (!f)
            return VAE_EOS;
        f->keep = true, f->decimals = i == 2 ? -1 : 0;
        s->field[i] = (int)op->head->nfields - 1;
    }
    s->mu = (int)op->head->nfields;
    if (!r && !rec_head_add(op->head, "mu", REC_F32, 1, &w->k, err))
        r = VAE_EOS;
    s->most = FLOATS / w->k < MOST_POINTS ? FLOATS / w->k : MOST_POINTS;
    s->most = s->most < FEWEST_POINTS ? FEWEST_POINTS : s->most;
    if (!r)
        r = op_seal(op, false, err);
    if (!r)
        r = rec_build_rows(op->build, s->most, err);
    if (!r && op->in && w->opts.kind == VAE_WALK_LINE) {
        s->before = rec_build_new(op->head, err);
        r = s->before ? rec_build_rows(s->before, 1, err) : VAE_EOS;
    }
    return r;
}

/* Whose latents they are and what they are of: as the stream says, the model given before it. */
static int find(struct vae_op *op, const struct vae_model *m, struct vae_err *err) {
    struct walk_op *s = op->state;
    const struct vae_head *in = op->in;
    if (!m && !in)
        return err_set(err, VAE_EUSAGE, "a walk needs latents, or a model to start from");
    int r = m && in ? latents_check_model(in, m, err) : 0;
    if (!r && in)
        r = latents_find(&s->latents, in, m ? m->zdim : 0, err);
    if (r)
        return r;
    s->walk.k = in ? s->latents.k : m->zdim;
    op->head->model = m ? latents_model_ref(m, false) : json_incref(in->model);
    op->head->origin = json_incref(in && in->origin ? in->origin : m ? m->schema->origin : NULL);
    op->head->extra = json_incref(in ? in->extra : NULL);
    return in ? 0 : start_from_prior(s, m, err);
}

struct vae_op *vae_walk(const struct vae_model *m, const struct vae_head *in, const struct vae_walk_opts *opts,
                        struct vae_err *err) {
    struct vae_op *op = op_plain(in, "latent", err);
    if (!op)
        return NULL;
    struct walk_op *s = op->state = mem_array(1, sizeof *s);
    op->free_state = s ? free_walk : NULL;
    op->run = walk_run, op->generate = walk_generate;
    if (!s) {
        err_set(err, VAE_EOS, "out of memory");
    } else {
        s->walk.opts = *opts;
        s->walk.number = opts->first_row;
        if (!find(op, m, err) && !prepare(op, err) && !lay_out(op, err))
            return op;
    }
    vae_op_free(op);
    return NULL;
}
