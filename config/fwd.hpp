#pragma once

namespace skerry {

struct configuration;
struct document_value;
class fault_list;
class table_reader;

} // namespace skerry
