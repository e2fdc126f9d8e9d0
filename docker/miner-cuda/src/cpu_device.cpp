#include <algorithm>
#include <thread>

#include "device.h"

namespace {

// The kernel's own code on the processor: it proves the algorithm and the whole path where there is no GPU.
class CpuDevice : public Device {
 public:
  explicit CpuDevice(unsigned threads) : threads_(threads) {}
  std::string name() const override { return "cpu"; }

  std::vector<uint32_t> scan(const HeaderScan& job, uint32_t first, uint32_t count) override {
    const uint32_t share = count / threads_ + 1;
    std::vector<std::vector<uint32_t>> parts(threads_);
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads_; i++)
      others.emplace_back([&, i] { parts[i] = part(job, first, count, uint64_t{i} * share, share); });
    parts[0] = part(job, first, count, 0, share);
    for (std::thread& other : others) other.join();
    std::vector<uint32_t> found;
    for (const auto& one : parts) found.insert(found.end(), one.begin(), one.end());
    if (found.size() > kMaxFound) found.resize(kMaxFound);
    return found;
  }

 private:
  static std::vector<uint32_t> part(const HeaderScan& job, uint32_t first, uint32_t count, uint64_t from,
                                    uint32_t share) {
    std::vector<uint32_t> found;
    const uint64_t end = std::min<uint64_t>(count, from + share);
    for (uint64_t i = from; i < end; i++) {
      const uint32_t nonce = first + static_cast<uint32_t>(i);
      if (scan::meets(job, nonce) && found.size() < kMaxFound) found.push_back(nonce);
    }
    return found;
  }

  unsigned threads_;
};

}  // namespace

std::unique_ptr<Device> openCpu(unsigned threads) { return std::make_unique<CpuDevice>(threads); }
