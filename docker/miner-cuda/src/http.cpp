#include "http.h"

#include <cstdlib>

#include "json.h"

namespace {

constexpr size_t kMaxHead = 8 * 1024;
constexpr size_t kMaxBody = 16 * 1024;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

std::string trimmed(const std::string& text) {
  const size_t from = text.find_first_not_of(" \t");
  return from == std::string::npos ? "" : text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

bool takeLength(const std::string& value, size_t& out) {
  if (value.empty() || value.size() > 9 || value.find_first_not_of("0123456789") != std::string::npos) return false;
  out = strtoul(value.c_str(), nullptr, 10);
  return true;
}

bool takeHeader(const std::string& line, HttpRequest& out) {
  const size_t colon = line.find(':');
  if (colon == std::string::npos || colon == 0) return false;
  const std::string name = lower(line.substr(0, colon));
  const std::string value = trimmed(line.substr(colon + 1));
  if (name == "host") {
    if (!out.host.empty()) return false;
    out.host = value;
  }
  if (name == "origin") out.hasOrigin = true;
  if (name == "content-type") out.contentType = lower(trimmed(value.substr(0, value.find(';'))));
  if (name == "content-length") return takeLength(value, out.bodyBytes);
  // A body in chunks has no length to wait for, and nobody here needs one.
  return name != "transfer-encoding";
}

bool takeRequestLine(const std::string& line, HttpRequest& out) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string::npos || last == first || line.compare(last + 1, 7, "HTTP/1.") != 0) return false;
  out.method = line.substr(0, first);
  out.path = line.substr(first + 1, last - first - 1);
  return true;
}

const char* phraseOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 500:
      return "Internal Server Error";
    default:
      return "Bad Request";
  }
}

}  // namespace

HttpProgress parseHttp(const std::string& bytes, HttpRequest& out) {
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return bytes.size() > kMaxHead ? HttpProgress::tooLarge : HttpProgress::more;
  if (end > kMaxHead) return HttpProgress::tooLarge;
  out = HttpRequest{};
  size_t at = bytes.find("\r\n");
  if (!takeRequestLine(bytes.substr(0, at), out)) return HttpProgress::malformed;
  while (at < end) {
    const size_t next = bytes.find("\r\n", at + 2);
    if (!takeHeader(bytes.substr(at + 2, next - at - 2), out)) return HttpProgress::malformed;
    at = next;
  }
  if (out.bodyBytes > kMaxBody) return HttpProgress::tooLarge;
  return bytes.size() - end - 4 >= out.bodyBytes ? HttpProgress::whole : HttpProgress::more;
}

std::string httpAnswer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " " + phraseOf(status) +
         "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n" + body;
}

std::string httpRefusal(int status, const std::string& message) {
  return httpAnswer(status, "{\"error\":" + quote(message) + "}");
}
