#include "cli/client_command.hpp"
#include "cli/output_file.hpp"
#include "cli/proto_json.hpp"
#include "messages/policy_file.hpp"
#include "messages/skerry/v1/cluster.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>

namespace skerry {
namespace {

struct pull_flags {
  std::string from;
  std::string out;
};

/// By how much an island is better than what it began at, as a share: costs of
/// islands on different objectives do not compare, but this does.
double gain(const v1::IslandStatus& island) {
  return island.start_cost() > 0 ? 1 - island.best() / island.start_cost() : 0;
}

std::string name_of(const v1::IslandStatus& island) {
  return fmt::format("{}/{}", island.server(), island.island());
}

result<v1::IslandStatus> best_island(const v1::IslandsReply& all,
                                     const std::string& from) {
  const v1::IslandStatus* best = nullptr;
  for (const auto& island : all.islands())
    if (island.has_policy() && (from.empty() || name_of(island) == from)
        && (best == nullptr || gain(island) > gain(*best)))
      best = &island;
  if (best != nullptr)
    return *best;
  if (all.islands().empty())
    return error{error_code::not_found,
                 "the cluster has no islands; islands.count in a server's "
                 "configuration sets how many it has"};
  return error{error_code::not_found,
               from.empty() ? "no island has judged a policy yet; ask again"
                            : fmt::format("no island {} has a policy; `skerry "
                                          "get islands` lists them",
                                          from)};
}

ending pull(const global_flags& globals, const pull_flags& flags,
            console& out) {
  auto file = output_file::create(flags.out, {});
  if (!file)
    return file.failure();
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  v1::IslandsRequest request;
  request.set_policies(true);
  const auto all = cluster->call(&v1::Cluster::Stub::Islands, request);
  if (!all)
    return all.failure();
  const auto island = best_island(*all, flags.from);
  if (!island)
    return island.failure();
  // What a server sends is checked as a file would be.
  if (const auto weights = weights_from(island->policy()); !weights)
    return {exit_code::failure,
            fmt::format("the policy of island {}: {}", name_of(*island),
                        weights.failure().message)};
  if (auto ok = file->commit(policy_text(island->policy())); !ok)
    return ok.failure();
  for (const auto& server : all->unreachable_servers())
    out.note(fmt::format("server {} does not answer; its islands were not "
                         "looked at",
                         server));
  if (gain(*island) <= 0)
    out.note(fmt::format("it is no better than {}, at which it began",
                         island->start()));
  const json data{{"policy", flags.out},
                  {"island", name_of(*island)},
                  {"objective", island->objective()},
                  {"generation", island->generation()},
                  {"cost", island->best()},
                  {"start", island->start()},
                  {"start_cost", island->start_cost()}};
  if (auto ok = print(
          out, {data, fmt::format("{}: of island {}, cost {:.4f} ({}: {:.4f}) "
                                  "on {}, generation {}\n",
                                  flags.out, name_of(*island), island->best(),
                                  island->start(), island->start_cost(),
                                  island->objective(), island->generation())});
      !ok)
    return ok.failure();
  return {};
}

} // namespace

void add_policy_pull(CLI::App& policy, const global_flags& globals,
                     action& chosen) {
  auto& subcommand = *policy.add_subcommand(
      "pull", "Bring the best policy of a cluster's islands");
  const auto flags = std::make_shared<pull_flags>();
  subcommand
      .add_option("--from", flags->from,
                  "Of this island; otherwise of the one that has\ngained most "
                  "over what it began at")
      ->type_name("SERVER/ISLAND")
      ->check(refuse_empty);
  subcommand.add_option("--out", flags->out, "The file to write")
      ->type_name("FILE")
      ->required();
  subcommand.footer("Example:\n"
                    "  skerry policy pull --out evolved.policy\n"
                    "  skerry policy show evolved.policy");
  subcommand.final_callback([&globals, &chosen, flags] {
    chosen = [&globals, flags](console& out) {
      return pull(globals, *flags, out);
    };
  });
}

} // namespace skerry
