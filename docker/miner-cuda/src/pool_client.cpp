#include "pool_client.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "connect.h"
#include "fault.h"

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMaxLine = 16 * 1024;
constexpr size_t kMaxUnsent = 256 * 1024;
constexpr size_t kMaxShares = 256;
constexpr auto kLoginTimeout = seconds(15);
constexpr auto kLineTimeout = seconds(10);
// A proxy without a pool holds its miners, so patience is right; a dead peer shows by keep-alive.
constexpr auto kSilence = seconds(600);
constexpr auto kLookForFirst = seconds(30);
constexpr auto kFirstDelay = milliseconds(1000);
constexpr auto kLongestDelay = milliseconds(30'000);

// What came but is no whole line yet.
class Lines {
 public:
  void take(const char* bytes, size_t size) {
    if (rest_.empty()) since_ = SteadyClock::now();
    rest_.append(bytes, size);
  }
  bool next(std::string& line) {
    const size_t end = rest_.find('\n');
    if (end == std::string::npos) return false;
    line = rest_.substr(0, end);
    rest_.erase(0, end + 1);
    since_ = SteadyClock::now();
    return true;
  }
  bool isTooLong() const { return rest_.size() > kMaxLine; }
  bool isTooSlow() const { return !rest_.empty() && SteadyClock::now() - since_ > kLineTimeout; }

 private:
  std::string rest_;
  SteadyClock::time_point since_;
};

// Sends what the socket takes at once; false when the connection is gone.
bool flush(int socket, std::string& unsent) {
  while (!unsent.empty()) {
    const ssize_t sent = send(socket, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR;
    unsent.erase(0, static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

PoolClient::PoolClient(std::vector<PoolTarget> pools, Hasher& hasher)
    : pools_(std::move(pools)), hasher_(hasher), wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), state_{} {
  if (wake_ < 0) fail(1, "the kernel gives no event descriptor");
  state_.url = pools_.front().url;
}

void PoolClient::submit(const Share& share) {
  const std::lock_guard<std::mutex> lock(mutex_);
  shares_.push_back(share);
  if (shares_.size() > kMaxShares) shares_.pop_front();
  const uint64_t one = 1;
  // A full counter has woken the reader already.
  if (write(wake_, &one, sizeof(one)) < 0) return;
}

void PoolClient::run() {
  auto delay = kFirstDelay;
  for (size_t index = 0;;) {
    const std::string reason = session(index);
    hasher_.work(nullptr);
    setConnected(false);
    say("pool connection lost: " + pools_[index].url + ", " + reason);
    index = loggedIn_ ? 0 : (index + 1) % pools_.size();
    if (loggedIn_) delay = kFirstDelay;
    // Only a round through all pools is worth a longer rest.
    std::this_thread::sleep_for(index == 0 ? delay : milliseconds(100));
    if (index == 0) delay = std::min<milliseconds>(2 * delay, kLongestDelay);
  }
}

PoolClient::State PoolClient::state() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return state_;
}

std::string PoolClient::session(size_t index) {
  const PoolTarget& pool = pools_[index];
  loggedIn_ = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    state_.url = pool.url;
    shares_.clear();
  }
  std::string reason;
  const int socket = connectTo(pool.host, pool.port, seconds(10), reason);
  if (socket < 0) return reason;
  StratumSession session(++sessions_, pool.user, pool.password);
  reason = talk(socket, session, index);
  close(socket);
  return reason;
}

std::string PoolClient::talk(int socket, StratumSession& session, size_t index) {
  double suggested = suggested_;
  std::string unsent = session.greeting(suggested);
  const auto started = SteadyClock::now();
  auto lastLine = started, lastLook = started;
  Lines lines;
  for (;;) {
    if (!flush(socket, unsent)) return "the connection broke";
    if (unsent.size() > kMaxUnsent) return "the pool does not read";
    if (wait(socket, unsent)) {
      char bytes[4096];
      const ssize_t got = recv(socket, bytes, sizeof(bytes), 0);
      if (got == 0) return "closed by the pool";
      if (got < 0 && errno != EAGAIN && errno != EINTR) return strerror(errno);
      if (got > 0) lines.take(bytes, static_cast<size_t>(got));
    }
    for (std::string line; lines.next(line); lastLine = SteadyClock::now()) {
      if (line.size() > kMaxLine) return "a line is longer than 16384 bytes";
      if (line.find_first_not_of(" \r\t") == std::string::npos) continue;
      const StratumEvents events = session.onLine(line);
      if (!events.broken.empty()) return events.broken;
      apply(events);
    }
    if (lines.isTooLong()) return "a line is longer than 16384 bytes";
    if (lines.isTooSlow()) return "a line takes longer than 10 s";
    unsent += takeShares(session);
    if (suggested_ != suggested) unsent += session.suggest(suggested = suggested_);
    const auto now = SteadyClock::now();
    if (!session.authorized() && now - started > kLoginTimeout) return "no login within 15 s";
    if (now - lastLine > kSilence) return "the pool has gone silent";
    if (index == 0 || now - lastLook < kLookForFirst) continue;
    lastLook = now;
    std::string ignored;
    const int first = connectTo(pools_[0].host, pools_[0].port, seconds(2), ignored);
    if (first < 0) continue;
    close(first);
    return "the first pool is back";
  }
}

// Until the pool says something, there is a share to send, or a second is over; true when there is something to read.
bool PoolClient::wait(int socket, const std::string& unsent) const {
  const short wanted = static_cast<short>(unsent.empty() ? POLLIN : POLLIN | POLLOUT);
  pollfd waiting[2] = {{socket, wanted, 0}, {wake_, POLLIN, 0}};
  poll(waiting, 2, 1000);
  uint64_t count = 0;
  // Empty when nothing woke it.
  if (read(wake_, &count, sizeof(count)) < 0) count = 0;
  return (waiting[0].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
}

void PoolClient::apply(const StratumEvents& events) {
  if (events.job) hasher_.work(events.job);
  if (events.loggedIn) {
    loggedIn_ = true;
    setConnected(true);
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.accepted += events.accepted;
  state_.rejected += events.rejected;
}

std::string PoolClient::takeShares(StratumSession& session) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::string lines;
  for (const Share& share : shares_) lines += session.submit(share);
  shares_.clear();
  return lines;
}

void PoolClient::setConnected(bool connected) {
  const std::lock_guard<std::mutex> lock(mutex_);
  state_.connected = connected;
}
