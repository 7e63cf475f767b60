/* pick.c - projection of a typed stream to the fields that are asked for. */
#include "stream/pick.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

static bool taken(const size_t *index, size_t n, size_t at) {
    for (size_t i = 0; i < n; i++)
        if (index[i] == at)
            return true;
    return false;
}

/* Fills index[] and keep[] (of have's fields); the number of fields picked, or VAE_E*. */
static long choose(const struct vae_head *have, const struct stream_read_opts *opts, bool unnamed, const char *name,
                   size_t *index, bool *keep, struct vae_err *err) {
    const struct stream_want *want = &opts->want;
    size_t n = 0, needed = 0;
    for (size_t i = 0; i < want->n; i++)
        needed += !(want->optional && want->optional[i]);
    for (size_t i = 0; i < want->n; i++) {
        bool optional = want->optional && want->optional[i];
        int at = rec_head_find(have, want->names[i]);
        if (at < 0 && optional)
            continue;
        if (at < 0 && unnamed && needed == 1 && have->nfields == 1)
            at = 0;
        if (at < 0 && unnamed)
            return err_set(err, VAE_EDATA, "%s: column '%s' is missing, an array has no names: use csv", name,
                           want->names[i]);
        if (at < 0)
            return err_set(err, VAE_EDATA, "%s: column '%s' is missing", name, want->names[i]);
        if (taken(index, n, (size_t)at))
            return err_set(err, VAE_EUSAGE, "%s: column '%s' is asked for twice", name, want->names[i]);
        if (optional)
            keep[at] = true;
        index[n++] = (size_t)at;
    }
    for (size_t i = 0; i < opts->nkeep; i++) {
        int at = rec_head_pick(have, opts->keep[i]);
        if (at < 0)
            return err_set(err, VAE_EUSAGE, "%s: no column '%s' to keep", name, opts->keep[i]);
        keep[at] = true;
        if (want->n > 0 && !taken(index, n, (size_t)at))
            index[n++] = (size_t)at;
    }
    for (size_t i = 0; i < have->nfields; i++)
        if (want->n == 0 || (have->fields[i].keep && !taken(index, n, i)))
            index[n++] = i;
    return n > 0 ? (long)n : err_set(err, VAE_EDATA, "%s: none of the columns that are asked for", name);
}

int stream_pick(const struct vae_head *have, const struct stream_read_opts *opts, bool unnamed, const char *name,
                struct vae_head **out, size_t **index, struct vae_err *err) {
    int rc = 0;
    struct vae_head *head = NULL;
    size_t *at = mem_array(have->nfields + 1, sizeof *at);
    bool *keep = mem_array(have->nfields + 1, sizeof *keep);
    if (!at || !keep) {
        rc = err_set(err, VAE_EOS, "out of memory");
        goto fail;
    }
    long n = choose(have, opts, unnamed, name, at, keep, err);
    if (n < 0) {
        rc = (int)n;
        goto fail;
    }
    head = rec_head_new(have->kind, err);
    rc = head ? 0 : VAE_EOS;
    for (long i = 0; !rc && i < n; i++) {
        const struct rec_field *f = &have->fields[at[i]];
        struct rec_field *g = rec_head_add(head, f->name, f->type, f->ndim, f->shape, err);
        if (!g) {
            rc = VAE_EOS;
            break;
        }
        g->keep = f->keep || keep[at[i]], g->apart = f->apart;
        g->decimals = f->decimals;
    }
    if (rc)
        goto fail;
    head->origin = json_incref(have->origin);
    head->model = json_incref(have->model);
    head->extra = json_incref(have->extra);
    free(keep);
    *out = head;
    *index = at;
    return 0;
fail:
    rec_head_free(head);
    free(at);
    free(keep);
    return rc;
}
