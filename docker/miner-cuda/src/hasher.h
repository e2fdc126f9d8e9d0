// The thread that owns the device, and what the others may ask of it.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "device.h"
#include "work.h"

using SteadyClock = std::chrono::steady_clock;

class Hasher {
 public:
  // `onShare` is called on the hashing thread.
  Hasher(Device& device, bool paused, void (*onShare)(void*, const Share&), void* context);
  void start();
  // Returns once the thread has ended, at most one batch later.
  void stop();

  // Nothing to do until the pool is back: no job.
  void work(std::shared_ptr<const Job> job);
  // True once nothing hashes any more; false when the device did not stop within `deadline`.
  bool pause(std::chrono::milliseconds deadline);
  void resume();

  bool paused() const;
  // Hashes per second over the last ten seconds; nothing until there is a second to judge, 0 while paused.
  std::optional<double> rate() const;
  // Measured before the first hash for a pool; 0 until then.
  double firstRate() const { return firstRate_; }
  // How long the present batch has taken; the device hangs when that is long.
  std::chrono::milliseconds busyFor() const;

 private:
  void run();
  void measure();
  void step(Search& search);
  std::vector<uint32_t> batch(const HeaderScan& header, uint32_t first, uint64_t left, uint32_t& count);
  void tune(uint32_t count, double seconds);
  bool mayHash() const { return !stopping_ && !paused_ && job_ != nullptr; }

  Device& device_;
  void (*const onShare_)(void*, const Share&);
  void* const context_;
  std::thread thread_;
  uint32_t batchSize_ = 1u << 16;
  uint64_t counter_ = 0;
  std::atomic<double> firstRate_{0};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const Job> job_;
  bool paused_, stopping_ = false, hashing_ = false;
  SteadyClock::time_point batchStarted_, since_;
  struct Count {
    SteadyClock::time_point at;
    uint64_t hashes;
  };
  std::deque<Count> counts_;
};
