/* rec.c - heads and batches of typed records. */
#include "base/rec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"

static const struct {
    const char *name;
    size_t size;
} types[REC_NTYPES] = {
    [REC_UTF8] = {"utf8", 0},           [REC_U8] = {"u8", sizeof(uint8_t)},  [REC_I32] = {"i32", sizeof(int32_t)},
    [REC_F32] = {"f32", sizeof(float)}, [REC_F64] = {"f64", sizeof(double)},
};

const char *rec_type_name(enum rec_type t) {
    return types[t].name;
}
size_t rec_type_size(enum rec_type t) {
    return types[t].size;
}

int rec_type_by_name(const char *name) {
    for (int i = 0; i < REC_NTYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return i;
    return -1;
}

/* ---- heads --------------------------------------------------------------------------------------------- */

struct vae_head *rec_head_new(const char *kind, struct vae_err *err) {
    struct vae_head *h = mem_array(1, sizeof *h);
    if (h && (h->kind = mem_text(kind, strlen(kind))))
        return h;
    free(h);
    err_set(err, VAE_EOS, "out of memory");
    return NULL;
}

/* Values per record, in *width. */
static int count(const char *name, enum rec_type type, size_t ndim, const size_t *shape, size_t *width,
                 struct vae_err *err) {
    size_t bytes;
    *width = 1;
    if (ndim > REC_MAX_DIMS)
        return err_set(err, VAE_EDATA, "field \"%s\" has %zu dimensions, at most %d are possible", name, ndim,
                       (int)REC_MAX_DIMS);
    if (type == REC_UTF8 && ndim > 0)
        return err_set(err, VAE_EDATA, "text field \"%s\" has a shape", name);
    for (size_t i = 0; i < ndim; i++)
        if (shape[i] == 0)
            return err_set(err, VAE_EDATA, "field \"%s\" has a dimension of 0", name);
        else if (!mem_mul(*width, shape[i], width))
            return err_set(err, VAE_EDATA, "field \"%s\" is too large", name);
    if (!mem_mul(*width, sizeof(double), &bytes))
        return err_set(err, VAE_EDATA, "field \"%s\" is too large", name);
    return 0;
}

struct rec_field *rec_head_add(struct vae_head *h, const char *name, enum rec_type type, size_t ndim,
                               const size_t *shape, struct vae_err *err) {
    size_t width, cap = h->nfields;
    if (count(name, type, ndim, shape, &width, err) < 0)
        return NULL;
    /* The capacity is not stored: memory is grown at 0, 16, 32, 64, ... fields. */
    bool full = cap == 0 || (cap >= 16 && (cap & (cap - 1)) == 0);
    char *copy = mem_text(name, strlen(name));
    if (!copy || (full && mem_grow(&h->fields, &cap, h->nfields + 1, sizeof *h->fields, NULL) < 0)) {
        free(copy);
        err_set(err, VAE_EOS, "out of memory for field %zu", h->nfields + 1);
        return NULL;
    }
    struct rec_field *f = &h->fields[h->nfields++];
    *f = (struct rec_field){.name = copy, .type = type, .ndim = ndim, .width = width, .decimals = -1};
    for (size_t i = 0; i < ndim; i++)
        f->shape[i] = shape[i];
    return f;
}

/* A deep copy, so that no two heads share JSON that one of them may change. */
static bool copy_json(json_t **to, const json_t *from) {
    *to = from ? json_deep_copy(from) : NULL;
    return *to || !from;
}

struct vae_head *rec_head_copy(const struct vae_head *h, struct vae_err *err) {
    struct vae_head *c = rec_head_new(h->kind, err);
    if (!c)
        return NULL;
    for (size_t i = 0; i < h->nfields; i++) {
        const struct rec_field *f = &h->fields[i];
        struct rec_field *g = rec_head_add(c, f->name, f->type, f->ndim, f->shape, err);
        if (!g)
            goto fail;
        g->keep = f->keep;
        g->whole = f->whole;
        g->apart = f->apart;
        g->decimals = f->decimals;
        g->lag = f->lag, g->now = f->now;
    }
    if (copy_json(&c->origin, h->origin) && copy_json(&c->model, h->model) && copy_json(&c->extra, h->extra))
        return c;
    err_set(err, VAE_EOS, "out of memory");
fail:
    rec_head_free(c);
    return NULL;
}

double rec_number(const struct rec_col *c, enum rec_type type, size_t i) {
    const void *data = c->data;
    switch (type) {
    case REC_U8: return ((const unsigned char *)data)[i];
    case REC_I32: return ((const int32_t *)data)[i];
    case REC_F32: return (double)((const float *)data)[i];
    case REC_F64: return ((const double *)data)[i];
    default: return NAN;
    }
}

int rec_head_find(const struct vae_head *h, const char *name) {
    for (size_t i = 0; i < h->nfields; i++)
        if (strcmp(h->fields[i].name, name) == 0)
            return (int)i;
    return -1;
}

size_t rec_column_number(const char *spec) {
    char *end;
    unsigned long n = *spec >= '1' && *spec <= '9' ? strtoul(spec, &end, 10) : 0;
    return n && *end == '\0' ? n : 0;
}

int rec_head_pick(const struct vae_head *h, const char *spec) {
    int at = rec_head_find(h, spec);
    size_t n = at < 0 ? rec_column_number(spec) : 0;
    return n && n <= h->nfields ? (int)n - 1 : at;
}

void rec_head_free(struct vae_head *h) {
    if (!h)
        return;
    for (size_t i = 0; i < h->nfields; i++)
        free(h->fields[i].name);
    free(h->fields);
    free(h->kind);
    json_decref(h->origin);
    json_decref(h->model);
    json_decref(h->extra);
    free(h);
}

/* ---- batches ------------------------------------------------------------------------------------------- */

size_t vae_batch_rows(const struct vae_batch *b) {
    return b->rows;
}

size_t rec_put_number(char *out, const struct rec_field *f, const void *data, size_t i) {
    if (f->type == REC_U8)
        return num_put_u64(out, ((const uint8_t *)data)[i]);
    if (f->type == REC_I32) {
        int64_t v = ((const int32_t *)data)[i];
        *out = '-';
        return v < 0 ? 1 + num_put_u64(out + 1, (uint64_t)-v) : num_put_u64(out, (uint64_t)v);
    }
    double v = f->type == REC_F32 ? (double)((const float *)data)[i] : ((const double *)data)[i];
    if (isnan(v))
        return 0;
    if (f->decimals >= 0 && f->decimals <= 15)
        return num_put_fixed(out, v, f->decimals);
    return f->type == REC_F32 ? num_put_float(out, (float)v) : num_put_double(out, v);
}

void rec_slice(const struct vae_batch *b, const struct vae_head *h, size_t from, size_t n, struct rec_col *cols,
               struct vae_batch *out) {
    for (size_t i = 0; i < b->nfields; i++) {
        struct rec_col c = b->cols[i];
        const struct rec_field *f = &h->fields[i];
        if (f->type == REC_UTF8) {
            c.begin += from * c.stride;
            c.end += from * c.stride;
        } else
            c.data = (const char *)c.data + from * f->width * rec_type_size(f->type);
        cols[i] = c;
    }
    *out = *b;
    out->rows = n;
    out->first = b->first + from;
    out->partial = b->partial ? b->partial + from : NULL;
    out->each = b->each ? b->each + from : NULL;
    out->cols = cols;
}

size_t rec_unquote(const char *cell, size_t n, char *out) {
    if (n == 0 || cell[0] != '"') {
        memmove(out, cell, n);
        return n;
    }
    size_t i = 1, o = 0;
    for (; i < n; i++) {
        if (cell[i] == '"' && (++i == n || cell[i] != '"'))
            break;
        out[o++] = cell[i];
    }
    if (i < n) { /* behind the closing quote: kept as it stands */
        memmove(out + o, cell + i, n - i);
        o += n - i;
    }
    return o;
}

/* ---- building ------------------------------------------------------------------------------------------ */

struct part {
    enum rec_type type;
    size_t item;       /* bytes of a record in a numeric field */
    void *data;        /* numbers */
    size_t cap;        /* records that data has room for */
    struct buf text;   /* cells, one behind the other */
    uint32_t *offsets; /* [ncells + 1] */
    size_t ncells, offsets_cap;
};

struct rec_build {
    size_t nfields;
    struct part *parts;
    struct vae_batch batch;
};

struct rec_build *rec_build_new(const struct vae_head *h, struct vae_err *err) {
    struct rec_build *b = mem_array(1, sizeof *b);
    if (!b || !(b->parts = mem_array(h->nfields, sizeof *b->parts)) ||
        !(b->batch.cols = mem_array(h->nfields, sizeof *b->batch.cols)))
        goto fail;
    b->nfields = b->batch.nfields = h->nfields;
    for (size_t i = 0; i < h->nfields; i++) {
        struct part *p = &b->parts[i];
        p->type = h->fields[i].type;
        if (p->type != REC_UTF8)
            p->item = h->fields[i].width * rec_type_size(p->type);
        else if (mem_grow(&p->offsets, &p->offsets_cap, 1, sizeof *p->offsets, NULL) < 0 ||
                 buf_reserve(&p->text, 1, NULL) < 0)
            goto fail;
        else
            p->offsets[0] = 0;
    }
    return b;
fail:
    rec_build_free(b);
    err_set(err, VAE_EOS, "out of memory for a batch of %zu fields", h->nfields);
    return NULL;
}

int rec_build_rows(struct rec_build *b, size_t rows, struct vae_err *err) {
    for (size_t i = 0; i < b->nfields; i++) {
        struct part *p = &b->parts[i];
        int rc = p->type == REC_UTF8 ? 0 : mem_grow(&p->data, &p->cap, rows ? rows : 1, p->item, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void *rec_build_data(struct rec_build *b, size_t field) {
    return b->parts[field].data;
}

int rec_build_text(struct rec_build *b, size_t field, const char *text, size_t n, struct vae_err *err) {
    struct part *p = &b->parts[field];
    if (n > UINT32_MAX - p->text.n)
        return err_set(err, VAE_EDATA, "more than 4 GiB of text in one batch");
    int rc = mem_grow(&p->offsets, &p->offsets_cap, p->ncells + 2, sizeof *p->offsets, err);
    if (rc < 0 || (rc = buf_put(&p->text, text, n, err)) < 0)
        return rc;
    p->offsets[++p->ncells] = (uint32_t)p->text.n;
    return 0;
}

int rec_build_copy(struct rec_build *b, size_t field, const struct rec_col *src, size_t from, size_t n, size_t to,
                   struct vae_err *err) {
    struct part *p = &b->parts[field];
    if (p->type != REC_UTF8 && n)
        memcpy((char *)p->data + to * p->item, (const char *)src->data + from * p->item, n * p->item);
    for (size_t i = from; i < from + n && p->type == REC_UTF8; i++) {
        size_t len;
        const char *cell = rec_cell(src, i, &len);
        int rc = rec_build_text(b, field, cell, len, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void rec_build_quoted(struct rec_build *b, bool quoted) { b->batch.quoted = quoted; }

void rec_build_dialect(struct rec_build *b, const struct rec_dialect *dialect) { b->batch.dialect = dialect; }

void rec_build_file(struct rec_build *b, struct rec_file file) { b->batch.file = file; }

void rec_build_each(struct rec_build *b, uint64_t first, const struct rec_file *each) {
    b->batch.first = first, b->batch.each = each;
}

const struct vae_batch *rec_build_batch(struct rec_build *b, size_t rows) {
    for (size_t i = 0; i < b->nfields; i++) {
        const struct part *p = &b->parts[i];
        b->batch.cols[i] =
            p->type == REC_UTF8
                ? (struct rec_col){.text = p->text.p, .begin = p->offsets, .end = p->offsets + 1, .stride = 1}
                : (struct rec_col){.data = p->data};
    }
    b->batch.rows = rows;
    return &b->batch;
}

void rec_build_reset(struct rec_build *b) {
    for (size_t i = 0; i < b->nfields; i++)
        b->parts[i].text.n = b->parts[i].ncells = 0;
}

void rec_build_free(struct rec_build *b) {
    if (!b)
        return;
    for (size_t i = 0; b->parts && i < b->nfields; i++) {
        free(b->parts[i].data);
        buf_free(&b->parts[i].text);
        free(b->parts[i].offsets);
    }
    free(b->parts);
    free(b->batch.cols);
    free(b);
}
