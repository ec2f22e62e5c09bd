#include "config/table_reader.hpp"

#include "config/suggestion.hpp"
#include "scheduling/assert.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>
#include <tuple>

namespace skerry {

// -- fault_list ---------------------------------------------------------------

void fault_list::add(text_place at, std::string_view what) {
  faults_.push_back({at, std::string{what}});
}

error fault_list::to_error() const {
  SKERRY_ASSERT(!faults_.empty());
  constexpr std::size_t shown = 20; // A wrong file would fill the screen.
  auto sorted = faults_;
  std::ranges::stable_sort(sorted, [](const fault& a, const fault& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  std::string text;
  for (const auto& each :
       std::span{sorted}.first(std::min(shown, sorted.size())))
    text += fmt::format("{}{}:{}:{}: {}", text.empty() ? "" : "\n", file_,
                        each.at.line, each.at.column, each.what);
  if (sorted.size() > shown)
    text += fmt::format("\n{}: and {} more", file_, sorted.size() - shown);
  return {error_code::malformed, text};
}

// -- table_reader -------------------------------------------------------------

const document_value::table table_reader::nothing;

table_reader::table_reader(const document_value& value, std::string path,
                           fault_list& faults)
    : at_{value.at}, path_{std::move(path)}, faults_{faults} {
  if (const auto* table = std::get_if<document_value::table>(&value.value))
    table_ = table;
  else
    fault("",
          fmt::format("{} is {}; wanted is a table",
                      path_.empty() ? "the document" : path_, value.kind()));
}

const document_value* table_reader::find(std::string_view key) {
  if (std::ranges::count(known_, key) == 0)
    known_.push_back(key);
  for (const auto& [name, value] : *table_)
    if (name.name == key)
      return &value;
  return nullptr;
}

std::vector<std::string> table_reader::names() const {
  std::vector<std::string> out;
  for (const auto& [name, value] : *table_)
    out.push_back(name.name);
  return out;
}

std::string table_reader::path_of(std::string_view key) const {
  if (key.empty())
    return path_;
  return path_.empty() ? std::string{key} : fmt::format("{}.{}", path_, key);
}

void table_reader::fault(std::string_view key, std::string_view what) {
  auto at = at_;
  for (const auto& [name, value] : *table_)
    if (name.name == key)
      at = value.at;
  faults_.add(at, what);
}

void table_reader::wrong_type(std::string_view key, const document_value& value,
                              std::string_view wanted) {
  faults_.add(value.at, fmt::format("{} is {}; wanted is {}", path_of(key),
                                    value.kind(), wanted));
}

void table_reader::text(std::string_view key, std::string& into) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  if (const auto* text = std::get_if<std::string>(&value->value))
    into = *text;
  else
    wrong_type(key, *value, "a string");
}

void table_reader::flag(std::string_view key, bool& into) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  if (const auto* flag = std::get_if<bool>(&value->value))
    into = *flag;
  else
    wrong_type(key, *value, "true or false");
}

void table_reader::whole(std::string_view key, std::int64_t& into,
                         amount_range range) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  const auto* number = std::get_if<std::int64_t>(&value->value);
  const auto wanted
      = range.most == INT64_MAX
            ? fmt::format("a whole number, {} or more", range.least)
            : fmt::format("a whole number from {} to {}", range.least,
                          range.most);
  if (number == nullptr)
    wrong_type(key, *value, wanted);
  else if (*number < range.least || *number > range.most)
    fault(key,
          fmt::format("{} is {}; wanted is {}", path_of(key), *number, wanted));
  else
    into = *number;
}

void table_reader::amount(std::string_view key, std::int64_t& into,
                          amount_parser parse, amount_range range) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  std::string text;
  if (const auto* words = std::get_if<std::string>(&value->value))
    text = *words;
  else if (const auto* whole = std::get_if<std::int64_t>(&value->value))
    text = fmt::format("{}", *whole);
  else if (const auto* number = std::get_if<double>(&value->value))
    text = fmt::format("{}", *number);
  else
    return wrong_type(key, *value, "an amount");
  const auto parsed = parse(text);
  if (!parsed)
    fault(key, fmt::format("{}: {}", path_of(key), parsed.failure().message));
  else if (*parsed < range.least || *parsed > range.most)
    fault(key, fmt::format("{}: {} is too {}", path_of(key), text,
                           *parsed < range.least ? "small" : "large"));
  else
    into = *parsed;
}

void table_reader::texts(std::string_view key, std::vector<std::string>& into) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  const auto* array = std::get_if<document_value::array>(&value->value);
  if (array == nullptr)
    return wrong_type(key, *value, "a list of strings");
  into.clear();
  for (const auto& item : *array) {
    if (const auto* text = std::get_if<std::string>(&item.value))
      into.push_back(*text);
    else
      wrong_type(fmt::format("{}[{}]", key, &item - array->data()), item,
                 "a string");
  }
}

void table_reader::text_map(std::string_view key,
                            std::map<std::string, std::string>& into) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  const auto* table = std::get_if<document_value::table>(&value->value);
  if (table == nullptr)
    return wrong_type(key, *value, "a table of strings");
  for (const auto& [name, item] : *table) {
    if (const auto* text = std::get_if<std::string>(&item.value))
      into[name.name] = *text;
    else
      wrong_type(fmt::format("{}.{}", key, name.name), item, "a string");
  }
}

int table_reader::choice(std::string_view key,
                         std::vector<std::string_view> names) {
  std::string text;
  this->text(key, text);
  if (text.empty())
    return -1;
  const auto found = std::ranges::find(names, text);
  if (found != names.end())
    return static_cast<int>(found - names.begin());
  fault(key, fmt::format("{}: there is no \"{}\" (known: {})", path_of(key),
                         text, fmt::join(names, ", ")));
  return -1;
}

void table_reader::table(std::string_view key,
                         const std::function<void(table_reader&)>& read) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  table_reader inner{*value, path_of(key), faults_};
  read(inner);
  inner.finish();
}

void table_reader::tables(std::string_view key,
                          const std::function<void(table_reader&)>& read) {
  const auto* value = find(key);
  if (value == nullptr)
    return;
  const auto* array = std::get_if<document_value::array>(&value->value);
  if (array == nullptr)
    return wrong_type(key, *value, "a list of tables");
  for (const auto& item : *array) {
    table_reader inner{
        item, fmt::format("{}[{}]", path_of(key), &item - array->data()),
        faults_};
    read(inner);
    inner.finish();
  }
}

void table_reader::finish() {
  for (const auto& [name, value] : *table_)
    if (std::ranges::count(known_, name.name) == 0)
      faults_.add(name.at,
                  fmt::format("there is no \"{}\" here{}", path_of(name.name),
                              suggestion(name.name, known_)));
}

} // namespace skerry
