#include "storage/experience_store.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <system_error>
#include <utility>
#include <vector>

namespace skerry {
namespace {

static_assert(std::endian::native == std::endian::little);

/// Damage within RocksDB's own framing costs one of these.
constexpr std::size_t block_bytes = std::size_t{64} << 10;
constexpr char block_version = 1;
constexpr std::size_t block_head = 1 + sizeof(std::int64_t);
constexpr std::size_t record_head = 2 * sizeof(std::uint32_t);
/// An experience of 16 candidates has at most 1.3 KB.
constexpr std::size_t max_record_bytes = 4096;
constexpr std::uint64_t largest_buffer_bytes = std::uint64_t{32} << 20;
constexpr std::uint64_t least_bytes = std::uint64_t{16} << 20;

std::uint32_t checksum(std::uint64_t number, std::string_view record) {
  // With its number: a record that lies where another should is damage too.
  auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(&number), sizeof number);
  crc = crc32_z(crc, reinterpret_cast<const Bytef*>(record.data()),
                record.size());
  return static_cast<std::uint32_t>(crc);
}

using key_text = std::array<char, sizeof(std::uint64_t)>;

key_text key_of(std::uint64_t number) {
  key_text out;
  for (auto at = out.rbegin(); at != out.rend(); ++at, number >>= 8)
    *at = static_cast<char>(number & 0xff);
  return out;
}

std::uint64_t number_of(const rocksdb::Slice& key) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < key.size(); ++i)
    out = out << 8 | static_cast<unsigned char>(key[i]);
  return out;
}

rocksdb::Slice slice(const key_text& key) {
  return {key.data(), key.size()};
}

template <class T>
void put(std::string& to, T value) {
  std::array<char, sizeof value> bytes{};
  std::memcpy(bytes.data(), &value, sizeof value);
  to.append(bytes.data(), bytes.size());
}

template <class T>
T take(std::string_view& from) {
  T value;
  std::memcpy(&value, from.data(), sizeof value);
  from.remove_prefix(sizeof value);
  return value;
}

rocksdb::Options rocks_options(const experience_store_options& options) {
  rocksdb::Options out;
  out.create_if_missing = true;
  out.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  out.write_buffer_size = std::min(largest_buffer_bytes, options.max_bytes / 8);
  out.max_write_buffer_number = 3;
  out.compression = rocksdb::kNoCompression;
  out.keep_log_file_num = 2;
  // Files are dropped by size and age, and never rewritten. Three buffers are
  // in memory and in the log at most.
  out.compaction_style = rocksdb::kCompactionStyleFIFO;
  out.compaction_options_fifo.max_table_files_size
      = options.max_bytes - 3 * out.write_buffer_size;
  out.ttl = static_cast<std::uint64_t>(options.max_age_seconds);
  out.max_open_files = -1; // As `ttl` wants it; there are some 30.
  // Nothing would ever make them fewer, so there is nothing to wait for.
  out.level0_slowdown_writes_trigger = 1 << 20;
  out.level0_stop_writes_trigger = 1 << 20;
  rocksdb::BlockBasedTableOptions table;
  table.no_block_cache = true; // Read once, at the start.
  out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return out;
}

} // namespace

result<> validate(const experience_store_options& options) {
  if (options.max_bytes < least_bytes)
    return {error_code::invalid_argument,
            fmt::format("experience: a bound of {} bytes is below {}",
                        options.max_bytes, least_bytes)};
  if (options.max_age_seconds < 60)
    return {error_code::invalid_argument,
            "experience: it is to be kept for a minute at least"};
  return done{};
}

struct experience_store::parts {
  experience_store_options options;
  std::unique_ptr<rocksdb::DB> db;
  std::uint64_t next = 0; ///< Number of the next record.
  figures counted;

  error at(const rocksdb::Status& status) const {
    return {
        error_code::io_failed,
        fmt::format("{}: {}", options.directory.string(), status.ToString())};
  }
  result<> has_room() const;
  rocksdb::Status open_database();
  rocksdb::Status find_end();
  template <class Visit>
  std::uint64_t read_block(std::uint64_t number, std::string_view block,
                           std::int64_t not_before_ms, const Visit& visit);
};

experience_store::experience_store(std::unique_ptr<parts> made)
    : parts_{std::move(made)} {}
experience_store::~experience_store() = default;

rocksdb::Status experience_store::parts::open_database() {
  rocksdb::DB* raw = nullptr;
  // The pool is the whole process's: control data shall not wait for a flush
  // of experience.
  rocksdb::Env::Default()->IncBackgroundThreadsIfNeeded(
      2, rocksdb::Env::Priority::HIGH);
  const auto how = rocks_options(options);
  const auto where = options.directory.string();
  auto status = options.read_only
                    ? rocksdb::DB::OpenForReadOnly(how, where, &raw)
                    : rocksdb::DB::Open(how, where, &raw);
  db.reset(raw);
  return status.ok() ? find_end() : status;
}

rocksdb::Status experience_store::parts::find_end() {
  std::unique_ptr<rocksdb::Iterator> last{db->NewIterator({})};
  last->SeekToLast();
  if (last->Valid()) {
    next = number_of(last->key());
    next += read_block(next, last->value().ToStringView(), 0, [](auto...) {});
    counted.damaged = 0; // For who reads.
  }
  if (!last->status().IsCorruption())
    return last->status();
  // What is appended shall not take the numbers of what is there.
  std::vector<rocksdb::LiveFileMetaData> files;
  db->GetLiveFilesMetaData(&files);
  for (const auto& file : files)
    next = std::max(next,
                    number_of(file.largestkey) + block_bytes / record_head);
  return {};
}

result<std::unique_ptr<experience_store>>
experience_store::open(const experience_store_options& options) {
  if (auto checked = validate(options); !checked)
    return checked.failure();
  auto made = std::make_unique<parts>();
  made->options = options;
  std::error_code fault;
  const bool is_ours = std::filesystem::exists(options.directory / "CURRENT");
  // Opening alone writes some megabytes, and a RocksDB on a full disk may end
  // the whole process.
  if (const auto room = made->has_room(); !room && !options.read_only) {
    if (!is_ours)
      return room.failure();
    made->options.read_only = true;
  }
  if (options.read_only && !is_ours)
    return {error_code::not_found, fmt::format("{}: no experience is there",
                                               options.directory.string())};
  std::filesystem::create_directories(options.directory, fault);
  if (fault)
    return {error_code::io_failed,
            fmt::format("{}: cannot be created: {}", options.directory.string(),
                        fault.message())};
  if (!is_ours && !std::filesystem::is_empty(options.directory, fault))
    return {error_code::malformed,
            fmt::format("{}: is not empty and holds no experience; give "
                        "another directory",
                        options.directory.string())};
  auto status = made->open_database();
  if (status.IsIOError() && status.ToString().find("lock") != std::string::npos)
    return {error_code::conflict, fmt::format("{}: another process has it open",
                                              options.directory.string())};
  const bool only_reads = made->options.read_only;
  if (only_reads && status.IsCorruption())
    return {error_code::malformed, made->at(status).message};
  if (!only_reads && (status.IsCorruption() || status.IsInvalidArgument())) {
    made->db.reset();
    std::filesystem::remove_all(options.directory, fault);
    made->next = 0;
    made->counted.begun_anew = true;
    status = made->open_database();
  }
  if (!status.ok())
    return made->at(status);
  return std::unique_ptr<experience_store>{
      new experience_store{std::move(made)}};
}

// -- writing ------------------------------------------------------------------

result<> experience_store::parts::has_room() const {
  std::error_code fault;
  auto where = options.directory; // Or the nearest above it that is there.
  while (!std::filesystem::exists(where, fault) && where.has_relative_path())
    where = where.parent_path();
  const auto space = std::filesystem::space(
      where.empty() ? std::filesystem::path{"."} : where, fault);
  if (!fault && space.available >= options.min_free_bytes)
    return done{};
  return {error_code::limit_exceeded,
          fmt::format("{}: the disk is nearly full, so no experience is kept",
                      options.directory.string())};
}

result<> experience_store::append(std::span<const std::string> records,
                                  std::int64_t now_ms) {
  auto& my = *parts_;
  if (auto room = my.has_room(); !room) {
    my.counted.dropped += records.size();
    return room;
  }
  rocksdb::WriteBatch batch;
  std::string block;
  auto number = my.next;
  auto first = number;
  const auto finish = [&] {
    if (!block.empty())
      (void)batch.Put(slice(key_of(first)), block); // Its size has no limit.
    block.clear();
    first = number;
  };
  block.reserve(block_bytes + max_record_bytes);
  for (const auto& record : records) {
    if (record.size() > max_record_bytes)
      return {error_code::invalid_argument,
              fmt::format("experience: a record of {} bytes", record.size())};
    if (block.empty()) {
      block.push_back(block_version);
      put(block, now_ms);
    }
    put(block, static_cast<std::uint32_t>(record.size()));
    put(block, checksum(number, record));
    block += record;
    ++number;
    if (block.size() >= block_bytes)
      finish();
  }
  finish();
  rocksdb::WriteOptions how;
  how.sync = true;
  if (const auto status = my.db->Write(how, &batch); !status.ok()) {
    my.counted.dropped += records.size();
    return my.at(status);
  }
  my.next = number;
  my.counted.appended += records.size();
  return done{};
}

// -- reading ------------------------------------------------------------------

/// @returns Records there, damaged ones too.
template <class Visit>
std::uint64_t experience_store::parts::read_block(std::uint64_t number,
                                                  std::string_view block,
                                                  std::int64_t not_before_ms,
                                                  const Visit& visit) {
  if (block.size() < block_head || block[0] != block_version) {
    ++counted.damaged;
    return 0;
  }
  block.remove_prefix(1);
  const bool wanted = take<std::int64_t>(block) >= not_before_ms;
  std::uint64_t records = 0;
  while (!block.empty()) {
    if (block.size() < record_head) {
      ++counted.damaged;
      break;
    }
    const auto length = take<std::uint32_t>(block);
    const auto expected = take<std::uint32_t>(block);
    if (length > block.size() || length > max_record_bytes) {
      ++counted.damaged; // And with it whatever stands behind.
      break;
    }
    const auto record = block.substr(0, length);
    block.remove_prefix(length);
    if (wanted && checksum(number + records, record) != expected)
      ++counted.damaged;
    else if (wanted)
      visit(number + records, record);
    ++records;
  }
  return records;
}

result<> experience_store::for_last(std::uint64_t at_most, std::int64_t now_ms,
                                    const visitor& visit) {
  auto& my = *parts_;
  const auto not_before = now_ms - my.options.max_age_seconds * 1000;
  const auto first = my.next - std::min(my.next, at_most);
  rocksdb::ReadOptions how;
  how.readahead_size = std::size_t{4} << 20;
  how.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> at{my.db->NewIterator(how)};
  at->SeekForPrev(slice(key_of(first)));
  if (!at->Valid())
    at->SeekToFirst(); // The files before it are gone.
  std::uint64_t expected = first;
  std::uint64_t skip = 1;
  while (expected < my.next) {
    if (at->Valid()) {
      const auto number = number_of(at->key());
      const auto read
          = my.read_block(number, at->value().ToStringView(), not_before,
                          [&](std::uint64_t each, std::string_view record) {
                            if (each >= first)
                              visit(record);
                          });
      expected = std::max(expected + 1, number + read);
      skip = 1;
      at->Next();
      continue;
    }
    if (at->status().ok())
      break;
    if (!at->status().IsCorruption())
      return my.at(at->status());
    // A damaged part of a file: on with what lies behind it.
    ++my.counted.damaged;
    expected += skip;
    skip *= 2;
    at->Seek(slice(key_of(expected)));
  }
  return done{};
}

std::uint64_t experience_store::next() const {
  return parts_->next;
}

experience_store::figures experience_store::measured() const {
  auto out = parts_->counted;
  std::uint64_t files = 0;
  std::uint64_t memory = 0;
  parts_->db->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize,
                             &files);
  parts_->db->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables,
                             &memory);
  out.bytes = files + memory;
  return out;
}

} // namespace skerry
