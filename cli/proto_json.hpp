#pragma once

#include "cli/report.hpp"

#include <google/protobuf/message.h>
#include <string>
#include <string_view>

namespace skerry {

/// A message as JSON: fields by their names in the schema, in its order, all of
/// them but messages that are not set. Numbers are numbers, int64 included, as
/// amounts stay far below 2^53; `fixed64` holds random ids and is written as a
/// string of hexadecimal digits. Enum values are in lower case ("running").
json json_of(const google::protobuf::Message& message);

/// "running" of "RUNNING"; "unknown" of an unspecified value or of none, which
/// is the name of a value that this version does not know.
std::string enum_text(std::string_view name);

} // namespace skerry
