// What hashes: a GPU or, slowly, the processor.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "header_scan.cuh"

// More shares than this in one batch are dropped: the difficulty is then far too low for the device.
constexpr uint32_t kMaxFound = 256;
// A batch is never longer, so that 32 bits count it.
constexpr uint32_t kMaxBatch = 1u << 30;

class Device {
 public:
  virtual ~Device() = default;
  virtual std::string name() const = 0;
  // Every nonce of `count` from `first` on whose hash is at most the target, at most kMaxFound of them. Blocks until
  // done; a fault of the device ends the process, because nothing it computed can be trusted.
  virtual std::vector<uint32_t> scan(const HeaderScan& job, uint32_t first, uint32_t count) = 0;
};

std::unique_ptr<Device> openCpu(unsigned threads);
// `which` is an index, or a PCI address as BB:DD or DDDD:BB:DD.
std::unique_ptr<Device> openGpu(const std::string& which);
