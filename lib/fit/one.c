/* one.c - one model on given rows: schema, split, training, sigmas settled on the rows held out, prior. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "fit/split.h"
#include "model/op.h"
#include "score/denoise.h"
#include "score/exemplars.h"

enum { VALID_MAX = 2000, SETTLE_PRIOR = 20, PRIOR_ROWS = 1 << 16 };

/* How many of n rows to hold out: none where so few are left that they would tell nothing. */
static size_t rows_to_hold(const struct fit_plan *p, size_t n) {
    size_t v = (size_t)(p->valid * (double)n);
    v = v > VALID_MAX && !p->whole_valid ? VALID_MAX : v;
    return n - v < 2 || v < 2 ? 0 : v;
}

/* The column of value j. */
static const struct schema_col *column_of(const struct schema *s, size_t j) {
    size_t c = 0;
    while (c + 1 < s->ncols && s->col[c + 1].v0 <= j)
        c++;
    return &s->col[c];
}

/* A likelihood on a grid: not too many steps, and all values on one of them. */
static int check_grid(const struct vae_model *m, const struct lik_block *b, const struct fit_rows *data, size_t j,
                      struct vae_err *err) {
    static const double slack = 0.01; /* of a step */
    const struct schema *s = m->schema;
    double unit = schema_step(s, b->col), bad = NAN;
    char name[80];
    err_quote(name, sizeof name, s->col[b->col].name, strlen(s->col[b->col].name));
    if (s->scale[j] / unit > LIK_GRID_MAX)
        return err_set(err, VAE_EDATA, "column '%s': a %s likelihood is for up to %d equal steps, and these are %g; "
                       "choose another one (--lik, --schema)", name, b->lik->name, (int)LIK_GRID_MAX, s->scale[j] / unit);
    for (size_t i = 0; i < data->n && isnan(bad); i++) {
        double v = data->raw[i * s->d + j], at = (v - s->center[j]) / s->scale[j] / (double)b->step;
        bad = fabs(at - nearbyint(at)) > slack ? v : NAN;
    }
    if (isnan(bad))
        return 0;
    return err_set(err, VAE_EDATA, "column '%s': a %s likelihood is for equal steps, and %g is on none of %g from %g to "
                   "%g; choose another one (--lik, --schema)", name, b->lik->name, bad, 1 / (double)b->step, s->center[j],
                   s->center[j] + s->scale[j]);
}

/* Values outside what the likelihood can explain are found before training, in all rows: those that are kept for p-values
 * would get a score that is no number. What is scaled into the likelihood's range lies in it. */
static int check_range(const struct vae_model *m, const struct fit_rows *data, struct vae_err *err) {
    const struct schema *s = m->schema;
    for (size_t b = 0; b < m->nblocks; b++) {
        const struct lik *lik = m->block[b].lik;
        for (size_t j = m->block[b].x0; j < m->block[b].x0 + m->block[b].nx; j++) {
            const struct schema_col *col = column_of(s, j);
            if (lik->grid && check_grid(m, &m->block[b], data, j, err))
                return VAE_EDATA;
            if (lik->cells || col->transform != &schema_none)
                continue;
            double low = INFINITY, high = -INFINITY;
            for (size_t i = 0; i < data->n; i++) {
                double v = data->raw[i * s->d + j];
                low = v < low ? v : low, high = v > high ? v : high;
            }
            if (low < lik->min || high > lik->max) {
                char name[80];
                return err_set(err, VAE_EDATA, "column '%s': a %s likelihood cannot explain %g; choose another one (--lik, --schema)",
                               err_quote(name, sizeof name, col->name, strlen(col->name)), lik->name,
                               low < lik->min ? low : high);
            }
        }
    }
    return 0;
}

void fit_to_model(const struct schema *s, const double *raw, const uint64_t *rows, size_t n, float *x) {
    schema_to_model(s, raw, rows, n, x);
    for (size_t j = 0; j < s->d; j++)
        for (size_t i = 0; i < n && s->cells[j].n && s->cells[j].blank; i++)
            if (isnan(x[i * s->d + j]))
                x[i * s->d + j] = cells_blank(&s->cells[j]);
}

static struct vae_model *new_model(const struct fit_plan *p, const struct fit_rows *data, const uint64_t *rows,
                                   size_t n, struct vae_err *err) {
    struct schema *s = schema_copy(data->schema, err);
    if (!s)
        return NULL;
    if (schema_learn(s, data->raw, rows, n, p->bins, err)) {
        schema_free(s);
        return NULL;
    }
    struct vae_model *m = model_new(&p->model, s, err);
    if (m) {
        model_marginals(m);
        model_start(m, p->train.seed);
        model_project(m, m->w);
    }
    return m;
}

/* Noise of draw `a` of record `row`, in column i of a panel. */
static void draw_noise(const struct vae_model *m, struct model_pass *p, size_t i, uint64_t seed, enum rng_purpose purpose,
                       size_t a, uint64_t row) {
    rng_normals(p->eps + i, m->neps, 1, p->ld, seed, purpose, 1 + ((uint64_t)a << 40), NULL, row);
}

/* One of several draws for each record of a panel, by its importance weight p(x,z)/q(z|x) (Gumbel's way: the largest of
 * log weight + noise): to a model that is trained by them that is the posterior, q but a proposal (1704.02916). */
static void pick_draws(const struct vae_model *m, struct model_pass *p, size_t draws, uint64_t seed, enum rng_purpose purpose,
                       uint64_t row0, size_t *pick) {
    double best[MAT_PANEL], ratio[MAT_PANEL], u;
    for (size_t a = 0; a < draws; a++) {
        for (size_t i = 0; i < MAT_PANEL; i++)
            draw_noise(m, p, i, seed, purpose, a, row0 + i);
        bottleneck_draw(m, m->w, p, 0, MAT_PANEL);
        bottleneck_ratio(m, m->w, p, 0, MAT_PANEL, ratio);
        model_decode(m, m->w, p, 0, MAT_PANEL);
        model_nll(m, m->w, p, 0, MAT_PANEL);
        for (size_t i = 0; i < MAT_PANEL; i++) {
            rng_uniform(&u, 1, seed, RNG_PICK, (a << 8) + purpose, row0 + i);
            double value = ratio[i] - p->nll[i] - log(-log(u));
            if (a == 0 || value > best[i])
                best[i] = value, pick[i] = a;
        }
    }
}

/* A prior that is told the conditions has to know latents without them, too. */
static void drop_told(const struct vae_model *m, struct model_pass *p, uint64_t seed, uint64_t row0) {
    uint64_t rows[MAT_PANEL];
    for (size_t i = 0; i < MAT_PANEL; i++)
        rows[i] = row0 + i;
    condition_drop(m, p, 0, MAT_PANEL, seed, 0, rows);
    model_look(m, p, 0, MAT_PANEL);
    nn_forward(&m->enc, m->w, &p->enc, 0, MAT_PANEL, NULL);
}

/* A full panel of the n records at x, encoded, with a draw of z each; row0 numbers the first. */
static void draw_panel(const struct vae_model *m, struct model_pass *p, const float *x, size_t n, size_t draws, uint64_t seed,
                       enum rng_purpose purpose, uint64_t row0) {
    size_t pick[MAT_PANEL] = {0};
    op_encode_panel(m, p, x, NULL, n);
    if (m->space.told && purpose == RNG_GMM)
        drop_told(m, p, seed, row0);
    if (draws > 1)
        pick_draws(m, p, draws, seed, purpose, row0, pick);
    for (size_t i = 0; i < MAT_PANEL; i++)
        draw_noise(m, p, i, seed, purpose, pick[i], row0 + i);
    bottleneck_draw(m, m->w, p, 0, MAT_PANEL);
}

/* Free parameters of the likelihoods from the errors on rows held out, with one draw of z each. */
static int settle(struct vae_model *m, const float *x, size_t n, size_t draws, uint64_t seed, struct pool *pool,
                  struct vae_err *err) {
    struct model_pass p;
    double *stat = mem_array(2 * (m->nw - m->wlik) + 1, sizeof *stat);
    int r = stat ? model_pass_init(&p, m, MAT_PANEL, false, err) : err_set(err, VAE_EOS, "out of memory");
    if (r) {
        free(stat);
        return r;
    }
    for (size_t at = 0; at < n && !(r = fit_stopped(pool, err)); at += MAT_PANEL) {
        size_t here = n - at < MAT_PANEL ? n - at : MAT_PANEL;
        draw_panel(m, &p, x + at * m->schema->d, here, draws, seed, RNG_VALID, at);
        model_decode(m, m->w, &p, 0, MAT_PANEL);
        for (size_t i = 0; i < m->nblocks; i++) {
            const struct lik_block *b = &m->block[i];
            if (b->lik->stat)
                b->lik->stat(b, p.x + b->x0 * p.ld, model_o(&p) + b->o0 * p.ld, stat + 2 * (b->w0 - m->wlik), here, p.ld);
        }
    }
    for (size_t i = 0; i < m->nblocks && !r; i++) {
        const struct lik_block *b = &m->block[i];
        if (b->lik->settle)
            b->lik->settle(b, stat + 2 * (b->w0 - m->wlik), SETTLE_PRIOR, m->w + b->w0);
    }
    if (!r)
        model_project(m, m->w);
    model_pass_free(&p);
    free(stat);
    return r;
}

int fit_prior_draw(struct vae_model *m, const struct prior *prior, const float *x, size_t n, size_t draws, uint64_t seed,
                   struct pool *pool, struct fit_draws *d, struct vae_err *err) {
    struct model_pass p;
    *d = (struct fit_draws){.n = n < PRIOR_ROWS ? n : PRIOR_ROWS};
    model_set_prior(m, prior);
    m->nprior = prior->size(&m->space, d->n);
    m->prior_param = mem_floats(m->nprior + 1);
    size_t k = m->space.k, width = k + m->space.told;
    d->z = mem_floats(d->n * width);
    int r = d->z && m->prior_param ? model_pass_init(&p, m, MAT_PANEL, false, err)
                                   : err_set(err, VAE_EOS, "out of memory");
    if (r)
        return r;
    for (size_t at = 0; at < d->n && prior->rounds && !(r = fit_stopped(pool, err)); at += MAT_PANEL) {
        size_t here = d->n - at < MAT_PANEL ? d->n - at : MAT_PANEL;
        draw_panel(m, &p, x + at * m->schema->d, here, draws, seed, RNG_GMM, at);
        mat_transpose(k, here, model_z(&p), p.ld, d->z + at * width, width);
        mat_transpose(m->space.told, here, condition_told(m, &p), p.ld, d->z + at * width + k, width);
    }
    model_pass_free(&p);
    return r;
}

int fit_prior(struct vae_model *m, const struct prior *prior, const float *x, size_t n, size_t draws, uint64_t seed,
              struct pool *pool, struct vae_err *err) {
    struct fit_draws d;
    if (prior->joint || prior->codes)
        return 0;
    int r = fit_prior_draw(m, prior, x, n, draws, seed, pool, &d, err);
    if (!r)
        r = prior->fit(&m->space, d.n, d.z, seed, pool, m->prior_param, err);
    free(d.z);
    return r;
}

void fit_material_free(struct fit_material *f) {
    vae_model_free(f->m);
    free(f->x), free(f->index);
    *f = (struct fit_material){0};
}

int fit_prepare(const struct fit_plan *plan, const struct fit_rows *data, const uint64_t *rows, size_t n,
                struct fit_material *f, struct vae_err *err) {
    size_t d = data->schema->d, values, nvalid = rows_to_hold(plan, n);
    nvalid = n - split_cut(data, rows, n, n - nvalid, 1);
    *f = (struct fit_material){.n = n, .nheld = nvalid, .cfg = plan->train};
    const struct vae_model *init = plan->opts.init;
    f->m = init ? init_model(init, err) : new_model(plan, data, rows, n, err);
    int r = f->m ? check_range(f->m, data, err) : err->code;
    if (r)
        return r;
    f->index = mem_array(n, sizeof *f->index);
    f->x = mem_mul(n, d, &values) ? mem_floats(values) : NULL;
    if (!f->x || !f->index)
        return err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    fit_to_model(f->m->schema, data->raw, rows, n, f->x);
    for (size_t i = 0; i < n; i++)
        f->index[i] = i;
    f->train = (struct train_data){f->x, n - nvalid, nvalid, f->index, f->index + n - nvalid};
    f->cfg.batch = f->cfg.batch > f->train.n ? f->train.n : f->cfg.batch;
    return init ? 0 : pseudo_start(f->m, f->x, f->train.n, f->cfg.seed, err);
}

/* fit_one() of rows that are all to be fitted. */
static int fit_kept(const struct fit_plan *plan, const struct fit_rows *data, const uint64_t *rows, size_t n, bool prior,
                    const struct train_run *run, struct train_result *res, struct fit_material *f, struct vae_err *err) {
    uint64_t seed = plan->train.seed;
    int r = fit_prepare(plan, data, rows, n, f, err);
    if (!r)
        r = fit_train(plan, f, run, res, err);
    if (!r && f->nheld)
        r = settle(f->m, f->x + f->train.n * data->schema->d, f->nheld, f->cfg.draws, seed, run->pool, err);
    if (!r)
        r = condition_keep_rows(f->m, f->x, f->train.n, err);
    if (!r && plan->exemplars)
        r = exemplars_learn(&f->m->exemplars, f->m->schema, f->x, f->n, plan->trim > 0 ? EXEMPLARS_TRIMMED : EXEMPLARS_CLEAN, seed,
                            run->pool, err);
    if (!r && plan->denoiser)
        r = denoise_learn(f->m, f->x, f->n, DENOISE_STEPS, seed, run->pool, err);
    if (!r && prior)
        r = fit_prior(f->m, plan->prior, f->x, f->train.n, f->cfg.draws, seed, run->pool, err);
    return r;
}

int fit_one(const struct fit_plan *plan, const struct fit_rows *data, const uint64_t *rows, size_t n, bool prior,
            const struct train_run *run, struct train_result *res, struct fit_material *f, struct vae_err *err) {
    *f = (struct fit_material){0};
    if (!(plan->trim > 0))
        return fit_kept(plan, data, rows, n, prior, run, res, f, err);
    uint64_t *kept = mem_array(n, sizeof *kept);
    int r = kept ? fit_trim(plan, data, rows, n, run->pool, kept, &n, err) : err_set(err, VAE_EOS, "out of memory for %zu rows", n);
    if (!r)
        r = fit_kept(plan, data, kept, n, prior, run, res, f, err);
    free(kept);
    return r;
}
