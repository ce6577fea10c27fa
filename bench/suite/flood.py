"""Requests at a fixed rate, whether or not the earlier ones were answered: what an overloaded server meets."""
import json
import selectors
import socket
import time


class Reply:
    """A request on its way: `status` 0 until its answer is complete, or for good if the connection broke."""

    def __init__(self):
        self.sent, self.seconds, self.status, self.tokens, self.retry_after, self.data = time.perf_counter(), 0.0, 0, 0, False, b""

    def finish(self):
        self.seconds = time.perf_counter() - self.sent
        head, _, text = self.data.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 "):
            self.status = int(head[9:12])
            self.retry_after = b"\r\nretry-after:" in head.lower()
        if self.status == 200:
            self.tokens = json.loads(text[text.index(b"{"):text.rindex(b"}") + 1])["usage"]["completion_tokens"]


def send(port, body):
    """A connected socket with the whole request sent; the server closes it after the answer."""
    data = body.encode()
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
    connection.setblocking(False)
    return connection


def flood(port, bodies, per_second, patience=60):
    """(replies, seconds until the last answer): sends the bodies (not streamed ones) at that rate."""
    selector, replies, begin = selectors.DefaultSelector(), [], time.perf_counter()
    waiting = list(reversed(bodies))
    while (waiting or selector.get_map()) and time.perf_counter() - begin < patience:
        due = begin + len(replies) / per_second - time.perf_counter()
        if waiting and due <= 0:
            replies.append(Reply())
            try:
                selector.register(send(port, waiting.pop()), selectors.EVENT_READ, replies[-1])
            except OSError:
                replies[-1].finish()
            continue
        for key, _ in selector.select(min(due, 0.1) if waiting else 0.1):
            receive(selector, key)
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return replies, time.perf_counter() - begin


def receive(selector, key):
    try:
        data = key.fileobj.recv(1 << 16)
    except OSError:
        data = b""
    key.data.data += data
    if not data:
        selector.unregister(key.fileobj)
        key.fileobj.close()
        key.data.finish()
