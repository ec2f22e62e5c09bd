#pragma once

#include "messages/caf_protobuf.hpp"
#include "messages/skerry/mesh/v1/mesh.pb.h"

#include <caf/actor_control_block.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

namespace skerry {

/// What a server shows to others, the only actor that is published. Typed, so
/// that dialing a server of another interface fails at once.
using front_actor = caf::typed_actor<
    /// Introduces a server, with its front, and answers with this one's hello.
    /// Who was called needs not call back: two servers that dial each other at
    /// once would each drop the other's connection.
    caf::replies_to<mesh::v1::ServerHello,
                    caf::strong_actor_ptr>::with<mesh::v1::ServerHello>,
    /// Takes envelopes and hands them to their roles. The reply is the credit
    /// for the next batch; it says when the sender must say hello first.
    caf::replies_to<mesh::v1::EnvelopeBatch>::with<mesh::v1::Credit>>;

} // namespace skerry
