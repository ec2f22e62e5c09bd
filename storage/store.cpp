#include "storage/store.hpp"

#include "storage/anchor.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <mutex>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>
#include <system_error>
#include <utility>

namespace skerry {

namespace {

/// Below all keys of records, which begin with a letter.
constexpr std::string_view mark_key = "!mark";
constexpr std::string_view kind_key = "!kind";
constexpr std::size_t write_buffer_bytes = std::size_t{32} << 20;
constexpr std::uint64_t max_log_bytes = std::uint64_t{128} << 20;
constexpr std::int64_t look_again_milliseconds = 100;

std::string write_mark(const anchor_mark& mark) {
  return fmt::format("{} {}", mark.epoch, mark.sequence);
}

result<anchor_mark> read_mark(const std::string& text) {
  anchor_mark mark;
  const auto* end = text.data() + text.size();
  auto [space, fault] = std::from_chars(text.data(), end, mark.epoch);
  if (fault != std::errc{} || space == end
      || std::from_chars(space + 1, end, mark.sequence).ec != std::errc{})
    return error{error_code::malformed, "its mark cannot be read"};
  return mark;
}

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

rocksdb::Options rocks_options(const store_options& options) {
  rocksdb::Options out;
  out.create_if_missing = true;
  out.paranoid_checks = true;
  out.wal_recovery_mode
      = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  out.write_buffer_size = write_buffer_bytes;
  out.max_total_wal_size = max_log_bytes;
  out.compression = rocksdb::kNoCompression;
  out.keep_log_file_num = 2;
  out.max_open_files = 256;
  out.manual_wal_flush = false;
  if (!options.durable)
    out.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  return out;
}

} // namespace

struct store::parts {
  store_options options;
  std::unique_ptr<rocksdb::DB> db;
  std::optional<anchor_file> anchor;
  anchor_mark mark;
  std::mutex room_mutex;
  std::int64_t looked_at_milliseconds = -1'000;
  std::uint64_t available = 0;
  std::optional<error> failed;

  error at(error_code code, std::string_view why) const {
    return {code, fmt::format("{}: {}", options.directory.string(), why)};
  }
  error at(const rocksdb::Status& status) const {
    if (status.IsCorruption())
      return at(error_code::malformed,
                fmt::format("the state is damaged ({}); restore it from a "
                            "backup, or lose what it held with "
                            "--accept-data-loss",
                            status.ToString()));
    return at(error_code::io_failed, status.ToString());
  }

  result<> check_start(bool is_new);
  result<> commit(rocksdb::WriteBatch& batch);
};

store::store(std::unique_ptr<parts> made) : parts_{std::move(made)} {}
store::~store() = default;

result<std::unique_ptr<store>> store::open(const store_options& options) {
  auto made = std::make_unique<parts>();
  made->options = options;
  std::error_code fault;
  std::filesystem::create_directories(options.directory, fault);
  if (fault)
    return made->at(error_code::io_failed,
                    "cannot be created: " + fault.message());
  const auto state = options.directory / "state";
  const auto anchor = options.directory / "anchor";
  const bool had_state = std::filesystem::exists(state / "CURRENT");
  const bool had_anchor = std::filesystem::exists(anchor);
  bool strange = false;
  for (const auto& entry :
       std::filesystem::directory_iterator{options.directory, fault})
    strange |= entry.path() != state && entry.path() != anchor;
  if (fault)
    return made->at(error_code::io_failed, fault.message());
  if (strange && !had_state && !had_anchor)
    return made->at(error_code::malformed,
                    "is not empty and holds no state of ours; give another "
                    "directory");
  const bool lost = options.durable && had_anchor != had_state;
  if (lost && !options.accept_data_loss)
    return made->at(error_code::malformed,
                    fmt::format("{} is missing but {} is there: acknowledged "
                                "state is lost; restore it from a backup, or "
                                "go on without it by --accept-data-loss",
                                had_anchor ? "the state" : "the anchor",
                                had_anchor ? "the anchor" : "the state"));
  rocksdb::DB* raw = nullptr;
  const auto status
      = rocksdb::DB::Open(rocks_options(options), state.string(), &raw);
  if (!status.ok()) {
    if (status.IsIOError()
        && status.ToString().find("lock") != std::string::npos)
      return made->at(error_code::conflict,
                      "another process has it open; stop that, or give "
                      "another directory");
    return made->at(status);
  }
  made->db.reset(raw);
  if (options.durable) {
    auto opened = anchor_file::open(anchor);
    if (!opened)
      return made->at(opened.failure().code, opened.failure().message);
    made->anchor.emplace(std::move(*opened));
  }
  if (auto checked = made->check_start(!had_state); !checked)
    return checked.failure();
  return std::unique_ptr<store>{new store{std::move(made)}};
}

result<> store::parts::check_start(bool is_new) {
  std::string text;
  auto status = db->Get({}, slice(kind_key), &text);
  if (!status.ok() && !status.IsNotFound())
    return at(status);
  if (status.IsNotFound() && !is_new && !options.accept_data_loss)
    return at(error_code::malformed,
              "the state does not say what it is; it is damaged or foreign");
  if (status.ok() && text != options.kind)
    return at(
        error_code::malformed,
        fmt::format("holds state of kind {}, not {}", text, options.kind));
  status = db->Get({}, slice(mark_key), &text);
  if (status.ok()) {
    auto read = read_mark(text);
    if (!read)
      return at(read.failure().code, read.failure().message);
    mark = *read;
  } else if (!status.IsNotFound()) {
    return at(status);
  }
  std::uint64_t least_epoch = 0;
  status = db->Get({}, slice(least_epoch_key), &text);
  if (status.ok()) {
    const auto* end = text.data() + text.size();
    if (std::from_chars(text.data(), end, least_epoch).ptr != end)
      return at(error_code::malformed, "its least epoch cannot be read");
  } else if (!status.IsNotFound()) {
    return at(status);
  }
  anchor_mark reached;
  if (anchor) {
    auto read = anchor->read();
    if (!read && !options.accept_data_loss)
      return at(read.failure().code, read.failure().message);
    if (read && *read)
      reached = **read;
    else if (!is_new && !options.accept_data_loss)
      return at(error_code::malformed,
                "the anchor is empty: acknowledged state may be lost; "
                "--accept-data-loss goes on");
  }
  if (reached.sequence > mark.sequence && !options.accept_data_loss)
    return at(error_code::malformed,
              fmt::format("the state ends at commit {} but {} were "
                          "acknowledged; restore it from a backup, or lose the "
                          "rest with --accept-data-loss",
                          mark.sequence, reached.sequence));
  mark.epoch = std::max({mark.epoch, reached.epoch, least_epoch}) + 1;
  mark.sequence = std::max(mark.sequence, reached.sequence);
  rocksdb::WriteBatch batch;
  batch.Put(slice(kind_key), options.kind);
  return commit(batch);
}

result<> store::parts::commit(rocksdb::WriteBatch& batch) {
  if (failed)
    return *failed;
  const anchor_mark next{mark.epoch, mark.sequence + 1};
  batch.Put(slice(mark_key), write_mark(next));
  rocksdb::WriteOptions how;
  how.sync = options.durable;
  const auto status = db->Write(how, &batch);
  if (!status.ok()) {
    failed = at(status);
    return *failed;
  }
  // After the log: a mark that is ahead of it would refuse a good state.
  if (anchor)
    if (auto written = anchor->write(next); !written) {
      failed = at(written.failure().code, written.failure().message);
      return *failed;
    }
  mark = next;
  return done{};
}

result<> store::room() const {
  using namespace std::chrono;
  const auto now
      = duration_cast<milliseconds>(steady_clock::now().time_since_epoch())
            .count();
  const std::lock_guard lock{parts_->room_mutex};
  if (now - parts_->looked_at_milliseconds >= look_again_milliseconds) {
    std::error_code fault;
    const auto space = std::filesystem::space(parts_->options.directory, fault);
    parts_->available = fault ? 0 : space.available;
    parts_->looked_at_milliseconds = now;
  }
  if (parts_->available >= parts_->options.min_free_bytes)
    return done{};
  return parts_->at(
      error_code::limit_exceeded,
      fmt::format("only {} MiB are free on the server's disk and {} are kept "
                  "back; free some space, and it goes on by itself",
                  parts_->available >> 20,
                  parts_->options.min_free_bytes >> 20));
}

result<> store::commit(std::span<const store_write> writes) {
  rocksdb::WriteBatch batch;
  for (const auto& write : writes) {
    const auto status = write.value
                            ? batch.Put(slice(write.key), slice(*write.value))
                            : batch.Delete(slice(write.key));
    if (!status.ok())
      return parts_->at(status);
  }
  return parts_->commit(batch);
}

result<std::optional<std::string>> store::get(std::string_view key) const {
  std::string value;
  const auto status = parts_->db->Get({}, slice(key), &value);
  if (status.IsNotFound())
    return std::optional<std::string>{};
  if (!status.ok())
    return parts_->at(status);
  return std::optional{std::move(value)};
}

result<> store::for_each(std::string_view prefix, const visitor& visit) const {
  std::unique_ptr<rocksdb::Iterator> at{parts_->db->NewIterator({})};
  for (at->Seek(slice(prefix)); at->Valid(); at->Next()) {
    const auto key = at->key().ToStringView();
    if (!key.starts_with(prefix))
      break;
    if (key.starts_with('!'))
      continue; // The store's own.
    if (auto visited = visit(key, at->value().ToStringView()); !visited)
      return visited;
  }
  if (!at->status().ok())
    return parts_->at(at->status());
  return done{};
}

std::uint64_t store::sequence() const {
  return parts_->mark.sequence;
}
std::uint64_t store::epoch() const {
  return parts_->mark.epoch;
}

} // namespace skerry
