#include "simulation/csv_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace skerry {

std::string join_some(const std::vector<std::string>& names) {
  constexpr std::size_t shown = 12;
  const auto count = std::min(names.size(), shown);
  const auto last = names.begin() + static_cast<std::ptrdiff_t>(count);
  auto text = fmt::format("{}", fmt::join(names.begin(), last, ", "));
  if (names.size() > shown)
    text += fmt::format(" and {} more", names.size() - shown);
  return printable(text);
}

result<csv_reader> csv_reader::open(const std::string& path) {
  auto text = text_reader::open(path);
  if (!text)
    return text.failure();
  csv_reader table{*std::move(text)};
  const auto more = table.text_.next();
  if (!more)
    return more.failure();
  if (!*more)
    return error{
        error_code::malformed,
        fmt::format("{}:1:1: the file is empty (want a header line)", path)};
  split_commas(table.text_.line(), table.fields_);
  for (const auto& [name, column] : table.fields_) {
    if (name.empty())
      return table.text_.complain(
          column, "a column has no name (is the header missing?)");
    if (table.find(name))
      return table.text_.complain(
          column, fmt::format("the column {} is there twice", name));
    table.header_.emplace_back(name);
  }
  return table;
}

result<bool> csv_reader::next() {
  auto more = text_.next();
  if (!more || !*more)
    return more;
  // With one column an empty line is a row with a blank field.
  if (text_.line().empty() && header_.size() > 1) {
    const auto gap = text_.complain(1, "an empty line between rows (remove "
                                       "it)");
    do {
      more = text_.next();
      if (!more || !*more)
        return more;
    } while (text_.line().empty());
    return gap;
  }
  split_commas(text_.line(), fields_);
  if (fields_.size() != header_.size())
    return text_.complain(
        fields_.size() < header_.size() ? text_.line().size() + 1
                                        : fields_[header_.size()].column,
        fmt::format("{} fields, but the header has {} (was the file cut?)",
                    fields_.size(), header_.size()));
  return true;
}

std::optional<std::size_t> csv_reader::find(std::string_view name) const {
  const auto at = std::ranges::find(header_, name);
  if (at == header_.end())
    return std::nullopt;
  return static_cast<std::size_t>(at - header_.begin());
}

result<std::size_t> csv_reader::require(std::string_view name) const {
  if (const auto column = find(name))
    return *column;
  return error{error_code::malformed,
               fmt::format("{}:1:1: no column {} (the header has: {})",
                           text_.path(), name, join_some(header_))};
}

} // namespace skerry
