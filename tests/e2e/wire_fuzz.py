#!/usr/bin/env python3
"""Abuse a running server over real sockets: wire_fuzz.py HOST PORT SECONDS [SEED] [--pid N]

Requests are made from good ones by rules that break them (cut, split, stretched, garbled, pipelined, half-open, badly chunked,
compressed wrongly), and every byte that comes back is parsed strictly. A find is an answer that is no HTTP, a status that the
document does not list for its route, a 5xx other than 501, 503 and 505, an answer of JSON that is none, or a server that stops
answering /health. The seed repeats a run up to timing.
"""
import argparse
import collections
import gzip
import json
import random
import select
import socket
import sys
import time
import zlib

CHAT = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
GOOD = [
    ("POST", "/v1/chat/completions", CHAT),
    ("POST", "/v1/chat/completions", CHAT | {"stream": True, "n": 2, "logprobs": True, "top_logprobs": 2}),
    ("POST", "/v1/completions", {"prompt": "Once", "max_tokens": 3, "stop": ["e"]}),
    ("POST", "/v1/completions", {"prompt": ["a", "b"], "max_tokens": 2, "stream": True}),
    ("POST", "/v1/responses", {"input": "Hi", "max_output_tokens": 3, "stream": True}),
    ("POST", "/v1/conversations", {"items": [{"role": "user", "content": "x"}]}),
    ("POST", "/v1/embeddings", {"input": "x", "encoding_format": "base64"}),
    ("POST", "/v1/messages", CHAT),
    ("POST", "/v1/messages", CHAT | {"stream": True}),
    ("POST", "/v1/messages/count_tokens", CHAT),
    ("POST", "/api/chat", {"model": "default", "messages": CHAT["messages"], "options": {"num_predict": 3}}),
    ("POST", "/chat", {"prompt": "Hi", "max_tokens": 2}),
    ("POST", "/tokenize", {"content": "some text"}),
    ("GET", "/v1/models", None),
    ("GET", "/openapi.json", None),
    ("GET", "/metrics", None),
    ("GET", "/", None),
    ("HEAD", "/health", None),
    ("OPTIONS", "/v1/chat/completions", None),
    ("GET", "/v1/responses/none", None),
    ("DELETE", "/v1/conversations/none", None),
]
# What any route may say to a broken request, besides success.
ALLOWED = {100, 200, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 417, 422, 429, 431, 501, 503, 505}


class Find(Exception):
    """The server did what it must not do."""


def request(method, path, body, rng, extra=()):
    """The bytes of a good request, framed in one of the allowed ways."""
    data = b"" if body is None else json.dumps(body).encode()
    headers = [("Host", "localhost"), *extra]
    if body is not None:
        headers.append(("Content-Type", "application/json"))
        coding = rng.random()
        if coding < 0.1:
            data = gzip.compress(data)
            headers.append(("Content-Encoding", "gzip"))
        if rng.random() < 0.3:
            headers.append(("Transfer-Encoding", "chunked"))
            pieces, at = [], 0
            while at < len(data):
                size = rng.randint(1, max(1, len(data) // 2))
                piece = data[at:at + size]
                pieces.append(b"%x\r\n%s\r\n" % (len(piece), piece))
                at += size
            data = b"".join(pieces) + b"0\r\n\r\n"
        else:
            headers.append(("Content-Length", str(len(data))))
    if rng.random() < 0.2:
        headers.append(("Accept-Encoding", rng.choice(["gzip", "zstd", "gzip;q=0", "*", ",,;q=", "gzip" * 500])))
    if rng.random() < 0.1:
        headers.append(("Idempotency-Key", rng.choice(["a", "b", "x" * 300, "\x7f"])))
    if rng.random() < 0.1:
        headers.append(("X-Request-Id", rng.choice(["ok-1", "bad id", "x" * 200])))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + data


def garble(data, rng):
    """Some bytes changed, doubled or gone."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data)) if data else 0
        kind = rng.randrange(4)
        if kind == 0 and data:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.choice([b"\r\n", b"\0", b"\xff", b" ", b":", b"0", b"\n", b"{", b"Content-Length: 5\r\n"])
        elif kind == 2:
            del data[at:at + rng.randint(1, 20)]
        else:
            data[at:at] = data[at:at + rng.randint(1, 200)]
    return bytes(data)


def bad_frames(rng):
    """Requests that are wrong as HTTP."""
    body = json.dumps(CHAT).encode()
    start = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
    return rng.choice([
        lambda: start + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        lambda: start + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        lambda: start + b"Content-Length: -1\r\n\r\n",
        lambda: start + b"Content-Length: 99999999999999999999\r\n\r\n",
        lambda: start + b"Transfer-Encoding: gzip\r\n\r\n",
        lambda: start + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        lambda: start + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
        lambda: start + b"Transfer-Encoding: chunked\r\n\r\n5;" + b"a" * rng.randint(1, 9000) + b"\r\nhello\r\n0\r\n\r\n",
        lambda: start + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n{\r\n" * rng.randint(1, 3000) + b"0\r\n\r\n",
        lambda: start + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * rng.randint(1, 5000) + b"\r\n",
        lambda: start + b"X: " + b"a" * rng.randint(1, 40_000) + b"\r\n\r\n",
        lambda: start + b"A: b\r\n" * rng.randint(1, 3000) + b"\r\n",
        lambda: b"GET /" + b"a" * rng.randint(1, 40_000) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda: start + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        lambda: (bomb := zlib.compress(b"0" * 20_000_000, wbits=31)) and start +
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb,
        lambda: start + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        lambda: start + b"Expect: magic\r\nContent-Length: 1\r\n\r\n1",
        lambda: b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + rng.randbytes(rng.randint(0, 200)),
        lambda: b"\x16\x03\x01" + rng.randbytes(rng.randint(1, 500)),
        lambda: rng.randbytes(rng.randint(1, 3000)),
        lambda: b"\r\n" * rng.randint(1, 3000),
        lambda: b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda: b"GET /%2e%2e/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda: b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        lambda: b"GET /health HTTP/1.1\r\nHost: " + rng.choice([b"", b"a b", b"evil.example", b"[", b"\xff"]) + b"\r\n\r\n",
    ])()


def bad_json(rng):
    """A body that is wrong, in a right frame."""
    _, path, body = rng.choice([one for one in GOOD if one[2] is not None])
    text = json.dumps(body).encode()
    data = rng.choice([
        lambda: garble(text, rng),
        lambda: b"[" * rng.randint(1, 100_000),
        lambda: b'{"a":' * rng.randint(1, 20_000),
        lambda: text[:rng.randrange(len(text))],
        lambda: text + text,
        lambda: b'{"messages": ' + text + b"}",
        lambda: json.dumps({key: rng.choice([None, 0, -1, 1e308, "", [], {}, True, "x" * 5000, [[]], 2**63]) for key in body}).encode(),
        lambda: b'{"prompt": "' + rng.randbytes(50) + b'"}',
        lambda: b'{"prompt": "\\ud800", "input": "\\u0000", "content": "\\u0000"}',
        lambda: b"\xef\xbb\xbf" + text,
    ])()
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data


class Reader:
    """Strict parsing of what a server sends."""

    def __init__(self, sock, deadline):
        self.sock, self.deadline, self.data, self.closed = sock, deadline, b"", False

    def more(self):
        if self.closed:
            return False
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([self.sock], [], [], left)[0]:
            raise TimeoutError
        try:
            got = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            got = b""
        self.closed = not got
        self.data += got
        return bool(got)

    def line(self):
        while b"\r\n" not in self.data:
            if not self.more():
                raise EOFError
        line, self.data = self.data.split(b"\r\n", 1)
        return line

    def take(self, size):
        while len(self.data) < size:
            if not self.more():
                raise EOFError
        part, self.data = self.data[:size], self.data[size:]
        return part

    def answer(self, head=False):
        """(status, headers, body) of one answer; None where the connection ended before it."""
        if not self.data and not self.more():
            return None
        first = self.line().decode("latin-1")
        version, status, *_ = first.split(" ", 2) + ["", ""]
        if version != "HTTP/1.1" or not status.isdigit():
            raise Find(f"no status line: {first[:200]!r}")
        status, headers = int(status), {}
        while line := self.line():
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or name != name.strip():
                raise Find(f"no header field: {line[:200]!r}")
            headers[name.lower()] = value.strip()
        if status not in ALLOWED:
            raise Find(f"status {status}")
        if status < 200:
            return self.answer(head)
        body = b""
        if head or status in (204, 304):
            return status, headers, body
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.line(), 16):
                body += self.take(size)
                if self.take(2) != b"\r\n":
                    raise Find("a chunk without its end")
            self.line()
        elif "content-length" in headers:
            body = self.take(int(headers["content-length"]))
        else:
            while self.more():
                pass
            body, self.data = self.data, b""
        check_body(status, headers, body)
        return status, headers, body


def check_body(status, headers, body):
    kind = headers.get("content-type", "")
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    elif "content-encoding" in headers:
        return
    if kind.startswith("application/json"):
        value = json.loads(body)
        if status >= 400 and not (isinstance(value, dict) and "error" in value):
            raise Find(f"an error without its shape: {body[:200]!r}")
    elif kind.startswith("text/event-stream"):
        if not body.endswith(b"\n\n"):
            raise Find(f"half an event: {body[-100:]!r}")
    elif status >= 400:
        raise Find(f"status {status} as {kind!r}")


class Fuzzer:
    def __init__(self, host, port, seed):
        self.address, self.rng, self.seen = (host, port), random.Random(seed), collections.Counter()
        self.held = []

    def connect(self):
        sock = socket.create_connection(self.address, timeout=20)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def send(self, sock, data):
        """In pieces of any size; the server may hang up at any time."""
        rng = self.rng
        try:
            if rng.random() < 0.5:
                sock.sendall(data)
                return
            at, cuts = 0, 0
            while at < len(data):
                size = rng.choice([1, 2, 3, 17, 100, 5000, 1 << 20]) if cuts < 60 else len(data)
                sock.sendall(data[at:at + size])
                at, cuts = at + size, cuts + 1
                if rng.random() < 0.05:
                    time.sleep(0.002)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read_all(self, sock, heads, must=0):
        """Every answer that comes; `must` of them have to."""
        reader, got = Reader(sock, time.monotonic() + 30), 0
        try:
            while answer := reader.answer(heads[got] if got < len(heads) else False):
                self.seen[answer[0]] += 1
                got += 1
                if got == len(heads) and not reader.data:
                    break
        except EOFError:
            if must:
                raise Find("an answer that ends in the middle") from None
        if got < must:
            raise Find(f"{got} answers to {must} requests")
        return got

    def good(self):
        """Pipelined good requests: all must be answered, in order."""
        chosen = [self.rng.choice(GOOD) for _ in range(self.rng.choice([1, 1, 1, 2, 4]))]
        data = b"".join(request(*one, self.rng) for one in chosen)
        with self.connect() as sock:
            self.send(sock, data)
            # A control character in a header ends the connection after its 400.
            must = 0 if b"\x7f" in data else len(chosen)
            self.read_all(sock, [one[0] == "HEAD" for one in chosen], must)

    def broken(self):
        """Garbage, then the end of what we send: whatever comes back must be HTTP, and the connection must end."""
        data = self.rng.choice([
            lambda: bad_frames(self.rng),
            lambda: bad_json(self.rng),
            lambda: garble(request(*self.rng.choice(GOOD), self.rng), self.rng),
            lambda: request(*self.rng.choice(GOOD), self.rng) + bad_frames(self.rng),
        ])()
        with self.connect() as sock:
            self.send(sock, data)
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                return
            # A HEAD may be among it, whose answer has no body: then only the first bytes are looked at.
            if b"HEAD" in data:
                return
            self.read_all(sock, [False] * 1000)

    def leave(self):
        """Half a request, or half an answer read, then gone; sometimes with a reset."""
        data = request(*self.rng.choice(GOOD), self.rng)
        sock = self.connect()
        self.send(sock, data[:self.rng.randrange(len(data) + 1)] if self.rng.random() < 0.5 else data)
        if self.rng.random() < 0.5 and select.select([sock], [], [], 0.02)[0]:
            try:
                sock.recv(self.rng.choice([1, 100, 5000]))
            except ConnectionResetError:
                pass
        if self.rng.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()

    def hold(self):
        """A connection that says too little, and stays; the oldest of them goes on or goes away."""
        sock = self.connect()
        data = request(*self.rng.choice(GOOD), self.rng)
        self.send(sock, data[:self.rng.randrange(len(data))])
        self.held.append(sock)
        if len(self.held) > 30:
            old = self.held.pop(0)
            try:
                old.sendall(b"x")
            except OSError:
                pass
            old.close()

    def healthy(self):
        with self.connect() as sock:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = Reader(sock, time.monotonic() + 20).answer()
            if answer is None or answer[0] != 200:
                raise Find(f"/health says {answer}")

    def run(self, seconds):
        """Number of connections made. Raises Find."""
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            step = self.rng.choices([self.good, self.broken, self.leave, self.hold], [3, 8, 3, 1])[0]
            before = self.rng.getstate()
            try:
                step()
            except (TimeoutError, ValueError) as error:
                raise Find(f"{step.__name__} {count}: {error!r}") from error
            except Find as error:
                raise Find(f"{step.__name__} {count}: {error}; state {hash(before)}") from error
            count += 1
            if count % 50 == 0:
                self.healthy()
        self.healthy()
        for sock in self.held:
            sock.close()
        return count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    given = parser.parse_args()
    fuzzer = Fuzzer(given.host, given.port, given.seed)
    try:
        count = fuzzer.run(given.seconds)
    except Find as find:
        sys.exit(f"seed {given.seed}: {find}")
    print(f"{count} connections, answers {dict(sorted(fuzzer.seen.items()))}")


if __name__ == "__main__":
    main()
