#pragma once

#include "messages/skerry/v1/agent_journal.pb.h"
#include "scheduling/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace skerry {

/// The agent's memory: an append-only file of framed batches. One process at a
/// time holds it.
///
/// A batch that a power cut has torn (the file ends inside it, or in zeros) is
/// dropped: nothing it says was ever acted on. Any other damage is refused.
class agent_journal {
public:
  struct contents {
    std::unique_ptr<agent_journal> journal;
    std::vector<v1::AgentRecord> records;
    std::uint64_t torn_bytes = 0; ///< That were dropped from the end.
  };
  /// Opens `directory`/journal, or begins one.
  /// @returns `conflict` when another process holds it, `malformed` with the
  ///          offset of the damage, `io_failed`.
  static result<contents> open(const std::filesystem::path& directory);

  /// The records in `directory`, without taking hold of it: for people.
  static result<std::vector<v1::AgentRecord>>
  read(const std::filesystem::path& directory);

  agent_journal(const agent_journal&) = delete;
  agent_journal& operator=(const agent_journal&) = delete;
  ~agent_journal();

  /// On disk when it returns. After a failure the journal takes no more: what
  /// the disk holds is unknown then.
  /// @cost One write and one fdatasync.
  result<> append(std::vector<v1::AgentRecord> records);

  /// Whether so much has been appended that `compact` pays.
  bool wants_compaction() const;
  /// Replaces all that was appended by `records`: a new file, synced, renamed.
  result<> compact(std::vector<v1::AgentRecord> records);

private:
  agent_journal(std::filesystem::path directory, int lock, int file,
                std::uint64_t size);

  std::filesystem::path directory_;
  int lock_ = -1;
  int file_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t compacted_size_ = 0;
  bool failed_ = false;
};

} // namespace skerry
