#pragma once

#include "scheduling/result.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

namespace skerry {

/// Lines of text to and from another process, over a socket of its own.
class line_link {
public:
  explicit line_link(int socket) : socket_{socket} {}
  line_link(const line_link&) = delete;
  line_link(line_link&& other) noexcept;
  ~line_link();

  /// @param line Without a line break.
  /// @returns `io_failed` when the other process is gone.
  result<> send(std::string_view line);
  /// Waits for a line. @returns `io_failed` when the other process is gone.
  result<std::string> receive();

private:
  int socket_;
  std::string read_; ///< Beyond the last line.
};

/// A part of a benchmark in a process of its own, so that its CPU seconds are
/// known apart. It is killed with its parent.
class child_process {
public:
  /// Forks, and runs `run` in the child, which then ends.
  /// @pre This process has one thread and has not used gRPC: neither outlives
  ///      a fork.
  /// @returns `io_failed`.
  static result<child_process>
  start(const std::function<void(line_link&)>& run);

  child_process(child_process&& other) noexcept;
  child_process(const child_process&) = delete;
  ~child_process(); ///< As `end`.

  line_link& link() { return link_; }
  /// Used so far, by all its threads; 0 when it has ended.
  double cpu_seconds() const;
  /// Says "end" and waits until it has ended.
  void end();

private:
  child_process(pid_t pid, line_link link)
      : pid_{pid}, link_{std::move(link)} {}

  pid_t pid_; ///< 0 when it has ended.
  line_link link_;
};

} // namespace skerry
