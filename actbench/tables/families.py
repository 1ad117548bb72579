"""The family of a function, decided by its published facts: which colour it has in figures, what it is sorted by.

`families.csv` holds those of the published catalogue. Whoever publishes it again writes them by

    python -m actbench.tables.families results/functions

A function that is not in it, such as a user's own, has no family.
"""

import csv
import functools
import math
import sys
from pathlib import Path

from actbench.tables import functions
from actbench.tables.atomic import write_text
from actbench.tables.functions import Facts

FAMILIES = ("kinked rectifiers", "smooth rectifiers", "bounded", "shrinkers", "others")
_FILE = Path(__file__).with_name("families.csv")


def family(facts: Facts) -> str:
    """The family of a function, one of `FAMILIES`.

    bounded            neither end is infinite
    shrinkers          both asymptotes have one slope s > 0, and less arrives than through sz: E f² < s² under N(0, 1)
    … rectifiers       one side grows less than half as steeply as the other: kinked where f or f′ jumps, else smooth
    others             what grows on both sides
    """
    if math.isfinite(facts.value("range_inf")) and math.isfinite(facts.value("range_sup")):
        return "bounded"
    left, right = (facts.value(f"asymptote_{side}_slope") for side in ("left", "right"))
    if left == right > 0 and facts.value("second_moment") + facts.error("second_moment") < right**2:
        return "shrinkers"
    flat, steep = sorted(math.inf if math.isnan(slope) else abs(slope) for slope in (left, right))
    if flat < steep / 2 and math.isfinite(flat):
        breaks = facts.value("num_jumps") + facts.value("num_kinks")
        return "kinked rectifiers" if breaks > 0 else "smooth rectifiers"
    return "others"


@functools.cache
def published() -> dict[str, str]:
    """The family of each function of the published catalogue."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row["function"]: row["family"] for row in csv.DictReader(file)}


def _write(folder: Path) -> None:
    groups = functions.read(folder, "properties").groupby("function", sort=True)
    lines = [f"{name},{family(Facts(facts))}" for name, facts in groups]
    write_text(_FILE, "\n".join(["function,family", *lines, ""]))


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
