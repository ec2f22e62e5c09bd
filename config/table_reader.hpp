#pragma once

#include "config/document.hpp"
#include "scheduling/result.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skerry {

/// What is wrong with one text: all of it, so that it is mended in one go.
class fault_list {
public:
  explicit fault_list(std::string file) : file_{std::move(file)} {}

  void add(text_place at, std::string_view what);

  bool empty() const { return faults_.empty(); }
  const std::string& file() const { return file_; }
  /// `malformed`, with a line "FILE:LINE:COL: what" for each, by place.
  /// @pre There is one.
  error to_error() const;

private:
  struct fault {
    text_place at;
    std::string what;
  };

  std::string file_;
  std::vector<fault> faults_;
};

/// Turns the text of an amount into a number, as in config/units.hpp.
using amount_parser = result<std::int64_t> (*)(std::string_view);

struct amount_range {
  std::int64_t least = 0;
  std::int64_t most = INT64_MAX;
};

/// Reads the keys of a table into variables. A key that is not there leaves its
/// variable as it was; a value of the wrong type or range, and a key that was
/// never asked for, become faults that name the field from the root on.
class table_reader {
public:
  /// @param path Of the table, for example "groups[0]"; empty for the root.
  table_reader(const document_value& value, std::string path,
               fault_list& faults);

  /// Of all keys; none of them counts as asked for.
  std::vector<std::string> names() const;
  bool has(std::string_view key) { return find(key) != nullptr; }
  /// Nothing when it is not there. The key counts as asked for.
  const document_value* find(std::string_view key);

  void text(std::string_view key, std::string& into);
  void flag(std::string_view key, bool& into);
  void whole(std::string_view key, std::int64_t& into, amount_range range);
  /// A string or a number that `parse` understands.
  void amount(std::string_view key, std::int64_t& into, amount_parser parse,
              amount_range range = {});
  void texts(std::string_view key, std::vector<std::string>& into);
  void text_map(std::string_view key, std::map<std::string, std::string>& into);
  /// One of `names`. @returns Its position, or -1.
  int choice(std::string_view key, std::vector<std::string_view> names);
  void table(std::string_view key,
             const std::function<void(table_reader&)>& read);
  /// A list of tables.
  void tables(std::string_view key,
              const std::function<void(table_reader&)>& read);

  /// @param key Empty: the table itself.
  void fault(std::string_view key, std::string_view what);
  /// Whether nothing was wrong so far, in this table or before it.
  bool faultless() const { return faults_.empty(); }
  std::string path_of(std::string_view key) const;

  /// Complains about the keys that nobody has asked for. `table` and `tables`
  /// do so themselves.
  void finish();

private:
  void wrong_type(std::string_view key, const document_value& value,
                  std::string_view wanted);

  static const document_value::table nothing;

  const document_value::table* table_ = &nothing;
  text_place at_;
  std::string path_;
  fault_list& faults_;
  std::vector<std::string_view> known_;
};

} // namespace skerry
