/* open.c - vae_in_open(): a reader that is asked for the columns of a model. */
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/model.h"
#include "stream/format.h"

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
        for (size_t i = 0; i < want.n; i++) {
            names[i] = i < s->ncols ? s->col[i].name : s->keep[i - s->ncols];
            optional[i] = i >= s->ncols;
        }
        want.names = names, want.optional = optional;
        in = stream_in_open(paths, n, opts, &want, err);
    } else {
        err_set(err, VAE_EOS, "out of memory");
    }
    free(names), free(optional);
    return in;
}
