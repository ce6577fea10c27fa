"""A small load generator over the OpenAI completions API that both servers speak; Python's standard library only.

It shares the processor with the server, so it does little: answers are not decoded before the clock has stopped.
"""
import http.client
import json
import threading
import time


def completion_body(prompt, max_tokens, stream, banned):
    """Greedy, and never at an end token: `banned` are the ids of the model's end tokens."""
    return json.dumps({"model": "default", "prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "stream": stream,
                       "logit_bias": {str(token): -100 for token in banned}}).encode()


def post(port, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"port {port} answered {response.status}: {response.read(500)!r}")
    return connection, response


def streamed(port, prompt, max_tokens, banned):
    """(seconds to the first token, tokens per second after it) of one streamed request."""
    body, times = completion_body(prompt, max_tokens, True, banned), []
    start = time.perf_counter()
    connection, response = post(port, body)
    while line := response.readline():
        if line.startswith(b"data: {"):
            times.append(time.perf_counter())
    connection.close()
    rate = (max_tokens - 1) / (times[-1] - times[0]) if len(times) > 2 else 0.0
    return times[0] - start, rate


def aggregate(port, prompts, max_tokens, banned):
    """Generated tokens per second over all clients together, prompts included in the time, and the tokens."""
    answers, errors = [None] * len(prompts), []
    gate = threading.Barrier(len(prompts) + 1)

    def client(i):
        body = completion_body(prompts[i], max_tokens, False, banned)
        gate.wait()
        try:
            connection, response = post(port, body)
            answers[i] = response.read()
            connection.close()
        except (OSError, RuntimeError, http.client.HTTPException) as error:
            errors.append(error)

    threads = [threading.Thread(target=client, args=(i,)) for i in range(len(prompts))]
    for thread in threads:
        thread.start()
    gate.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    if errors:
        raise errors[0]
    tokens = sum(json.loads(answer)["usage"]["completion_tokens"] for answer in answers)
    return tokens / seconds, tokens
