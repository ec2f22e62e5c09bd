#include "agent/journal.hpp"

#include "agent/text_file.hpp"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace skerry {

namespace {

/// Frame: length of the batch, checksum of that length, checksum of the batch
/// (each 4 bytes, little-endian), the batch, and a mark that is not zero: a
/// torn write leaves zeros or nothing at the end, damage leaves the mark.
constexpr std::size_t header_size = 12;
constexpr char end_mark = 0x5A;
constexpr std::string_view magic = "skerryA1";
/// Below this a compaction saves less than its sync costs.
constexpr std::uint64_t min_compaction_bytes = 4 << 20;
/// A batch is what a few messages of the link bring.
constexpr std::uint32_t max_batch_bytes = 256 << 20;

std::uint32_t checksum(std::string_view data) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
}

void put32(std::string& out, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<char>(value >> shift & 0xFF));
}

std::uint32_t get32(std::string_view in) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(in[i]))
             << (8 * i);
  return value;
}

std::string frame(std::vector<v1::AgentRecord> records) {
  v1::AgentJournalBatch batch;
  for (auto& record : records)
    *batch.add_records() = std::move(record);
  const auto body = batch.SerializeAsString();
  std::string out;
  out.reserve(header_size + body.size() + 1);
  put32(out, static_cast<std::uint32_t>(body.size()));
  put32(out, checksum(out));
  put32(out, checksum(body));
  out += body;
  out.push_back(end_mark);
  return out;
}

bool all_zero(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == 0; });
}

struct decoded {
  std::vector<v1::AgentRecord> records;
  std::uint64_t good_bytes = 0;
};

error damaged(const std::filesystem::path& file, std::size_t at) {
  return {error_code::malformed,
          fmt::format("{} is damaged at byte {}: restore it, or stop what runs "
                      "on this machine and start with a new --data",
                      file.string(), at)};
}

result<decoded> decode(const std::filesystem::path& file,
                       std::string_view data) {
  decoded out;
  if (!data.starts_with(magic)) // It was synced before it had this name.
    return damaged(file, 0);
  auto at = magic.size();
  while (at < data.size()) {
    const auto rest = data.substr(at);
    if (rest.size() < header_size || all_zero(rest))
      break;
    const auto size = get32(rest);
    if (get32(rest.substr(4)) != checksum(rest.substr(0, 4)))
      return damaged(file, at);
    if (rest.size() < header_size + size + 1)
      break;
    const auto body = rest.substr(header_size, size);
    v1::AgentJournalBatch batch;
    if (get32(rest.substr(8)) != checksum(body)) {
      if (all_zero(rest.substr(header_size + size)))
        break;
      return damaged(file, at);
    }
    if (rest[header_size + size] != end_mark
        || !batch.ParseFromArray(body.data(), static_cast<int>(body.size())))
      return damaged(file, at);
    for (auto& record : *batch.mutable_records())
      out.records.push_back(std::move(record));
    at += header_size + size + 1;
  }
  out.good_bytes = at;
  return out;
}

std::filesystem::path file_of(const std::filesystem::path& directory) {
  return directory / "journal";
}

result<decoded> load(const std::filesystem::path& directory) {
  const auto file = file_of(directory);
  auto data = read_text(file);
  if (!data)
    return data.failure();
  return decode(file, *data);
}

} // namespace

agent_journal::agent_journal(std::filesystem::path directory, int lock,
                             int file, std::uint64_t size)
    : directory_{std::move(directory)}, lock_{lock}, file_{file}, size_{size},
      compacted_size_{size} {}

agent_journal::~agent_journal() {
  if (file_ >= 0)
    ::close(file_);
  ::close(lock_);
}

result<std::vector<v1::AgentRecord>>
agent_journal::read(const std::filesystem::path& directory) {
  auto loaded = load(directory);
  if (!loaded)
    return loaded.failure();
  return std::move(loaded->records);
}

result<agent_journal::contents>
agent_journal::open(const std::filesystem::path& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  const auto lock_file = directory / "lock";
  const int lock
      = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0)
    return io_error("cannot open", lock_file);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return {error_code::conflict,
            fmt::format("another agent holds {}; give this one another "
                        "--data",
                        directory.string())};
  }
  contents out;
  out.journal.reset(new agent_journal{directory, lock, -1, 0});
  const auto file = file_of(directory);
  const bool known = std::filesystem::exists(file, failed);
  if (!known) {
    // Tasks of before may still run, and would be started a second time.
    if (std::filesystem::exists(directory / "tasks", failed))
      return {error_code::malformed,
              fmt::format("{} is missing, though tasks were run here: restore "
                          "it, or stop them and start with a new --data",
                          file.string())};
    if (auto begun = out.journal->compact({}); !begun)
      return begun.failure();
    return out;
  }
  auto loaded = load(directory);
  if (!loaded)
    return loaded.failure();
  auto found = *std::move(loaded);
  auto& fd = out.journal->file_;
  fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_APPEND);
  struct stat state {};
  if (fd < 0 || ::fstat(fd, &state) != 0)
    return io_error("cannot open", file);
  out.torn_bytes = static_cast<std::uint64_t>(state.st_size) - found.good_bytes;
  if (out.torn_bytes > 0
      && (::ftruncate(fd, static_cast<off_t>(found.good_bytes)) != 0
          || ::fsync(fd) != 0))
    return io_error("cannot shorten", file);
  out.journal->size_ = found.good_bytes;
  out.journal->compacted_size_ = found.good_bytes / 4; // Unknown: soon.
  out.records = std::move(found.records);
  return out;
}

result<> agent_journal::append(std::vector<v1::AgentRecord> records) {
  if (records.empty())
    return done{};
  if (failed_)
    return {error_code::io_failed, "the journal has failed before"};
  const auto data = frame(std::move(records));
  if (data.size() > max_batch_bytes)
    return {error_code::limit_exceeded, "a batch of the journal is too large"};
  if (!write_all(file_, data) || ::fdatasync(file_) != 0) {
    failed_ = true;
    return io_error("cannot write", file_of(directory_));
  }
  size_ += data.size();
  return done{};
}

bool agent_journal::wants_compaction() const {
  return size_ > min_compaction_bytes && size_ > 4 * compacted_size_;
}

result<> agent_journal::compact(std::vector<v1::AgentRecord> records) {
  const auto file = file_of(directory_);
  const auto fresh = directory_ / "journal.new";
  const int fd = ::open(
      fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0)
    return io_error("cannot create", fresh);
  std::string data{magic};
  if (!records.empty())
    data += frame(std::move(records));
  if (!write_all(fd, data) || ::fsync(fd) != 0
      || ::rename(fresh.c_str(), file.c_str()) != 0
      || !sync_directory(directory_)) {
    ::close(fd);
    return io_error("cannot write", fresh);
  }
  if (file_ >= 0)
    ::close(file_);
  file_ = fd;
  size_ = compacted_size_ = data.size();
  return done{};
}

} // namespace skerry
