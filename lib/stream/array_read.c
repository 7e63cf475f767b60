/* array_read.c - records from the items of an NPY or IDX file, converted to what rec.h holds. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/array.h"
#include "stream/pick.h"

enum { BATCH_NEAR = 1 << 18 }; /* bytes of a batch aimed at */

struct array_reader {
    struct source *src;
    struct array_spec spec;
    struct vae_head *head;
    size_t width, row, batch_rows; /* values and bytes of a record; records of a batch, at most */
    unsigned char *in;             /* [batch_rows, row] */
    size_t have;                   /* bytes in it */
    void *out;                     /* [batch_rows, width] of the field's type; `in` itself where nothing is to do */
    struct rec_col col;
    uint64_t given;   /* records handed out in all */
    size_t last, use; /* records of the last batch; bytes of `in` that they were */
};

static const struct {
    unsigned char size;
    enum rec_type type;
} items[ARRAY_NITEMS] = {
    [ARRAY_U8] = {1, REC_U8},   [ARRAY_I8] = {1, REC_I32},  [ARRAY_I16] = {2, REC_I32}, [ARRAY_U16] = {2, REC_I32},
    [ARRAY_I32] = {4, REC_I32}, [ARRAY_U32] = {4, REC_F64}, [ARRAY_I64] = {8, REC_F64}, [ARRAY_U64] = {8, REC_F64},
    [ARRAY_F32] = {4, REC_F32}, [ARRAY_F64] = {8, REC_F64},
};

size_t array_item_size(enum array_item item) {
    return items[item].size;
}

/* n items of size bytes in the other byte order. */
static void swap(unsigned char *p, size_t n, size_t size) {
    for (size_t i = 0; i < n; i++, p += size) {
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            unsigned char c = p[a];
            p[a] = p[b];
            p[b] = c;
        }
    }
}

#define CONVERT(from, to)                                                                                              \
    for (size_t i = 0; i < n; i++) {                                                                                   \
        from v;                                                                                                        \
        memcpy(&v, in + i * sizeof v, sizeof v);                                                                       \
        ((to *)out)[i] = (to)v;                                                                                        \
    }                                                                                                                  \
    break

/* n items, little-endian now, to the type of the field. */
static void convert(enum array_item item, const unsigned char *in, void *out, size_t n) {
    switch (item) {
    case ARRAY_I8:
        CONVERT(int8_t, int32_t);
    case ARRAY_I16:
        CONVERT(int16_t, int32_t);
    case ARRAY_U16:
        CONVERT(uint16_t, int32_t);
    case ARRAY_U32:
        CONVERT(uint32_t, double);
    case ARRAY_I64:
        CONVERT(int64_t, double);
    case ARRAY_U64:
        CONVERT(uint64_t, double);
    default: /* the field has the items' own type */
        break;
    }
}

static bool as_it_is(enum array_item item) {
    return item == ARRAY_U8 || item == ARRAY_I32 || item == ARRAY_F32 || item == ARRAY_F64;
}

/* Behind the last record there must be nothing. */
static int at_end(struct array_reader *r, struct vae_err *err) {
    unsigned char c;
    long n = source_read(r->src, &c, 1, err);
    if (n > 0)
        return err_set(err, VAE_EDATA, "%s: goes on behind the %" PRIu64 " records that its header declares",
                       source_name(r->src), r->spec.count);
    return (int)n;
}

int array_next(void *reader, struct vae_batch *out, struct vae_err *err) {
    struct array_reader *r = reader;
    uint64_t left = r->spec.count - r->given;
    memmove(r->in, r->in + r->use, r->have - r->use);
    r->have -= r->use;
    r->use = r->last = 0;
    if (left == 0)
        return at_end(r, err);
    size_t want = left < r->batch_rows ? (size_t)left * r->row : r->batch_rows * r->row;
    while (r->have < want && !(r->have >= r->row && source_idle(r->src))) {
        long n = source_read(r->src, r->in + r->have, want - r->have, err);
        if (n == 0)
            break;
        if (n < 0 && r->have < r->row)
            return (int)n;
        if (n < 0)
            break; /* the records before the fault first; the source tells of it again */
        r->have += (size_t)n;
    }
    size_t rows = r->have / r->row;
    if (rows == 0 && r->spec.endless && r->have == 0)
        return 0;
    if (rows == 0 && r->spec.endless)
        return err_set(err, VAE_EDATA, "%s: ends within record %" PRIu64, source_name(r->src), r->given + 1);
    if (rows == 0)
        return err_set(err, VAE_EDATA, "%s: ends early, %" PRIu64 " of %" PRIu64 " records", source_name(r->src),
                       r->given, r->spec.count);
    if (r->spec.big && r->row > r->width)
        swap(r->in, rows * r->width, array_item_size(r->spec.item));
    convert(r->spec.item, r->in, r->out, rows * r->width);
    r->col = (struct rec_col){.data = r->out};
    *out = (struct vae_batch){.rows = rows, .first = r->given, .nfields = 1, .cols = &r->col};
    r->last = rows;
    r->use = rows * r->row;
    r->given += rows;
    return (int)rows;
}

/* The sizes of a record and of a batch, every product checked. */
static int measure(struct array_reader *r, size_t batch_rows, struct vae_err *err) {
    size_t out_row;
    const char *name = source_name(r->src);
    r->width = 1;
    for (size_t i = 0; i < r->spec.ndim; i++) {
        if (r->spec.shape[i] == 0)
            return err_set(err, VAE_EDATA, "%s: records without values", name);
        if (!mem_mul(r->width, r->spec.shape[i], &r->width) || r->width > ARRAY_RECORD_MAX / 8)
            return err_set(err, VAE_EDATA, "%s: records of more than %d values", name, ARRAY_RECORD_MAX / 8);
    }
    r->row = r->width * array_item_size(r->spec.item);
    out_row = r->width * rec_type_size(items[r->spec.item].type);
    size_t most = out_row < BATCH_NEAR ? BATCH_NEAR / out_row : 1;
    r->batch_rows = batch_rows > 0 && batch_rows < most ? batch_rows : most;
    r->in = mem_array(r->batch_rows, r->row);
    r->out = as_it_is(r->spec.item) ? r->in : mem_array(r->batch_rows, out_row);
    return r->in && r->out ? 0 : err_set(err, VAE_EOS, "out of memory");
}

/* The head with its one field, as the options want it. */
static int make_head(struct array_reader *r, const char *field, json_t *origin, const struct stream_read_opts *opts,
                     struct vae_err *err) {
    size_t *pick = NULL;
    struct vae_head *all = rec_head_new("data", err);
    if (!all) {
        json_decref(origin);
        return VAE_EOS;
    }
    all->origin = origin;
    int rc = 0;
    if (!origin)
        rc = err_set(err, VAE_EOS, "out of memory");
    else if (!rec_head_add(all, field, items[r->spec.item].type, r->spec.ndim, r->spec.shape, err))
        rc = VAE_EOS;
    rc = rc ? rc : stream_pick(all, opts, true, source_name(r->src), &r->head, &pick, err);
    free(pick);
    rec_head_free(all);
    return rc;
}

void *array_open(struct source *src, const struct array_spec *spec, const char *field, json_t *origin,
                 const struct stream_read_opts *opts, struct vae_err *err) {
    struct array_reader *r = mem_array(1, sizeof *r);
    if (!r) {
        json_decref(origin);
        err_set(err, VAE_EOS, "out of memory");
        return NULL;
    }
    r->src = src;
    r->spec = *spec;
    if (measure(r, opts->batch_rows, err)) {
        json_decref(origin);
        array_close(r);
        return NULL;
    }
    if (make_head(r, field, origin, opts, err)) {
        array_close(r);
        return NULL;
    }
    return r;
}

const struct vae_head *array_head(const void *reader) {
    return ((const struct array_reader *)reader)->head;
}

/* Records are numbered from 1, as lines are. */
void array_where(const void *reader, size_t row, char out[64]) {
    const struct array_reader *r = reader;
    snprintf(out, 64, "record %" PRIu64, r->given - r->last + row + 1);
}

void array_close(void *reader) {
    struct array_reader *r = reader;
    if (!r)
        return;
    if (r->out != r->in)
        free(r->out);
    free(r->in);
    rec_head_free(r->head);
    free(r);
}
