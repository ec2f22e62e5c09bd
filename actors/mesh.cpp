#include "actors/mesh.hpp"

#include "actors/mesh_tls.hpp"
#include "actors/roster.hpp"
#include "messages/interfaces.hpp"

#include <fmt/core.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/all.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <deque>
#include <mutex>
#include <utility>

//   send() --> ROSTER --(EnvelopeBatch, one credit each)--> front of the peer
//                ^  |                                            |
//     handles    |  | dial(address)                 on_envelope <-+
//                |  v
//               dialer (detached: dialing blocks)

namespace skerry {

namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t mesh_schema = 1;
/// Envelopes in one batch; with those of JOBS it stays below a megabyte.
constexpr int max_batch = 64;
/// A peer that takes longer than this for a batch is asked again.
constexpr auto request_timeout = std::chrono::seconds{2};

using dial_atom = caf::atom_constant<caf::atom("dial")>;
using dialed_atom = caf::atom_constant<caf::atom("dialed")>;
using beat_atom = caf::atom_constant<caf::atom("beat")>;
using flush_atom = caf::atom_constant<caf::atom("flush")>;
using forget_atom = caf::atom_constant<caf::atom("forget")>;

std::int64_t steady_milliseconds() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// What the mesh's actors share with its owner.
struct shared {
  mesh_options options;
  server_mesh::envelope_handler on_envelope;
  server_mesh::peers_handler on_peers;
  server_mesh::forgotten_handler on_forgotten;
  server_mesh::status_source status;
  std::string address;
  caf::actor roster; ///< Set before anybody can call.
  std::mutex mutex;
  // Under `mutex`, as ROSTER last knew them:
  std::vector<peer> peers;
  std::int64_t peers_at = 0; ///< When that was.
  std::map<std::string, std::uint64_t> forgotten;
  bool stopped = false;

  bool with_tls() const { return !options.tls.certificate_file.empty(); }

  mesh::v1::ServerHello hello() {
    mesh::v1::ServerHello hello;
    hello.set_name(options.name);
    hello.set_incarnation(options.incarnation);
    hello.set_epoch(options.epoch);
    hello.set_schema(mesh_schema);
    hello.set_mesh_address(address);
    *hello.mutable_status() = status();
    const std::lock_guard lock{mutex};
    for (const auto& one : peers)
      if (one.reachable)
        hello.add_known_addresses(one.mesh_address);
    for (const auto& [gone, of_epoch] : forgotten) {
      auto* to = hello.add_forgotten();
      to->set_name(gone);
      to->set_epoch(of_epoch);
    }
    return hello;
  }

  bool has_forgotten(const std::string& name) {
    const std::lock_guard lock{mutex};
    return forgotten.contains(name);
  }
};

using shared_ptr = std::shared_ptr<shared>;

// -- dialer -------------------------------------------------------------------

struct dialer_state {
  static constexpr const char* name = "dialer";
};

caf::behavior dialer(caf::stateful_actor<dialer_state>* self,
                     const shared_ptr& common, const caf::actor& roster) {
  self->set_default_handler(caf::drop);
  return {[=](dial_atom, const std::string& address) {
    const auto at = split_address(address);
    if (!at) {
      self->send(roster, dialed_atom::value, address, caf::strong_actor_ptr{});
      return;
    }
    auto& system = self->system();
    auto peer = common->with_tls()
                    ? caf::openssl::remote_actor<front_actor>(system, at->host,
                                                              at->port)
                    : system.middleman().remote_actor<front_actor>(at->host,
                                                                   at->port);
    self->send(roster, dialed_atom::value, address,
               peer ? caf::actor_cast<caf::strong_actor_ptr>(*peer)
                    : caf::strong_actor_ptr{});
  }};
}

// -- front --------------------------------------------------------------------

struct front_state {
  static constexpr const char* name = "front";
};

front_actor::behavior_type
front(front_actor::stateful_pointer<front_state> /*self*/,
      const shared_ptr& common) {
  return {[=](const mesh::v1::ServerHello& hello,
              const caf::strong_actor_ptr& caller) {
            caf::anon_send(common->roster, hello, caller);
            return common->hello();
          },
          [=](mesh::v1::EnvelopeBatch& batch) {
            mesh::v1::Credit credit;
            credit.set_incarnation(common->options.incarnation);
            if (common->has_forgotten(batch.from()))
              return credit; // Its hello is refused, too.
            for (auto& envelope : *batch.mutable_envelopes()) {
              // The connection says who it is, not the envelope.
              envelope.set_from(batch.from());
              if (envelope.to() == common->options.name)
                common->on_envelope(std::move(envelope));
            }
            return credit;
          }};
}

// -- ROSTER -------------------------------------------------------------------

struct connection {
  /// Tells connections to the same peer apart: after a partition the handle may
  /// be the same, and answers of before must not count.
  std::uint64_t number = 0;
  front_actor handle;
  std::deque<mesh::v1::Envelope> waiting;
  std::uint32_t in_flight = 0;
  bool flushing = false; ///< A flush is in the mailbox.
};

struct roster_actor_state {
  static constexpr const char* name = "roster";
  std::unique_ptr<roster> known;
  std::map<std::string, connection> connections; ///< By server.
  std::uint64_t next_connection = 1;
  caf::actor dialer;
  front_actor front; ///< Of this server.
};

using roster_self = caf::stateful_actor<roster_actor_state>;

/// Shows other threads what ROSTER knows now.
void show(roster_self* self, const shared_ptr& common) {
  const auto now = steady_milliseconds();
  auto peers = self->state.known->peers(now);
  const std::lock_guard lock{common->mutex};
  common->peers = std::move(peers);
  common->peers_at = now;
  common->forgotten = self->state.known->forgotten();
}

void tell_peers(roster_self* self, const shared_ptr& common) {
  show(self, common);
  std::vector<peer> peers;
  {
    const std::lock_guard lock{common->mutex};
    if (common->stopped)
      return;
    peers = common->peers;
  }
  common->on_peers(std::move(peers));
}

void lose(roster_self* self, const shared_ptr& common,
          const std::string& name) {
  self->state.connections.erase(name);
  self->state.known->disconnected(name, steady_milliseconds());
  tell_peers(self, common);
}

void pump(roster_self* self, const shared_ptr& common,
          const std::string& name) {
  auto found = self->state.connections.find(name);
  if (found == self->state.connections.end())
    return;
  auto& to = found->second;
  while (to.in_flight < common->options.window && !to.waiting.empty()) {
    mesh::v1::EnvelopeBatch batch;
    batch.set_from(common->options.name);
    batch.set_incarnation(common->options.incarnation);
    while (!to.waiting.empty() && batch.envelopes_size() < max_batch) {
      *batch.add_envelopes() = std::move(to.waiting.front());
      to.waiting.pop_front();
    }
    ++to.in_flight;
    auto done = [=, number = to.number] {
      auto again = self->state.connections.find(name);
      if (again == self->state.connections.end()
          || again->second.number != number)
        return;
      --again->second.in_flight;
      pump(self, common, name);
    };
    self->request(to.handle, request_timeout, std::move(batch))
        .then([=](const mesh::v1::Credit&) { done(); },
              // What was in it is repeated by those who need it.
              [=](const caf::error&) { done(); });
  }
}

/// @param address Where it was dialed; empty when it has called.
void meet(roster_self* self, const shared_ptr& common,
          const mesh::v1::ServerHello& hello, const front_actor& handle,
          const std::string& address) {
  auto& known = *self->state.known;
  const auto now = steady_milliseconds();
  for (const auto& [name, epoch] : known.learn_forgotten(hello)) {
    lose(self, common, name);
    common->on_forgotten(name, epoch);
  }
  const auto verdict = known.heard(hello, address, now);
  if (verdict == roster_verdict::refused)
    return;
  auto& to = self->state.connections[hello.name()];
  // A connection that works is kept; one to an earlier life does not.
  const bool replaces
      = !to.handle || verdict == roster_verdict::changed || !address.empty();
  if (replaces && to.handle != handle) {
    to = connection{self->state.next_connection++, handle,
                    std::move(to.waiting)};
    self->monitor(handle);
  }
  if (known.connected(hello.name(), now) || verdict == roster_verdict::changed)
    tell_peers(self, common);
  pump(self, common, hello.name());
}

void greet(roster_self* self, const shared_ptr& common,
           const front_actor& handle, const std::string& address) {
  self->request(handle, request_timeout, common->hello(),
                caf::actor_cast<caf::strong_actor_ptr>(self->state.front))
      .then(
          [=](const mesh::v1::ServerHello& hello) {
            meet(self, common, hello, handle, address);
          },
          [=](const caf::error&) {
            self->state.known->dial_failed(address, steady_milliseconds());
          });
}

caf::behavior roster_behavior(roster_self* self, const shared_ptr& common,
                              const front_actor& front) {
  auto& state = self->state;
  state.front = front;
  state.known = std::make_unique<roster>(
      roster_options{.name = common->options.name,
                     .epoch = common->options.epoch,
                     .own_address = common->address,
                     .timeout_milliseconds
                     = common->options.timeout_milliseconds},
      common->options.seeds);
  for (const auto& [name, epoch] : common->options.forgotten)
    (void)state.known->forget(name, epoch); // It was news in another life.
  show(self, common);
  state.dialer = self->spawn<caf::detached>(dialer, common, caf::actor{self});
  self->set_default_handler(caf::drop);
  self->set_down_handler([=](const caf::down_msg& down) {
    for (const auto& [name, to] : self->state.connections)
      if (to.handle.address() == down.source) {
        lose(self, common, std::string{name});
        return;
      }
  });
  self->set_exit_handler([=](const caf::exit_msg& exit) {
    self->send_exit(self->state.dialer, exit.reason);
    self->quit(exit.reason);
  });
  self->send(self, beat_atom::value);
  return {
      [=](mesh::v1::Envelope& envelope) {
        auto to = self->state.connections.find(envelope.to());
        if (to == self->state.connections.end())
          return; // Not reachable; who needs it sends it again.
        auto& waiting = to->second.waiting;
        waiting.push_back(std::move(envelope));
        if (waiting.size() > common->options.max_waiting)
          waiting.pop_front();
        // Behind what is in the mailbox already, so that it goes together.
        if (!std::exchange(to->second.flushing, true))
          self->send(self, flush_atom::value, to->first);
      },
      [=](flush_atom, const std::string& name) {
        if (auto to = self->state.connections.find(name);
            to != self->state.connections.end())
          to->second.flushing = false;
        pump(self, common, name);
      },
      [=](const mesh::v1::ServerHello& hello,
          const caf::strong_actor_ptr& caller) {
        if (caller)
          meet(self, common, hello, caf::actor_cast<front_actor>(caller), {});
      },
      [=](dialed_atom, const std::string& address,
          const caf::strong_actor_ptr& handle) {
        if (handle)
          greet(self, common, caf::actor_cast<front_actor>(handle), address);
        else
          self->state.known->dial_failed(address, steady_milliseconds());
      },
      [=](forget_atom, const std::string& name, std::uint64_t epoch) {
        if (self->state.known->forget(name, epoch))
          lose(self, common, name);
      },
      [=](beat_atom) {
        const auto now = steady_milliseconds();
        for (const auto& address : self->state.known->to_dial(now))
          self->send(self->state.dialer, dial_atom::value, address);
        for (const auto& name : self->state.known->silent(now))
          lose(self, common, name);
        for (const auto& [name, to] : self->state.connections)
          greet(self, common, to.handle, self->state.known->address_of(name));
        show(self, common);
        self->delayed_send(
            self, milliseconds{common->options.heartbeat_milliseconds / 2},
            beat_atom::value);
      }};
}

// -- the mesh -----------------------------------------------------------------

class caf_mesh final : public server_mesh {
public:
  caf_mesh(caf::actor_system& system, shared_ptr common, caf::actor roster,
           front_actor front, std::uint16_t port)
      : system_{system}, common_{std::move(common)}, roster_{std::move(roster)},
        front_{std::move(front)}, port_{port} {}
  ~caf_mesh() override { stop(); }

  void send(mesh::v1::Envelope envelope) override {
    caf::anon_send(roster_, std::move(envelope));
  }

  std::vector<peer> peers() const override {
    const std::lock_guard lock{common_->mutex};
    auto peers = common_->peers;
    for (auto& one : peers)
      one.silent_milliseconds += steady_milliseconds() - common_->peers_at;
    return peers;
  }

  std::string address() const override { return common_->address; }

  void forget(const std::string& name, std::uint64_t epoch) override {
    caf::anon_send(roster_, forget_atom::value, name, epoch);
  }

  void stop() override {
    {
      const std::lock_guard lock{common_->mutex};
      if (std::exchange(common_->stopped, true))
        return;
    }
    // CAF's TLS broker has no unpublish; it ends with the actor system.
    if (!common_->with_tls())
      (void)system_.middleman().unpublish(front_, port_);
    caf::anon_send_exit(front_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(roster_, caf::exit_reason::user_shutdown);
  }

private:
  caf::actor_system& system_;
  shared_ptr common_;
  caf::actor roster_;
  front_actor front_;
  std::uint16_t port_;
};

} // namespace

result<> server_mesh::configure(caf::actor_system_config& config,
                                const mesh_options& options) {
  const auto at = split_address(options.listen);
  if (!at)
    return at.failure();
  const bool tls = !options.tls.certificate_file.empty();
  if (!tls && !at->is_loopback())
    return {error_code::invalid_argument,
            fmt::format("{} is not loopback, and without certificates "
                        "anybody could join; make them with `skerry certs "
                        "init` and `skerry certs server NAME`",
                        options.listen)};
  if (tls)
    if (auto good = check(options.tls); !good)
      return good;
  config.load<caf::io::middleman>();
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", std::size_t{2});
  config.set("middleman.workers", std::size_t{1});
  config.set("middleman.heartbeat-interval",
             caf::timespan{milliseconds{options.heartbeat_milliseconds}});
  config.set("middleman.connection-timeout",
             caf::timespan{milliseconds{options.timeout_milliseconds}});
  if (tls) {
    config.load<caf::openssl::manager>();
    config.set("openssl.certificate", options.tls.certificate_file);
    config.set("openssl.key", options.tls.key_file);
    config.set("openssl.cafile", options.tls.ca_file);
  }
  config.add_message_type<mesh::v1::ServerHello>("skerry.mesh.v1.ServerHello");
  config.add_message_type<mesh::v1::EnvelopeBatch>(
      "skerry.mesh.v1.EnvelopeBatch");
  config.add_message_type<mesh::v1::Credit>("skerry.mesh.v1.Credit");
  config.add_message_type<mesh::v1::Envelope>("skerry.mesh.v1.Envelope");
  return done{};
}

result<std::unique_ptr<server_mesh>>
server_mesh::start(caf::actor_system& system, mesh_options options,
                   envelope_handler on_envelope, peers_handler on_peers,
                   forgotten_handler on_forgotten, status_source status) {
  auto common = std::make_shared<shared>();
  common->options = std::move(options);
  common->on_envelope = std::move(on_envelope);
  common->on_peers = std::move(on_peers);
  common->on_forgotten = std::move(on_forgotten);
  common->status = std::move(status);
  const auto at = split_address(common->options.listen);
  if (!at)
    return at.failure();
  // The port is known only when the front is published, which needs ROSTER.
  if (at->port == 0)
    return error{error_code::invalid_argument,
                 "the mesh needs a port of its own, not 0"};
  common->address = common->options.advertise.empty()
                        ? common->options.listen
                        : common->options.advertise;
  auto published = system.spawn(front, common);
  auto roster = system.spawn(roster_behavior, common, published);
  common->roster = roster;
  // With reuse: a restart finds connections of its last life in TIME_WAIT.
  auto port
      = common->with_tls()
            ? caf::openssl::publish(published, at->port, at->host.c_str(), true)
            : system.middleman().publish(published, at->port, at->host.c_str(),
                                         true);
  if (!port) {
    caf::anon_send_exit(published, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(roster, caf::exit_reason::user_shutdown);
    return error{error_code::io_failed,
                 fmt::format("cannot listen on {}: {}", common->options.listen,
                             system.render(port.error()))};
  }
  return std::unique_ptr<server_mesh>{
      std::make_unique<caf_mesh>(system, std::move(common), std::move(roster),
                                 std::move(published), *port)};
}

} // namespace skerry
