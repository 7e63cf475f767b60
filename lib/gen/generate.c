/* generate.c - new records: z from the prior, x from p(x given z). A record depends on the seed and its number alone. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/op.h"

static const struct prior *prior_of(const struct vae_op *op, size_t *size) {
    const struct prior *p = op->opts.prior ? prior_by_name(op->opts.prior) : op->m->prior;
    *size = p == op->m->prior ? op->m->nprior : 0;
    return p;
}

static void generate_panel(struct vae_op *op, struct model_pass *p, size_t first, size_t n) {
    size_t k = op->m->config.latent_dim, size;
    const struct prior *prior = prior_of(op, &size);
    for (size_t i = first; i < first + n; i++)
        prior->sample(k, size, op->m->prior_param, op->opts.seed, op->row + i, op->x + i * k);
    op_decode_panel(op, p, first, n, !op->opts.mean);
}

int vae_op_generate(struct vae_op *op, size_t n, const struct vae_batch **out, struct vae_err *err) {
    rec_build_reset(op->build);
    int r = op_reserve(op, n, err);
    if (r)
        return r;
    op_panels(op, n, generate_panel);
    r = schema_write(op->m->schema, op->raw, n, 0, op->build, err);
    if (r)
        return r;
    for (size_t i = 0; i < op->nkeep; i++) /* nothing is known of carried columns */
        for (size_t j = 0; j < n && !r; j++)
            r = rec_build_text(op->build, (size_t)op->keep_out[i], "", 0, err);
    *out = rec_build_batch(op->build, n);
    op->row += n;
    return r;
}

struct vae_op *vae_generate(const struct vae_model *m, const struct vae_op_opts *opts, struct vae_err *err) {
    struct vae_op *op = op_new(m, NULL, "data", opts, err);
    if (!op)
        return NULL;
    size_t size;
    const struct prior *prior = prior_of(op, &size);
    if (!prior)
        err_set(err, VAE_EUSAGE, "no such prior: '%s'", opts->prior);
    else if (prior->size(m->config.latent_dim, 1) && !size)
        err_set(err, VAE_EUSAGE, "this model has no '%s' prior; it was fitted with --prior %s", opts->prior,
                m->prior->name);
    else {
        rec_head_free(op->head);
        op->head = schema_head(m->schema, err);
        op->keep_out = mem_array(m->schema->nkeep + 1, sizeof(int));
        bool ok = op->head && op->keep_out;
        for (size_t i = 0; i < m->schema->nkeep && ok; i++) {
            struct rec_field *f = rec_head_add(op->head, m->schema->keep[i], REC_UTF8, 0, NULL, err);
            ok = f != NULL;
            if (ok)
                f->keep = true, op->keep_out[op->nkeep++] = (int)op->head->nfields - 1;
        }
        if (ok && !op_seal(op, true, err))
            return op;
    }
    vae_op_free(op);
    return NULL;
}
