#include "cli/experience_writer.hpp"

#include "cli/cluster_text.hpp"
#include "cli/command.hpp"
#include "config/reward_text.hpp"
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
  to.add_option("--discount", flags.discount,
                "What a reward counts a decision later: of\n"
                "0.99 half is left after 69, of 0.999 after 693")
      ->type_name("X=0.99")
      ->check(CLI::Range(0.0, 1.0));
  to.add_option("--reward", flags.reward,
                "Other weights of its terms; `skerry replay\n"
                "show` lists them")
      ->type_name("TERM=NUMBER,...")
      ->delimiter(',');
}

result<std::unique_ptr<experience_writer>>
experience_writer::open(const experience_flags& flags) {
  if (flags.directory.empty())
    return std::unique_ptr<experience_writer>{
        new experience_writer{nullptr, {}}};
  experience_recorder_options options{.discount = flags.discount};
  for (const auto& text : flags.reward)
    if (auto ok = set_weight(options.weights, text); !ok)
      return ok.failure();
  auto store = experience_store::open({.directory = flags.directory});
  if (!store)
    return store.failure();
  return std::unique_ptr<experience_writer>{
      new experience_writer{*std::move(store), options}};
}

experience_writer::experience_writer(std::unique_ptr<experience_store> store,
                                     const experience_recorder_options& options)
    : store_{std::move(store)}, tap_{options, [this](const experience& each) {
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
