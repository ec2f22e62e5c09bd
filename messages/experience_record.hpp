#pragma once

#include "learning/experience.hpp"
#include "messages/skerry/v1/experience.pb.h"

#include <string>
#include <string_view>

namespace skerry {

/// @pre `validate(from)`. Features and terms are rounded, see `row_packer`.
v1::Experience to_proto(const experience& from);

/// @returns `conflict` for one of another schema, which is of no use;
///          `malformed` for rows that cannot be read or are of a later version,
///          and what `validate` returns: it may come from anywhere.
result<experience> experience_from(const v1::Experience& from);

/// Likewise, from its bytes.
result<experience> experience_from(std::string_view serialised);

} // namespace skerry
