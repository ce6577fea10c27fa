"""gRPC as strangers speak it: grpcurl through reflection, and connections that break the protocol or stop half-way."""
import json
import shutil
import socket
import subprocess
import threading

import grpc
import pytest
import requests

from conftest import ROOT
from grpc_support import bowhead_pb2_grpc, channel_to, chat, reflection_pb2, reflection_pb2_grpc, text_of

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
GRPCURL = shutil.which("grpcurl") or ROOT / "build" / "venv" / "bin" / "grpcurl"


def connect(server):
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def read_to_end(connection):
    received = b""
    try:
        while block := connection.recv(65536):
            received += block
    except ConnectionResetError:
        pass
    return received


def still_serves(server):
    assert requests.get(server.url + "/health", timeout=10).status_code == 200
    with channel_to(server) as channel:
        assert text_of(bowhead_pb2_grpc.BowheadStub(channel).Chat(chat(max_tokens=1), timeout=60))


def grpcurl(server, *arguments, data=None):
    if not shutil.which(str(GRPCURL)):
        pytest.skip("grpcurl is not installed; tools/setup.sh test builds it")
    flags = ["-d", json.dumps(data)] if data is not None else []
    return subprocess.run([GRPCURL, "-plaintext", *flags, server.url.removeprefix("http://"), *arguments],
                          capture_output=True, text=True, timeout=60, check=False)


def test_grpcurl_lists_and_describes(server):
    assert grpcurl(server, "list").stdout.split() == ["bowhead.v1.Bowhead", "grpc.health.v1.Health",
                                                      "grpc.reflection.v1.ServerReflection"]
    described = grpcurl(server, "describe", "bowhead.v1.Bowhead.Chat").stdout
    assert "rpc Chat ( .bowhead.v1.ChatRequest ) returns ( stream .bowhead.v1.ChatResponse )" in described
    assert "SERVING" in grpcurl(server, "grpc.health.v1.Health/Check").stdout
    assert "not found" in grpcurl(server, "describe", "bowhead.v1.Nothing").stderr


def test_grpcurl_chats(server):
    result = grpcurl(server, "bowhead.v1.Bowhead/Chat", data={
        "messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 20})
    assert result.returncode == 0, result.stderr
    decoder, text, rest = json.JSONDecoder(), "", result.stdout.strip()
    while rest:
        message, end = decoder.raw_decode(rest)
        text += "".join(delta.get("content", "") for delta in message.get("choices", []))
        rest = rest[end:].strip()
    assert text
    refused = grpcurl(server, "bowhead.v1.Bowhead/Chat", data={"messages": [{"role": "robot", "content": ""}]})
    assert "InvalidArgument" in refused.stderr and "messages[0].role" in refused.stderr


def test_reflection_of_files_and_names_that_are_not_there(server):
    requests_ = [reflection_pb2.ServerReflectionRequest(file_by_filename="bowhead/v1/chat.proto"),
                 reflection_pb2.ServerReflectionRequest(file_containing_symbol="bowhead.v1.Nothing"),
                 reflection_pb2.ServerReflectionRequest(all_extension_numbers_of_type="bowhead.v1.Message"),
                 reflection_pb2.ServerReflectionRequest()]
    with channel_to(server) as channel:
        answers = list(reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter(requests_)))
    assert len(answers[0].file_descriptor_response.file_descriptor_proto) == 3  # itself and its imports
    assert answers[1].error_response.error_code == 5
    assert answers[2].all_extension_numbers_response.base_type_name == "bowhead.v1.Message"
    assert answers[3].error_response.error_code == 3


@pytest.mark.parametrize("garbage", [
    b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    PREFACE + b"\xff" * 200,
    PREFACE + SETTINGS + b"\xff\xff\xff\1\4\0\0\0\1",  # a header frame of 16 MiB
    PREFACE + SETTINGS + b"\0\0\4\1\5\0\0\0\1\xff\xff\xff\xff",  # a header block that is none
    PREFACE + SETTINGS + b"\0\0\5\0\1\0\0\0\7hello",  # data of a stream that was never opened
    PREFACE + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=["preface", "frames", "size", "hpack", "stream", "http1"])
def test_garbage_ends_its_connection_only(server, garbage):
    with connect(server) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        read_to_end(connection)
    still_serves(server)


def test_connections_that_stop_half_way(server):
    halves = [connect(server) for _ in range(20)]
    for index, connection in enumerate(halves):
        connection.sendall((PREFACE + SETTINGS)[:5 + index])
    still_serves(server)
    for connection in halves:
        connection.close()


def test_a_stream_without_its_message(server):
    """Headers of a call whose message never comes hold nobody up; the client's reset ends it."""
    with channel_to(server) as channel:
        silent = channel.stream_stream("/bowhead.v1.Bowhead/Chat")
        wait = threading.Event()
        calls = [silent(iter(lambda: wait.wait(30) or None, b"")) for _ in range(8)]
        still_serves(server)
        for call in calls:
            call.cancel()
        wait.set()
        assert all(call.code() == grpc.StatusCode.CANCELLED for call in calls)
    server.wait_idle(5)


def test_too_much_metadata(server):
    with channel_to(server) as channel:
        stub = bowhead_pb2_grpc.BowheadStub(channel)
        with pytest.raises(grpc.RpcError) as error:
            list(stub.Chat(chat(), metadata=[("x-much", "a" * 20000)]))
        assert error.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    still_serves(server)


def test_connections_count_for_both(start):
    server = start("--max-connections", 4)
    held = [connect(server) for _ in range(4)]
    for connection in held:
        connection.sendall(PREFACE + SETTINGS)
        assert connection.recv(9)  # the server's settings
    with connect(server) as late:
        assert late.recv(12).startswith(b"HTTP/1.1 503")
    for connection in held:
        connection.close()
    server.wait_ready(20)
