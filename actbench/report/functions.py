"""The report on functions: the tables of results/functions/ -> figures, report.md and report.html."""

import math
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from actbench.figures import functions
from actbench.report.page import TEMPLATES, Markdown, escape, render, table, template
from actbench.tables.functions import MOMENTS, Facts, comparison, interval, number, read
from actbench.tables.schema import REFERENCE

TITLE = "Activation functions: what is computed of each"


def write(folder: Path) -> None:
    """Make figures/, report.md and report.html from folder/tables; the part on cost only where it was measured.

    Raises:
        FileNotFoundError: If the functions were not computed yet.
    """
    properties, curves, distances = (read(folder, name) for name in ("properties", "curves", "distances"))
    points, identities, overflows = (read(folder, name) for name in ("points", "identities", "overflows"))
    cost = read(folder, "cost") if (folder / "tables" / "cost.parquet").is_file() else pd.DataFrame()
    facts = {str(name): Facts(frame) for name, frame in properties.groupby("function", sort=True)}
    (folder / "figures").mkdir(exist_ok=True)
    figures = {"overview": functions.overview(curves), "distances": functions.distances(distances)}
    if len(cost):
        figures["cost"] = functions.cost(cost)
    for name, one in facts.items():
        figures[name] = functions.card(curves[curves["function"] == name], one)
    for name, figure in figures.items():
        _save(figure, folder / "figures" / f"{name}.png")
    markdown = template(TEMPLATES / "functions.md.j2").render(
        in_short=[Markdown(sentence) for sentence in _in_short(facts)],
        comparison=_rows(comparison(properties)),
        distances=_rows(_known_distances(distances)),
        points=_rows(_points(points)),
        identities=_rows(_identities(identities)),
        overflows=_rows(overflows.pivot_table("largest_finite", "form", "dtype", sort=False).reset_index()),
        cost=_rows(_cost_table(cost)) if len(cost) else "",
        cost_about=Markdown(_cost_about(cost)) if len(cost) else "",
        copies=_rows(_copies(cost)) if len(cost) else "",
        cards=[{"name": name, "formula": one.text("formula"), "facts": _card(one)} for name, one in facts.items()],
    )
    (folder / "report.md").write_text(markdown, encoding="utf-8")
    (folder / "report.html").write_text(render(markdown, title=TITLE, folder=folder), encoding="utf-8")


def _save(figure: Figure, path: Path) -> None:
    """A PNG whose bytes depend on the figure only."""
    figure.savefig(path, dpi=150, metadata={"Software": None})


def _rows(frame: pd.DataFrame) -> str:
    """A frame as a markdown table, numbers to five digits."""
    cells = [
        [number(cell) if isinstance(cell, float) else cell for cell in row] for row in frame.to_numpy(dtype=object)
    ]
    return table([list(frame.columns), *cells])


def _in_short(facts: dict[str, Facts]) -> list[str]:
    """What the table says as a whole, in sentences that are computed from it."""

    def those(test) -> str:
        names = [escape(name) for name, one in facts.items() if test(one)]
        return f"{len(names)} ({', '.join(names)})" if names else "none"

    def infinite(one: Facts) -> tuple[bool, bool]:
        return math.isinf(one.value("saturation_low_0.01")), math.isinf(one.value("saturation_high_0.01"))

    dips = {name: one.value("range_inf") for name, one in facts.items() if one.text("monotonic") == "no"}
    steepest = max(facts, key=lambda name: _finite(facts[name].value("sup_derivative")))
    seams = [name for name, one in facts.items() if one.count("seam_place")]
    open_questions = sorted({name for name, one in facts.items() if one.undetermined()})
    return [
        f"Of {len(facts)} functions these jump: {those(lambda one: one.value('num_jumps') > 0)}.",
        f"These have a kink, f ′ jumping: {those(lambda one: one.value('num_kinks') > 0)}.",
        f"These are not monotonic: {those(lambda one: one.text('monotonic') == 'no')}; "
        f"the deepest finite minimum is {_deepest(dips)}.",
        f"These saturate on both sides: {those(lambda one: infinite(one) == (False, False))}; "
        f"on neither: {those(lambda one: infinite(one) == (True, True))}.",
        f"The largest finite slope is that of {escape(steepest)}, {number(facts[steepest].value('sup_derivative'))}; "
        f"unbounded slopes: {those(lambda one: math.isinf(one.value('sup_derivative')))}.",
        "Jumps that float64 sees and float32 does not: "
        + (", ".join(_seam(name, facts[name]) for name in seams) or "none")
        + ".",
        "Not determined: " + ("; ".join(_open(name, facts[name]) for name in open_questions) or "nothing") + ".",
    ]


def _finite(value: float) -> float:
    return value if math.isfinite(value) else -math.inf


def _deepest(dips: dict[str, float]) -> str:
    finite = {name: value for name, value in dips.items() if math.isfinite(value)}
    name = min(finite, key=lambda name: finite[name], default="")
    return f"{escape(name)}'s {number(finite[name])}" if name else "none"


def _seam(name: str, one: Facts) -> str:
    return f"{escape(name)}'s of {number(one.value('seam_jump'))} at {number(one.value('seam_place'))}"


def _open(name: str, one: Facts) -> str:
    return f"{escape(name)}'s " + ", ".join(f"`{fact}` ({why})" for fact, why in one.undetermined().items())


def _card(one: Facts) -> str:
    """What the comparison has no room for, with error bounds."""
    rows: list[tuple[str, str, str]] = [
        ("parameters", one.text("parameters"), ""),
        ("learnable; stochastic", f"{one.text('learnable')}; {one.text('stochastic')}", ""),
        ("inf f, sup f", one.range(), _bound(one.error("range_inf"))),
        (
            "asymptotes, left and right",
            f"{one.asymptote('left')}; {one.asymptote('right')}",
            _bound(one.error("asymptote_left_slope")),
        ),
        ("zeros", one.stretches("zero"), _bound(one.error("zero_low"))),
    ]
    for i in range(one.count("kink_place")):
        f = "f" + "′" * int(one.value("kink_order", i))
        jump = f"{f} goes from {number(one.value('kink_left', i))} to {number(one.value('kink_right', i))}"
        rows.append((f"kink at {number(one.value('kink_place', i))}", jump, _bound(one.error("kink_place", i))))
    rows += [
        ("order of continuity", one.continuity(), ""),
        ("monotonic; f ′ monotonic", f"{one.text('monotonic')}; {one.text('derivative_monotonic')}", ""),
    ]
    for i in range(one.count("extremum_value")):
        place = interval(one.value("extremum_low", i), one.value("extremum_high", i))
        value = f"{one.value('extremum_value', i):.9g} at {place}"
        rows.append((one.text("extremum_value", i), value, _bound(one.error("extremum_value", i))))
    rows.append(
        (
            "sup abs f ′, at",
            f"{one.value('sup_derivative'):.9g}, {one.stretches('sup_derivative')}",
            _bound(one.error("sup_derivative")),
        )
    )
    for epsilon in ("0.001", "0.01", "0.1"):
        ends = [one.value(f"saturation_{side}_{epsilon}") for side in ("low", "high")]
        rows.append((f"saturation thresholds, ε = {epsilon}", ", ".join(map(number, ends)), ""))
    for fact, label in MOMENTS.items():
        rows.append((label, f"{one.settled(fact):.9g}", _bound(one.error(fact))))
    return table([("property", "value", "error at most"), *rows])


def _bound(error: float) -> str:
    return "" if math.isnan(error) or error == 0 else f"{error:.0e}"


def _known_distances(distances: pd.DataFrame) -> pd.DataFrame:
    """Single pairs, and for each swept pair its ends: what a figure does not give as a number."""
    ends = distances.groupby(["pair", "order"], sort=False)["setting"].agg(["min", "max"])
    merged = distances.join(ends, on=["pair", "order"])
    kept = merged[
        merged["setting"].isna() | (merged["setting"] == merged["min"]) | (merged["setting"] == merged["max"])
    ]
    kept = kept.assign(of=kept["order"].map({0: "f", 1: "f ′"}), parameter=kept["parameter"].fillna(""))
    kept = kept.rename(columns={"closed_form": "closed form"})
    return kept[["pair", "parameter", "setting", "of", "distance", "closed form"]]


def _points(points: pd.DataFrame) -> pd.DataFrame:
    """Values with all digits that float64 has."""
    given = points["setting"].map(number)
    return pd.DataFrame({
        "function": points["function"],
        "with": (points["parameter"] + " = " + given).where(points["parameter"] != "", ""),
        "what": points["formula"],
        "z": points["z"],
        "side": points["side"],
        "h": points["h"],
        "value": points["value"].map(repr),
        "error at most": points["error"].map(_bound),
    })  # fmt: skip


def _identities(identities: pd.DataFrame) -> pd.DataFrame:
    words = {
        "num": "inputs",
        "num_different": "different",
        "max_ulp": "largest, in spacings",
        "place": "at z",
        "max_abs_difference": "largest on abs z ≤ 100",
    }
    return identities.rename(columns=words)


def _cost_table(cost: pd.DataFrame) -> pd.DataFrame:
    """Ratios of forward + backward for float32 and bfloat16, eager and compiled, and what backward keeps."""
    both = cost[(cost["pass"] == "forward+backward") & (cost["size"] == "outside cache")]
    wide = both.assign(kind=both["dtype"] + ", " + both["mode"]).pivot_table(
        index="function", columns="kind", values="ratio", sort=False
    )
    eager = both[(both["mode"] == "eager") & (both["dtype"] == "float32")].set_index("function")
    wide.insert(0, "ns per element, float32", eager["ns_per_element"])
    extremes = [f"[{low:.3g}, {high:.3g}]" for low, high in eager[["ratio_low", "ratio_high"]].to_numpy()]
    wide.insert(2, "of rounds", pd.Series(extremes, index=eager.index))
    wide["bytes saved per element"] = eager["saved_bytes_per_element"]
    return wide.sort_values("float32, eager").reset_index()


def _cost_about(cost: pd.DataFrame) -> str:
    about = cost.iloc[0]
    own = cost[(cost["dtype"] == "float32") & (cost["pass"] == "forward+backward") & (cost["size"] == "outside cache")]
    beside = (own["ns_per_element"] / own["ratio"])[own["mode"] == "eager"]
    itself = own.loc[(own["function"] == REFERENCE) & (own["mode"] == "compiled"), "ratio"]
    return (
        f"Measured on {escape(about['device'])}, threads: {about['threads']}, torch {escape(about['torch'])}, commit "
        f"{escape(about.get('commit', 'unknown'))}. A ratio is to eager ReLU of the same dtype and size, sampled "
        f"beside it; points are medians over {about['rounds']} rounds through all functions, bars and brackets their "
        f"extremes, which hold the median with {1 - 2.0 ** (1 - about['rounds']):.0%}. Each row of the table is "
        "forward + backward outside the cache, where eager ReLU in float32 took about "
        f"{beside.min():.3g} to {beside.max():.3g} ns an element"
        + "".join(f", and compiled {ratio:.3g} times as long" for ratio in itself)
        + "; tables/cost.csv has the rest."
    )


def _copies(cost: pd.DataFrame) -> pd.DataFrame:
    """The device's own limit: copying a tensor."""
    speed = cost.groupby(["dtype", "size"], sort=False)[["copy_ns_per_element", "copy_gb_per_s"]].median().reset_index()
    return speed.rename(columns={"copy_ns_per_element": "copy, ns per element", "copy_gb_per_s": "copy, GB/s"})
