#include "storage/anchor.hpp"

#include <fmt/core.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

namespace skerry {

namespace {

/// Slots in blocks of their own: a torn write cannot reach both.
constexpr off_t slot_distance = 4096;
constexpr unsigned slots = 2;
constexpr std::uint32_t magic = 0x736b616e; // "skan"

struct slot {
  std::uint32_t mark = magic;
  std::uint32_t checksum = 0;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
};

std::uint32_t checksum_of(slot value) {
  value.checksum = 0;
  std::array<unsigned char, sizeof(slot)> raw{};
  std::memcpy(raw.data(), &value, sizeof(slot));
  return static_cast<std::uint32_t>(
      crc32(0, raw.data(), static_cast<uInt>(raw.size())));
}

error failed(std::string_view what) {
  return {error_code::io_failed,
          fmt::format("cannot {} the anchor: {}", what,
                      std::strerror(errno))}; // NOLINT(concurrency-mt-unsafe)
}

} // namespace

result<anchor_file> anchor_file::open(const std::filesystem::path& file) {
  const int descriptor
      = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return failed("open");
  anchor_file opened{descriptor};
  // The size never changes afterwards, so a sync writes one block.
  if (::lseek(descriptor, 0, SEEK_END) < slot_distance * slots
      && ::posix_fallocate(descriptor, 0, slot_distance * slots) != 0)
    return failed("size");
  return opened;
}

anchor_file::anchor_file(anchor_file&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)},
      next_slot_{other.next_slot_} {}

anchor_file::~anchor_file() {
  if (descriptor_ >= 0)
    ::close(descriptor_);
}

result<std::optional<anchor_mark>> anchor_file::read() const {
  std::optional<anchor_mark> newest;
  bool damaged = false;
  for (unsigned i = 0; i < slots; ++i) {
    slot value{};
    if (::pread(descriptor_, &value, sizeof value,
                static_cast<off_t>(i) * slot_distance)
        != static_cast<ssize_t>(sizeof value))
      return failed("read");
    const slot blank{0, 0, 0, 0};
    if (std::memcmp(&value, &blank, sizeof value) == 0)
      continue;
    if (value.mark != magic || value.checksum != checksum_of(value)) {
      damaged = true;
      continue;
    }
    const anchor_mark mark{value.epoch, value.sequence};
    if (!newest || mark.epoch > newest->epoch
        || (mark.epoch == newest->epoch && mark.sequence > newest->sequence))
      newest = mark;
  }
  // One damaged slot is a write cut short, before it was acknowledged; but it
  // may also hide the newest mark. The store decides by its own number.
  if (!newest && damaged)
    return error{error_code::malformed, "the anchor is damaged"};
  return newest;
}

result<> anchor_file::write(const anchor_mark& mark) {
  slot value{magic, 0, mark.epoch, mark.sequence};
  value.checksum = checksum_of(value);
  if (::pwrite(descriptor_, &value, sizeof value,
               static_cast<off_t>(next_slot_) * slot_distance)
      != static_cast<ssize_t>(sizeof value))
    return failed("write");
  if (::fdatasync(descriptor_) != 0)
    return failed("sync");
  next_slot_ = (next_slot_ + 1) % slots;
  return done{};
}

} // namespace skerry
