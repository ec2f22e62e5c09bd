#include "messages/convert.hpp"
#include "tests/actors/roles_fixture.hpp"

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("actors/allocator_resizing");

namespace {

constexpr std::int64_t gibi = std::int64_t{1} << 30;
constexpr std::int64_t mebi = std::int64_t{1} << 20;

/// Of 1 core and 1 GiB, from 0.5 and 128 MiB to 8 and 8 GiB.
v1::Job elastic(v1::ResizeMode mode, const std::string& id = "j",
                std::uint32_t tasks = 1) {
  auto job = job_of(id, tasks);
  auto& profile = *job.mutable_groups(0)->mutable_profile();
  profile.mutable_minimum()->set_cpu_millicores(500);
  profile.mutable_minimum()->set_memory_bytes(128 * mebi);
  profile.mutable_maximum()->set_cpu_millicores(8'000);
  profile.mutable_maximum()->set_memory_bytes(8 * gibi);
  profile.set_resize(mode);
  return job;
}

/// Sizes follow the last second, from the second one on.
struct resizing_fixture : cell_fixture {
  static constexpr std::int64_t second = 1'000;

  resizing_fixture() { begin(v1::RESIZE_AUTO); }

  void begin(v1::ResizeMode mode) {
    allocator_options options{.server = "s", .epoch = 1};
    auto& how = options.resizing;
    how.mode = mode;
    how.interval_milliseconds = second;
    how.rules.cpu = {.method = resize_method::window_max,
                     .parameters = {1, 0, 2}, // Window, dead band, boost.
                     .stretch = 5};
    how.rules.warm_up = 2;
    how.rules.memory_window = 2;
    cell = std::move(*allocator::make(std::move(options)));
    next_batch = 1;
    hello();
  }

  void run(const v1::Job& job) {
    (void)award(job);
    for (std::uint32_t i = 0; i < job.groups(0).count(); ++i)
      start(job.id() + ".task." + std::to_string(i));
  }

  void used(std::int64_t cpu, std::int64_t memory,
            const std::string& task = "j.task.0", std::int32_t throttled = 0) {
    auto report_of = on(task);
    auto& usage = *report_of.mutable_usage();
    usage.set_interval_milliseconds(second);
    usage.set_cpu_millicores(cpu);
    usage.set_memory_bytes(memory);
    usage.set_throttled_periods_milli(throttled);
    report(report_of);
  }

  /// It uses that for a second, and the cell looks at it.
  void pass(std::int64_t cpu, std::int64_t memory, std::int32_t throttled = 0) {
    used(cpu, memory, "j.task.0", throttled);
    tick(second);
  }

  void agent_does(const v1::ResizeOrder& order) {
    auto report_of = on(order.task());
    *report_of.mutable_resized() = order.demand();
    report(report_of);
  }

  void agent_refuses(const std::string& task) {
    auto report_of = on(task);
    report_of.mutable_refused()->set_code(
        static_cast<int>(error_code::conflict));
    report_of.mutable_refused()->set_message("it uses more");
    report_of.mutable_refused()->set_was_resize(true);
    report(report_of);
  }

  v1::TaskSize size(const std::string& task = "j.task.0") {
    mesh::v1::Question question;
    question.mutable_resizes()->set_task(task);
    const auto answer = cell->answer(question, {now, now}, out);
    REQUIRE(answer.resizes().tasks_size() == 1);
    return answer.resizes().tasks(0);
  }

  v1::ListResizesReply list(std::uint32_t limit = 0,
                            const std::string& after = "") {
    mesh::v1::Question question;
    question.mutable_resizes()->set_limit(limit);
    question.mutable_resizes()->set_after(after);
    return cell->answer(question, {now, now}, out).resizes();
  }

  std::uint64_t resizes() const {
    v1::ServerStatus status;
    cell->describe(status);
    return status.resizes();
  }
};

} // namespace

TEST_CASE_FIXTURE(resizing_fixture, "a task that wants more gets it") {
  run(elastic(v1::RESIZE_AUTO));
  pass(960, 600 * mebi, 400);
  REQUIRE(orders().resizes_size() == 1);
  const auto order = orders().resizes(0);
  CHECK(order.demand().cpu_millicores() == 2'080); // 2 x 13 %, rounded up.
  CHECK(order.demand().memory_bytes() == gibi);
  CHECK(free_cpu() == 4'000 - 2'080); // Taken before the order.
  CHECK(out.writes.size() == 1);
  CHECK(resizes() == 0);
  agent_does(order);
  CHECK(resizes() == 1);
  const auto told = size();
  CHECK(told.has().cpu_millicores() == 2'080);
  CHECK(told.resizes() == 1);
  CHECK(told.resized_unix_milliseconds() == now);
  CHECK(told.resized_reason()
        == "0.96 cores used, throttled 40 % of its time; 600 MiB at most, "
           "but it has not been watched for long");
  CHECK(told.waits_for().empty());
}

TEST_CASE_FIXTURE(resizing_fixture, "what it does not need goes to others") {
  run(elastic(v1::RESIZE_AUTO));
  pass(100, 100 * mebi);
  CHECK(orders().resizes().empty()); // Warms up.
  pass(100, 100 * mebi);
  REQUIRE(orders().resizes_size() == 1);
  const auto order = orders().resizes(0);
  CHECK(order.demand().cpu_millicores() == 500);
  CHECK(order.demand().memory_bytes() == 128 * mebi);
  CHECK(free_cpu() == 3'000); // The agent may not have done it yet.
  agent_does(order);
  CHECK(free_cpu() == 3'500);
  CHECK(award(job_of("k", 3)).results(2).placed());
}

TEST_CASE_FIXTURE(resizing_fixture, "one order is open at a time") {
  run(elastic(v1::RESIZE_AUTO));
  pass(960, 600 * mebi, 400);
  REQUIRE(orders().resizes_size() == 1);
  pass(960, 600 * mebi, 400);
  CHECK(orders().resizes().empty());
}

TEST_CASE_FIXTURE(resizing_fixture, "a recommendation changes nothing") {
  run(elastic(v1::RESIZE_RECOMMEND));
  pass(960, 600 * mebi, 400);
  CHECK(orders().resizes().empty());
  CHECK(free_cpu() == 3'000);
  const auto told = size();
  CHECK(told.mode() == v1::RESIZE_RECOMMEND);
  CHECK(told.recommended().cpu_millicores() == 2'080);
  CHECK(told.has().cpu_millicores() == 1'000);
  CHECK(told.usage().cpu_millicores() == 960);
  CHECK(told.policy() == "window-max");
}

TEST_CASE_FIXTURE(resizing_fixture,
                  "a server may only recommend, or not look") {
  begin(v1::RESIZE_RECOMMEND);
  run(elastic(v1::RESIZE_AUTO));
  pass(960, 600 * mebi, 400);
  CHECK(orders().resizes().empty());
  CHECK(size().mode() == v1::RESIZE_RECOMMEND);
  begin(v1::RESIZE_OFF);
  run(elastic(v1::RESIZE_AUTO));
  pass(960, 600 * mebi, 400);
  CHECK(list().tasks().empty());
  CHECK(size().mode() == v1::RESIZE_OFF);
  CHECK(size().usage().cpu_millicores() == 960); // Told all the same.
}

TEST_CASE_FIXTURE(resizing_fixture,
                  "fixed sizes and those who say no are left") {
  run(job_of("j"));
  run(elastic(v1::RESIZE_OFF, "k"));
  used(960, gibi);
  used(960, gibi, "k.task.0");
  tick(second);
  CHECK(orders().resizes().empty());
  CHECK(list().tasks().empty());
}

TEST_CASE_FIXTURE(resizing_fixture, "it gets what its node has, and waits") {
  run(elastic(v1::RESIZE_AUTO));
  run(job_of("k", 2)); // One core is left.
  pass(990, 900 * mebi, 900);
  REQUIRE(orders().resizes_size() == 1);
  CHECK(orders().resizes(0).demand().cpu_millicores() == 2'000);
  CHECK(size().waits_for() == "its node lacks 0.08 cores for it");
  agent_does(orders().resizes(0));
  CHECK(free_cpu() == 0);
  pass(1'990, 900 * mebi, 900);
  CHECK(orders().resizes().empty());
  CHECK(size().waits_for() == "its node lacks 2.00 cores for it");
  auto ended = on("k.task.0");
  ended.mutable_ended()->set_succeeded(true);
  report(ended);
  pass(1'990, 900 * mebi, 900);
  REQUIRE(orders().resizes_size() == 1);
  CHECK(orders().resizes(0).demand().cpu_millicores() == 3'000);
}

TEST_CASE_FIXTURE(resizing_fixture,
                  "a refused shrink is taken back, and waits") {
  run(elastic(v1::RESIZE_AUTO));
  pass(750, 100 * mebi);
  pass(750, 100 * mebi);
  REQUIRE(orders().resizes_size() == 1);
  REQUIRE(orders().resizes(0).demand().memory_bytes() == 128 * mebi);
  agent_refuses("j.task.0");
  CHECK(size().has().memory_bytes() == gibi);
  CHECK(size().waits_for() == "its agent has refused it: it uses more");
  CHECK(resizes() == 0);
  pass(750, 100 * mebi);
  const auto later = orders();
  for (const auto& order : later.resizes())
    CHECK(order.demand().memory_bytes() == gibi);
  CHECK(size().recommended().memory_bytes() == gibi);
}

TEST_CASE_FIXTURE(resizing_fixture,
                  "a kill for want of memory makes it larger") {
  run(elastic(v1::RESIZE_AUTO));
  auto report_of = on("j.task.0");
  report_of.mutable_usage()->set_interval_milliseconds(second);
  report_of.mutable_usage()->set_memory_bytes(300 * mebi);
  report_of.mutable_usage()->set_out_of_memory_kills(1);
  report(report_of);
  tick(second);
  REQUIRE(orders().resizes_size() == 1);
  CHECK(orders().resizes(0).demand().memory_bytes() == 1'536 * mebi);
}

TEST_CASE_FIXTURE(resizing_fixture, "an order that was lost is given again") {
  run(elastic(v1::RESIZE_AUTO));
  pass(960, 600 * mebi, 400);
  REQUIRE(orders().resizes_size() == 1);
  // The stream breaks; the agent says what it has.
  v1::HeldTask held;
  held.mutable_order()->set_task("j.task.0");
  held.mutable_order()->set_attempt(1);
  held.mutable_order()->mutable_demand()->set_cpu_millicores(1'000);
  held.mutable_order()->mutable_demand()->set_memory_bytes(gibi);
  held.set_started(true);
  hello(1, {held});
  CHECK(free_cpu() == 3'000);
  CHECK(resizes() == 0);
  auto report_of = on("j.task.0", 2);
  report_of.mutable_usage()->set_interval_milliseconds(second);
  report_of.mutable_usage()->set_cpu_millicores(960);
  report_of.mutable_usage()->set_throttled_periods_milli(400);
  report(report_of);
  tick(second);
  CHECK(orders().resizes_size() == 1);
}

TEST_CASE_FIXTURE(resizing_fixture, "what has ended is forgotten") {
  run(elastic(v1::RESIZE_AUTO));
  pass(960, 600 * mebi, 400);
  auto ended = on("j.task.0");
  ended.mutable_ended()->set_succeeded(true);
  report(ended);
  CHECK(list().tasks().empty());
  CHECK(free_cpu() == 4'000);
  tick(second);
  CHECK(orders().resizes().empty());
}

TEST_CASE_FIXTURE(resizing_fixture, "sizes are listed page after page") {
  run(elastic(v1::RESIZE_RECOMMEND, "j", 3));
  for (const auto* task : {"j.task.0", "j.task.1", "j.task.2"})
    used(500, gibi, task);
  CHECK(list().tasks_size() == 3);
  const auto first = list(2);
  REQUIRE(first.tasks_size() == 2);
  CHECK(first.more());
  const auto rest = list(2, first.tasks(1).task());
  REQUIRE(rest.tasks_size() == 1);
  CHECK_FALSE(rest.more());
  CHECK(rest.tasks(0).task() == "j.task.2");
  CHECK(rest.tasks(0).reason() == "nothing has been seen of it yet");
}

TEST_CASE("no more is ordered in a second than is allowed") {
  cell_resizer resizer{{.interval_milliseconds = 1'000, .most_per_second = 2}};
  const auto profile = elastic(v1::RESIZE_AUTO).groups(0).profile();
  for (int i = 0; i < 8; ++i)
    REQUIRE(resizer.watch("t" + std::to_string(i), profile, {}) != nullptr);
  CHECK(resizer.due({999, 0}).empty());
  const resources any;
  std::size_t ordered = 0;
  for (std::int64_t now = 1'000; now < 2'000; now += 10)
    for (auto* task : resizer.due({now, now})) {
      v1::Usage usage;
      usage.set_interval_milliseconds(1'000);
      usage.set_cpu_millicores(900);
      cell_resizer::see(*task, usage);
      auto has = from_proto(profile.demand());
      (void)resizer.look(*task, has);
      resizer.ordered(*task, has, has, "");
      ++ordered;
    }
  CHECK(ordered == 3); // Two at once, and one half a second later.
}

TEST_CASE("no more tasks are watched than is allowed") {
  cell_resizer resizer{{.max_tasks = 1}};
  const auto profile = elastic(v1::RESIZE_AUTO).groups(0).profile();
  auto* first = resizer.watch("a", profile, {});
  REQUIRE(first != nullptr);
  CHECK(resizer.watch("b", profile, {}) == nullptr);
  resizer.forget(first);
  CHECK(resizer.watch("b", profile, {}) != nullptr);
}

TEST_SUITE_END();
