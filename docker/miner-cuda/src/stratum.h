// One Stratum V1 session, without its socket: lines in, lines out.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "json.h"
#include "work.h"

struct StratumEvents {
  // Fit to be hashed: logged in, with terms.
  std::shared_ptr<const Job> job;
  bool loggedIn = false;
  unsigned accepted = 0, rejected = 0;
  // Why the connection must end; empty while it may go on.
  std::string broken;
};

class StratumSession {
 public:
  StratumSession(uint64_t number, std::string user, std::string password)
      : number_(number), user_(std::move(user)), password_(std::move(password)) {}
  // What to send first; `difficulty` is asked for when it is above zero.
  std::string greeting(double difficulty);
  std::string suggest(double difficulty);
  // Never throws: what is wrong with a line is `broken`.
  StratumEvents onLine(const std::string& line);
  // Empty for a share of another session or one that cannot be sent yet.
  std::string submit(const Share& share);
  bool authorized() const { return authorized_; }

 private:
  enum class Question { subscribe, authorize, share, other };
  std::string ask(Question question, const std::string& method, const std::string& params);
  void onAnswer(const Json& line, StratumEvents& events);
  void onRequest(const std::string& method, const Json& params, StratumEvents& events);
  bool takeExtranonce(const Json& extranonce1, const Json& size);
  bool takeJob(const Json& params);
  void offer(StratumEvents& events) const;

  const uint64_t number_;
  const std::string user_, password_;
  std::map<uint64_t, Question> questions_;
  uint64_t nextId_ = 1;
  bool authorized_ = false, hasExtranonce_ = false;
  double difficulty_ = 1;
  Bytes extranonce1_;
  unsigned extranonce2Size_ = 0;
  std::shared_ptr<const Job> job_;
};
