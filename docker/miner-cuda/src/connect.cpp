#include "connect.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace {

// A vanished peer shows within half a minute.
void watch(int socket) {
  const int on = 1, idle = 15, probes = 10, between = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof(between));
}

int connectOne(const addrinfo& address, std::chrono::milliseconds timeout, std::string& reason) {
  const int socket = ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    reason = strerror(errno);
    return -1;
  }
  int error = connect(socket, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd waiting = {socket, POLLOUT, 0};
    socklen_t size = sizeof(error);
    if (poll(&waiting, 1, static_cast<int>(timeout.count())) <= 0) error = ETIMEDOUT;
    else getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error == 0) {
    watch(socket);
    return socket;
  }
  reason = strerror(error);
  close(socket);
  return -1;
}

}  // namespace

int connectTo(const std::string& host, const std::string& port, std::chrono::milliseconds timeout, std::string& reason) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &wanted, &found);
  if (error != 0) {
    reason = gai_strerror(error);
    return -1;
  }
  int socket = -1;
  for (const addrinfo* address = found; address != nullptr && socket < 0; address = address->ai_next)
    socket = connectOne(*address, timeout, reason);
  freeaddrinfo(found);
  return socket;
}
