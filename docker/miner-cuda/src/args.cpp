#include "args.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "fault.h"

const char* const kPurpose = "this miner proves rigs and handovers on real GPUs; it is not for earning";

namespace {

constexpr size_t kMaxPools = 8;
constexpr size_t kLongest = 256;
const char* const kHelp =
    "usage: rigshift-miner-cuda --pool stratum+tcp://HOST:PORT --user USER [--password X] ... [options]\n"
    "       rigshift-miner-cuda --selftest [--device ...]\n"
    "\n"
    "Rigshift's reference miner: sha256d on an NVIDIA GPU, over Stratum V1. It is for proving rigs and handovers on\n"
    "real hardware, not for earning: sha256d is mined by machines a thousand times as fast.\n"
    "\n"
    "  --pool URL         with its own --user and --password after it; more pools take over in this order\n"
    "  --algorithm sha256d, the only one there is\n"
    "  --device WHICH     GPU by index (default 0) or PCI address BB:DD, or cpu, which is slow\n"
    "  --threads N        of --device cpu (default 1)\n"
    "  --api-port PORT    /stats, /pause, /resume over HTTP (default 0: any free port)\n"
    "  --api-host ADDRESS where that listens (default 127.0.0.1)\n"
    "  --api-socket FILE  listen on a socket file instead\n"
    "  --nice N           lower this process's priority (0 to 19)\n"
    "  --start-paused     hash nothing until /resume\n"
    "  --exit-with-stdin  end when standard input does\n"
    "  --selftest         check this device against known hashes, and end\n";

unsigned long whole(const std::string& name, const std::string& text, unsigned long min, unsigned long max) {
  bool isWhole = !text.empty() && text.size() <= 9;
  for (const char c : text) isWhole = isWhole && c >= '0' && c <= '9';
  const unsigned long value = isWhole ? strtoul(text.c_str(), nullptr, 10) : 0;
  if (isWhole && value >= min && value <= max) return value;
  fail(2, name + " is not a whole number from " + std::to_string(min) + " to " + std::to_string(max));
}

bool startsWith(const std::string& text, const std::string& start) { return text.compare(0, start.size(), start) == 0; }

PoolTarget readPool(const std::string& url) {
  std::string scheme = "stratum+tcp://";
  const std::string wanted = "--pool " + printable(url) + " is not " + scheme + "HOST:PORT (ERR_POOL_URL)";
  const bool isSecure = startsWith(url, "stratum+ssl://") || startsWith(url, "stratum+tls://");
  if (!isSecure && !startsWith(url, scheme)) fail(2, wanted);
  std::string rest = url.substr(scheme.size());
  if (!rest.empty() && rest.back() == '/') rest.pop_back();
  const size_t colon = rest.rfind(':');
  if (colon == std::string::npos || colon == 0 || rest.find_first_of("/@?# ") != std::string::npos) fail(2, wanted);
  PoolTarget pool;
  pool.url = url;
  pool.isSecure = isSecure;
  pool.host = rest.substr(0, colon);
  pool.port = std::to_string(whole("the port of --pool", rest.substr(colon + 1), 1, 65535));
  if (pool.host.front() == '[' && pool.host.back() == ']') pool.host = pool.host.substr(1, pool.host.size() - 2);
  pool.password = "x";
  return pool;
}

bool isDevice(const std::string& text) {
  if (text == "cpu") return true;
  const bool isIndex = !text.empty() && text.size() <= 3 && text.find_first_not_of("0123456789") == std::string::npos;
  const bool isPci = text.find(':') != std::string::npos && text.size() <= 16 &&
                     text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos;
  return isIndex || isPci;
}

void takeValue(Arguments& out, const std::string& name, const std::string& value) {
  if (value.size() > kLongest) fail(2, name + " is longer than 256 characters");
  const bool isOfPool = name == "--user" || name == "--password";
  if (isOfPool && out.pools.empty()) fail(2, name + " comes after the --pool that it is for");
  if (name == "--pool") out.pools.push_back(readPool(value));
  else if (name == "--user") out.pools.back().user = value;
  else if (name == "--password") out.pools.back().password = value;
  else if (name == "--algorithm" && value != "sha256d") fail(2, "this miner knows no algorithm but sha256d");
  else if (name == "--algorithm") return;
  else if (name == "--device") out.device = value;
  else if (name == "--threads") out.threads = static_cast<unsigned>(whole(name, value, 1, 1024));
  else if (name == "--api-host") out.apiHost = value;
  else if (name == "--api-port") out.apiPort = static_cast<uint16_t>(whole(name, value, 0, 65535));
  else if (name == "--api-socket" && value.empty()) fail(2, "--api-socket is empty");
  else if (name == "--api-socket") out.apiSocket = value;
  else if (name == "--nice") out.nice = static_cast<int>(whole(name, value, 0, 19));
  else fail(2, "there is no option " + printable(name) + "; --help lists them");
}

bool takeFlag(Arguments& out, const std::string& name) {
  if (name == "--start-paused") return out.startPaused = true;
  if (name == "--exit-with-stdin") return out.exitWithStdin = true;
  if (name == "--selftest") return out.selftest = true;
  if (name != "--help" && name != "-h") return false;
  fputs(kHelp, stdout);
  exit(0);
}

// TLS is the proxy's work: a miner program behind it needs none, and the pools after it are only for when it is gone.
void leaveSecure(Arguments& out) {
  std::vector<PoolTarget> plain;
  for (const PoolTarget& pool : out.pools) {
    if (pool.isSecure) say("left out: " + pool.url + " speaks TLS, which this miner does not");
    else plain.push_back(pool);
  }
  if (plain.empty() && !out.pools.empty()) fail(2, "--pool: not one of them is stratum+tcp://");
  out.pools = plain;
}

void check(Arguments& out) {
  if (!isDevice(out.device)) fail(2, "--device is neither an index, nor a PCI address BB:DD, nor cpu");
  if (out.apiHost != "localhost" && !isAddress(out.apiHost)) fail(2, "--api-host is not an IP address");
  if (out.selftest) return;
  if (out.pools.empty()) fail(2, "--pool is missing");
  if (out.pools.size() > kMaxPools) fail(2, "there are more than 8 pools");
  for (const PoolTarget& pool : out.pools)
    if (pool.user.empty()) fail(2, "--user is missing");
  leaveSecure(out);
}

}  // namespace

Arguments readArguments(int count, char** values) {
  Arguments out;
  for (int i = 1; i < count; i++) {
    std::string name = values[i];
    if (takeFlag(out, name)) continue;
    const size_t equals = name.find('=');
    if (equals != std::string::npos) {
      takeValue(out, name.substr(0, equals), name.substr(equals + 1));
    } else {
      if (i + 1 >= count) fail(2, "there is no option " + printable(name) + ", or its value is missing");
      takeValue(out, name, values[++i]);
    }
  }
  if (out.apiHost == "localhost") out.apiHost = "127.0.0.1";
  check(out);
  return out;
}

bool isAddress(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 || inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

bool isLoopback(const std::string& address) { return address.compare(0, 4, "127.") == 0 || address == "::1"; }
