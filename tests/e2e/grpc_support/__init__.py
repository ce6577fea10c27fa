"""Python stubs of proto/, generated when this is imported, as a user would make them; and what the gRPC tests share."""
import sys
import tempfile
from pathlib import Path

import grpc
import grpc_tools
from grpc_status import rpc_status
from grpc_tools import protoc

PROTO = Path(__file__).resolve().parents[3] / "proto"
FILES = ["bowhead/v1/" + name for name in ("answer", "bowhead", "chat", "embed", "generate", "models", "parameters")]
FILES += ["grpc/health/v1/health", "grpc/reflection/v1/reflection"]

_folder = tempfile.TemporaryDirectory()
_well_known = Path(grpc_tools.__file__).parent / "_proto"
assert protoc.main(["protoc", f"-I{PROTO}", f"-I{_well_known}", f"--python_out={_folder.name}",
                    f"--grpc_python_out={_folder.name}", *(name + ".proto" for name in FILES)]) == 0
sys.path.insert(0, _folder.name)

# `grpc` is the library's package; the stubs of grpc/ join it.
grpc.__path__.append(_folder.name + "/grpc")

from bowhead.v1 import (answer_pb2, bowhead_pb2_grpc, chat_pb2, embed_pb2, generate_pb2,  # noqa: E402
                        models_pb2, parameters_pb2)
from grpc.health.v1 import health_pb2, health_pb2_grpc  # noqa: E402
from grpc.reflection.v1 import reflection_pb2, reflection_pb2_grpc  # noqa: E402

__all__ = ["answer_pb2", "bowhead_pb2_grpc", "chat_pb2", "embed_pb2", "generate_pb2", "health_pb2", "health_pb2_grpc",
           "models_pb2", "parameters_pb2", "reflection_pb2", "reflection_pb2_grpc"]

QUESTION = "What is the capital of France? Answer in one word."


def channel_to(server, **options):
    return grpc.insecure_channel(server.url.removeprefix("http://"), options=list(options.items()))


def chat(text=QUESTION, **parameters):
    return chat_pb2.ChatRequest(messages=[chat_pb2.Message(role="user", content=text)], **parameters)


def text_of(responses, index=0):
    return "".join(delta.content for response in responses for delta in response.choices if delta.index == index)


def failure(call):
    """The error that a call (a function of no arguments) ends with."""
    try:
        result = call()
        if not hasattr(result, "DESCRIPTOR"):
            list(result)
    except grpc.RpcError as error:
        return error
    raise AssertionError("the call did not fail")


def details(error):
    """The details of an error by the name of their type."""
    status = rpc_status.from_call(error)
    assert status is not None and status.code == error.code().value[0] and status.message == error.details()
    return {any.type_url.rsplit(".", 1)[1]: any for any in status.details}
