#include "api/agent_stream.hpp"
#include "api/services.hpp"
#include "messages/skerry/v1/agent_link.grpc.pb.h"

namespace skerry {
namespace {

class agent_link_service final : public v1::AgentLink::CallbackService {
public:
  explicit agent_link_service(service_context& in) : in_{in} {}

private:
  grpc::ServerBidiReactor<v1::AgentMessage, v1::ServerMessage>*
  Attach(grpc::CallbackServerContext* call) override {
    return agent_stream::open(in_, *call);
  }

  service_context& in_;
};

} // namespace

std::unique_ptr<grpc::Service> make_agent_link_service(service_context& in) {
  return std::make_unique<agent_link_service>(in);
}

} // namespace skerry
