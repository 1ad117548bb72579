"""The report on functions: the tables of results/functions/ -> figures/, report.md and report.html."""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from actbench.figures import functions as function_figures
from actbench.report import writer
from actbench.report.numbers import error_bound, percent, rounded
from actbench.report.page import TEMPLATES, Markdown, escape, table
from actbench.tables.functions import MOMENTS, Facts, comparison, interval, number, read
from actbench.tables.schema import REFERENCE

TITLE = "Activation functions: what is computed of each"


def write(folder: Path) -> None:
    """Make figures/, report.md and report.html from folder/tables; the section on cost only where it was measured.

    Raises:
        FileNotFoundError: If a table of the functions was not computed yet.
    """
    properties, curves, distances = (read(folder, name) for name in ("properties", "curves", "distances"))
    points, identities, overflows = (read(folder, name) for name in ("points", "identities", "overflows"))
    cost = read(folder, "cost") if (folder / "tables" / "cost.parquet").is_file() else pd.DataFrame()
    functions = {str(name): Facts(frame) for name, frame in properties.groupby("function", sort=True)}
    with writer.replacing(folder) as new:
        save = writer.saver(new)
        save(function_figures.overview(curves), "overview")
        save(function_figures.distances(distances), "distances")
        if len(cost):
            save(function_figures.cost(cost), "cost")
        for name, facts in functions.items():
            save(function_figures.card(curves[curves["function"] == name], facts), name)
        writer.write_page(
            new,
            TEMPLATES / "functions.md.j2",
            title=TITLE,
            in_short=[Markdown(sentence) for sentence in _in_short(functions)],
            comparison=_rows(comparison(properties)),
            distances=_rows(_tabulated_distances(distances)),
            points=_rows(_points(points)),
            identities=_rows(_identities(identities)),
            overflows=_rows(overflows.pivot_table("largest_finite", "form", "dtype", sort=False).reset_index()),
            cost=_rows(_cost_table(cost)) if len(cost) else "",
            cost_about=Markdown(_cost_about(cost)) if len(cost) else "",
            copies=_rows(_copies(cost)) if len(cost) else "",
            cards=[
                {"name": name, "formula": f.text("formula"), "facts": facts_table(f)} for name, f in functions.items()
            ],
        )


def _rows(frame: pd.DataFrame) -> str:
    """A frame as a markdown table, floats to five digits."""
    cells = [
        [number(cell) if isinstance(cell, float) else cell for cell in row] for row in frame.to_numpy(dtype=object)
    ]
    return table([list(frame.columns), *cells])


def _in_short(functions: dict[str, Facts]) -> list[str]:
    """What the functions have in common and where they differ, in sentences computed from the facts."""

    def matching(test: Callable[[Facts], bool]) -> str:
        names = [escape(name) for name, facts in functions.items() if test(facts)]
        return f"{len(names)} ({', '.join(names)})" if names else "none"

    def infinite_ends(facts: Facts) -> tuple[bool, bool]:
        return math.isinf(facts.value("saturation_low_0.01")), math.isinf(facts.value("saturation_high_0.01"))

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
        f"These saturate on both sides: {matching(lambda facts: infinite_ends(facts) == (False, False))}; "
        f"on neither: {matching(lambda facts: infinite_ends(facts) == (True, True))}.",
        "Saturated is where abs f ′ stays below ε sup abs f ′; at the edge itself z counts as inside. Tails with a "
        f"slope near that edge: {_near_the_edge(functions)}.",
        f"The largest finite slope is that of {escape(steepest)}, {slope}; "
        f"unbounded slopes: {matching(lambda facts: math.isinf(facts.value('sup_derivative')))}.",
        f"Jumps that float64 sees and float32 does not: {', '.join(seams) or 'none'}.",
        f"Not determined: {'; '.join(undetermined) or 'nothing'}.",
    ]


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


def facts_table(facts: Facts) -> str:
    """The table of one function: the facts that the comparison has no room for, with error bounds."""

    def row(label: str, value: str, bounded_by: str, i: int = 0) -> tuple[str, str, str]:
        return label, value, error_bound(facts.error(bounded_by, i))

    asymptotes = f"{facts.asymptote('left')}; {facts.asymptote('right')}"
    rows = [
        ("parameters", facts.text("parameters"), ""),
        ("learnable; stochastic", f"{facts.text('learnable')}; {facts.text('stochastic')}", ""),
        row("inf f, sup f", facts.range(), "range_inf"),
        row("asymptotes, left and right", asymptotes, "asymptote_left_slope"),
        row("zeros", facts.stretches("zero"), "zero_low"),
    ]
    for i in range(facts.count("kink_place")):
        f = "f" + "′" * int(facts.value("kink_order", i))
        jump = f"{f} goes from {number(facts.value('kink_left', i))} to {number(facts.value('kink_right', i))}"
        rows.append(row(f"kink at {number(facts.value('kink_place', i))}", jump, "kink_place", i))
    rows.append(("order of continuity", facts.continuity(), ""))
    rows.append(("monotonic; f ′ monotonic", f"{facts.text('monotonic')}; {facts.text('derivative_monotonic')}", ""))
    for i in range(facts.count("extremum_value")):
        place = interval(facts.value("extremum_low", i), facts.value("extremum_high", i))
        value = f"{rounded(facts.value('extremum_value', i), 9)} at {place}"
        rows.append(row(facts.text("extremum_value", i), value, "extremum_value", i))
    steepest = f"{rounded(facts.value('sup_derivative'), 9)}, {facts.stretches('sup_derivative')}"
    rows.append(row("sup abs f ′, at", steepest, "sup_derivative"))
    for epsilon in ("0.001", "0.01", "0.1"):
        ends = [facts.value(f"saturation_{side}_{epsilon}") for side in ("low", "high")]
        rows.append((f"saturation thresholds, ε = {epsilon}", ", ".join(map(number, ends)), ""))
    kept = [facts.settled(f"tail_slope_{side}") for side in ("low", "high")]
    shares = ", ".join("none" if math.isnan(share) else number(share) for share in kept)
    rows.append(row("slope of the tails / sup abs f ′, left and right", shares, "tail_slope_low"))
    rows += [row(label, rounded(facts.settled(fact), 9), fact) for fact, label in MOMENTS.items()]
    return table([("property", "value", "error at most"), *rows])


def _tabulated_distances(distances: pd.DataFrame) -> pd.DataFrame:
    """Every pair without a parameter, and the two ends of each pair along one; the figure shows the rest."""
    ends = distances.groupby(["pair", "order"], sort=False)["setting"].agg(["min", "max"])
    joined = distances.join(ends, on=["pair", "order"])
    setting = joined["setting"]
    rows = joined[setting.isna() | (setting == joined["min"]) | (setting == joined["max"])]
    rows = rows.assign(of=rows["order"].map({0: "f", 1: "f ′"}), parameter=rows["parameter"].fillna(""))
    rows = rows.rename(columns={"closed_form": "closed form"})
    return rows[["pair", "parameter", "setting", "of", "distance", "closed form"]]


def _points(points: pd.DataFrame) -> pd.DataFrame:
    """f and f ′ at single points, with every digit of float64."""
    setting = points["setting"].map(number)
    return pd.DataFrame({
        "function": points["function"],
        "with": (points["parameter"] + " = " + setting).where(points["parameter"] != "", ""),
        "what": points["formula"],
        "z": points["z"],
        "side": points["side"],
        "h": points["h"],
        "value": points["value"].map(repr),
        "error at most": points["error"].map(error_bound),
    })  # fmt: skip


def _identities(identities: pd.DataFrame) -> pd.DataFrame:
    headings = {
        "num": "inputs",
        "num_different": "different",
        "max_ulp": "largest, in spacings",
        "place": "at z",
        "max_abs_difference": "largest on abs z ≤ 100",
    }
    return identities.rename(columns=headings)


def _cost_table(cost: pd.DataFrame) -> pd.DataFrame:
    """Ratios of forward + backward for float32 and bfloat16, eager and compiled, and the bytes that backward keeps."""
    rows = cost[(cost["pass"] == "forward+backward") & (cost["size"] == "outside cache")]
    wide = rows.assign(kind=rows["dtype"] + ", " + rows["mode"]).pivot_table(
        index="function", columns="kind", values="ratio", sort=False
    )
    eager = rows[(rows["mode"] == "eager") & (rows["dtype"] == "float32")].set_index("function")
    wide.insert(0, "ns per element, float32", eager["ns_per_element"])
    extremes = [f"[{rounded(low)}, {rounded(high)}]" for low, high in eager[["ratio_low", "ratio_high"]].to_numpy()]
    wide.insert(2, "of rounds", pd.Series(extremes, index=eager.index))
    wide["bytes saved per element"] = eager["saved_bytes_per_element"]
    return wide.sort_values("float32, eager").reset_index()


def _cost_about(cost: pd.DataFrame) -> str:
    """Where and how the cost was measured, and the time that eager ReLU took."""
    first = cost.iloc[0]
    rows = cost[(cost["dtype"] == "float32") & (cost["pass"] == "forward+backward") & (cost["size"] == "outside cache")]
    relu = (rows["ns_per_element"] / rows["ratio"])[rows["mode"] == "eager"]
    compiled = rows.loc[(rows["function"] == REFERENCE) & (rows["mode"] == "compiled"), "ratio"]
    return (
        f"Measured on {escape(first['device'])}, threads: {first['threads']}, torch {escape(first['torch'])}, commit "
        f"{escape(first.get('commit', 'unknown'))}. A ratio is to eager ReLU of the same dtype and size, sampled "
        f"beside it; points are medians over {first['rounds']} rounds through all functions, bars and brackets their "
        f"extremes, which hold the median with {percent(1 - 2.0 ** (1 - first['rounds']))}. Each row of the table is "
        "forward + backward outside the cache, where eager ReLU in float32 took about "
        f"{rounded(relu.min())} to {rounded(relu.max())} ns an element"
        + "".join(f", and compiled {rounded(ratio)} times as long" for ratio in compiled)
        + "; tables/cost.csv has the rest."
    )


def _copies(cost: pd.DataFrame) -> pd.DataFrame:
    """The speed of copying a tensor, which no function can exceed on the device."""
    speed = cost.groupby(["dtype", "size"], sort=False)[["copy_ns_per_element", "copy_gb_per_s"]].median().reset_index()
    return speed.rename(columns={"copy_ns_per_element": "copy, ns per element", "copy_gb_per_s": "copy, GB/s"})
