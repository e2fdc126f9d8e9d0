// The search over one block header: what does not depend on the nonce is worked out once, on the host.
#pragma once
#include "sha256.cuh"

// A hash as a number, most significant word first.
struct Number256 {
  uint32_t word[8];
};

struct HeaderScan {
  sha256::State midstate;  // after the first 64 bytes
  sha256::State early;     // and after the three rounds of the second block that come before the nonce
  uint32_t w16, w17;       // schedule words without the nonce in them
  uint32_t w18Rest, w19Rest;
  Number256 target;
};

namespace scan {

constexpr uint32_t kPadding = 0x80000000;
constexpr uint32_t kHeaderBits = 640;
constexpr uint32_t kDigestBits = 256;

// `header` is its first 76 bytes as big-endian words; the nonce is what is searched.
HD HeaderScan prepare(const uint32_t (&header)[19], const Number256& target) {
  SHA256_ROUND_CONSTANTS(K);
  HeaderScan out{};
  uint32_t first[16];
  for (int i = 0; i < 16; i++) first[i] = header[i];
  out.midstate = sha256::compress(sha256::initial(), first);
  out.early = out.midstate;
  for (int i = 0; i < 3; i++) sha256::round(out.early, K[i] + header[16 + i]);
  out.w16 = header[16] + sha256::small0(header[17]);
  out.w17 = header[17] + sha256::small0(header[18]) + sha256::small1(kHeaderBits);
  out.w18Rest = header[18] + sha256::small1(out.w16);
  out.w19Rest = sha256::small0(kPadding) + sha256::small1(out.w17);
  out.target = target;
  return out;
}

// The inner digest; `nonce` is the word as it stands in the header, big-endian.
HD sha256::State inner(const HeaderScan& job, uint32_t nonce) {
  SHA256_ROUND_CONSTANTS(K);
  sha256::State s = job.early;
  sha256::round(s, K[3] + nonce);
  sha256::round(s, K[4] + kPadding);
  UNROLL
  for (int i = 5; i < 15; i++) sha256::round(s, K[i]);
  sha256::round(s, K[15] + kHeaderBits);
  uint32_t w[16] = {job.w16, job.w17, job.w18Rest + sha256::small0(nonce), job.w19Rest + nonce, kPadding};
  w[15] = kHeaderBits;
  UNROLL
  for (int i = 16; i < 20; i++) sha256::round(s, K[i] + w[i & 15]);
  UNROLL
  for (int i = 20; i < 64; i++) sha256::round(s, K[i] + sha256::extend(w, i));
  return sha256::plus(job.midstate, s);
}

#define OUTER_BLOCK(w, digest)                                                                                \
  uint32_t w[16] = {digest.a, digest.b, digest.c, digest.d, digest.e, digest.f, digest.g, digest.h, kPadding, \
                    0,        0,        0,        0,        0,        0,        kDigestBits}

// The hash's most significant word alone: it is settled after 61 of the 64 rounds, and only half of the last is needed.
HD uint32_t topWord(const HeaderScan& job, uint32_t nonce) {
  SHA256_ROUND_CONSTANTS(K);
  const sha256::State digest = inner(job, nonce);
  OUTER_BLOCK(w, digest);
  sha256::State s = sha256::initial();
  UNROLL
  for (int i = 0; i < 16; i++) sha256::round(s, K[i] + w[i]);
  UNROLL
  for (int i = 16; i < 60; i++) sha256::round(s, K[i] + sha256::extend(w, i));
  const uint32_t e = s.d + sha256::sumOf(s, K[60] + sha256::extend(w, 60));
  return sha256::swapBytes(sha256::initial().h + e);
}

HD Number256 hash(const HeaderScan& job, uint32_t nonce) {
  const sha256::State digest = inner(job, nonce);
  OUTER_BLOCK(w, digest);
  const sha256::State s = sha256::compress(sha256::initial(), w);
  return {{sha256::swapBytes(s.h), sha256::swapBytes(s.g), sha256::swapBytes(s.f), sha256::swapBytes(s.e),
           sha256::swapBytes(s.d), sha256::swapBytes(s.c), sha256::swapBytes(s.b), sha256::swapBytes(s.a)}};
}

HD bool atMost(const Number256& value, const Number256& limit) {
  for (int i = 0; i < 8; i++)
    if (value.word[i] != limit.word[i]) return value.word[i] < limit.word[i];
  return true;
}

HD bool meets(const HeaderScan& job, uint32_t nonce) {
  return topWord(job, nonce) <= job.target.word[0] && atMost(hash(job, nonce), job.target);
}

}  // namespace scan
