"""The report of a results folder: tables -> figures/, statistics/, report.md and report.html."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.compare import init_or_rate, ranking, tracks
from actbench.compare.comparison import Comparison
from actbench.compare.comparison import compare_workload as comparison_of
from actbench.compare.paired import JUDGED
from actbench.compare.ranking import Cells
from actbench.compare.workloads import NothingToReportError, Workload, protocol_notes, workloads
from actbench.figures import training
from actbench.report import convergence, field, numbers, page, sentences, settings, statistics, tuning, writer
from actbench.report.page import Part
from actbench.report.sections import comparison as comparison_section
from actbench.report.sections import tracks as tracks_section
from actbench.report.sections import verdicts
from actbench.report.sections.training import PLOTS, Plot
from actbench.report.writer import Save
from actbench.tables import atomic
from actbench.tables.schema import REFERENCE, Tables
from actbench.tables.store import read
from actbench.tables.tuning import is_tuning


def write(folder: str | Path, *, run_ids: Collection[str] | None = None, standing: Sequence[str] | None = None) -> Path:
    """Make report.md, report.html, figures/ and statistics/ in a results folder from its tables.

    With `run_ids` the report covers only the workloads that these runs belong to, with all their runs in the folder. A
    tuning has a report of its own, see `report/tuning.py`. `standing` is what is said of a single run in its field; of
    the only run in a folder it is found here.

    Returns:
        The path of report.html.

    Raises:
        FileNotFoundError: If there are no results in the folder.
        NotADirectoryError: If a folder that the report is written to is a link.
        NothingToReportError: If the tables cannot be read, or hold no run to report.
    """
    return write_and_list(Path(folder), run_ids=run_ids, standing=standing)[0]


def write_and_list(
    folder: Path, *, run_ids: Collection[str] | None = None, standing: Sequence[str] | None = None
) -> tuple[Path, list[str]]:
    """As `write`; returns also a sentence for each file, and for runs of each other PROTOCOL, that was left out."""
    if is_tuning(folder):
        return tuning.write(folder)
    tables, left_out = _read(folder)
    left_out = left_out + protocol_notes(tables.runs, run_ids=run_ids or ())
    works = workloads(tables, run_ids=run_ids)
    if not any(_has_something_to_compare(work) for work in works):
        raise NothingToReportError(
            f"The runs in {folder} have neither a loss nor layers, so there is nothing to compare activations by."
        )
    facts, unreadable = statistics.facts(folder)
    doubled = convergence.of(folder)
    standing = field.of_the_only_run(folder, tables) if standing is None else standing
    with writer.replacing(folder) as new:
        _make(
            works,
            [*left_out, *unreadable],
            new,
            facts=facts,
            doubled=doubled,
            standing=standing,
            name=folder.resolve().name,
        )
    return folder / "report.html", left_out


def _has_something_to_compare(work: Workload) -> bool:
    """Whether a workload has failures, a column that ranks, or layers; a comparison of speed has none of them."""
    runs, _, layers = work.tables
    return bool((runs["status"] == "failed").any() or ranking.primary(runs) or len(layers))


def _make(
    works: list[Workload],
    left_out: list[str],
    new: Path,
    *,
    facts: pd.DataFrame,
    doubled: pd.DataFrame,
    standing: Sequence[str],
    name: str,
) -> None:
    """Write report.md, report.html, figures/ and statistics/ into the folder of a new report."""
    comparisons = [comparison_of(work, facts=facts) for work in works]
    agreements, corners = tracks.track_agreements(works), init_or_rate.corners_of(works, comparisons)
    harm = tracks.harm(works)
    all_cells = [_cells(work) for work in works]
    results = [_results(work, comparison) for work, comparison in zip(works, comparisons, strict=True)]
    statistics.write(
        new, works, [ranks | layers for ranks, layers in all_cells], comparisons, agreements, corners, harm, doubled
    )
    names = pd.concat([work.tables.runs["variant"] for work in works]).unique()
    title = f"{name}: {'activation functions compared' if len(names) > 1 else names[0]}"
    parts = [
        _parts(work, cells, comparison, save=writer.saver(new, prefix=f"w{i}-" if len(works) > 1 else ""))
        for i, (work, cells, comparison) in enumerate(zip(works, all_cells, comparisons, strict=True), 1)
    ]
    track_parts = tracks_section.parts(agreements, corners, new=new)
    warnings = [*filter(None, [convergence.sentence(doubled)]), *tracks_section.harm(harm)]
    writer.write_page(
        new,
        page.TEMPLATES / "results_folder.md.j2",
        title=title,
        opening=settings.opening(works),
        in_short=[*warnings, *_in_short(works, results, comparisons, track_parts)],
        standing=" ".join(standing),
        settings=page.table(settings.rows(works)),
        lost=page.table(settings.lost(works)),
        left_out=left_out,
        sections=list(zip(works, results, parts, strict=True)),
        track_parts=[*track_parts, *tracks_section.harm_parts(harm)],
    )


def _read(folder: Path) -> tuple[Tables, list[str]]:
    """The tables of a folder, and a sentence for each file that had to be left out.

    Raises:
        NothingToReportError: With these sentences, if nothing is left.
    """
    atomic.refuse_links(folder)
    tables, left_out = read(folder)
    if left_out and not len(tables.runs):
        raise NothingToReportError("\n".join(left_out.values()))
    return tables, list(left_out.values())


def _in_short(
    works: list[Workload], results: list[list[str]], comparisons: list[Comparison | None], track_parts: list[Part]
) -> list[str]:
    """The report's summary: all results of a single workload, or one or two sentences on each of several."""
    if len(works) == 1:
        return results[0]
    summary = [f"{part.title}: {part.shows}" for part in track_parts]
    for work, result, comparison in zip(works, results, comparisons, strict=True):
        first = result[:1] + (verdicts.sentences(comparison)[:1] if comparison else [])
        summary += [f"{work.title}: {' '.join(first)}"] if first else []
    return summary


def _results(work: Workload, comparison: Comparison | None) -> list[str]:
    """The results of one workload, in sentences: the best variants, the verdicts, the ends of the network."""
    runs, _, layers = work.tables
    primary = ranking.primary(runs)
    columns = [name for name in (primary, "test_loss") if name and np.isfinite(runs[name]).any()]
    results = [sentences.best(runs, name) for name in dict.fromkeys(columns)]
    results += verdicts.sentences(comparison) if comparison else _before_the_first_look(work)
    if len(layers):
        results += [sentences.most_saturated(layers), sentences.most_vanishing(layers)]
    return [sentence for sentence in results if sentence]


def _before_the_first_look(work: Workload) -> list[str]:
    """That there are no verdicts yet, where more seeds would bring them."""
    runs = work.tables.runs[work.tables.runs["status"] != "failed"]
    n = runs.groupby("variant")["seed"].nunique()
    if ranking.primary(runs) not in JUDGED or REFERENCE not in n or len(n) < 2 or n[REFERENCE] >= work.looks.sizes[0]:
        return []
    return [f"No verdicts yet: the first look is at {work.looks.sizes[0]} seeds, and {REFERENCE} has {n[REFERENCE]}."]


def _cells(work: Workload) -> tuple[Cells, Cells]:
    """The cells of the ranking and of the diagnosis, resampled once for both the report and statistics/."""
    runs, _, layers = work.tables
    order = ranking.ranked(runs)
    if not order:
        return {}, {}
    return ranking.ranking(runs), ranking.diagnosis(layers, order) if len(layers) else {}


def _parts(work: Workload, cells: tuple[Cells, Cells], comparison: Comparison | None, *, save: Save) -> list[Part]:
    """A part for each figure of one workload that applies, and the tables in between."""
    runs = work.tables.runs
    measured = work.tables._replace(runs=runs[runs["status"] != "failed"])
    order = ranking.ranked(runs)
    parts = [_drawn(plot, measured, order, save=save) for plot in PLOTS if order and plot.applies(measured)]
    if order:
        first = parts.pop(0) if parts and parts[0].title == "Ranking" else Part("")
        table = page.table(numbers.ranking_table(cells[0], measured.runs, order))
        parts.insert(0, replace(first, title="Ranking" if len(order) > 1 else "Result", table=table))
    if order and len(measured.layers):
        when = "at the end of training" if measured.layers["step"].any() else "at initialisation"
        read = (
            f"Saturation, dead units (no slope on any probed image) and drift of the first and the last layer {when}, "
            "and how gradients fade."
        )
        table = page.table(numbers.diagnosis_table(cells[1], measured.runs, order))
        parts.insert(1, Part("Why: the layers in numbers", read, table=table))
    if comparison:
        parts[1:1] = comparison_section.parts(work, comparison, order=order, save=save)
    return parts


def _drawn(plot: Plot, tables: Tables, order: list[str], *, save: Save) -> Part:
    """The part of one figure."""
    frame = getattr(tables, plot.table)
    figure = save(plot.draw(frame, training.labels(tables.runs, order)), plot.draw.__name__)
    read = plot.alone if len(order) == 1 and plot.alone else plot.read
    return Part(plot.title, read, plot.shows(frame), figure)
