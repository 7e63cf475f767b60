/*
 * npy.c - NPY, numpy's array file, versions 1 to 3 (numpy.lib.format): "\x93NUMPY", version, length of the header, the
 * header as a Python literal {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, then the items. The first
 * dimension counts the records.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "stream/array.h"

enum { NPY_HEADER_MAX = 65535, NPY_ALIGN = 64 };

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

static const struct {
    char code[3];
    enum array_item item;
} types[] = {{"u1", ARRAY_U8},  {"b1", ARRAY_U8},  {"i1", ARRAY_I8},  {"i2", ARRAY_I16},
             {"u2", ARRAY_U16}, {"i4", ARRAY_I32}, {"u4", ARRAY_U32}, {"i8", ARRAY_I64},
             {"u8", ARRAY_U64}, {"f4", ARRAY_F32}, {"f8", ARRAY_F64}};
enum { NTYPES = sizeof types / sizeof types[0] };

static bool npy_sniff(const unsigned char *p, size_t n) {
    return n >= sizeof magic && memcmp(p, magic, sizeof magic) == 0;
}

/* ---- the header, a subset of Python's literals ----------------------------------------------------------- */

struct parser {
    const char *p, *end;
    const char *name;
    struct vae_err *err;
};

static int bad(const struct parser *s, const char *what) {
    return err_set(s->err, VAE_EDATA, "%s: bad NPY header (%s)", s->name, what);
}

static void blanks(struct parser *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\t'))
        s->p++;
}

/* Takes c behind blanks, if it is there. */
static bool got(struct parser *s, char c) {
    blanks(s);
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

/* A quoted word of at most 31 bytes, no escapes. */
static bool word(struct parser *s, char out[32]) {
    char quote = got(s, '\'') ? '\'' : got(s, '"') ? '"' : 0;
    size_t n = 0;
    while (quote && s->p < s->end && *s->p != quote && *s->p != '\\' && n < 31)
        out[n++] = *s->p++;
    out[n] = '\0';
    return quote && got(s, quote);
}

static bool literal(struct parser *s, const char *text) {
    size_t n = strlen(text);
    blanks(s);
    if ((size_t)(s->end - s->p) < n || memcmp(s->p, text, n) != 0)
        return false;
    s->p += n;
    return true;
}

static bool whole(struct parser *s, uint64_t *out) {
    blanks(s);
    const char *from = s->p;
    *out = 0;
    for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
        if (*out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(*s->p - '0');
    }
    return s->p > from;
}

static int descr(struct parser *s, struct array_spec *spec) {
    char text[32];
    blanks(s);
    if (s->p < s->end && *s->p == '[')
        return err_set(s->err, VAE_EDATA, "%s: a structured array, save its fields as plain arrays", s->name);
    if (!word(s, text))
        return bad(s, "no dtype");
    bool order = text[0] == '<' || text[0] == '>' || text[0] == '|';
    for (size_t i = 0; order && i < NTYPES; i++)
        if (strcmp(text + 1, types[i].code) == 0) {
            spec->item = types[i].item;
            spec->big = text[0] == '>';
            return 0;
        }
    return err_set(s->err, VAE_EDATA, "%s: dtype '%s' is not read, save it with .astype('float32')", s->name, text);
}

static int shape(struct parser *s, struct array_spec *spec) {
    uint64_t v;
    size_t n = 0;
    if (!got(s, '('))
        return bad(s, "no shape");
    while (!got(s, ')')) {
        if (!whole(s, &v))
            return bad(s, "no dimension");
        if (n > REC_MAX_DIMS)
            return err_set(s->err, VAE_EDATA, "%s: more than %d dimensions", s->name, REC_MAX_DIMS + 1);
        if (n == 0)
            spec->count = v;
        else
            spec->shape[n - 1] = (size_t)v;
        n++;
        if (!got(s, ',')) {
            if (!got(s, ')'))
                return bad(s, "shape does not end");
            break;
        }
    }
    if (n == 0)
        return err_set(s->err, VAE_EDATA, "%s: a single number, not an array of records", s->name);
    spec->ndim = n - 1;
    return 0;
}

static int fortran(const struct parser *s) {
    return err_set(s->err, VAE_EDATA, "%s: in Fortran order, save it with numpy.ascontiguousarray", s->name);
}

static int header(struct parser *s, struct array_spec *spec) {
    char key[32];
    unsigned seen = 0;
    if (!got(s, '{'))
        return bad(s, "no dictionary");
    while (!got(s, '}')) {
        int rc = 0;
        if (!word(s, key) || !got(s, ':'))
            return bad(s, "no key");
        unsigned bit = strcmp(key, "descr") == 0           ? 1
                       : strcmp(key, "fortran_order") == 0 ? 2
                       : strcmp(key, "shape") == 0         ? 4
                                                           : 0;
        if (!bit || (seen & bit))
            return bad(s, "unknown or repeated key");
        seen |= bit;
        if (bit == 1)
            rc = descr(s, spec);
        else if (bit == 2)
            rc = literal(s, "False") ? 0 : literal(s, "True") ? fortran(s) : bad(s, "no order");
        else
            rc = shape(s, spec);
        if (rc)
            return rc;
        if (!got(s, ',')) {
            if (!got(s, '}'))
                return bad(s, "dictionary does not end");
            break;
        }
    }
    blanks(s);
    if (seen != 7)
        return bad(s, "a key is missing");
    return s->p == s->end ? 0 : bad(s, "bytes behind the dictionary");
}

/* ---- reading --------------------------------------------------------------------------------------------- */

/* n bytes of the header: 0 or VAE_E*. */
static int take(struct source *src, void *p, size_t n, struct vae_err *err) {
    int rc = source_exact(src, p, n, err);
    if (rc == 0)
        return err_set(err, VAE_EDATA, "%s: ends early, within its header", source_name(src));
    return rc < 0 ? rc : 0;
}

/* The header's text, a copy for free(); NULL and err. */
static char *take_header(struct source *src, size_t *n, struct vae_err *err) {
    unsigned char p[12];
    const char *name = source_name(src);
    if (take(src, p, 8, err))
        return NULL;
    if (memcmp(p, magic, sizeof magic) != 0 || p[6] < 1 || p[6] > 3) {
        err_set(err, VAE_EDATA, "%s: not an NPY file of version 1 to 3", name);
        return NULL;
    }
    if (take(src, p + 8, p[6] == 1 ? 2 : 4, err))
        return NULL;
    *n = (size_t)p[8] | (size_t)p[9] << 8;
    if (p[6] > 1)
        *n |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (*n == 0 || *n > NPY_HEADER_MAX) {
        err_set(err, VAE_EDATA, "%s: bad NPY header (%zu bytes)", name, *n);
        return NULL;
    }
    char *text = mem_array(*n, 1);
    if (!text)
        err_set(err, VAE_EOS, "out of memory");
    else if (take(src, text, *n, err) == 0)
        return text;
    free(text);
    return NULL;
}

/* The dtype as numpy writes it. */
static void dtype(const struct array_spec *spec, char out[4]) {
    size_t i = 0;
    while (types[i].item != spec->item)
        i++;
    out[0] = array_item_size(spec->item) == 1 ? '|' : spec->big ? '>' : '<';
    memcpy(out + 1, types[i].code, 3);
}

static void *npy_open(struct source *src, const struct stream_read_opts *opts, struct vae_err *err) {
    struct array_spec spec = {0};
    char text[4];
    size_t n;
    char *p = take_header(src, &n, err);
    if (!p)
        return NULL;
    struct parser s = {.p = p, .end = p + n, .name = source_name(src), .err = err};
    int rc = header(&s, &spec);
    free(p);
    if (rc)
        return NULL;
    dtype(&spec, text);
    return array_open(src, &spec, "x", json_pack("{s:s,s:s}", "format", "npy", "dtype", text), opts, err);
}

/* ---- writing --------------------------------------------------------------------------------------------- */

/* Version 1, padded for the longest count, so that the length is the same for any. */
static int npy_header(const struct array_spec *spec, struct buf *out, struct vae_err *err) {
    char text[4], digits[24];
    size_t start = out->n, longest = 20 /* digits of 2^64 - 1 */;
    size_t spare = longest - (size_t)snprintf(digits, sizeof digits, "%" PRIu64, spec->count);
    dtype(spec, text);
    int rc = buf_put(out, magic, sizeof magic, err);
    rc = rc ? rc : buf_put(out, "\1\0\0\0", 4, err);
    rc = rc ? rc : buf_printf(out, err, "{'descr': '%s', 'fortran_order': False, 'shape': (%s,", text, digits);
    for (size_t i = 0; !rc && i < spec->ndim; i++)
        rc = buf_printf(out, err, i + 1 < spec->ndim ? " %zu," : " %zu", spec->shape[i]);
    rc = rc ? rc : buf_put(out, "), }", 4, err);
    if (rc)
        return rc;
    size_t end = (out->n - start + spare + 1 + NPY_ALIGN - 1) / NPY_ALIGN * NPY_ALIGN + start;
    while (!rc && out->n < end)
        rc = buf_put(out, out->n + 1 == end ? "\n" : " ", 1, err);
    if (rc)
        return rc;
    size_t n = out->n - start - 10;
    out->p[start + 8] = (char)(n & 0xff);
    out->p[start + 9] = (char)(n >> 8);
    return 0;
}

static void *npy_create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *opts,
                        struct vae_err *err) {
    (void)opts;
    return array_create(sink, head, false, npy_header, "npy", err);
}

const struct stream_format stream_npy = {
    .name = "npy",
    .about = "numpy arrays, one record a row",
    .sniff = npy_sniff,
    .open = npy_open,
    .head = array_head,
    .next = array_next,
    .where = array_where,
    .close = array_close,
    .create = npy_create,
    .put = array_put,
    .finish = array_finish,
    .destroy = array_destroy,
};
