#include "messages/policy_file.hpp"

#include "learning/reranking_policy.hpp"
#include "learning/trainer.hpp"
#include "messages/shipped_policy.hpp"
#include "messages/weights_file.hpp"
#include "scheduling/assert.hpp"
#include "scheduling/fnv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <fstream>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <iterator>
#include <span>
#include <system_error>

namespace skerry {
namespace {

/// Ten thousand weights are a megabyte; more is no policy.
constexpr std::streamoff max_file_bytes = 1 << 20;

std::string hexadecimal(std::uint64_t number) {
  return fmt::format("{:016x}", number);
}

std::string placement_schema() {
  return hexadecimal(placement_feature_schema());
}

std::string queue_schema() {
  return hexadecimal(queue_feature_schema());
}

/// Over the binary form of everything else.
std::string checksum_of(v1::Policy policy) {
  policy.clear_checksum();
  return hexadecimal(fnv1a{}.bytes(policy.SerializeAsString()).value());
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

using feature_weights = google::protobuf::RepeatedPtrField<v1::FeatureWeight>;

/// @param table Of the features, by position among the weights.
void write(std::span<const double> weights, const auto& table,
           feature_weights& into) {
  for (std::size_t f = 0; f < weights.size(); ++f) {
    if (weights[f] == 0)
      continue;
    auto& weight = *into.Add();
    weight.set_feature(std::string{table[f].name});
    weight.set_weight(weights[f]);
  }
}

result<> read(const feature_weights& from, const auto& table,
              std::span<double> into) {
  for (const auto& weight : from) {
    const auto row
        = std::ranges::find_if(table, [&weight](const auto& feature) {
            return feature.name == weight.feature();
          });
    if (row == table.end())
      return malformed(fmt::format("an unknown feature, {}", weight.feature()));
    into[static_cast<std::size_t>(row - table.begin())] = weight.weight();
  }
  return done{};
}

/// @param lacking What a policy without these weights does.
result<> check_origin(const v1::Policy& policy, const std::string& schema,
                      const std::string& wanted, std::string_view lacking) {
  if (policy.checksum() != checksum_of(policy))
    return malformed("damaged: its checksum is of other contents");
  if (schema.empty())
    return {error_code::not_found,
            fmt::format("the policy {} {}", policy.name(), lacking)};
  if (schema != wanted)
    return malformed(fmt::format(
        "its weights are for other features (schema {}, this version has {}): "
        "train it again",
        schema, wanted));
  return done{};
}

/// All that it holds is good, and it holds something.
result<> check(const v1::Policy& policy) {
  const auto absent = [](const auto& read) {
    return !read && read.failure().code == error_code::not_found;
  };
  const auto placement = weights_from(policy);
  const auto queue = queue_weights_from(policy);
  if (!placement && (!absent(placement) || absent(queue)))
    return placement.failure();
  if (!queue && !absent(queue))
    return queue.failure();
  return done{};
}

/// @returns `malformed` with the origin before what is wrong.
error with_origin(std::string_view origin, const error& fault) {
  return {fault.code == error_code::not_found ? error_code::invalid_argument
                                              : fault.code,
          fmt::format("{}: {}", origin, fault.message)};
}

/// "policy:FILE" or "value:WEIGHT:FILE".
struct network_rule {
  reranking_options options;
  std::string file;
};

result<network_rule> parse_network_rule(std::string_view text) {
  constexpr std::string_view by_policy = "policy:";
  constexpr std::string_view by_value = "value:";
  constexpr double largest = 1e6;
  if (text.starts_with(by_policy))
    return network_rule{{}, std::string{text.substr(by_policy.size())}};
  double weight = 0;
  if (text.starts_with(by_value)) {
    text.remove_prefix(by_value.size());
    const auto* const end = text.data() + text.size();
    const auto [stopped, fault] = std::from_chars(text.data(), end, weight);
    if (fault == std::errc{} && std::abs(weight) <= largest && stopped != end
        && *stopped == ':')
      return network_rule{{.value_weight = weight},
                          std::string{stopped + 1, end}};
  }
  return error{error_code::invalid_argument,
               fmt::format("\"+{}\": networks are +policy:FILE or "
                           "+value:WEIGHT:FILE",
                           text)};
}

/// @param rule Whose best the network chooses among.
result<policy_choice> with_network(std::string name, const policy_choice& rule,
                                   std::string_view how) {
  if (!rule.weights)
    return {error_code::invalid_argument,
            fmt::format("{}: networks choose among the best of an evolved "
                        "policy, which {} is not",
                        name, rule.name)};
  const auto wanted = parse_network_rule(how);
  if (!wanted)
    return wanted.failure();
  const auto weights = read_weights_file(wanted->file);
  if (!weights)
    return error{error_code::invalid_argument, weights.failure().message};
  // Its first tensor says how many units it has.
  const auto hidden = weights->tensors.empty()
                          ? std::size_t{0}
                          : weights->tensors.front().layout.extents.front();
  auto net = candidate_network::from(experience_network(hidden), *weights,
                                     experience_schema());
  if (!net)
    return with_origin(wanted->file, net.failure());
  auto shared = std::make_shared<const candidate_network>(*std::move(net));
  return policy_choice{
      name, [name, weights = rule.weights, shared, options = wanted->options](
                const cluster& on, const policy_context& context) {
        return make_reranking_policy(
            std::make_unique<weighted_scorer>(name, *weights, context.workload),
            shared, on, context.workload, options);
      }};
}

} // namespace

v1::Policy to_proto(const std::string& name, const placement_weights& weights) {
  v1::Policy out;
  out.set_name(name);
  out.set_feature_schema(placement_schema());
  for (std::size_t c = 0; c < task_classes; ++c) {
    auto& of_class = *out.add_placement();
    of_class.set_task_class(std::string{task_class_names[c]});
    write(weights.of[c], placement_feature_table(),
          *of_class.mutable_weights());
  }
  seal(out);
  return out;
}

v1::Policy to_proto(const std::string& name, const queue_weights& weights) {
  v1::Policy out;
  out.set_name(name);
  out.set_queue_schema(queue_schema());
  write(weights, queue_feature_table(), *out.mutable_queue());
  seal(out);
  return out;
}

result<placement_weights> weights_from(const v1::Policy& policy) {
  if (auto ok = check_origin(policy, policy.feature_schema(),
                             placement_schema(), "places no tasks");
      !ok)
    return ok.failure();
  placement_weights out;
  for (const auto& of_class : policy.placement()) {
    const auto c = std::ranges::find(task_class_names, of_class.task_class());
    if (c == task_class_names.end())
      return malformed(
          fmt::format("an unknown class of tasks, {}", of_class.task_class()));
    auto& weights
        = out.of[static_cast<std::size_t>(c - task_class_names.begin())];
    if (auto ok = read(of_class.weights(), placement_feature_table(), weights);
        !ok)
      return ok.failure();
  }
  if (auto ok = validate(out); !ok)
    return malformed(ok.failure().message);
  return out;
}

result<queue_weights> queue_weights_from(const v1::Policy& policy) {
  if (auto ok = check_origin(policy, policy.queue_schema(), queue_schema(),
                             "orders no queue");
      !ok)
    return ok.failure();
  queue_weights out{};
  if (auto ok = read(policy.queue(), queue_feature_table(), out); !ok)
    return ok.failure();
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
  if (auto ok = check(out); !ok)
    return with_origin(origin, ok.failure());
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
  if (const auto plus = name.find('+'); plus != name.npos) {
    auto rule = find_policy(name_or_file.substr(0, plus));
    return rule ? with_network(name, *rule, name_or_file.substr(plus + 1))
                : rule;
  }
  const auto chosen
      = [&name](const v1::Policy& policy) -> result<policy_choice> {
    const auto weights = weights_from(policy);
    if (!weights)
      return with_origin(name, weights.failure());
    return policy_choice{name, *weights};
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

result<queue_weights> find_queue_policy(std::string_view name_or_file) {
  const std::string name{name_or_file};
  const auto policy = name == shipped_policy_name
                          ? result<v1::Policy>{shipped_policy()}
                          : read_policy_file(name);
  if (!policy)
    return policy.failure();
  auto weights = queue_weights_from(*policy);
  if (!weights)
    return with_origin(name, weights.failure());
  return weights;
}

} // namespace skerry
