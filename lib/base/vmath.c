/*
 * vmath.c - SLEEF's functions over arrays, at the width the processor has.
 *
 * The `finz` functions do the same fused multiply-adds in the same order at every width, hence the same bits; what
 * is composed of them here adds only single operations, each rounded once, in one order (vmath_lanes.h).
 * sigmoid and softplus take exp(-|x|), which neither overflows nor loses the small end.
 *
 * A processor without FMA gets SLEEF's `cinz` functions: as accurate, other bits.
 */
#include "base/vmath.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/vmath_form.h"

/* Scalar forms. */
#define LOAD1(p)       (*(p))
#define STORE1(p, v)   (*(p) = (v))
#define SET1_1(v)      ((float)(v))
#define ABSNEG1(v)     (-fabsf(v))
#define CLAMP0_1(v)    ((v) > 0 ? (v) : 0)
#define PICK1(v, a, b) ((v) >= 0 ? (a) : (b))

#define LANES    1
#define V        float
#define NAME(f)  f##_plain
#define FORM     static const struct form form_plain
#define LOAD     LOAD1
#define STORE    STORE1
#define SET1     SET1_1
#define ABSNEG   ABSNEG1
#define CLAMP0   CLAMP0_1
#define PICK     PICK1
#define EXP      Sleef_cinz_expf1_u10purec
#define LOG      Sleef_cinz_logf1_u10purec
#define LOG1P    Sleef_cinz_log1pf1_u10purec
#define TANH     Sleef_cinz_tanhf1_u10purec
#define SINCOSPI Sleef_cinz_sincospif1_u05purec
#include "base/vmath_lanes.h"

#define LANES    1
#define V        float
#define NAME(f)  f##_fma
#define FORM     static const struct form form_fma
#define LOAD     LOAD1
#define STORE    STORE1
#define SET1     SET1_1
#define ABSNEG   ABSNEG1
#define CLAMP0   CLAMP0_1
#define PICK     PICK1
#define EXP      Sleef_finz_expf1_u10purecfma
#define LOG      Sleef_finz_logf1_u10purecfma
#define LOG1P    Sleef_finz_log1pf1_u10purecfma
#define TANH     Sleef_finz_tanhf1_u10purecfma
#define SINCOSPI Sleef_finz_sincospif1_u05purecfma
#include "base/vmath_lanes.h"

/* Best first; of two with one name the first that runs here. */
static const struct {
    const char *name;
    const struct form *form;
} forms[] = {
    {"avx512f", &vmath_avx512f},
    {"avx2", &vmath_avx2},
    {"scalar", &form_fma},
    {"scalar", &form_plain},
};
enum { NFORMS = sizeof forms / sizeof *forms };

static bool runs(const struct form *f) {
#ifdef __x86_64__
    if (f == &vmath_avx512f)
        return f->exp && __builtin_cpu_supports("avx512f");
    if (f == &vmath_avx2)
        return f->exp && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (f == &form_fma)
        return __builtin_cpu_supports("fma");
#endif
    return f->exp != NULL;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static size_t chosen;

static void choose(void) {
    while (!runs(forms[chosen].form))
        chosen++;
}

static const struct form *use(void) {
    pthread_once(&once, choose);
    return forms[chosen].form;
}

const char *vm_kind(void) {
    use();
    return forms[chosen].name;
}

int vm_use(const char *name) {
    use();
    for (size_t i = 0; i < NFORMS; i++)
        if (strcmp(forms[i].name, name) == 0 && runs(forms[i].form)) {
            chosen = i;
            return 0;
        }
    return -1;
}

void vm_exp(float *y, const float *x, size_t n) {
    use()->exp(y, x, n);
}
void vm_log(float *y, const float *x, size_t n) {
    use()->log(y, x, n);
}
void vm_tanh(float *y, const float *x, size_t n) {
    use()->tanh(y, x, n);
}
void vm_sigmoid(float *y, const float *x, size_t n) {
    use()->sigmoid(y, x, n);
}
void vm_softplus(float *y, const float *x, size_t n) {
    use()->softplus(y, x, n);
}
void vm_sincospi(float *s, float *c, const float *x, size_t n) {
    use()->sincospi(s, c, x, n);
}

enum { RUN = 64 };

/* Of n <= RUN columns. */
VM_WIDE static void logsumexp(float *y, const float *x, size_t rows, size_t n, size_t ld) {
    float top[RUN], e[RUN], sum[RUN] = {0};
    for (size_t i = 0; i < n; i++)
        top[i] = -FLT_MAX; /* no -INFINITY, of which differences are none */
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++)
            top[i] = x[r * ld + i] > top[i] ? x[r * ld + i] : top[i];
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < n; i++)
            e[i] = x[r * ld + i] - top[i];
        vm_exp(e, e, n);
        for (size_t i = 0; i < n; i++)
            sum[i] += e[i];
    }
    vm_log(sum, sum, n);
    for (size_t i = 0; i < n; i++)
        y[i] = top[i] + sum[i];
}

void vm_logsumexp(float *y, const float *x, size_t rows, size_t n, size_t ld) {
    for (size_t at = 0; at < n; at += RUN)
        logsumexp(y + at, x + at, rows, n - at < RUN ? n - at : RUN, ld);
}
