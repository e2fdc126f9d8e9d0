// JSON from strangers: bounded depth, no exceptions, nothing lenient.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

struct Json {
  enum class Kind { null, boolean, number, text, list, record };
  Kind kind = Kind::null;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::vector<Json> items;
  std::vector<std::pair<std::string, Json>> members;

  bool isText() const { return kind == Kind::text; }
  bool isNumber() const { return kind == Kind::number; }
  bool isList() const { return kind == Kind::list; }
  bool isNull() const { return kind == Kind::null; }
  // A member of a record, or an entry of a list; null, of static life, where there is none.
  const Json& at(const char* name) const;
  const Json& at(size_t index) const;
};

// The whole text as one value; nothing when it is no JSON or nested deeper than eight levels.
std::optional<Json> parseJson(const std::string& text);
// With its quotation marks.
std::string quote(const std::string& text);
