// exp() on 16 floats. Only for files compiled with AVX-512: everything here has internal linkage.
#pragma once

#include <immintrin.h>

namespace bowhead::kernels::avx512 {
namespace {

/// e^x with a relative error below 2e-7 in [-87, 88]; 0 below, infinity above. Range reduction by ln 2, then the
/// degree-6 Taylor polynomial on [-ln2/2, ln2/2] with its last coefficients fitted.
inline __m512 Exp(__m512 x) {
  const __m512 clamped = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(89.0F)), _mm512_set1_ps(-104.0F));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(clamped, _mm512_set1_ps(1.44269504F)), 0x08);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693145751953125F), clamped);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(1.42860677e-6F), r);
  __m512 p = _mm512_set1_ps(1.3888889e-3F);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(8.3333333e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(4.1666667e-2F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.6666667e-1F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, n);
}

/// 2^x for x <= 0 (and -infinity) with a relative error below 2e-7: the polynomial is fitted to 2^r on [0, 1) with the
/// first coefficient held at 1, vscalefps multiplies by 2^floor(x).
inline __m512 Exp2(__m512 x) {
  const __m512 r = _mm512_reduce_ps(x, 0x09);  // x - floor(x); 0 for -infinity
  __m512 p = _mm512_set1_ps(1.86713009e-3F);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.01703028e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.57999132e-2F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.240164450F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693151312F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, x);
}

}  // namespace
}  // namespace bowhead::kernels::avx512
