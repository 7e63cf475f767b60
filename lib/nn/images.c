/*
 * images.c - networks for images: convolutions that halve the image on the way in, a multi-layer perceptron on what is left,
 * and the same backwards on the way out (the layout of Radford et al. 2016, 1511.06434, without their normalisation).
 *
 *   encoder: [conv, act] for each stage, mlp, whose blocks are told the features that are no pixels
 *   decoder: mlp, act, [deconv, act] for each stage but the last one, deconv, a bias for each output
 *   with a raster, before the bias: stencil, act, conv, act, conv, the last two of one pixel each
 *
 * The first window is wider: there it costs little, and sees strokes instead of pixels.
 */
#include "nn/nn.h"

enum { FIRST = 5, THEN = 3, BEFORE = 7 };

static size_t features(struct nn_image m) { return m.h * m.w * m.c; }

/* The windows from the image on; returns the features that are left. */
static size_t windows(const struct nn_images *c, struct nn_window *w) {
    struct nn_image at = c->size;
    for (size_t i = 0; i < c->n; i++) {
        w[i] = nn_window(at, c->channels[i], i ? THEN : FIRST, 2);
        at = w[i].small;
    }
    return features(at);
}

static int add_act(struct nn_net *net, const struct nn_mlp *m, struct vae_err *err) {
    size_t width = nn_out(net);
    int r = nn_add(net, m->act, width, width, 0, 0, err);
    if (!r && m->dropout > 0)
        r = nn_add(net, &nn_dropout, width, width, net->n, m->dropout, err);
    return r;
}

int nn_encoder(struct nn_net *net, const struct nn_images *c, const struct nn_mlp *m, struct vae_err *err) {
    struct nn_window w[NN_MAX_STAGES];
    struct nn_mlp rest = *m;
    rest.told = m->in - features(c->size);
    windows(c, w);
    int r = 0;
    for (size_t i = 0; i < c->n && !r; i++) {
        r = nn_add_window(net, &nn_conv, &w[i], err);
        if (!r)
            net->node[0].in = m->in; /* the first convolution does not look at what is no pixel */
        if (!r)
            r = add_act(net, m, err);
    }
    return r ? r : nn_mlp(net, &rest, err);
}

/* What each pixel is made of: its own features, and those of the pixels before it. */
static int add_raster(struct nn_net *net, const struct nn_images *c, const struct nn_mlp *m, struct vae_err *err) {
    struct nn_image units = {c->size.h, c->size.w, c->raster};
    struct nn_window mix = nn_window(units, 2 * c->raster, 1, 1), last = nn_window(mix.small, m->out / (c->size.h * c->size.w), 1, 1);
    struct nn_node before = {.op = &nn_stencil, .out = features(units), .from = m->in, .told = features(c->size),
                             .win = nn_window(c->size, c->raster, BEFORE, 1)};
    int r = nn_add_node(net, before, err);
    r = r ? r : nn_add(net, m->act, features(units), features(units), 0, 0, err);
    r = r ? r : nn_add_window(net, &nn_conv, &mix, err);
    r = r ? r : nn_add(net, m->act, features(mix.small), features(mix.small), 0, 0, err);
    r = r ? r : nn_add_window(net, &nn_conv, &last, err);
    net->more = features(c->size);
    return r;
}

/* The node that is the stencil. */
static size_t raster_node(const struct nn_net *net) {
    size_t i = 0;
    while (net->node[i].op != &nn_stencil)
        i++;
    return i;
}

void nn_raster_begin(const struct nn_net *net, const float *w, struct nn_work *k, size_t n) {
    for (size_t i = 0; i < raster_node(net); i++) {
        const struct nn_node *v = &net->node[i];
        v->op->forward(v, w + v->w0, k->act[i], k->act[v->src], k->act[i + 1], (struct nn_cols){n, k->ld}, NULL);
    }
}

void nn_raster_pixel(const struct nn_net *net, size_t p, const float *w, struct nn_work *k, size_t n) {
    size_t i = raster_node(net), pixels = net->node[i].win.large.h * net->node[i].win.large.w;
    struct nn_cols c = {n, k->ld};
    nn_stencil_pixel(&net->node[i], p, w + net->node[i].w0, k->act[i], k->act[0], k->act[i + 1], c);
    for (i++; i < net->n; i++) {
        struct nn_node v = net->node[i];
        if (v.op == &nn_conv) {
            nn_conv_pixel(&v, p, w + v.w0, k->act[i], k->act[i + 1], c);
            continue;
        }
        size_t each = v.out / pixels; /* acts on each value alone, or adds to it */
        v.in = v.out = each;
        v.op->forward(&v, w + v.w0 + (v.nb ? p * each : 0), k->act[i] + p * each * c.ld, NULL, k->act[i + 1] + p * each * c.ld, c, NULL);
    }
}

int nn_decoder(struct nn_net *net, const struct nn_images *c, const struct nn_mlp *m, struct vae_err *err) {
    struct nn_window w[NN_MAX_STAGES];
    struct nn_mlp to = *m;
    to.out = windows(c, w);
    w[0].large.c = c->raster ? c->raster : m->out / (c->size.h * c->size.w);
    int r = nn_mlp(net, &to, err);
    for (size_t i = c->n; i-- > 0 && !r;) {
        r = add_act(net, m, err);
        if (!r)
            r = nn_add_window(net, &nn_deconv, &w[i], err);
    }
    if (!r && c->raster)
        r = add_raster(net, c, m, err);
    return r ? r : nn_add(net, &nn_bias, m->out, m->out, 0, 0, err);
}
