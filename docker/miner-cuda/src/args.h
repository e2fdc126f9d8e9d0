// The command line: the CPU reference miner's, so that one takes the other's place, and what a GPU needs besides.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

struct PoolTarget {
  std::string url, host, port, user, password;
  bool isSecure = false;
};

struct Arguments {
  std::vector<PoolTarget> pools;  // in the order they are tried
  std::string device = "0";       // an index, BB:DD, or cpu
  unsigned threads = 1;           // of --device cpu
  std::string apiHost = "127.0.0.1";
  uint16_t apiPort = 0;
  std::string apiSocket;
  int nice = 0;
  bool startPaused = false, exitWithStdin = false, selftest = false;
};

extern const char* const kPurpose;
// Ends the process: 0 after --help, 2 with one line when something is wrong.
Arguments readArguments(int count, char** values);
// Whether the text is an IPv4 or IPv6 address, and of loopback.
bool isAddress(const std::string& text);
bool isLoopback(const std::string& address);
