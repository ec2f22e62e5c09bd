#include "tests/source_tree.hpp"

#include <fmt/format.h>

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

using namespace skerry::testing;

TEST_SUITE_BEGIN("tidy");

namespace {

using texts = std::vector<std::string>;

bool is_code(const std::string& path) {
  return path.ends_with(".cpp") || path.ends_with(".hpp");
}

/// A longer file hides a room, or at least a second file.
constexpr std::size_t max_lines = 500;

texts file_faults(const source_file& file) {
  texts faults;
  if (is_code(file.path) && file.lines.size() > max_lines)
    faults.push_back(fmt::format("{}:{}: longer than {} lines", file.path,
                                 file.lines.size(), max_lines));
  const bool once = !file.lines.empty() && file.lines[0] == "#pragma once";
  if (file.path.ends_with(".hpp") && !once)
    faults.push_back(file.path + ":1: does not open with #pragma once");
  return faults;
}

/// Calls `is_fault` with what stands before and after each `word` in `line`.
template <class Predicate>
bool any_occurrence(std::string_view line, std::string_view word,
                    Predicate is_fault) {
  for (auto at = line.find(word); at != line.npos; at = line.find(word, at + 1))
    if (is_fault(line.substr(0, at), line.substr(at + word.size())))
      return true;
  return false;
}

bool is_letter(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

bool has_postponed_work(std::string_view line) {
  const auto lacks_issue = [](std::string_view before, std::string_view after) {
    if ((!before.empty() && is_letter(before.back()))
        || (!after.empty() && is_letter(after.front())))
      return false; // Part of a longer word.
    return !after.starts_with("(#") && !after.starts_with(" #");
  };
  return any_occurrence(line, "TODO", lacks_issue)
         || any_occurrence(line, "FIXME", lacks_issue);
}

bool has_machine_path(std::string_view line) {
  const auto opens_path = [](std::string_view before, std::string_view) {
    constexpr std::string_view openers = " \"'=:(<`";
    return before.empty() || openers.find(before.back()) != openers.npos;
  };
  const auto is_in = [&](const std::string& directory) {
    return any_occurrence(line, "/" + directory + "/", opens_path);
  };
  return is_in("home") || is_in("root") || is_in("work") || is_in("Users");
}

texts line_faults(std::string_view line) {
  texts faults;
  if (line.find('\t') != line.npos)
    faults.emplace_back("tab");
  if (line.ends_with(' ') || line.ends_with('\r'))
    faults.emplace_back("blank at the end of the line");
  if (has_postponed_work(line))
    faults.emplace_back("TODO without its issue, as in TODO(#12)");
  if (has_machine_path(line))
    faults.emplace_back("path of one machine");
  return faults;
}

texts faults_of(const source_file& file) {
  auto faults = file_faults(file);
  for (std::size_t i = 0; i < file.lines.size(); ++i)
    for (const auto& fault : line_faults(file.lines[i]))
      faults.push_back(fmt::format("{}:{}: {}", file.path, i + 1, fault));
  return faults;
}

texts check(std::string path, std::string_view text) {
  return faults_of(make_source(std::move(path), text));
}

} // namespace

TEST_CASE("every text file of the tree is tidy") {
  const auto files
      = read_sources(repository_root(), {".cpp", ".hpp", ".sh", ".txt",
                                         ".cmake", ".json", ".md", ".proto"});
  CHECK(files.size() > 10); // An empty walk would prove nothing.
  for (const auto& file : files)
    if (file.path != "tests/tidy_test.cpp") // It names what it forbids.
      for (const auto& fault : faults_of(file))
        FAIL_CHECK(fault);
}

TEST_CASE("a file of more than 500 lines is found") {
  const std::string five_hundred(500, '\n');
  CHECK(check("a/b.cpp", five_hundred) == texts{});
  CHECK(check("a/b.cpp", five_hundred + "\n")
        == texts{"a/b.cpp:501: longer than 500 lines"});
  CHECK(check("CHANGELOG.md", five_hundred + "\n") == texts{});
}

TEST_CASE("a header that does not open with pragma once is found") {
  CHECK(check("a/b.hpp", "#pragma once\n") == texts{});
  CHECK(check("a/b.hpp", "// late\n#pragma once\n")
        == texts{"a/b.hpp:1: does not open with #pragma once"});
  CHECK(check("a/b.hpp", "").size() == 1);
}

TEST_CASE("tabs and trailing blanks are found") {
  CHECK(check("a/b.cpp", "int a;\n\tint b;\n") == texts{"a/b.cpp:2: tab"});
  CHECK(check("a/b.md", "text \n")
        == texts{"a/b.md:1: blank at the end of the line"});
  CHECK(check("a/b.md", "text\r\n").size() == 1);
}

TEST_CASE("a postponed task carries the number of its issue") {
  CHECK(check("a/b.cpp", "// TODO(#12): more\n// TODO #3\n") == texts{});
  CHECK(check("a/b.cpp", "// TODO: more\n")
        == texts{"a/b.cpp:1: TODO without its issue, as in TODO(#12)"});
  CHECK(check("a/b.cpp", "// FIXME(ann) more\n").size() == 1);
}

TEST_CASE("a path of one machine is found") {
  CHECK(check("a/b.sh", "cd '/home/ann/skerry'\n")
        == texts{"a/b.sh:1: path of one machine"});
  CHECK(check("a/b.sh", "cd $top/home/out; cat /etc/os-release\n") == texts{});
}
