"""The report of a results folder: tables -> figures/, statistics/, report.md and report.html."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from actbench.compare import init_or_rate, ranking, tracks
from actbench.compare.comparison import compare_workload as comparison_of
from actbench.compare.convergence import is_converged, of_workloads
from actbench.compare.ranking import Cells
from actbench.compare.workloads import NothingToReportError, Workload, protocol_notes, workloads
from actbench.report import (
    answer,
    atoms,
    box,
    console,
    convergence,
    draws,
    field,
    folds,
    links,
    opening,
    page,
    question,
    settings,
    statistics,
    tuning,
    writer,
)
from actbench.report.page import Fold, Part
from actbench.report.sections import choice
from actbench.report.sections import tracks as tracks_section
from actbench.report.writer import Save
from actbench.tables import atomic
from actbench.tables.schema import Tables
from actbench.tables.store import read
from actbench.tables.tuning import is_tuning


class Beside(NamedTuple):
    """What the folders beside a results folder say of it.

    Attributes:
        facts: Of functions.
        doubled: Twice the training.
        atoms: Of claims.
        draws: Other draws of tuning seeds.
        choice: What the ledger chose here, in sentences.
    """

    facts: pd.DataFrame
    doubled: pd.DataFrame
    atoms: pd.DataFrame
    draws: pd.DataFrame
    choice: list[str]


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
    if draws.is_retuned(folder):
        return draws.write(folder)
    tables, left_out = _read(folder)
    left_out = left_out + protocol_notes(tables.runs, run_ids=run_ids or ())
    works = workloads(tables, run_ids=run_ids)
    if not any(_has_something_to_compare(work) for work in works):
        raise NothingToReportError(
            f"The runs in {folder} have neither a loss nor layers, so there is nothing to compare activations by."
        )
    facts, unreadable = statistics.facts(folder)
    beside = Beside(facts, convergence.of(folder), atoms.of(folder), draws.beside(folder), atoms.choice(folder))
    standing = field.of_the_only_run(folder, tables) if standing is None else standing
    with writer.replacing(folder) as new:
        about = run_ids if standing and run_ids is not None else tables.runs["run_id"]
        _make(works, [*left_out, *unreadable], new, beside=beside, about=about, standing=standing, folder=folder)
    return folder / "report.html", left_out


def summary(folder: Path, tables: Tables, *, run_ids: Collection[str]) -> str:
    """What these runs of a results folder reached, as text for the terminal."""
    if is_tuning(folder):
        return tuning.text(folder)
    return draws.text(folder) if draws.is_retuned(folder) else console.text(tables, run_ids=run_ids)


def _has_something_to_compare(work: Workload) -> bool:
    """Whether a workload has failures, a column that ranks, or layers; a comparison of speed has none of them."""
    runs, _, layers = work.tables
    return bool((runs["status"] == "failed").any() or ranking.primary(runs) or len(layers))


def _make(
    works: list[Workload],
    left_out: list[str],
    new: Path,
    *,
    beside: Beside,
    about: Collection[str],
    standing: Sequence[str],
    folder: Path,
) -> None:
    """Write report.md, report.html, figures/ and statistics/ into the folder of a new report.

    `about` are the runs that the title asks about, where others of their workload lie in the folder too.
    """
    name = folder.resolve().name
    comparisons = [comparison_of(work, facts=beside.facts) for work in works]
    named = {setting: one for setting, one in zip(settings.named(works), comparisons, strict=True) if one is not None}
    agreements, corners = tracks.track_agreements(works), init_or_rate.corners_of(works, comparisons)
    harm = tracks.harm(works)
    cells = [_cells(work) for work in works]
    statistics.write(
        new, works, [ranks | layers for ranks, layers in cells], comparisons, agreements, corners, harm, beside.doubled
    )

    def saver(prefix: str) -> Save:
        return writer.saver(new, prefix=prefix)

    asked_for = question.answered_by(name)
    figure = opening.figure(works, named, beside.atoms, asked_for=asked_for, save=saver(""))
    ranking_survives = [*tracks_section.parts(agreements, corners, new=new), *tracks_section.harm_parts(harm)]
    folded = [
        folds.decided(named),
        Fold("Does the ranking survive tuning?", ranking_survives),
        *folds.measured(works, cells, save=saver(""), shown=figure.figure),
        *folds.explored(works, comparisons, saver=saver),
        *([Fold("How a run is set into its field", [Part("", field.READ)])] if standing else []),
        folds.run(works, left_out, command=question.command(name)),
    ]
    known = choice.names(beside.facts)
    chosen_among = {} if len(of_workloads(works)) else named  # who trains longer does not choose a function
    runs = pd.concat([work.tables.runs for work in works])
    asked = question.question(name, runs[runs["run_id"].isin(about)])
    is_yes_or_no = question.is_yes_or_no(asked)
    said = answer.answer(works, comparisons, beside.atoms, is_yes_or_no=is_yes_or_no, asked_for=asked_for)
    writer.write_page(
        new,
        page.TEMPLATES / "experiment.md.j2",
        title=asked,
        warnings=[
            *question.unmeasured(name, runs),
            *_not_converged(beside.doubled),
            *tracks_section.harm(harm),
            *draws.summary(beside.draws),
        ],
        answer=standing or [*said[:1], *beside.choice, *said[1:]],
        figure=figure,
        box=page.table(box.rows(works, comparisons, doubled=beside.doubled, atoms=beside.atoms)),
        choice=choice.table(chosen_among, beside.atoms, known=known),
        links=links.lines(works, beside.atoms, known=known, folder=folder),
        folds=[fold for fold in folded if fold.parts],
    )


def _not_converged(doubled: pd.DataFrame) -> list[str]:
    """The warning of a network that is still improving."""
    return [convergence.sentence(doubled)] if len(doubled) and not is_converged(doubled) else []


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


def _cells(work: Workload) -> tuple[Cells, Cells]:
    """The cells of the ranking and of the diagnosis, resampled once for both the report and statistics/."""
    runs, _, layers = work.tables
    order = ranking.ranked(runs)
    if not order:
        return {}, {}
    return ranking.ranking(runs), ranking.diagnosis(layers, order) if len(layers) else {}
