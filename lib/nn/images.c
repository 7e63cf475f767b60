/*
 * images.c - networks for images: convolutions that halve the image on the way in, a multi-layer perceptron on what is left,
 * and the same backwards on the way out (the layout of Radford et al. 2016, 1511.06434, without their normalisation).
 *
 *   encoder: [conv, act] for each stage, mlp, whose blocks are told the features that are no pixels
 *   decoder: mlp, act, [deconv, act] for each stage but the last one, deconv, a bias for each output
 *
 * The first window is wider: there it costs little, and sees strokes instead of pixels.
 */
#include "nn/nn.h"

enum { FIRST = 5, THEN = 3 };

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

int nn_decoder(struct nn_net *net, const struct nn_images *c, const struct nn_mlp *m, struct vae_err *err) {
    struct nn_window w[NN_MAX_STAGES];
    struct nn_mlp to = *m;
    to.out = windows(c, w);
    w[0].large.c = m->out / (c->size.h * c->size.w);
    int r = nn_mlp(net, &to, err);
    for (size_t i = c->n; i-- > 0 && !r;) {
        r = add_act(net, m, err);
        if (!r)
            r = nn_add_window(net, &nn_deconv, &w[i], err);
    }
    return r ? r : nn_add(net, &nn_bias, m->out, m->out, 0, 0, err);
}
