// Server reflection: what services and messages there are.
#pragma once

#include <memory>

#include "api/grpc/rpc_call.h"

namespace bowhead::api {

/// Answers the questions of one ServerReflectionInfo call, one after the other.
void ServeReflection(const std::shared_ptr<RpcCall>& call);

}  // namespace bowhead::api
