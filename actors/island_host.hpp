#pragma once

#include "actors/outbox.hpp"
#include "evolution/island.hpp"
#include "evolution/topology.hpp"
#include "messages/skerry/v1/evolution.pb.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skerry {

/// Migrants of one batch: as many as a migration policy sends at most.
inline constexpr int max_batch_migrants = 64;
/// Of one server. More than its cores bring nothing.
inline constexpr std::uint32_t max_islands_per_server = 64;

struct island_host_options {
  std::string server;
  std::uint32_t number = 0; ///< Of the server's islands.
  island_options island = {};
  topology exchange = {};
  std::uint64_t seed = 1; ///< That of the island follows with its name.
  /// Batches that one neighbour has not answered; no more are sent to it. A
  /// batch is rare, so that more would only pile up where nobody reads them.
  std::size_t window = 4;
  /// Then a batch is lost, and its credit back.
  std::int64_t answer_milliseconds = 5'000;
  /// Between two batches: what comes in between goes along. A batch costs some
  /// 0.6 ms of CPU on its way, over both servers, a migrant in it little.
  std::int64_t batch_milliseconds = 100;
  std::size_t max_log = 256; ///< Migrations that are remembered.
  /// Once it is true, costs are of no use.
  std::shared_ptr<const std::atomic<bool>> stop = {};
  /// What the island's thread has used, to tell what migration costs. None: it
  /// is not told.
  std::function<double()> cpu_seconds = {};
};

/// What an island optimises at present.
struct island_goal {
  std::shared_ptr<const problem> of;
  std::string text; ///< For people.
  /// Of the problem: whether costs of before still count.
  std::uint64_t fingerprint = 0;
  /// Of the space's starting points, in their order.
  std::vector<std::string> starts;
};

/// An ISLAND: one island of a server, and its traffic with all others.
///
///     step:  one evaluation; after the last of a generation
///              migrants due? -> a batch to each neighbour that has credit
///     take:  batch -> checked, into the island's inbox -> reply
///            reply -> credit
///
/// Nothing waits for a neighbour: who does not answer gets no batches until its
/// credit runs out of time, who is not reachable is no neighbour, and who comes
/// back is one again. What comes from the wire is data of a stranger.
///
/// No CAF type in here, no thread, disk or clock. What happens follows from
/// options, goals and migrants, and from the generations in which those came.
class island_host {
public:
  /// @pre `validate(options.island)`, and the goal's space is valid.
  island_host(island_host_options options, island_goal goal);

  /// Goes on where `checkpoint_bytes` were taken.
  /// @param origin For the errors.
  /// @returns `malformed` or `conflict` as `open_sealed`; nothing has changed
  ///          then.
  result<> resume(std::string_view checkpoint, std::string_view origin);
  /// Of the end of the last generation; another one only then.
  std::string checkpoint_bytes() const;
  void checkpointed(instant now) { checkpointed_at_ = now.unix_milliseconds; }

  /// Another goal from the next evaluation on: the population stays, the
  /// champions are judged anew.
  /// @pre Its space has the dimension of the one before.
  void set_goal(island_goal goal);
  /// Reachable servers, this one too, and how many islands each has.
  void set_islands(const std::map<std::string, std::uint32_t>& by_server);

  /// One evaluation.
  /// @returns Whether a generation has ended.
  bool step(instant now, outbox& out);
  void take(const mesh::v1::Envelope& envelope, instant now, outbox& out);
  void tick(instant, outbox&) {}

  /// Something bad that goes on; empty: nothing.
  void set_trouble(std::string what) { trouble_ = std::move(what); }
  const std::string& trouble() const { return trouble_; }

  v1::IslandStatus status() const;
  /// Its best, without weights: not all is a policy.
  /// @returns Empty genes before the first validation.
  candidate best() const;
  const island_goal& goal() const { return goal_; }
  const island& state() const { return *island_; }
  const island_host_options& options() const { return options_; }

private:
  using place = std::pair<std::string, std::uint32_t>; ///< Server, island.

  /// How it stands with a neighbour.
  struct link {
    std::map<std::uint64_t, std::int64_t> unanswered; ///< Number, when sent.
  };

  std::string search() const;
  std::string schema() const;
  void judge_anew(island_state state);
  void note_starts();
  void send(instant now, outbox& out);
  void take(const mesh::v1::MigrantBatch& batch, const std::string& from,
            instant now, outbox& out);
  void log(const v1::Migrant& what, const mesh::v1::MigrantBatch& batch,
           const std::string& from, const error* refusal, instant now);
  template <class Work>
  void as_migration(Work&& work);

  island_host_options options_;
  island_goal goal_;
  std::unique_ptr<island> island_;
  island_state last_; ///< After the last whole generation.
  std::vector<double> costs_;
  /// The starting points are judged in this generation.
  bool judges_starts_ = true;
  std::string start_; ///< The best of them, once they are judged.
  double start_cost_ = 0;
  std::map<place, link> neighbours_;
  std::deque<v1::Migrant> outgoing_; ///< Of the next batch, the oldest first.
  std::int64_t next_batch_at_ = 0;
  std::uint64_t next_number_ = 1;
  std::deque<v1::Migration> log_; ///< The newest first.
  std::uint64_t damaged_ = 0;     ///< Migrants refused before the island.
  std::uint64_t skipped_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t resumed_ = 0;
  double migration_cpu_seconds_ = 0;
  std::int64_t checkpointed_at_ = 0;
  std::string trouble_;
};

} // namespace skerry
