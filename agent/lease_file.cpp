#include "agent/lease_file.hpp"

#include "agent/text_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace skerry {

result<lease_file> lease_file::open(const std::filesystem::path& file,
                                    bool anew) {
  lease_file out;
  out.file_ = descriptor{::open(
      file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | (anew ? O_TRUNC : 0), 0644)};
  if (!out.file_)
    return io_error("cannot open", file);
  out.written_ = out.read();
  return out;
}

std::int64_t lease_file::read() const {
  std::int64_t until = 0;
  if (::pread(file_.get(), &until, sizeof until, 0) != sizeof until)
    return 0;
  return until;
}

result<> lease_file::write(std::int64_t until_milliseconds) {
  if (until_milliseconds == written_)
    return done{};
  if (::pwrite(file_.get(), &until_milliseconds, sizeof until_milliseconds, 0)
      != sizeof until_milliseconds)
    return io_error("cannot write", "the lease");
  written_ = until_milliseconds;
  return done{};
}

result<append_log> append_log::open(const std::filesystem::path& file) {
  append_log out;
  out.file_ = descriptor{
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
  if (!out.file_)
    return io_error("cannot open", file);
  return out;
}

void append_log::append(const std::string& lines) const {
  if (!lines.empty())
    (void)write_all(file_.get(), lines); // See above.
}

} // namespace skerry
