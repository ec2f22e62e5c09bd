#pragma once

#include "scheduling/catalog.hpp"
#include "scheduling/fwd.hpp"
#include "scheduling/idle_list.hpp"
#include "scheduling/refusal.hpp"
#include "scheduling/resources.hpp"
#include "scheduling/specs.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace skerry {

enum class node_condition : std::uint8_t {
  ready,    ///< Takes tasks.
  cordoned, ///< Keeps its tasks, takes no more.
  draining, ///< Takes no more; its tasks are to be moved away.
  gone,     ///< Lost or removed; holds nothing.
};

/// A device as the hot path sees it; its size is with the node class.
struct device_state {
  std::int64_t free_memory_bytes = 0;
  std::int32_t free_milli = 0;
  /// Devices taken whole by the task that holds this one; 0 if idle or shared.
  std::uint8_t held_by_whole = 0;
};

/// What nodes of the same hardware and labels have in common.
struct node_class {
  resources capacity; ///< Named kinds resolved.
  std::vector<device_spec> devices;
  std::vector<label> labels; ///< Sorted by key.
  std::uint32_t max_tasks = 0;
  std::uint32_t nodes = 0;  ///< Live nodes of this class; 0 is a free slot.
  std::uint64_t serial = 0; ///< Never reused, unlike the id.
  device_mask gpus = 0;     ///< Devices of kind "gpu".

  const std::string* label_value(std::string_view key) const;
};

/// A `device_request` as the hot path reads it.
struct compiled_request {
  std::int32_t count = 0;
  std::int32_t share_milli = 0; ///< 0: whole devices.
  std::int64_t memory_bytes = 0;
};

/// What a node class means for a shape, worked out once for all its nodes.
struct class_fit {
  refusal never; ///< Why no node of the class can run it, even when empty.
  /// Devices of the right kind, model and size, one mask for each request.
  std::array<device_mask, max_device_requests> usable{};
};

/// An interned shape: what filters and scorers read.
struct compiled_shape {
  task_shape source;
  /// Named kinds resolved, as far as a node has had them.
  resources demand = {};
  bool asks_unknown = false; ///< For a named kind that no node has had.
  std::size_t kinds_used = 0;
  std::vector<compiled_request> requests = {};
  std::vector<class_fit> fits = {}; ///< By node class.
  std::vector<std::uint32_t> groups = {};
  std::vector<std::uint32_t> affinity = {};
  std::vector<std::uint32_t> anti_affinity = {};
  std::uint32_t spread_group = 0; ///< With `source.spread`.
  bool meets_groups = false;      ///< Has affinity or anti-affinity.
  std::optional<std::size_t> gpu_request = {}; ///< Index in `requests`.
  std::uint64_t serial = 0;                    ///< Never reused, unlike the id.
  std::uint32_t users = 0;      ///< References held; 0 is idle or a free slot.
  std::uint64_t idle_stamp = 0; ///< With no users.
};

/// The nodes, what is free on them, and the shapes that may be asked for.
///
/// Knows no task: `take` and `give_back` move amounts, and the `ledger` says
/// for whom. A value: a copy is a snapshot to plan on.
///
/// Invariants, for every node and device: 0 <= free <= capacity; a node that is
/// gone is empty. Every change of a node raises `version()` by one and goes
/// into a log of bounded length, from which caches learn what to look at again.
///
/// Threads: none; one writer, and readers only between its writes.
class cluster {
public:
  cluster();

  // -- nodes ------------------------------------------------------------------

  /// Adds a node at the smallest unused index.
  /// @returns `invalid_argument` for a bad spec, `already_exists` for a name in
  ///          use, `limit_exceeded` when catalog or capacity totals overflow.
  result<node_index> add_node(const node_spec& spec);

  /// Replaces capacity, devices and labels of a node; what runs there stays.
  /// @returns `conflict` when something in use would no longer be there, and
  ///          everything `add_node` returns.
  result<> update_node(node_index node, const node_spec& spec);

  /// Takes an empty node out. Its index may be used again.
  /// @returns `conflict` when something is still placed on it.
  result<> remove_node(node_index node);

  void set_condition(node_index node, node_condition condition);

  /// Indexes ever used; those that are `gone` count too.
  std::size_t size() const { return nodes_.size(); }
  std::size_t live_nodes() const { return by_name_.size(); }
  std::optional<node_index> find(std::string_view name) const;
  const std::string& name(node_index node) const {
    return names_[index_of(node)];
  }
  node_condition condition(node_index node) const {
    return nodes_[index_of(node)].condition;
  }
  std::uint32_t task_count(node_index node) const {
    return nodes_[index_of(node)].task_count;
  }
  const node_class& class_of(node_index node) const {
    return classes_[index_of(nodes_[index_of(node)].class_id)];
  }
  node_class_id class_id(node_index node) const {
    return nodes_[index_of(node)].class_id;
  }
  std::span<const node_class> classes() const { return classes_; }

  std::int64_t free(node_index node, resource_kind kind) const {
    return free_[index_of(node) * stride_ + index_of(kind)];
  }
  resources free(node_index node) const;
  /// Free GPU milli of the node, all devices together.
  std::int64_t free_gpu_milli(node_index node) const;
  std::span<const device_state> devices(node_index node) const {
    const auto& state = nodes_[index_of(node)];
    return {devices_.data() + state.first_device, state.device_count};
  }
  /// Devices that nothing uses.
  device_mask idle_devices(node_index node) const {
    return nodes_[index_of(node)].idle_devices;
  }
  std::uint32_t group_count(node_index node, std::uint32_t group) const;

  /// Sum over live nodes.
  const resources& capacity() const { return capacity_; }

  /// Resource kinds by name; the built-in four come first.
  const name_table& resource_names() const { return resource_names_; }

  // -- shapes -----------------------------------------------------------------

  /// Returns the handle of an equal shape, or compiles a new one. Every call
  /// takes a reference that `release` gives back. The last `max_idle_shapes`
  /// without a reference are kept, and with them what indexes cached for them.
  /// @returns `invalid_argument` for a bad shape. A device model or resource
  ///          that no node has is no error here: `can_ever_fit` says so.
  result<shape_id> intern(const task_shape& shape);
  void release(shape_id shape);
  const compiled_shape& shape(shape_id id) const {
    return shapes_[index_of(id)];
  }
  /// By id; those with serial 0 are free slots.
  std::span<const compiled_shape> shapes() const { return shapes_; }

  // -- filters ----------------------------------------------------------------

  /// Why the shape cannot start on the node now; `none` if it can. Looks at
  /// this node alone: `spread_filter` looks across nodes.
  /// @cost O(kinds + devices), no allocation.
  refusal why_not(const compiled_shape& shape, node_index node) const;

  /// Whether any node could run the shape if it were empty and ready.
  /// @cost O(node classes).
  bool can_ever_fit(const compiled_shape& shape) const;

  /// Devices a request may use on the node now.
  /// @returns For whole devices the idle ones, else those with share and memory
  ///          left.
  device_mask available(const compiled_shape& shape, std::size_t request,
                        node_index node) const;

  // -- changes ----------------------------------------------------------------

  /// Takes a shape's amounts from a node.
  /// @param devices The devices of all requests together.
  /// @returns `insufficient` or `invalid_argument`, with nothing changed.
  result<> take(node_index node, shape_id shape, device_mask devices);

  /// Undoes a `take` with the same arguments.
  /// @pre Such a `take` succeeded and was not undone.
  void give_back(node_index node, shape_id shape, device_mask devices);

  /// Exchanges what a `take` took for another shape or other devices, in one
  /// step. Asks only for what is more than before: the node's condition, its
  /// task limit and the groups there do not matter to a task that stays.
  /// @param held What the task holds now; `wanted` what it shall hold.
  /// @pre A `take` of `from` and `held` succeeded and was not undone; `from`
  /// and
  ///      `to` differ in divisible amounts only.
  /// @returns `insufficient` or `invalid_argument`, with nothing changed.
  result<> exchange(node_index node, shape_id from, device_mask held,
                    shape_id to, device_mask wanted);

  /// Counts changes of nodes; never falls.
  std::uint64_t version() const { return version_; }
  /// Version at which the node last changed.
  std::uint64_t version(node_index node) const {
    return nodes_[index_of(node)].version;
  }
  /// Changes after this version are still in the log.
  std::uint64_t log_begin() const { return log_begin_; }
  /// The node changed at `version`.
  /// @pre `log_begin() < version <= this->version()`.
  node_index changed_at(std::uint64_t version) const {
    return static_cast<node_index>(log_[version & (log_.size() - 1)]);
  }
  /// Raised when a scorer's view of the whole cluster may have changed: nodes
  /// came, went, or have another capacity.
  std::uint64_t layout_version() const { return layout_version_; }

  /// Bytes of the hot state: what decisions read and write.
  std::size_t hot_bytes() const;

private:
  /// What every decision touches of a node, beside its row in `free_`.
  struct node_state {
    std::uint64_t version = 0;
    device_mask idle_devices = 0;
    node_class_id class_id{};
    std::uint32_t first_device = 0;
    std::uint32_t task_count = 0;
    std::uint32_t max_tasks = 0;
    std::uint8_t device_count = 0;
    std::uint8_t device_room = 0; ///< Places held in `devices_`.
    node_condition condition = node_condition::ready;
  };

  refusal why_not_groups(const compiled_shape& shape, node_index node) const;
  result<node_class> compile_class(const node_spec& spec) const;
  void name_resources(const node_spec& spec);
  node_class_id intern_class(node_class compiled);
  void release_class(node_class_id id);
  result<compiled_shape> compile_shape(const task_shape& shape);
  result<> check_in_use(node_index node, const node_class& next) const;
  void assign(node_index node, node_class_id next);
  void lay_out_devices(node_state& state, const node_class& next);
  void resolve(compiled_shape& shape) const;
  void resolve_again();
  void widen_rows(std::size_t kinds);
  void grow_log();
  void changed(node_index node);
  result<> choose(const compiled_shape& shape, node_index node,
                  device_mask devices) const;
  void take_devices(node_state& state, const compiled_request& request,
                    device_mask chosen);
  void give_back_device(node_state& state, std::size_t d,
                        const compiled_shape& shape, const device_spec& spec);

  std::vector<node_state> nodes_;
  std::vector<std::int64_t> free_; ///< `[node][stride_]`
  std::size_t stride_ = 4;         ///< Resource kinds in use, at least 4.
  std::vector<device_state> devices_;
  std::unordered_map<std::uint64_t, std::uint32_t> group_counts_;

  std::vector<std::string> names_;
  std::unordered_map<std::string, node_index> by_name_;
  std::vector<std::uint32_t> unused_; ///< Indexes of nodes that are gone, heap.
  std::vector<node_class> classes_;
  std::vector<std::uint32_t> unused_classes_;
  std::unordered_map<std::string, node_class_id> class_by_text_;
  std::vector<compiled_shape> shapes_;
  std::vector<std::uint32_t> unused_shapes_;
  idle_list<shape_id> idle_shapes_;
  std::unordered_map<std::string, shape_id> shape_by_text_;
  std::uint64_t next_serial_ = 1;
  name_table resource_names_;
  name_table groups_;
  resources capacity_;

  std::vector<std::uint32_t> log_; ///< Ring of changed nodes; a power of two.
  std::uint64_t log_begin_ = 0;
  std::uint64_t version_ = 0;
  std::uint64_t layout_version_ = 0;
};

// -- hot path, inline for the loops of the scorers ----------------------------

inline bool has_room(const device_state& device,
                     const compiled_request& request) {
  return device.free_milli >= request.share_milli
         && device.free_memory_bytes >= request.memory_bytes;
}

inline device_mask cluster::available(const compiled_shape& shape,
                                      std::size_t request,
                                      node_index node) const {
  const auto& state = nodes_[index_of(node)];
  const auto& wanted = shape.requests[request];
  auto usable = shape.fits[index_of(state.class_id)].usable[request];
  if (wanted.share_milli == 0)
    return usable & state.idle_devices;
  device_mask out = 0;
  for (; usable != 0; usable &= usable - 1) {
    const auto device = static_cast<std::size_t>(std::countr_zero(usable));
    if (has_room(devices_[state.first_device + device], wanted))
      out |= device_mask{1} << device;
  }
  return out;
}

inline refusal cluster::why_not(const compiled_shape& shape,
                                node_index node) const {
  const auto& state = nodes_[index_of(node)];
  if (state.condition != node_condition::ready)
    return {refusal_reason::not_ready};
  if (const auto& never = shape.fits[index_of(state.class_id)].never)
    return never;
  const auto* row = free_.data() + index_of(node) * stride_;
  for (std::size_t kind = 0; kind < shape.kinds_used; ++kind)
    if (row[kind] < shape.demand[kind])
      return {refusal_reason::resource, static_cast<std::uint8_t>(kind)};
  if (state.task_count >= state.max_tasks)
    return {refusal_reason::task_limit};
  for (std::size_t i = 0; i < shape.requests.size(); ++i) {
    const auto& request = shape.requests[i];
    const auto devices = available(shape, i, node);
    if (std::popcount(devices) < request.count)
      return {request.share_milli > 0 ? refusal_reason::device_share
                                      : refusal_reason::device_count,
              static_cast<std::uint8_t>(i)};
  }
  if (!shape.meets_groups)
    return {};
  return why_not_groups(shape, node);
}

} // namespace skerry
