#include "api/certificates.hpp"

#include "api/file_set.hpp"
#include "api/tls_files.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t day = 24 * 60 * 60;
/// A certificate is valid a little before it was made: clocks differ.
constexpr std::int64_t clock_difference = 5 * 60;

result<validity> validity_of(const certificate_options& options) {
  if (options.days < 1 || options.days > 36500)
    return {error_code::invalid_argument,
            fmt::format("{} days are not from 1 to 36500", options.days)};
  return validity{options.now - clock_difference,
                  options.now + options.days * day};
}

result<issued_certificate> load_authority(const fs::path& folder,
                                          const std::string& stem) {
  issued_certificate authority;
  for (const auto& [suffix, into] : {std::pair{".pem", &authority.certificate},
                                     std::pair{".key", &authority.key}}) {
    const auto path = folder / (stem + suffix);
    std::ifstream in{path, std::ios::binary};
    into->assign(std::istreambuf_iterator<char>{in}, {});
    if (!in || into->empty())
      return {error_code::not_found,
              fmt::format("cannot read {}; 'skerry certs init {}' makes the "
                          "authorities",
                          path.string(), folder.string())};
  }
  return authority;
}

/// What was made, in the order in which it was.
std::vector<made_file> describe(const fs::path& folder,
                                const std::vector<new_file>& files) {
  std::vector<made_file> made;
  for (const auto& file : files) {
    const auto info = read_certificate(file.text);
    made.push_back({folder / file.name, info ? info->valid_until : 0});
  }
  return made;
}

/// Adds STEM-ca.pem, STEM.pem and STEM.key.
result<> add_certificate(const certificate_options& options,
                         const certificate_subject& subject, validity valid,
                         const std::string& stem, std::vector<new_file>& to) {
  const auto authority = load_authority(options.folder, stem + "-ca");
  if (!authority)
    return authority.failure();
  auto issued = issue(*authority, subject, valid);
  if (!issued)
    return issued.failure();
  to.push_back({stem + "-ca.pem", authority->certificate});
  to.push_back({stem + ".pem", std::move(issued->certificate)});
  to.push_back({stem + ".key", std::move(issued->key), true});
  return done{};
}

} // namespace

result<std::vector<made_file>>
make_authorities(const certificate_options& options) {
  const auto valid = validity_of(options);
  if (!valid)
    return valid.failure();
  std::vector<new_file> files;
  for (const std::string stem : {"api-ca", "mesh-ca"}) {
    auto made = make_authority("skerry " + stem, *valid);
    if (!made)
      return made.failure();
    files.push_back({stem + ".pem", std::move(made->certificate)});
    files.push_back({stem + ".key", std::move(made->key), true});
  }
  if (const auto ok = place_files(options.folder, files, options.force); !ok)
    return ok.failure();
  return describe(options.folder, files);
}

result<std::vector<made_file>>
make_certificates(const certificate_options& options,
                  const certificate_subject& subject) {
  if (const auto ok = validate(subject); !ok)
    return ok.failure();
  const auto valid = validity_of(options);
  if (!valid)
    return valid.failure();
  std::vector<new_file> files;
  auto added = add_certificate(options, subject, *valid, "api", files);
  if (added && subject.role == "server")
    added = add_certificate(options, subject, *valid, "mesh", files);
  if (!added)
    return added.failure();
  const auto folder
      = options.folder / fmt::format("{}-{}", subject.role, subject.name);
  if (const auto ok = place_folder(folder, files, options.force); !ok)
    return ok.failure();
  return describe(folder, files);
}

std::vector<std::string> loopback_hosts() {
  return {"localhost", "127.0.0.1", "::1"};
}

} // namespace skerry
