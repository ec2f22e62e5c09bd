#include "agent/cgroup_place.hpp"
#include "agent/discovery.hpp"
#include "agent/gpu_discovery.hpp"
#include "tests/fresh_directory.hpp"

#include <fmt/core.h>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::literals;
using namespace skerry::testing;

TEST_SUITE_BEGIN("agent/discovery");

namespace {

/// A machine of 16 CPUs, 5 of them allowed, and 64 GiB.
struct fake_machine {
  fresh_directory root;

  fake_machine() {
    put("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-3,8\nEnd:\t1\n");
    put("proc/meminfo", "MemTotal:       67108864 kB\nMemFree: 1 kB\n");
    put("proc/self/mountinfo", "");
    put("proc/self/cgroup", "");
  }
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((root.path() / name).parent_path());
    root.write(name, text);
  }
  std::string mount(const std::string& at, const std::string& type,
                    const std::string& options) const {
    return fmt::format("30 22 0:27 / {} rw,relatime - {} none rw,{}\n",
                       (root.path() / at).string(), type, options);
  }
  machine found() const {
    return discover({.proc = root.path() / "proc",
                     .sys = root.path() / "sys",
                     .work_directory = root.path(),
                     .nvml = ""})
        .value();
  }
};

} // namespace

TEST_CASE("CPUs that are allowed and the machine's memory count") {
  const fake_machine m;
  const auto found = m.found();
  CHECK(found.capacity[resource_kind::cpu] == 5'000);
  CHECK(found.capacity[resource_kind::memory] == (64_GiB).value);
  CHECK(found.capacity[resource_kind::disk] > 0);
  CHECK(found.labels.size() == 3);
}

TEST_CASE("limits of a version 2 group and of those above it count") {
  const fake_machine m;
  m.put("proc/self/mountinfo", m.mount("cg", "cgroup2", "nsdelegate"));
  m.put("proc/self/cgroup", "0::/a/b\n");
  m.put("cg/a/b/cpu.max", "max 100000\n");
  m.put("cg/a/cpu.max", "150000 100000\n");
  m.put("cg/a/b/memory.max", "1073741824\n");
  m.put("cg/a/memory.max", "max\n");
  const auto found = m.found();
  CHECK(found.capacity[resource_kind::cpu] == 1'500);
  CHECK(found.capacity[resource_kind::memory] == (1_GiB).value);
}

TEST_CASE("limits of version 1 groups count") {
  const fake_machine m;
  m.put("proc/self/mountinfo", m.mount("cpu", "cgroup", "cpu,cpuacct")
                                   + m.mount("mem", "cgroup", "memory"));
  m.put("proc/self/cgroup", "4:memory:/t\n1:cpu,cpuacct:/\n");
  m.put("cpu/cpu.cfs_quota_us", "250000\n");
  m.put("cpu/cpu.cfs_period_us", "100000\n");
  m.put("mem/t/memory.limit_in_bytes", "2147483648\n");
  m.put("mem/memory.limit_in_bytes", "9223372036854771712\n");
  const auto found = m.found();
  CHECK(found.capacity[resource_kind::cpu] == 2'500);
  CHECK(found.capacity[resource_kind::memory] == (2_GiB).value);
}

TEST_CASE("a group whose path is of outside the container is the mount") {
  const fake_machine m;
  m.put("proc/self/mountinfo", m.mount("cg", "cgroup2", ""));
  m.put("proc/self/cgroup", "0::/of/the/host\n");
  m.put("cg/cpu.max", "50000 100000\n");
  const auto places = cgroup_places(m.root.path() / "proc");
  CHECK(places.at("").own == places.at("").mount);
  CHECK(m.found().capacity[resource_kind::cpu] == 500);
}

TEST_CASE("FPGA regions are devices, whole FPGAs where there are none") {
  const fake_machine m;
  m.put("sys/class/fpga_manager/fpga0/name", "Intel FPGA\n");
  auto found = m.found();
  REQUIRE(found.devices.size() == 1);
  CHECK(found.devices[0].kind == "fpga");
  CHECK(found.devices[0].model == "Intel-FPGA");
  m.put("sys/class/fpga_region/region0/name", "static\n");
  m.put("sys/class/fpga_region/region1/power", "");
  found = m.found();
  REQUIRE(found.devices.size() == 2);
  CHECK(found.devices[1].model == "unknown");
}

TEST_CASE("without NVML there are no GPUs, and it says why") {
  const auto none = find_gpus("no-such-library.so");
  CHECK(none.gpus.empty());
  CHECK(none.why.find("no-such-library.so") != std::string::npos);
}

TEST_CASE("GPUs are what NVML says, in its order") {
  const auto found = find_gpus(SKERRY_FAKE_NVML);
  REQUIRE_MESSAGE(found.gpus.size() == 2, found.why);
  CHECK(found.gpus[1].model == "NVIDIA Fake 1");
  CHECK(found.gpus[1].uuid == "GPU-fake-1");
  CHECK(found.gpus[1].memory_bytes == (2_GiB).value);
  const fake_machine m;
  const auto all = discover({.proc = m.root.path() / "proc",
                             .sys = m.root.path() / "sys",
                             .work_directory = m.root.path(),
                             .nvml = SKERRY_FAKE_NVML})
                       .value();
  REQUIRE(all.devices.size() == 2);
  CHECK(all.devices[0].model == "Fake-0");
  CHECK(all.device_ids[1] == "GPU-fake-1");
}

TEST_CASE("declared capacity replaces what was found") {
  const fake_machine m;
  const auto node
      = declare_node(m.found(), {.name = "n",
                                 .capacity = resources{2000_mcores, 1_GiB},
                                 .labels = {{"zone", "a"}, {"os", "mine"}}});
  REQUIRE(node);
  CHECK(node->capacity[resource_kind::cpu] == 2000);
  CHECK(node->labels.size() == 4);
  CHECK(node->labels[2] == label{"os", "mine"});
}

TEST_CASE("more than was found is refused unless it is allowed") {
  const fake_machine m;
  declaration more{.name = "n", .capacity = resources{6000_mcores, {}}};
  const auto refused = declare_node(m.found(), more);
  REQUIRE(!refused);
  CHECK(refused.failure().message
        == "--cpu is 6000, but this machine has 5000; declare less, or say "
           "--allow-more-than-found");
  more.allow_more_than_found = true;
  CHECK(declare_node(m.found(), more));
}

TEST_CASE("this machine can be discovered") {
  const auto found = discover({});
  REQUIRE(found);
  CHECK(found->capacity[resource_kind::cpu] > 0);
  CHECK(found->capacity[resource_kind::memory] > 0);
  CHECK(declare_node(*found, {.name = "here"}));
}
