#include "api/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <optional>
#include <string_view>
#include <utility>

namespace skerry {
namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

constexpr auto error_info = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr auto domain = "skerry";

std::string reason_of(error_code code) {
  std::string reason{to_string(code)};
  for (auto& c : reason)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return reason;
}

std::optional<error_code> code_of(std::string_view reason) {
  for (auto i = static_cast<int>(error_code::invalid_argument);
       i <= static_cast<int>(error_code::unreachable); ++i)
    if (reason == reason_of(static_cast<error_code>(i)))
      return static_cast<error_code>(i);
  return std::nullopt;
}

std::string serialized(const UnknownFieldSet& fields) {
  std::string out;
  (void)fields.SerializeToString(&out); // Only ever fails for groups.
  return out;
}

/// google.rpc's own schema is not in Debian; three fields of it need none.
std::string details_of(const error& failure, grpc::StatusCode code) {
  UnknownFieldSet info;
  info.AddLengthDelimited(1, reason_of(failure.code));
  info.AddLengthDelimited(2, domain);
  google::protobuf::Any any;
  any.set_type_url(error_info);
  any.set_value(serialized(info));
  UnknownFieldSet status;
  status.AddVarint(1, static_cast<std::uint64_t>(code));
  status.AddLengthDelimited(2, failure.message);
  status.AddLengthDelimited(3, any.SerializeAsString());
  return serialized(status);
}

std::string_view text_field(const UnknownFieldSet& fields, int number) {
  for (int i = 0; i < fields.field_count(); ++i)
    if (const auto& field = fields.field(i);
        field.number() == number
        && field.type() == UnknownField::TYPE_LENGTH_DELIMITED)
      return field.length_delimited();
  return {};
}

std::optional<error_code> code_in(const std::string& details) {
  UnknownFieldSet status;
  google::protobuf::Any any;
  UnknownFieldSet info;
  if (!status.ParseFromString(details)
      || !any.ParseFromString(std::string{text_field(status, 3)})
      || any.type_url() != error_info || !info.ParseFromString(any.value())
      || text_field(info, 2) != domain)
    return std::nullopt;
  return code_of(text_field(info, 1));
}

error_code nearest(grpc::StatusCode code) {
  switch (code) {
  case grpc::NOT_FOUND:
    return error_code::not_found;
  case grpc::ALREADY_EXISTS:
    return error_code::already_exists;
  case grpc::INVALID_ARGUMENT:
  case grpc::OUT_OF_RANGE:
  case grpc::PERMISSION_DENIED: // Mended with another certificate.
  case grpc::UNAUTHENTICATED:
    return error_code::invalid_argument;
  case grpc::FAILED_PRECONDITION:
    return error_code::infeasible;
  case grpc::RESOURCE_EXHAUSTED: // From gRPC: the message is too large.
    return error_code::limit_exceeded;
  case grpc::ABORTED:
    return error_code::conflict;
  case grpc::DATA_LOSS:
    return error_code::malformed;
  case grpc::UNAVAILABLE:
  case grpc::DEADLINE_EXCEEDED:
  case grpc::CANCELLED:
    return error_code::unreachable;
  default:
    return error_code::io_failed;
  }
}

} // namespace

grpc::StatusCode to_status_code(error_code code) {
  switch (code) {
  case error_code::invalid_argument:
    return grpc::INVALID_ARGUMENT;
  case error_code::not_found:
    return grpc::NOT_FOUND;
  case error_code::already_exists:
    return grpc::ALREADY_EXISTS;
  case error_code::infeasible:
    return grpc::FAILED_PRECONDITION;
  case error_code::insufficient:
  case error_code::limit_exceeded:
    return grpc::RESOURCE_EXHAUSTED;
  case error_code::stale_snapshot:
  case error_code::stale_epoch:
  case error_code::conflict:
    return grpc::ABORTED;
  case error_code::malformed:
    return grpc::DATA_LOSS;
  case error_code::io_failed:
  case error_code::unreachable:
    return grpc::UNAVAILABLE;
  }
  return grpc::INTERNAL;
}

grpc::Status to_status(const error& failure) {
  const auto code = to_status_code(failure.code);
  return {code, failure.message, details_of(failure, code)};
}

error from_status(const grpc::Status& status) {
  SKERRY_ASSERT(!status.ok());
  if (const auto known = code_in(status.error_details()))
    return {*known, status.error_message()};
  return {nearest(status.error_code()),
          status.error_code() == grpc::DEADLINE_EXCEEDED
              ? "the server did not answer in time"
              : status.error_message()};
}

error from_stream_reply(int status_code, std::string message) {
  return {nearest(static_cast<grpc::StatusCode>(status_code)),
          std::move(message)};
}

} // namespace skerry
