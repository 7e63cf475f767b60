/* record.c - between the fields of a batch and raw[n,d], the values of records in input units. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "schema/schema.h"

enum { QUOTED_MAX = 256 }; /* longest quoted cell that can be a number */

int schema_bind(const struct schema *s, const struct vae_head *head, struct schema_map *map, struct vae_err *err) {
    size_t values = 0, numeric = 0;
    for (size_t i = 0; i < head->nfields; i++) {
        bool number = head->fields[i].type != REC_UTF8;
        numeric += number;
        values += number ? head->fields[i].width : 0;
    }
    map->field = mem_array(s->ncols ? s->ncols : 1, sizeof *map->field);
    if (!map->field)
        return err_set(err, VAE_EOS, "out of memory");
    map->whole = numeric == 1 && head->nfields == 1 && values == s->d;
    for (size_t c = 0; c < s->ncols && !map->whole; c++) {
        const struct schema_col *col = &s->col[c];
        int f = rec_head_find(head, col->name);
        char name[80];
        err_quote(name, sizeof name, col->name, strlen(col->name));
        if (f < 0 && head->nfields == 1 && numeric == 1)
            return err_set(err, VAE_EDATA, "expected %zu values a record, got %zu", s->d, values);
        if (f < 0)
            return err_set(err, VAE_EDATA, "column '%s' is missing", name);
        if (head->fields[f].width != col->width)
            return err_set(err, VAE_EDATA, "column '%s': expected %zu values, got %zu", name, col->width,
                           head->fields[f].width);
        map->field[c] = f;
    }
    return 0;
}

void schema_map_free(struct schema_map *map) {
    free(map->field);
    *map = (struct schema_map){0};
}

static double number_at(const void *data, enum rec_type type, size_t i) {
    switch (type) {
    case REC_U8: return ((const unsigned char *)data)[i];
    case REC_I32: return ((const int32_t *)data)[i];
    case REC_F32: return (double)((const float *)data)[i];
    case REC_F64: return ((const double *)data)[i];
    default: return NAN;
    }
}

/* A cell of a table as a number; its kind tells. */
static enum num_kind cell_number(const char *p, size_t n, bool quoted, double *v) {
    char plain[QUOTED_MAX];
    if (quoted && n && *p == '"') {
        if (n > sizeof plain)
            return NUM_TEXT;
        n = rec_unquote(p, n, plain);
        p = plain;
    }
    return num_parse(p, n, v);
}

static int bad_cell(const struct schema_col *c, const char *p, size_t n, bool missing, struct vae_err *err) {
    char name[80], cell[60];
    err_quote(name, sizeof name, c->name, strlen(c->name));
    err_quote(cell, sizeof cell, p, n);
    if (missing)
        return err_set(err, VAE_EROW, "column '%s' has a missing cell ('%s'); fill it, leave such rows out (--skip-bad), "
                                      "or keep the column out of the model (-k)", name, cell);
    const char *way = "a column that is no number can be carried (-k)";
    if (memchr(p, ',', n) && n > 1 && strspn(cell, "\"+-0123456789,") == strlen(cell))
        way = "decimals are written with a point";
    else if (strspn(cell, "\"+-0123456789.eEinfINF") == strlen(cell))
        way = "it must be finite; leave such rows out (--skip-bad)";
    return err_set(err, VAE_EROW, "column '%s': '%s' is not a number; %s", name, cell, way);
}

static int read_text(const struct schema *s, size_t c, const struct rec_col *cells, bool quoted, size_t i, double *raw,
                     struct vae_err *err) {
    size_t len;
    const char *p = rec_cell(cells, i, &len);
    enum num_kind kind = cell_number(p, len, quoted, raw);
    return kind == NUM_NUMBER ? 0 : bad_cell(&s->col[c], p, len, kind == NUM_MISSING, err);
}

static int read_numbers(const struct schema *s, size_t c, const struct rec_col *data, enum rec_type type, size_t at,
                        size_t width, double *raw, struct vae_err *err) {
    for (size_t j = 0; j < width; j++) {
        raw[j] = number_at(data->data, type, at + j);
        if (!isfinite(raw[j])) {
            char name[80];
            err_quote(name, sizeof name, s->col[c].name, strlen(s->col[c].name));
            return err_set(err, VAE_EROW, "column '%s': value %zu is %s", name, j + 1,
                           isnan(raw[j]) ? "NaN (missing)" : "infinite");
        }
    }
    return 0;
}

int schema_read(const struct schema *s, const struct schema_map *map, const struct vae_batch *b,
                const struct vae_head *head, size_t from, size_t n, double *raw, size_t *good, struct vae_err *err) {
    for (size_t i = 0; i < n; i++) {
        double *row = raw + i * s->d;
        int r = 0;
        *good = i;
        if (map->whole)
            r = read_numbers(s, 0, &b->cols[0], head->fields[0].type, (from + i) * s->d, s->d, row, err);
        for (size_t c = 0; c < s->ncols && !r && !map->whole; c++) {
            size_t f = (size_t)map->field[c], width = s->col[c].width;
            const struct rec_col *col = &b->cols[f];
            if (head->fields[f].type == REC_UTF8)
                r = read_text(s, c, col, b->quoted, from + i, row + s->col[c].v0, err);
            else
                r = read_numbers(s, c, col, head->fields[f].type, (from + i) * width, width, row + s->col[c].v0, err);
        }
        if (r)
            return r;
    }
    *good = n;
    return 0;
}

void schema_note_style(struct schema *s, const struct schema_map *map, const struct vae_batch *b, size_t n) {
    for (size_t c = 0; c < s->ncols && !map->whole; c++) {
        struct schema_col *col = &s->col[c];
        for (size_t i = 0; i < n && col->type == REC_UTF8 && col->decimals >= 0; i++) {
            size_t len;
            const char *p = rec_cell(&b->cols[map->field[c]], i, &len);
            bool quoted = b->quoted && len > 1 && *p == '"';
            int k = quoted ? num_decimals(p + 1, len - 2) : num_decimals(p, len);
            double v;
            if ((k < 0 || k > col->decimals) && cell_number(p, len, b->quoted, &v) == NUM_NUMBER) /* not of a bad row */
                col->decimals = k > 15 ? -1 : k;
        }
    }
}

struct vae_head *schema_head(const struct schema *s, struct vae_err *err) {
    struct vae_head *h = rec_head_new("data", err);
    for (size_t c = 0; c < s->ncols && h; c++) {
        const struct schema_col *col = &s->col[c];
        enum rec_type type = col->type == REC_UTF8 ? REC_F64 : col->type;
        struct rec_field *f = rec_head_add(h, col->name, type, col->ndim, col->shape, err);
        if (!f) {
            rec_head_free(h);
            return NULL;
        }
        f->decimals = col->type == REC_UTF8 ? col->decimals : -1;
    }
    if (h)
        h->origin = json_incref(s->origin);
    return h;
}

static void put_number(void *data, enum rec_type type, size_t i, double v) {
    double r = isnan(v) ? 0 : nearbyint(v);
    switch (type) {
    case REC_U8: ((unsigned char *)data)[i] = (unsigned char)(r < 0 ? 0 : r > 255 ? 255 : r); break;
    case REC_I32: ((int32_t *)data)[i] = (int32_t)(r < INT32_MIN ? INT32_MIN : r > INT32_MAX ? INT32_MAX : r); break;
    case REC_F32: ((float *)data)[i] = (float)v; break;
    default: ((double *)data)[i] = v;
    }
}

int schema_write(const struct schema *s, const double *raw, size_t n, size_t row0, struct rec_build *build,
                 struct vae_err *err) {
    int r = rec_build_rows(build, row0 + n, err);
    for (size_t c = 0; c < s->ncols && !r; c++) {
        const struct schema_col *col = &s->col[c];
        enum rec_type type = col->type == REC_UTF8 ? REC_F64 : col->type;
        void *data = rec_build_data(build, c);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < col->width; j++)
                put_number(data, type, (row0 + i) * col->width + j, raw[i * s->d + col->v0 + j]);
    }
    return r;
}
