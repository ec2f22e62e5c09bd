#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

namespace skerry {

/// What quotas and shares count of a task or a cluster.
struct tenant_amounts {
  static constexpr std::size_t kinds = 3;
  /// Millicores, bytes of memory, thousandths of GPUs.
  std::array<std::int64_t, kinds> of{};

  bool fits_in(const tenant_amounts& room) const;
  tenant_amounts& operator+=(const tenant_amounts& other);
  tenant_amounts& operator-=(const tenant_amounts& other);
  friend bool operator==(const tenant_amounts&, const tenant_amounts&)
      = default;
};

/// How much of the cluster each tenant has had, and whose turn it is.
///
/// Weighted dominant resource fairness over what is held now and what was held
/// of late: a tenant is charged, for each kind, the mean of its amounts with
/// exponentially decaying weight plus what it holds, over the cluster's
/// capacity; the largest of these, over its weight, is its charge, and the
/// smallest charge goes first. With the mean alone, whoever comes back would
/// take the whole cluster before it moved; with what is held alone, bursts
/// would cost nothing.
///
/// @source Ghodsi et al., Dominant Resource Fairness, NSDI 2011; the decay as
///         in Slurm's multifactor priority.
class fair_share {
public:
  struct options {
    /// After which what was held counts half.
    std::int64_t half_life_milliseconds = 3'600'000;
  };

  class tenant {
  public:
    std::string name;
    double weight = 1;
    tenant_amounts quota; ///< Zeros: no limit.

    /// For who counts tasks; the shares do not look at them.
    std::uint64_t users = 0;
    std::uint64_t queued = 0;
    std::uint64_t live = 0;

    const tenant_amounts& held() const { return held_; }

  private:
    friend class fair_share;

    bool configured_ = false;
    tenant_amounts held_;
    std::array<double, tenant_amounts::kinds> mean_{};
    std::int64_t mean_at_ = 0;
  };

  explicit fair_share(options how) : how_{how} {}

  /// @pre The weight is positive, the quota not negative.
  void configure(const std::string& name, double weight,
                 const tenant_amounts& quota);
  /// Whoever is not configured has the weight 1 and no quota. The address
  /// stays until `forget`.
  tenant& of(const std::string& name);
  const std::map<std::string, tenant>& tenants() const { return tenants_; }
  /// Those that hold nothing, count for nothing and are not in `use`.
  template <class InUse>
  void forget(const InUse& in_use) {
    std::erase_if(tenants_, [&](auto& entry) {
      auto& one = entry.second;
      return !one.configured_ && one.held_ == tenant_amounts{} && !in_use(one)
             && recent_share(one) < 1e-6;
    });
  }

  void set_capacity(const tenant_amounts& all) { capacity_ = all; }
  const tenant_amounts& capacity() const { return capacity_; }
  /// Time never goes back.
  void advance(std::int64_t milliseconds);

  void take(tenant& whose, const tenant_amounts& amounts);
  void give_back(tenant& whose, const tenant_amounts& amounts);
  /// Whether it may hold that much more.
  static bool has_room(const tenant& whose, const tenant_amounts& more);
  /// Whether it may hold that much if it holds nothing else.
  static bool fits_quota(const tenant& whose, const tenant_amounts& all);
  /// Less goes first. Zero for all while no capacity is known.
  double charge(const tenant& whose) const;
  /// The dominant parts, of the capacity: of what is held, of the mean.
  double held_share(const tenant& whose) const;
  double recent_share(const tenant& whose) const;

private:
  double decayed(const tenant& whose, std::size_t kind) const;

  options how_;
  std::map<std::string, tenant> tenants_;
  tenant_amounts capacity_;
  std::int64_t now_ = 0;
};

} // namespace skerry
