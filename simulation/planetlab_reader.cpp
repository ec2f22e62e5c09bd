#include "simulation/planetlab_reader.hpp"

#include "simulation/text_reader.hpp"

#include <fmt/format.h>

#include <unordered_set>

namespace skerry {
namespace {

result<vm_day> vm_of(const text_reader& text,
                     const std::vector<text_field>& fields) {
  if (fields.size() != intervals_per_day + 1)
    return text.complain(
        fields.size() <= intervals_per_day
            ? text.line().size() + 1
            : fields[intervals_per_day + 1].column,
        fmt::format("{} fields, but a VM has a name and {} percents (was the "
                    "file cut?)",
                    fields.size(), intervals_per_day));
  vm_day vm{std::string{fields.front().text}, {}};
  if (vm.name.empty())
    return text.complain(1, "a VM has no name");
  for (std::size_t i = 0; i < intervals_per_day; ++i) {
    const auto percent = text.integer(fields[i + 1], "the CPU use", 0, 100);
    if (!percent)
      return percent.failure();
    vm.demand_percent[i] = static_cast<std::uint8_t>(*percent);
  }
  return vm;
}

} // namespace

result<std::vector<vm_day>> read_planetlab(const std::string& path) {
  auto text = text_reader::open(path);
  if (!text)
    return text.failure();
  std::vector<vm_day> day;
  std::unordered_set<std::string> names;
  std::vector<text_field> fields;
  while (true) {
    const auto more = text->next();
    if (!more)
      return more.failure();
    if (!*more)
      break;
    if (text->line().empty())
      continue;
    split_commas(text->line(), fields);
    auto vm = vm_of(*text, fields);
    if (!vm)
      return vm.failure();
    if (!names.insert(vm->name).second)
      return text->complain(
          1, fmt::format("VM {} is given twice", printable(vm->name)));
    day.push_back(*std::move(vm));
  }
  if (day.empty())
    return error{error_code::malformed,
                 fmt::format("{}:{}:1: the file has no VM", path,
                             text->line_number() + 1)};
  return day;
}

} // namespace skerry
