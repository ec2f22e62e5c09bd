#pragma once

#include "scheduling/result.hpp"

#include <array>
#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string>
#include <string_view>

namespace skerry {

template <auto Free>
struct openssl_free {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};

using bio_pointer = std::unique_ptr<BIO, openssl_free<BIO_free>>;
using key_pointer = std::unique_ptr<EVP_PKEY, openssl_free<EVP_PKEY_free>>;
using certificate_pointer = std::unique_ptr<X509, openssl_free<X509_free>>;

inline bio_pointer reader_of(std::string_view text) {
  return bio_pointer{
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

inline std::string text_in(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

/// The last thing that went wrong in OpenSSL, in its own words.
inline std::string openssl_reason() {
  std::array<char, 256> text{};
  const auto code = ERR_get_error();
  ERR_clear_error();
  if (code == 0)
    return "unknown reason";
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

} // namespace skerry
