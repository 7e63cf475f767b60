/* json.c - the schema in the header of a model file: names, types and styles; its arrays are tensors of the file. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"
#include "schema/schema.h"

json_t *schema_to_json(const struct schema *s) {
    json_t *cols = json_array(), *keep = json_array();
    for (size_t i = 0; i < s->ncols; i++) {
        const struct schema_col *c = &s->col[i];
        json_t *shape = json_array();
        for (size_t k = 0; k < c->ndim; k++)
            json_array_append_new(shape, json_integer((json_int_t)c->shape[k]));
        json_array_append_new(cols, json_pack("{s:s, s:s, s:o, s:i, s:s}", "name", c->name, "dtype",
                                              rec_type_name(c->type), "shape", shape, "decimals", c->decimals,
                                              "transform", c->transform->name));
    }
    for (size_t i = 0; i < s->nkeep; i++)
        json_array_append_new(keep, json_string(s->keep[i]));
    /* a copy: folds of one fit copy their schema at the same time, and share no count of references */
    return json_pack("{s:o, s:o, s:o}", "columns", cols, "keep", keep, "origin", json_deep_copy(s->origin));
}

static int col_from_json(const json_t *j, struct schema_col *c, struct vae_err *err) {
    const char *name, *dtype, *transform;
    json_t *shape;
    json_int_t decimals;
    if (json_unpack((json_t *)(uintptr_t)j, "{s:s, s:s, s:o, s:I, s:s}", "name", &name, "dtype", &dtype, "shape",
                    &shape, "decimals", &decimals, "transform", &transform) ||
        !json_is_array(shape) || json_array_size(shape) > REC_MAX_DIMS)
        return err_set(err, VAE_EDATA, "schema: a column is incomplete");
    int type = rec_type_by_name(dtype);
    c->transform = schema_transform_by_name(transform);
    if (type < 0 || !c->transform || decimals < -1 || decimals > 15)
        return err_set(err, VAE_EDATA, "schema: a column has an unknown type, transform or style");
    c->decimals = (int)decimals;
    c->type = (enum rec_type)type;
    c->ndim = json_array_size(shape);
    c->width = 1;
    for (size_t k = 0; k < c->ndim; k++) {
        json_int_t n = json_integer_value(json_array_get(shape, k));
        if (n < 1 || n > INT32_MAX || !mem_mul(c->width, (size_t)n, &c->width))
            return err_set(err, VAE_EDATA, "schema: a column has a senseless shape");
        c->shape[k] = (size_t)n;
    }
    c->name = mem_text(name, strlen(name));
    return c->name ? 0 : err_set(err, VAE_EOS, "out of memory");
}

struct schema *schema_from_json(const json_t *j, struct vae_err *err) {
    json_t *cols = json_object_get(j, "columns"), *keep = json_object_get(j, "keep");
    json_t *origin = json_object_get(j, "origin");
    if (!json_is_array(cols) || !json_is_array(keep) || !json_is_object(origin) || !json_array_size(cols)) {
        err_set(err, VAE_EDATA, "schema: columns, keep or origin is missing");
        return NULL;
    }
    struct schema *s = schema_empty(json_array_size(cols), err);
    if (!s)
        return NULL;
    s->origin = json_incref(origin);
    s->keep = mem_array(json_array_size(keep) + 1, sizeof *s->keep);
    int r = s->keep ? 0 : err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; i < s->ncols && !r; i++)
        r = col_from_json(json_array_get(cols, i), &s->col[i], err);
    for (size_t i = 0; i < json_array_size(keep) && !r; i++) {
        const char *name = json_string_value(json_array_get(keep, i));
        s->keep[i] = name ? mem_text(name, strlen(name)) : NULL;
        r = s->keep[i] ? 0 : err_set(err, VAE_EDATA, "schema: a kept column has no name");
        s->nkeep += !r;
    }
    if (!r && !schema_place(s, err))
        return s;
    schema_free(s);
    return NULL;
}

struct schema *schema_copy(const struct schema *s, struct vae_err *err) {
    json_t *j = schema_to_json(s);
    struct schema *copy = schema_from_json(j, err);
    json_decref(j);
    return copy;
}
