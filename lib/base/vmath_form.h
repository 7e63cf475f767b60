/*
 * vmath_form.h - the functions of vmath.h at one vector width. The wide ones live in files that the Makefile compiles
 * for their instruction set (a function attribute is not enough: clang then passes vectors in memory); compiled
 * without, they are all NULL. Nothing in those files runs before vmath.c has asked the processor.
 */
#ifndef BASE_VMATH_FORM_H
#define BASE_VMATH_FORM_H

#include <stddef.h>

typedef void map_fn(float *, const float *, size_t);

struct form {
    map_fn *exp, *log, *tanh, *sigmoid, *softplus;
    void (*sincospi)(float *, float *, const float *, size_t);
};

extern const struct form vmath_avx2, vmath_avx512f;

#endif
