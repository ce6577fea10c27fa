"""Load over HTTP: bench/http_load.cc for crowds, and two streams timed here where they must watch each other.

The generator shares the processors with the server, as a client on the same machine would; its own processor time is kept.
"""
import http.client
import json
import random
import threading
import time

from suite.environment import BUILD, WORK, BenchError, output_of

GENERATOR = BUILD / "bench" / "http_load"
WORDS = ("river stone harbour winter letter copper garden market window valley engine signal paper bridge island morning "
         "forest anchor candle mirror thunder lantern orchard meadow").split()


def prompt_text(seed, words, prefix=""):
    """Different for each seed from its first word on, so that no server can reuse another request's cache."""
    choose = random.Random(seed)
    return " ".join([*([prefix] if prefix else []), f"Report {seed}:", *choose.choices(WORDS, k=words)])


def body(prompt, max_tokens, banned, stream=True):
    """Greedy, and never at an end token: `banned` are the ids of the model's end tokens."""
    message = {"model": "default", "prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "stream": stream,
               "logit_bias": {str(token): -100 for token in banned}}
    return json.dumps(message | ({"stream_options": {"include_usage": True}} if stream else {}))


def crowd(port, bodies, clients=0, timeout=900):
    """Runs the bodies with that many clients at a time (0: all at once); http_load's report."""
    file = WORK / "bodies.jsonl"
    file.write_text("".join(line + "\n" for line in bodies))
    report = json.loads(output_of(GENERATOR, "--url", f"http://127.0.0.1:{port}/v1/completions", "--clients", clients or len(bodies),
                                  "--requests", len(bodies), "--prompt-file", file, "--per-stream", timeout=timeout))
    return report


def answered(report):
    """The report, if every request was answered."""
    if set(report["statuses"]) != {"200"}:
        raise BenchError(f"not every request was answered: {report['statuses']}")
    return report


class Stream(threading.Thread):
    """One streamed request. `times` has the moment at which each token's event was read."""

    def __init__(self, port, text):
        super().__init__(daemon=True)
        self.port, self.text, self.times, self.failure = port, text, [], None
        self.first, self.ended, self.stopping = threading.Event(), threading.Event(), False

    def run(self):
        try:
            self.started = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=900)
            connection.request("POST", "/v1/completions", self.text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            if response.status != 200:
                raise BenchError(f"port {self.port} answered {response.status}: {response.read(300)!r}")
            while not self.stopping and (line := response.readline()):
                if line.startswith(b"data: {") and b'"choices":[]' not in line and b'"finish_reason":"' not in line:
                    self.times.append(time.perf_counter())
                    self.first.set()
            connection.close()
        except (OSError, http.client.HTTPException, BenchError) as error:
            self.failure = error
        finally:
            self.first.set()
            self.ended.set()

    def stop(self):
        """Ends the request early, after the next token."""
        self.stopping = True

    def wait(self, event, seconds):
        if not event.wait(seconds):
            raise BenchError("a stream went silent")
        if self.failure:
            raise BenchError(f"a stream broke: {self.failure}")

    def ttft_ms(self):
        return (self.times[0] - self.started) * 1e3


def one(port, text):
    """A stream that was read to its end."""
    stream = Stream(port, text)
    stream.start()
    stream.wait(stream.ended, 900)
    if not stream.times:
        raise BenchError("a stream had no token")
    return stream


def gaps_ms(times, begin, end):
    """Gaps between tokens that overlap the time from begin to end, in milliseconds."""
    return [(b - a) * 1e3 for a, b in zip(times, times[1:]) if b > begin and a < end]


def quantile(values, share):
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000) * len(ordered) // 1000) - 1))]
