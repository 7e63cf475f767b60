/* open.c - vae_in_open(): a reader that is asked for the columns of a model. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/model.h"
#include "stream/format.h"

/* All columns in the order they stood in the training data, so that rows without a header can be taken by position.
 * Modelled and kept ones are each in that order already. */
static void in_order(const struct schema *s, char **names, bool *optional) {
    const json_t *origin = json_object_get(s->origin, "columns");
    size_t c = 0, k = 0, n = 0;
    for (size_t i = 0; i < json_array_size(origin); i++) {
        const char *name = json_string_value(json_array_get(origin, i));
        if (name && c < s->ncols && !strcmp(name, s->col[c].name))
            optional[n] = s->col[c].condition, names[n++] = s->col[c++].name;
        else if (name && k < s->nkeep && !strcmp(name, s->keep[k]))
            optional[n] = true, names[n++] = s->keep[k++];
    }
    while (c < s->ncols)
        optional[n] = s->col[c].condition, names[n++] = s->col[c++].name;
    while (k < s->nkeep)
        optional[n] = true, names[n++] = s->keep[k++];
}

struct vae_in *vae_in_open(char *const *paths, size_t n, const struct vae_in_opts *opts, struct vae_err *err) {
    const struct vae_model *m = opts->model;
    if (!m)
        return stream_in_open(paths, n, opts, NULL, err);
    const struct schema *s = m->schema;
    struct stream_want want = {.n = s->ncols + s->nkeep};
    char **names = mem_array(want.n, sizeof *names);
    bool *optional = mem_array(want.n, sizeof *optional);
    struct vae_in *in = NULL;
    if (names && optional) {
        in_order(s, names, optional);
        want.names = names, want.optional = optional;
        in = stream_in_open(paths, n, opts, &want, err);
    } else {
        err_set(err, VAE_EOS, "out of memory");
    }
    free(names), free(optional);
    return in;
}
