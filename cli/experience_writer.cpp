#include "cli/experience_writer.hpp"

#include "cli/cluster_text.hpp"
#include "cli/command.hpp"
#include "messages/experience_record.hpp"

#include <utility>

namespace skerry {
namespace {

/// Some megabytes: a sync costs nothing beside that.
constexpr std::size_t batch = 16'384;

} // namespace

void add_experience_flag(CLI::App& to, experience_flags& flags) {
  to.add_option("--experience", flags.directory,
                "Also write the decisions and what came of\n"
                "them into DIR, to learn from")
      ->type_name("DIR")
      ->check(refuse_empty);
}

result<std::unique_ptr<experience_writer>>
experience_writer::open(const experience_flags& flags) {
  if (flags.directory.empty())
    return std::unique_ptr<experience_writer>{new experience_writer{nullptr}};
  auto store = experience_store::open({.directory = flags.directory});
  if (!store)
    return store.failure();
  return std::unique_ptr<experience_writer>{
      new experience_writer{*std::move(store)}};
}

experience_writer::experience_writer(std::unique_ptr<experience_store> store)
    : store_{std::move(store)}, tap_{{}, [this](const experience& each) {
                                       take(each);
                                     }} {}

void experience_writer::take(const experience& each) {
  waiting_.push_back(to_proto(each).SerializeAsString());
  if (waiting_.size() == batch)
    write();
}

void experience_writer::write() {
  if (failed_)
    failed_ = store_->append(waiting_, unix_milliseconds_now());
  waiting_.clear();
}

result<> experience_writer::finish() {
  if (!waiting_.empty())
    write();
  return failed_;
}

} // namespace skerry
