/*
 * tensors_load.c - reads and verifies a model file (tensors.h). Nothing is believed before it is checked: first the
 * frame (N, JSON, metadata), then the version, then where the arrays lie, then the checksum, then their values.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc.h"
#include "base/err.h"
#include "base/io.h"
#include "base/json.h"
#include "model/tensors.h"
#include "model/tensors_in.h"

static const char mark[] = "\"crc32\":\"";
enum { MARK = sizeof mark - 1, DIGITS = 8 };

static int not_model(const char *name, struct vae_err *err) {
    return err_set(err, VAE_EDATA, "%s: not a model file", name);
}

static int ends_early(const char *name, struct vae_err *err) {
    return err_set(err, VAE_EDATA, "%s: ends early", name);
}

static int damaged(const char *name, const char *why, struct vae_err *err) {
    return err_set(err, VAE_EDATA, "%s: damaged (%s)", name, why);
}

/* A whole number from 1 to 999999 as text; 0 for anything else. */
static int version_of(const char *text) {
    size_t n = strlen(text);
    if (n < 1 || n > 6 || text[0] == '0' || strspn(text, "0123456789") != n)
        return 0;
    return atoi(text);
}

/* Takes the metadata over; the file's own members are checked and left out. */
static int load_meta(struct tensors *t, const json_t *header, const char *name, struct vae_err *err) {
    const char *key;
    json_t *v, *meta = json_object_get(header, "__metadata__");
    const char *format = json_string_value(json_object_get(meta, "format"));
    if (!format || strcmp(format, "vae") != 0)
        return not_model(name, err);
    json_object_foreach(meta, key, v) {
        if (!json_is_string(v))
            return damaged(name, "metadata that are no strings", err);
    }
    const char *version = json_string_value(json_object_get(meta, "version"));
    const char *oldest = json_string_value(json_object_get(meta, "oldest_reader"));
    if (!version || !oldest || !version_of(version) || !version_of(oldest))
        return damaged(name, "no version", err);
    if (version_of(oldest) > TENSORS_VERSION)
        return err_set(err, VAE_EDATA, "%s: written by a newer vae (format %s, this one reads %d)", name, oldest,
                       TENSORS_VERSION);
    if (json_object_update(t->meta, meta))
        return err_set(err, VAE_EOS, "out of memory");
    for (size_t i = 0; tensors_own_keys[i]; i++)
        json_object_del(t->meta, tensors_own_keys[i]);
    return 0;
}

/* Shape and offsets of one array, which begins at byte *at of the data. */
static int load_tensor(struct tensors *t, const char *key, const json_t *j, size_t *at, size_t most, const char *name,
                       struct vae_err *err) {
    char what[sizeof err->msg];
    const char *dtype;
    json_t *dims, *offsets;
    size_t shape[TENSORS_MAX_DIMS], bytes = 1;
    snprintf(what, sizeof what, "%s: tensor '%s'", name, key);
    int rc = js_string(j, "dtype", &dtype, what, err);
    rc = rc ? rc : js_array(j, "shape", &dims, what, err);
    rc = rc ? rc : js_array(j, "data_offsets", &offsets, what, err);
    if (rc)
        return rc;
    int type = tensor_type_by_name(dtype);
    if (type < 0)
        return err_set(err, VAE_EDATA, "%s: dtype '%s' is unknown", what, dtype);
    size_t ndim = json_array_size(dims), size = tensor_type_size((enum tensor_type)type);
    if (ndim > TENSORS_MAX_DIMS || json_array_size(offsets) != 2)
        return err_set(err, VAE_EDATA, "%s: bad shape or offsets", what);
    for (size_t i = 0; i < ndim; i++) {
        const json_t *d = json_array_get(dims, i);
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            return err_set(err, VAE_EDATA, "%s: bad shape or offsets", what);
        shape[i] = (size_t)json_integer_value(d);
        if (!mem_mul(bytes, shape[i], &bytes))
            return err_set(err, VAE_EDATA, "%s: bad shape or offsets", what);
    }
    const json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    if (!mem_mul(bytes, size, &bytes) || !json_is_integer(from) || !json_is_integer(to) ||
        json_integer_value(from) < 0 || json_integer_value(to) < 0)
        return err_set(err, VAE_EDATA, "%s: bad shape or offsets", what);
    size_t begin = (size_t)json_integer_value(from), end = (size_t)json_integer_value(to);
    if (begin != *at || end < begin || end - begin != bytes)
        return err_set(err, VAE_EDATA, "%s: offsets leave a gap, overlap, or do not fit the shape", what);
    if (begin % size != 0)
        return err_set(err, VAE_EDATA, "%s: is not aligned", what);
    if (end > most)
        return ends_early(name, err);
    *at = end;
    rc = tensors_append(t, key, (enum tensor_type)type, ndim, shape, t->image.p + t->image.n - most + begin, err);
    return rc ? err_prefix(err, "%s", name) : 0;
}

/* The CRC-32 of the file with its digits as zeros, against the digits. */
static int check_crc(const struct tensors *t, size_t header, const char *name, struct vae_err *err) {
    static const unsigned char zeros[] = "00000000";
    const unsigned char *p = (const unsigned char *)t->image.p, *end = p + t->image.n;
    const unsigned char *at = memmem(p, header, mark, MARK);
    if (!at || (size_t)(p + header - at) < MARK + DIGITS + 1 || at[MARK + DIGITS] != '"')
        return damaged(name, "no checksum", err);
    at += MARK;
    if (memmem(at, (size_t)(p + header - at), mark, MARK))
        return damaged(name, "more than one checksum", err);
    uint32_t crc = crc_update(0, p, (size_t)(at - p));
    crc = crc_update(crc, zeros, DIGITS);
    crc = crc_update(crc, at + DIGITS, (size_t)(end - at - DIGITS));
    char digits[DIGITS + 1];
    snprintf(digits, sizeof digits, "%08x", crc & 0xffffffff);
    return memcmp(digits, at, DIGITS) == 0 ? 0 : damaged(name, "checksum differs", err);
}

/* Fills t from its image. */
static int parse(struct tensors *t, const char *name, struct vae_err *err) {
    const unsigned char *p = (const unsigned char *)t->image.p;
    const char *key;
    json_t *v, *header;
    char what[sizeof err->msg];
    uint64_t n = 0;
    size_t at = 0, size = t->image.n;
    if (size < 8)
        return ends_early(name, err);
    for (int i = 7; i >= 0; i--)
        n = n << 8 | p[i];
    if (n < 2 || n > TENSORS_HEADER_MAX || n % 8 != 0 || (size > 8 && p[8] != '{'))
        return not_model(name, err);
    if (n > size - 8)
        return ends_early(name, err);
    snprintf(what, sizeof what, "%s: damaged header", name);
    header = js_load(p + 8, (size_t)n, TENSORS_HEADER_MAX, what, err);
    if (!header)
        return err && err->code ? err->code : VAE_EDATA;
    size_t most = size - 8 - (size_t)n;
    int rc = load_meta(t, header, name, err);
    json_object_foreach(header, key, v) {
        if (!rc && strcmp(key, "__metadata__") != 0)
            rc = load_tensor(t, key, v, &at, most, name, err);
    }
    json_decref(header);
    if (!rc && at != most)
        rc = damaged(name, "bytes behind its end", err);
    rc = rc ? rc : check_crc(t, 8 + (size_t)n, name, err);
    for (size_t i = 0; !rc && i < t->n; i++)
        if (!tensors_finite(&t->items[i].t))
            rc = err_set(err, VAE_EDATA, "%s: tensor '%s' holds numbers that are not finite", name, t->items[i].name);
    return rc;
}

/* parse(), then the id; frees t on failure. */
static struct tensors *finish(struct tensors *t, const char *name, char id[TENSORS_ID_BYTES], struct vae_err *err) {
    if (parse(t, name, err)) {
        tensors_free(t);
        return NULL;
    }
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, t->image.n, (const uint8_t *)t->image.p);
    tensors_put_id(&sha, id);
    return t;
}

struct tensors *tensors_parse(const void *p, size_t n, const char *name, char id[TENSORS_ID_BYTES],
                              struct vae_err *err) {
    struct tensors *t = tensors_new(err);
    if (!t)
        return NULL;
    if (buf_put(&t->image, p, n, err)) {
        tensors_free(t);
        return NULL;
    }
    return finish(t, name, id, err);
}

/* The whole file by plain reads, at most cap bytes of it; a pipe will do. */
static int slurp(const char *path, size_t cap, struct buf *out, struct vae_err *err) {
    struct stat st = {0};
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, VAE_ENOINPUT, "%s", path);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        rc = err_set(err, VAE_ENOINPUT, "%s: is a directory", path);
        goto out;
    }
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size <= cap)
        rc = buf_reserve(out, (size_t)st.st_size + 1, err);
    for (long n = 1; !rc && n > 0;) {
        rc = buf_reserve(out, out->cap > out->n ? 1 : 1 << 16, err);
        if (rc)
            break;
        n = io_read(fd, out->p + out->n, out->cap - out->n, path, err);
        if (n < 0)
            rc = (int)n;
        else
            out->n += (size_t)n;
        if (out->n > cap)
            rc = err_set(err, VAE_EDATA, "%s: larger than %zu bytes", path, cap);
    }
out:
    close(fd);
    return rc;
}

struct tensors *tensors_load(const char *path, size_t cap, char id[TENSORS_ID_BYTES], struct vae_err *err) {
    struct tensors *t = tensors_new(err);
    if (!t)
        return NULL;
    if (slurp(path, cap, &t->image, err)) {
        tensors_free(t);
        return NULL;
    }
    return finish(t, path, id, err);
}
