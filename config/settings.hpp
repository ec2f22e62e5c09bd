#pragma once

#include "config/configuration.hpp"
#include "config/table_reader.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace skerry {

/// One key of the configuration and the variable it sets: the file, the
/// environment, the flags and `config show` all work from this list.
struct setting {
  using text_check = result<> (*)(std::string_view);

  struct text {
    std::string* into;
    text_check check = nullptr; ///< Not asked about an empty text.
  };
  struct list {
    std::vector<std::string>* into;
    text_check check; ///< Of each item.
  };
  struct whole {
    std::int64_t* into;
    amount_range range;
  };
  struct flag {
    bool* into;
  };
  /// With a unit.
  struct amount {
    std::int64_t* into;
    amount_parser parse;
    std::string (*show)(std::int64_t);
    amount_range range;
  };

  std::string_view section;
  std::string_view key;
  std::variant<text, list, whole, flag, amount> target;

  std::string name() const;     ///< "server.listen"
  std::string variable() const; ///< "SKERRY_SERVER_LISTEN"
};

/// Pointing into `into`, in the order of the sample.
std::vector<setting> settings_of(configuration& into);

/// Takes the value from the file. Faults go to the reader of its section.
void read(const setting& what, table_reader& section);

/// Takes the value from a variable or a flag.
/// @returns `invalid_argument` without the name.
result<> assign(const setting& what, std::string_view text);

/// As it would be written, without quotes.
std::vector<std::string> values_of(const setting& what);

} // namespace skerry
