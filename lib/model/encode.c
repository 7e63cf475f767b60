/* encode.c - records to latents: the posterior mean, a draw, the standard deviation; or to codes. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mat.h"
#include "base/mem.h"
#include "base/rng.h"
#include "model/codes.h"
#include "model/latents.h"
#include "model/op.h"

static void put_codes(struct vae_op *op, const struct model_pass *p, size_t first, size_t n) {
    size_t k = op->m->codes.k;
    int32_t *out = (int32_t *)rec_build_data(op->build, op->nkeep) + first * k;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++)
            out[i * k + j] = (int32_t)p->code[j * p->ld + i];
}

/* Panel of records -> rows of latents in the fields behind the carried ones. */
static void encode_panel(struct vae_op *op, struct model_pass *p, size_t first, size_t n) {
    const struct vae_model *m = op->m;
    size_t k = m->zdim;
    op_encode_panel(m, p, op->x + first * m->schema->d, NULL, n);
    if (op->opts.sample) {
        rng_normals(p->eps, m->neps, MAT_PANEL, p->ld, op->opts.seed, RNG_ENC, 0, NULL, op->row + first);
        bottleneck_draw(m, m->w, p, 0, MAT_PANEL);
    } else {
        bottleneck_mean(m, m->w, p, 0, MAT_PANEL);
    }
    if (op->opts.codes) {
        put_codes(op, p, first, n);
        return;
    }
    mat_transpose(k, n, model_z(p), p->ld, (float *)rec_build_data(op->build, op->nkeep) + first * k, k);
    if (op->opts.with_sd) {
        bottleneck_sd(m, m->w, p, model_z(p), 0, MAT_PANEL);
        mat_transpose(k, n, model_z(p), p->ld, (float *)rec_build_data(op->build, op->nkeep + 1) + first * k, k);
    }
}

static int encode_run(struct vae_op *op, const struct vae_batch *b, size_t from, size_t *n, struct vae_err *err) {
    int bad = op_read(op, b, from, n, err);
    if (bad && bad != VAE_EROW)
        return bad;
    int r = rec_build_rows(op->build, *n, err);
    if (!r)
        r = op_carry(op, b, from, *n, err);
    if (r)
        return r;
    op_panels(op, *n, encode_panel);
    return bad;
}

static int check_opts(const struct vae_model *m, const struct vae_op_opts *o, struct vae_err *err) {
    if (o->codes && !codes_are(m))
        return err_set(err, VAE_EUSAGE, "the latents of this model are no codes; it was fitted with --latent %s",
                       m->config.latent->name);
    if (o->with_sd && codes_are(m))
        return err_set(err, VAE_EUSAGE, "codes have no standard deviations: leave --with-sd out");
    return 0;
}

struct vae_op *vae_encode(const struct vae_model *m, const struct vae_head *in, const struct vae_op_opts *opts,
                          struct vae_err *err) {
    struct vae_op *op = op_new(m, in, "latent", opts, err);
    if (!op)
        return NULL;
    size_t k = opts->codes ? m->codes.k : m->zdim;
    op->run = encode_run;
    op->head->model = latents_model_ref(m, opts->no_model_path);
    op->head->origin = json_incref(in->origin ? in->origin : m->schema->origin);
    bool *keep = mem_array(in->nfields + 1, sizeof *keep);
    for (size_t f = 0; f < in->nfields && keep; f++) /* what was told goes along: the decoder will be told it, too */
        keep[f] = in->fields[f].keep || op_is_condition(op, in->fields[f].name);
    bool ok = keep && !check_opts(m, opts, err) && !op_keep(op, keep, err) &&
              rec_head_add(op->head, opts->codes ? "codes" : "mu", opts->codes ? REC_I32 : REC_F32, 1, &k, err) &&
              (!opts->with_sd || rec_head_add(op->head, "sd", REC_F32, 1, &k, err)) &&
              !schema_bind(m->schema, in, &op->map, err) && !op_seal(op, true, err);
    free(keep);
    if (ok)
        return op;
    vae_op_free(op);
    return NULL;
}
