#include "stratum.h"

#include <cmath>
#include <cstdio>

#include "fault.h"

namespace {

constexpr size_t kMaxQuestions = 1024;
constexpr size_t kMaxCoinbaseHalf = 4096;
constexpr size_t kMaxBranches = 32;
constexpr size_t kMaxJobId = 64;
constexpr double kMaxDifficulty = 1125899906842624.0;

bool isPlain(const std::string& text, size_t longest) {
  if (text.size() > longest) return false;
  for (const char c : text)
    if (static_cast<unsigned char>(c) < ' ' || c == 127) return false;
  return true;
}

bool readWord(const Json& value, uint32_t& out) {
  const auto bytes = value.isText() ? parseHex(value.text, 4, 4) : std::nullopt;
  if (!bytes) return false;
  out = uint32_t{(*bytes)[0]} << 24 | uint32_t{(*bytes)[1]} << 16 | uint32_t{(*bytes)[2]} << 8 | (*bytes)[3];
  return true;
}

bool readHash(const Json& value, Hash& out) {
  const auto bytes = value.isText() ? parseHex(value.text, 32, 32) : std::nullopt;
  if (!bytes) return false;
  for (size_t i = 0; i < out.size(); i++) out[i] = (*bytes)[i];
  return true;
}

bool readBytes(const Json& value, size_t longest, Bytes& out) {
  auto bytes = value.isText() ? parseHex(value.text, 0, longest) : std::nullopt;
  if (!bytes) return false;
  out = std::move(*bytes);
  return true;
}

bool isRefusal(const Json& line) {
  const Json& result = line.at("result");
  return !line.at("error").isNull() || (result.kind == Json::Kind::boolean && !result.boolean);
}

std::string reasonOf(const Json& line) {
  const Json& error = line.at("error");
  const Json& text = error.isList() ? error.at(1) : error.at("message");
  return text.isText() ? printable(text.text) : "no reason given";
}

}  // namespace

std::string StratumSession::greeting(double difficulty) {
  std::string lines = ask(Question::subscribe, "mining.subscribe", "[\"rigshift-miner-cuda/1\"]");
  lines += ask(Question::other, "mining.extranonce.subscribe", "[]");
  lines += ask(Question::authorize, "mining.authorize", "[" + quote(user_) + "," + quote(password_) + "]");
  return difficulty > 0 ? lines + suggest(difficulty) : lines;
}

std::string StratumSession::suggest(double difficulty) {
  char wanted[32];
  snprintf(wanted, sizeof(wanted), "[%.9g]", difficulty);
  return ask(Question::other, "mining.suggest_difficulty", wanted);
}

StratumEvents StratumSession::onLine(const std::string& line) {
  StratumEvents events;
  const auto message = parseJson(line);
  if (!message || message->kind != Json::Kind::record) {
    events.broken = "the pool talks nonsense: a line is no JSON object";
    return events;
  }
  const Json& method = message->at("method");
  if (method.isText()) onRequest(method.text, message->at("params"), events);
  else onAnswer(*message, events);
  return events;
}

std::string StratumSession::submit(const Share& share) {
  if (!authorized_ || share.session != number_) return "";
  return ask(Question::share, "mining.submit",
             "[" + quote(user_) + "," + quote(share.job) + ",\"" + share.extranonce2 + "\",\"" + share.ntime + "\",\"" +
                 share.nonce + "\"]");
}

std::string StratumSession::ask(Question question, const std::string& method, const std::string& params) {
  const uint64_t id = nextId_++;
  questions_[id] = question;
  // A pool that never answers may not fill the memory.
  if (questions_.size() > kMaxQuestions) questions_.erase(questions_.begin());
  return "{\"id\":" + std::to_string(id) + ",\"method\":\"" + method + "\",\"params\":" + params + "}\n";
}

void StratumSession::onAnswer(const Json& line, StratumEvents& events) {
  const Json& id = line.at("id");
  if (!id.isNumber() || id.number < 1 || id.number > 1e15) return;
  const auto found = questions_.find(static_cast<uint64_t>(id.number));
  if (found == questions_.end()) return;
  const Question question = found->second;
  questions_.erase(found);
  const bool refused = isRefusal(line);
  if (question == Question::share) (refused ? events.rejected : events.accepted)++;
  if (question == Question::share && refused) say("share refused: " + reasonOf(line));
  if (question == Question::authorize && refused) events.broken = "the pool refused the worker: " + reasonOf(line);
  if (question == Question::authorize && !refused) {
    authorized_ = events.loggedIn = true;
    offer(events);
  }
  if (question != Question::subscribe) return;
  if (!takeExtranonce(line.at("result").at(1), line.at("result").at(2)))
    events.broken = "the pool answers the subscription wrongly";
  offer(events);
}

void StratumSession::onRequest(const std::string& method, const Json& params, StratumEvents& events) {
  bool isRight = true;
  if (method == "mining.notify") {
    isRight = takeJob(params);
    offer(events);
  } else if (method == "mining.set_difficulty") {
    const Json& value = params.at(size_t{0});
    isRight = value.isNumber() && value.number > 0 && value.number <= kMaxDifficulty;
    if (isRight) difficulty_ = value.number;
  } else if (method == "mining.set_extranonce") {
    isRight = takeExtranonce(params.at(size_t{0}), params.at(1));
  } else if (method == "client.show_message") {
    if (params.at(size_t{0}).isText()) say("the pool says: " + printable(params.at(size_t{0}).text));
  }
  // Reconnects are not followed: the order of the pools is the operator's.
  if (!isRight) events.broken = "the pool talks nonsense: " + printable(method) + " has a wrong field";
}

// Both count from the next job on, as everywhere.
bool StratumSession::takeExtranonce(const Json& extranonce1, const Json& size) {
  if (!size.isNumber() || size.number < 1 || size.number > 16 || size.number != std::floor(size.number)) return false;
  if (!readBytes(extranonce1, 16, extranonce1_)) return false;
  extranonce2Size_ = static_cast<unsigned>(size.number);
  hasExtranonce_ = true;
  return true;
}

bool StratumSession::takeJob(const Json& params) {
  auto job = std::make_shared<Job>();
  const Json& id = params.at(size_t{0});
  const Json& branches = params.at(4);
  if (!id.isText() || !isPlain(id.text, kMaxJobId) || !branches.isList()) return false;
  if (branches.items.size() > kMaxBranches || !readHash(params.at(1), job->prevHash)) return false;
  if (!readBytes(params.at(2), kMaxCoinbaseHalf, job->coinb1)) return false;
  if (!readBytes(params.at(3), kMaxCoinbaseHalf, job->coinb2)) return false;
  for (const Json& branch : branches.items) {
    job->branches.emplace_back();
    if (!readHash(branch, job->branches.back())) return false;
  }
  if (!readWord(params.at(5), job->version) || !readWord(params.at(6), job->bits)) return false;
  if (!readWord(params.at(7), job->ntime)) return false;
  job->session = number_;
  job->id = id.text;
  job->difficulty = difficulty_;
  job->extranonce1 = extranonce1_;
  job->extranonce2Size = extranonce2Size_;
  job_ = std::move(job);
  return true;
}

// A job from before the subscription was answered has no extranonce, and cannot be worked on.
void StratumSession::offer(StratumEvents& events) const {
  if (authorized_ && hasExtranonce_ && job_ && job_->extranonce2Size > 0) events.job = job_;
}
