#pragma once

#include "messages/skerry/v1/agent_link.pb.h"
#include "messages/skerry/v1/cluster.pb.h"
#include "messages/skerry/v1/decisions.pb.h"
#include "messages/skerry/v1/jobs.pb.h"
#include "messages/skerry/v1/nodes.pb.h"
#include "messages/skerry/v1/policies.pb.h"
#include "scheduling/result.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace skerry {

/// Where messages to an agent go: its stream.
class agent_sink {
public:
  virtual ~agent_sink() = default;
  /// Never blocks. A sink whose buffer is full closes itself: the agent comes
  /// back with a new session, and the orders are sent again.
  virtual void send(v1::ServerMessage message) = 0;
  /// Ends the stream.
  virtual void close() = 0;
};

enum class link_id : std::uint64_t {};

/// The way into the cluster for whoever is not an actor: the API's services.
///
/// Every call returns at once. The reply is called exactly once, on any thread,
/// before the gateway is destroyed; it must not block. An actor that does not
/// answer in time gives `unreachable`.
class cluster_gateway {
public:
  template <class T>
  using reply = std::function<void(result<T>)>;

  virtual ~cluster_gateway() = default;

  /// Answered when the jobs are durable.
  /// @returns `invalid_argument` naming the field, `already_exists`,
  ///          `limit_exceeded` when the queue or the disk is full,
  ///          `infeasible`.
  virtual void submit(v1::SubmitRequest request, reply<v1::SubmitReply> then)
      = 0;
  virtual void job(v1::GetJobRequest request, reply<v1::JobStatus> then) = 0;
  virtual void jobs(v1::ListJobsRequest request, reply<v1::ListJobsReply> then)
      = 0;
  virtual void cancel(v1::CancelJobRequest request, reply<v1::JobStatus> then)
      = 0;
  virtual void explain(v1::GetJobRequest request,
                       reply<v1::JobExplanation> then)
      = 0;
  virtual void logs(v1::LogsRequest request, reply<v1::LogsChunk> then) = 0;
  virtual void resize(v1::ResizeRequest request, reply<v1::ResizeReply> then)
      = 0;
  virtual void resizes(v1::ListResizesRequest request,
                       reply<v1::ListResizesReply> then)
      = 0;

  virtual void decide(v1::DecideRequest request, reply<v1::DecideReply> then)
      = 0;
  virtual void confirm(v1::ReservationsRequest request,
                       reply<v1::ReservationsReply> then)
      = 0;
  virtual void release(v1::ReservationsRequest request,
                       reply<v1::ReservationsReply> then)
      = 0;
  virtual void decisions(v1::ListDecisionsRequest request,
                         reply<v1::ListDecisionsReply> then)
      = 0;

  virtual void nodes(v1::ListNodesRequest request,
                     reply<v1::ListNodesReply> then)
      = 0;
  virtual void node(v1::GetNodeRequest request, reply<v1::NodeStatus> then) = 0;
  virtual void set_condition(v1::SetConditionRequest request,
                             reply<v1::NodeStatus> then)
      = 0;
  virtual void forget(v1::GetNodeRequest request, reply<v1::ForgetReply> then)
      = 0;

  virtual void servers(v1::ServersRequest request, reply<v1::ServersReply> then)
      = 0;
  virtual void forget_server(v1::ForgetServerRequest request,
                             reply<v1::ForgetServerReply> then)
      = 0;
  virtual void islands(v1::IslandsRequest request, reply<v1::IslandsReply> then)
      = 0;
  virtual void tenants(v1::TenantsRequest request, reply<v1::TenantsReply> then)
      = 0;
  virtual void learner(v1::LearnerRequest request, reply<v1::LearnerReply> then)
      = 0;
  /// Of the leagues of all servers, or of one. What a league refuses is in its
  /// status, and of one alone it is the failure.
  virtual void policies(v1::PolicyCommand asked, reply<v1::PoliciesReply> then)
      = 0;

  // -- agents: one link for each stream ---------------------------------------

  virtual link_id open_link(std::shared_ptr<agent_sink> to) = 0;
  /// Messages of one link are taken in order.
  /// @returns False when too many wait: the stream must be read later.
  virtual bool take(link_id link, v1::AgentMessage message) = 0;
  virtual void close_link(link_id link) = 0;
};

} // namespace skerry
