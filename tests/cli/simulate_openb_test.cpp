#include "tests/cli/openb_files.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

#include <doctest/doctest.h>

using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/simulate_openb");

TEST_CASE_FIXTURE(openb_files, "one run gives one object by the contract") {
  const auto ended = run_skerry(openb("--seed 7 --policy first-fit -o json"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.err.empty());
  const auto found = json::parse(ended.out);
  CHECK(found.at("workload") == "pods.small");
  CHECK(found.at("policy") == "first-fit");
  CHECK(found.at("seed") == 7);
  // Of 2 GPUs arrive 1, 2, 3: 50, 100 and 150 %. Other loads are not reached.
  const auto& allocated = found.at("allocated_gpu_percent");
  CHECK(allocated.at("95").is_null());
  CHECK(allocated.at("100") == 100.0);
  CHECK(allocated.at("110").is_null());
  CHECK(allocated.at("130").is_null());
  CHECK(found.at("placed") == 2);
  CHECK(found.at("failed") == 1);
  CHECK(found.at("decisions_per_second").get<double>() > 0);
  CHECK(found.at("decision_us").at("p50").get<double>() >= 0);
  CHECK(found.at("decision_us").at("p99").get<double>() >= 0);
}

TEST_CASE_FIXTURE(openb_files, "decisions are logged, and are the same twice") {
  const auto arguments
      = openb("--seed 7 --policy first-fit --decisions " + out);
  CHECK(run_skerry(arguments).exit_code == 0);
  const auto first = read_bytes(out);
  // Node b has the smaller rank for seed 7; the third pod finds no GPU.
  CHECK(first == "arrival,pod,node,devices\n0,p2,b,0\n1,p0,a,0\n2,p1,,\n");
  CHECK(run_skerry(arguments).exit_code == 0);
  CHECK(read_bytes(out) == first);
}

TEST_CASE_FIXTURE(openb_files, "the scan decides as the index does") {
  CHECK(run_skerry(openb("--seed 7 --policy fgd --decisions " + out)).exit_code
        == 0);
  const auto by_index = read_bytes(out);
  CHECK(run_skerry(
            openb("--seed 7 --policy fgd --search scan --decisions " + out))
            .exit_code
        == 0);
  CHECK(read_bytes(out) == by_index);
}

TEST_CASE_FIXTURE(openb_files, "several runs give an array, policy by policy") {
  const auto ended
      = run_skerry(openb("--seed 7,8 --policy fgd,first-fit -o json"));
  const auto found = json::parse(ended.out);
  REQUIRE(found.size() == 4);
  CHECK(found[1].at("policy") == "fgd");
  CHECK(found[1].at("seed") == 8);
  CHECK(found[1].at("placed") == 2); // Seed 8 ends after two arrivals.
  CHECK(found[1].at("failed") == 0);
  CHECK(found[2].at("policy") == "first-fit");
}

TEST_CASE_FIXTURE(openb_files, "global flags stand anywhere") {
  const auto before = run_skerry(words("-o json " + [&] {
    std::string line;
    for (const auto& word : openb("--seed 7 --policy first-fit"))
      line += word + " ";
    return line;
  }()));
  CHECK(json::parse(before.out).at("seed") == 7);
}

TEST_CASE_FIXTURE(openb_files, "the table shows mean and spread over seeds") {
  const auto ended = run_skerry(openb("--seed 7,8 --policy fgd,first-fit"));
  CHECK(ended.exit_code == 0);
  CHECK(ended.out.find("pods.small, seeds 7, 8") != std::string::npos);
  CHECK(ended.out.find("mean (standard deviation)") != std::string::npos);
  CHECK(ended.out.find("100.00 (0.00)") != std::string::npos);
  CHECK(ended.out.find("\nfirst-fit ") != std::string::npos);
}

TEST_CASE_FIXTURE(openb_files, "bad seeds are refused") {
  check_refused(openb("--policy fgd --seed 9"), "the file has: 7, 8");
  check_refused(openb("--policy fgd --seed x"), "--seed: \"x\"");
  check_refused(openb("--policy fgd --seed -7"), "--seed: \"-7\"");
  check_refused(openb("--policy fgd --seed 7.0"), "--seed: \"7.0\"");
  check_refused(openb("--policy fgd --seed 7,7"), "\"7\" is given twice");
  check_refused(openb("--policy fgd --seed 7,07"), "7 is given twice");
  check_refused(openb("--policy fgd --seed ,"), "an item of the list is empty");
  check_refused(openb("--policy fgd --seed 99999999999999999999"), "--seed");
}

TEST_CASE_FIXTURE(openb_files, "bad policies and searches are refused") {
  check_refused(openb("--seed 7 --policy ffd"),
                "known are skerry, random, worst-fit");
  check_refused(openb("--seed 7 --policy fgd,fgd"), "\"fgd\" is given twice");
  check_refused(openb("--seed 7 --policy fgd --search far"),
                "known: index, scan");
}

TEST_CASE_FIXTURE(openb_files, "files that cannot be read are refused") {
  const auto refused = [this](std::string openb_files::*file,
                              const std::string& path, std::string_view why) {
    const auto good = this->*file;
    this->*file = path;
    check_refused(openb("--seed 7 --policy fgd --decisions " + out), why);
    this->*file = good;
  };
  for (const auto file : {&openb_files::nodes, &openb_files::pods,
                          &openb_files::arrivals, &openb_files::ties}) {
    refused(file, directory.path() / "none.csv", "none.csv");
    refused(file, directory.path(), directory.path().string());
    refused(file, directory.write("empty.csv", ""), "empty.csv:1:");
    refused(file, directory.write("bad.csv", "a,b\n1\n"), "bad.csv:");
  }
  refused(&openb_files::arrivals, directory.write("high.csv", "7\n0\n3\n"),
          "high.csv:3:1:");
  refused(&openb_files::ties, directory.write("twice.csv", "sn,7\na,1\nb,1\n"),
          "twice.csv:3:3:");
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE_FIXTURE(openb_files, "decisions that cannot be written are refused") {
  const auto refused = [this](const std::string& file, std::string_view why) {
    check_refused(openb("--seed 7 --policy fgd --decisions " + file), why);
  };
  refused(directory.path() / "none" / "d.csv", "No such file or directory");
  refused(directory.path(), "it is a directory");
  const auto before = read_bytes(pods);
  refused(pods, "it is an input");
  refused("/dev/stdout", "the results go there"); // Here a file.
  CHECK(read_bytes(pods) == before);
  check_refused(openb("--seed 7,8 --policy fgd --decisions " + out),
                "--decisions holds one run");
  auto empty = openb("--seed 7 --policy fgd --decisions");
  empty.emplace_back();
  check_refused(empty, "--decisions: what stands behind it is empty");
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_SUITE_END();
