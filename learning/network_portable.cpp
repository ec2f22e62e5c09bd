#include "learning/network_kernel_impl.hpp"

namespace skerry {

void forward_portable(const network_view& net, const float* rows,
                      std::size_t count, float* logits, float* values) {
  using vector = float __attribute__((vector_size(16), may_alias));
  forward_rows<vector, 3>(net, rows, count, logits, values);
}

} // namespace skerry
