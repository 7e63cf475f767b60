/* tensors.c - the container in memory, and writing it (tensors.h). */
#include "model/tensors.h"

#include <inttypes.h>
#include <math.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json.h"
#include "model/tensors_in.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays are written as they stand");

static const struct {
    const char *name;
    size_t size;
} types[TENSOR_NTYPES] = {[TENSOR_F64] = {"F64", 8},
                          [TENSOR_I64] = {"I64", 8},
                          [TENSOR_F32] = {"F32", 4},
                          [TENSOR_I32] = {"I32", 4},
                          [TENSOR_U8] = {"U8", 1}};

const char *const tensors_own_keys[] = {"crc32", "format", "oldest_reader", "version", NULL};

const char *tensor_type_name(enum tensor_type t) {
    return types[t].name;
}

size_t tensor_type_size(enum tensor_type t) {
    return types[t].size;
}

int tensor_type_by_name(const char *name) {
    for (int i = 0; i < TENSOR_NTYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return i;
    return -1;
}

struct tensors *tensors_new(struct vae_err *err) {
    struct tensors *t = mem_array(1, sizeof *t);
    if (t && (t->meta = json_object()))
        return t;
    free(t);
    err_set(err, VAE_EOS, "out of memory");
    return NULL;
}

void tensors_free(struct tensors *t) {
    if (!t)
        return;
    for (size_t i = 0; i < t->n; i++)
        free(t->items[i].name);
    free(t->items);
    json_decref(t->meta);
    buf_free(&t->image);
    free(t);
}

int tensors_meta_set(struct tensors *t, const char *key, const char *value, struct vae_err *err) {
    for (size_t i = 0; tensors_own_keys[i]; i++)
        if (strcmp(key, tensors_own_keys[i]) == 0)
            return err_set(err, VAE_EUSAGE, "metadata '%s' is the file's own", key);
    if (!*key || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_.") != strlen(key))
        return err_set(err, VAE_EUSAGE, "metadata key '%s' is not of a-z, 0-9, _ and .", key);
    json_t *v = json_string(value);
    if (!v)
        return err_set(err, VAE_EUSAGE, "metadata '%s' is not UTF-8", key);
    return json_object_set_new(t->meta, key, v) ? err_set(err, VAE_EOS, "out of memory") : 0;
}

const char *tensors_meta_get(const struct tensors *t, const char *key) {
    return json_string_value(json_object_get(t->meta, key));
}

int tensors_set_json(struct tensors *t, const char *key, json_t *j, struct vae_err *err) {
    struct buf text = {0};
    int r = j ? js_dump(j, &text, err) : err_set(err, VAE_EOS, "out of memory");
    if (!r)
        r = buf_put(&text, "", 1, err);
    if (!r)
        r = tensors_meta_set(t, key, text.p, err);
    buf_free(&text);
    json_decref(j);
    return r;
}

json_t *tensors_get_json(const struct tensors *t, const char *key, struct vae_err *err) {
    const char *text = tensors_meta_get(t, key);
    if (text)
        return js_load(text, strlen(text), TENSORS_HEADER_MAX, key, err);
    err_set(err, VAE_EDATA, "not a model of vae: metadata '%s' is missing", key);
    return NULL;
}

int tensors_append(struct tensors *t, const char *name, enum tensor_type type, size_t ndim, const size_t *shape,
                   const void *data, struct vae_err *err) {
    struct item item = {.t = {.type = type, .ndim = ndim, .count = 1, .data = data}};
    size_t bytes;
    if (ndim > TENSORS_MAX_DIMS)
        return err_set(err, VAE_EUSAGE, "tensor '%s' has more than %d dimensions", name, TENSORS_MAX_DIMS);
    for (size_t i = 0; i < ndim; i++) {
        item.t.shape[i] = shape[i];
        if (!mem_mul(item.t.count, shape[i], &item.t.count))
            return err_set(err, VAE_EUSAGE, "tensor '%s' is too large", name);
    }
    if (!mem_mul(item.t.count, types[type].size, &bytes) || !mem_add(bytes, t->bytes, &t->bytes) ||
        t->bytes > SIZE_MAX / 2)
        return err_set(err, VAE_EUSAGE, "tensor '%s' is too large", name);
    int rc = mem_grow(&t->items, &t->cap, t->n + 1, sizeof *t->items, err);
    if (rc)
        return rc;
    item.name = mem_text(name, strlen(name));
    if (!item.name)
        return err_set(err, VAE_EOS, "out of memory");
    item.t.name = item.name;
    t->items[t->n++] = item;
    return 0;
}

int tensors_add(struct tensors *t, const char *name, enum tensor_type type, size_t ndim, const size_t *shape,
                const void *data, struct vae_err *err) {
    if (strcmp(name, "__metadata__") == 0 || tensors_find(t, name))
        return err_set(err, VAE_EUSAGE, "tensor '%s' is there already", name);
    int rc = tensors_append(t, name, type, ndim, shape, data, err);
    if (rc)
        return rc;
    size_t at = t->n - 1;
    struct item item = t->items[at];
    while (at > 0 && types[t->items[at - 1].t.type].size < types[type].size)
        at--;
    memmove(t->items + at + 1, t->items + at, (t->n - 1 - at) * sizeof *t->items);
    t->items[at] = item;
    return 0;
}

size_t tensors_count(const struct tensors *t) {
    return t->n;
}

const struct tensor *tensors_at(const struct tensors *t, size_t i) {
    return &t->items[i].t;
}

const struct tensor *tensors_find(const struct tensors *t, const char *name) {
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->items[i].name, name) == 0)
            return &t->items[i].t;
    return NULL;
}

int tensors_get(const struct tensors *t, const char *name, enum tensor_type type, size_t ndim, const size_t *shape,
                const void **data, struct vae_err *err) {
    const struct tensor *x = tensors_find(t, name);
    if (!x)
        return err_set(err, VAE_EDATA, "tensor '%s' is missing", name);
    if (x->type != type)
        return err_set(err, VAE_EDATA, "tensor '%s' is %s, not %s", name, types[x->type].name, types[type].name);
    if (x->ndim != ndim || (ndim > 0 && memcmp(x->shape, shape, ndim * sizeof *shape) != 0))
        return err_set(err, VAE_EDATA, "tensor '%s' has another shape than the model", name);
    *data = x->data;
    return 0;
}

bool tensors_finite(const struct tensor *x) {
    bool good = true;
    if (x->type == TENSOR_F32)
        for (size_t i = 0; i < x->count; i++)
            good &= isfinite(((const float *)x->data)[i]) != 0;
    if (x->type == TENSOR_F64)
        for (size_t i = 0; i < x->count; i++)
            good &= isfinite(((const double *)x->data)[i]) != 0;
    return good;
}

/* ---- writing --------------------------------------------------------------------------------------------- */

static int put_string(struct buf *out, const char *text, struct vae_err *err) {
    json_t *j = json_string(text);
    if (!j)
        return err_set(err, VAE_EUSAGE, "a name that is not UTF-8");
    int rc = js_dump(j, out, err);
    json_decref(j);
    return rc;
}

static int put_meta(const struct tensors *t, struct buf *out, struct vae_err *err) {
    char version[16];
    json_t *meta = json_copy(t->meta);
    snprintf(version, sizeof version, "%d", TENSORS_VERSION);
    int bad = json_object_set_new(meta, "crc32", json_string("00000000"));
    bad |= json_object_set_new(meta, "format", json_string("vae"));
    bad |= json_object_set_new(meta, "version", json_string(version));
    bad |= json_object_set_new(meta, "oldest_reader", json_string(version));
    int rc = bad ? err_set(err, VAE_EOS, "out of memory") : js_dump(meta, out, err);
    json_decref(meta);
    return rc;
}

static int put_entry(const struct tensor *x, size_t from, size_t to, struct buf *out, struct vae_err *err) {
    int rc = buf_put(out, ",", 1, err);
    rc = rc ? rc : put_string(out, x->name, err);
    rc = rc ? rc
            : buf_printf(out, err, ":{\"data_offsets\":[%zu,%zu],\"dtype\":\"%s\",\"shape\":[", from, to,
                         types[x->type].name);
    for (size_t i = 0; !rc && i < x->ndim; i++)
        rc = buf_printf(out, err, i > 0 ? ",%zu" : "%zu", x->shape[i]);
    return rc ? rc : buf_put(out, "]}", 2, err);
}

static size_t bytes_of(const struct tensor *x) {
    return x->count * types[x->type].size;
}

/* N and the JSON, with the checksum of the whole file. */
static int put_header(const struct tensors *t, struct buf *out, struct vae_err *err) {
    static const char mark[] = "\"crc32\":\"";
    size_t start = out->n, at = 0;
    int rc = buf_put(out, "\0\0\0\0\0\0\0\0{\"__metadata__\":", 8 + 16, err);
    rc = rc ? rc : put_meta(t, out, err);
    for (size_t i = 0; !rc && i < t->n; i++) {
        const struct tensor *x = &t->items[i].t;
        if (!tensors_finite(x))
            return err_set(err, VAE_EDATA, "tensor '%s' holds numbers that are not finite", x->name);
        rc = put_entry(x, at, at + bytes_of(x), out, err);
        at += bytes_of(x);
    }
    rc = rc ? rc : buf_put(out, "}", 1, err);
    while (!rc && (out->n - start) % 8 != 0)
        rc = buf_put(out, " ", 1, err);
    if (rc)
        return rc;
    uint64_t n = out->n - start - 8;
    if (n > TENSORS_HEADER_MAX)
        return err_set(err, VAE_EUSAGE, "a header of %" PRIu64 " bytes, model files hold 100 MiB", n);
    for (size_t i = 0; i < 8; i++)
        out->p[start + i] = (char)(n >> 8 * i & 0xff);
    uint32_t crc = crc_update(0, (const unsigned char *)out->p + start, out->n - start);
    for (size_t i = 0; i < t->n; i++)
        crc = crc_update(crc, t->items[i].t.count ? t->items[i].t.data : (const void *)"", bytes_of(&t->items[i].t));
    char digits[9];
    snprintf(digits, sizeof digits, "%08x", crc);
    char *place = memmem(out->p + start, out->n - start, mark, sizeof mark - 1);
    memcpy(place + sizeof mark - 1, digits, 8);
    return 0;
}

int tensors_dump(struct tensors *t, struct buf *out, struct vae_err *err) {
    int rc = put_header(t, out, err);
    for (size_t i = 0; !rc && i < t->n; i++)
        rc = buf_put(out, t->items[i].t.data, bytes_of(&t->items[i].t), err);
    return rc;
}

/* The sha256 as text, if it is wanted. */
void tensors_put_id(struct sha256_ctx *sha, char id[TENSORS_ID_BYTES]) {
    unsigned char digest[SHA256_DIGEST_SIZE];
    sha256_digest(sha, sizeof digest, digest);
    for (size_t i = 0; id && i < sizeof digest; i++)
        snprintf(id + 2 * i, 3, "%02x", digest[i]);
}

int tensors_save(struct tensors *t, const char *path, char id[TENSORS_ID_BYTES], struct vae_err *err) {
    struct buf header = {0};
    struct sha256_ctx sha;
    struct io_replace *file = NULL;
    sha256_init(&sha); /* of a file whose id nobody asks for it is left out: it takes longer than the writing */
    int rc = put_header(t, &header, err);
    if (rc) {
        err_prefix(err, "%s", path);
        goto out;
    }
    file = io_replace_open(path, err);
    if (!file) {
        rc = err && err->code ? err->code : VAE_ECREATE;
        goto out;
    }
    rc = io_write(io_replace_fd(file), header.p, header.n, path, err);
    if (id)
        sha256_update(&sha, header.n, (const uint8_t *)header.p);
    for (size_t i = 0; !rc && i < t->n; i++) {
        size_t n = bytes_of(&t->items[i].t);
        if (n == 0)
            continue;
        rc = io_write(io_replace_fd(file), t->items[i].t.data, n, path, err);
        if (id)
            sha256_update(&sha, n, t->items[i].t.data);
    }
    if (rc)
        goto out;
    rc = io_replace_commit(file, err);
    file = NULL;
    if (!rc && id)
        tensors_put_id(&sha, id);
out:
    if (file)
        io_replace_abandon(file);
    buf_free(&header);
    return rc;
}
