// A TCP connection that cannot hang.
#pragma once
#include <chrono>
#include <string>

// A non-blocking socket that the caller closes, or -1 with the reason.
int connectTo(const std::string& host, const std::string& port, std::chrono::milliseconds timeout, std::string& reason);
