"""What functions have in common and where they differ, in sentences made of their facts and of what they cost."""

import math
from collections.abc import Callable, Mapping

import pandas as pd

from actbench.report.numbers import enumeration, rounded
from actbench.report.page import escape
from actbench.tables.functions import Facts, number
from actbench.tables.schema import REFERENCE

_NEAR = 1.5  # times the reference's time


def answer(functions: Mapping[str, Facts], cost: pd.DataFrame) -> list[str]:
    """How many functions have which shape, and what they cost against the reference."""
    facts = functions.values()
    breaks = [(one.value("num_jumps") > 0, one.value("num_kinks") > 0) for one in facts]
    ends = [_infinite_ends(one) for one in facts]
    counts = {
        "jump": sum(jumps for jumps, _ in breaks),
        "have a kink": sum(kinks for _, kinks in breaks),
        "have neither": breaks.count((False, False)),
        "are not monotonic": sum(one.text("monotonic") == "no" for one in facts),
        "saturate on both sides": ends.count((False, False)),
        "on neither": ends.count((True, True)),
    }
    said = [f"Of {len(functions)} functions {enumeration(f'{num} {what}' for what, num in counts.items())}."]
    ratios = _eager(cost)
    if len(ratios) > 1:
        near = int((ratios <= _NEAR).sum())
        said.append(
            f"Forward and backward the median function takes {rounded(ratios.median(), 2)} times as long as "
            f"{REFERENCE}: {near} of the {len(ratios)} others that were timed take at most {_NEAR:g} times as long, "
            f"the slowest, {ratios.idxmax()}, {rounded(ratios.max(), 2)} times."
        )
    return said


def _eager(cost: pd.DataFrame) -> pd.Series:
    """The time of each function against the reference's, forward and backward in float32 outside the cache, eager."""
    if cost.empty:
        return pd.Series(dtype=float)
    is_shown = (cost["pass"] == "forward+backward") & (cost["size"] == "outside cache") & (cost["mode"] == "eager")
    rows = cost[is_shown & (cost["dtype"] == "float32") & (cost["function"] != REFERENCE)]
    return rows.set_index("function")["ratio"].dropna()


def in_short(functions: dict[str, Facts]) -> list[str]:
    """What the functions have in common and where they differ, in sentences computed from the facts."""

    def matching(test: Callable[[Facts], bool]) -> str:
        names = [escape(name) for name, facts in functions.items() if test(facts)]
        return f"{len(names)} ({', '.join(names)})" if names else "none"

    minima = {name: facts.value("range_inf") for name, facts in functions.items() if facts.text("monotonic") == "no"}
    steepest = max(functions, key=lambda name: _finite(functions[name].value("sup_derivative")))
    slope = number(functions[steepest].value("sup_derivative"))
    seams = [_seam(name, facts) for name, facts in functions.items() if facts.count("seam_place")]
    undetermined = [_undetermined(name, facts) for name, facts in sorted(functions.items()) if facts.undetermined()]
    return [
        f"Of {len(functions)} functions these jump: {matching(lambda facts: facts.value('num_jumps') > 0)}.",
        f"These have a kink, f ′ jumping: {matching(lambda facts: facts.value('num_kinks') > 0)}.",
        f"These are not monotonic: {matching(lambda facts: facts.text('monotonic') == 'no')}; "
        f"the deepest finite minimum is {_deepest(minima)}.",
        f"These saturate on both sides: {matching(lambda facts: _infinite_ends(facts) == (False, False))}; "
        f"on neither: {matching(lambda facts: _infinite_ends(facts) == (True, True))}.",
        "Saturated is where abs f ′ stays below ε sup abs f ′; at the edge itself z counts as inside. Tails with a "
        f"slope near that edge: {_near_the_edge(functions)}.",
        f"The largest finite slope is that of {escape(steepest)}, {slope}; "
        f"unbounded slopes: {matching(lambda facts: math.isinf(facts.value('sup_derivative')))}.",
        f"Jumps that float64 sees and float32 does not: {', '.join(seams) or 'none'}.",
        f"Not determined: {'; '.join(undetermined) or 'nothing'}.",
    ]


def _infinite_ends(facts: Facts) -> tuple[bool, bool]:
    """Whether it saturates nowhere on the left, and nowhere on the right."""
    return math.isinf(facts.value("saturation_low_0.01")), math.isinf(facts.value("saturation_high_0.01"))


def _near_the_edge(functions: dict[str, Facts]) -> str:
    """The functions with a tail that keeps less than half of the largest slope, and how near to which ε that is."""
    parts = []
    for name, facts in functions.items():
        shares = [facts.settled(f"tail_slope_{side}") for side in ("low", "high")]
        share = min((share for share in shares if share > 0), default=1.0)
        if share < 0.5:
            epsilon = min(("0.001", "0.01", "0.1"), key=lambda epsilon: abs(math.log(share / float(epsilon))))
            ratio = share / float(epsilon)
            at = "exactly at it" if abs(ratio - 1) < 1e-6 else f"{number(ratio)} times it"
            parts.append((share, f"{escape(name)} ({at}, ε = {epsilon})"))
    return ", ".join(text for _, text in sorted(parts)) or "none"


def _finite(value: float) -> float:
    return value if math.isfinite(value) else -math.inf


def _deepest(minima: dict[str, float]) -> str:
    finite = {name: value for name, value in minima.items() if math.isfinite(value)}
    name = min(finite, key=lambda name: finite[name], default="")
    return f"{escape(name)}'s {number(finite[name])}" if name else "none"


def _seam(name: str, facts: Facts) -> str:
    return f"{escape(name)}'s of {number(facts.value('seam_jump'))} at {number(facts.value('seam_place'))}"


def _undetermined(name: str, facts: Facts) -> str:
    return f"{escape(name)}'s " + ", ".join(f"`{fact}` ({why})" for fact, why in facts.undetermined().items())
