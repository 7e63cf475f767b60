/*
 * realnvp.c - affine couplings (Dinh et al. 2017, 1605.08803) as a prior that is trained with the model. A layer leaves
 * some latents as they are, a; the others become
 *
 *   b' = b exp(s) + t,  (s, t) = net(a),  |s| < BOUND        log p(z) = log N(z after all layers) + the sum of all s
 *
 * Draws go back through the layers. They start as the identity, the prior as N(0,1). A single latent has one layer: it
 * learns a mean and a standard deviation.
 *
 * Parameters: the weights of the nets, one behind the other.
 */
#include "prior/realnvp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/vmath.h"

enum { HIDDEN = 2, MIN_WIDTH = 32, MAX_WIDTH = 256, BLOCK0 = 6000, BLOCKS = 100 };
static const double HALF_LOG_2PI = 0.91893853320467274178;

bool realnvp_moves(size_t k, size_t layer, size_t j) {
    size_t bits = 1;
    while ((size_t)1 << bits < k)
        bits++;
    return (j >> (layer / 2) % bits & 1) == layer % 2;
}

static size_t moved(size_t k, size_t layer) {
    size_t n = 0;
    for (size_t j = 0; j < k; j++)
        n += realnvp_moves(k, layer, j);
    return n;
}

static size_t inputs(size_t k, size_t layer) { return k > 1 ? k - moved(k, layer) : 1; }

static size_t width(size_t k) {
    size_t w = MIN_WIDTH;
    while (w < 4 * k && w < MAX_WIDTH)
        w *= 2;
    return w;
}

int realnvp_net(struct nn_net *net, size_t k, size_t layer, struct vae_err *err) {
    const size_t w = width(k), hidden[HIDDEN] = {w, w};
    const struct nn_mlp m = {inputs(k, layer), 2 * moved(k, layer), HIDDEN, hidden, &nn_silu, false, 0, 0};
    int r = nn_mlp(net, &m, err);
    if (!r)
        net->node[net->n - 1].gain = 0;
    return r;
}

/* Weights of the nets: as nn_mlp() makes them. */
static size_t realnvp_size(const struct prior_space *s, size_t n) {
    (void)n;
    size_t k = s->k;
    size_t size = 0, w = width(k);
    for (size_t l = 0; l < realnvp_layers(k); l++)
        size += (inputs(k, l) + 1) * w + (w + 1) * w + (w + 1) * 2 * moved(k, l);
    return size;
}

static int realnvp_check(const struct prior_space *s, size_t size, const float *param, struct vae_err *err) {
    bool ok = size == realnvp_size(s, 0);
    for (size_t i = 0; i < size && ok; i++)
        ok = isfinite(param[i]);
    return ok ? 0 : err_set(err, VAE_EDATA, "the realnvp prior does not fit the model");
}

struct realnvp {
    size_t k, n, ld;
    struct nn_net net[REALNVP_LAYERS];
    struct nn_work pass[REALNVP_LAYERS]; /* of outputs the log scales become s, their gradients those of the nets */
    float *z;    /* [n+1] panels [k,ld]: before each layer and behind the last */
    float *grow; /* [n] panels [k,ld]: exp s of the latents that move */
    float *d;    /* [k,ld] a gradient on its way back */
};

static void realnvp_free(void *work) {
    struct realnvp *r = work;
    if (!r)
        return;
    for (size_t l = 0; l < r->n; l++) {
        nn_work_free(&r->pass[l]);
        nn_net_free(&r->net[l]);
    }
    free(r->z), free(r);
}

static int nets(struct realnvp *r, size_t k, struct vae_err *err) {
    int e = 0;
    r->k = k, r->n = realnvp_layers(k);
    for (size_t l = 0, at = 0; l < r->n && !e; l++) {
        e = realnvp_net(&r->net[l], k, l, err);
        at = e ? at : nn_place(&r->net[l], at);
    }
    return e;
}

static void *joint_work(size_t k, size_t size, size_t ld, bool gradients, struct vae_err *err) {
    (void)size;
    struct realnvp *r = mem_array(1, sizeof *r);
    size_t panel, all;
    int e = r ? nets(r, k, err) : err_set(err, VAE_EOS, "out of memory");
    for (size_t l = 0; !e && l < r->n; l++)
        e = nn_work_init(&r->pass[l], &r->net[l], ld, gradients, err);
    if (!e) {
        r->ld = ld;
        r->z = mem_mul(k, ld, &panel) && mem_mul(panel, 2 * r->n + 2, &all) ? mem_floats(all) : NULL;
        if (r->z) {
            r->grow = r->z + (r->n + 1) * panel, r->d = r->grow + r->n * panel;
            return r;
        }
        err_set(err, VAE_EOS, "out of memory for %zu records", ld);
    }
    realnvp_free(r);
    return NULL;
}

static void *realnvp_work(const struct prior_space *s, size_t size, struct vae_err *err) {
    return joint_work(s->k, size, MAT_PANEL, false, err);
}

static void joint_start(size_t k, size_t size, float *param, uint64_t seed) {
    (void)size;
    for (size_t l = 0; l < realnvp_layers(k); l++) {
        const size_t w = width(k), sizes[HIDDEN + 2] = {inputs(k, l), w, w, 2 * moved(k, l)};
        for (size_t i = 0; i <= HIDDEN; i++) {
            struct nn_node v = {.op = &nn_dense, .in = sizes[i], .out = sizes[i + 1], .gain = i < HIDDEN};
            nn_size(&v);
            nn_dense.init(&v, param, seed, BLOCK0 + BLOCKS * l + i);
            param += v.nw;
        }
    }
}

VM_WIDE static void scale_by(float *x, float f, size_t n) {
    for (size_t i = 0; i < n; i++)
        x[i] *= f;
}

/* The net of layer l on the latents that stay in z: its log scales, bounded, and its shifts are left in its outputs. */
static void tell(struct realnvp *r, const float *param, size_t l, const float *z, size_t col, size_t n) {
    struct nn_work *p = &r->pass[l];
    size_t ld = r->ld, nmoved = nn_out(&r->net[l]) / 2;
    for (size_t j = 0, a = 0; j < r->k; j++)
        if (!realnvp_moves(r->k, l, j))
            memcpy(p->act[0] + a++ * ld + col, z + j * ld + col, n * sizeof *z);
    nn_forward(&r->net[l], param, p, col, n, NULL);
    for (size_t b = 0; b < nmoved; b++) {
        float *s = p->act[p->n] + b * ld + col;
        scale_by(s, 1 / REALNVP_BOUND, n);
        vm_tanh(s, s, n);
        scale_by(s, REALNVP_BOUND, n);
    }
}

/* y = x grow + t; logp += s. */
VM_WIDE static void move(const float *x, const float *s, const float *grow, const float *t, float *y, double *logp,
                         size_t n) {
    for (size_t i = 0; i < n; i++) {
        y[i] = x[i] * grow[i] + t[i];
        logp[i] += (double)s[i];
    }
}

static void joint_logp(const struct prior_panel *x, double *logp) {
    struct realnvp *r = x->work;
    size_t ld = r->ld, panel = r->k * ld, n = x->n;
    for (size_t j = 0; j < r->k; j++)
        memcpy(r->z + j * ld + x->col, x->z + j * x->ld + x->col, n * sizeof *r->z);
    for (size_t l = 0; l < r->n; l++) {
        const float *from = r->z + l * panel, *out = r->pass[l].act[r->pass[l].n];
        size_t nmoved = nn_out(&r->net[l]) / 2;
        tell(r, x->param, l, from, x->col, n);
        for (size_t j = 0, b = 0; j < r->k; j++) {
            size_t at = j * ld + x->col;
            float *to = r->z + (l + 1) * panel + at, *grow = r->grow + l * panel + at;
            if (!realnvp_moves(r->k, l, j)) {
                memcpy(to, from + at, n * sizeof *to);
                continue;
            }
            const float *s = out + b * ld + x->col;
            vm_exp(grow, s, n);
            move(from + at, s, grow, s + nmoved * ld, to, logp, n);
            b++;
        }
    }
    const float *u = r->z + r->n * panel + x->col;
    for (size_t j = 0; j < r->k; j++)
        for (size_t i = 0; i < n; i++)
            logp[i] -= 0.5 * (double)u[j * ld + i] * (double)u[j * ld + i] + HALF_LOG_2PI;
}

/* Of one latent that a layer moved: d, its gradient behind the layer, becomes that before it; ds and dt those of the
 * net. */
VM_WIDE static void back(const float *x, const float *s, const float *grow, const float *pull, float *d, float *ds,
                         float *dt, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float bend = s[i] * (1 / REALNVP_BOUND), through = d[i] * grow[i];
        dt[i] = d[i];
        ds[i] = (through * x[i] + pull[i]) * (1 - bend * bend);
        d[i] = through;
    }
}

VM_WIDE static void add_to(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        y[i] += x[i];
}

static void joint_backward(const struct prior_panel *x, const float *pull, float *dz) {
    struct realnvp *r = x->work;
    size_t ld = r->ld, panel = r->k * ld, n = x->n, col = x->col;
    for (size_t j = 0; j < r->k; j++)
        for (size_t i = 0; i < n; i++)
            r->d[j * ld + col + i] = -pull[i] * r->z[r->n * panel + j * ld + col + i];
    for (size_t l = r->n; l-- > 0;) {
        struct nn_work *p = &r->pass[l];
        size_t nmoved = nn_out(&r->net[l]) / 2;
        for (size_t j = 0, b = 0; j < r->k; j++)
            if (realnvp_moves(r->k, l, j)) {
                size_t at = j * ld + col, out = b++ * ld + col;
                back(r->z + l * panel + at, p->act[p->n] + out, r->grow + l * panel + at, pull, r->d + at,
                     p->grad[p->n] + out, p->grad[p->n] + out + nmoved * ld, n);
            }
        nn_backward(&r->net[l], x->param, p, col, n, true, NULL);
        for (size_t j = 0, a = 0; j < r->k; j++)
            if (!realnvp_moves(r->k, l, j))
                add_to(r->d + j * ld + col, p->grad[0] + a++ * ld + col, n);
    }
    for (size_t j = 0; j < r->k; j++)
        add_to(dz + j * x->ld + col, r->d + j * ld + col, n);
}

static size_t joint_tasks(size_t k, size_t size) {
    (void)size;
    return realnvp_layers(k);
}

static void joint_grad(const struct prior_panel *x, size_t task, float *dparam) {
    const struct realnvp *r = x->work;
    for (size_t t = nn_grad_tasks(&r->net[task]); t-- > 0;)
        nn_grad(&r->net[task], &r->pass[task], t, x->n, dparam);
}

/* u -> z, a panel: back through the layers. */
static void realnvp_sample(const struct prior_space *space, size_t size, const float *param, uint64_t seed,
                           const uint64_t *rows, float temperature, void *work, float *z) {
    (void)size;
    size_t k = space->k;
    struct realnvp *r = work;
    size_t ld = r->ld;
    float *u = r->z, grow[MAT_PANEL];
    rng_normals(u, k, MAT_PANEL, ld, seed, RNG_PRIOR, 0, rows, 0);
    scale_by(u, temperature, k * ld);
    for (size_t l = r->n; l-- > 0;) {
        size_t nmoved = nn_out(&r->net[l]) / 2;
        tell(r, param, l, u, 0, MAT_PANEL);
        for (size_t j = 0, b = 0; j < k; j++)
            if (realnvp_moves(k, l, j)) {
                const float *s = r->pass[l].act[r->pass[l].n] + b++ * ld;
                vm_exp(grow, s, MAT_PANEL);
                for (size_t i = 0; i < MAT_PANEL; i++)
                    u[j * ld + i] = (u[j * ld + i] - s[nmoved * ld + i]) / grow[i];
            }
    }
    mat_transpose(k, MAT_PANEL, u, ld, z, k);
}

static void realnvp_logp(const struct prior_space *s, size_t size, const float *param, const float *z, void *work,
                         double *logp) {
    size_t k = s->k;
    struct realnvp *r = work;
    struct prior_panel x = {k, size, param, r->d, 0, MAT_PANEL, r->ld, r};
    mat_transpose(MAT_PANEL, k, z, k, r->d, r->ld);
    memset(logp, 0, MAT_PANEL * sizeof *logp);
    joint_logp(&x, logp);
}

static const struct prior_joint joint = {
    .start = joint_start, .work = joint_work, .logp = joint_logp, .backward = joint_backward, .ntasks = joint_tasks,
    .grad = joint_grad,
};

const struct prior prior_realnvp = {
    .name = "realnvp",
    .about = "affine couplings, trained with the model as the prior of the objective",
    .joint = &joint,
    .size = realnvp_size,
    .check = realnvp_check,
    .work = realnvp_work,
    .work_free = realnvp_free,
    .sample = realnvp_sample,
    .logp = realnvp_logp,
};
