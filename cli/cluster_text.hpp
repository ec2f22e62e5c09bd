#pragma once

#include "messages/skerry/v1/cluster.pb.h"
#include "messages/skerry/v1/decisions.pb.h"
#include "messages/skerry/v1/jobs.pb.h"
#include "messages/skerry/v1/nodes.pb.h"

#include <cstdint>
#include <string>
#include <vector>

namespace skerry {

/// What the cluster says, for people: tables and lists with human units.

/// This machine's wall clock.
std::int64_t unix_milliseconds_now();

std::string state_text(v1::TaskState state);
/// Also "cancelling", while tasks of a cancelled job still run.
std::string job_state_text(const v1::JobStatus& job);
/// "up", its trouble, or how long nothing has been heard of it.
std::string server_state_text(const v1::ServerStatus& server);
bool has_ended(v1::TaskState state);
/// "cpu 1.5, memory 4 GiB", "-" for nothing.
std::string resources_text(const v1::Resources& amounts);
/// How the last attempt ended: "exit code 3", "killed by signal 9".
std::string outcome_text(const v1::Outcome& outcome);

/// What tasks use, have and ought to have.
std::string resizes_table(const v1::ListResizesReply& sizes);
std::string jobs_table(const v1::ListJobsReply& jobs);
std::string nodes_table(const v1::ListNodesReply& nodes);
std::string servers_table(const v1::ServersReply& servers);
/// What servers have of experience.
std::string replay_table(const v1::ServersReply& servers);
std::string islands_table(const v1::IslandsReply& islands);
std::string learner_table(const v1::LearnerReply& learners);
std::string tenants_table(const v1::TenantsReply& tenants);
/// Why a job waits.
std::string explanation_text(const v1::JobExplanation& why);
/// The last migrants, island by island.
std::string migrations_table(const v1::IslandsReply& islands);
std::string decision_records_table(const v1::ListDecisionsReply& decisions);
/// With the reasons of what is not placed below.
/// @param names Of the tasks, as many as there are decisions.
std::string decisions_table(const std::vector<std::string>& names,
                            const v1::DecideReply& reply);

std::string job_text(const v1::JobStatus& job);
/// @param size Empty when its cell does not say.
std::string task_text(const v1::JobStatus& job, const v1::TaskStatus& task,
                      const v1::TaskSize& size);
std::string node_text(const v1::NodeStatus& node);
std::string server_text(const v1::ServerStatus& server);

} // namespace skerry
