/*
 * file.c - the model file (vae-model(5)): configuration, schema, training and calibration as JSON strings in the
 * metadata of a container of tensors (tensors.h), the weights as tensors under the names of their layers.
 */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/file_cells.h"
#include "model/model.h"
#include "model/tensors.h"

static const size_t FILE_MAX = (size_t)4 << 30;

/* One walk over all arrays of a model, for writing and for reading. */
typedef int array_fn(void *ctx, const char *name, size_t ndim, const size_t *shape, enum tensor_type, void *data,
                     struct vae_err *);

static int walk_net(const struct nn_net *net, const char *part, float *w, array_fn *fn, void *ctx,
                    struct vae_err *err) {
    int r = 0;
    size_t layer = 0;
    for (size_t i = 0; i < net->n && !r; i++) {
        const struct nn_node *v = &net->node[i];
        if (!v->nw)
            continue;
        char name[64];
        size_t shape[NN_MAX_DIMS], nb, ndim = v->op->shape(v, shape, &nb);
        snprintf(name, sizeof name, "%s.%zu.weight", part, layer);
        if (ndim)
            r = fn(ctx, name, ndim, shape, TENSOR_F32, w + v->w0, err);
        snprintf(name, sizeof name, "%s.%zu.bias", part, layer++);
        if (!r && nb)
            r = fn(ctx, name, 1, &nb, TENSOR_F32, w + v->w0 + v->nw - nb, err);
    }
    return r;
}

static int walk(struct vae_model *m, array_fn *fn, void *ctx, struct vae_err *err) {
    struct schema *s = m->schema;
    double *stats[] = {s->center, s->scale, s->stats.mean, s->stats.sd, s->stats.low, s->stats.high, s->stats.step};
    static const char *const stat_name[] = {"schema.center", "schema.scale", "schema.mean", "schema.sd",
                                            "schema.low",    "schema.high",  "schema.step"};
    int r = 0;
    for (size_t i = 0; i < 7 && !r; i++)
        r = fn(ctx, stat_name[i], 1, &s->d, TENSOR_F64, stats[i], err);
    if (!r)
        r = walk_net(&m->enc, "encoder", m->w, fn, ctx, err);
    if (!r)
        r = walk_net(&m->dec, "decoder", m->w, fn, ctx, err);
    if (!r)
        r = walk_net(&m->down, "latent", m->w, fn, ctx, err);
    size_t nlik = m->nw - m->wlik, cal[2] = {model_scores(m), m->cal.n};
    if (!r && m->codes.params)
        r = fn(ctx, "latent.codebook", 1, &m->codes.params, TENSOR_F32, m->w + m->wlatent, err);
    if (!r && nlik)
        r = fn(ctx, "likelihood", 1, &nlik, TENSOR_F32, m->w + m->wlik, err);
    size_t pseudo[2] = {m->nfeature, m->npseudo};
    if (!r && m->npseudo)
        r = fn(ctx, "pseudo", 2, pseudo, TENSOR_F32, m->w + m->wprior, err);
    if (!r && m->nprior)
        r = fn(ctx, "prior", 1, &m->nprior, TENSOR_F32, m->prior_param, err);
    size_t told[2] = {m->conditions.n, m->conditions.width};
    if (!r && m->conditions.n)
        r = fn(ctx, "conditions", 2, told, TENSOR_F32, m->conditions.x, err);
    if (!r && m->cal.n)
        r = fn(ctx, "calibration", 2, cal, TENSOR_F32, m->cal.score, err);
    struct model_exemplars *e = &m->exemplars;
    struct model_denoiser *o = &m->denoiser;
    const struct {
        const char *name;
        size_t ndim, shape[2];
        float *data;
    } kept[] = {{"exemplars", 2, {e->n, e->width}, e->u}, {"exemplars.weight", 1, {e->width}, e->weight},
                {"exemplars.missing", 1, {e->width}, e->missing}, {"exemplars.sparse", 1, {e->n}, e->sparse},
                {"denoiser", 1, {o->nw}, o->w}, {"denoiser.weight", 1, {o->width}, o->weight},
                {"denoiser.mean", 1, {o->n}, o->mean}, {"denoiser.size", 1, {1}, o->size}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept && !r; i++)
        if (kept[i].data)
            r = fn(ctx, kept[i].name, kept[i].ndim, kept[i].shape, TENSOR_F32, kept[i].data, err);
    if (!r && m->use)
        r = fn(ctx, "kl", 1, &m->config.latent_dim, TENSOR_F64, m->use, err);
    return r;
}

static int add_array(void *ctx, const char *name, size_t ndim, const size_t *shape, enum tensor_type type, void *data,
                     struct vae_err *err) {
    return tensors_add(ctx, name, type, ndim, shape, data, err);
}

static int get_array(void *ctx, const char *name, size_t ndim, const size_t *shape, enum tensor_type type, void *data,
                     struct vae_err *err) {
    const void *from;
    int r = tensors_get(ctx, name, type, ndim, shape, &from, err);
    if (r)
        return r;
    size_t n = tensor_type_size(type);
    for (size_t i = 0; i < ndim; i++)
        n *= shape[i];
    memcpy(data, from, n);
    return 0;
}

static json_t *sizes_json(const size_t *size, size_t n) {
    json_t *j = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(j, json_integer((json_int_t)size[i]));
    return j;
}

json_t *model_config_json(const struct model_config *c) {
    json_t *j = json_pack("{s:s, s:I, s:s, s:o, s:s, s:f, s:s, s:s, s:b, s:b}", "latent", c->latent->name, "latent_dim",
                          (json_int_t)c->latent_dim, "net", model_net(c), "hidden", sizes_json(c->hidden, c->nhidden), "act",
                          c->act->name, "dropout", (double)c->dropout, "lik", c->lik->name, "sd",
                          model_sd_names[c->sd], "masks", c->masks, "chain", c->chain);
    if (j && c->nchannels)
        json_object_set_new(j, "channels", sizes_json(c->channels, c->nchannels));
    if (j && c->recurrent)
        json_object_set_new(j, "word_dropout", json_real((double)c->word_dropout));
    if (j && c->codes)
        json_object_set_new(j, "codes", json_integer((json_int_t)c->codes));
    return j;
}

const char *const model_by_names[] = {"auto", "elbo", "iw", "recon", "mse", "near", "denoise", "line"};

static json_t *calibration_json(const struct vae_model *m) {
    return json_pack("{s:I, s:s, s:f, s:s, s:i}", "rows", (json_int_t)m->cal.n, "method", m->cal.method, "alpha",
                     m->cal.alpha, "by", model_by_names[m->cal.by], "draws", m->cal.draws);
}

/* All of a model as a container; *cells is room that must live as long. NULL and err. */
static struct tensors *pack(struct vae_model *m, struct file_cells *cells, struct vae_err *err) {
    struct tensors *t = tensors_new(err);
    int r = t ? 0 : VAE_EOS;
    if (!r)
        r = tensors_set_json(t, "config", model_config_json(&m->config), err);
    if (!r)
        r = tensors_set_json(t, "schema", schema_to_json(m->schema), err);
    if (!r)
        r = tensors_set_json(t, "training", json_incref(m->training), err);
    if (!r)
        r = tensors_set_json(t, "calibration", calibration_json(m), err);
    if (!r)
        r = tensors_set_json(t, "prior", json_pack("{s:s, s:I}", "kind", m->prior->name, "size", (json_int_t)m->nprior), err);
    if (!r)
        r = walk(m, add_array, t, err);
    if (!r)
        r = file_cells_add(t, m->schema, cells, err);
    if (!r)
        return t;
    tensors_free(t);
    return NULL;
}

int vae_model_save(struct vae_model *m, const char *path, struct vae_err *err) {
    struct file_cells cells = {0};
    struct tensors *t = pack(m, &cells, err);
    int r = t ? tensors_save(t, path, m->id, err) : err && err->code ? err->code : VAE_EOS;
    if (!r) {
        char *copy = mem_text(path, strlen(path));
        if (copy) {
            free(m->path);
            m->path = copy;
        }
    }
    tensors_free(t);
    file_cells_free(&cells);
    return r;
}

struct vae_model *model_copy(const struct vae_model *m, struct vae_err *err) {
    struct file_cells cells = {0};
    struct buf image = {0};
    struct tensors *t = pack((struct vae_model *)(uintptr_t)m, &cells, err);
    struct vae_model *copy = t && !tensors_dump(t, &image, err) ? model_parse(image.p, image.n, "copy", err) : NULL;
    buf_free(&image);
    tensors_free(t);
    file_cells_free(&cells);
    return copy;
}

/* Is there something at the path that a model must not take the place of? What cannot be read is left to the writing. */
static bool holds_other(const char *path) {
    unsigned char first[10];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : pread(fd, first, sizeof first, 0);
    if (fd >= 0)
        close(fd);
    return n > 0 && !vae_is_model(first, (size_t)n);
}

int vae_model_can_save(const char *path, struct vae_err *err) {
    struct stat st;
    bool there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return err_set(err, VAE_ECREATE, "cannot write a model to %s: it is a directory", path);
    if (there && S_ISREG(st.st_mode) && holds_other(path))
        return err_set(err, VAE_EUSAGE, "%s is there and is no model; move it away, or give the model another name (-m)", path);
    struct io_replace *r = io_replace_open(path, err); /* tried for real: only that tells */
    if (!r)
        return err ? err->code : VAE_ECREATE;
    io_replace_abandon(r);
    return 0;
}

/* size[*n], at most `most` of them, each from 1 to `largest`: the array under key. */
static int get_sizes(const json_t *j, const char *key, size_t most, size_t largest, size_t *size, size_t *n,
                     struct vae_err *err) {
    json_t *list;
    int r = js_array(j, key, &list, "config", err);
    *n = r ? 0 : json_array_size(list);
    if (!r && *n > most)
        return err_set(err, VAE_EDATA, "config: '%s' has more than %zu items", key, most);
    for (size_t i = 0; i < *n && !r; i++) {
        json_int_t width = json_integer_value(json_array_get(list, i));
        if (width < 1 || (size_t)width > largest)
            return err_set(err, VAE_EDATA, "config: '%s' has a senseless width", key);
        size[i] = (size_t)width;
    }
    return r;
}

static int config_from_json(const json_t *j, struct model_config *c, struct vae_err *err) {
    const char *latent, *net, *act, *lik, *sd;
    int64_t k, codes = 0;
    double dropout, word_dropout = 0;
    int r = js_string(j, "latent", &latent, "config", err);
    if (!r)
        r = js_int(j, "latent_dim", 1, MODEL_MAX_LATENT, &k, "config", err);
    if (!r && json_object_get(j, "codes"))
        r = js_int(j, "codes", 2, CODES_MAX, &codes, "config", err);
    if (!r)
        r = js_string(j, "net", &net, "config", err);
    if (!r)
        r = js_string(j, "act", &act, "config", err);
    if (!r)
        r = js_string(j, "lik", &lik, "config", err);
    if (!r)
        r = js_string(j, "sd", &sd, "config", err);
    if (!r)
        r = js_number(j, "dropout", &dropout, "config", err);
    if (!r && !strcmp(net, "gru"))
        r = js_number(j, "word_dropout", &word_dropout, "config", err);
    if (r)
        return r;
    bool raster = !strcmp(net, "raster"), conv = raster || !strcmp(net, "conv"), gru = !strcmp(net, "gru");
    *c = (struct model_config){.latent_dim = (size_t)k, .codes = (size_t)codes, .latent = latent_by_name(latent),
                               .lik = lik_by_name(lik),
                               .act = nn_op_by_name(act), .residual = conv || !strcmp(net, "residual"), .dropout = (float)dropout,
                               .recurrent = gru, .raster = raster, .word_dropout = (float)word_dropout,
                               .masks = json_is_true(json_object_get(j, "masks")),
                               .chain = json_is_true(json_object_get(j, "chain"))};
    if (!c->latent || !c->lik || !c->act || !c->act->act || (!conv && !gru && !c->residual && strcmp(net, "mlp")) ||
        model_sd_by_name(sd, &c->sd, NULL) ||
        (size_t)k < c->latent->levels || (c->chain && !c->masks) || !(dropout >= 0 && dropout < 1) ||
        !(word_dropout >= 0 && word_dropout <= 1))
        return err_set(err, VAE_EDATA, "config: a part of the model is unknown to this version");
    r = get_sizes(j, "hidden", MODEL_MAX_HIDDEN, MODEL_MAX_WIDTH, c->hidden, &c->nhidden, err);
    if (!r && conv)
        r = get_sizes(j, "channels", NN_MAX_STAGES, MODEL_MAX_CHANNELS, c->channels, &c->nchannels, err);
    if (!r && conv && !c->nchannels)
        r = err_set(err, VAE_EDATA, "config: a convolution without channels");
    return r;
}

/* As many values as the schema says must be there before anything of their number is filled. */
static int check_there(const struct tensors *t, const struct schema *s, struct vae_err *err) {
    const void *center;
    return tensors_get(t, "schema.center", TENSOR_F64, 1, &s->d, &center, err);
}

/* Items of the tensors that are weights: what the configuration asks for must be there before anything is allocated. */
static size_t weights_in(const struct tensors *t, const struct model_config *c) {
    const char *const part[] = {"encoder.", "decoder.", "latent.", "likelihood",
                                c->joint && c->joint->joint->encoded ? "pseudo" : "prior"};
    size_t n = 0;
    for (size_t i = 0; i < tensors_count(t); i++)
        for (size_t k = 0; k < (c->joint || c->code_prior ? 5 : 4); k++)
            n += strncmp(tensors_at(t, i)->name, part[k], strlen(part[k])) ? 0 : tensors_at(t, i)->count;
    return n;
}

static int load_calibration(struct vae_model *m, const struct tensors *t, struct vae_err *err) {
    json_t *j = tensors_get_json(t, "calibration", err);
    const char *method, *by;
    int64_t n, draws;
    int r = j ? js_int(j, "rows", 0, INT32_MAX, &n, "calibration", err) : VAE_EDATA;
    if (!r)
        r = js_int(j, "draws", 0, 65536, &draws, "calibration", err);
    if (!r)
        r = js_number(j, "alpha", &m->cal.alpha, "calibration", err);
    if (!r)
        r = js_string(j, "method", &method, "calibration", err);
    if (!r)
        r = js_string(j, "by", &by, "calibration", err);
    if (!r) {
        const struct tensor *score = tensors_find(t, "calibration");
        int known = 0;
        for (int i = VAE_BY_ELBO; i <= (int)model_scores(m); i++)
            known = !strcmp(by, model_by_names[i]) ? i : known;
        m->cal.by = (enum vae_by)known;
        m->cal.draws = (int)draws;
        m->cal.method = !strcmp(method, "held-out") ? "held-out" : !strcmp(method, "none") ? "none" : "cross-conformal";
        if (!known || !(m->cal.alpha > 0 && m->cal.alpha < 1) || (n && (!score || score->count < (size_t)n)))
            r = err_set(err, VAE_EDATA, "the calibration does not fit the model");
        else if (n && score->ndim == 2 && score->shape[0] < model_scores(m))
            r = err_set(err, VAE_EDATA, "calibrated for %zu kinds of scores, and there are %zu: an older version made it; fit it again",
                        score->shape[0], model_scores(m));
        m->cal.n = r ? 0 : (size_t)n;
        m->cal.score = r || !n ? NULL : mem_array((size_t)n, MODEL_NBY * sizeof *m->cal.score);
        if (!r && n && !m->cal.score)
            r = err_set(err, VAE_EOS, "out of memory");
    }
    json_decref(j);
    return r;
}

/* What latents are drawn from; where that was trained with the model, it is a part of the configuration. */
static int find_prior(const struct tensors *t, struct model_config *c, const struct prior **prior, size_t *size, struct vae_err *err) {
    json_t *j = tensors_get_json(t, "prior", err);
    const char *kind;
    int64_t n;
    int r = j ? js_int(j, "size", 0, INT32_MAX, &n, "prior", err) : VAE_EDATA;
    if (!r)
        r = js_string(j, "kind", &kind, "prior", err);
    if (!r) {
        const struct tensor *param = tensors_find(t, "prior");
        *prior = prior_by_name(kind);
        *size = (size_t)n;
        if (!*prior || (n && (!param || param->count != *size)) || ((*prior)->joint && !c->latent->backward_logq) ||
            (*prior)->codes != (c->latent->codes != NULL))
            r = err_set(err, VAE_EDATA, "the prior does not fit the model");
        else if ((*prior)->net)
            c->code_prior = *prior;
        else if ((*prior)->joint)
            c->joint = *prior, c->joint_size = *size;
    }
    json_decref(j);
    return r;
}

/* Room for the rows of conditions that the file says it has. */
static int load_conditions(struct vae_model *m, const struct tensors *t, struct vae_err *err) {
    const struct tensor *rows = tensors_find(t, "conditions");
    struct model_conditions *c = &m->conditions;
    if (!rows || !c->width)
        return rows ? err_set(err, VAE_EDATA, "there are rows of conditions, but no column is one") : 0;
    c->n = rows->count / c->width;
    c->x = mem_floats(c->n * c->width + 1);
    return c->x ? 0 : err_set(err, VAE_EOS, "out of memory");
}

/* Room for the exemplars that the file says it has; each array must have the size it is read with. */
static int load_exemplars(struct vae_model *m, const struct tensors *t, struct vae_err *err) {
    const struct tensor *u = tensors_find(t, "exemplars");
    struct model_exemplars *e = &m->exemplars;
    if (!u)
        return 0;
    if (u->ndim != 2 || !u->count)
        return err_set(err, VAE_EDATA, "there are no rows in the exemplars");
    *e = (struct model_exemplars){.n = u->shape[0], .width = u->shape[1], .u = mem_floats(u->count), .weight = mem_floats(u->shape[1]),
                                  .missing = mem_floats(u->shape[1])};
    bool sparse = tensors_find(t, "exemplars.sparse") != NULL;
    if (sparse)
        e->sparse = mem_floats(e->n);
    bool room = e->u && e->weight && e->missing && (e->sparse || !sparse);
    return room ? 0 : err_set(err, VAE_EOS, "out of memory");
}

static int load_denoiser(struct vae_model *m, const struct tensors *t, struct vae_err *err) {
    const struct tensor *w = tensors_find(t, "denoiser"), *weight = tensors_find(t, "denoiser.weight");
    const struct tensor *mean = tensors_find(t, "denoiser.mean");
    if (!w)
        return 0;
    if (!weight || !mean || !w->count || !weight->count || !mean->count)
        return err_set(err, VAE_EDATA, "a part of the denoiser is missing");
    m->denoiser = (struct model_denoiser){.n = mean->count, .width = weight->count, .nw = w->count, .w = mem_floats(w->count),
                                          .weight = mem_floats(weight->count), .mean = mem_floats(mean->count), .size = mem_floats(1)};
    const struct model_denoiser *d = &m->denoiser;
    return d->w && d->weight && d->mean && d->size ? 0 : err_set(err, VAE_EOS, "out of memory");
}

static int make_prior(struct vae_model *m, const struct prior *prior, size_t size, struct vae_err *err) {
    if (model_prior_trained(m))
        return size == m->nprior ? 0 : err_set(err, VAE_EDATA, "the prior does not fit the model");
    model_set_prior(m, prior);
    m->nprior = size;
    m->prior_param = mem_floats(size + 1);
    return m->prior_param ? 0 : err_set(err, VAE_EOS, "out of memory");
}

/* What would make a formula fail later: scales that are not positive, cuts and scores out of order. */
static int check_values(const struct vae_model *m, struct vae_err *err) {
    for (size_t j = 0; j < m->schema->d; j++)
        if (!(m->schema->scale[j] > 0))
            return err_set(err, VAE_EDATA, "schema: a scale is not positive");
    for (size_t i = 0; i < m->nblocks; i++) {
        const struct lik_block *b = &m->block[i];
        if (b->lik->sound && !b->lik->sound(b, m->w + b->w0))
            return err_set(err, VAE_EDATA, "the parameters of a %s likelihood make no sense", b->lik->name);
    }
    for (size_t k = 0; k < m->exemplars.width; k++)
        if (!(m->exemplars.weight[k] >= 0 && m->exemplars.missing[k] >= 0))
            return err_set(err, VAE_EDATA, "the exemplars have a range below 0");
    for (size_t i = 0; i < m->exemplars.n && m->exemplars.sparse; i++)
        if (!(m->exemplars.sparse[i] >= 0))
            return err_set(err, VAE_EDATA, "the exemplars have a distance below 0");
    for (size_t k = 0; k < m->denoiser.width; k++)
        if (!(m->denoiser.weight[k] >= 0 && *m->denoiser.size > 0))
            return err_set(err, VAE_EDATA, "the denoiser has a scale below 0");
    for (size_t by = 0; by < model_scores(m); by++)
        for (size_t i = 1; i < m->cal.n; i++)
            if (m->cal.score[by * m->cal.n + i] < m->cal.score[by * m->cal.n + i - 1])
                return err_set(err, VAE_EDATA, "the calibration scores are out of order");
    return m->prior->check(&m->space, m->nprior, m->prior_param, err);
}

static struct vae_model *build(const struct tensors *t, struct vae_err *err) {
    struct model_config config;
    if (tensors_meta_get(t, "checkpoint")) {
        err_set(err, VAE_EDATA, "a checkpoint, no model yet; vae-fit --resume makes one of it");
        return NULL;
    }
    json_t *cj = tensors_get_json(t, "config", err), *sj = cj ? tensors_get_json(t, "schema", err) : NULL;
    const struct prior *prior = &prior_normal;
    size_t nprior = 0;
    int r = cj && sj ? config_from_json(cj, &config, err) : VAE_EDATA;
    if (!r)
        r = find_prior(t, &config, &prior, &nprior, err);
    struct schema *s = r ? NULL : schema_from_json(sj, err);
    if (s && (check_there(t, s, err) || file_cells_get(t, s, err))) {
        schema_free(s);
        s = NULL;
    }
    json_decref(cj), json_decref(sj);
    struct vae_model *m = s ? model_new_sized(&config, s, weights_in(t, &config), err) : NULL;
    if (!m)
        return NULL;
    r = load_exemplars(m, t, err);
    if (!r)
        r = load_denoiser(m, t, err);
    if (!r)
        r = load_calibration(m, t, err);
    if (!r)
        r = make_prior(m, prior, nprior, err);
    if (!r)
        r = load_conditions(m, t, err);
    if (!r && tensors_find(t, "kl") && !(m->use = mem_array(m->config.latent_dim, sizeof *m->use)))
        r = err_set(err, VAE_EOS, "out of memory");
    json_t *training = r ? NULL : tensors_get_json(t, "training", err);
    if (training) {
        json_decref(m->training);
        m->training = training;
        r = walk(m, get_array, (void *)(uintptr_t)t, err);
    } else {
        r = r ? r : VAE_EDATA;
    }
    if (!r)
        r = check_values(m, err);
    if (!r) {
        model_marginals(m);
        return m;
    }
    vae_model_free(m);
    return NULL;
}

/* The model in a container, which is freed. */
static struct vae_model *take(struct tensors *t, const char *name, const char id[TENSORS_ID_BYTES],
                              struct vae_err *err) {
    struct vae_model *m = t ? build(t, err) : NULL;
    if (t && !m)
        err_prefix(err, "%s", name);
    if (m)
        memcpy(m->id, id, sizeof m->id);
    tensors_free(t);
    return m;
}

struct vae_model *model_parse(const void *p, size_t n, const char *name, struct vae_err *err) {
    char id[TENSORS_ID_BYTES];
    return take(tensors_parse(p, n, name, id, err), name, id, err);
}

struct vae_model *vae_model_load(const char *path, struct vae_err *err) {
    char id[TENSORS_ID_BYTES];
    struct vae_model *m = take(tensors_load(path, FILE_MAX, id, err), path, id, err);
    if (!m)
        return NULL;
    char *real = realpath(path, NULL); /* the name must hold for readers elsewhere in a pipe or later */
    m->path = real ? real : mem_text(path, strlen(path));
    return m;
}

const char *vae_model_id(const struct vae_model *m) { return m->id; }
size_t vae_model_latents(const struct vae_model *m) { return m->zdim; }
size_t vae_model_window(const struct vae_model *m) { return schema_window(m->schema); }
