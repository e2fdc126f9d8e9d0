// From a pool's job to headers: extranonces, merkle root, target.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "header_scan.cuh"

using Bytes = std::vector<uint8_t>;
using Hash = std::array<uint8_t, 32>;

// One mining.notify with the terms it was sent under; every field is checked before it gets here.
struct Job {
  uint64_t session = 0;  // of the connection it came over: a share never crosses to another
  std::string id;
  Hash prevHash{};  // as Stratum sends it, words swapped
  Bytes coinb1, coinb2;
  std::vector<Hash> branches;
  uint32_t version = 0, bits = 0, ntime = 0;
  Bytes extranonce1;
  unsigned extranonce2Size = 4;
  double difficulty = 1;
};

struct Share {
  uint64_t session = 0;
  std::string job, extranonce2, ntime, nonce;
};

Hash doubleSha256(const Bytes& bytes);
// The target of a Bitcoin-scale difficulty above zero.
Number256 toTarget(double difficulty);
std::string toHex(const uint8_t* bytes, size_t size);
std::string toHexWord(uint32_t word);
// Whole bytes in hex, `min` to `max` of them; nothing else.
std::optional<Bytes> parseHex(const std::string& text, size_t min, size_t max);

// The walk through one job. Extranonces come from a counter that outlives it, so that no work is done twice.
class Search {
 public:
  Search(const Job& job, uint64_t& counter) : job_(job), counter_(counter) { advance(); }
  const Job& job() const { return job_; }
  // False once every header that the pool takes is used up.
  bool isOpen() const { return open_; }
  const HeaderScan& header() const { return header_; }
  uint32_t first() const { return static_cast<uint32_t>(next_); }
  // At most so many nonces are left under this header.
  uint64_t left() const { return (uint64_t{1} << 32) - next_; }
  void done(uint32_t count);
  Share shareOf(uint32_t nonceWord) const;

 private:
  void advance();

  const Job job_;
  uint64_t& counter_;
  HeaderScan header_{};
  Bytes extranonce2_;
  uint64_t next_ = 0, headers_ = 0;
  uint32_t ntime_ = 0;
  bool open_ = true;
};
