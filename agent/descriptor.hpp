#pragma once

#include <unistd.h>
#include <utility>

namespace skerry {

/// An open file of the system; closes it.
class descriptor {
public:
  descriptor() = default;
  explicit descriptor(int fd) : fd_{fd} {}
  descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  descriptor& operator=(descriptor&& other) noexcept {
    close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~descriptor() { close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

private:
  void close() const {
    if (fd_ >= 0)
      ::close(fd_);
  }

  int fd_ = -1;
};

} // namespace skerry
