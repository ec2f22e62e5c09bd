#pragma once

#include "messages/gateway.hpp"
#include "messages/skerry/mesh/v1/mesh.pb.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace skerry {

/// Questions to several servers, by number, each answered once: when all have
/// answered or time is up. Thread-safe.
class questions {
public:
  using answers = std::map<std::string, mesh::v1::Answer>; ///< By server.
  using all_answers = std::function<void(const answers&)>;
  using sender = std::function<void(mesh::v1::Envelope)>;

  questions(std::string self, std::chrono::milliseconds patience, sender send);
  ~questions();

  void ask(const std::vector<std::string>& servers,
           mesh::v1::Envelope::Role role, mesh::v1::Question question,
           all_answers then);
  /// For less than the usual patience.
  void ask(const std::vector<std::string>& servers,
           mesh::v1::Envelope::Role role, mesh::v1::Question question,
           std::chrono::milliseconds patience, all_answers then);
  void answered(const std::string& from, mesh::v1::Answer answer);
  /// Answers what is open with what there is.
  void stop();

private:
  using time_point = std::chrono::steady_clock::time_point;

  struct open_question {
    std::size_t waits_for = 0;
    answers have;
    all_answers then;
    time_point until;
  };

  void run();

  std::string self_;
  std::chrono::milliseconds patience_;
  sender send_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::uint64_t, open_question> open_;
  std::set<std::pair<time_point, std::uint64_t>>
      due_; ///< Of all that are open.
  std::uint64_t next_ = 1;
  bool stopping_ = false;
  std::thread thread_;
};

/// For each task the cell with the best score; equal scores go to the first
/// name.
/// @returns The failure when all cells fail, `unreachable` without any answer.
result<v1::DecideReply> best_of(const v1::DecideRequest& request,
                                const questions::answers& answers);

/// Empty when nothing is placed.
std::string cell_with_most(const v1::DecideReply& decisions);

} // namespace skerry
