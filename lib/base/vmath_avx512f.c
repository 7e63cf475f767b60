/* vmath_avx512f.c - the functions of vmath.h on vectors of 16 floats; compiled with -mavx512f. */
#include "base/vmath_form.h"

#if defined __AVX512F__
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES         16
#define V             __m512
#define NAME(f)       f##_avx512f
#define FORM          const struct form vmath_avx512f
#define LOAD          _mm512_loadu_ps
#define STORE         _mm512_storeu_ps
#define SET1          _mm512_set1_ps
#define ABSNEG(v)     _mm512_castsi512_ps(_mm512_or_epi32(_mm512_castps_si512(v), _mm512_set1_epi32(INT32_MIN)))
#define CLAMP0(v)     _mm512_max_ps(v, _mm512_setzero_ps())
#define PICK(v, a, b) _mm512_mask_blend_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GE_OQ), b, a)
#define EXP           Sleef_finz_expf16_u10avx512f
#define LOG           Sleef_finz_logf16_u10avx512f
#define LOG1P         Sleef_finz_log1pf16_u10avx512f
#define TANH          Sleef_finz_tanhf16_u10avx512f
#define SINCOSPI      Sleef_finz_sincospif16_u05avx512f
#include "base/vmath_lanes.h"
#else
const struct form vmath_avx512f = {0};
#endif
