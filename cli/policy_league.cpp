// What a cluster's leagues say about policies, and are told.
#include "cli/policy_league.hpp"

#include "cli/client_command.hpp"
#include "cli/policies_text.hpp"
#include "cli/proto_json.hpp"
#include "messages/policy_file.hpp"
#include "messages/skerry/v1/policies.grpc.pb.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace skerry {
namespace {

using stub = v1::Policies::Stub;

struct league_flags {
  std::string server;
  std::string name;
  std::vector<std::string> names;
  std::string reason;
  bool at_once = false;
  std::uint32_t events = 20;
};

void note_missing(const v1::PoliciesReply& leagues, console& out) {
  for (const auto& server : leagues.unreachable_servers())
    out.note(fmt::format("server {} does not answer", server));
}

result<v1::PoliciesReply> ask(const global_flags& globals,
                              const v1::ListPoliciesRequest& request,
                              console& out) {
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  auto leagues = cluster->call(&stub::List, request);
  if (leagues)
    note_missing(*leagues, out);
  return leagues;
}

ending print_list(const global_flags& globals,
                  const v1::ListPoliciesRequest& request,
                  std::string (*text)(const v1::PoliciesReply&), console& out) {
  const auto leagues = ask(globals, request, out);
  if (!leagues)
    return leagues.failure();
  if (auto ok = print(out, {json_of(*leagues), text(*leagues)}); !ok)
    return ok.failure();
  return {};
}

/// Tells the leagues. It has failed when none has done it.
template <class Request>
ending tell(const global_flags& globals,
            grpc::Status (stub::*method)(grpc::ClientContext*, const Request&,
                                         v1::PoliciesReply*),
            const Request& request, console& out) {
  auto cluster = client_of(globals);
  if (!cluster)
    return cluster.failure();
  auto leagues = cluster->call(method, request);
  if (!leagues)
    return leagues.failure();
  note_missing(*leagues, out);
  const auto& all = leagues->leagues();
  if (std::ranges::all_of(
          all, [](const auto& each) { return each.error_code() != 0; })) {
    std::string why;
    for (const auto& each : all)
      why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", each.server(),
                         each.error_message());
    return error{static_cast<error_code>(all.Get(0).error_code()), why};
  }
  for (auto& each : *leagues->mutable_leagues())
    each.clear_policies();
  if (auto ok = print(out, {json_of(*leagues), outcomes_text(*leagues)}); !ok)
    return ok.failure();
  return {};
}

ending submit(const global_flags& globals, const league_flags& flags,
              console& out) {
  auto policy = read_policy_file(flags.name);
  if (!policy)
    return error{error_code::invalid_argument, policy.failure().message};
  if (const auto weights = weights_from(*policy); !weights)
    return error{error_code::invalid_argument, weights.failure().message};
  v1::SubmitPolicyRequest request;
  request.set_server(flags.server);
  *request.mutable_policy() = *std::move(policy);
  return tell(globals, &stub::Submit, request, out);
}

ending compare(const global_flags& globals, const league_flags& flags,
               console& out) {
  v1::ListPoliciesRequest request;
  request.set_server(flags.server);
  auto leagues = ask(globals, request, out);
  if (!leagues)
    return leagues.failure();
  for (const auto& name : flags.names)
    if (std::ranges::none_of(leagues->leagues(), [&](const auto& league) {
          return std::ranges::any_of(league.policies(), [&](const auto& each) {
            return each.name() == name;
          });
        }))
      return error{error_code::not_found,
                   fmt::format("no league knows {}; `skerry policy list` shows "
                               "those they know",
                               name)};
  for (auto& league : *leagues->mutable_leagues()) {
    auto& policies = *league.mutable_policies();
    const auto gone = std::remove_if(
        policies.begin(), policies.end(), [&](const auto& each) {
          return std::ranges::find(flags.names, each.name())
                 == flags.names.end();
        });
    policies.erase(gone, policies.end());
  }
  if (auto ok = print(
          out, {json_of(*leagues), comparison_table(*leagues, flags.names)});
      !ok)
    return ok.failure();
  return {};
}

/// Adds subcommands that share their flags.
class builder {
public:
  builder(CLI::App& policy, const global_flags& globals, action& chosen)
      : policy_{policy}, globals_{globals}, chosen_{chosen} {}

  template <class Run>
  CLI::App& add(const char* name, const char* what, const char* example,
                Run run) {
    auto& made = *policy_.add_subcommand(name, what);
    made.add_option("--server", flags->server,
                    "Only the league of this one; otherwise all")
        ->type_name("NAME")
        ->check(refuse_empty);
    made.footer(fmt::format(
        "Also: -o table|json.\nExample:\n  skerry policy {}", example));
    made.final_callback(
        [this_flags = flags, &globals = globals_, &chosen = chosen_, run] {
          chosen = [this_flags, &globals, run](console& out) {
            return run(globals, *this_flags, out);
          };
        });
    return made;
  }

  std::shared_ptr<league_flags> flags = std::make_shared<league_flags>();

private:
  CLI::App& policy_;
  const global_flags& globals_;
  action& chosen_;
};

v1::ListPoliciesRequest list_of(const league_flags& flags) {
  v1::ListPoliciesRequest request;
  request.set_server(flags.server);
  return request;
}

void add_looks(builder& to) {
  to.add("list", "Who stands where in the leagues of a cluster", "list",
         [](const auto& globals, const auto& flags, console& out) {
           return print_list(globals, list_of(flags), policies_table, out);
         });
  to.add("shadow", "How policies have done on the cells' own record",
         "shadow -o json",
         [](const auto& globals, const auto& flags, console& out) {
           return print_list(globals, list_of(flags), shadow_table, out);
         });
  auto& log = to.add(
      "log", "The audit log: every change, and why", "log --limit 50",
      [](const auto& globals, const auto& flags, console& out) {
        auto request = list_of(flags);
        request.set_events(flags.events == 0 ? 1'000 : flags.events);
        request.set_name("-"); // No policies: names begin with a letter.
        return print_list(globals, request, policy_events_table, out);
      });
  log.add_option("--limit", to.flags->events, "At most so many; 0 for all")
      ->type_name("N")
      ->capture_default_str();
  auto& two = to.add("compare", "Policies side by side, on the same arrivals",
                     "compare skerry fgd", compare);
  two.add_option("NAME", to.flags->names, "Two or more, as `list` names them")
      ->type_name("")
      ->required()
      ->expected(2, 16);
}

void add_commands(builder& to) {
  const auto name = [&](CLI::App& of, const char* what) {
    return of.add_option("NAME", to.flags->name, what)
        ->type_name("")
        ->check(refuse_empty);
  };
  auto& submitted = to.add("submit", "Give the leagues a candidate",
                           "submit mine.policy", submit);
  submitted.add_option("FILE", to.flags->name, "A policy for placing tasks")
      ->type_name("")
      ->required();
  auto& promoted = to.add(
      "promote", "Let a policy decide a share, as a canary, or rule at once",
      "promote mine@1 --now",
      [](const auto& globals, const auto& flags, console& out) {
        v1::PromotePolicyRequest request;
        request.set_server(flags.server);
        request.set_name(flags.name);
        request.set_at_once(flags.at_once);
        return tell(globals, &stub::Promote, request, out);
      });
  name(promoted, "With its version, or the latest")->required();
  promoted.add_flag("--now", to.flags->at_once, "Rule without a canary");
  auto& back
      = to.add("rollback", "End a canary, or let who ruled before rule again",
               "rollback mine@1 --reason 'large tasks wait'",
               [](const auto& globals, const auto& flags, console& out) {
                 v1::RollBackPolicyRequest request;
                 request.set_server(flags.server);
                 request.set_name(flags.name);
                 request.set_reason(flags.reason);
                 return tell(globals, &stub::RollBack, request, out);
               });
  name(back, "Otherwise the canary, or who rules");
  back.add_option("--reason", to.flags->reason, "For the audit log")
      ->type_name("TEXT");
  const auto freeze = [](bool frozen) {
    return [frozen](const auto& globals, const auto& flags, console& out) {
      v1::FreezePoliciesRequest request;
      request.set_server(flags.server);
      request.set_frozen(frozen);
      return tell(globals, &stub::Freeze, request, out);
    };
  };
  to.add("freeze", "Stop learning: islands pause, nothing is promoted",
         "freeze", freeze(true));
  to.add("unfreeze", "Let learning go on", "unfreeze", freeze(false));
}

} // namespace

result<v1::Policy> policy_of_cluster(const global_flags& globals,
                                     const std::string& name, console& out) {
  v1::ListPoliciesRequest request;
  request.set_name(name);
  auto leagues = ask(globals, request, out);
  if (!leagues)
    return leagues.failure();
  for (const auto& league : leagues->leagues())
    for (const auto& policy : league.policies()) {
      if (policy.has_policy())
        return policy.policy();
      return error{error_code::invalid_argument,
                   fmt::format("{} is a heuristic and has no weights", name)};
    }
  return error{error_code::not_found,
               fmt::format("no league knows {}; `skerry policy list` shows "
                           "those they know",
                           name)};
}

void add_policy_league(CLI::App& policy, const global_flags& globals,
                       action& chosen) {
  builder to{policy, globals, chosen};
  add_looks(to);
  add_commands(to);
}

} // namespace skerry
