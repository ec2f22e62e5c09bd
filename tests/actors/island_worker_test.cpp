#include "actors/idle_thread.hpp"
#include "actors/island_worker.hpp"
#include "messages/policy_file.hpp"
#include "tests/fresh_directory.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;
using skerry::testing::fresh_directory;

TEST_SUITE_BEGIN("actors/island_worker");

namespace {

struct workshop {
  fresh_directory directory;
  std::shared_ptr<island_board> board = std::make_shared<island_board>();
  std::shared_ptr<std::atomic<bool>> stop
      = std::make_shared<std::atomic<bool>>(false);
  std::vector<std::string> lines;
  int looks = 0;
  std::filesystem::path checkpoint
      = directory.path() / "islands" / "0.checkpoint";

  island_worker_options options() {
    placement_picture picture;
    for (int n = 0; n < 4; ++n)
      picture.nodes.push_back({fmt::format("n{}", n), {10_cores, 64_GiB}});
    picture.tasks
        = {{.demand = {3_cores, 1_GiB}}, {.demand = {4_cores, 1_GiB}}};
    return {.server = "a",
            .version = "1",
            .number = 0,
            .islands = {.count = 1,
                        .cpu_share = 0.5,
                        .scenarios = 1,
                        .base = {picture},
                        .refresh_milliseconds = 1'000},
            .checkpoint = checkpoint,
            .board = board,
            .stop = stop,
            .look_at_cell = [this] { ++looks; },
            .log = [this](const std::string& line) { lines.push_back(line); }};
  }

  /// On a thread of its own, as it lowers its priority.
  static void on_thread(const std::function<void()>& work) {
    std::jthread{work}.join();
  }

  v1::IslandStatus status() const { return board->all().at(0); }

  /// Slices until a generation is reached, a second apart.
  void work(island_worker& worker, std::uint64_t generation) {
    std::int64_t now = 0;
    do {
      outbox out;
      (void)worker.work({now, now}, out);
      now += 1'000;
    } while (status().generation() < generation);
    worker.finish({now, now});
  }
};

} // namespace

TEST_CASE_FIXTURE(workshop, "a worker keeps to its budget and says how it is") {
  on_thread([this] {
    island_worker worker{options()};
    outbox out;
    (void)worker.work({0, 0}, out); // With the beginning.
    for (int slice = 0; slice < 5; ++slice) {
      const auto before = own_cpu_seconds();
      const auto pause = worker.work({0, 0}, out);
      const auto used = own_cpu_seconds() - before;
      CHECK(used >= 0.005);
      CHECK(used < 0.5);
      // Half a core: as long as it has worked, less what others took from it.
      CHECK(static_cast<double>(pause) <= used * 1000 + 2);
    }
    work(worker, status().generation() + 60); // Some seconds.
  });
  const auto at = status();
  CHECK(at.server() == "a");
  CHECK(at.optimiser() == "cma-es");
  CHECK(at.objective() == "traces");
  CHECK(at.cpu_seconds() > 0);
  REQUIRE(at.has_start_cost());
  CHECK((at.start() == "fgd" || at.start() == "first-fit"));
  CHECK(at.best() <= at.start_cost());
  CHECK(weights_from(at.policy()));
  CHECK(at.policy().provenance().cost() == at.best());
  CHECK(at.policy().provenance().heuristic() == at.start());
  CHECK(looks > 0);
}

TEST_CASE_FIXTURE(workshop, "a worker goes on where the last one ended") {
  on_thread([this] {
    island_worker worker{options()};
    work(worker, 5);
  });
  const auto before = status();
  CHECK(before.generation() >= 5);
  on_thread([this] {
    island_worker worker{options()};
    outbox out;
    (void)worker.work({0, 0}, out);
  });
  CHECK(status().resumed_generation() == before.generation());
  CHECK(status().start_cost() == before.start_cost());
  CHECK(status().trouble().empty());
}

TEST_CASE_FIXTURE(workshop, "a damaged checkpoint is set aside, loudly") {
  on_thread([this] {
    island_worker worker{options()};
    work(worker, 3);
  });
  auto bytes = skerry::testing::read_bytes(checkpoint);
  bytes[bytes.size() / 2] ^= 8;
  (void)directory.write("islands/0.checkpoint", bytes);
  on_thread([this] {
    island_worker worker{options()};
    outbox out;
    (void)worker.work({0, 0}, out);
    CHECK_FALSE(std::filesystem::exists(checkpoint));
    work(worker, 1);
  });
  CHECK(status().resumed_generation() == 0);
  CHECK(status().generation() >= 1);
  CHECK(status().trouble().find("damaged") != std::string::npos);
  CHECK(status().trouble().find("set aside") != std::string::npos);
  const auto told = std::ranges::any_of(lines, [](const auto& line) {
    return line.find("damaged") != std::string::npos;
  });
  CHECK(told);
  CHECK(skerry::testing::read_bytes(checkpoint.string() + ".aside") == bytes);
  CHECK(std::filesystem::exists(checkpoint)); // Of the new one.
}

TEST_CASE_FIXTURE(workshop, "a worker trains on its cell once there is one") {
  on_thread([this] {
    island_worker worker{options()};
    outbox out;
    (void)worker.work({0, 0}, out);
    worker.set_cell({}); // Nobody has attached yet.
    placement_picture cell;
    cell.nodes = {{"real", {16_cores, 64_GiB}}};
    cell.tasks = {{.demand = {99_cores, 1_GiB}}};
    worker.set_cell(cell); // The base still has tasks that fit.
    cell.tasks = {{.demand = {5_cores, 1_GiB}}};
    worker.set_cell(cell);
    work(worker, status().generation() + 2);
  });
  CHECK(status().objective() == "its cell (1 nodes, 1 tasks), traces");
  CHECK(status().has_best());
}

TEST_CASE_FIXTURE(workshop, "a worker that is stopped only ends") {
  on_thread([this] {
    island_worker worker{options()};
    work(worker, 1);
    *stop = true;
    outbox out;
    const auto before = own_cpu_seconds();
    CHECK(worker.work({0, 0}, out) > 0);
    CHECK(own_cpu_seconds() - before < 0.005);
  });
}

TEST_CASE("options that make no sense are refused") {
  CHECK(validate(server_islands_options{}));
  CHECK_FALSE(validate(server_islands_options{.count = 65}));
  CHECK_FALSE(validate(server_islands_options{.cpu_share = 0}));
  CHECK_FALSE(validate(server_islands_options{.cpu_share = 1.5}));
  CHECK_FALSE(validate(server_islands_options{.checkpoint_milliseconds = 0}));
}

TEST_SUITE_END();
