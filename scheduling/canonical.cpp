#include "scheduling/canonical.hpp"

#include <fmt/format.h>

#include <iterator>

namespace skerry {
namespace {

/// Fields behind each other; strings carry their length, so that no two lists
/// of fields read alike.
class writer {
public:
  writer& operator<<(std::string_view text) {
    fmt::format_to(std::back_inserter(out_), "{}:{}", text.size(), text);
    return *this;
  }
  writer& operator<<(std::int64_t number) {
    fmt::format_to(std::back_inserter(out_), "{};", number);
    return *this;
  }
  writer& operator<<(const resources& amounts) {
    const auto used = amounts.kinds_used();
    *this << static_cast<std::int64_t>(used);
    for (std::size_t kind = 0; kind < used; ++kind)
      *this << amounts[kind];
    return *this;
  }
  template <class T>
  writer& operator<<(const std::vector<T>& items) {
    *this << static_cast<std::int64_t>(items.size());
    for (const auto& item : items)
      *this << item;
    return *this;
  }
  writer& operator<<(const std::string& text) {
    return *this << std::string_view{text};
  }
  writer& operator<<(const label& item) {
    return *this << item.key << item.value;
  }
  writer& operator<<(const named_amount& item) {
    return *this << item.name << item.amount_milli;
  }
  writer& operator<<(const device_spec& item) {
    return *this << item.kind << item.model << std::int64_t{item.capacity_milli}
                 << item.memory_bytes;
  }
  writer& operator<<(const device_request& item) {
    return *this << item.kind << std::int64_t{item.count}
                 << std::int64_t{item.share_milli} << item.memory_bytes
                 << item.models;
  }
  writer& operator<<(const label_constraint& item) {
    return *this << item.key << static_cast<std::int64_t>(item.test)
                 << item.values;
  }

  std::string take() { return std::move(out_); }

private:
  std::string out_;
};

} // namespace

std::string canonical_text(const node_class& node_class) {
  writer out;
  out << node_class.capacity << node_class.devices << node_class.labels
      << std::int64_t{node_class.max_tasks};
  return out.take();
}

std::string canonical_text(const task_shape& shape) {
  writer out;
  out << shape.demand << shape.named << shape.devices << shape.constraints
      << shape.groups << shape.affinity << shape.anti_affinity;
  if (const auto& spread = shape.spread)
    out << spread->group << spread->topology << std::int64_t{spread->max_skew};
  return out.take();
}

} // namespace skerry
