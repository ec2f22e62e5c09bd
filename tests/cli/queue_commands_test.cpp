#include "tests/cli/fake_cluster.hpp"
#include "tests/cli/process.hpp"

#include <nlohmann/json.hpp>

#include <doctest/doctest.h>

using namespace skerry;
using namespace skerry::testing;
using nlohmann::json;

TEST_SUITE_BEGIN("cli/queue_commands");

TEST_CASE("get tenants shows shares beside quotas") {
  fake_cluster cluster;
  cluster.tenants.answer
      = [](const v1::TenantsRequest&, v1::TenantsReply& reply) {
          auto& one = *reply.add_tenants();
          one.set_server("s");
          one.set_name("science");
          one.set_weight(3);
          one.set_fair_share(0.75);
          one.set_held_share(0.5);
          one.mutable_quota()->set_cpu_millicores(64'000);
          one.mutable_held()->set_cpu_millicores(1'500);
          one.set_queued(7);
          reply.add_unreachable_servers("t");
          return grpc::Status::OK;
        };
  const auto ask = [&cluster](const std::string& line) {
    auto arguments = words(line);
    arguments.insert(arguments.end(), {"--address", cluster.address()});
    return run_skerry(arguments);
  };
  const auto ended = ask("get tenants");
  CHECK(ended.exit_code == 0);
  CHECK(ended.out.find("75.0 %") != std::string::npos);
  CHECK(ended.out.find("1.5 of 64") != std::string::npos);
  CHECK(ended.err.find("server t does not answer") != std::string::npos);
  const auto found = json::parse(ask("get tenants -o json").out);
  CHECK(found["tenants"][0]["queued"] == 7);
}

TEST_SUITE_END();
