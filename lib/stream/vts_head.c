/* vts_head.c - the HEAD of a VTS segment: JSON to struct vae_head and back. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "stream/vts.h"

static const char *const known[] = {"vts", "kind", "model", "origin", "quoted", "fields", NULL};

static json_t *dump_field(const struct rec_field *f) {
    json_t *j = json_object(), *shape;
    int bad = json_object_set_new(j, "name", json_string(f->name));
    bad |= json_object_set_new(j, "dtype", json_string(rec_type_name(f->type)));
    if (f->ndim > 0) {
        shape = json_array();
        for (size_t i = 0; i < f->ndim; i++)
            bad |= json_array_append_new(shape, json_integer((json_int_t)f->shape[i]));
        bad |= json_object_set_new(j, "shape", shape);
    }
    if (f->keep)
        bad |= json_object_set_new(j, "keep", json_true());
    if (f->apart)
        bad |= json_object_set_new(j, "apart", json_true());
    if (f->decimals >= 0)
        bad |= json_object_set_new(j, "decimals", json_integer(f->decimals));
    if (!bad)
        return j;
    json_decref(j);
    return NULL;
}

/* The model without its path, or as it is; a new reference. */
static json_t *dump_model(json_t *model, bool no_path) {
    if (!no_path || !js_has(model, "path"))
        return json_incref(model);
    json_t *j = json_copy(model);
    json_object_del(j, "path");
    return j;
}

int vts_head_dump(const struct vae_head *head, bool quoted, bool no_model_path, struct buf *out, struct vae_err *err) {
    json_t *j = head->extra ? json_copy(head->extra) : json_object(), *fields = json_array();
    size_t before = out->n;
    int rc = 0, bad = json_object_set_new(j, "vts", json_integer(1));
    bad |= json_object_set_new(j, "kind", json_string(head->kind));
    if (head->model)
        bad |= json_object_set_new(j, "model", dump_model(head->model, no_model_path));
    if (head->origin)
        bad |= json_object_set(j, "origin", head->origin);
    if (quoted)
        bad |= json_object_set_new(j, "quoted", json_true());
    bad |= json_object_set(j, "fields", fields);
    for (size_t i = 0; !rc && i < head->nfields; i++) {
        json_t *f = dump_field(&head->fields[i]), *name = json_string(head->fields[i].name);
        if (!name)
            rc = err_set(err, VAE_EUSAGE, "the name of column %zu is not UTF-8, as VTS needs it", i + 1);
        bad |= json_array_append_new(fields, f);
        json_decref(name);
    }
    if (!rc && bad)
        rc = err_set(err, VAE_EOS, "out of memory");
    rc = rc ? rc : js_dump(j, out, err);
    if (!rc && out->n - before > VTS_HEAD_MAX)
        rc = err_set(err, VAE_EUSAGE, "the head takes %zu bytes, VTS holds 1 MiB: shorten the column names",
                     out->n - before);
    json_decref(fields);
    json_decref(j);
    return rc;
}

static int load_shape(json_t *j, size_t *ndim, size_t shape[REC_MAX_DIMS], const char *what, struct vae_err *err) {
    json_t *dims;
    size_t width = 1;
    int rc = js_array(j, "shape", &dims, what, err);
    if (rc)
        return rc;
    *ndim = json_array_size(dims);
    if (*ndim > REC_MAX_DIMS)
        return err_set(err, VAE_EDATA, "%s: a shape of %zu dimensions, at most %d are read", what, *ndim, REC_MAX_DIMS);
    for (size_t i = 0; i < *ndim; i++) {
        const json_t *d = json_array_get(dims, i);
        json_int_t v = json_is_integer(d) ? json_integer_value(d) : 0;
        if (v < 1 || v > VTS_FRAME_MAX)
            return err_set(err, VAE_EDATA, "%s: a shape with a bad dimension", what);
        shape[i] = (size_t)v;
        if (!mem_mul(width, shape[i], &width) || width > VTS_FRAME_MAX)
            return err_set(err, VAE_EDATA, "%s: a shape larger than a frame", what);
    }
    return 0;
}

static int load_field(json_t *j, struct vae_head *head, const char *what, struct vae_err *err) {
    const char *name, *dtype;
    size_t ndim = 0, shape[REC_MAX_DIMS] = {0};
    bool keep = false, apart = false;
    int64_t decimals = -1;
    int rc = js_string(j, "name", &name, what, err);
    rc = rc ? rc : js_string(j, "dtype", &dtype, what, err);
    if (!rc && js_has(j, "shape"))
        rc = load_shape(j, &ndim, shape, what, err);
    if (!rc && js_has(j, "keep"))
        rc = js_bool(j, "keep", &keep, what, err);
    if (!rc && js_has(j, "apart"))
        rc = js_bool(j, "apart", &apart, what, err);
    if (!rc && js_has(j, "decimals"))
        rc = js_int(j, "decimals", -1, 15, &decimals, what, err);
    if (rc)
        return rc;
    int type = rec_type_by_name(dtype);
    if (type < 0)
        return err_set(err, VAE_EDATA, "%s: dtype '%s' is unknown, written by a newer vae", what, dtype);
    if (type == REC_UTF8 && ndim > 0)
        return err_set(err, VAE_EDATA, "%s: text with a shape", what);
    struct rec_field *f = rec_head_add(head, name, (enum rec_type)type, ndim, shape, err);
    if (!f)
        return VAE_EOS;
    f->keep = keep, f->apart = apart;
    f->decimals = (int)decimals;
    return 0;
}

/* The members that this version does not know, to be carried on; NULL where there are none. */
static int load_extra(json_t *j, json_t **extra, struct vae_err *err) {
    *extra = json_copy(j);
    if (!*extra)
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; known[i]; i++)
        json_object_del(*extra, known[i]);
    if (json_object_size(*extra) == 0) {
        json_decref(*extra);
        *extra = NULL;
    }
    return 0;
}

/* Members besides the fields. */
static int load_members(json_t *j, struct vae_head *head, bool *quoted, const char *what, struct vae_err *err) {
    const char *text;
    *quoted = false;
    if (js_has(j, "model")) {
        int rc = js_object(j, "model", &head->model, what, err);
        json_incref(head->model);
        if (!rc && js_has(head->model, "path"))
            rc = js_string(head->model, "path", &text, what, err);
        if (!rc && js_has(head->model, "id"))
            rc = js_string(head->model, "id", &text, what, err);
        if (rc)
            return rc;
    }
    if (js_has(j, "origin")) {
        int rc = js_object(j, "origin", &head->origin, what, err);
        json_incref(head->origin);
        if (rc)
            return rc;
    }
    if (js_has(j, "quoted")) {
        int rc = js_bool(j, "quoted", quoted, what, err);
        if (rc)
            return rc;
    }
    return load_extra(j, &head->extra, err);
}

struct vae_head *vts_head_load(const void *p, size_t n, bool *quoted, const char *what, struct vae_err *err) {
    const char *kind;
    int64_t version;
    json_t *fields;
    struct vae_head *head = NULL;
    json_t *j = js_load(p, n, VTS_HEAD_MAX, what, err);
    if (!j)
        return NULL;
    int rc = js_int(j, "vts", 1, INT64_MAX, &version, what, err);
    if (!rc && version != 1)
        rc = err_set(err, VAE_EDATA, "%s: written by a newer vae (VTS %lld, this one reads 1)", what,
                     (long long)version);
    rc = rc ? rc : js_string(j, "kind", &kind, what, err);
    rc = rc ? rc : js_array(j, "fields", &fields, what, err);
    if (!rc && json_array_size(fields) == 0)
        rc = err_set(err, VAE_EDATA, "%s: no fields", what);
    if (!rc && !(head = rec_head_new(kind, err)))
        rc = VAE_EOS;
    rc = rc ? rc : load_members(j, head, quoted, what, err);
    for (size_t i = 0; !rc && i < json_array_size(fields); i++) {
        char where[sizeof err->msg];
        snprintf(where, sizeof where, "%s: field %zu", what, i + 1);
        rc = load_field(json_array_get(fields, i), head, where, err);
    }
    json_decref(j);
    if (!rc)
        return head;
    rec_head_free(head);
    return NULL;
}

/* Equal members, where a missing one equals a missing one. */
static bool same_member(const json_t *a, const json_t *b, const char *key) {
    const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);
    return x && y ? json_equal(x, y) : x == y;
}

const char *vts_head_differs(const struct vae_head *a, const struct vae_head *b) {
    if (strcmp(a->kind, b->kind) != 0)
        return "another kind of records";
    if (!same_member(a->model, b->model, "id"))
        return "another model";
    if (a->nfields != b->nfields)
        return "other fields";
    for (size_t i = 0; i < a->nfields; i++) {
        const struct rec_field *f = &a->fields[i], *g = &b->fields[i];
        if (strcmp(f->name, g->name) != 0 || f->type != g->type || f->keep != g->keep || f->apart != g->apart || f->ndim != g->ndim ||
            memcmp(f->shape, g->shape, f->ndim * sizeof f->shape[0]) != 0)
            return "other fields";
    }
    return NULL;
}
