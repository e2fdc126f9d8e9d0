// SHA-256 as the kernel and the CPU both run it: one text, two compilers.
#pragma once
#include <cstdint>

#ifdef __CUDACC__
#define HD __host__ __device__ __forceinline__
#else
#define HD inline __attribute__((always_inline))
#endif
#if defined(__CUDA_ARCH__)
#define UNROLL _Pragma("unroll")
#elif defined(__CUDACC__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 64")
#endif

// Local to each function: only then do both compilers fold the words into the instructions.
#define SHA256_ROUND_CONSTANTS(K)                                                                                   \
  constexpr uint32_t K[64] = {                                                                                      \
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, \
      0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, \
      0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, \
      0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, \
      0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, \
      0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, \
      0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, \
      0xc67178f2}

namespace sha256 {

struct State {
  uint32_t a, b, c, d, e, f, g, h;
};

HD constexpr State initial() {
  return {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
}

HD constexpr uint32_t rotr(uint32_t x, int n) { return (x >> n) | (x << (32 - n)); }
HD constexpr uint32_t big1(uint32_t e) { return rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25); }
HD constexpr uint32_t big0(uint32_t a) { return rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22); }
HD constexpr uint32_t small0(uint32_t w) { return rotr(w, 7) ^ rotr(w, 18) ^ (w >> 3); }
HD constexpr uint32_t small1(uint32_t w) { return rotr(w, 17) ^ rotr(w, 19) ^ (w >> 10); }
HD constexpr uint32_t choose(uint32_t e, uint32_t f, uint32_t g) { return g ^ (e & (f ^ g)); }
HD constexpr uint32_t majority(uint32_t a, uint32_t b, uint32_t c) { return (a & b) | (c & (a | b)); }
HD constexpr uint32_t swapBytes(uint32_t x) {
  return (x << 24) | ((x & 0xff00) << 8) | ((x >> 8) & 0xff00) | (x >> 24);
}

HD uint32_t sumOf(const State& s, uint32_t constantAndWord) {
  return s.h + big1(s.e) + choose(s.e, s.f, s.g) + constantAndWord;
}

HD void round(State& s, uint32_t constantAndWord) {
  const uint32_t t1 = sumOf(s, constantAndWord);
  const uint32_t t2 = big0(s.a) + majority(s.a, s.b, s.c);
  s = {t1 + t2, s.a, s.b, s.c, s.d + t1, s.e, s.f, s.g};
}

// The schedule in place: word i replaces word i - 16.
HD uint32_t extend(uint32_t (&w)[16], int i) {
  return w[i & 15] += small0(w[(i + 1) & 15]) + w[(i + 9) & 15] + small1(w[(i + 14) & 15]);
}

HD State plus(const State& x, const State& y) {
  return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d, x.e + y.e, x.f + y.f, x.g + y.g, x.h + y.h};
}

// One compression of `w`, which it uses up, onto `before`.
HD State compress(const State& before, uint32_t (&w)[16]) {
  SHA256_ROUND_CONSTANTS(K);
  State s = before;
  UNROLL
  for (int i = 0; i < 16; i++) round(s, K[i] + w[i]);
  UNROLL
  for (int i = 16; i < 64; i++) round(s, K[i] + extend(w, i));
  return plus(before, s);
}

}  // namespace sha256
