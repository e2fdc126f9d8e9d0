#include "work.h"

#include <algorithm>
#include <cmath>

namespace {

// As far as a pool lets the time of its work be rolled, and no further.
constexpr uint32_t kMaxRoll = 600;

uint32_t readWord(const uint8_t* at) {
  return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | uint32_t{at[3]};
}

void writeWord(uint8_t* at, uint32_t word) {
  for (int i = 0; i < 4; i++) at[i] = static_cast<uint8_t>(word >> (24 - 8 * i));
}

Hash sha256Of(const uint8_t* bytes, size_t size) {
  Bytes padded(bytes, bytes + size);
  padded.push_back(0x80);
  while (padded.size() % 64 != 56) padded.push_back(0);
  for (int i = 7; i >= 0; i--) padded.push_back(static_cast<uint8_t>(uint64_t{size} * 8 >> (8 * i)));
  sha256::State state = sha256::initial();
  for (size_t block = 0; block < padded.size(); block += 64) {
    uint32_t w[16];
    for (size_t i = 0; i < 16; i++) w[i] = readWord(&padded[block + 4 * i]);
    state = sha256::compress(state, w);
  }
  Hash out;
  const uint32_t words[8] = {state.a, state.b, state.c, state.d, state.e, state.f, state.g, state.h};
  for (size_t i = 0; i < 8; i++) writeWord(&out[4 * i], words[i]);
  return out;
}

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }
void append(Bytes& to, const Hash& more) { to.insert(to.end(), more.begin(), more.end()); }

Hash merkleRoot(const Job& job, const Bytes& extranonce2) {
  Bytes coinbase = job.coinb1;
  append(coinbase, job.extranonce1);
  append(coinbase, extranonce2);
  append(coinbase, job.coinb2);
  Hash root = doubleSha256(coinbase);
  for (const Hash& branch : job.branches) {
    Bytes pair(root.begin(), root.end());
    append(pair, branch);
    root = doubleSha256(pair);
  }
  return root;
}

}  // namespace

Hash doubleSha256(const Bytes& bytes) {
  const Hash once = sha256Of(bytes.data(), bytes.size());
  return sha256Of(once.data(), once.size());
}

Number256 toTarget(double difficulty) {
  Number256 out{};
  double rest = std::ldexp(65535.0, 208) / difficulty;
  if (!(rest < std::ldexp(1.0, 256))) {
    for (uint32_t& word : out.word) word = 0xffffffff;
    return out;
  }
  for (int i = 0; i < 8; i++) {
    const double unit = std::ldexp(1.0, 32 * (7 - i));
    out.word[i] = static_cast<uint32_t>(rest / unit);
    rest -= out.word[i] * unit;
  }
  return out;
}

std::string toHex(const uint8_t* bytes, size_t size) {
  static const char* kDigits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < size; i++) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

std::string toHexWord(uint32_t word) {
  uint8_t bytes[4];
  writeWord(bytes, word);
  return toHex(bytes, 4);
}

std::optional<Bytes> parseHex(const std::string& text, size_t min, size_t max) {
  if (text.size() % 2 != 0 || text.size() < 2 * min || text.size() > 2 * max) return std::nullopt;
  Bytes out;
  uint8_t high = 0;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i];
    const char lower = static_cast<char>(c | 0x20);
    const bool isDigit = c >= '0' && c <= '9';
    if (!isDigit && (lower < 'a' || lower > 'f')) return std::nullopt;
    const uint8_t value = static_cast<uint8_t>(isDigit ? c - '0' : lower - 'a' + 10);
    if (i % 2 == 0) high = value;
    else out.push_back(static_cast<uint8_t>(high << 4 | value));
  }
  return out;
}

void Search::done(uint32_t count) {
  next_ += count;
  if (left() == 0) advance();
}

// Every extranonce2 under one time, then the next second, as far as pools allow.
void Search::advance() {
  const unsigned size = job_.extranonce2Size;
  if (size < 8) {
    const uint64_t roll = headers_ >> (8 * size);
    open_ = roll <= kMaxRoll;
    ntime_ = job_.ntime + static_cast<uint32_t>(roll);
  } else {
    ntime_ = job_.ntime;
  }
  headers_++;
  next_ = 0;
  extranonce2_.assign(size, 0);
  for (unsigned i = 0; i < std::min(size, 8u); i++) extranonce2_[size - 1 - i] = static_cast<uint8_t>(counter_ >> (8 * i));
  counter_++;
  const Hash root = merkleRoot(job_, extranonce2_);
  uint32_t words[19];
  words[0] = sha256::swapBytes(job_.version);
  for (size_t i = 0; i < 8; i++) words[1 + i] = sha256::swapBytes(readWord(&job_.prevHash[4 * i]));
  for (size_t i = 0; i < 8; i++) words[9 + i] = readWord(&root[4 * i]);
  words[17] = sha256::swapBytes(ntime_);
  words[18] = sha256::swapBytes(job_.bits);
  header_ = scan::prepare(words, toTarget(job_.difficulty));
}

// The device counts the word as it stands in the header; Stratum names the number that the header stores.
Share Search::shareOf(uint32_t nonceWord) const {
  return {job_.session, job_.id, toHex(extranonce2_.data(), extranonce2_.size()), toHexWord(ntime_),
          toHexWord(sha256::swapBytes(nonceWord))};
}
