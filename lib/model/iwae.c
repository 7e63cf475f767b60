/*
 * iwae.c - the importance-weighted bound (Burda et al. 2016, 1509.00519) with K draws a record, and its gradient.
 *
 *   L_K = E log 1/K sum_k w_k,    log w_k = log p(x|z_k) + beta (log p(z_k) - log q(z_k|x)),    v_k = w_k / sum w
 *
 * beta is 1 but while it is warming up. The decoder's gradient is that of its draws, each counting v_k. The encoder's is
 * doubly reparameterised (DReG, Tucker et al. 2019, 1810.04152): with d/dz through z alone,
 *
 *   sum_k u_k (d log w_k / dz_k) (dz_k / dh),    u_k = (1 - beta) v_k + beta v_k^2
 *
 * which has the mean of the plain gradient, and does not drown in noise when K grows. (The plain one has v_k for u_k and
 * the term -beta sum v_k d log q(z_k|x)/dh beside it; as v_k depends on z_k, the mean of that term is that of
 * -beta v_k (1 - v_k) (d log w_k / dz_k) (dz_k / dh).)
 *
 * The encoder sees a record once. Masks and what is dropped in the nets are the same for all its draws.
 */
#include <math.h>
#include <string.h>

#include "base/vmath.h"
#include "model/objective.h"

static bool iwae_suits(const struct model_config *c) { return c->latent->slope && !c->joint; }

/* own: v[ld], and room for a factor of each column. */
static size_t iwae_room(const struct vae_model *m, size_t ld) {
    (void)m;
    return 2 * ld;
}

/* The columns of draw 0 have h and z: now those of the other draws do, and all have what the decoder is given. */
static void spread(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n, size_t batch) {
    float *h = model_h(p);
    chain_look(m, p, col, n);
    for (size_t k = 1; k < p->draws; k++) {
        size_t at = k * batch + col;
        for (size_t j = 0; j < nn_out(&m->enc); j++)
            memcpy(h + j * p->ld + at, h + j * p->ld + col, n * sizeof *h);
        bottleneck_draw(m, w, p, at, n);
        chain_repeat(m, p, col, at, n);
    }
}

/* kl = log w of each draw; every draw has its nll. */
static void log_weights(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n, size_t batch,
                        double beta) {
    for (size_t k = 0; k < p->draws; k++) {
        double *l = p->kl + k * batch + col;
        bottleneck_ratio(m, w, p, k * batch + col, n, l);
        for (size_t i = 0; i < n; i++)
            l[i] = beta * l[i] - p->nll[k * batch + col + i];
    }
}

/* The largest log w of a record. */
static double top_weight(const struct model_pass *p, size_t record, size_t batch) {
    double top = -INFINITY;
    for (size_t k = 0; k < p->draws; k++)
        top = fmax(top, p->kl[k * batch + record]);
    return top;
}

/* v from log w; nll becomes its mean over the draws. */
static void weigh(struct model_pass *p, size_t col, size_t n, size_t batch) {
    float *v = p->own;
    for (size_t i = col; i < col + n; i++) {
        double top = top_weight(p, i, batch);
        for (size_t k = 0; k < p->draws; k++)
            v[k * batch + i] = (float)(p->kl[k * batch + i] - top);
    }
    for (size_t k = 0; k < p->draws; k++)
        vm_exp(v + k * batch + col, v + k * batch + col, n);
    for (size_t i = col; i < col + n; i++) {
        float sum = 0;
        double nll = 0;
        for (size_t k = 0; k < p->draws; k++)
            sum += v[k * batch + i], nll += p->nll[k * batch + i];
        for (size_t k = 0; k < p->draws; k++)
            v[k * batch + i] /= sum;
        p->nll[i] = nll / (double)p->draws;
    }
}

/* x[rows,n] of each column times its factor. */
VM_WIDE static void scale_columns(float *x, const float *factor, size_t rows, size_t n, size_t ld) {
    for (size_t j = 0; j < rows; j++)
        for (size_t i = 0; i < n; i++)
            x[j * ld + i] *= factor[i];
}

/* One draw, in columns at..: from the outputs to dh. */
static void draw_backward(const struct vae_model *m, const float *w, struct model_pass *p, size_t at, size_t n,
                          const struct model_objective *obj, const struct nn_noise *noise) {
    const struct model_objective through_z = {.scale = obj->scale};
    float *v = p->own + at, *u = v + p->ld;
    scale_columns(p->dec.grad[p->dec.n] + at, v, m->noutputs, n, p->ld);
    nn_backward(&m->dec, w, &p->dec, at, n, true, noise);
    for (size_t i = 0; i < n; i++)
        u[i] = 1 - obj->beta + obj->beta * v[i];
    scale_columns(p->dec.grad[0] + at, u, m->zdim, n, p->ld);
    for (size_t i = 0; i < n; i++)
        u[i] *= obj->scale * obj->beta * v[i];
    bottleneck_slope(m, w, p, at, n, u);
    chain_z_gradient(m, p, at, n);
    bottleneck_backward(m, w, p, at, n, &through_z, noise);
}

VM_WIDE static void add_columns(float *to, const float *x, size_t rows, size_t n, size_t ld) {
    for (size_t j = 0; j < rows; j++)
        for (size_t i = 0; i < n; i++)
            to[j * ld + i] += x[j * ld + i];
}

static void iwae_decode(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                        const struct model_objective *obj, const struct nn_noise *noise) {
    float *dh = p->enc.grad[p->enc.n] + col;
    spread(m, w, p, col, n, obj->batch);
    for (size_t k = 0; k < p->draws; k++) {
        nn_forward(&m->dec, w, &p->dec, k * obj->batch + col, n, noise);
        model_nll_gradient(m, w, p, k * obj->batch + col, n, obj->scale);
    }
    log_weights(m, w, p, col, n, obj->batch, (double)obj->beta);
    weigh(p, col, n, obj->batch);
    for (size_t k = 0; k < p->draws; k++)
        draw_backward(m, w, p, k * obj->batch + col, n, obj, noise);
    for (size_t k = 1; k < p->draws; k++)
        add_columns(dh, dh + k * obj->batch, nn_out(&m->enc), n, p->ld);
    nn_backward(&m->enc, w, &p->enc, col, n, false, noise);
    bottleneck_kl(m, w, p, col, n, NULL); /* its place was the weights' */
}

/* The bound itself, beta 1. A chain estimates -log p(x|z) from one group of columns, and a mean of exponentials of such
 * estimates would be no bound: it is judged by the ELBO. */
static void iwae_bound(const struct vae_model *m, const float *w, struct model_pass *p, size_t col, size_t n,
                       const struct model_objective *obj, const uint64_t *rows) {
    if (m->config.chain) {
        model_bound(m, w, p, col, n, rows);
        return;
    }
    nn_forward(&m->enc, w, &p->enc, col, n, NULL);
    bottleneck_draw(m, w, p, col, n);
    spread(m, w, p, col, n, obj->batch);
    for (size_t k = 0; k < p->draws; k++) {
        nn_forward(&m->dec, w, &p->dec, k * obj->batch + col, n, NULL);
        model_nll(m, w, p, k * obj->batch + col, n);
    }
    log_weights(m, w, p, col, n, obj->batch, 1);
    for (size_t i = col; i < col + n; i++) {
        double top = top_weight(p, i, obj->batch), sum = 0;
        for (size_t k = 0; k < p->draws; k++)
            sum += exp(p->kl[k * obj->batch + i] - top);
        p->nll[i] = -(top + log(sum / (double)p->draws));
        p->kl[i] = 0;
    }
}

const struct objective objective_iwae = {
    .name = "iwae", .about = "the importance-weighted bound by several draws a record", .draws = true,
    .suits = iwae_suits, .room = iwae_room, .decode = iwae_decode, .bound = iwae_bound,
};
