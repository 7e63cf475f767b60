/*
 * init.c - a fit that begins with an older model (--init): its columns, with the levels, bins and scales it learnt, its sizes and its
 * weights. Rows are read as the filters read them: a text that is no level is unknown, a number beyond the old range is as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "fit/fit.h"

enum vae_purpose init_purpose(const struct vae_model *m) {
    const char *text = json_string_value(json_object_get(m->training, "for"));
    enum vae_purpose p = VAE_FOR_GENERATE;
    for (int i = VAE_FOR_GENERATE; text && i <= VAE_FOR_REDUCE; i++)
        p = strcmp(text, fit_purpose((enum vae_purpose)i)) ? p : (enum vae_purpose)i;
    return p;
}

struct vae_model *init_model(const struct vae_model *from, struct vae_err *err) {
    struct vae_model *m = model_copy(from, err);
    if (m)
        model_forget(m);
    return m;
}

/* A batch behind the rows that are there; bad ones stop it, or are left out and counted. */
static int add_batch(struct vae_in *in, const struct vae_fit_opts *o, const struct schema_map *map, const struct vae_batch *b,
                     size_t *cap, struct fit_rows *r, struct vae_err *err) {
    const struct schema *s = o->init->schema;
    size_t from = 0, good, rows = vae_batch_rows(b);
    struct schema_seen seen = {0};
    int e = mem_grow(&r->raw, cap, (r->n + rows) * s->d, sizeof *r->raw, err);
    while (!e && from < rows) {
        e = schema_read(s, map, b, vae_in_head(in), from, rows - from, r->raw + r->n * s->d, &seen, &good, err);
        int noted = split_note(&r->groups, o->split_by, vae_in_head(in), b, from, good, err);
        if (noted)
            return noted;
        from += good, r->n += good;
        if (e)
            err_prefix(err, "%s", vae_in_where(in, from));
        if (e == VAE_EROW && o->skip_bad)
            fit_leave_out(o, r, err), from++, e = 0;
    }
    r->unknown += seen.unknown;
    return e;
}

int init_read(struct vae_in *in, const struct vae_fit_opts *o, struct fit_rows *r, struct vae_err *err) {
    struct schema_map map = {0};
    const struct vae_batch *b;
    size_t cap = 0;
    int n = 0, e = schema_bind(o->init->schema, vae_in_head(in), &map, err);
    if (!e && !(r->schema = schema_copy(o->init->schema, err)))
        e = VAE_EOS;
    while (!e && (n = vae_in_next(in, &b, err))) {
        if (n == VAE_EROW && o->skip_bad) {
            fit_leave_out(o, r, err);
            continue;
        }
        e = n < 0 ? n : add_batch(in, o, &map, b, &cap, r, err);
        e = e ? e : fit_reading(o, r->n, r->n * r->schema->d * sizeof *r->raw, (size_t)n, err);
    }
    schema_map_free(&map);
    return e;
}
