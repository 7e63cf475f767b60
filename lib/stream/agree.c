/* agree.c - may the records of one input follow those of another? */
#include "stream/agree.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "stream/image.h"

static const char *model_id(const struct vae_head *h) { return json_string_value(json_object_get(h->model, "id")); }

static const char *format(const struct vae_head *h) {
    const struct stream_format *f = stream_format_of(h);
    return f ? f->name : h->kind;
}

/* A number of the origin, 0 for none: of sound its rate and its channels. */
static int64_t of_origin(const struct vae_head *h, const char *key) { return json_integer_value(json_object_get(h->origin, key)); }

/* NULL, or what is in the way. */
static const char *differs(const struct vae_head *a, const struct vae_head *b) {
    if (strcmp(a->kind, b->kind))
        return "another kind of stream";
    if (!of_origin(a, "rate") != !of_origin(b, "rate"))
        return of_origin(a, "rate") ? "other records (no sound)" : "other records (of sound)";
    if (of_origin(a, "rate") != of_origin(b, "rate"))
        return "another rate (--resample makes them one)";
    if (of_origin(a, "channels") != of_origin(b, "channels"))
        return "other channels";
    if (a->nfields != b->nfields)
        return "another number of columns";
    for (size_t j = 0; j < a->nfields; j++) {
        const struct rec_field *f = &a->fields[j], *g = &b->fields[j];
        if (strcmp(f->name, g->name) && !(f->whole && g->whole))
            return "other columns";
        if (f->type != g->type || f->ndim != g->ndim || memcmp(f->shape, g->shape, f->ndim * sizeof *f->shape))
            return "columns of other types";
    }
    const char *x = model_id(a), *y = model_id(b);
    return x && y && strcmp(x, y) ? "latents of another model" : NULL;
}

int stream_agree(const struct vae_head *a, const char *first, const struct vae_head *b, const char *name, struct vae_err *err) {
    const char *what = differs(a, b);
    struct image m, n;
    bool images = a->nfields == 1 && b->nfields == 1 && image_field(&a->fields[0], &m) && image_field(&b->fields[0], &n);
    int64_t now = of_origin(b, "channels"), then = of_origin(a, "channels");
    if (!what)
        return 0;
    if (now != then && now && then && of_origin(a, "rate") == of_origin(b, "rate"))
        return err_set(err, VAE_EDATA, "%s: %lld channel%s, and %s has %lld; sox IN OUT channels %lld makes them alike", name,
                       (long long)now, now == 1 ? "" : "s", first, (long long)then, (long long)then);
    if (images)
        return err_set(err, VAE_EDATA,
                       "%s: height x width x channels are %zux%zux%zu, in %s %zux%zux%zu; --resize %zux%zux%zu makes them alike", name,
                       n.height, n.width, n.channels, first, m.height, m.width, m.channels, m.height, m.width, m.channels);
    if (strcmp(format(a), format(b)) && !(of_origin(a, "rate") && of_origin(b, "rate")))
        return err_set(err, VAE_EDATA, "%s: is %s, and %s is %s: %s", name, format(b), first, format(a), what);
    return err_set(err, VAE_EDATA, "%s: %s than in %s", name, what, first);
}
