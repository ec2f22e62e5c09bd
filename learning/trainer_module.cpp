#include "learning/trainer_module.hpp"

#include <fmt/format.h>

#include <dlfcn.h>
#include <mutex>
#include <optional>
#include <system_error>

namespace skerry {
namespace {

namespace fs = std::filesystem;

constexpr const char* file_name = "skerry-trainer.so";

result<fs::path> find_module(const fs::path& given) {
  std::error_code failed;
  const auto program = fs::read_symlink("/proc/self/exe", failed);
  const auto beside = program.parent_path();
  std::vector<fs::path> places{given};
  if (given.empty())
    places = {beside / file_name,
              beside.parent_path() / "libexec/skerry" / file_name};
  for (const auto& file : places)
    if (fs::exists(file, failed))
      return file;
  return {error_code::not_found,
          fmt::format("there is no {}: without it nothing can be trained",
                      places.front().string())};
}

result<const trainer_module*> load(const fs::path& file) {
  // Never unloaded: LibTorch leaves threads and registries behind.
  void* const loaded = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (loaded == nullptr)
    return {error_code::io_failed, ::dlerror()};
  // Of the BLAS that came along, if it is OpenBLAS: a second thread makes small
  // networks slower.
  if (void* const set = ::dlsym(loaded, "openblas_set_num_threads"))
    reinterpret_cast<void (*)(int)>(set)(1);
  void* const entry = ::dlsym(loaded, "skerry_trainer");
  if (entry == nullptr)
    return {error_code::io_failed,
            fmt::format("{} is no trainer of skerry", file.string())};
  const auto* const module
      = reinterpret_cast<const trainer_module* (*)()>(entry)();
  if (module->built_version != trainer_module::version)
    return {error_code::io_failed,
            fmt::format("{} is of another version of skerry", file.string())};
  return module;
}

} // namespace

result<const trainer_module*> load_trainer_module(const fs::path& given) {
  static std::mutex mutex;
  static std::optional<const trainer_module*> loaded;
  const auto file = find_module(given);
  if (!file)
    return file.failure();
  const std::lock_guard lock{mutex};
  if (loaded)
    return *loaded;
  auto out = load(*file);
  if (out)
    loaded = *out;
  return out;
}

result<std::unique_ptr<trainer>> make_trainer(const network_shape& shape,
                                              const network_weights& start,
                                              const trainer_options& options,
                                              const fs::path& module_file) {
  if (auto ok = validate(options); !ok)
    return ok.failure();
  if (auto ok = validate(shape); !ok)
    return ok.failure();
  if (auto ok = validate(start, start.feature_schema, layout_of(shape)); !ok)
    return ok.failure();
  const auto module = load_trainer_module(module_file);
  if (!module)
    return module.failure();
  return (*module)->make(shape, start, options);
}

} // namespace skerry
