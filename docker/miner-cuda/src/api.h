// GET /stats, POST /pause and POST /resume over HTTP, in the shape that Rigshift's CPU reference miner has.
#pragma once
#include <map>
#include <string>

#include "args.h"
#include "hasher.h"
#include "pool_client.h"

class Api {
 public:
  Api(Hasher& hasher, const PoolClient& pool) : hasher_(hasher), pool_(pool), startedAt_(SteadyClock::now()) {}
  // Ends the process when it cannot listen there.
  void listen(const Arguments& args);
  // Fields of the announcement: "host" and "port", or "socket".
  const std::string& place() const { return place_; }
  // Waits for at most a second, or until `other` can be read, and answers who asks.
  void serve(int other);
  void close();

 private:
  struct Connection {
    std::string bytes;
    SteadyClock::time_point since;
  };
  void accept();
  bool read(int socket, Connection& connection);
  std::string answer(const std::string& method, const std::string& path);
  std::string stats() const;

  Hasher& hasher_;
  const PoolClient& pool_;
  const SteadyClock::time_point startedAt_;
  int listener_ = -1;
  bool isOpenTo_ = false;  // to other addresses than loopback's
  std::string place_, socketFile_;
  std::map<int, Connection> connections_;
};
