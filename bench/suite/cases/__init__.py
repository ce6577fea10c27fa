"""What is measured. A case takes a Context, measures each of its models, and adds numbers to the results."""
import contextlib
import subprocess
import time
from typing import NamedTuple

from suite import models as model_files
from suite.environment import BUILD, BenchError
from suite.machine import Machine
from suite.results import Results

SERVER = BUILD / "bowhead"
ENGINE_BENCH = BUILD / "bench" / "engine_bench"


class Context(NamedTuple):
    results: Results
    machine: Machine
    models: list      # those of this run
    threads: int
    rounds: int       # of the cases that are quick to measure; the others take a part of them
    quick: bool       # tiny sizes: shows that everything runs, measures nothing

    def real(self):
        return [m for m in self.models if m.real]

    def grid(self):
        return [m for m in self.models if not m.real]

    def size(self, usual, quick):
        return quick if self.quick else usual

    def few(self, wanted=2):
        """Rounds of a slow case."""
        return min(wanted, self.rounds)

    @contextlib.contextmanager
    def guard(self, case, model):
        """Measures one model: prepares its file, times it, and turns a failure into a line of the report."""
        print(f"  {model.title}", flush=True)
        begin = time.monotonic()
        try:
            model_files.prepare(model)
            yield
        except (BenchError, OSError, ValueError, KeyError, IndexError, subprocess.SubprocessError) as error:
            self.results.error(case, model.key, str(error) or repr(error))
            print(f"    FAILED: {error}", flush=True)
        print(f"    {time.monotonic() - begin:.0f} s", flush=True)


class Case(NamedTuple):
    name: str
    about: str
    run: object  # (Context) -> None


def all_cases():
    """Every case, in the order of a whole run."""
    from suite.cases import http, in_process, neighbours, peers, programs, quality  # noqa: PLC0415 - they import this package

    return [Case(name, run.__doc__.splitlines()[0], run) for name, run in (
        ("real", in_process.real), ("identical", quality.identical), ("quality", quality.quality), ("start", programs.start),
        ("lookup", programs.lookup), ("gemm", programs.gemm), ("neighbours", neighbours.neighbours), ("tax", http.tax),
        ("overload", http.overload), ("clients", http.clients), ("gap", http.gap), ("prefix", http.prefix),
        ("context", in_process.context), ("grid", in_process.grid), ("peers", peers.peers))]
