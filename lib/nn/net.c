/* net.c - putting nodes together and running them. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/nn.h"

int nn_add_node(struct nn_net *net, struct nn_node v, struct vae_err *err) {
    struct nn_node *node = realloc(net->node, (net->n + 1) * sizeof *node);
    if (!node)
        return err_set(err, VAE_EOS, "out of memory");
    net->node = node;
    if (net->n)
        v.in = node[net->n - 1].out;
    v.gain = 1;
    nn_size(&v);
    node[net->n] = v;
    if (v.op == &nn_residual)
        node[v.src].acc = true;
    net->nw += v.nw;
    net->n++;
    return 0;
}

int nn_add(struct nn_net *net, const struct nn_op *op, size_t in, size_t out, size_t src, float rate,
           struct vae_err *err) {
    return nn_add_node(net, (struct nn_node){.op = op, .in = in, .out = out, .src = src, .rate = rate}, err);
}

int nn_add_window(struct nn_net *net, const struct nn_op *op, const struct nn_window *w, struct vae_err *err) {
    size_t large = w->large.h * w->large.w * w->large.c, small = w->small.h * w->small.w * w->small.c;
    bool down = op == &nn_conv;
    return nn_add_node(net, (struct nn_node){.op = op, .in = down ? large : small, .out = down ? small : large, .win = *w},
                       err);
}

void nn_size(struct nn_node *v) {
    size_t shape[NN_MAX_DIMS], ndim = 0, n = 1;
    v->nb = 0;
    if (v->op->shape)
        ndim = v->op->shape(v, shape, &v->nb);
    for (size_t i = 0; i < ndim; i++)
        n *= shape[i];
    v->nw = (ndim ? n : 0) + v->nb;
    v->room = v->op->room ? v->op->room(v) : 0;
}

/* act(W x + b) and dropout behind what is there. */
static int add_layer(struct nn_net *net, const struct nn_mlp *m, size_t width, struct vae_err *err) {
    bool first = net->n == 0;
    int r = nn_add(net, &nn_dense, m->in, width, 0, 0, err);
    if (!r && m->told && !first)
        r = nn_add_node(net, (struct nn_node){.op = &nn_inject, .out = width, .from = m->in - m->told, .told = m->told}, err);
    if (!r)
        r = nn_add(net, m->act, width, width, 0, 0, err);
    if (!r && m->dropout > 0)
        r = nn_add(net, &nn_dropout, width, width, net->n, m->dropout, err);
    return r;
}

/* x + V act(W norm(x)) behind what is there. */
static int add_block(struct nn_net *net, const struct nn_mlp *m, size_t width, struct vae_err *err) {
    size_t src = net->n;
    int r = nn_add(net, &nn_layernorm, width, width, 0, 0, err);
    if (!r)
        r = add_layer(net, m, width, err);
    if (!r)
        r = nn_add(net, &nn_dense, width, width, 0, 0, err);
    if (!r) {
        net->node[net->n - 1].gain = 0;
        r = nn_add(net, &nn_residual, width, width, src, 0, err);
    }
    return r;
}

int nn_mlp(struct nn_net *net, const struct nn_mlp *m, struct vae_err *err) {
    int r = 0;
    for (size_t i = 0; i < m->nhidden && !r; i++) {
        size_t width = m->hidden[i];
        if (m->residual && (i == 0 || width != m->hidden[i - 1]))
            r = nn_add(net, &nn_dense, m->in, width, 0, 0, err);
        if (!r)
            r = m->residual ? add_block(net, m, width, err) : add_layer(net, m, width, err);
    }
    return r ? r : nn_add(net, &nn_dense, m->in, m->out, 0, 0, err);
}

size_t nn_place(struct nn_net *net, size_t w0) {
    for (size_t i = 0; i < net->n; i++) {
        net->node[i].w0 = w0;
        w0 += net->node[i].nw;
    }
    return w0;
}

void nn_init(const struct nn_net *net, float *w, uint64_t seed, uint64_t block0) {
    for (size_t i = 0; i < net->n; i++)
        if (net->node[i].op->init)
            net->node[i].op->init(&net->node[i], w + net->node[i].w0, seed, block0 + i);
}

size_t nn_in(const struct nn_net *net) { return net->node[0].in + net->more; }
size_t nn_out(const struct nn_net *net) { return net->node[net->n - 1].out; }

void nn_net_free(struct nn_net *net) {
    free(net->node);
    *net = (struct nn_net){0};
}

int nn_work_init(struct nn_work *k, const struct nn_net *net, size_t ld, bool gradients, struct vae_err *err) {
    size_t features = nn_in(net), total;
    for (size_t i = 0; i < net->n; i++)
        features += net->node[i].out + net->node[i].room;
    *k = (struct nn_work){.n = net->n, .ld = ld};
    k->act = mem_array(net->n + 1, sizeof *k->act);
    k->grad = gradients ? mem_array(net->n + 1, sizeof *k->grad) : NULL;
    if (mem_mul(features, ld, &total) && mem_mul(total, gradients ? 2 : 1, &total))
        k->mem = mem_floats(total);
    if (!k->act || (gradients && !k->grad) || !k->mem) {
        nn_work_free(k);
        return err_set(err, VAE_EOS, "out of memory for %zu features of %zu records", features, ld);
    }
    float *p = k->mem;
    for (size_t i = 0; i <= net->n; i++) {
        size_t size = (i ? net->node[i - 1].out + net->node[i - 1].room : nn_in(net)) * ld;
        k->act[i] = p, p += size;
        if (gradients)
            k->grad[i] = p, p += size;
    }
    return 0;
}

void nn_work_free(struct nn_work *k) {
    free(k->act);
    free(k->grad);
    free(k->mem);
    *k = (struct nn_work){0};
}

void nn_forward(const struct nn_net *net, const float *w, struct nn_work *k, size_t col, size_t n,
                const struct nn_noise *noise) {
    for (size_t i = 0; i < net->n; i++) {
        const struct nn_node *v = &net->node[i];
        v->op->forward(v, w + v->w0, k->act[i] + col, k->act[v->src] + col, k->act[i + 1] + col,
                       (struct nn_cols){n, k->ld}, noise);
    }
}

void nn_backward(const struct nn_net *net, const float *w, struct nn_work *k, size_t col, size_t n, bool input_too,
                 const struct nn_noise *noise) {
    for (size_t i = net->n; i-- > 0;) {
        const struct nn_node *v = &net->node[i];
        if (i == 0 && !input_too && !v->room)
            return;
        v->op->backward(v, w + v->w0, k->act[i] + col, k->act[i + 1] + col, k->grad[i + 1] + col, k->grad[i] + col,
                        k->grad[v->src] + col, (struct nn_cols){n, k->ld}, noise);
    }
}

size_t nn_grad_tasks(const struct nn_net *net) {
    size_t n = 0;
    for (size_t i = 0; i < net->n; i++)
        n += net->node[i].nw ? net->node[i].op->ntasks(&net->node[i]) : 0;
    return n;
}

void nn_grad(const struct nn_net *net, const struct nn_work *k, size_t task, size_t n, float *dw) {
    for (size_t i = 0; i < net->n; i++) {
        const struct nn_node *v = &net->node[i];
        size_t here = v->nw ? v->op->ntasks(v) : 0;
        if (task < here) {
            v->op->grad(v, task, k->act[i], k->act[v->src], k->act[i + 1], k->grad[i + 1], dw + v->w0,
                        (struct nn_cols){n, k->ld});
            return;
        }
        task -= here;
    }
}
