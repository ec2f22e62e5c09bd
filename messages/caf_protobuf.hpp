#pragma once

#include <caf/error.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/none.hpp>
#include <caf/sec.hpp>
#include <google/protobuf/message_lite.h>
#include <string>
#include <type_traits>

// Lets CAF carry any Protobuf message as its bytes: CAF's own packing of
// floating-point numbers corrupts infinities and NaN. In Protobuf's namespace,
// where argument-dependent lookup finds it.
namespace google::protobuf {

template <class Inspector, class Message>
requires std::is_base_of_v<MessageLite, Message>
typename Inspector::result_type inspect(Inspector& f, Message& message) {
  if constexpr (!Inspector::reads_state) {
    std::string bytes;
    if (auto failed = f(bytes))
      return failed;
    if (!message.ParseFromString(bytes))
      return caf::make_error(caf::sec::invalid_argument);
    return caf::none;
  } else if constexpr (std::is_same_v<typename Inspector::result_type,
                                      caf::error>) {
    std::string bytes;
    if (!message.SerializeToString(&bytes))
      return caf::make_error(caf::sec::invalid_argument);
    return f(bytes);
  } else {
    auto size = message.ByteSizeLong();
    return f(caf::meta::type_name("protobuf"), size);
  }
}

} // namespace google::protobuf
