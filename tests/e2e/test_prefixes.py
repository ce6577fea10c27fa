"""Prompts that start alike: while one computes, after a restart, between keys; and what overload does to the others."""
import concurrent.futures
import time

import requests

SYSTEM = {"role": "system", "content": "You are a careful assistant of a harbour office. " * 20}


def ask(server, text, key=None, **extra):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    body = {"messages": [SYSTEM, {"role": "user", "content": text}], "max_tokens": 8, "temperature": 0} | extra
    response = server.post("/v1/chat/completions", body, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


def cached(answer):
    return answer["usage"]["prompt_tokens_details"]["cached_tokens"]


def test_choices_share_their_prompt(start):
    server = start("--ctx", 2048)
    answer = ask(server, "Which tide is it?", n=4, temperature=0.8, seed=3)
    prompt = answer["usage"]["prompt_tokens"]
    assert server.metric("bowhead_awaited_prompt_tokens_total") >= 3 * (prompt - 32)


def test_requests_that_start_alike_wait_for_one_of_them(start):
    server = start("--ctx", 2048)
    alone = [ask(server, f"Ship {i}?", key=None)["choices"][0]["message"]["content"] for i in range(6)]
    server = start("--ctx", 2048)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda i: ask(server, f"Ship {i}?"), range(6)))
    assert [answer["choices"][0]["message"]["content"] for answer in answers] == alone
    assert sum(map(cached, answers)) >= 5 * 160
    assert server.metric("bowhead_prefix_cache_blocks") > 0


def test_keys_do_not_find_each_others_prompts(start, tmp_path):
    keys = tmp_path / "keys.txt"
    keys.write_text("alice-0123456789abcdef alice\nbob-0123456789abcdefgh bob\n")
    keys.chmod(0o600)
    for sharing in ("tenant", "shared"):
        server = start("--ctx", 2048, "--api-key-file", keys, "--prefix-cache", sharing)
        assert cached(ask(server, "Hello?", key="alice-0123456789abcdef")) == 0
        assert (cached(ask(server, "Hello?", key="bob-0123456789abcdefgh")) > 0) == (sharing == "shared")
        assert cached(ask(server, "Hello?", key="alice-0123456789abcdef")) > 0


def test_the_cache_on_disk_survives_a_restart_and_damage(start, tmp_path):
    folder = tmp_path / "prefixes"
    flags = ("--ctx", 2048, "--prefix-cache-dir", folder, "--prefix-cache-disk", "200MB")
    server = start(*flags)
    first = ask(server, "Where is the pilot?")
    assert cached(first) == 0
    assert server.stop() == 0
    records = list(folder.rglob("*.kv"))
    assert len(records) >= 10 and folder.stat().st_mode & 0o077 == 0

    server = start(*flags)
    again = ask(server, "Where is the pilot?")
    assert cached(again) >= 160
    assert again["choices"] == first["choices"]
    assert server.metric("bowhead_disk_prompt_tokens_total") >= 160
    assert server.stop() == 0

    for record in folder.rglob("*.kv"):
        with open(record, "r+b") as file:
            file.seek(1000)
            file.write(b"damage")
    server = start(*flags)
    damaged = ask(server, "Where is the pilot?")
    assert cached(damaged) == 0 and damaged["choices"] == first["choices"]
    assert server.metric("bowhead_prefix_disk_dropped_total") >= 1


def test_a_folder_that_cannot_be_used_is_an_error_at_start(start):
    server = start("--prefix-cache-dir", "/proc/nowhere", wait=False)
    assert server.process.wait(60) != 0
    time.sleep(0.2)
    assert "--prefix-cache-dir" in "".join(server.log)


def test_who_would_wait_too_long_is_refused_at_once(start):
    server = start("--ctx", 2048, "--max-running", 1, "--max-wait", 1)
    ask(server, "Warm up", max_tokens=200, ignore_eos=True)

    def long_one(_):
        begin = time.monotonic()
        response = server.post("/v1/chat/completions", {
            "messages": [{"role": "user", "content": "Tell me a long story"}], "max_tokens": 300, "ignore_eos": True})
        return response, time.monotonic() - begin

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = list(pool.map(long_one, range(16)))
    refused = [(response, seconds) for response, seconds in results if response.status_code == 429]
    assert len(refused) >= 8 and len(refused) < 16
    for response, seconds in refused:
        assert int(response.headers["Retry-After"]) >= 1
        assert "try again in" in response.json()["error"]["message"]
    assert server.metric("bowhead_requests_refused_total") >= len(refused)
    server.wait_idle()
    assert ask(server, "And now?")


def test_a_request_that_takes_too_long_ends(start):
    server = start("--ctx", 2048, "--request-timeout", 0.5)
    response = requests.post(server.url + "/v1/chat/completions", timeout=60, json={
        "messages": [{"role": "user", "content": "Count"}], "max_tokens": 1900, "ignore_eos": True})
    assert response.status_code == 504
    assert "--request-timeout" in response.json()["error"]["message"]
