// Just enough of HTTP/1.1 for three calls, strict with everything else.
#pragma once
#include <optional>
#include <string>

struct HttpRequest {
  std::string method, path, host, contentType;
  bool hasOrigin = false;
  size_t bodyBytes = 0;
};

enum class HttpProgress { more, whole, malformed, tooLarge };

// Looks whether a whole request, body included, has come.
HttpProgress parseHttp(const std::string& bytes, HttpRequest& out);
// One answer, after which the connection is closed.
std::string httpAnswer(int status, const std::string& body);
std::string httpRefusal(int status, const std::string& message);
