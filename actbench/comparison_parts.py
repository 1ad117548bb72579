"""The figures of a paired comparison in a report, each with how to read it and what it shows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from actbench import across, canvas, comparison, comparison_plots, page, pairs, tracks
from actbench.comparison import Comparison, listed
from actbench.findings import primary
from actbench.paired import ALPHA, REFERENCE
from actbench.relations import relate
from actbench.variants import Workload

FIGURES = ("forest", "rank_intervals", "profiles", "matrix", "matrix_first", "relations", "tracks")
Save = Callable[[Figure, str], page.Markdown]


def parts(work: Workload, found: Comparison, *, order: list[str], save: Save) -> list[dict]:
    """What the report's template needs of each part of the section; figures go through `save`."""
    runs = work.tables.runs
    runs = runs[runs["status"] != "failed"]
    verdicts = found.loss.set_index("variant")["verdict"]
    labels = {name: f"{_short(name)}  {verdicts[name]}" for name in found.loss["variant"]}
    panels = {f"Δ {found.value.replace('_', ' ')} (nats)": (found.loss, found.margin)}
    if len(found.accuracy):
        columns = ["mean", "low", "high"]
        points = found.accuracy.assign(**{name: 100 * found.accuracy[name] for name in columns})
        panels["Δ test accuracy (points)"] = (points, 100 * found.accuracy_margin)
    forest = save(comparison_plots.forest(panels, labels), "forest")
    return [
        _part(
            f"Against {found.reference}, paired by seed", _READ_FOREST.format(found=found), comparison.bought(found),
            forest, page.table(comparison.table(found)),
        ),
        *_ranks(runs, found, save=save),
        *_profiles(runs, order=order, save=save),
        *_failures(runs),
        *_pairs(runs, found, order=order, save=save),
        *_relations(work, runs, save=save),
    ]  # fmt: skip


_READ_FOREST = (
    "Each variant minus {found.reference} on the same seed: split, batch order, dropout masks and unscaled weights are "
    "shared. The bar is the 95 % interval of the mean difference (BCa, widened for few seeds), the grey band the "
    "margin within which a difference does not matter (±{found.margin:.3g} nats, 5 % of the reference's mean loss). "
    "Filled: better or worse; square: equivalent; hollow: inconclusive. Better or worse is a Wilcoxon signed-rank test "
    "with p < .05 after Holm and an interval that excludes 0; equivalent is TOST with p < .05 after Holm, and it wins "
    "where both hold, as such a difference is too small to matter."
)
_READ_RANKS = (
    "The rank of each mean with the interval that it has when seeds are drawn again, the same ones for all variants. "
    "A long bar is a rank that these seeds do not know."
)
_READ_PAIRS = (
    "A row against a column, without a correction for having looked at everything but Benjamini and Hochberg's: "
    "coloured where their adjusted p is below .05, blue where the row has the lower loss. {cells} Exploratory: it "
    "suggests what to test on new seeds."
)
_READ_RELATIONS = (
    "Spearman's rank correlation, over variants, of each diagnostic (mean over layers and seeds) with the mean loss: "
    "right of 0 more of it goes with a higher loss. Filled where p < .05 after Benjamini and Hochberg; bars are 95 % "
    "bootstrap intervals over variants. Exploratory: variants are no random sample, many are relatives, and a "
    "correlation is no cause."
)
_READ_PROFILES = (
    "The share of seeds on which a variant reached the target validation loss in at most τ times the steps of the "
    "fastest variant on that seed. Steps are counted at the ends of epochs; a seed that never got there is in no share."
)
_READ_FAILURES = (
    "Runs that diverged, or whose test loss is that of a guess that ignores its input (99 % of ln(classes) and more), "
    "with the Clopper–Pearson interval of the rate."
)
_READ_TRACKS = (
    "Left the ranks with one learning rate and init for all, right those with both chosen for each variant on "
    "validation data. Thick lines change their verdict. τ is 1 where tuning changes no order, 0 where the two orders "
    "have nothing in common; its interval is of seeds drawn again, which adds noise to both orders and lowers τ."
)


def _ranks(runs: pd.DataFrame, found: Comparison, *, save: Save) -> list[dict]:
    rng = np.random.default_rng(0)
    table = across.ranks(runs.assign(workload=""), value=found.value, reference=found.reference, rng=rng)
    if len(table) < 2:
        return []
    wide = (table["high"] - table["low"]).max()
    first = table[table["low"] <= 1]["variant"]
    shows = f"{listed(first)} may have rank 1; the longest interval spans {wide:g} ranks."
    figure = comparison_plots.rank_intervals(table, {name: name for name in table["variant"]})
    return [_part("Rank intervals", _READ_RANKS, shows, save(figure, "rank_intervals"))]


def _pairs(runs: pd.DataFrame, found: Comparison, *, order: list[str], save: Save) -> list[dict]:
    """The matrix of all, and where that has no room for numbers, one of the first in the order and the reference."""
    table = pairs.all_pairs(runs, value=found.value)
    told = int((table["p_bh"] < ALPHA).sum())
    shows = f"{told} of {len(table)} pairs have an adjusted p below .05."
    detailed = "Lines: mean difference (nats); seeds won/tied/lost by the row; p before adjustment, * where adjusted."
    few = len(order) <= comparison_plots.DETAILED
    all_of = comparison_plots.matrix(table, {name: name for name in order})
    read = _READ_PAIRS.format(cells=detailed if few else "The number is the seeds on which the row is better.")
    made = [_part("Every pair", read, shows, save(all_of, "matrix"))]
    if not few:
        first = order[: comparison_plots.DETAILED]
        first = first if found.reference in first else [*first[:-1], found.reference]
        words = f"The first {len(first) - 1} in the ranking and {found.reference}, adjusted over all pairs. {detailed}"
        figure = comparison_plots.matrix(table, {name: name for name in order if name in first})
        made.append(_part("The first of the ranking, every pair", words, "", save(figure, "matrix_first")))
    return made


def _relations(work: Workload, runs: pd.DataFrame, *, save: Save) -> list[dict]:
    table = relate(work.tables.layers, runs, rng=np.random.default_rng(0))
    if not len(table):
        return []
    told = table[table["p_bh"] < ALPHA]
    shows = f"{len(told)} of {len(table)} relations have an adjusted p below .05."
    figure = save(comparison_plots.relations(table), "relations")
    return [_part("What goes with a low loss", _READ_RELATIONS, shows, figure)]


def _profiles(runs: pd.DataFrame, *, order: list[str], save: Save) -> list[dict]:
    if not np.isfinite(runs["steps_to_target"]).any():
        return []
    table = across.profile(runs.assign(workload=""), taus=np.linspace(1, 4, 61).tolist())
    figure = comparison_plots.profiles(table, {name: name for name in order})
    never = sorted(table.groupby("variant")["share"].max().loc[lambda share: share == 0].index)
    shows = f"Never within 4 times the fewest steps: {listed(never)}." if never else ""
    return [_part("Steps to the target", _READ_PROFILES, shows, save(figure, "profiles"))]


def _failures(runs: pd.DataFrame) -> list[dict]:
    """A table of those that failed, where any did."""
    table = across.failures(runs)
    table = table[table["failed"] > 0].sort_values("rate", ascending=False, kind="stable")
    if not len(table):
        return []
    rows = [
        [row["variant"], f"{row['failed']} of {row['n']}", f"{row['rate']:.2f} [{row['low']:.2f}, {row['high']:.2f}]"]
        for row in table.to_dict("records")
    ]
    return [
        _part("Failures", _READ_FAILURES, "", page.Markdown(""), page.table([["activation", "runs", "rate"], *rows]))
    ]


def saver(figures: Path, prefix: str) -> Save:
    """Writes a figure and gives the path by which the page names it."""

    def save(figure: Figure, name: str) -> page.Markdown:
        canvas.save(figure, figures / f"{prefix}{name}.png")
        return page.Markdown(f"figures/{prefix}{name}.png")

    return save


def on_both_tracks(works: list[Workload], *, figures: Path, reference: str = REFERENCE) -> list[dict]:
    """A part for each workload that was measured on the shared and on the tuned track."""
    return [
        part
        for i, (title, shared, tuned) in enumerate(tracks.both_tracks(works), 1)
        for part in survival(
            shared, tuned, title=title or "Both tracks", reference=reference, save=saver(figures, f"w{i}-")
        )
    ]


def survival(shared: Workload, tuned: Workload, *, title: str, reference: str, save: Save) -> list[dict]:
    """The part on two tracks of one workload, or nothing where they have no ranking in common."""
    runs = [work.tables.runs[work.tables.runs["status"] != "failed"] for work in (shared, tuned)]
    value = primary(runs[0])
    common = set(runs[0]["variant"]) & set(runs[1]["variant"])
    if value is None or primary(runs[1]) != value or reference not in common or len(common) < 2:
        return []
    found = tracks.survive(*runs, value=value, rng=np.random.default_rng(0), reference=reference)
    said = [f"Kendall's τ = {found.tau:.2f} [{found.low:.2f}, {found.high:.2f}] over {found.n} variants."]
    changes = tracks.changed(found).to_dict("records")
    told = [f"{row['variant']} ({row['verdict_shared']}, then {row['verdict_tuned']})" for row in changes]
    said.append(f"The verdict changes for {listed(told)}." if told else "No verdict changes.")
    rates = runs[1].groupby("variant")["optim.lr"].first() if "optim.lr" in runs[1] else pd.Series(dtype=float)
    heading = ["activation", "rank, shared", "rank, tuned", "verdict, shared", "verdict, tuned"]
    rows = [
        [row["variant"], f"{row['rank_shared']:g}", f"{row['rank_tuned']:g}",
         *(row[name] if isinstance(row[name], str) else "reference" for name in ("verdict_shared", "verdict_tuned")),
         *([f"{rates[row['variant']]:g}"] if len(rates) else [])]
        for row in found.variants.to_dict("records")
    ]  # fmt: skip
    table = page.table([[*heading, *(["tuned learning rate"] if len(rates) else [])], *rows])
    return [_part(title, _READ_TRACKS, " ".join(said), save(comparison_plots.tracks(found.variants), "tracks"), table)]


def _short(name: str) -> str:
    """A name that leaves room for a verdict."""
    return name if len(name) <= 20 else f"{name[:11]}…{name[-8:]}"


def _part(title: str, read: str, shows: str, figure: page.Markdown, table: str = "") -> dict:
    return {"title": title, "read": read, "shows": shows, "figure": figure, "table": table}
