#include "api/tls_files.hpp"

#include "api/openssl.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <system_error>
#include <utility>

namespace skerry {
namespace {

namespace fs = std::filesystem;

using names_pointer
    = std::unique_ptr<GENERAL_NAMES, openssl_free<GENERAL_NAMES_free>>;
using store_pointer
    = std::unique_ptr<X509_STORE, openssl_free<X509_STORE_free>>;
using verification_pointer
    = std::unique_ptr<X509_STORE_CTX, openssl_free<X509_STORE_CTX_free>>;

struct free_stack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

/// Files of certificates have a few KiB; a larger one is something else.
constexpr std::uintmax_t largest_file = 1u << 20;

error bad(std::string what) {
  return {error_code::invalid_argument, std::move(what)};
}

result<std::string> read_file(const fs::path& file) {
  std::error_code fault;
  const auto size = fs::file_size(file, fault);
  if (fault)
    return bad(fmt::format("cannot read {}: {}; give the whole folder that "
                           "'skerry certs' made",
                           file.string(), fault.message()));
  if (size > largest_file)
    return bad(
        fmt::format("{} is no PEM file: it has {} bytes", file.string(), size));
  std::ifstream in{file, std::ios::binary};
  if (!in)
    return bad(
        fmt::format("cannot read {}: {}", file.string(), std::strerror(errno)));
  return std::string{std::istreambuf_iterator<char>{in},
                     std::istreambuf_iterator<char>{}};
}

std::vector<certificate_pointer> certificates_in(const std::string& pem) {
  std::vector<certificate_pointer> found;
  const auto from = reader_of(pem);
  while (auto* next = PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr))
    found.emplace_back(next);
  ERR_clear_error(); // That there are no more is no fault.
  return found;
}

std::int64_t unix_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

std::string text_of(const X509_NAME* name) {
  const bio_pointer out{BIO_new(BIO_s_mem())};
  if (out == nullptr
      || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0)
    return "?";
  return text_in(out.get());
}

std::string text_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string address_of(const ASN1_OCTET_STRING* bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const auto family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  if (::inet_ntop(family, ASN1_STRING_get0_data(bytes), text.data(),
                  text.size())
      == nullptr)
    return "?";
  return text.data();
}

void read_names(X509* certificate, certificate_info& into) {
  const names_pointer names{static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_URI)
      into.uri = text_of(name->d.uniformResourceIdentifier);
    else if (name->type == GEN_DNS)
      into.hosts.push_back(text_of(name->d.dNSName));
    else if (name->type == GEN_IPADD)
      into.hosts.push_back(address_of(name->d.iPAddress));
  }
}

certificate_info info_of(X509* certificate) {
  certificate_info info{
      .subject = text_of(X509_get_subject_name(certificate)),
      .issuer = text_of(X509_get_issuer_name(certificate)),
      .uri = {},
      .hosts = {},
      .is_authority = X509_check_ca(certificate) == 1,
      .valid_from = unix_seconds(X509_get0_notBefore(certificate)),
      .valid_until = unix_seconds(X509_get0_notAfter(certificate)),
      .sha256 = {}};
  read_names(certificate, info);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) == 1)
    for (unsigned i = 0; i < size; ++i)
      info.sha256 += fmt::format("{:02x}", digest[i]);
  return info;
}

struct checked_paths {
  std::string authority;
  std::string certificate;
  std::string key;
};

error explain(int fault, X509* certificate, const checked_paths& paths,
              tls_side side) {
  const auto info = info_of(certificate);
  switch (fault) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return bad(fmt::format(
        "{} has expired on {}; make a new one with 'skerry certs' and --force",
        info.is_authority ? paths.authority : paths.certificate,
        utc_text(info.valid_until)));
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return bad(
        fmt::format("{} is valid from {} on; is the clock right?",
                    info.is_authority ? paths.authority : paths.certificate,
                    utc_text(info.valid_from)));
  case X509_V_ERR_INVALID_PURPOSE:
    return bad(fmt::format(
        "{} is not for a {}; use a folder that 'skerry certs {}' made",
        paths.certificate, side == tls_side::server ? "server" : "client",
        side == tls_side::server ? "server" : "client"));
  default:
    return bad(fmt::format("{} is not signed by {} ({}); both must come from "
                           "the same 'skerry certs init'",
                           paths.certificate, paths.authority,
                           X509_verify_cert_error_string(fault)));
  }
}

result<> verify(const std::vector<certificate_pointer>& authorities,
                const std::vector<certificate_pointer>& chain,
                const checked_paths& paths, tls_side side, std::int64_t now) {
  const store_pointer store{X509_STORE_new()};
  const verification_pointer verification{X509_STORE_CTX_new()};
  const std::unique_ptr<STACK_OF(X509), free_stack> between{sk_X509_new_null()};
  if (store == nullptr || verification == nullptr || between == nullptr)
    return bad("out of memory");
  for (const auto& authority : authorities)
    X509_STORE_add_cert(store.get(), authority.get());
  for (std::size_t i = 1; i < chain.size(); ++i)
    sk_X509_push(between.get(), chain[i].get());
  if (X509_STORE_CTX_init(verification.get(), store.get(), chain.front().get(),
                          between.get())
      != 1)
    return bad("cannot verify certificates: " + openssl_reason());
  X509_STORE_CTX_set_purpose(verification.get(), side == tls_side::server
                                                     ? X509_PURPOSE_SSL_SERVER
                                                     : X509_PURPOSE_SSL_CLIENT);
  X509_STORE_CTX_set_time(verification.get(), 0, now);
  const auto verified = X509_verify_cert(verification.get());
  ERR_clear_error();
  if (verified == 1)
    return done{};
  auto* at_fault = X509_STORE_CTX_get_current_cert(verification.get());
  return explain(X509_STORE_CTX_get_error(verification.get()),
                 at_fault != nullptr ? at_fault : chain.front().get(), paths,
                 side);
}

} // namespace

result<certificate_info> read_certificate(std::string_view pem) {
  const certificate_pointer read{
      PEM_read_bio_X509(reader_of(pem).get(), nullptr, nullptr, nullptr)};
  if (read == nullptr)
    return error{error_code::malformed,
                 "there is no certificate in PEM form: " + openssl_reason()};
  return info_of(read.get());
}

result<tls_files> load_tls_files(const fs::path& folder, std::string_view stem,
                                 tls_side side, std::int64_t now) {
  const checked_paths paths{
      .authority = (folder / fmt::format("{}-ca.pem", stem)).string(),
      .certificate = (folder / fmt::format("{}.pem", stem)).string(),
      .key = (folder / fmt::format("{}.key", stem)).string()};
  tls_files files;
  for (const auto& [path, into] :
       {std::pair{&paths.authority, &files.authority},
        std::pair{&paths.certificate, &files.certificate},
        std::pair{&paths.key, &files.key}}) {
    auto text = read_file(*path);
    if (!text)
      return text.failure();
    *into = std::move(*text);
  }
  const auto authorities = certificates_in(files.authority);
  const auto chain = certificates_in(files.certificate);
  if (authorities.empty() || chain.empty())
    return bad(
        fmt::format("there is no certificate in {}",
                    authorities.empty() ? paths.authority : paths.certificate));
  const key_pointer key{PEM_read_bio_PrivateKey(reader_of(files.key).get(),
                                                nullptr, nullptr, nullptr)};
  if (key == nullptr)
    return bad(fmt::format("there is no private key in {} ({})", paths.key,
                           openssl_reason()));
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    ERR_clear_error();
    return bad(fmt::format("the key in {} does not belong to the certificate "
                           "in {}",
                           paths.key, paths.certificate));
  }
  if (const auto ok = verify(authorities, chain, paths, side, now); !ok)
    return ok.failure();
  return files;
}

std::string utc_text(std::int64_t unix_seconds) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                     fmt::gmtime(static_cast<std::time_t>(unix_seconds)));
}

} // namespace skerry
