#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "api.h"
#include "fault.h"
#include "json.h"
#include "selftest.h"

namespace {

// No healthy device takes a thousandth of this for one batch.
constexpr auto kHung = std::chrono::seconds(30);
constexpr double kWantedShareSeconds = 3;
constexpr double kHashesPerDifficulty = 4294967296.0;

// Every thread leaves them to this descriptor.
int catchSignals() {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigaddset(&wanted, SIGTERM);
  sigprocmask(SIG_BLOCK, &wanted, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const int signals = signalfd(-1, &wanted, SFD_CLOEXEC);
  if (signals < 0) fail(1, "the kernel gives no signal descriptor");
  return signals;
}

bool canBeRead(int descriptor) {
  pollfd waiting = {descriptor, POLLIN, 0};
  return poll(&waiting, 1, 0) > 0;
}

// Whatever comes on standard input is of no interest, but its end is.
bool hasEnded(int input) {
  char bytes[256];
  return canBeRead(input) && read(input, bytes, sizeof(bytes)) <= 0;
}

void onShare(void* pool, const Share& share) { static_cast<PoolClient*>(pool)->submit(share); }

void announce(const Api& api, const Device& device, const Arguments& args) {
  const std::string cpu = args.device == "cpu" ? ",\"threads\":" + std::to_string(args.threads) : "";
  printf("{\"event\":\"listening\",%s,\"device\":%s%s}\n", api.place().c_str(), quote(device.name()).c_str(),
         cpu.c_str());
  fflush(stdout);
}

[[noreturn]] void mine(Device& device, const Arguments& args, int signals) {
  struct Parts {
    Hasher hasher;
    PoolClient pool;
    Parts(Device& one, const Arguments& with) : hasher(one, with.startPaused, onShare, &pool), pool(with.pools, hasher) {}
  };
  Parts parts(device, args);
  Api api(parts.hasher, parts.pool);
  api.listen(args);
  parts.hasher.start();
  const auto suggest = [&parts] {
    parts.pool.suggest(parts.hasher.firstRate() * kWantedShareSeconds / kHashesPerDifficulty);
  };
  suggest();
  std::thread([&parts] { parts.pool.run(); }).detach();
  announce(api, device, args);
  while (!canBeRead(signals) && !(args.exitWithStdin && hasEnded(STDIN_FILENO))) {
    api.serve(signals);
    suggest();
    if (parts.hasher.busyFor() > kHung) fail(1, "the device hangs: one batch takes longer than 30 s");
  }
  parts.hasher.stop();
  api.close();
  // The pool's thread may be in a name's resolution, which nothing can cut short.
  _exit(0);
}

}  // namespace

int main(int count, char** values) {
  const Arguments args = readArguments(count, values);
  const int signals = catchSignals();
  if (args.nice > 0 && setpriority(PRIO_PROCESS, 0, args.nice) != 0) say("the priority could not be lowered");
  if (!args.selftest) say(kPurpose);
  const std::unique_ptr<Device> device = args.device == "cpu" ? openCpu(args.threads) : openGpu(args.device);
  if (args.selftest) return selftest(*device) ? 0 : 1;
  mine(*device, args, signals);
}
