#include "selftest.h"

#include <cstdio>

#include "json.h"
#include "work.h"

namespace {

struct KnownBlock {
  const char* what;
  const char* header;  // 80 bytes as they are hashed
  const char* hash;    // as explorers show it
};

const KnownBlock kBlocks[] = {
    {"Bitcoin block 0",
     "010000000000000000000000000000000000000000000000000000000000000000000000"
     "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
     "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"},
    {"Bitcoin block 125552",
     "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000"
     "e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
     "00000000000000001e8d6829a8a21adc5d38d0a473b144b6765798e61f98bd1d"},
};

uint32_t wordAt(const Bytes& bytes, size_t at) {
  return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

bool report(const char* what, bool isRight) {
  printf("%s %s\n", isRight ? "ok  " : "FAIL", what);
  return isRight;
}

// The nonce is found where it is and nowhere around it, and not under a target one below the hash.
bool findsBlock(Device& device, const KnownBlock& block) {
  const auto header = parseHex(block.header, 80, 80);
  const auto shown = parseHex(block.hash, 32, 32);
  if (!header || !shown) return report(block.what, false);
  uint32_t words[19];
  for (size_t i = 0; i < 19; i++) words[i] = wordAt(*header, 4 * i);
  Number256 hash{};
  for (size_t i = 0; i < 8; i++) hash.word[i] = wordAt(*shown, 4 * i);
  const uint32_t nonce = wordAt(*header, 76);
  constexpr uint32_t kAround = 50'000;
  const auto found = device.scan(scan::prepare(words, hash), nonce - kAround, 2 * kAround);
  bool isRight = found.size() == 1 && found[0] == nonce;
  hash.word[7]--;
  isRight = isRight && device.scan(scan::prepare(words, hash), nonce - kAround, 2 * kAround).empty();
  return report(block.what, isRight && scan::atMost(hash, scan::prepare(words, hash).target));
}

// Of many nonces the device finds exactly those that the plain text of the algorithm finds, bytes and no shortcut.
bool findsAll(Device& device) {
  Bytes header(80, 0x5a);
  uint32_t words[19];
  for (size_t i = 0; i < 19; i++) words[i] = wordAt(header, 4 * i);
  const Number256 target = toTarget(1.0 / (1 << 22));
  const uint32_t limit = target.word[0];
  std::vector<uint32_t> expected;
  constexpr uint32_t kTried = 100'000;
  for (uint32_t nonce = 0; nonce < kTried; nonce++) {
    for (size_t i = 0; i < 4; i++) header[76 + i] = static_cast<uint8_t>(nonce >> (24 - 8 * i));
    const Hash hash = doubleSha256(header);
    const uint32_t top = uint32_t{hash[31]} << 24 | uint32_t{hash[30]} << 16 | uint32_t{hash[29]} << 8 | hash[28];
    if (top < limit) expected.push_back(nonce);
  }
  auto found = device.scan(scan::prepare(words, target), 0, kTried);
  std::vector<bool> seen(kTried, false);
  for (const uint32_t nonce : found)
    if (nonce < kTried) seen[nonce] = true;
  bool isRight = found.size() == expected.size() && !expected.empty();
  for (const uint32_t nonce : expected) isRight = isRight && seen[nonce];
  return report("every share of 100000 nonces", isRight);
}

bool knowsSha256() {
  const Hash hash = doubleSha256({'h', 'e', 'l', 'l', 'o'});
  return report("SHA-256d of \"hello\"", toHex(hash.data(), hash.size()) ==
                                             "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50");
}

}  // namespace

bool selftest(Device& device) {
  bool isRight = knowsSha256();
  for (const KnownBlock& block : kBlocks) isRight = findsBlock(device, block) && isRight;
  isRight = findsAll(device) && isRight;
  printf("{\"event\":\"selftest\",\"device\":%s,\"ok\":%s}\n", quote(device.name()).c_str(), isRight ? "true" : "false");
  fflush(stdout);
  return isRight;
}
