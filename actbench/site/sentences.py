"""What to know of a function, in three sentences made of its facts: its values, its smoothness, its slope."""

import math

from actbench.report.numbers import enumeration
from actbench.tables.functions import Facts, number


def to_know(facts: Facts) -> list[str]:
    """Three sentences; where the facts are not determined, one that says why."""
    undetermined = facts.undetermined()
    for name in ("all", "shape"):
        if name in undetermined:
            return [f"Its shape is not determined: {undetermined[name]}."]
    return [_values(facts), _smoothness(facts), _slope(facts)]


def _values(facts: Facts) -> str:
    """The range, and where f falls and rises."""
    low, high = facts.settled("range_inf"), facts.settled("range_sup")
    if math.isinf(low) and math.isinf(high):
        values = "Its values have no bound on either side"
    elif math.isinf(high):
        values = f"Its values are never below {number(low)} and have no upper bound"
    elif math.isinf(low):
        values = f"Its values are never above {number(high)} and have no lower bound"
    else:
        values = f"Its values lie between {number(low)} and {number(high)}"
    return f"{values}; {_direction(facts)}."


def _direction(facts: Facts) -> str:
    monotonic = facts.text("monotonic")
    if monotonic != "no":
        words = {"non-decreasing": "it never falls", "non-increasing": "it never rises", "constant": "it is constant"}
        return words.get(monotonic, f"whether it is monotonic is {monotonic}")
    turns = [_turn(facts, i) for i in range(facts.count("extremum_value"))]
    return "it is not monotonic" + (f": it has {enumeration(turns)}" if 0 < len(turns) <= 3 else "")


def _turn(facts: Facts, i: int) -> str:
    low, high = facts.value("extremum_low", i), facts.value("extremum_high", i)
    place = f"at z = {number(low)}" if low == high else f"from z = {number(low)} to {number(high)}"
    return f"a {facts.text('extremum_value', i)} of {number(facts.value('extremum_value', i))} {place}"


def _smoothness(facts: Facts) -> str:
    """The lowest derivative that jumps, and where."""
    for order, sentence in enumerate((
        "It jumps at z = {places}.",
        "It is continuous; its slope jumps at z = {places} ({kink}).",
        "It and its slope are continuous; its second derivative jumps at z = {places}.",
    )):  # fmt: skip
        places = facts.kinks(order)
        if places == "not determined":
            return f"Whether derivative {order} of it jumps is not determined."
        if places != "none":
            points = places.split(", ")
            return sentence.format(places=enumeration(points), kink="kinks" if len(points) > 1 else "a kink")
    if facts.text("continuity") == "at least":
        return f"It is smooth: neither it nor its first {facts.value('continuity'):.0f} derivatives jump."
    return f"It has no kink; the lowest of its derivatives that jumps is number {facts.value('continuity') + 1:.0f}."


def _slope(facts: Facts) -> str:
    """The largest slope, and where less than 1 % of it is left."""
    largest, places = facts.value("sup_derivative"), facts.stretches("sup_derivative")
    if largest == 0:
        return "Its slope is 0 wherever it has one: no gradient passes, and nothing below it learns."
    if math.isinf(largest):
        return f"Its slope has no bound; {_saturation(facts, 'its root mean square under N(0, 1)')}."
    if places == "(−∞, ∞)":
        return f"Autograd gives it the slope {number(largest)} everywhere."
    at = "" if places in ("not determined", "none") else f", {_where(facts)}"
    return f"Its slope is at most {number(largest)} in size{at}; {_saturation(facts, 'that')}."


def _where(facts: Facts) -> str:
    """`at z = 3`, `for z ≥ 0`, `as z → ∞`: where the slope is largest."""
    return enumeration(
        _stretch(facts.value("sup_derivative_low", i), facts.value("sup_derivative_high", i))
        for i in range(facts.count("sup_derivative_low"))
    )


def _stretch(low: float, high: float) -> str:
    if low == high:
        return f"as z → {number(low)}" if math.isinf(low) else f"at z = {number(low)}"
    if math.isinf(high):
        return f"for z ≥ {number(low)}"
    return f"for z ≤ {number(high)}" if math.isinf(low) else f"for {number(low)} ≤ z ≤ {number(high)}"


def _saturation(facts: Facts, whole: str) -> str:
    low, high = facts.value("saturation_low_0.01"), facts.value("saturation_high_0.01")
    if math.isnan(low) or math.isnan(high):
        return "where it saturates is not determined"
    sides = [f"below z = {number(low)}"] if math.isfinite(low) else []
    sides += [f"above z = {number(high)}"] if math.isfinite(high) else []
    return f"less than 1 % of {whole} is left {' and '.join(sides)}" if sides else "it saturates on neither side"
