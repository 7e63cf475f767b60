/* latents.c - finding and reading the latents in a stream: a vector, or columns of a table. */
#include "model/latents.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"

static int find_column(const struct vae_head *in, const char *base, size_t j) {
    char name[32];
    snprintf(name, sizeof name, "%s%zu", base, j + 1);
    return rec_head_find(in, name);
}

static const char *base_of(const struct latents *l) { return l->codes ? "code" : "z"; }
static const char *kind_of(const struct latents *l) { return l->codes ? "codes" : "latents"; }

/* Text columns z1, z2, ... or code1, code2, ... */
static int find_columns(struct latents *l, const struct vae_head *in, size_t k, struct vae_err *err) {
    for (l->k = 0; l->k < MODEL_MAX_LATENT && (!k || l->k < k); l->k++)
        if ((l->mean.cell[l->k] = find_column(in, base_of(l), l->k)) < 0)
            break;
    if (k && l->k < k)
        return err_set(err, VAE_EDATA, "column '%s%zu' is missing: this model has %zu %s", base_of(l), l->k + 1, k,
                       kind_of(l));
    if (!l->k)
        return err_set(err, VAE_EDATA, "column 'z1' is missing: latents are what vae-enc writes");
    l->has_sd = !l->codes;
    for (size_t j = 0; j < l->k && l->has_sd; j++)
        l->has_sd = (l->sd.cell[j] = find_column(in, "sd", j)) >= 0;
    return 0;
}

/* The vector of this name, or the first one; -1: there is none. A kept column may have any name. */
static int find_vector(const struct vae_head *in, const char *name) {
    int found = -1;
    for (size_t f = 0; f < in->nfields; f++) {
        const struct rec_field *field = &in->fields[f];
        if (field->type != REC_UTF8 && !field->keep && (found < 0 || !strcmp(field->name, name)))
            found = (int)f;
    }
    return found;
}

bool latents_named_codes(const struct vae_head *in) {
    int vector = find_vector(in, "codes");
    if (vector >= 0)
        return !strcmp(in->fields[vector].name, "codes");
    return find_column(in, "code", 0) >= 0 && find_column(in, "z", 0) < 0;
}

/* l->codes says which. */
static int find(struct latents *l, const struct vae_head *in, size_t k, struct vae_err *err) {
    l->mean.field = find_vector(in, l->codes ? "codes" : "mu"), l->sd.field = -1;
    l->has_sd = false;
    if (l->mean.field < 0)
        return find_columns(l, in, k, err);
    const struct rec_field *mu = &in->fields[l->mean.field];
    if (!l->codes && mu->type != REC_F32 && mu->type != REC_F64)
        return err_set(err, VAE_EDATA, "latents are floats, not %s", rec_type_name(mu->type));
    if (k && mu->width != k)
        return err_set(err, VAE_EDATA, "expected %zu %s, got %zu; is this another model's stream?", k, kind_of(l),
                       mu->width);
    if (mu->width > MODEL_MAX_LATENT)
        return err_set(err, VAE_EDATA, "records of %zu values are no latents, of which there are %d at most", mu->width,
                       MODEL_MAX_LATENT);
    l->k = mu->width;
    for (size_t f = 0; f < in->nfields && !l->codes; f++) {
        const struct rec_field *field = &in->fields[f];
        if (!field->keep && (field->type == REC_F32 || field->type == REC_F64) && !strcmp(field->name, "sd") &&
            field->width == l->k)
            l->sd.field = (int)f, l->has_sd = true;
    }
    return 0;
}

int latents_find(struct latents *l, const struct vae_head *in, size_t k, struct vae_err *err) {
    l->codes = 0;
    if (latents_named_codes(in))
        return err_set(err, VAE_EDATA, "these are codes, and there is nothing between codes; latents are what vae-enc writes "
                       "without --codes");
    return find(l, in, k, err);
}

int latents_find_codes(struct latents *l, const struct vae_head *in, size_t k, size_t codes, struct vae_err *err) {
    l->codes = codes;
    return find(l, in, k, err);
}

static float vector_item(enum rec_type type, const void *data, size_t at) {
    switch (type) {
    case REC_F64: return (float)((const double *)data)[at];
    case REC_I32: return (float)((const int32_t *)data)[at];
    case REC_U8: return ((const uint8_t *)data)[at];
    default: return ((const float *)data)[at];
    }
}

static int read_columns(const struct latents_columns *c, const char *base, size_t k, const struct vae_head *in,
                        const struct vae_batch *b, size_t i, float *z, struct vae_err *err) {
    for (size_t j = 0; j < k; j++) {
        if (c->field >= 0) {
            z[j] = vector_item(in->fields[c->field].type, b->cols[c->field].data, i * k + j);
        } else {
            size_t len;
            double v = NAN;
            const char *p = rec_cell(&b->cols[c->cell[j]], i, &len);
            char plain[64];
            if (b->quoted && len > 1 && len <= sizeof plain && *p == '"')
                len = rec_unquote(p, len, plain), p = plain;
            if (num_parse(p, len, &v) != NUM_NUMBER) {
                char cell[60];
                return err_set(err, VAE_EROW, "latent %s%zu: '%s' is not a number", base, j + 1,
                               err_quote(cell, sizeof cell, p, len));
            }
            z[j] = (float)v;
        }
        if (!isfinite(z[j]))
            return err_set(err, VAE_EROW, "latent %s%zu is not finite", base, j + 1);
    }
    return 0;
}

int latents_read(const struct latents *l, const struct vae_head *in, const struct vae_batch *b, size_t i, float *z,
                 float *sd, struct vae_err *err) {
    int r = read_columns(&l->mean, base_of(l), l->k, in, b, i, z, err);
    for (size_t j = 0; j < l->k && l->codes && !r; j++)
        if (!(z[j] >= 0 && z[j] < (float)l->codes && z[j] == floorf(z[j])))
            r = err_set(err, VAE_EROW, "code%zu: %g is no code, which are whole numbers from 0 to %zu", j + 1,
                        (double)z[j], l->codes - 1);
    return r || !sd ? r : read_columns(&l->sd, "sd", l->k, in, b, i, sd, err);
}

void latents_others(const struct latents *l, const struct vae_head *in, bool *keep) {
    for (size_t f = 0; f < in->nfields; f++)
        keep[f] = in->fields[f].type == REC_UTF8 || (in->fields[f].keep && (int)f != l->mean.field);
    for (size_t j = 0; j < l->k && l->mean.field < 0; j++) {
        int sd = find_column(in, "sd", j);
        if (sd >= 0)
            keep[sd] = false;
        keep[l->mean.cell[j]] = false;
    }
}

int latents_check_model(const struct vae_head *in, const struct vae_model *m, struct vae_err *err) {
    const char *id = json_string_value(json_object_get(in->model, "id"));
    if (id && *m->id && strcmp(id, m->id))
        return err_set(err, VAE_EDATA, "these latents are of model %.12s, not of this one (%.12s)", id, m->id);
    return 0;
}

json_t *latents_model_ref(const struct vae_model *m, bool no_path) {
    json_t *j = json_pack("{s:s}", "id", m->id);
    if (j && m->path && !no_path)
        json_object_set_new(j, "path", json_string(m->path));
    return j;
}
