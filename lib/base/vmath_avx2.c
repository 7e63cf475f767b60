/* vmath_avx2.c - the functions of vmath.h on vectors of 8 floats; compiled with -mavx2 -mfma. */
#include "base/vmath_form.h"

#if defined __AVX2__ && defined __FMA__
#include <immintrin.h>
#include <string.h>

#define LANES         8
#define V             __m256
#define NAME(f)       f##_avx2
#define FORM          const struct form vmath_avx2
#define LOAD          _mm256_loadu_ps
#define STORE         _mm256_storeu_ps
#define SET1          _mm256_set1_ps
#define ABSNEG(v)     _mm256_or_ps(v, _mm256_set1_ps(-0.0f))
#define CLAMP0(v)     _mm256_max_ps(v, _mm256_setzero_ps())
#define PICK(v, a, b) _mm256_blendv_ps(b, a, _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GE_OQ))
#define EXP           Sleef_finz_expf8_u10avx2
#define LOG           Sleef_finz_logf8_u10avx2
#define LOG1P         Sleef_finz_log1pf8_u10avx2
#define TANH          Sleef_finz_tanhf8_u10avx2
#define SINCOSPI      Sleef_finz_sincospif8_u05avx2
#include "base/vmath_lanes.h"
#else
const struct form vmath_avx2 = {0};
#endif
