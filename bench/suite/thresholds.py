"""What is wanted of each figure, and the floor under which a run fails: bench/thresholds.toml."""
import math
import re
import tomllib
from typing import NamedTuple

from suite.environment import ROOT

FILE = ROOT / "bench" / "thresholds.toml"


class Threshold(NamedTuple):
    must: float
    aim: float | None
    floor: float          # a run fails when a figure is worse than this by more than the tolerance
    lower_is_better: bool
    tolerance: float

    def meets(self, value, wanted):
        """Whether a figure is as good as wanted."""
        return value <= wanted if self.lower_is_better else value >= wanted

    def holds(self, value):
        """Whether a figure is no regression."""
        slack = 1 + self.tolerance if self.lower_is_better else 1 - self.tolerance
        return self.meets(value, self.floor * slack)

    def verdict(self, value):
        if self.aim is not None and self.meets(value, self.aim):
            return "aim met"
        return "met" if self.meets(value, self.must) else "**not met**"


def parse(text):
    """{figure: Threshold}; an unknown key or a missing one is an error."""
    document = tomllib.loads(text)
    usual, thresholds = document["tolerance"], {}
    for key, row in document["figures"].items():
        if unknown := set(row) - {"must", "aim", "floor", "lower_is_better", "tolerance"}:
            raise ValueError(f"thresholds: {key} has {', '.join(sorted(unknown))}, which means nothing")
        threshold = Threshold(row["must"], row.get("aim"), row.get("floor", row["must"]), row.get("lower_is_better", False),
                              row.get("tolerance", usual))
        if not all(math.isfinite(v) for v in (threshold.must, threshold.floor)) or not 0 <= threshold.tolerance < 1:
            raise ValueError(f"thresholds: {key} is out of range")
        thresholds[key] = threshold
    return thresholds


def load():
    return parse(FILE.read_text())


def regressions(thresholds, values):
    """Lines about the figures that are below their floor. `values` is {key: (value, where)}; a figure that was not
    measured is no regression."""
    return [f"{key} is {value:.3g} ({where}); the floor is {thresholds[key].floor:g} with {thresholds[key].tolerance:.0%} of tolerance"
            for key, (value, where) in values.items() if key in thresholds and not thresholds[key].holds(value)]


def with_floors(text, thresholds, values):
    """The file's text with each measured figure's floor set to what was measured, or to its "must" where that is worse."""
    for key, (value, _) in values.items():
        if key not in thresholds:
            continue
        limit = thresholds[key]
        floor = (max if limit.lower_is_better else min)(value, limit.must)
        text = re.sub(rf"^({re.escape(key)} = {{.*?)(, floor = [\d.]+)?( *(?:, lower_is_better.*?|, tolerance.*?)?}})$",
                      rf"\g<1>, floor = {floor:.3g}\g<3>", text, flags=re.M)
    return text
