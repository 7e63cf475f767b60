/* schema.c - making, copying and freeing a schema. */
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { MAX_VALUES = 1 << 26 /* bytes of the largest frame of a stream */ };

struct schema *schema_empty(size_t ncols, size_t nkeep, struct vae_err *err) {
    struct schema *s = mem_array(1, sizeof *s);
    if (s) {
        s->col = mem_array(ncols + 1, sizeof *s->col);
        s->keep = mem_array(nkeep + 1, sizeof *s->keep);
        s->keep_kind = mem_array(nkeep + 1, sizeof *s->keep_kind);
        s->keep_next = mem_array(nkeep + 1, sizeof *s->keep_next);
        s->ncols = ncols;
        if (s->col && s->keep && s->keep_kind && s->keep_next)
            return s;
        s->ncols = 0;
    }
    schema_free(s);
    err_set(err, VAE_EOS, "out of memory");
    return NULL;
}

int schema_add_missing(struct schema *s, const char *text, struct vae_err *err) {
    char **more = realloc(s->missing, (s->nmissing + 1) * sizeof *more);
    if (more)
        s->missing = more;
    if (!more || !(s->missing[s->nmissing] = mem_text(text, strlen(text))))
        return err_set(err, VAE_EOS, "out of memory");
    s->nmissing++;
    return 0;
}

void schema_free(struct schema *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->ncols; i++) {
        free(s->col[i].name);
        schema_levels_free(&s->col[i].levels);
    }
    for (size_t j = 0; j < s->d && s->cells; j++)
        cells_free(&s->cells[j]);
    for (size_t i = 0; i < s->nkeep; i++)
        free(s->keep[i]);
    for (size_t i = 0; i < s->nmissing; i++)
        free(s->missing[i]);
    free(s->keep), free(s->keep_kind), free(s->keep_next), free(s->missing);
    free(s->col), free(s->cells), free(s->mem);
    json_decref(s->origin);
    free(s);
}

int schema_place(struct schema *s, struct vae_err *err) {
    s->d = 0;
    for (size_t i = 0; i < s->ncols; i++) {
        s->col[i].v0 = s->d;
        if (!s->col[i].transform)
            s->col[i].transform = &schema_standard;
        if (!mem_add(s->d, s->col[i].width, &s->d) || s->d > MAX_VALUES)
            return err_set(err, VAE_EDATA, "too many values in a record");
    }
    size_t n;
    s->mem = mem_mul(s->d, SCHEMA_NSTATS, &n) ? mem_array(n, sizeof *s->mem) : NULL;
    s->cells = mem_array(s->d, sizeof *s->cells);
    if (!s->mem || !s->cells)
        return err_set(err, VAE_EOS, "out of memory for %zu values", s->d);
    double **part[SCHEMA_NSTATS] = {&s->center,    &s->scale,      &s->stats.mean, &s->stats.sd,
                             &s->stats.low, &s->stats.high, &s->stats.step};
    for (size_t i = 0; i < SCHEMA_NSTATS; i++)
        *part[i] = s->mem + i * s->d;
    return 0;
}

const struct schema_col *schema_line(const struct schema *s) {
    for (size_t c = 0; c < s->ncols; c++)
        if (s->col[c].kind == SCHEMA_LINE)
            return &s->col[c];
    return NULL;
}

struct schema *schema_new(const struct vae_head *head, struct vae_err *err) {
    size_t nkeep = 0;
    for (size_t i = 0; i < head->nfields; i++)
        nkeep += head->fields[i].keep;
    struct schema *s = schema_empty(head->nfields - nkeep, nkeep, err);
    if (!s)
        return NULL;
    bool ok = true;
    size_t c = 0;
    for (size_t i = 0; i < head->nfields && ok; i++) {
        const struct rec_field *f = &head->fields[i];
        char *name = mem_text(f->name, strlen(f->name));
        ok = name != NULL;
        if (f->keep) {
            s->keep[s->nkeep++] = name;
            continue;
        }
        struct schema_col *col = &s->col[c++];
        *col = (struct schema_col){.name = name, .kind = f->type == REC_UTF8 ? SCHEMA_NUMBER : SCHEMA_ARRAY, .type = f->type,
                                   .ndim = f->ndim, .width = f->width};
        memcpy(col->shape, f->shape, sizeof col->shape);
    }
    s->origin = head->origin ? json_deep_copy(head->origin) : json_object();
    if (!ok || !s->origin)
        err_set(err, VAE_EOS, "out of memory");
    else if (!s->ncols)
        err_set(err, VAE_EDATA, "no column is left to model");
    else if (!schema_place(s, err))
        return s;
    schema_free(s);
    return NULL;
}
