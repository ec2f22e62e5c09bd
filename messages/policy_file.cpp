#include "messages/policy_file.hpp"

#include "messages/shipped_policy.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <iterator>
#include <system_error>

namespace skerry {
namespace {

/// Ten thousand weights are a megabyte; more is no policy.
constexpr std::streamoff max_file_bytes = 1 << 20;

std::string hexadecimal(std::uint64_t number) {
  return fmt::format("{:016x}", number);
}

std::string schema() {
  return hexadecimal(placement_feature_schema());
}

/// FNV-1a over the binary form: against damage, not against forgery.
std::string checksum_of(v1::Policy policy) {
  policy.clear_checksum();
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const auto c : policy.SerializeAsString())
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hexadecimal(hash);
}

/// Keeps the first error of the parser, with its place.
class first_error final : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (text.empty())
      text = fmt::format("{}:{}: {}", line + 1, column + 1, message);
  }

  std::string text;
};

error malformed(std::string text) {
  return {error_code::malformed, std::move(text)};
}

} // namespace

v1::Policy to_proto(const std::string& name, const placement_weights& weights) {
  v1::Policy out;
  out.set_name(name);
  out.set_feature_schema(schema());
  for (std::size_t c = 0; c < task_classes; ++c) {
    auto& of_class = *out.add_placement();
    of_class.set_task_class(std::string{task_class_names[c]});
    for (std::size_t f = 0; f < placement_features; ++f) {
      if (weights.of[c][f] == 0)
        continue;
      auto& weight = *of_class.add_weights();
      weight.set_feature(std::string{placement_feature_table()[f].name});
      weight.set_weight(weights.of[c][f]);
    }
  }
  seal(out);
  return out;
}

result<placement_weights> weights_from(const v1::Policy& policy) {
  if (policy.checksum() != checksum_of(policy))
    return malformed("damaged: its checksum is of other contents");
  if (policy.feature_schema() != schema())
    return malformed(fmt::format(
        "its weights are for other features (schema {}, this version has {}): "
        "train it again",
        policy.feature_schema(), schema()));
  placement_weights out;
  for (const auto& of_class : policy.placement()) {
    const auto c = std::ranges::find(task_class_names, of_class.task_class());
    if (c == task_class_names.end())
      return malformed(
          fmt::format("an unknown class of tasks, {}", of_class.task_class()));
    auto& weights
        = out.of[static_cast<std::size_t>(c - task_class_names.begin())];
    for (const auto& weight : of_class.weights()) {
      const auto& table = placement_feature_table();
      const auto f = std::ranges::find(table, weight.feature(),
                                       &placement_feature_row::name);
      if (f == table.end())
        return malformed(
            fmt::format("an unknown feature, {}", weight.feature()));
      weights[static_cast<std::size_t>(f - table.begin())] = weight.weight();
    }
  }
  if (auto ok = validate(out); !ok)
    return malformed(ok.failure().message);
  return out;
}

void seal(v1::Policy& policy) {
  policy.set_checksum(checksum_of(policy));
}

std::string policy_text(const v1::Policy& policy) {
  std::string out;
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  SKERRY_ASSERT(printer.PrintToString(policy, &out));
  return out;
}

result<v1::Policy> read_policy(std::string_view text, std::string_view origin) {
  v1::Policy out;
  first_error fault;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&fault);
  if (!parser.ParseFromString(std::string{text}, &out))
    return malformed(
        fmt::format("{}:{} (no policy of skerry)", origin, fault.text));
  if (auto ok = weights_from(out); !ok)
    return malformed(fmt::format("{}: {}", origin, ok.failure().message));
  return out;
}

result<v1::Policy> read_policy_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary | std::ios::ate};
  if (!file)
    return {
        errno == ENOENT ? error_code::not_found : error_code::io_failed,
        fmt::format("{}: {}", path, std::generic_category().message(errno))};
  const auto size = static_cast<std::streamoff>(file.tellg());
  if (size < 0 || size > max_file_bytes)
    return malformed(fmt::format("{}: too large for a policy", path));
  file.seekg(0);
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (file.bad())
    return {error_code::io_failed, fmt::format("{}: cannot be read", path)};
  return read_policy(text, path);
}

const v1::Policy& shipped_policy() {
  static const auto shipped = [] {
    auto read = read_policy(shipped_policy_text, "the shipped policy");
    SKERRY_ASSERT(read);
    return *std::move(read);
  }();
  return shipped;
}

result<policy_choice> find_policy(std::string_view name_or_file) {
  std::string name{name_or_file};
  const auto chosen = [&name](const v1::Policy& policy) -> policy_choice {
    return {name, *weights_from(policy)};
  };
  if (name == shipped_policy_name)
    return chosen(shipped_policy());
  const auto names = placement_policy_names();
  if (std::ranges::count(names, name_or_file) > 0)
    return policy_choice{name};
  if (name.find_first_of("./") == name.npos)
    return {
        error_code::invalid_argument,
        fmt::format("there is no policy \"{}\"; known are {}, {}, and files "
                    "of weights by their path (./{})",
                    name, shipped_policy_name, fmt::join(names, ", "), name)};
  const auto read = read_policy_file(name);
  if (!read)
    return read.failure();
  return chosen(*read);
}

} // namespace skerry
