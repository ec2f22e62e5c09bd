#include "cli/command.hpp"
#include "cli/output_file.hpp"
#include "cli/report.hpp"
#include "learning/network.hpp"
#include "messages/weights_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace skerry {
namespace {

result<network_weights> load_weights(const std::string& path) {
  auto read = read_weights_file(path);
  if (!read)
    return error{error_code::invalid_argument, read.failure().message};
  return read;
}

result<> show_weights(const std::string& path, console& out) {
  const auto weights = load_weights(path);
  if (!weights)
    return weights.failure();
  const auto& from = weights->origin;
  const auto schema = fmt::format("{:016x}", weights->feature_schema);
  if (out.format == output_format::json) {
    json tensors = json::array();
    for (const auto& each : weights->tensors)
      tensors.push_back(
          {{"name", each.layout.name}, {"extents", each.layout.extents}});
    return out.print(json{{"id", weights_id(*weights)},
                          {"feature_schema", schema},
                          {"tensors", tensors},
                          {"steps", from.steps},
                          {"experiences", from.experiences},
                          {"seed", from.seed},
                          {"loss", from.loss},
                          {"trained_on", from.trained_on},
                          {"parents", from.parents},
                          {"made_by", from.made_by},
                          {"command", from.command}}
                         .dump(2)
                     + "\n");
  }
  text_table table{{"TENSOR", "EXTENTS", "LEAST", "MOST"}, 2};
  for (const auto& each : weights->tensors) {
    const auto [least, most] = std::ranges::minmax(each.values);
    table.add({each.layout.name, fmt::format("{}", each.layout.extents),
               fmt::format("{:.4f}", least), fmt::format("{:.4f}", most)});
  }
  return out.print(fmt::format(
      "sha256       {}\nfeatures     schema {}\nmade by      {}\n"
      "trained on   {}\nsteps        {} ({} experiences drawn, seed {})\n"
      "value loss   {:.4f}\nbegan at     {}\ncommand      {}\n\n{}",
      weights_id(*weights), schema, from.made_by, from.trained_on, from.steps,
      from.experiences, from.seed, from.loss,
      from.parents.empty() ? "-"
                           : fmt::format("{}", fmt::join(from.parents, ", ")),
      from.command, table.text()));
}

struct average_flags {
  std::vector<std::string> files;
  std::string out;
  bool heads = false;
};

/// Weighted by the experiences that each was trained on.
result<> average_weights(const average_flags& flags, console& out) {
  std::vector<network_weights> read;
  for (const auto& path : flags.files) {
    auto one = load_weights(path);
    if (!one)
      return one.failure();
    read.push_back(*std::move(one));
  }
  std::vector<federation_member> members;
  for (const auto& each : read)
    members.push_back({&each, static_cast<double>(std::max<std::uint64_t>(
                                  each.origin.experiences, 1))});
  const auto own = flags.heads ? std::span<const std::string_view>{}
                               : std::span{network_heads};
  auto mean = federated_mean(members, own);
  if (!mean)
    return error{error_code::invalid_argument, mean.failure().message};
  for (const auto& each : read)
    mean->origin.parents.push_back(weights_id(each));
  mean->origin.trained_on = "the mean of its parents";
  mean->origin.command
      = fmt::format("skerry weights average {}{}", fmt::join(flags.files, " "),
                    flags.heads ? " --heads" : "");
  auto file = output_file::create(flags.out, flags.files);
  if (!file)
    return file.failure();
  if (auto ok = file->commit(weights_bytes(*mean)); !ok)
    return ok;
  out.note(
      fmt::format("{} is the mean of {} networks{}", flags.out, read.size(),
                  flags.heads ? "" : ", with the heads of " + flags.files[0]));
  return done{};
}

} // namespace

void add_weights_command(CLI::App& parent, action& chosen) {
  auto& weights = *parent.add_subcommand(
      "weights", "Look into weights of networks, and share them");
  weights.require_subcommand(1);
  auto& show
      = *weights.add_subcommand("show", "Where weights come from, and their "
                                        "tensors");
  const auto path = std::make_shared<std::string>();
  show.add_option("FILE", *path, "As `skerry learn` has written it")
      ->type_name("")
      ->required();
  show.footer("Also: -o table|json.\n"
              "Example:\n  skerry weights show mine.weights");
  show.final_callback([path, &chosen] {
    chosen = [path](console& out) { return show_weights(*path, out); };
  });
  auto& average = *weights.add_subcommand(
      "average", "The mean of several clusters' networks, without their "
                 "experience");
  const auto flags = std::make_shared<average_flags>();
  average
      .add_option("FILE", flags->files,
                  "Two or more; the first is this cluster's")
      ->type_name("")
      ->required()
      ->expected(2, 64);
  average.add_option("--out", flags->out, "The mean")
      ->type_name("FILE")
      ->required();
  average.add_flag("--heads", flags->heads,
                   "Of the heads, too; else they are the first one's");
  average.footer("Each counts as much as the experiences it was trained on.\n"
                 "Example:\n  skerry weights average ours.weights "
                 "theirs.weights --out shared.weights");
  average.final_callback([flags, &chosen] {
    chosen = [flags](console& out) { return average_weights(*flags, out); };
  });
}

} // namespace skerry
