/*
 * vmath.h - elementary functions over arrays, the same bits at every vector width: SLEEF's `finz` functions
 * (1.0 ULP, FMA) in AVX-512, AVX2 or scalar form, chosen once by what the processor can do. x and y may be
 * the same array. Any n; no alignment needed. Errors: exp, log, tanh, sincospi 1 ULP, sigmoid and softplus 2.1.
 * Processors without FMA get equally good functions with other bits.
 */
#ifndef BASE_VMATH_H
#define BASE_VMATH_H

#include <stddef.h>

/*
 * On a function whose loops are elementwise arithmetic: compiled for AVX-512, AVX2 and the baseline, chosen when
 * loaded. The bits are the same at each width, as nothing is contracted (-ffp-contract=off) or reordered.
 */
#if defined __x86_64__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ && !defined __clang__
#define VM_WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define VM_WIDE
#endif

void vm_exp(float *y, const float *x, size_t n);
void vm_log(float *y, const float *x, size_t n);
void vm_tanh(float *y, const float *x, size_t n);
void vm_sincospi(float *s, float *c, const float *x, size_t n); /* sin(pi x), cos(pi x) */
void vm_sigmoid(float *y, const float *x, size_t n);            /* 1 / (1 + exp(-x)) */
void vm_softplus(float *y, const float *x, size_t n);           /* log(1 + exp(x)), no overflow */
/* y[n] = log sum exp of the `rows` numbers x[r * ld + i]; y is none of them. */
void vm_logsumexp(float *y, const float *x, size_t rows, size_t n, size_t ld);

/* "avx512f", "avx2" or "scalar": the form in use. vm_use(name) forces one (for tests; not thread-safe);
 * returns -1 where this processor cannot run it. */
const char *vm_kind(void);
int vm_use(const char *name);

#endif
