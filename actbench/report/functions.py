"""The report on functions: the tables of results/functions/ -> figures/, report.md and report.html."""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from actbench.figures import functions as function_figures
from actbench.report import shapes, writer
from actbench.report.numbers import enumeration, error_bound, percent, rounded
from actbench.report.page import TEMPLATES, Fold, Markdown, Part, escape, table
from actbench.report.writer import Save
from actbench.tables.functions import MOMENTS, Facts, comparison, interval, number, read
from actbench.tables.schema import REFERENCE

TITLE = "How do the activation functions differ, and what does each cost?"
_BREAKS = {0: "jump", 1: "kink"}  # by the derivative that jumps
_COMMANDS = ("actbench.catalogue", "actbench.catalogue --cost")
_READ_COMPARISON = (
    "At the default parameters. z_lo and z_hi are the ends of the smallest interval outside which |f ′| stays below "
    "0.01 sup|f ′|; expectations are under N(0, 1); gain = 1/√(E f²), χ* = E f ′²/E f². Beyond z_lo and z_hi f is "
    "saturated: almost no gradient passes there. That is no obstacle to learning as such: all of ReLU's low side is "
    "saturated, and is what makes it nonlinear. How much of a network lies there is measured in the network."
)
_READ_DISTANCES = (
    "How far apart functions are that are said to be alike: sup|f − g|, and of their derivatives. Where functions "
    "converge, their derivatives need not: at 0 a smooth one keeps its slope of 1/2."
)
_READ_POINTS = "f and f ′ in float64 where claims name a point; left and right are the values beside it."
_READ_IDENTITIES = (
    "Functions that are said to be one, given the same tensor in the same type: how many inputs, at how many of them "
    "the outputs are not the same bits (−0 is not 0), and by how many spacings of the type they differ at most, and "
    "where. All values of float16 and bfloat16; of the wider types those and 2^20 more, as many in every binade."
)


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
        overview = save(function_figures.overview(curves), "overview")
        far = save(function_figures.distances(distances), "distances")
        along = Part("Along a parameter", _READ_DISTANCES, figure=far, table=_rows(_tabulated_distances(distances)))
        finite = overflows.pivot_table("largest_finite", "form", "dtype", sort=False).reset_index()
        folds = [
            Fold("Which of them: jumps, kinks, minima, saturation", [_list(shapes.in_short(functions))]),
            Fold("All properties side by side", [Part("", _READ_COMPARISON, table=_rows(comparison(properties)))]),
            *([Fold("Cost", _cost_parts(cost, save=save))] if len(cost) else []),
            Fold("Distances between functions that are said to be alike", [along]),
            Fold("Values at single points", [Part("", _READ_POINTS, table=_rows(_points(points)))]),
            Fold(
                "Functions that are said to be one",
                [
                    Part("", _READ_IDENTITIES, table=_rows(_identities(identities))),
                    Part("The largest z at which a form is finite", table=_rows(finite)),
                ],
            ),
            Fold("Each function by itself", [_card(name, f, curves, save=save) for name, f in functions.items()]),
        ]
        writer.write_page(
            new,
            TEMPLATES / "experiment.md.j2",
            title=TITLE,
            warnings=[],
            answer=shapes.answer(functions, cost),
            figure=Part("Every function and its derivative", figure=overview),
            box=table(_box(functions, cost)),
            choice="",
            links=_links(cost),
            folds=folds,
        )


def _box(functions: Mapping[str, Facts], cost: pd.DataFrame) -> list[list[str]]:
    """What was computed and measured, by what."""
    rows = [
        ["", ""],
        ["functions", f"{len(functions)}, at their default parameters"],
        ["computed", "from the function itself in float64, by a program that is told nothing about it"],
        ["f ′", "what torch's autograd delivers, which rounds constants to float32: CELU's α, Hardsigmoid's 1/6"],
        ["error", "of each number at most what tables/properties.csv says, with how it was obtained"],
    ]
    if len(cost):
        first = cost.iloc[0]
        where = f"{first['device']}, threads: {first['threads']}, torch {first['torch']}, {first['rounds']} rounds"
        rows.append(["cost", f"of {_timed(functions, cost)}; {where}"])
    return rows


def _timed(functions: Mapping[str, Facts], cost: pd.DataFrame) -> str:
    """`2 of 3 functions, not timed: mish`."""
    timed = set(cost["function"])
    missing = [name for name in functions if name not in timed]
    if not missing:
        return f"all {len(functions)} functions"
    return f"{len(functions) - len(missing)} of {len(functions)} functions, not timed: {', '.join(missing)}"


def _links(cost: pd.DataFrame) -> list[Markdown]:
    commands = _COMMANDS if len(cost) else _COMMANDS[:1]
    return [Markdown(f"To repeat: {enumeration(f'`python -m {command}`' for command in commands)}")]


def _cost_parts(cost: pd.DataFrame, *, save: Save) -> list[Part]:
    figure = save(function_figures.cost(cost), "cost")
    return [
        Part("Time against ReLU's", Markdown(_cost_about(cost)), figure=figure, table=_rows(_cost_table(cost))),
        Part("What the machine can", table=_rows(_copies(cost))),
    ]


def _card(name: str, facts: Facts, curves: pd.DataFrame, *, save: Save) -> Part:
    """One function: its formula, its figure, its facts."""
    figure = save(function_figures.card(curves[curves["function"] == name], facts), name)
    return Part(name, shows=facts.text("formula"), figure=figure, table=facts_table(facts))


def _list(sentences: list[str]) -> Part:
    return Part("", table=Markdown("\n".join(f"- {sentence}" for sentence in sentences)))


def _rows(frame: pd.DataFrame) -> str:
    """A frame as a markdown table, floats to five digits."""
    cells = [
        [number(cell) if isinstance(cell, float) else cell for cell in row] for row in frame.to_numpy(dtype=object)
    ]
    return table([list(frame.columns), *cells])


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
        order = int(facts.value("kink_order", i))
        f = "f" + "′" * order
        jump = f"{f} goes from {number(facts.value('kink_left', i))} to {number(facts.value('kink_right', i))}"
        label = f"{_BREAKS.get(order, f'{f} jumps')} at {number(facts.value('kink_place', i))}"
        rows.append(row(label, jump, "kink_place", i))
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
