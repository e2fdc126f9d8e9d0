#include "hasher.h"

#include <algorithm>
#include <cmath>

#include "fault.h"

namespace {

// Long enough that launching costs nothing, short enough that a pause is quick.
constexpr double kBatchSeconds = 0.06;
constexpr double kMeasureSeconds = 0.2;
// Of one batch: a pool whose difficulty is far too low is not flooded.
constexpr size_t kMaxShares = 32;
constexpr auto kWindow = std::chrono::seconds(10);
constexpr auto kShortest = std::chrono::seconds(1);

double secondsOf(SteadyClock::duration span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

Hasher::Hasher(Device& device, bool paused, void (*onShare)(void*, const Share&), void* context)
    : device_(device), onShare_(onShare), context_(context), paused_(paused), since_(SteadyClock::now()) {}

void Hasher::start() {
  if (!paused_) measure();
  since_ = SteadyClock::now();
  thread_ = std::thread([this] { run(); });
}

void Hasher::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Hasher::work(std::shared_ptr<const Job> job) {
  const std::lock_guard<std::mutex> lock(mutex_);
  job_ = std::move(job);
  changed_.notify_all();
}

bool Hasher::pause(std::chrono::milliseconds deadline) {
  std::unique_lock<std::mutex> lock(mutex_);
  paused_ = true;
  changed_.notify_all();
  return changed_.wait_for(lock, deadline, [this] { return !hashing_; });
}

void Hasher::resume() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (paused_) {
    since_ = SteadyClock::now();
    counts_.clear();
  }
  paused_ = false;
  changed_.notify_all();
}

bool Hasher::paused() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return paused_ && !hashing_;
}

std::optional<double> Hasher::rate() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (paused_) return 0;
  const auto now = SteadyClock::now();
  const auto start = std::max(since_, now - kWindow);
  if (now - start < kShortest) return std::nullopt;
  uint64_t hashes = 0;
  for (const Count& count : counts_)
    if (count.at > start) hashes += count.hashes;
  return static_cast<double>(hashes) / secondsOf(now - start);
}

std::chrono::milliseconds Hasher::busyFor() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!hashing_) return std::chrono::milliseconds(0);
  return std::chrono::duration_cast<std::chrono::milliseconds>(SteadyClock::now() - batchStarted_);
}

void Hasher::run() {
  std::shared_ptr<const Job> known;
  std::unique_ptr<Search> search;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    if (!mayHash() || (job_ == known && !search->isOpen())) {
      changed_.wait(lock);
      continue;
    }
    if (job_ != known) {
      known = job_;
      search = std::make_unique<Search>(*known, counter_);
    }
    hashing_ = true;
    batchStarted_ = SteadyClock::now();
    lock.unlock();
    if (firstRate_ == 0) measure();
    step(*search);
    lock.lock();
    hashing_ = false;
    changed_.notify_all();
  }
}

// Finds the batch size too; nothing can be found under a target of 0.
void Hasher::measure() {
  const uint32_t words[19] = {};
  const HeaderScan header = scan::prepare(words, Number256{});
  const auto started = SteadyClock::now();
  uint64_t hashes = 0;
  auto from = started;
  do {
    uint32_t count = 0;
    const uint32_t before = batchSize_;
    batch(header, 0, uint64_t{1} << 32, count);
    hashes += count;
    // What is measured is the steady state, not the way there.
    if (batchSize_ > before + before / 2) {
      hashes = 0;
      from = SteadyClock::now();
    }
  } while (secondsOf(SteadyClock::now() - started) < 5 && secondsOf(SteadyClock::now() - from) < kMeasureSeconds);
  firstRate_ = static_cast<double>(hashes) / std::max(1e-3, secondsOf(SteadyClock::now() - from));
}

std::vector<uint32_t> Hasher::batch(const HeaderScan& header, uint32_t first, uint64_t left, uint32_t& count) {
  count = static_cast<uint32_t>(std::min<uint64_t>(batchSize_, left));
  const auto started = SteadyClock::now();
  std::vector<uint32_t> found = device_.scan(header, first, count);
  tune(count, secondsOf(SteadyClock::now() - started));
  return found;
}

void Hasher::step(Search& search) {
  uint32_t count = 0;
  std::vector<uint32_t> found = batch(search.header(), search.first(), search.left(), count);
  if (found.size() > kMaxShares) found.resize(kMaxShares);
  for (const uint32_t nonce : found) {
    // A card that is clocked too high finds what is not there; the processor knows better.
    if (scan::meets(search.header(), nonce)) onShare_(context_, search.shareOf(nonce));
    else say("the device found a share that is none: its hashes are wrong");
  }
  search.done(count);
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto now = SteadyClock::now();
  counts_.push_back({now, count});
  while (!counts_.empty() && counts_.front().at < now - kWindow) counts_.pop_front();
}

void Hasher::tune(uint32_t count, double seconds) {
  // A batch cut short by the end of the nonces says little.
  if (count < batchSize_) return;
  const double factor = std::clamp(kBatchSeconds / std::max(1e-4, seconds), 0.25, 8.0);
  const double wanted = std::clamp(count * factor, 4096.0, static_cast<double>(kMaxBatch));
  batchSize_ = static_cast<uint32_t>(wanted);
}
