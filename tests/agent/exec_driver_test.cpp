#include "agent/cgroup.hpp"
#include "agent/exec_driver.hpp"
#include "agent/proc.hpp"
#include "agent/text_file.hpp"
#include "tests/agent/event_box.hpp"
#include "tests/agent/orders.hpp"
#include "tests/fresh_directory.hpp"

#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <signal.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;

TEST_SUITE_BEGIN("agent/exec_driver");

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t far = std::int64_t{1} << 60;

/// A driver on a fresh directory, whose tasks have a lease without end.
struct bench {
  fresh_directory home;
  event_box events;
  exec_driver_options options;
  std::unique_ptr<exec_driver> driver;

  explicit bench(cgroup_rung best = cgroup_rung::v2) {
    fs::permissions(home.path(), fs::perms{0755});
    options.directory = home.path();
    options.supervisor = SKERRY_SUPERVISE;
    options.groups.name = fmt::format("skerry-test-{}", ::getpid());
    options.groups.best = best;
    options.usage_milliseconds = 100;
    lease(far);
    begin();
  }
  ~bench() {
    for (const auto& key : started)
      driver->take(stop_task{key, "the test is over", true});
    for (const auto& key : started)
      (void)over(key); // Also when it has ended long ago.
  }
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;

  void begin() {
    driver = exec_driver::start(options, [this](auto some) {
               events.put(std::move(some));
             }).value();
  }
  void lease(std::int64_t until) const {
    home.write("lease", std::string{reinterpret_cast<const char*>(&until),
                                    sizeof until});
  }
  /// The driver dies, and the next one is told of `key` as `before` was.
  task_key die_and_adopt(const task_key& key, const v1::StartOrder& order,
                         const v1::TaskStarted& before) {
    driver.reset();
    begin();
    driver->take(adopt_task{key, order, before});
    driver->settle();
    return key;
  }

  task_key start(const v1::StartOrder& order) {
    const task_key key{order.node(), order.task(), order.attempt()};
    started.push_back(key);
    driver->take(begin_task{key, order});
    return key;
  }
  task_key shell(const std::string& task, const std::string& script) {
    return start(order_of("n", task, 1, 1000, {"sh", "-c", script}));
  }
  v1::Outcome over(const task_key& key) {
    const auto event = events.wait_for<task_over>(
        [&](const task_over& e) { return e.key == key; });
    return event ? event->outcome : v1::Outcome{};
  }
  v1::TaskStarted began(const task_key& key) {
    const auto event = events.wait_for<task_began>(
        [&](const task_began& e) { return e.key == key; });
    return event ? event->started : v1::TaskStarted{};
  }
  std::string output(const std::string& task, const char* which = "stdout") {
    return read_bytes((home.path() / "tasks" / (task + ".1") / which).string());
  }
  /// Until the task has written this line: it is that far.
  bool says(const std::string& task, const std::string& line) {
    return eventually(
        [&] { return output(task).find(line) != std::string::npos; });
  }

  std::vector<task_key> started;
};

bool alive(pid_t pid) {
  const auto text = read_text(fmt::format("/proc/{}/stat", pid));
  return text && text->find(") Z ") == std::string::npos;
}

bool lacks_groups(const bench& b) {
  if (b.driver->rung() <= cgroup_rung::v1)
    return false;
  MESSAGE("SKIPPED: no cgroup is writable here: ", b.driver->why());
  return true;
}

v1::StartOrder limited(const std::string& task, const std::string& script,
                       std::int64_t memory_bytes) {
  auto order = order_of("n", task, 1, 500, {"sh", "-c", script});
  order.mutable_demand()->set_memory_bytes(memory_bytes);
  return order;
}

} // namespace

TEST_CASE("a task runs without a shell, and its exit code is told") {
  bench b;
  const auto key
      = b.start(order_of("n", "t", 1, 100, {"echo", "a  b", "$HOME"}));
  CHECK(b.began(key).pid() > 0);
  const auto outcome = b.over(key);
  CHECK(outcome.succeeded());
  CHECK(outcome.started_unix_milliseconds() > 0);
  CHECK(outcome.ended_unix_milliseconds()
        >= outcome.started_unix_milliseconds());
  CHECK(b.output("t") == "a  b $HOME\n");
  const auto failing = b.shell("f", "echo bad >&2; exit 3");
  const auto failed = b.over(failing);
  CHECK(!failed.succeeded());
  CHECK(failed.exit_code() == 3);
  CHECK(b.output("f", "stderr") == "bad\n");
  const auto killed = b.over(b.shell("k", "kill -9 $$"));
  CHECK(killed.signal() == 9);
  CHECK(!killed.out_of_memory());
}

TEST_CASE("a program that is not there is a failure that says so") {
  bench b;
  const auto outcome
      = b.over(b.start(order_of("n", "t", 1, 100, {"no-such-program"})));
  CHECK(!outcome.succeeded());
  CHECK(outcome.exit_code() == 127);
  // EACCES instead where PATH names what the task's user may not enter.
  CHECK(outcome.reason().starts_with("running its program: "));
}

TEST_CASE("starts and ends are in the log, once each") {
  bench b;
  b.over(b.start(order_of("n", "t", 1, 100, {"true"})));
  const auto log = read_bytes((b.home.path() / "starts.log").string());
  CHECK(log.find("start n t 1 1 1 ") == 0);
  CHECK(log.find(" 100 0 -\n") != std::string::npos);
  CHECK(log.find("\nend n t 1 ") != std::string::npos);
  // The same attempt again: its claim stands.
  b.driver->take(begin_task{{"n", "t", 1}, order_of("n", "t", 1, 1, {"true"})});
  CHECK(b.over({"n", "t", 1}).succeeded());
  CHECK(read_bytes((b.home.path() / "starts.log").string()) == log);
}

TEST_CASE("the environment is the allowed one and the task's own") {
  ::setenv("SKERRY_TEST_SECRET", "1", 1);
  bench b;
  auto order = order_of("n", "t", 1, 100, {"env"});
  (*order.mutable_work()->mutable_exec()->mutable_environment())["MINE"] = "x";
  b.over(b.start(order));
  const auto text = b.output("t");
  CHECK(text.find("SECRET") == std::string::npos);
  for (const auto* line : {"MINE=x\n", "SKERRY_TASK=t\n", "SKERRY_ATTEMPT=1\n",
                           "SKERRY_NODE=n\n", "CUDA_VISIBLE_DEVICES=\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, line);
}

TEST_CASE("GPUs are told by their ids") {
  v1::StartOrder order = order_of("n", "t", 1);
  order.add_devices(2);
  order.add_devices(3);
  auto env = task_environment(order, {"fpga", "gpu", "gpu", "gpu"}, {}, "h");
  CHECK(env.at("CUDA_VISIBLE_DEVICES") == "1,2");
  CHECK(env.at("SKERRY_DEVICES") == "2,3");
  env = task_environment(order, {"fpga", "gpu", "gpu", "gpu"},
                         {"", "GPU-a", "GPU-b", "GPU-c"}, "h");
  CHECK(env.at("CUDA_VISIBLE_DEVICES") == "GPU-b,GPU-c");
  CHECK(devices_text(order) == "2:1000,3:1000");
}

TEST_CASE("a task of root's agent is nobody, in a directory of its own") {
  if (::geteuid() != 0) {
    MESSAGE("SKIPPED: not root");
    return;
  }
  bench b;
  b.over(b.shell("t", "id -un; pwd; touch here && echo wrote"));
  CHECK(b.output("t")
        == fmt::format("nobody\n{}\nwrote\n",
                       (b.home.path() / "tasks/t.1/work").string()));
  auto order = order_of("n", "r", 1, 100, {"id", "-un"});
  order.mutable_work()->mutable_exec()->set_user("root");
  b.over(b.start(order));
  CHECK(b.output("r") == "root\n");
  order.set_task("x");
  order.mutable_work()->mutable_exec()->set_user("no-such-user");
  CHECK(b.over(b.start(order)).reason()
        == "there is no user no-such-user on this machine");
}

TEST_CASE("nothing of a task is left when it ends or is stopped") {
  for (const auto rung : {cgroup_rung::v2, cgroup_rung::observe}) {
    bench b{rung};
    // A grandchild in a session of its own, whose parent has gone.
    const std::string orphan = "(setsid sleep 1000 & echo pid $!) ; ";
    const auto pid_of = [&](const std::string& task) {
      const auto text = b.output(task);
      return static_cast<pid_t>(std::stol(text.substr(text.find("pid ") + 4)));
    };
    b.over(b.shell("a", orphan + "exit 0"));
    CHECK(!alive(pid_of("a")));
    const auto key = b.shell("b", orphan + "echo ready; sleep 1000");
    REQUIRE(b.says("b", "ready"));
    CHECK(alive(pid_of("b")));
    b.driver->take(stop_task{key, "enough"});
    CHECK(b.over(key).signal() == SIGTERM);
    CHECK(!alive(pid_of("b")));
  }
}

TEST_CASE("a task that will not end is killed after its grace") {
  bench b;
  auto order = order_of("n", "t", 1, 100,
                        {"sh", "-c",
                         "trap '' TERM; echo ready; while :; do "
                         "sleep 0.1; done"});
  order.mutable_work()->mutable_exec()->set_kill_grace_milliseconds(200);
  const auto key = b.start(order);
  REQUIRE(b.says("t", "ready"));
  b.driver->take(stop_task{key, "enough"});
  CHECK(b.over(key).signal() == SIGKILL);
}

TEST_CASE("more memory than granted kills the task, and it is told") {
  bench b;
  if (lacks_groups(b))
    return;
  const auto key
      = b.start(limited("t", "x=$(head -c 200000000 /dev/zero | tr '\\0' x)",
                        std::int64_t{32} << 20));
  const auto outcome = b.over(key);
  CHECK(outcome.out_of_memory());
  CHECK(outcome.signal() == SIGKILL);
  CHECK(outcome.reason() == "it used more memory than it was granted");
}

TEST_CASE("a process that is killed for want of memory is told at once") {
  bench b;
  if (lacks_groups(b))
    return;
  // The shell lives on when its child is killed.
  const auto key = b.start(limited(
      "t", "(x=$(head -c 200000000 /dev/zero | tr '\\0' x)); sleep 1000",
      std::int64_t{32} << 20));
  CHECK(b.events.wait_for<task_used>(
      [](const task_used& e) { return e.usage.out_of_memory_kills() > 0; }));
  b.driver->take(stop_task{key, "enough", true});
  CHECK(b.over(key).out_of_memory());
}

TEST_CASE("amounts are in force, change while it runs, and usage is told") {
  bench b;
  if (lacks_groups(b))
    return;
  const auto key
      = b.start(limited("t", "while :; do :; done", std::int64_t{64} << 20));
  b.began(key);
  // Half a core: a short look may see more, so one of several has to fit.
  const auto usage = b.events.wait_for<task_used>([](const task_used& e) {
    return e.usage.cpu_millicores() > 100 && e.usage.cpu_millicores() < 700;
  });
  REQUIRE(usage);
  CHECK(usage->usage.memory_bytes() > 0);
  CHECK(usage->usage.peak_memory_bytes() >= usage->usage.memory_bytes());
  CHECK(usage->usage.interval_milliseconds() >= 100);
  CHECK(usage->usage.out_of_memory_kills() == 0);
  // It wants a whole core and has half a one.
  CHECK(b.events.wait_for<task_used>([](const task_used& e) {
    return e.usage.throttled_periods_milli() > 500
           && e.usage.throttled_milliseconds() > 0;
  }));
  const auto groups = b.began(key).cgroup();
  const auto group = groups.substr(0, groups.find(':'));
  const bool v2 = b.driver->rung() == cgroup_rung::v2;
  const auto quota = [&] {
    return read_number(group + (v2 ? "/cpu.max" : "/cpu.cfs_quota_us"));
  };
  CHECK(quota() == 50'000);
  v1::Resources to;
  to.set_cpu_millicores(250);
  to.set_memory_bytes(std::int64_t{32} << 20);
  b.driver->take(change_task{key, to});
  REQUIRE(b.events.wait_for<task_changed>([](const auto&) { return true; }));
  CHECK(quota() == 25'000);
}

TEST_CASE("a shrink below what is used is refused") {
  for (const auto rung : {cgroup_rung::v2, cgroup_rung::limits}) {
    bench b{rung};
    // A shell that holds 40 MB.
    auto order = limited("t",
                         "x=$(head -c 40000000 /dev/zero | tr '\\0' x); echo "
                         "ready; while :; do sleep 0.1; done",
                         std::int64_t{512} << 20);
    const auto key = b.start(order);
    REQUIRE(b.says("t", "ready"));
    v1::Resources to = order.demand();
    to.set_memory_bytes(std::int64_t{8} << 20);
    b.driver->take(change_task{key, to});
    const auto refused
        = b.events.wait_for<resize_refused>([](const auto&) { return true; });
    REQUIRE(refused);
    CHECK(refused->why.code == error_code::conflict);
    CHECK(alive(static_cast<pid_t>(b.began(key).pid())));
  }
}

TEST_CASE("a task survives its agent and is found again") {
  bench b;
  const auto order = order_of("n", "t", 1, 100,
                              {"sh", "-c",
                               "echo ready; while [ ! -e go ]; do sleep 0.02; "
                               "done; exit 4"});
  const auto key = b.start(order);
  const auto before = b.began(key);
  REQUIRE(b.says("t", "ready"));
  b.events.clear();
  b.die_and_adopt(key, order, before);
  CHECK(b.began(key).pid() == before.pid());
  b.home.write("tasks/t.1/work/go", "");
  CHECK(b.over(key).exit_code() == 4);
}

TEST_CASE("an end while the agent was dead is read from its file") {
  bench b;
  const auto order = order_of("n", "t", 1, 100, {"sh", "-c", "exit 5"});
  const auto key = b.start(order);
  const auto before = b.began(key);
  b.driver.reset();
  REQUIRE(
      eventually([&] { return fs::exists(b.home.path() / "tasks/t.1/exit"); }));
  b.events.clear();
  b.die_and_adopt(key, order, before);
  CHECK(b.over(key).exit_code() == 5);
}

TEST_CASE("a pid that another process has now is not taken for the task") {
  bench b;
  const auto order = order_of("n", "t", 1, 100, {"sleep", "1000"});
  fs::create_directories(b.home.path() / "tasks/t.1");
  b.home.write("tasks/t.1/pid", fmt::format("{} 1 1\n", ::getpid()));
  v1::TaskStarted before;
  before.set_pid(::getpid());
  before.set_pid_start_ticks(1);
  const auto key = b.die_and_adopt({"n", "t", 1}, order, before);
  CHECK(b.over(key).reason() == "its supervisor has been killed");
}

TEST_CASE("an order that no process was started for may come again") {
  bench b;
  const auto order = order_of("n", "t", 1, 100, {"true"});
  fs::create_directories(b.home.path() / "tasks/t.1");
  const auto key = b.die_and_adopt({"n", "t", 1}, order, {});
  CHECK(b.events.wait_for<task_never_began>(
      [&](const auto& e) { return e.key == key; }));
  b.start(order);
  CHECK(b.over(key).succeeded());
}

TEST_CASE("the task ends when its supervisor is killed") {
  bench b;
  const auto key = b.shell("t", "echo pid $$; sleep 1000");
  const auto began = b.began(key);
  REQUIRE(b.says("t", "pid "));
  const auto pid = static_cast<pid_t>(std::stol(b.output("t").substr(4)));
  ::kill(static_cast<pid_t>(began.pid()), SIGKILL);
  CHECK(b.over(key).reason() == "its supervisor has been killed");
  CHECK(eventually([&] { return !alive(pid); }));
}

TEST_CASE("a supervisor whose agent is dead ends the task with its lease") {
  bench b;
  b.options.lease_slack_milliseconds = 0;
  b.lease(boot_milliseconds() + 300);
  b.driver.reset();
  b.begin();
  const auto order = order_of("n", "t", 1, 100, {"sleep", "1000"});
  const auto key = b.start(order);
  const auto before = b.began(key);
  auto keep = order_of("n", "k", 1, 100, {"sleep", "1000"});
  keep.mutable_work()->set_keep_on_disconnect(true);
  const auto kept = b.start(keep);
  const auto kept_before = b.began(kept);
  b.driver.reset(); // Dead.
  CHECK(
      eventually([&] { return fs::exists(b.home.path() / "tasks/t.1/exit"); }));
  CHECK(alive(static_cast<pid_t>(kept_before.pid())));
  b.events.clear();
  b.begin();
  b.driver->take(adopt_task{key, order, before});
  b.driver->take(adopt_task{kept, keep, kept_before});
  b.driver->settle();
  CHECK(b.over(key).reason() == "its agent is gone and its lease has run out");
}

TEST_CASE("output is read in pieces, and of ended tasks as well") {
  bench b;
  b.over(b.shell("t", "printf 0123456789"));
  v1::LogsOrder order;
  order.set_request(9);
  order.set_task("t");
  order.set_offset_bytes(3);
  order.set_limit_bytes(4);
  b.driver->take(order);
  auto answer = b.events.wait_for<v1::LogsAnswer>(
      [](const auto& a) { return a.request() == 9; });
  REQUIRE(answer);
  CHECK(answer->data() == "3456");
  order.set_request(10);
  order.set_task("never");
  b.driver->take(order);
  answer = b.events.wait_for<v1::LogsAnswer>(
      [](const auto& a) { return a.request() == 10; });
  REQUIRE(answer);
  CHECK(answer->error() == "never has left no output here");
}

TEST_CASE("what was found of unknown tasks is ended") {
  bench b;
  if (lacks_groups(b))
    return;
  const auto key = b.shell("t", "echo pid $$; sleep 1000");
  REQUIRE(b.says("t", "pid "));
  const auto pid = static_cast<pid_t>(std::stol(b.output("t").substr(4)));
  b.driver.reset();
  b.begin();
  b.driver->settle(); // Nobody has told it of the task.
  CHECK(eventually([&] { return !alive(pid); }));
  std::erase(b.started, key);
}
