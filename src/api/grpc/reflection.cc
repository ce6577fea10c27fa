#include "api/grpc/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpc/reflection/v1/reflection.pb.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace bowhead::api {

namespace {

namespace reflection = ::grpc::reflection::v1;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;

constexpr std::array<std::string_view, 3> kServices = {"bowhead.v1.Bowhead", "grpc.health.v1.Health",
                                                       "grpc.reflection.v1.ServerReflection"};
constexpr std::chrono::seconds kPatience{75};  // with a client that asks nothing

void AddFile(const FileDescriptor& file, std::unordered_set<const FileDescriptor*>& seen,
             reflection::FileDescriptorResponse& response) {
  if (!seen.insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, response);
}

/// The file and all that it imports; `what` for the error if there is none.
void AnswerFile(const FileDescriptor* file, const std::string& what, reflection::ServerReflectionResponse& answer) {
  if (file == nullptr) {
    answer.mutable_error_response()->set_error_code(static_cast<int>(base::StatusCode::kNotFound));
    answer.mutable_error_response()->set_error_message("there is no " + what.substr(0, 200) + " here");
    return;
  }
  std::unordered_set<const FileDescriptor*> seen;
  AddFile(*file, seen, *answer.mutable_file_descriptor_response());
}

reflection::ServerReflectionResponse AnswerTo(const reflection::ServerReflectionRequest& request) {
  using Request = reflection::ServerReflectionRequest;
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  reflection::ServerReflectionResponse answer;
  answer.set_valid_host(request.host());
  *answer.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kListServices:
      for (const std::string_view name : kServices) {
        answer.mutable_list_services_response()->add_service()->set_name(std::string(name));
      }
      break;
    case Request::kFileByFilename:
      AnswerFile(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), answer);
      break;
    case Request::kFileContainingSymbol:
      AnswerFile(pool.FindFileContainingSymbol(request.file_containing_symbol()), request.file_containing_symbol(),
                 answer);
      break;
    case Request::kFileContainingExtension:
      AnswerFile(nullptr, "extension of " + request.file_containing_extension().containing_type(), answer);
      break;
    case Request::kAllExtensionNumbersOfType:
      if (pool.FindMessageTypeByName(request.all_extension_numbers_of_type()) == nullptr) {
        AnswerFile(nullptr, request.all_extension_numbers_of_type(), answer);
      } else {  // our messages have none
        answer.mutable_all_extension_numbers_response()->set_base_type_name(request.all_extension_numbers_of_type());
      }
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      answer.mutable_error_response()->set_error_code(static_cast<int>(base::StatusCode::kInvalidArgument));
      answer.mutable_error_response()->set_error_message("the request asks nothing");
      break;
  }
  return answer;
}

void AnswerNext(const std::shared_ptr<RpcCall>& call) {
  call->rpc().Read(kPatience, [call](std::optional<::grpc::ByteBuffer> bytes) {
    if (!bytes) return call->Done();
    reflection::ServerReflectionRequest request;
    if (!ParseMessage(std::move(*bytes), request)) {
      return call->Fail({.message = "the message is no grpc.reflection.v1.ServerReflectionRequest"});
    }
    if (call->rpc().Write(AnswerTo(request), /*merge=*/false)) AnswerNext(call);
  });
}

}  // namespace

void ServeReflection(const std::shared_ptr<RpcCall>& call) {
  call->rpc().OnDrain([weak = std::weak_ptr<RpcCall>(call)] {
    if (const auto open = weak.lock()) open->Done();
  });
  AnswerNext(call);
}

}  // namespace bowhead::api
