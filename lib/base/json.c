/* json.c - strict reading, typed members and deterministic writing of JSON (RFC 8259) over jansson. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/num.h"

/* Nesting told from the bytes alone, before the parser recurses over them. */
static size_t depth_of(const char *p, size_t n) {
    size_t depth = 0, most = 0;
    bool text = false;
    for (size_t i = 0; i < n; i++) {
        if (text) {
            if (p[i] == '\\')
                i++;
            else if (p[i] == '"')
                text = false;
        } else if (p[i] == '"') {
            text = true;
        } else if (p[i] == '[' || p[i] == '{') {
            most = ++depth > most ? depth : most;
        } else if ((p[i] == ']' || p[i] == '}') && depth > 0) {
            depth--;
        }
    }
    return most;
}

json_t *js_load(const void *p, size_t n, size_t cap, const char *what, struct vae_err *err) {
    if (n > cap) {
        err_set(err, VAE_EDATA, "%s: %zu bytes of JSON, at most %zu are read", what, n, cap);
        return NULL;
    }
    if (depth_of(p, n) > JS_MAX_DEPTH) {
        err_set(err, VAE_EDATA, "%s: JSON nested deeper than %d", what, JS_MAX_DEPTH);
        return NULL;
    }
    json_error_t e;
    json_t *j = json_loadb(p, n, JSON_REJECT_DUPLICATES, &e);
    if (!j) {
        bool memory = json_error_code(&e) == json_error_out_of_memory;
        err_set(err, memory ? VAE_EOS : VAE_EDATA, "%s: %s", what, memory ? "out of memory" : e.text);
        return NULL;
    }
    if (!json_is_object(j)) {
        json_decref(j);
        err_set(err, VAE_EDATA, "%s: not a JSON object", what);
        return NULL;
    }
    return j;
}

bool js_has(const json_t *obj, const char *key) {
    return json_object_get(obj, key) != NULL;
}

/* The member, or NULL and "member 'key' is missing" or "is not `type`". */
static json_t *member(const json_t *obj, const char *key, bool (*is)(const json_t *), const char *type,
                      const char *what, struct vae_err *err) {
    json_t *j = json_object_get(obj, key);
    if (!j)
        err_set(err, VAE_EDATA, "%s: member '%s' is missing", what, key);
    else if (!is(j))
        err_set(err, VAE_EDATA, "%s: member '%s' is not %s", what, key, type);
    else
        return j;
    return NULL;
}

static bool is_string(const json_t *j) {
    return json_is_string(j);
}
static bool is_int(const json_t *j) {
    return json_is_integer(j);
}
static bool is_number(const json_t *j) {
    return json_is_number(j);
}
static bool is_bool(const json_t *j) {
    return json_is_boolean(j);
}
static bool is_array(const json_t *j) {
    return json_is_array(j);
}
static bool is_object(const json_t *j) {
    return json_is_object(j);
}

int js_string(const json_t *obj, const char *key, const char **out, const char *what, struct vae_err *err) {
    const json_t *j = member(obj, key, is_string, "a string", what, err);
    if (!j)
        return VAE_EDATA;
    *out = json_string_value(j);
    return 0;
}

int js_int(const json_t *obj, const char *key, int64_t least, int64_t most, int64_t *out, const char *what,
           struct vae_err *err) {
    const json_t *j = member(obj, key, is_int, "an integer", what, err);
    if (!j)
        return VAE_EDATA;
    int64_t v = json_integer_value(j);
    if (v < least || v > most)
        return err_set(err, VAE_EDATA, "%s: member '%s' is not in %lld..%lld", what, key, (long long)least,
                       (long long)most);
    *out = v;
    return 0;
}

int js_number(const json_t *obj, const char *key, double *out, const char *what, struct vae_err *err) {
    const json_t *j = member(obj, key, is_number, "a number", what, err);
    if (!j)
        return VAE_EDATA;
    *out = json_number_value(j);
    return 0;
}

int js_bool(const json_t *obj, const char *key, bool *out, const char *what, struct vae_err *err) {
    const json_t *j = member(obj, key, is_bool, "true or false", what, err);
    if (!j)
        return VAE_EDATA;
    *out = json_is_true(j);
    return 0;
}

int js_array(const json_t *obj, const char *key, json_t **out, const char *what, struct vae_err *err) {
    *out = member(obj, key, is_array, "an array", what, err);
    return *out ? 0 : VAE_EDATA;
}

int js_object(const json_t *obj, const char *key, json_t **out, const char *what, struct vae_err *err) {
    *out = member(obj, key, is_object, "an object", what, err);
    return *out ? 0 : VAE_EDATA;
}

/* Strings, integers and the literals as jansson prints them. */
static int dump_leaf(const json_t *j, struct buf *out, struct vae_err *err) {
    size_t n = j ? json_dumpb(j, NULL, 0, JSON_ENCODE_ANY) : 0;
    if (n == 0)
        return err_set(err, VAE_EOS, "out of memory");
    int rc = buf_reserve(out, n, err);
    if (rc)
        return rc;
    out->n += json_dumpb(j, out->p + out->n, n, JSON_ENCODE_ANY);
    return 0;
}

static int dump_real(double v, struct buf *out, struct vae_err *err) {
    char text[NUM_MAX + 2];
    size_t n = num_put_double(text, v);
    if (!memchr(text, '.', n) && !memchr(text, 'e', n)) { /* else it would read back as an integer */
        text[n++] = '.';
        text[n++] = '0';
    }
    return buf_put(out, text, n, err);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int dump(json_t *j, size_t depth, struct buf *out, struct vae_err *err);

static int dump_object(json_t *j, size_t depth, struct buf *out, struct vae_err *err) {
    size_t n = 0;
    const char **keys = mem_array(json_object_size(j) + 1, sizeof *keys);
    if (!keys)
        return err_set(err, VAE_EOS, "out of memory");
    for (void *it = json_object_iter(j); it; it = json_object_iter_next(j, it))
        keys[n++] = json_object_iter_key(it);
    qsort(keys, n, sizeof *keys, by_name);
    int rc = buf_put(out, "{", 1, err);
    for (size_t i = 0; !rc && i < n; i++) {
        json_t *key = json_string(keys[i]);
        rc = i > 0 ? buf_put(out, ",", 1, err) : 0;
        rc = rc ? rc : dump_leaf(key, out, err);
        rc = rc ? rc : buf_put(out, ":", 1, err);
        rc = rc ? rc : dump(json_object_get(j, keys[i]), depth + 1, out, err);
        json_decref(key);
    }
    free(keys);
    return rc ? rc : buf_put(out, "}", 1, err);
}

static int dump_array(const json_t *j, size_t depth, struct buf *out, struct vae_err *err) {
    int rc = buf_put(out, "[", 1, err);
    for (size_t i = 0; !rc && i < json_array_size(j); i++) {
        rc = i > 0 ? buf_put(out, ",", 1, err) : 0;
        rc = rc ? rc : dump(json_array_get(j, i), depth + 1, out, err);
    }
    return rc ? rc : buf_put(out, "]", 1, err);
}

static int dump(json_t *j, size_t depth, struct buf *out, struct vae_err *err) {
    if (depth > JS_MAX_DEPTH)
        return err_set(err, VAE_EUSAGE, "JSON nested deeper than %d", JS_MAX_DEPTH);
    if (json_is_object(j))
        return dump_object(j, depth, out, err);
    if (json_is_array(j))
        return dump_array(j, depth, out, err);
    if (json_is_real(j))
        return dump_real(json_real_value(j), out, err);
    return dump_leaf(j, out, err);
}

int js_dump(json_t *j, struct buf *out, struct vae_err *err) {
    return dump(j, 1, out, err);
}
