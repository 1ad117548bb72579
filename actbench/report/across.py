"""One report over several published workloads: results/across/."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from actbench.compare import across
from actbench.compare.across import TRACKS, Across
from actbench.compare.intervals import Interval
from actbench.compare.paired import VERDICTS
from actbench.figures import comparison as comparison_figures
from actbench.figures import differences, tracks
from actbench.report import page, writer
from actbench.report.numbers import bracketed, enumeration, number, rounded
from actbench.report.page import Part
from actbench.report.sections.comparison import failures
from actbench.report.settings import origin
from actbench.report.writer import Save
from actbench.tables.schema import REFERENCE

_READ_RANKS = (
    "The rank of each activation's mean error over the workloads, each in units of the tuned "
    "{reference}'s. The interval is the one that the rank has when the seeds of every workload are drawn again, the "
    "same ones for all activations."
)
_READ_IQM = (
    "The interquartile mean over all workloads and seeds of the test error, in units of the tuned {reference}'s mean "
    "on that workload: left of 1 is better than the tuned {reference}, on either track. A quarter of the values is cut "
    "on each side, so that a few bad runs do not decide. In the order of the mean error on the tuned track, which may "
    "be another. 95 % intervals: seeds drawn again within each workload."
)
_READ_VERDICTS = (
    "On the {track} track, the error of each activation against {reference}'s on the same seeds, with the verdict of "
    "each workload's own family: the grey band is the margin of 10 %. Filled: better or worse; square: equivalent; "
    "hollow: undecided."
)
_READ_FAILURES = (
    "Runs that diverged, or whose test loss is that of a guess that ignores its input, over all workloads, with the "
    "Clopper–Pearson interval of the rate."
)


def write(folders: list[Path], to: Path) -> Path:
    """Make report.md, report.html, figures/ and statistics/ in the folder `to`; return the path of report.html.

    Raises:
        FileNotFoundError: If there are no results in a folder.
        ValueError: If the folders have nothing in common to compare, see `compare.across.gather`.
    """
    gathered = across.gather(folders)
    comparison, runs = across.compute(gathered), gathered.runs
    names = ("ranks", "iqm", "profile", "failures", "verdicts")
    with writer.replacing(to) as new:
        writer.write_tables(new, {name: getattr(comparison, name) for name in names})
        writer.write_page(
            new,
            page.TEMPLATES / "across.md.j2",
            title="across: activation functions over several workloads",
            command="python -m actbench.report " + " ".join(f"results/{folder.resolve().name}" for folder in folders),
            sources="; ".join(f"{name}: {origin(rows)}" for name, rows in runs.groupby("workload", sort=False)),
            in_short=sentences(comparison),
            parts=_parts(comparison, save=writer.saver(new)),
        )
    return to / "report.html"


def sentences(comparison: Across) -> list[str]:
    """Is the reference still a good default? On each track, and on both."""
    workloads = ", ".join(f"{name} ({n} seeds)" for name, n in comparison.workloads.items())
    acts = comparison.ranks["variant"].nunique()
    sentences = [f"{acts} activations on {len(comparison.workloads)} workloads, both tracks: {workloads}."]
    better: dict[str, set[str]] = {}
    for track in reversed(TRACKS):
        ranks, iqm = (table[table["track"] == track] for table in (comparison.ranks, comparison.iqm))
        first, row = ranks["variant"].iloc[0], ranks[ranks["variant"] == REFERENCE].iloc[0]
        iqm_rank = int(iqm.set_index("variant")["iqm"].rank(method="min", na_option="bottom")[REFERENCE])
        rank = bracketed(row["rank"], row["low"], row["high"], digits=6)
        words = _against_reference(comparison.verdicts[comparison.verdicts["track"] == track])
        better[track] = set(words["better on all"])
        counts = "; ".join(
            f"{len(names)} {word}" + (f" ({enumeration(names)})" if names else "")
            for word, names in words.items()
            if names or word == "better on all"
        )
        sentences.append(
            f"{track.capitalize()} track: by mean error {REFERENCE} has rank {rank} of {acts}, and {first} rank 1. By "
            f"interquartile mean, in units of the tuned {REFERENCE}'s mean error, {REFERENCE} has "
            f"{_iqm(iqm, REFERENCE)}, rank {iqm_rank}, and {first} {_iqm(iqm, first)}; from one workload to another "
            f"{_spread(iqm, first)}. Against {REFERENCE}, each "
            f"workload for itself: {counts}."
        )
    both = sorted(set.intersection(*better.values()))
    default = (
        f"better than it on both tracks {'is' if len(both) == 1 else 'are'} {enumeration(both)}." if both
        else "nothing is better than it on both tracks."
    )  # fmt: skip
    sentences.append(f"Is {REFERENCE} still a good default? On every one of these workloads {default}")
    sentences.append("What not: seeds were drawn again, workloads were not, so nothing is said of any other workload.")
    return sentences


def _iqm(iqm: pd.DataFrame, name: str) -> str:
    """The interquartile mean of one activation with its interval."""
    row = iqm[iqm["variant"] == name].iloc[0]
    return number(Interval(row["iqm"], row["low"], row["high"], 2))  # n is not shown, it must only not be 0


def _spread(iqm: pd.DataFrame, name: str) -> str:
    """The smallest and the largest mean of one activation on a workload."""
    row = iqm[iqm["variant"] == name].iloc[0]
    return f"{rounded(row['least'])} to {rounded(row['most'])}"


def _against_reference(verdicts: pd.DataFrame) -> dict[str, list[str]]:
    """The activations by what they are against the reference: the same on all workloads, or not."""
    words: dict[str, list[str]] = {text: [] for text in (*(f"{v} on all" for v in VERDICTS), "not the same on all")}
    for name, group in verdicts.groupby("variant"):
        found = set(group["verdict"])
        words[f"{found.pop()} on all" if len(found) == 1 else "not the same on all"].append(str(name))
    return words


def _verdicts(comparison: Across, track: str, order: list[str], *, save: Save) -> Part:
    """Each workload for itself against the reference, on one track."""
    rows = comparison.verdicts[comparison.verdicts["track"] == track]
    by_workload = {str(name): table for name, table in rows.groupby("workload")}
    acts = [name for name in order if name != REFERENCE]
    none = pd.DataFrame(columns=["variant", "rate"])  # failures are counted over all workloads, in a table of their own
    figure = differences.differences(
        by_workload,
        dict.fromkeys(by_workload, none),
        {name: name for name in acts},
        change=f"change of the error against {REFERENCE}",
    )
    cells = {
        (row["variant"], row["workload"]): f"{row['verdict']} {number(_percent(row))}"
        for row in rows.to_dict("records")
    }
    table = [[name, *(cells.get((name, work), "") for work in by_workload)] for name in acts]
    return Part(
        f"Against {REFERENCE} on each workload, {track} track",
        _READ_VERDICTS.format(track=track, reference=REFERENCE),
        figure=save(figure, f"verdicts_{track}"),
        table=page.table([["activation", *(f"{name}: Δ error (%)" for name in by_workload)], *table]),
    )


def _percent(row: dict) -> Interval:
    return Interval(100 * row["change"], 100 * row["low"], 100 * row["high"], int(row["n"]))


def _parts(comparison: Across, *, save: Save) -> list[Part]:
    """What the template needs of each figure and of the table of failures."""
    tables = {track: _of_track(comparison, track) for track in TRACKS}
    order = list(
        tables[TRACKS[1]]["ranks"]["variant"]
    )  # by mean error on the tuned track, in all figures but the ranks
    labels = {name: name for name in order}
    figure = save(tracks.relative({track: tables[track]["iqm"] for track in TRACKS}, labels), "iqm")
    parts = [_verdicts(comparison, track, order, save=save) for track in TRACKS]
    parts.append(Part("In units of the tuned reference", _READ_IQM.format(reference=REFERENCE), figure=figure))
    ranks = {f"{track} track": tables[track]["ranks"] for track in TRACKS}
    figure = save(comparison_figures.rank_intervals(ranks, labels), "ranks")
    parts.append(Part("Rank intervals", _READ_RANKS.format(reference=REFERENCE), figure=figure))
    failed = comparison.failures.assign(variant=comparison.failures["variant"] + ", " + comparison.failures["track"])
    return parts + [replace(table, read=_READ_FAILURES) for table in failures(failed)]


def _of_track(comparison: Across, track: str) -> dict[str, pd.DataFrame]:
    tables = {name: getattr(comparison, name) for name in ("ranks", "iqm")}
    return {name: table[table["track"] == track] for name, table in tables.items()}
