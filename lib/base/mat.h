/*
 * mat.h - dense linear algebra: the one place that knows OpenBLAS.
 *
 * OpenBLAS is loaded with dlopen by mat_open(), not linked: linked, it costs 5 ms and starts threads before
 * main. $OPENBLAS_CORETYPE is obeyed where set; else the kernels are chosen by what the processor can do
 * (AVX-512: SkylakeX, AVX2 and FMA: Haswell), since OpenBLAS falls back to slow ones on processors newer than it.
 *
 * Panels. Activations are feature-major: a[feature * ld + record]. Records are processed in panels of
 * MAT_PANEL columns when the result must not depend on where a record stands: a product with exactly 16
 * columns gives a record the same bits in every column on the kernels used here; wider ones do not (test_mat
 * rotates a record through the columns to prove it). Training uses shards of one or two MAT_SHARD columns: faster, and
 * as its batches are always cut the same way, as reproducible.
 */
#ifndef BASE_MAT_H
#define BASE_MAT_H

#include <stdbool.h>
#include <stddef.h>

#include "vae.h"

enum { MAT_PANEL = 16, MAT_SHARD = 64 };

/* Loads OpenBLAS once per process, one thread, and checks one product against plain arithmetic. 0 or VAE_EOS. */
int mat_open(struct vae_err *);

/* Maps the buffers that `threads` threads multiplying at once need, if mat_open() was called: OpenBLAS spins for
 * ever when it cannot map one itself. 0 or VAE_EOS. mat_open() does it for one thread, pool_new() for its own. */
int mat_reserve(size_t threads, struct vae_err *);

/* One BLAS thread for the calling thread (in one of Debian's builds the setting is per thread). mat_gemm does it
 * for a thread that has not. */
void mat_thread(void);

/* The kernels in use ("SkylakeX"), "none" before mat_open(). */
const char *mat_core(void);

/* C[m,n] = op(A)[m,k] op(B)[k,n] + beta C, row-major with leading dimensions; ta, tb: the stored matrix is the
 * transpose. With beta 0 (and a k of 0 too) C is not read. Sizes below 2^31. Needs mat_open(). */
void mat_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
              float beta, float *c, size_t ldc);

/* Mean[d] and covariance[d,d] of the rows of x[n,d], n > 0; the products in single precision. 0 or VAE_EOS. Needs mat_open(). */
int mat_covariance(const float *x, size_t n, size_t d, double *mean, double *cov, struct vae_err *err);

/* Eigenvalues, ascending, and eigenvectors of the symmetric a[n,n]: w[n], and row i of a becomes the i-th
 * unit eigenvector (LAPACK dsyevd). 0, or VAE_EOS / VAE_EDATA (no convergence, not finite). */
int mat_eigh(size_t n, double *a, double *w, struct vae_err *);

/* y[j*ldy + i] = x[i*ldx + j], i < rows, j < cols: records to panels and back. */
void mat_transpose(size_t rows, size_t cols, const float *x, size_t ldx, float *y, size_t ldy);

#endif
