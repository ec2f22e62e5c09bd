#include "api/issuing.hpp"

#include "api/openssl.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <utility>

namespace skerry {
namespace {

using number_pointer = std::unique_ptr<BIGNUM, openssl_free<BN_free>>;
using extension_pointer
    = std::unique_ptr<X509_EXTENSION, openssl_free<X509_EXTENSION_free>>;

constexpr std::size_t longest_name = 64; ///< X.509's limit of a common name.
constexpr std::size_t most_hosts = 64;   ///< Keeps a handshake in few packets.

/// A certificate made for as many days as its authority, and a moment later,
/// ends with it; a longer one is a slip.
constexpr std::int64_t clip_seconds = 24 * 60 * 60;

error failed(std::string_view what) {
  return {error_code::io_failed,
          fmt::format("cannot {}: {}", what, openssl_reason())};
}

bool is_ip_address(const std::string& host) {
  in6_addr any{};
  return ::inet_pton(AF_INET, host.c_str(), &any) == 1
         || ::inet_pton(AF_INET6, host.c_str(), &any) == 1;
}

bool is_dns_name(const std::string& host) {
  const auto is_letter = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'
           || c == '.' || c == '_';
  };
  return !host.empty() && host.size() <= 253
         && std::all_of(host.begin(), host.end(), is_letter)
         && host.front() != '.' && host.front() != '-'
         && host.find("..") == host.npos;
}

template <class Write>
result<std::string> pem_of(Write write) {
  const bio_pointer out{BIO_new(BIO_s_mem())};
  if (out == nullptr || write(out.get()) != 1)
    return failed("write PEM");
  return text_in(out.get());
}

result<issued_certificate> pem_of(X509* certificate, EVP_PKEY* key) {
  auto first
      = pem_of([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
  auto second = pem_of([&](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr,
                                    nullptr);
  });
  if (!first || !second)
    return failed("write PEM");
  return issued_certificate{std::move(*first), std::move(*second)};
}

bool set_serial(X509* certificate) {
  // 127 random bits: positive, and never twice.
  const number_pointer number{BN_new()};
  return number != nullptr
         && BN_rand(number.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1
         && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate))
                != nullptr;
}

bool set_validity(X509* certificate, validity valid) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate), valid.from) != nullptr
         && ASN1_TIME_set(X509_getm_notAfter(certificate), valid.until)
                != nullptr;
}

bool add_name(X509* certificate, const std::string& common_name) {
  auto* name = X509_get_subject_name(certificate);
  const auto add = [&](const char* field, const std::string& value) {
    return X509_NAME_add_entry_by_txt(
               name, field, MBSTRING_UTF8,
               reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0)
           == 1;
  };
  return add("O", "skerry") && add("CN", common_name);
}

bool add_extension(X509* certificate, X509* issuer, int kind,
                   const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const extension_pointer extension{
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str())};
  return extension != nullptr
         && X509_add_ext(certificate, extension.get(), -1) == 1;
}

std::string alternative_names(const certificate_subject& subject) {
  auto names
      = fmt::format("URI:spiffe://skerry/{}/{}", subject.role, subject.name);
  for (const auto& host : subject.hosts)
    names += fmt::format(",{}:{}", is_ip_address(host) ? "IP" : "DNS", host);
  return names;
}

/// What all certificates have: version, serial, time, name, public key.
result<certificate_pointer> begin(const std::string& name, validity valid,
                                  EVP_PKEY* key) {
  certificate_pointer made{X509_new()};
  if (made == nullptr || X509_set_version(made.get(), X509_VERSION_3) != 1
      || !set_serial(made.get()) || !set_validity(made.get(), valid)
      || !add_name(made.get(), name) || X509_set_pubkey(made.get(), key) != 1)
    return failed("begin a certificate");
  return made;
}

result<key_pointer> make_key() {
  key_pointer key{EVP_EC_gen("P-256")};
  if (key == nullptr)
    return failed("make a key");
  return key;
}

} // namespace

result<> validate(const certificate_subject& subject) {
  const auto invalid = [](std::string what) {
    return error{error_code::invalid_argument, std::move(what)};
  };
  const auto is_letter = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-'
           || c == '_' || c == '.';
  };
  if (subject.name.empty() || subject.name.size() > longest_name
      || subject.name.front() == '.'
      || !std::all_of(subject.name.begin(), subject.name.end(), is_letter))
    return invalid(fmt::format("'{}' is no name: it has 1 to {} letters, "
                               "digits, '-', '_' and '.', the first no '.'",
                               subject.name, longest_name));
  if (subject.hosts.size() > most_hosts)
    return invalid(fmt::format("{} hosts are more than {}",
                               subject.hosts.size(), most_hosts));
  for (const auto& host : subject.hosts)
    if (!is_ip_address(host) && !is_dns_name(host))
      return invalid(
          fmt::format("'{}' is neither a DNS name nor an IP address", host));
  return done{};
}

result<issued_certificate> make_authority(const std::string& name,
                                          validity valid) {
  const auto key = make_key();
  if (!key)
    return key.failure();
  const auto made = begin(name, valid, key->get());
  if (!made)
    return made.failure();
  auto* certificate = made->get();
  const auto add = [&](int kind, const char* value) {
    return add_extension(certificate, certificate, kind, value);
  };
  if (X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1
      || !add(NID_basic_constraints, "critical,CA:TRUE,pathlen:0")
      || !add(NID_key_usage, "critical,keyCertSign,cRLSign")
      || !add(NID_subject_key_identifier, "hash")
      || X509_sign(certificate, key->get(), EVP_sha256()) == 0)
    return failed("sign an authority");
  return pem_of(certificate, key->get());
}

result<issued_certificate> issue(const issued_certificate& authority,
                                 const certificate_subject& subject,
                                 validity valid) {
  if (const auto ok = validate(subject); !ok)
    return ok.failure();
  const certificate_pointer issuer{PEM_read_bio_X509(
      reader_of(authority.certificate).get(), nullptr, nullptr, nullptr)};
  const key_pointer issuer_key{PEM_read_bio_PrivateKey(
      reader_of(authority.key).get(), nullptr, nullptr, nullptr)};
  if (issuer == nullptr || issuer_key == nullptr
      || X509_check_private_key(issuer.get(), issuer_key.get()) != 1)
    return error{error_code::malformed,
                 "certificate and key of the authority do not belong together: "
                     + openssl_reason()};
  const auto* end = X509_get0_notAfter(issuer.get());
  if (ASN1_TIME_cmp_time_t(end, valid.until - clip_seconds) < 0)
    return error{error_code::invalid_argument,
                 "the certificate would outlive the authority that signs it; "
                 "give fewer --days, or make a new authority with 'skerry "
                 "certs init'"};
  const auto key = make_key();
  if (!key)
    return key.failure();
  const auto made = begin(subject.name, valid, key->get());
  if (!made)
    return made.failure();
  auto* certificate = made->get();
  const auto add = [&](int kind, const std::string& value) {
    return add_extension(certificate, issuer.get(), kind, value);
  };
  if (ASN1_TIME_cmp_time_t(end, valid.until) < 0
      && X509_set1_notAfter(certificate, end) != 1)
    return failed("set the time of a certificate");
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer.get()))
          != 1
      || !add(NID_basic_constraints, "critical,CA:FALSE")
      || !add(NID_key_usage, "critical,digitalSignature")
      || !add(NID_ext_key_usage,
              subject.role == "server" ? "serverAuth,clientAuth" : "clientAuth")
      || !add(NID_subject_alt_name, alternative_names(subject))
      || !add(NID_subject_key_identifier, "hash")
      || !add(NID_authority_key_identifier, "keyid:always")
      || X509_sign(certificate, issuer_key.get(), EVP_sha256()) == 0)
    return failed("sign a certificate");
  return pem_of(certificate, key->get());
}

} // namespace skerry
