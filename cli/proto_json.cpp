#include "cli/proto_json.hpp"

#include <fmt/format.h>

#include <google/protobuf/descriptor.h>

namespace skerry {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// One value of a field: the only one, or the `index`th of a repeated one.
json value_json(const Message& message, const FieldDescriptor& field,
                int index) {
  const auto& reflection = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
  case FieldDescriptor::CPPTYPE_INT32:
    return one ? reflection.GetInt32(message, &field)
               : reflection.GetRepeatedInt32(message, &field, index);
  case FieldDescriptor::CPPTYPE_INT64:
    return one ? reflection.GetInt64(message, &field)
               : reflection.GetRepeatedInt64(message, &field, index);
  case FieldDescriptor::CPPTYPE_UINT32:
    return one ? reflection.GetUInt32(message, &field)
               : reflection.GetRepeatedUInt32(message, &field, index);
  case FieldDescriptor::CPPTYPE_UINT64: {
    const auto value
        = one ? reflection.GetUInt64(message, &field)
              : reflection.GetRepeatedUInt64(message, &field, index);
    if (field.type() == FieldDescriptor::TYPE_FIXED64)
      return fmt::format("{:016x}", value);
    return value;
  }
  case FieldDescriptor::CPPTYPE_DOUBLE:
    return one ? reflection.GetDouble(message, &field)
               : reflection.GetRepeatedDouble(message, &field, index);
  case FieldDescriptor::CPPTYPE_FLOAT:
    return one ? reflection.GetFloat(message, &field)
               : reflection.GetRepeatedFloat(message, &field, index);
  case FieldDescriptor::CPPTYPE_BOOL:
    return one ? reflection.GetBool(message, &field)
               : reflection.GetRepeatedBool(message, &field, index);
  case FieldDescriptor::CPPTYPE_ENUM: {
    const auto* value
        = one ? reflection.GetEnum(message, &field)
              : reflection.GetRepeatedEnum(message, &field, index);
    return enum_text(value->name());
  }
  case FieldDescriptor::CPPTYPE_STRING:
    return one ? reflection.GetString(message, &field)
               : reflection.GetRepeatedString(message, &field, index);
  case FieldDescriptor::CPPTYPE_MESSAGE:
    return json_of(one ? reflection.GetMessage(message, &field)
                       : reflection.GetRepeatedMessage(message, &field, index));
  }
  return nullptr;
}

json map_json(const Message& message, const FieldDescriptor& field) {
  const auto& reflection = *message.GetReflection();
  std::map<std::string, json> sorted; // A map on the wire has no order.
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const auto& entry = reflection.GetRepeatedMessage(message, &field, i);
    const auto& type = *entry.GetDescriptor();
    const auto key = value_json(entry, *type.map_key(), -1);
    sorted[key.is_string() ? key.get<std::string>() : key.dump()]
        = value_json(entry, *type.map_value(), -1);
  }
  auto out = json::object();
  for (auto& [key, value] : sorted)
    out[key] = std::move(value);
  return out;
}

} // namespace

json json_of(const Message& message) {
  auto out = json::object();
  const auto& reflection = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    if (field.is_map()) {
      out[field.name()] = map_json(message, field);
    } else if (field.is_repeated()) {
      auto& list = out[field.name()] = json::array();
      for (int j = 0; j < reflection.FieldSize(message, &field); ++j)
        list.push_back(value_json(message, field, j));
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      out[field.name()] = value_json(message, field, -1);
    }
  }
  return out;
}

std::string enum_text(std::string_view name) {
  std::string text;
  for (const auto c : name)
    text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool known = !text.empty() && !text.ends_with("unspecified")
                     && !text.starts_with("unknown_enum_value");
  return known ? text : "unknown";
}

} // namespace skerry
