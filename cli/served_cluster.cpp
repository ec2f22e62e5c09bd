#include "cli/served_cluster.hpp"

#include "cli/console.hpp"
#include "cli/exit_code.hpp"

#include <fmt/format.h>

#include <chrono>
#include <future>
#include <thread>
#include <unistd.h>
#include <utility>

namespace skerry {
namespace {

constexpr std::chrono::seconds stop_grace{10};
constexpr std::chrono::seconds answer_grace{5};

/// Nothing more can be acknowledged, and the state on disk is good: the sooner
/// the process is gone, the sooner it is started again.
void end_at_once(const error& why) {
  console::complain(fmt::format("server failed reason=\"{}\"", why.message));
  ::_exit(static_cast<int>(exit_code::failure));
}

} // namespace

result<served_cluster> served_cluster::start(server_setup setup) {
  served_cluster made;
  setup.server.on_failure = end_at_once;
  setup.server.log = [](const std::string& line) { console{}.note(line); };
  auto started = server::start(std::move(setup.server));
  if (!started)
    return started.failure();
  made.server_ = *std::move(started);
  auto api = api_server::start(*made.server_, std::move(setup.api));
  if (!api) {
    made.stop();
    return api.failure();
  }
  made.api_ = *std::move(api);
  return made;
}

served_cluster::~served_cluster() {
  stop();
}

std::string served_cluster::mesh_address() const {
  // The server's own status stands first. A reply may come late, when nobody
  // waits for it any more.
  auto told = std::make_shared<std::promise<std::string>>();
  auto address = told->get_future();
  server_->servers({}, [told](result<v1::ServersReply> reply) {
    told->set_value(reply && !reply->servers().empty()
                        ? reply->servers(0).mesh_address()
                        : std::string{});
  });
  if (address.wait_for(answer_grace) != std::future_status::ready)
    return {};
  return address.get();
}

void served_cluster::stop() {
  if (server_ == nullptr)
    return;
  std::promise<void> ended;
  std::thread watchdog{[over = ended.get_future()] {
    if (over.wait_for(stop_grace) == std::future_status::ready)
      return;
    console{}.note("a connection holds the process; it ends without it");
    ::_exit(static_cast<int>(exit_code::ok));
  }};
  if (api_ != nullptr)
    api_->stop();
  server_->stop();
  api_.reset();
  server_.reset();
  ended.set_value();
  watchdog.join();
}

} // namespace skerry
