#include "fault.h"

#include <unistd.h>

namespace {
constexpr size_t kLongest = 200;
}

void say(const std::string& line) {
  const std::string text = "miner-cuda: " + line + "\n";
  // One write, so that threads do not mix their lines; nobody is left to tell when it fails.
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

void fail(int code, const std::string& reason) {
  say(reason);
  _exit(code);
}

std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, kLongest)) out += c >= ' ' && c < 127 ? c : '?';
  return out;
}
