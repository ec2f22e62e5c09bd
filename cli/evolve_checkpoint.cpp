#include "cli/evolve_checkpoint.hpp"

#include "messages/search_checkpoint.hpp"
#include "storage/whole_file.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace skerry {
namespace {

/// What a crash costs at most; a checkpoint takes some milliseconds.
constexpr std::chrono::seconds between_checkpoints{30};
constexpr std::size_t max_bytes = std::size_t{1} << 30;

error as_usage(std::string text) {
  return {error_code::invalid_argument, std::move(text)};
}

} // namespace

evolve_checkpoint::evolve_checkpoint(std::string path, bool resume,
                                     std::string search)
    : path_{std::move(path)}, resume_{resume}, search_{std::move(search)} {}

result<archipelago>
evolve_checkpoint::begin(const archipelago_options& options,
                         std::span<const problem* const> problems) const {
  if (!resume_) {
    if (!path_.empty() && std::filesystem::exists(path_))
      return as_usage(fmt::format(
          "--checkpoint: {} holds a search: --resume goes on with it; or name "
          "another file",
          path_));
    return archipelago{options, problems};
  }
  if (path_.empty())
    return as_usage("--resume: from which --checkpoint FILE?");
  const auto bytes = read_whole_file(path_, max_bytes);
  if (!bytes)
    return as_usage("--resume: " + bytes.failure().message);
  const auto state = read_checkpoint(*bytes, search_, path_);
  if (!state)
    return as_usage("--resume: " + state.failure().message);
  auto restored = archipelago::restore(options, problems, *state);
  if (!restored)
    return as_usage(
        fmt::format("--resume: {}: {}", path_, restored.failure().message));
  return restored;
}

void evolve_checkpoint::look_at(const archipelago& islands, console& out) {
  if (path_.empty() || clock::now() - kept_ < between_checkpoints)
    return;
  if (auto ok = keep(islands); !ok)
    out.note(ok.failure().message); // The search itself goes on.
}

result<> evolve_checkpoint::keep(const archipelago& islands) {
  if (path_.empty())
    return done{};
  kept_ = clock::now();
  return write_whole_file(path_, checkpoint_bytes(search_, islands.state()));
}

} // namespace skerry
