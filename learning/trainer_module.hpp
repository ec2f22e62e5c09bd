#pragma once

#include "learning/trainer.hpp"

#include <filesystem>
#include <memory>

namespace skerry {

/// The plain LibTorch loop that a trainer is measured against: the same network
/// and batches, the textbook's two losses, Adam, and nothing else.
class bare_loop {
public:
  virtual ~bare_loop() = default;
  virtual void step(const training_batch& batch) = 0;
};

/// What `skerry-trainer.so` gives, the only part of the product that is linked
/// to LibTorch.
///
/// Apart, because the loader takes 0.4 s and 160 MB for LibTorch, which no
/// command and no agent shall pay for; and so that a server without it runs all
/// the same, with its learner off.
///
/// It computes on one thread, the caller's, and uses nothing of ours but
/// headers and errors.
struct trainer_module {
  /// Of the interface; another one is not used.
  static constexpr std::uint32_t version = 1;

  std::uint32_t built_version = version;

  /// @pre All three are valid, and fit one another: `make_trainer` sees to it.
  result<std::unique_ptr<trainer>> (*make)(const network_shape& shape,
                                           const network_weights& start,
                                           const trainer_options& options)
      = nullptr;
  std::unique_ptr<bare_loop> (*make_bare)(const network_shape& shape,
                                          const network_weights& start,
                                          double learning_rate)
      = nullptr;
};

/// Loads the module, once in a process.
/// @param given Its file; empty: beside the running program, or in
///              ../libexec/skerry.
/// @returns `not_found` or `io_failed` with the loader's reason.
result<const trainer_module*>
load_trainer_module(const std::filesystem::path& given = {});

/// A trainer that goes on from these weights, by the module.
/// @returns `invalid_argument` for options or a shape at fault, `malformed` for
///          weights that are not of it, and what `load_trainer_module` returns.
result<std::unique_ptr<trainer>>
make_trainer(const network_shape& shape, const network_weights& start,
             const trainer_options& options,
             const std::filesystem::path& module_file = {});

} // namespace skerry
