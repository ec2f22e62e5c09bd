#include "actors/mesh_tls.hpp"

#include <fmt/core.h>

#include <array>
#include <memory>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace skerry {

namespace {

using context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

error fault(std::string_view what, const std::string& file) {
  std::array<char, 256> why{};
  ERR_error_string_n(ERR_get_error(), why.data(), why.size());
  ERR_clear_error();
  return {error_code::invalid_argument,
          fmt::format("{} {} cannot be used ({}); make it anew with `skerry "
                      "certs server`",
                      what, file, why.data())};
}

} // namespace

result<> check(const mesh_tls& files) {
  ERR_clear_error();
  const context made{SSL_CTX_new(TLS_method()), &SSL_CTX_free};
  if (!made)
    return {error_code::io_failed, "OpenSSL cannot make a context"};
  if (SSL_CTX_use_certificate_chain_file(made.get(),
                                         files.certificate_file.c_str())
      != 1)
    return fault("certificate", files.certificate_file);
  if (SSL_CTX_use_PrivateKey_file(made.get(), files.key_file.c_str(),
                                  SSL_FILETYPE_PEM)
          != 1
      || SSL_CTX_check_private_key(made.get()) != 1)
    return fault("key", files.key_file);
  if (SSL_CTX_load_verify_locations(made.get(), files.ca_file.c_str(), nullptr)
      != 1)
    return fault("CA", files.ca_file);
  auto* certificate = SSL_CTX_get0_certificate(made.get());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> chain{
      X509_STORE_CTX_new(), &X509_STORE_CTX_free};
  if (!chain
      || X509_STORE_CTX_init(chain.get(), SSL_CTX_get_cert_store(made.get()),
                             certificate, nullptr)
             != 1)
    return {error_code::io_failed, "OpenSSL cannot check a certificate"};
  if (X509_verify_cert(chain.get()) != 1)
    return {error_code::invalid_argument,
            fmt::format("certificate {} is not good for CA {}: {}",
                        files.certificate_file, files.ca_file,
                        X509_verify_cert_error_string(
                            X509_STORE_CTX_get_error(chain.get())))};
  return done{};
}

} // namespace skerry
