/*
 * nn.h - feed-forward networks: a list of nodes, each one row of the table of operations.
 *
 * Activations are feature-major panels (mat.h): node i reads act[i] and writes act[i+1]; column = record. All
 * operations work on any range of columns, so a batch is cut into shards that run in parallel through the whole
 * network; only the gradients of the weights need the batch whole, and those are cut by weight blocks instead
 * (nn_grad): each block is one product over all records, whoever computes it, so no result depends on the number
 * of threads and no gradient buffer is needed per thread.
 *
 * All weights of a model stand in one array; a node knows its offset.
 */
#ifndef NN_NN_H
#define NN_NN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vae.h"

struct nn_cols {
    size_t n, ld; /* columns to work on, distance between features */
};

/* Where random numbers of a pass come from (dropout); step 0 means evaluation: nothing is dropped. */
struct nn_noise {
    uint64_t seed, step;
    const uint64_t *rows; /* record number of each column */
};

/* An image: features (y, x, channel), the channel innermost. */
struct nn_image {
    size_t h, w, c;
};

/* A k x k window on its way over a large image, a pixel of the small one at each stop: pixel (Y, X) of the small image meets
 * the pixels (Y stride - top + i, X stride - left + j), i, j < k, of the large one. What lies outside is 0. */
struct nn_window {
    struct nn_image large, small;
    size_t k, stride, top, left;
};
/* The small image has ceil(size / stride) pixels each way, the window lies about evenly over the borders ("same"). k >= stride. */
struct nn_window nn_window(struct nn_image large, size_t channels, size_t k, size_t stride);

struct nn_node {
    const struct nn_op *op;
    size_t in, out; /* features */
    size_t src;     /* residual: the activation that is added */
    size_t room;    /* rows of its own behind the outputs */
    size_t w0, nw;  /* weights: w[w0 .. w0+nw) of the model's array, */
    size_t nb;      /* the last nb of them biases */
    size_t from, told; /* inject: which inputs of the net it adds, the first and how many; gru: first symbol, how many there are */
    struct nn_window win; /* of convolutions */
    size_t blocks, lead; /* causal: of features, and inputs in front of them that every block is given; gru: positions */
    bool strict;    /* causal, gru: a block is not given the one of its own number */
    size_t grad_in; /* leading inputs whose gradient is wanted, 0: all (data beside latents needs none) */
    bool acc;       /* a later residual has already left a gradient for this node's input: add to it */
    float rate;     /* dropout */
    float gain;     /* factor on the start weights */
};

enum { NN_MAX_DIMS = 4, NN_MAX_WINDOW = 7, NN_MAX_SYMBOLS = 512 };

struct nn_op {
    const char *name;
    bool act;                          /* an elementwise activation that --act may name */
    /* Shape of the weights as they stand, then how many biases follow; NULL: there are no weights. Returns the number of
     * dimensions, 0 for biases alone. */
    size_t (*shape)(const struct nn_node *, size_t shape[NN_MAX_DIMS], size_t *nb);
    /* Start weights, w[nw]; block numbers the node for the generator. */
    void (*init)(const struct nn_node *, float *w, uint64_t seed, uint64_t block);
    /* x[in,n] (and skip, the activation node->src) -> y[out,n] */
    void (*forward)(const struct nn_node *, const float *w, const float *x, const float *skip, float *y,
                    struct nn_cols, const struct nn_noise *);
    /* dy[out,n] -> dx[in,n], added where node->acc. dskip[out,n] is where a residual leaves its other gradient. The rows of
     * node->room behind y and dy are the operation's own: what the way back and grad() ask of the way there. */
    void (*backward)(const struct nn_node *, const float *w, const float *x, const float *y, float *dy, float *dx,
                     float *dskip, struct nn_cols, const struct nn_noise *);
    /* Gradient of the weights over all columns, cut in tasks; dw[nw], each element written by one task. */
    size_t (*ntasks)(const struct nn_node *);
    void (*grad)(const struct nn_node *, size_t task, const float *x, const float *skip, const float *y, const float *dy,
                 float *dw, struct nn_cols);
    /* Rows of its own behind the outputs, NULL: none. Then backward() is called of the first node, too. */
    size_t (*room)(const struct nn_node *);
};

extern const struct nn_op nn_dense, nn_layernorm, nn_silu, nn_relu, nn_tanh, nn_residual, nn_dropout, nn_inject, nn_conv,
    nn_deconv, nn_bias, nn_causal, nn_gru, nn_stencil;
extern const struct nn_op *const nn_ops[]; /* the table; ends with NULL */
const struct nn_op *nn_op_by_name(const char *);

struct nn_net {
    size_t n, nw; /* nodes, weights in all */
    size_t more;  /* inputs behind those that the first node reads: what a stencil looks at */
    struct nn_node *node;
};

/* Appends a node that reads the last activation; `src` only matters for a residual. in: features of the input
 * (taken from the last node where there is one). VAE_EOS when out of memory. */
int nn_add(struct nn_net *, const struct nn_op *, size_t in, size_t out, size_t src, float rate, struct vae_err *);
/* The same for a node of which more is to be said; its in, nw, nb and gain are set here. */
int nn_add_node(struct nn_net *, struct nn_node, struct vae_err *);
void nn_size(struct nn_node *); /* sets nw, nb and room */
/* The same for a convolution (large image to small one) or its transpose (small to large). */
int nn_add_window(struct nn_net *, const struct nn_op *, const struct nn_window *, struct vae_err *);

/* Of a causal node: x[in,n] -> block g of y[out,n] alone. */
void nn_causal_block(const struct nn_node *, size_t g, const float *w, const float *x, float *y, struct nn_cols);

/* Of a strict gru, one position after the other: nn_gru_lead() of the inputs that are no symbols, then nn_gru_step() of each
 * position g from 0 on, which reads the symbol before it and the state before it in y, and leaves its own there. */
void nn_gru_lead(const struct nn_node *, const float *w, const float *x, float *y, struct nn_cols);
void nn_gru_step(const struct nn_node *, size_t g, const float *w, const float *x, float *y, struct nn_cols);
size_t nn_gru_states(const struct nn_node *); /* of one position */
/* Of a stencil: x -> pixel p of y alone, `input` being that of the net. */
void nn_stencil_pixel(const struct nn_node *, size_t p, const float *w, const float *x, const float *input, float *y, struct nn_cols);
/* Of a convolution with windows of one pixel: pixel p of the small image alone. */
void nn_conv_pixel(const struct nn_node *, size_t p, const float *w, const float *x, float *y, struct nn_cols);

/*
 * What a multi-layer perceptron is made of. Plain: dense and activation for each hidden layer, then dense. Residual: a
 * linear stream from input to output with a block x + V act(W norm(x)) for each hidden layer, V started at 0; the
 * untrained network is linear, and what training adds to that has to earn its keep. Few rows then give at least what a linear
 * model would (probabilistic PCA), many rows give depth.
 */
struct nn_mlp {
    size_t in, out;
    size_t nhidden;
    const size_t *hidden;
    const struct nn_op *act;
    bool residual;
    float dropout; /* of activations */
    size_t told;   /* the last inputs, which each block behind the first layer is given again (inject.c) */
};
int nn_mlp(struct nn_net *, const struct nn_mlp *, struct vae_err *);

/*
 * The same behind convolutions (encoder: the first inputs are the image, the mlp is told those behind it, too),
 * and in front of their transposes (decoder: mlp.out is a multiple of the image's pixels). Each stage halves the image,
 * rounding up, and has so many channels. images.c says how.
 */
enum { NN_MAX_STAGES = 8 };
struct nn_images {
    struct nn_image size;
    size_t n;
    const size_t *channels;
    size_t raster; /* decoder: units a pixel behind the transposes, which are told the pixels before it, row by row; 0: none are told.
                    * The pixels, a value each, are the last inputs, behind those of the mlp */
};
int nn_encoder(struct nn_net *, const struct nn_images *, const struct nn_mlp *, struct vae_err *);
int nn_decoder(struct nn_net *, const struct nn_images *, const struct nn_mlp *, struct vae_err *);
/* Gives every node its offset, from w0 on; returns the first offset behind the net. */
size_t nn_place(struct nn_net *, size_t w0);
void nn_init(const struct nn_net *, float *w, uint64_t seed, uint64_t block0);
size_t nn_in(const struct nn_net *);
size_t nn_out(const struct nn_net *);
void nn_net_free(struct nn_net *); /* the nodes, not the struct */

/* Activations (and, where asked, their gradients) of a net for up to ld columns. */
struct nn_work {
    size_t n, ld;
    float **act, **grad; /* act[0..n], act[0] is the input; grad is NULL without gradients */
    float *mem;
};
int nn_work_init(struct nn_work *, const struct nn_net *, size_t ld, bool gradients, struct vae_err *);
void nn_work_free(struct nn_work *);

/* Of a decoder with a raster: everything up to the stencil, and then pixel p alone, the pixels before it being in the input. */
void nn_raster_begin(const struct nn_net *, const float *w, struct nn_work *, size_t n);
void nn_raster_pixel(const struct nn_net *, size_t p, const float *w, struct nn_work *, size_t n);

/* act[0] -> act[n], columns col..col+n-1. */
void nn_forward(const struct nn_net *, const float *w, struct nn_work *, size_t col, size_t n, const struct nn_noise *);
/* grad[n] -> grad[0..n-1] (grad[0] only where input_too). */
void nn_backward(const struct nn_net *, const float *w, struct nn_work *, size_t col, size_t n, bool input_too,
                 const struct nn_noise *);
/* Tasks of the weight gradients of the whole net and one of them, over columns 0..n-1: dw[the model's weights]. */
size_t nn_grad_tasks(const struct nn_net *);
void nn_grad(const struct nn_net *, const struct nn_work *, size_t task, size_t n, float *dw);

#endif
