/* model.c - building a model from its configuration, and its buffers. */
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "latent/ladder.h"
#include "schema/line.h"

enum { DOWN_BLOCKS = 2, RASTER = 24 /* units a pixel */ };

/* The likelihood of a column: its own, or the model's; NULL for a name that is not known. */
static const struct lik *column_lik(const struct vae_model *m, size_t c) {
    const char *name = m->schema->col[c].lik;
    return *name ? lik_by_name(name) : m->config.lik;
}

/* Does value j fit the likelihood: cells for those that need them, and only for those? */
static int check_lik(const struct vae_model *m, size_t c, const struct lik *lik, struct vae_err *err) {
    const struct schema_col *col = &m->schema->col[c];
    bool ok = lik != NULL;
    for (size_t j = col->v0; j < col->v0 + col->width && ok; j++)
        ok = lik->cells == (m->schema->cells[j].n > 0) && (!lik->cells || m->schema->cells[j].nlevels > 0);
    if (ok)
        return 0;
    char name[80];
    err_quote(name, sizeof name, col->name, strlen(col->name));
    return err_set(err, VAE_EDATA, "column '%s': a %s likelihood does not fit", name, lik ? lik->name : col->lik);
}

/* Value j behind what is there: in the last block where it goes on with the same likelihood, else in one of its own. */
static void add_value(struct vae_model *m, size_t c, size_t j, const struct lik *lik, bool alone, size_t *o, size_t *w) {
    const struct cells *cells = lik->cells ? &m->schema->cells[j] : NULL;
    bool tied = m->schema->col[c].width > 1 ? !cells : m->config.sd == SD_SHARED && !cells;
    struct lik_block *b = m->nblocks ? &m->block[m->nblocks - 1] : NULL;
    if (!b || alone || cells || b->cells || b->lik != lik || b->tied != tied) {
        b = &m->block[m->nblocks++];
        *b = (struct lik_block){.lik = lik, .x0 = j, .o0 = *o, .w0 = *w, .tied = tied, .col = c, .cells = cells,
                                .spread = lik->spreads && m->config.sd == SD_RECORD,
                                .unit = lik->spreads && lik->params == 1 && m->config.sd == SD_UNIT};
    }
    size_t no = lik_outputs(lik, cells) * (b->spread ? 2 : 1), nw = tied && b->nx ? 0 : lik_params(lik, cells);
    b->nx++, b->no += no, b->nw += nw;
    *o += no, *w += nw;
}

/* A block for each position, all over the same symbols. */
static void add_line(struct vae_model *m, size_t c, size_t *o) {
    for (size_t t = 0; t < m->npositions; t++, *o += m->symbols.nlevels)
        m->block[m->nblocks++] = (struct lik_block){.lik = &lik_categorical, .nx = 1, .no = m->symbols.nlevels, .x0 = m->line->v0 + t,
                                                    .o0 = *o, .w0 = m->nw, .col = c, .cells = &m->symbols};
}

/* A text is all that there is to model, and takes a net of its own. */
static int set_line(struct vae_model *m, struct vae_err *err) {
    const struct schema *s = m->schema;
    const struct model_config *c = &m->config;
    bool alone = true;
    m->line = schema_line(s);
    for (size_t i = 0; i < s->ncols && m->line; i++)
        alone = alone && (s->col[i].condition || &s->col[i] == m->line);
    if (!m->line != !c->recurrent || !alone || (m->line && (c->nhidden != 1 || c->masks || c->chain || c->nchannels)))
        return err_set(err, VAE_EDATA,
                       "a line of text needs a gru of one layer, and a gru a line of text; other columns can only be conditions");
    m->npositions = m->line ? line_positions(m->line) : 0;
    return m->line ? line_cells(m->line, s->rows, &m->symbols, err) : 0;
}

/* Columns of one plain number share a block; an image, and every column of a chain, has its own. */
static int add_blocks(struct vae_model *m, size_t w0, struct vae_err *err) {
    const struct schema *s = m->schema;
    m->block = mem_array(s->d, sizeof *m->block);
    if (!m->block)
        return err_set(err, VAE_EOS, "out of memory");
    size_t o = 0, w = w0;
    bool alone = false;
    for (size_t c = 0; c < s->ncols; c++) {
        if (s->col[c].condition) {
            alone = true;
            continue;
        }
        if (s->col[c].kind == SCHEMA_LINE) {
            add_line(m, c, &o);
            continue;
        }
        const struct lik *lik = column_lik(m, c);
        int r = check_lik(m, c, lik, err);
        if (r)
            return r;
        alone = alone || s->col[c].width > 1 || m->config.chain || lik->grid;
        for (size_t j = s->col[c].v0; j < s->col[c].v0 + s->col[c].width; j++) {
            add_value(m, c, j, lik, alone, &o, &w);
            alone = false;
        }
        alone = s->col[c].width > 1;
    }
    m->noutputs = o;
    m->nw = w;
    return o ? 0 : err_set(err, VAE_EDATA, "all columns are conditions: none is left to model");
}

bool model_image(const struct schema *s, struct nn_image *image) {
    const struct schema_col *c = NULL;
    size_t side = 1, columns = 0;
    for (size_t i = 0; i < s->ncols; i++)
        if (!s->col[i].condition)
            c = &s->col[i], columns++;
    if (columns != 1 || c->kind != SCHEMA_ARRAY || c->ndim < 1 || c->ndim > 3)
        return false;
    while (side * side < c->width)
        side++;
    *image = c->ndim > 1 ? (struct nn_image){c->shape[0], c->shape[1], c->ndim > 2 ? c->shape[2] : 1}
                         : (struct nn_image){side, side, 1};
    return image->h * image->w * image->c == c->width && c->width > 1;
}

/* Has the encoder more features after a stage than a model may have? An upper bound: sizes are halved, and rounded up. */
static bool too_large(const struct nn_images *c) {
    size_t h = c->size.h, w = c->size.w, features;
    for (size_t i = 0; i < c->n; i++) {
        h = (h + 1) / 2, w = (w + 1) / 2;
        if (!mem_mul(h * w, c->channels[i], &features) || features > MODEL_MAX_FEATURES)
            return true;
    }
    return false;
}

/* Encoder: both ways through the line -> what it says of the latents. Decoder: each position, given latents, conditions and the
 * symbols before, -> what it says of its own symbol, by the same weights everywhere. */
static int add_recurrent(struct vae_model *m, size_t outputs, struct vae_err *err) {
    size_t T = m->npositions, H = m->config.hidden[0], A = m->symbols.nlevels, features;
    struct nn_node in = {.op = &nn_gru, .in = m->nfeature, .out = 2 * ((H + 1) / 2), .told = A, .blocks = T};
    struct nn_node out = {.op = &nn_gru, .in = m->zdim + T + m->ncond, .from = m->zdim, .told = A, .blocks = T, .strict = true};
    struct nn_window each = {{1, T, H}, {1, T, A}, 1, 1, 0, 0};
    if (!mem_mul(T, 5 * H + A, &features) || features > MODEL_MAX_FEATURES)
        return err_set(err, VAE_EDATA, "lines of %zu symbols of %zu are too long for %zu units", T, A, H);
    out.out = T * H;
    int r = nn_add_node(&m->enc, in, err);
    if (!r)
        r = nn_add(&m->enc, &nn_dense, in.out, outputs, 0, 0, err);
    if (!r)
        r = nn_add_node(&m->dec, out, err);
    if (!r && m->config.dropout > 0)
        r = nn_add(&m->dec, &nn_dropout, T * H, T * H, m->dec.n, m->config.dropout, err);
    return r ? r : nn_add_window(&m->dec, &nn_conv, &each, err);
}

static int add_nets(struct vae_model *m, struct vae_err *err) {
    const struct model_config *c = &m->config;
    size_t back[MODEL_MAX_HIDDEN];
    for (size_t i = 0; i < c->nhidden; i++)
        back[i] = c->hidden[c->nhidden - 1 - i];
    size_t code = m->zdim + (c->chain ? 1 + m->nfeature : m->ncond);
    size_t outputs = m->codes.codes ? m->codes.outputs : c->latent_dim * c->latent->heads;
    struct nn_mlp enc = {m->nfeature, outputs, c->nhidden, c->hidden, c->act, c->residual, c->dropout, 0};
    struct nn_mlp dec = {code, m->noutputs, c->nhidden, back, c->act, c->residual, c->dropout, m->ncond};
    struct nn_images conv = {.n = c->nchannels, .channels = c->channels, .raster = c->raster ? RASTER : 0};
    if (conv.n && (!model_image(m->schema, &conv.size) || m->block[0].cells || too_large(&conv)))
        return err_set(err, VAE_EDATA, "convolutions need records that are images of plain numbers, and no more than "
                       "%d features a stage", MODEL_MAX_FEATURES);
    if (c->raster && (!conv.n || conv.size.c > 4 || conv.size.h * conv.size.w > MODEL_MAX_FEATURES / RASTER || m->block[0].spread))
        return err_set(err, VAE_EDATA, "--net raster needs images of at most 4 channels and %d pixels, and goes without --sd record",
                       MODEL_MAX_FEATURES / RASTER);
    m->raster_channels = conv.size.c;
    int r = c->recurrent ? add_recurrent(m, outputs, err) : conv.n ? nn_encoder(&m->enc, &conv, &enc, err) : nn_mlp(&m->enc, &enc, err);
    if (!r && !c->recurrent)
        r = conv.n ? nn_decoder(&m->dec, &conv, &dec, err) : nn_mlp(&m->dec, &dec, err);
    if (c->code_prior) {
        model_set_prior(m, c->code_prior);
        m->nprior = c->code_prior->size(&m->space, 0);
    }
    if (!r && c->code_prior)
        r = c->code_prior->net(&m->chances, &m->space, c->dropout, err);
    if (r)
        return r;
    m->dec.node[0].grad_in = m->zdim;
    if (m->ntop < c->latent_dim) {
        const size_t width = c->nhidden ? c->hidden[c->nhidden - 1] : 0, hidden[DOWN_BLOCKS] = {width, width};
        struct nn_mlp down = {m->ntop, 2 * (c->latent_dim - m->ntop), width ? DOWN_BLOCKS : 0, hidden, c->act, c->residual, 0, 0};
        r = nn_mlp(&m->down, &down, err);
        if (r)
            return r;
        m->down.node[m->down.n - 1].gain = 0; /* the untrained lower level has the standard normal for a prior */
    }
    m->wlatent = nn_place(&m->down, nn_place(&m->dec, nn_place(&m->enc, 0)));
    m->wprior = m->wlatent + m->codes.params;
    m->wlik = nn_place(&m->chances, m->wprior) + (m->npseudo ? m->npseudo * m->nfeature : c->joint_size);
    for (size_t i = 0; i < m->nblocks; i++)
        m->block[i].w0 += m->wlik;
    m->nw += m->wlik;
    return 0;
}

const char *const model_sd_names[MODEL_NSD] = {"column", "shared", "record", "unit"};

int model_sd_by_name(const char *name, enum model_sd *sd, struct vae_err *err) {
    for (size_t i = 0; i < MODEL_NSD; i++)
        if (!strcmp(model_sd_names[i], name)) {
            *sd = (enum model_sd)i;
            return 0;
        }
    return err_set(err, VAE_EUSAGE, "no such sd: '%s'; there are column, shared, record and unit", name);
}

size_t model_top(const struct model_config *c) { return c->latent->levels > 1 ? ladder_top(c->latent_dim) : c->latent_dim; }

/* What the family makes of the latents asked for, and what their prior is. */
static int set_latents(struct vae_model *m, struct vae_err *err) {
    const struct model_config *c = &m->config;
    const struct latent_codes *codes = c->latent->codes;
    m->ntop = model_top(c);
    m->zdim = m->neps = c->latent_dim;
    m->kl_varies = c->latent->levels > 1 || c->joint;
    m->prior = c->joint ? c->joint : &prior_normal;
    m->nprior = c->joint_size;
    m->npseudo = c->joint && c->joint->joint->encoded ? c->joint_size / (2 * m->ntop) : 0;
    m->space = (struct prior_space){c->joint ? m->ntop : m->zdim, 0, 0};
    if (!codes && !c->codes && !c->code_prior)
        return 0;
    m->codes = (struct code_shape){.k = c->latent_dim, .codes = c->codes};
    if (!codes || c->joint || !codes->shape(&m->codes) || m->codes.k * m->codes.codes > MODEL_MAX_WIDTH ||
        m->codes.zdim > MODEL_MAX_LATENT)
        return err_set(err, VAE_EDATA, "%s latents cannot be %zu codes of %zu values", c->latent->name, c->latent_dim, c->codes);
    m->zdim = m->codes.zdim, m->neps = m->codes.noise;
    m->kl_varies = codes->spread != NULL;
    m->space = (struct prior_space){c->latent_dim, c->codes, 0};
    m->prior = c->code_prior ? c->code_prior : &prior_uniform;
    return 0;
}

static const struct model_calibration none = {.alpha = 0.001, .method = "none", .by = VAE_BY_ELBO};

struct vae_model *model_new_sized(const struct model_config *config, struct schema *s, size_t weights,
                                  struct vae_err *err) {
    struct vae_model *m = mem_array(1, sizeof *m);
    if (!m) {
        schema_free(s);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    m->config = *config;
    m->schema = s;
    m->cal = none;
    m->ngroups = !m->config.chain ? 1 : s->ncols < MODEL_MAX_GROUPS ? s->ncols : MODEL_MAX_GROUPS;
    if (m->config.masks && s->ncols > MODEL_MAX_COLUMNS) {
        err_set(err, VAE_EDATA, "a model with masks has at most %d columns", MODEL_MAX_COLUMNS);
    } else if (!set_latents(m, err) && !set_line(m, err) && !model_place_features(m, err) && !add_blocks(m, 0, err) && !add_nets(m, err)) {
        if (weights != MODEL_ANY_SIZE && m->nw != weights) {
            err_set(err, VAE_EDATA, "the weights do not fit the configuration: there are %zu, not %zu", weights, m->nw);
            vae_model_free(m);
            return NULL;
        }
        m->w = mem_floats(m->nw);
        m->prior_param = m->npseudo ? mem_floats(m->nprior) : model_prior_trained(m) && m->w ? m->w + m->wprior : NULL;
        m->lik_mean = mem_array(3 * s->d, sizeof *m->lik_mean);
        m->training = json_object();
        if (m->w && m->lik_mean && m->training && (!model_prior_trained(m) || m->prior_param)) {
            m->lik_sd = m->lik_mean + s->d;
            m->lik_floor = m->lik_sd + s->d;
            return m;
        }
        err_set(err, VAE_EOS, "out of memory for a model of %zu weights", m->nw);
    }
    vae_model_free(m);
    return NULL;
}

struct vae_model *model_new(const struct model_config *config, struct schema *s, struct vae_err *err) {
    return model_new_sized(config, s, MODEL_ANY_SIZE, err);
}

struct prior_space model_prior_space(const struct vae_model *m, const struct prior *p) {
    return (struct prior_space){m->space.k, m->space.codes, p->told ? m->ncond : 0};
}

void model_set_prior(struct vae_model *m, const struct prior *p) {
    m->prior = p;
    m->space = model_prior_space(m, p);
}

void model_exemplars_free(struct model_exemplars *e) {
    free(e->u), free(e->weight), free(e->missing), free(e->sparse);
    *e = (struct model_exemplars){0};
}

void model_denoiser_free(struct model_denoiser *d) {
    free(d->weight), free(d->mean), free(d->size), free(d->w);
    *d = (struct model_denoiser){0};
}

void model_forget(struct vae_model *m) {
    if (!model_prior_trained(m)) {
        free(m->prior_param);
        model_set_prior(m, m->space.codes ? &prior_uniform : &prior_normal);
        m->prior_param = NULL, m->nprior = 0;
    }
    free(m->cal.score), free(m->use), free(m->conditions.x);
    model_exemplars_free(&m->exemplars);
    model_denoiser_free(&m->denoiser);
    m->cal = none, m->use = NULL, m->conditions.x = NULL, m->conditions.n = 0;
    json_object_clear(m->training);
}

void vae_model_free(struct vae_model *m) {
    if (!m)
        return;
    for (size_t j = 0; m->feature && j < m->schema->d; j++)
        free(m->feature[j].hot);
    schema_free(m->schema);
    nn_net_free(&m->enc);
    nn_net_free(&m->dec);
    nn_net_free(&m->down);
    nn_net_free(&m->chances);
    free(m->block), cells_free(&m->symbols);
    free(m->feature), free(m->absent);
    free(m->conditions.value), free(m->conditions.x);
    free(m->w);
    free(m->lik_mean);
    free(m->use);
    if (!model_prior_trained(m) || m->npseudo)
        free(m->prior_param);
    free(m->cal.score);
    model_exemplars_free(&m->exemplars);
    model_denoiser_free(&m->denoiser);
    json_decref(m->training);
    free(m->path);
    free(m);
}

void model_marginals(struct vae_model *m) {
    const struct schema *s = m->schema;
    for (size_t j = 0; j < s->d; j++) {
        m->lik_mean[j] = (s->stats.mean[j] - s->center[j]) / s->scale[j];
        m->lik_sd[j] = s->stats.sd[j] / s->scale[j];
        /* sqrt(1/12) of a step is the sd of rounding to it; a constant was at least written with some step */
        double step = s->stats.step[j] > 0 ? s->stats.step[j] : s->scale[j];
        m->lik_floor[j] = step / s->scale[j] * 0.28867513459481288;
    }
    for (size_t b = 0; b < m->nblocks; b++) /* a whole number of steps */
        if (m->block[b].lik->grid) {
            double steps = s->scale[m->block[b].x0] / schema_step(s, m->block[b].col);
            m->block[b].step = (float)(1 / fmin(fmax(nearbyint(steps), 1), LIK_GRID_MAX));
        }
    m->log_jacobian = 0;
    for (size_t b = 0; b < m->nblocks; b++)
        if (!m->block[b].lik->mass && !m->block[b].cells)
            m->log_jacobian += schema_log_jacobian(s, m->block[b].x0, m->block[b].nx);
}

struct lik_marginals model_block_marginals(const struct vae_model *m, const struct lik_block *b) {
    return (struct lik_marginals){m->lik_mean + b->x0, m->lik_sd + b->x0, m->lik_floor + b->x0,
                                  b->cells ? b->cells->share : NULL};
}

void model_start(struct vae_model *m, uint64_t seed) {
    nn_init(&m->enc, m->w, seed, 0);
    nn_init(&m->dec, m->w, seed, 1000);
    nn_init(&m->down, m->w, seed, 2000);
    nn_init(&m->chances, m->w, seed, 2000);
    if (m->config.joint && m->config.joint->joint->start)
        m->config.joint->joint->start(m->ntop, m->nprior, m->w + m->wprior, seed);
    const struct nn_node *last = &m->dec.node[m->dec.n - 1];
    float *bias = m->w + last->w0 + last->nw - last->nb;
    for (size_t i = 0; i < (m->line ? 1 : m->nblocks); i++) { /* the positions of a line share their biases */
        struct lik_marginals marg = model_block_marginals(m, &m->block[i]);
        m->block[i].lik->start(&m->block[i], &marg, bias + m->block[i].o0, m->w + m->block[i].w0);
    }
}

void model_project(struct vae_model *m, float *w) {
    for (size_t i = 0; i < m->nblocks; i++) {
        const struct lik_block *b = &m->block[i];
        struct lik_marginals marg = model_block_marginals(m, b);
        if (b->lik->project)
            b->lik->project(b, &marg, w + b->w0);
        for (size_t j = 0; j < b->nw && b->unit; j++)
            w[b->w0 + j] = 0; /* log 1 */
    }
}

int model_pass_init(struct model_pass *p, const struct vae_model *m, size_t ld, bool gradients, struct vae_err *err) {
    size_t d = m->schema->d, neps = m->neps > m->zdim ? m->neps : m->zdim, k = m->codes.codes ? m->codes.k : 0, floats;
    size_t values = m->kl_varies ? k * m->codes.codes : 0, soft = m->chances.n ? 0 : values;
    ld += gradients ? m->npseudo : 0;
    *p = (struct model_pass){.ld = ld, .draws = 1};
    int r = nn_work_init(&p->enc, &m->enc, ld, gradients, err);
    if (!r)
        r = nn_work_init(&p->dec, &m->dec, ld, gradients, err);
    if (!r && m->down.n)
        r = nn_work_init(&p->down, &m->down, ld, gradients, err);
    if (!r && m->chances.n)
        r = nn_work_init(&p->chances, &m->chances, ld, gradients, err);
    if (!r && m->config.joint) {
        p->joint = m->config.joint;
        p->prior = m->config.joint->joint->work(m->ntop, m->nprior, ld, gradients, err);
        r = p->prior ? 0 : VAE_EOS;
    }
    if (!r) {
        /* two doubles a record behind the floats */
        p->mem = mem_mul(3 * d + neps + k + values + soft + 5, ld, &floats) ? mem_floats(floats) : NULL;
        p->component = gradients && m->npseudo ? mem_floats(2 * m->nprior) : NULL;
        if (!p->mem || (gradients && m->npseudo && !p->component))
            r = err_set(err, VAE_EOS, "out of memory for %zu records", ld);
    }
    if (r) {
        model_pass_free(p);
        return r;
    }
    p->nll = p->mem;
    p->kl = p->nll + ld;
    p->x = (float *)(p->kl + ld);
    p->eps = p->x + d * ld;
    p->code = p->eps + neps * ld;
    p->share = p->code + k * ld;
    p->soft = p->share + values * ld;
    p->seen = p->soft + soft * ld;
    p->spare = p->seen + d * ld;
    p->target = m->config.chain ? p->spare : p->x;
    p->part = p->spare + d * ld;
    p->dcomponent = p->component ? p->component + m->nprior : NULL;
    return 0;
}

void model_pass_free(struct model_pass *p) {
    nn_work_free(&p->enc);
    nn_work_free(&p->dec);
    nn_work_free(&p->down);
    nn_work_free(&p->chances);
    if (p->joint)
        p->joint->work_free(p->prior);
    free(p->component);
    free(p->mem), free(p->unguided), free(p->own);
    *p = (struct model_pass){0};
}

float *model_h(struct model_pass *p) { return p->enc.act[p->enc.n]; }
float *model_z(struct model_pass *p) { return p->dec.act[0]; }
float *model_o(struct model_pass *p) { return p->dec.act[p->dec.n]; }
