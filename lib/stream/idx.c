/*
 * idx.c - IDX, the format of the MNIST files (http://yann.lecun.com/exdb/mnist/): two zero bytes, item type, number of
 * dimensions, the dimensions as big-endian u32, the items big-endian. The first dimension counts the records.
 */
#include <string.h>

#include "base/err.h"
#include "stream/array.h"

enum { IDX_DIMS = REC_MAX_DIMS + 1 };

static const struct {
    unsigned char code;
    enum array_item item;
} types[] = {{0x08, ARRAY_U8},  {0x09, ARRAY_I8},  {0x0b, ARRAY_I16},
             {0x0c, ARRAY_I32}, {0x0d, ARRAY_F32}, {0x0e, ARRAY_F64}};
enum { NTYPES = sizeof types / sizeof types[0] };

static size_t type_of(unsigned char code) {
    size_t i = 0;
    while (i < NTYPES && types[i].code != code)
        i++;
    return i;
}

static bool idx_sniff(const unsigned char *p, size_t n) {
    return n >= 8 && p[0] == 0 && p[1] == 0 && type_of(p[2]) < NTYPES && p[3] >= 1 && p[3] <= IDX_DIMS;
}

static uint32_t get32(const unsigned char *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static int put32(struct buf *b, uint32_t v, struct vae_err *err) {
    unsigned char p[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16), (unsigned char)(v >> 8),
                          (unsigned char)v};
    return buf_put(b, p, sizeof p, err);
}

static void *idx_open(struct source *src, const struct stream_read_opts *opts, struct vae_err *err) {
    unsigned char head[4 + 4 * IDX_DIMS];
    const char *name = source_name(src);
    int rc = source_exact(src, head, 4, err);
    if (rc < 0)
        return NULL;
    size_t type = type_of(head[2]), ndim = head[3];
    if (rc == 0 || head[0] != 0 || head[1] != 0 || type == NTYPES) {
        err_set(err, VAE_EDATA, "%s: not an IDX file", name);
        return NULL;
    }
    if (ndim < 1 || ndim > IDX_DIMS) {
        err_set(err, VAE_EDATA, "%s: %zu dimensions, 1 to %d are read", name, ndim, IDX_DIMS);
        return NULL;
    }
    rc = source_exact(src, head + 4, 4 * ndim, err);
    if (rc <= 0) {
        if (rc == 0)
            err_set(err, VAE_EDATA, "%s: ends early, within its header", name);
        return NULL;
    }
    struct array_spec spec = {.item = types[type].item, .big = true, .count = get32(head + 4), .ndim = ndim - 1};
    for (size_t i = 0; i < spec.ndim; i++)
        spec.shape[i] = get32(head + 8 + 4 * i);
    const char *field = ndim == 3 && spec.item == ARRAY_U8 ? "pixel" : "x";
    return array_open(src, &spec, field, json_pack("{s:s}", "format", "idx"), opts, err);
}

static int idx_header(const struct array_spec *spec, struct buf *out, struct vae_err *err) {
    unsigned char magic[4] = {0, 0, 0, (unsigned char)(spec->ndim + 1)};
    for (size_t i = 0; i < NTYPES; i++)
        if (types[i].item == spec->item)
            magic[2] = types[i].code;
    if (spec->count > UINT32_MAX)
        return err_set(err, VAE_EUSAGE, "idx holds at most 4294967295 records, use npy");
    int rc = buf_put(out, magic, sizeof magic, err);
    rc = rc ? rc : put32(out, (uint32_t)spec->count, err);
    for (size_t i = 0; !rc && i < spec->ndim; i++)
        rc = put32(out, (uint32_t)spec->shape[i], err);
    return rc;
}

static void *idx_create(struct sink *sink, const struct vae_head *head, const struct vae_out_opts *opts,
                        struct vae_err *err) {
    (void)opts;
    return array_create(sink, head, true, idx_header, "idx", err);
}

const struct stream_format stream_idx = {
    .name = "idx",
    .about = "IDX arrays, the format of the MNIST files",
    .sniff = idx_sniff,
    .open = idx_open,
    .head = array_head,
    .next = array_next,
    .where = array_where,
    .close = array_close,
    .create = idx_create,
    .put = array_put,
    .finish = array_finish,
    .destroy = array_destroy,
};
