#include "tests/source_tree.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace skerry::testing {

namespace {

bool is_skipped(const std::filesystem::path& directory) {
  const auto name = directory.filename().string();
  return name.starts_with('.') || name.starts_with("build");
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in{path, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

} // namespace

source_file make_source(std::string path, std::string_view text) {
  source_file file{.path = std::move(path), .lines = {}};
  std::istringstream in{std::string{text}};
  for (std::string line; std::getline(in, line);)
    file.lines.push_back(line);
  return file;
}

std::vector<source_file> read_sources(const std::filesystem::path& root,
                                      const std::vector<std::string>& endings) {
  std::vector<source_file> files;
  auto entry = std::filesystem::recursive_directory_iterator{root};
  for (; entry != std::filesystem::recursive_directory_iterator{}; ++entry) {
    if (entry->is_directory() && is_skipped(entry->path()))
      entry.disable_recursion_pending();
    const auto path = entry->path().lexically_relative(root).generic_string();
    const auto matches
        = [&](const std::string& ending) { return path.ends_with(ending); };
    if (entry->is_regular_file() && std::ranges::any_of(endings, matches))
      files.push_back(make_source(path, text_of(entry->path())));
  }
  std::ranges::sort(files, {}, &source_file::path);
  return files;
}

std::filesystem::path repository_root() {
  return SKERRY_REPOSITORY_ROOT;
}

std::string room_of(std::string_view path) {
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? ""
                                         : std::string{path.substr(0, slash)};
}

} // namespace skerry::testing
