/* bias.h - biases of layers, which may share one over the pixels of an image. */
#ifndef NN_BIAS_H
#define NN_BIAS_H

#include "nn/nn.h"

/* y[r,.] = b[r % nb], r < rows */
void bias_fill(const float *b, size_t nb, float *y, size_t rows, struct nn_cols);
/* db[o] = sum of the rows o, o + step, ... of dy, `groups` of them, o < nb: in doubles, one order at any vector width */
void bias_grad(const float *dy, size_t groups, size_t step, float *db, size_t nb, struct nn_cols);

#endif
