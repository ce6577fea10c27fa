"""The pure parts of bench/suite: reading what peers print, ratios, figures, thresholds, tables. Nothing is measured."""
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from suite import figures, flood, load, machine, models, report, results, thresholds  # noqa: E402
from suite.cases import programs  # noqa: E402
from suite.peers import llama_cpp, optional  # noqa: E402

# As llama-bench and llama-batched-bench of 11434.0.0 print them, with fields that nothing reads left out.
BENCH = """[
  {"n_ubatch": 128, "flash_attn": true, "n_prompt": 512, "n_gen": 0, "n_depth": 0, "avg_ts": 486.31, "samples_ts": [486.31]},
  {"n_ubatch": 512, "flash_attn": false, "n_prompt": 0, "n_gen": 128, "n_depth": 0, "avg_ts": 179.2, "samples_ts": [179.2]}
]"""
BATCHED = """main: n_kv_max = 1280
{"n_kv_max": 1280, "pp": 32, "tg": 128, "pl": 8, "n_kv": 1280, "t_pp": 0.4, "speed_pp": 640.0, "t_tg": 3.5, "speed_tg": 287.5}

llama_perf_context_print: load time = 100 ms
"""
SMALL, BIG = models.REAL[0], models.random_model("llama-3.2-1b", "q8_0")


@pytest.fixture
def run():
    """Two models, measured on both sides: 2× and 8× in decode, half the time to first token."""
    r, m = results.Results(), machine.Machine(2)
    m.probes = [{"ghz": 4.0, "read_gbps_2": 50.0, "int8_tops_2": 2.0}, {"ghz": 4.1, "read_gbps_2": 48.0, "int8_tops_2": 2.0}]
    for model, ours, theirs in ((SMALL, 400, (150, 200)), (BIG, 32, (4, 3))):
        for value in (ours * 0.9, ours, ours * 1.1):
            r.add(model.key, "decode", results.OURS, value)
        for flash, value in enumerate(theirs):
            r.add(model.key, "decode", llama_cpp.side_of(flash), value)
    r.add(SMALL.key, "ttft", results.OURS, 50)
    r.add(SMALL.key, "ttft", llama_cpp.side_of(0), 100)
    return figures.Run(r, [SMALL, BIG], m)


def test_the_peers_output_is_read():
    assert llama_cpp.parse_bench(BENCH) == [(1, 128, 512, 0, 0, 486.31), (0, 512, 0, 128, 0, 179.2)]
    assert [row["speed_tg"] for row in llama_cpp.parse_batched(BATCHED)] == [287.5]
    assert llama_cpp.side_of(1) == "llama.cpp -fa 1" and llama_cpp.side_of(0, 128) == "llama.cpp -fa 0 -ub 128"


def test_other_programs_output_is_read():
    assert optional.parse('[INFO] loading\n{"version": "2026.4", "prefill": 54.1, "decode": 3.5}\n') == {"prefill": 54.1, "decode": 3.5}
    r = results.Results()
    programs.add_start(r, SMALL.key, {"sides": {"bowhead": {"first_token_ms": [20.0, 22.0], "peak_rss_bytes": 110_000_000},
                                                "llama-server": {"first_token_ms": [80.0], "peak_rss_bytes": 300_000_000},
                                                "llama-server --no-warmup": {"first_token_ms": [63.0], "peak_rss_bytes": 290_000_000}}})
    assert r.best(SMALL.key, "start") == ("llama.cpp --no-warmup", [63.0]) and r.ratio(SMALL.key, "start") == pytest.approx(3)
    assert r.ours(SMALL.key, "rss") == [110]
    programs.add_lookup(r, {"same_answers": True, "cases": [{"case": "copy, greedy", "ratio": 2.5}, {"case": "unrelated, greedy", "ratio": 1}]})
    assert r.facts["lookup_speedup"] == [2.5] and r.facts["lookup_other"] == [1]
    with pytest.raises(programs.BenchError):
        programs.add_lookup(r, {"same_answers": False, "cases": []})


def test_the_better_setting_of_the_peer_counts(run):
    assert run.results.best(SMALL.key, "decode") == ("llama.cpp -fa 1", [200])
    assert run.results.ratio(SMALL.key, "decode") == pytest.approx(2)
    assert run.results.ratio(SMALL.key, "ttft") == pytest.approx(2), "of times the lower one is better"
    assert run.results.ratio(SMALL.key, "prefill") is None
    assert llama_cpp.better_flash(run.results, SMALL) == 1 and llama_cpp.better_flash(run.results, BIG) == 0


def test_figures_come_from_the_measurements(run):
    values = figures.all_values(run)
    assert values["decode_geomean"][0] == pytest.approx(4)
    assert values["decode_lowest"] == (pytest.approx(2), SMALL.key)
    # SmolLM2 is too small for this one; the probes' median is 49 GB/s.
    assert values["decode_bandwidth"] == (pytest.approx(32 * BIG.decode_bytes / 49e9), BIG.key)
    assert "prefill_geomean" not in values and "lookup" not in values


def test_sizes_of_a_model_are_those_of_its_tensors():
    assert BIG.parameters == pytest.approx(1.236e9, rel=0.001)
    assert BIG.decode_bytes == pytest.approx(BIG.parameters * 34 / 32, rel=0.001)  # tied: the embedding is the output matrix
    assert BIG.prompt_products == 16 * (2 * 2048 * 2048 + 2 * 512 * 2048 + 3 * 2048 * 8192)
    parts = models.random_model("llama-3.2-1b", "q8_0", 4)
    assert parts.prompt_products * 4 == BIG.prompt_products and parts.path != BIG.path
    assert models.parts_of_shapes([parts.key, SMALL.key, BIG.key]) == [parts]


def test_thresholds_are_those_of_the_figures():
    wanted = thresholds.load()
    assert set(wanted) == {figure.key for figure in figures.FIGURES}
    assert wanted["gap_worst"].lower_is_better and not wanted["decode_geomean"].lower_is_better


def test_a_figure_below_its_floor_is_a_regression():
    wanted = thresholds.parse("tolerance = 0.1\n[figures]\nup = {must = 2, aim = 4, floor = 1.5}\n"
                              "down = {must = 0.5, lower_is_better = true}")
    assert not thresholds.regressions(wanted, {"up": (1.36, "x"), "down": (0.54, "x"), "other": (0, "x")})
    assert len(thresholds.regressions(wanted, {"up": (1.34, "x"), "down": (0.56, "x")})) == 2
    assert [wanted["up"].verdict(v) for v in (1.9, 2, 4)] == ["**not met**", "met", "aim met"]
    for broken in ("up = {must = 2, flor = 1}", "up = {must = nan}", "up = {must = 1, tolerance = 2}"):
        with pytest.raises(ValueError):
            thresholds.parse("tolerance = 0.1\n[figures]\n" + broken)


def test_floors_are_written_where_they_stand():
    text = "tolerance = 0.1\n[figures]\nup = {must = 2, aim = 4, floor = 1.5}\ndown = {must = 0.5, lower_is_better = true}\n"
    written = thresholds.parse(thresholds.with_floors(text, thresholds.parse(text), {"up": (1.7, "x"), "down": (0.2, "x")}))
    assert written["up"].floor == 1.7 and written["down"].floor == 0.5, "never stricter than the must"
    assert written["down"].lower_is_better and written["up"].aim == 4
    whole = thresholds.FILE.read_text()
    assert thresholds.parse(thresholds.with_floors(whole, thresholds.load(), {})) == thresholds.load()
    low = {key: (t.must * (2 if t.lower_is_better else 0.5), "x") for key, t in thresholds.load().items()}
    for key, t in thresholds.parse(thresholds.with_floors(whole, thresholds.load(), low)).items():
        assert t.floor == pytest.approx(low[key][0]) and t.must == thresholds.load()[key].must


def test_the_document_has_every_figure_and_replaces_only_its_part(run, tmp_path):
    run.results.error("gap", SMALL.key, "no\nluck")
    run.results.skipped.append("vllm: not installed")
    text = report.document(run, figures.all_values(run), thresholds.load(), "make bench", 60)
    for figure in figures.FIGURES:
        assert f"| {figure.title} |" in text
    assert "| SmolLM2 135M, Q4_1 | 400 (360–440) | 200 (200–200) | -fa 1 | 2.00× | 79% / 39% |" in text
    assert "Failed: gap, smollm2: no luck" in text and "- vllm: not installed" in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.put(page, text)
    report.put(page, text)
    assert page.read_text() == f"before\n{text}\nafter\n"


@pytest.mark.parametrize(("value", "unit", "text"), [(2.344, "×", "2.34×"), (0.031, "×", "0.031×"),
                                                     (0.987, "×", "0.987×"), (0.847, "%", "85%"), (56.4, "µs", "56 µs"),
                                                     (1, "", "yes"), (0, "", "no"), (None, "×", "–")])
def test_values_are_shown_with_their_units(value, unit, text):
    assert report.shown(value, unit) == text


def test_results_survive_a_file_and_can_be_compared(run):
    again, rest = results.from_json(run.results.to_json(commit="abc"))
    assert again.values == run.results.values and rest["commit"] == "abc"
    again.values[SMALL.key]["decode"][results.OURS] = [200]
    again.values[SMALL.key]["ttft"][results.OURS] = [100]
    changes = {line[:2]: line[-1] for line in results.compared(again, run.results)}
    assert changes == {(SMALL.key, "decode"): 2, (SMALL.key, "ttft"): 2, (BIG.key, "decode"): 1}
    with pytest.raises(ValueError):
        results.from_json(json.dumps({"version": 0}))


def test_gaps_are_those_of_the_arrival():
    times = [0, 1, 2, 5, 6]
    assert load.gaps_ms(times, 2.5, 5.5) == [3000, 1000]
    assert load.gaps_ms(times, 7, 8) == []
    assert load.quantile([3, 1, 2], 0.99) == 3 and load.quantile([*range(1, 201)], 0.99) == 198 and load.quantile([4], 0.5) == 4


def test_prompts_differ_from_their_first_words_on():
    assert load.prompt_text(1, 9) == load.prompt_text(1, 9)
    assert load.prompt_text(1, 9).split()[:2] != load.prompt_text(2, 9).split()[:2]
    assert load.prompt_text(2, 9, "Shared.").startswith("Shared. Report 2:")


def test_replies_of_a_flood_are_read():
    reply = flood.Reply()
    reply.data = b'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"usage": {"completion_tokens": 7}}'
    reply.finish()
    assert (reply.status, reply.tokens) == (200, 7)
    refused = flood.Reply()
    refused.data = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n\r\n{}"
    refused.finish()
    assert (refused.status, refused.tokens, refused.retry_after) == (429, 0, True)
