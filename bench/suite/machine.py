"""The machine: what it is, and what it can do at best (bench/roofline.cc), measured in the same run as the engines."""
import json
import os
import platform
import re
import statistics
from pathlib import Path

from suite.environment import ROOT, WORK, output_of

# Key of a probe's result (N: the number of threads), title, unit.
LIMITS = (("ghz", "Clock", "GHz"), ("round_trip_ns", "Two threads' round trip", "ns"),
          ("read_gbps_1", "Read bandwidth, 1 thread", "GB/s"), ("read_gbps_N", "Read bandwidth, N threads", "GB/s"),
          ("int8_tops_1", "int8 products, 1 thread", "TOPS"), ("int8_tops_N", "int8 products, N threads", "TOPS"),
          ("bf16_tflops_1", "BF16 products, 1 thread", "TFLOPS"), ("bf16_tflops_N", "BF16 products, N threads", "TFLOPS"))
MAX_DRIFT = 0.05  # of the clock; beyond it the report warns


class Machine:
    """Probes taken in the course of a run. A limit is the median of the probes: both sides met good and bad moments."""

    def __init__(self, threads, quick=False):
        self.threads, self.quick, self.probes = threads, quick, []
        self.program = WORK / "roofline"
        self.steal_at_start = steal_seconds()

    def build(self):
        output_of("g++", "-std=c++20", "-O2", "-pthread", ROOT / "bench" / "roofline.cc", "-o", self.program)

    def probe(self):
        self.probes.append(json.loads(output_of(self.program, "--threads", self.threads, "--mib", 64 if self.quick else 1024)))

    def limit(self, key):
        """The median over the probes, or None where the processor lacks the instructions."""
        values = [v for v in self.all_of(key) if v]
        return statistics.median(values) if values else None

    def all_of(self, key):
        name = key.replace("N", str(self.threads))
        return [probe[name] for probe in self.probes if name in probe]

    def bandwidth(self):
        return self.limit("read_gbps_N")

    def int8_peak(self):
        return self.limit("int8_tops_N")

    def bf16_peak(self):
        return self.limit("bf16_tflops_N")

    def drift(self):
        clocks = self.all_of("ghz")
        return max(clocks) / min(clocks) - 1 if clocks else 0.0

    def stolen(self):
        return steal_seconds() - self.steal_at_start


def steal_seconds():
    """Time that the host took from this machine's processors since it started."""
    return int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[8]) / os.sysconf("SC_CLK_TCK")


def facts(threads):
    """Lines that say what was measured on what."""
    info = Path("/proc/cpuinfo").read_text()
    flags = set(re.search(r"^flags\s*: (.*)$", info, re.M)[1].split())
    wanted = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8") if f in flags]
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) / 1024**2
    return [f"Processor: {re.search(r'model name.*: (.*)', info)[1]}, {os.cpu_count()} logical cores ({', '.join(wanted)}); "
            f"{memory:.0f} GiB of memory; Linux {platform.release()}",
            f"Threads of every engine: {threads}. Compiler: {output_of('g++', '--version').splitlines()[0]}"]


def commit():
    return output_of("git", "-C", ROOT, "rev-parse", "--short", "HEAD").strip()
