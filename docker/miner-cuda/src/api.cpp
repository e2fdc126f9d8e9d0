#include "api.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "fault.h"
#include "http.h"
#include "json.h"

namespace {

constexpr size_t kMaxConnections = 16;
constexpr auto kRequestTimeout = std::chrono::seconds(5);
constexpr auto kPauseTimeout = std::chrono::seconds(4);

std::string toJson(double value) {
  char text[32];
  snprintf(text, sizeof(text), "%.17g", value);
  return text;
}

// Without its port; nothing but a name or an address is left.
std::string hostName(const std::string& host) {
  const size_t colon = host.rfind(':');
  const bool isPort = colon != std::string::npos && colon + 1 < host.size() && host.find(']', colon) == std::string::npos &&
                      host.find_first_not_of("0123456789", colon + 1) == std::string::npos;
  return isPort ? host.substr(0, colon) : host;
}

// A web page can make a browser call us under a name of its own; an address cannot be pointed elsewhere.
bool isOurs(const std::string& header, bool isOpenTo) {
  const std::string host = hostName(header);
  if (host == "127.0.0.1" || host == "localhost" || host == "[::1]") return true;
  const bool isBracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return isOpenTo && isAddress(isBracketed ? host.substr(1, host.size() - 2) : host);
}

[[noreturn]] void cannotListen(const std::string& where) {
  fail(1, "cannot listen on " + where + ": " + strerror(errno) + " (ERR_STRATUM_LISTEN)");
}

int listenOnFile(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) fail(2, "--api-socket is longer than a socket's path may be");
  memcpy(address.sun_path, path.c_str(), path.size());
  struct stat there {};
  // Only a socket is ever removed; anything else stays and makes listening fail.
  if (lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) unlink(path.c_str());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0 || bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) cannotListen(path);
  // The agent is another user than the one inside the container, and the folder already says who may come in.
  if (chmod(path.c_str(), 0666) != 0 || ::listen(socket, 16) != 0) cannotListen(path);
  return socket;
}

int listenOnAddress(const std::string& host, uint16_t& port) {
  sockaddr_storage address{};
  auto* four = reinterpret_cast<sockaddr_in*>(&address);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address);
  const bool isSix = host.find(':') != std::string::npos;
  address.ss_family = isSix ? AF_INET6 : AF_INET;
  if (isSix) inet_pton(AF_INET6, host.c_str(), &six->sin6_addr);
  else inet_pton(AF_INET, host.c_str(), &four->sin_addr);
  (isSix ? six->sin6_port : four->sin_port) = htons(port);
  socklen_t size = isSix ? sizeof(*six) : sizeof(*four);
  const int socket = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (socket >= 0) setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const std::string where = host + " port " + std::to_string(port);
  if (socket < 0 || bind(socket, any, size) != 0 || ::listen(socket, 16) != 0) cannotListen(where);
  if (getsockname(socket, any, &size) != 0) cannotListen(where);
  port = ntohs(isSix ? six->sin6_port : four->sin_port);
  return socket;
}

// Small enough that the kernel takes it at once; a peer that does not read loses it.
void reply(int socket, const std::string& answer) {
  if (send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) >= 0) shutdown(socket, SHUT_WR);
}

}  // namespace

void Api::listen(const Arguments& args) {
  if (!args.apiSocket.empty()) {
    listener_ = listenOnFile(args.apiSocket);
    socketFile_ = args.apiSocket;
    place_ = "\"socket\":" + quote(args.apiSocket);
    return;
  }
  uint16_t port = args.apiPort;
  listener_ = listenOnAddress(args.apiHost, port);
  isOpenTo_ = !isLoopback(args.apiHost);
  place_ = "\"host\":" + quote(args.apiHost) + ",\"port\":" + std::to_string(port);
}

void Api::serve(int other) {
  std::vector<pollfd> waiting = {{other, POLLIN, 0}, {listener_, POLLIN, 0}};
  for (const auto& [socket, connection] : connections_) waiting.push_back({socket, POLLIN, 0});
  if (poll(waiting.data(), waiting.size(), 1000) < 0) return;
  for (size_t i = 2; i < waiting.size(); i++) {
    const auto found = connections_.find(waiting[i].fd);
    const bool isLate = SteadyClock::now() - found->second.since > kRequestTimeout;
    if (!isLate && (waiting[i].revents == 0 || read(found->first, found->second))) continue;
    ::close(found->first);
    connections_.erase(found);
  }
  if (waiting[1].revents != 0) accept();
}

void Api::close() {
  if (!socketFile_.empty()) unlink(socketFile_.c_str());
}

void Api::accept() {
  const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (socket < 0) return;
  if (connections_.size() >= kMaxConnections) ::close(socket);
  else connections_[socket] = {"", SteadyClock::now()};
}

// Whether the connection goes on.
bool Api::read(int socket, Connection& connection) {
  char bytes[4096];
  const ssize_t got = recv(socket, bytes, sizeof(bytes), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  connection.bytes.append(bytes, static_cast<size_t>(got));
  HttpRequest request;
  switch (parseHttp(connection.bytes, request)) {
    case HttpProgress::more:
      return true;
    case HttpProgress::malformed:
      reply(socket, httpRefusal(400, "this is no HTTP request that is understood here"));
      return false;
    case HttpProgress::tooLarge:
      reply(socket, httpRefusal(413, "the request is too large"));
      return false;
    case HttpProgress::whole:
      break;
  }
  const bool isPost = request.method == "POST";
  if (!isOurs(request.host, isOpenTo_)) reply(socket, httpRefusal(403, "the Host header is not this machine"));
  else if (request.hasOrigin) reply(socket, httpRefusal(403, "web pages may not call the miner"));
  else if (isPost && request.contentType != "application/json")
    reply(socket, httpRefusal(415, "the content type is not application/json"));
  else reply(socket, answer(request.method, request.path));
  return false;
}

std::string Api::answer(const std::string& method, const std::string& path) {
  const std::string call = method + " " + path;
  if (call == "GET /stats") return httpAnswer(200, stats());
  if (call == "POST /pause") {
    if (hasher_.pause(kPauseTimeout)) return httpAnswer(200, "{\"paused\":true}");
    return httpRefusal(500, "the device does not stop");
  }
  if (call != "POST /resume") return httpRefusal(404, "there are GET /stats, POST /pause and POST /resume");
  hasher_.resume();
  return httpAnswer(200, "{\"paused\":false}");
}

std::string Api::stats() const {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - startedAt_).count();
  const std::optional<double> rate = hasher_.rate();
  const std::string hashrate = "\"hashrateHps\":" + (rate ? toJson(*rate) : "null");
  const PoolClient::State pool = pool_.state();
  return "{\"algorithm\":\"sha256d\",\"uptimeS\":" + std::to_string(uptime) +
         ",\"paused\":" + (hasher_.paused() ? "true" : "false") + "," + hashrate +
         ",\"acceptedShares\":" + std::to_string(pool.accepted) + ",\"rejectedShares\":" + std::to_string(pool.rejected) +
         ",\"devices\":[{" + hashrate + "}],\"pool\":{\"url\":" + quote(pool.url) +
         ",\"connected\":" + (pool.connected ? "true" : "false") + "}}";
}
