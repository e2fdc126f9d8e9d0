// The thread that talks to the pools: in their order, back to the first when it is there again.
#pragma once
#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "args.h"
#include "hasher.h"
#include "stratum.h"

class PoolClient {
 public:
  PoolClient(std::vector<PoolTarget> pools, Hasher& hasher);
  // From any thread; the oldest go when nobody takes them.
  void submit(const Share& share);
  // The difficulty that is asked for, now and at every login.
  void suggest(double difficulty) { suggested_ = difficulty; }
  // Never returns.
  [[noreturn]] void run();

  struct State {
    std::string url;
    bool connected;
    uint64_t accepted, rejected;
  };
  State state() const;

 private:
  std::string session(size_t index);
  std::string talk(int socket, StratumSession& session, size_t index);
  bool wait(int socket, const std::string& unsent) const;
  void apply(const StratumEvents& events);
  std::string takeShares(StratumSession& session);
  void setConnected(bool connected);

  const std::vector<PoolTarget> pools_;
  Hasher& hasher_;
  int wake_;
  uint64_t sessions_ = 0;
  bool loggedIn_ = false;
  std::atomic<double> suggested_{0};
  mutable std::mutex mutex_;
  std::deque<Share> shares_;
  State state_;
};
