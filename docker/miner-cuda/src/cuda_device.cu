#include <cuda_runtime.h>

#include "device.h"
#include "fault.h"

namespace {

constexpr int kThreadsPerBlock = 256;

struct Found {
  uint32_t count;
  uint32_t nonces[kMaxFound];
};

__global__ void __launch_bounds__(kThreadsPerBlock)
    search(const HeaderScan job, uint32_t first, uint32_t count, Found* found) {
  const uint32_t stride = gridDim.x * blockDim.x;
  for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const uint32_t nonce = first + i;
    if (scan::topWord(job, nonce) > job.target.word[0]) continue;
    if (!scan::atMost(scan::hash(job, nonce), job.target)) continue;
    const uint32_t slot = atomicAdd(&found->count, 1u);
    if (slot < kMaxFound) found->nonces[slot] = nonce;
  }
}

// After an Xid every call fails, and a context cannot be mended: the agent sees the exit and looks at the GPU itself.
void check(cudaError_t error, const char* doing) {
  if (error == cudaSuccess) return;
  fail(1, std::string("CUDA error while ") + doing + ": " + cudaGetErrorName(error) + ", " + cudaGetErrorString(error));
}

class CudaDevice : public Device {
 public:
  explicit CudaDevice(int index) : index_(index) {
    // A spinning host thread would burn a core of the rig for nothing.
    check(cudaInitDevice(index, cudaDeviceScheduleBlockingSync, cudaInitDeviceFlagsAreValid), "setting up the GPU");
    check(cudaSetDevice(index), "choosing the GPU");
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, index), "reading the GPU's properties");
    name_ = properties.name;
    int blocks = 0;
    check(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, search, kThreadsPerBlock, 0), "sizing the grid");
    grid_ = static_cast<unsigned>(blocks > 0 ? blocks * properties.multiProcessorCount : properties.multiProcessorCount);
    check(cudaMalloc(&found_, sizeof(Found)), "taking memory");
  }
  ~CudaDevice() override { cudaFree(found_); }

  std::string name() const override { return name_; }

  std::vector<uint32_t> scan(const HeaderScan& job, uint32_t first, uint32_t count) override {
    // Each thread has a current device of its own, and starts with the first.
    check(cudaSetDevice(index_), "choosing the GPU");
    check(cudaMemset(found_, 0, sizeof(uint32_t)), "clearing the results");
    search<<<grid_, kThreadsPerBlock>>>(job, first, count, found_);
    check(cudaGetLastError(), "starting the search");
    Found found{};
    check(cudaMemcpy(&found, found_, sizeof(found), cudaMemcpyDeviceToHost), "searching");
    return {found.nonces, found.nonces + (found.count < kMaxFound ? found.count : kMaxFound)};
  }

 private:
  const int index_;
  std::string name_;
  unsigned grid_ = 1;
  Found* found_ = nullptr;
};

int indexOf(const std::string& which) {
  int count = 0;
  check(cudaGetDeviceCount(&count), "looking for GPUs");
  int index = -1;
  if (which.find(':') == std::string::npos) {
    index = static_cast<int>(strtol(which.c_str(), nullptr, 10));
  } else {
    // The driver writes eight digits of the domain, CUDA reads four.
    const bool hasLongDomain = which.find(':') == 8;
    const std::string shorter = hasLongDomain ? which.substr(4) : which;
    const std::string address = which.find('.') == std::string::npos ? shorter + ".0" : shorter;
    check(cudaDeviceGetByPCIBusId(&index, address.c_str()), "looking for the GPU at that PCI address");
  }
  if (index < 0 || index >= count)
    fail(2, "there is no GPU " + which + ": " + std::to_string(count) + " can be used here, counted from 0");
  return index;
}

}  // namespace

std::unique_ptr<Device> openGpu(const std::string& which) { return std::make_unique<CudaDevice>(indexOf(which)); }
