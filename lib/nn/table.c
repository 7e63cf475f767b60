/* table.c - the operations a network is made of. */
#include <string.h>

#include "nn/nn.h"

const struct nn_op *const nn_ops[] = {
    &nn_dense, &nn_layernorm, &nn_silu, &nn_relu, &nn_tanh, &nn_residual, &nn_dropout, &nn_inject, &nn_conv, &nn_deconv,
    &nn_bias, &nn_causal, &nn_gru,
    &nn_stencil, NULL,
};

const struct nn_op *nn_op_by_name(const char *name) {
    for (size_t i = 0; nn_ops[i]; i++)
        if (!strcmp(nn_ops[i]->name, name))
            return nn_ops[i];
    return NULL;
}
