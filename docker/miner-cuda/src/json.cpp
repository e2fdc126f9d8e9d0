#include "json.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int kDeepest = 8;

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}

  bool whole(Json& out) {
    if (!value(out, 0)) return false;
    blanks();
    return at_ == text_.size();
  }

 private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    at_++;
    return true;
  }
  void blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') at_++;
  }
  bool word(const char* expected) {
    const std::string name = expected;
    if (text_.compare(at_, name.size(), name) != 0) return false;
    at_ += name.size();
    return true;
  }

  bool value(Json& out, int depth) {
    blanks();
    switch (peek()) {
      case '{':
        return depth < kDeepest && record(out, depth);
      case '[':
        return depth < kDeepest && list(out, depth);
      case '"':
        out.kind = Json::Kind::text;
        return string(out.text);
      case 't':
      case 'f':
        out.kind = Json::Kind::boolean;
        out.boolean = peek() == 't';
        return word(out.boolean ? "true" : "false");
      case 'n':
        return word("null");
      default:
        out.kind = Json::Kind::number;
        return number(out.number);
    }
  }

  bool record(Json& out, int depth) {
    out.kind = Json::Kind::record;
    at_++;
    blanks();
    if (take('}')) return true;
    do {
      out.members.emplace_back();
      auto& [name, member] = out.members.back();
      blanks();
      if (peek() != '"' || !string(name)) return false;
      blanks();
      if (!take(':') || !value(member, depth + 1)) return false;
      blanks();
    } while (take(','));
    return take('}');
  }

  bool list(Json& out, int depth) {
    out.kind = Json::Kind::list;
    at_++;
    blanks();
    if (take(']')) return true;
    do {
      out.items.emplace_back();
      if (!value(out.items.back(), depth + 1)) return false;
      blanks();
    } while (take(','));
    return take(']');
  }

  bool digits() {
    const size_t from = at_;
    while (peek() >= '0' && peek() <= '9') at_++;
    return at_ > from;
  }

  bool number(double& out) {
    const size_t from = at_;
    take('-');
    if (peek() == '0') at_++;
    else if (!digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return false;
    }
    out = strtod(text_.substr(from, at_ - from).c_str(), nullptr);
    return std::isfinite(out);
  }

  bool string(std::string& out) {
    at_++;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < ' ') return false;
      if (c != '\\') out += c;
      else if (!escape(out)) return false;
    }
    return false;
  }

  bool escape(std::string& out) {
    const char c = peek();
    if (at_ < text_.size()) at_++;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out += c;
        return true;
      case 'b':
        out += '\b';
        return true;
      case 'f':
        out += '\f';
        return true;
      case 'n':
        out += '\n';
        return true;
      case 'r':
        out += '\r';
        return true;
      case 't':
        out += '\t';
        return true;
      case 'u':
        return codePoint(out);
      default:
        return false;
    }
  }

  // One unit at a time: a surrogate pair becomes two units, which nothing here ever prints.
  bool codePoint(std::string& out) {
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
      const char c = peek();
      const bool isDigit = c >= '0' && c <= '9';
      const bool isLetter = (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      if (!isDigit && !isLetter) return false;
      code = code * 16 + static_cast<unsigned>(isDigit ? c - '0' : (c | 0x20) - 'a' + 10);
      at_++;
    }
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | (code >> 6));
      out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
      out += static_cast<char>(0xe0 | (code >> 12));
      out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
    return true;
  }

  const std::string& text_;
  size_t at_ = 0;
};

const Json kNothing;

}  // namespace

const Json& Json::at(const char* name) const {
  for (const auto& [key, value] : members)
    if (key == name) return value;
  return kNothing;
}

const Json& Json::at(size_t index) const { return index < items.size() ? items[index] : kNothing; }

std::optional<Json> parseJson(const std::string& text) {
  Json out;
  if (!Reader(text).whole(out)) return std::nullopt;
  return out;
}

std::string quote(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= ' ') {
      out += c;
    } else {
      char code[8];
      snprintf(code, sizeof(code), "\\u%04x", static_cast<unsigned>(c));
      out += code;
    }
  }
  return out + "\"";
}
