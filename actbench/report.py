"""Tables -> figures -> report.md and report.html. `python -m actbench.report PATH` makes a report from tables alone."""

import argparse
import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from actbench import (
    canvas,
    comparison,
    comparison_parts,
    corners,
    findings,
    landing,
    page,
    plots,
    printed,
    sentences,
    settings,
    speed_report,
    speed_tables,
    track_parts,
    tracks,
)
from actbench.comparison import Comparison
from actbench.findings import Cells
from actbench.page import Markdown
from actbench.report_figures import PLOTS, Plot
from actbench.tables import Tables, read
from actbench.variants import NothingToReportError, Workload, of_another_protocol, workloads


def write(folder: str | Path, *, run_ids: Collection[str] | None = None) -> Path:
    """Make report.md, report.html, figures/ and statistics/ in a results folder from its tables; path of report.html.

    With `run_ids` the report is of the workloads that these runs belong to, and of all runs in the folder that share
    one with them.

    Raises:
        FileNotFoundError: If there are no results in the folder.
        NotADirectoryError: If a folder that is written is a link.
        NothingToReportError: If the tables cannot be read, or hold no run to report.
    """
    folder = Path(folder)
    tables, left_out = _read(folder)
    return _written(folder, tables, left_out + of_another_protocol(tables.runs, run_ids=run_ids or ()), run_ids=run_ids)


def _written(folder: Path, tables: Tables, left_out: list[str], *, run_ids: Collection[str] | None) -> Path:
    if speed_tables.only(tables, run_ids=run_ids):
        with landing.beside(folder / "report") as hidden:
            (hidden / "figures").mkdir(parents=True)
            speed_report.make(tables, left_out, hidden)
            _replace(hidden, folder)
        return folder / "report.html"
    works = workloads(speed_tables.without(tables), run_ids=run_ids)
    facts, broken = printed.facts(folder)
    with landing.beside(folder / "report") as hidden:
        (hidden / "figures").mkdir(parents=True)
        _make(works, [*left_out, *broken], hidden, facts=facts, name=folder.resolve().name)
        _replace(hidden, folder)
    return folder / "report.html"


def _make(works: list[Workload], left_out: list[str], folder: Path, *, facts: pd.DataFrame, name: str) -> None:
    """Write report.md, report.html, figures/ and statistics/ into an empty folder."""
    compared = [comparison.of(work, facts=facts) for work in works]
    survived, cornered = tracks.survived(works), corners.four(works, compared)
    shown = [_shown(work) for work in works]
    results = [_results(work, against) for work, against in zip(works, compared, strict=True)]
    printed.write(folder, works, [ranking | diagnosis for ranking, diagnosis in shown], compared, survived, cornered)
    names = pd.concat([work.tables.runs["variant"] for work in works]).unique()
    title = f"{name}: {'activation functions compared' if len(names) > 1 else names[0]}"
    sections = [
        _section(work, cells, against, folder, prefix=f"w{i}-" if len(works) > 1 else "") | {"in_short": said[1:]}
        for i, (work, cells, against, said) in enumerate(zip(works, shown, compared, results, strict=True), 1)
    ]
    sections.append(track_parts.section(survived, cornered, figures=folder / "figures"))
    markdown = page.template("report.md.j2").render(
        title=title,
        opening=settings.opening(works),
        in_short=_in_short(works, results, compared, sections[-1]["parts"]),
        settings=page.table(settings.rows(works)),
        lost=page.table(settings.lost(works)),
        left_out=left_out,
        sections=sections,
    )
    markdown = re.sub(r"\n{3,}", "\n\n", markdown)
    (folder / "report.md").write_text(markdown, encoding="utf-8")
    (folder / "report.html").write_text(page.render(markdown, title=title, folder=folder), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0, or 2 after a sentence that says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m actbench.report", description="Make a report from tables alone.")
    parser.add_argument("path", help="a results folder, for instance results/adhoc")
    folder = Path(parser.parse_args(arguments).path)
    try:
        tables, left_out = _read(folder)
        print(_written(folder, tables, left_out, run_ids=None))
    except (OSError, NothingToReportError) as error:
        failed = getattr(error, "strerror", None)  # of the system; ours are sentences
        print(f"The report cannot be written to {folder} ({failed})." if failed else f"{error}", file=sys.stderr)
        return 2
    for sentence in left_out:
        print(f"left out: {sentence}", file=sys.stderr)
    return 0


def _read(folder: Path) -> tuple[Tables, list[str]]:
    """The tables of a folder and what had to be left out; where that leaves nothing, the sentences are the error."""
    landing.refuse_links(folder)
    tables, left_out = read(folder)
    if left_out and not len(tables.runs):
        raise NothingToReportError("\n".join(left_out.values()))
    return tables, list(left_out.values())


def _replace(made: Path, folder: Path) -> None:
    """Put a new report in the place of the old one, file by file; of the figures, those that a report makes."""
    names = "|".join(
        [*(plot.draw.__name__ for plot in PLOTS), *comparison_parts.FIGURES, *track_parts.FIGURES, "targets"]
    )
    for place, ours in (("figures", rf"(w\d+-)?({names})\.png"), (printed.FOLDER, r".*\.csv")):
        (folder / place).mkdir(exist_ok=True)
        new = {path.name for path in (made / place).iterdir()}
        for old in (folder / place).iterdir():
            if re.fullmatch(ours, old.name) and old.name not in new:
                old.unlink(missing_ok=True)
        for name in sorted(new):
            os.replace(made / place / name, folder / place / name)
    for name in ("report.md", "report.html"):
        os.replace(made / name, folder / name)


def _in_short(
    works: list[Workload], results: list[list[str]], compared: list[Comparison | None], both: list[dict]
) -> list[str]:
    """The results in a few sentences: all that there is to say of one workload, one or two sentences of several."""
    if len(works) == 1:
        return results[0]
    said = [f"{part['title']}: {part['shows']}" for part in both]
    for work, found, against in zip(works, results, compared, strict=True):
        result = found[:1] + (comparison.sentences(against)[:1] if against else [])
        said += [f"{work.title}: {' '.join(result)}"] if result else []
    return said


def _results(work: Workload, against: Comparison | None) -> list[str]:
    runs, _, layers = work.tables
    by = findings.primary(runs)
    said = [sentences.best(runs, name) for name in (by, "test_accuracy") if name and np.isfinite(runs[name]).any()]
    said += comparison.sentences(against) if against else []
    if len(layers):
        said += [sentences.most_saturated(layers), sentences.most_vanishing(layers)]
    return [sentence for sentence in said if sentence]


def _shown(work: Workload) -> tuple[Cells, Cells]:
    """What the ranking and the diagnosis of a workload show; resampled once for the report and for statistics/."""
    runs, _, layers = work.tables
    order = findings.ranked(runs)
    if not order:
        return {}, {}
    return findings.ranking(runs), findings.diagnosis(layers, order) if len(layers) else {}


def _section(
    work: Workload, cells: tuple[Cells, Cells], against: Comparison | None, folder: Path, *, prefix: str
) -> dict:
    """What the template needs of one workload: a part for each figure that applies, and the tables in between."""
    runs = work.tables.runs
    measured = work.tables._replace(runs=runs[runs["status"] != "failed"])
    order = findings.ranked(runs)
    drawn = [plot for plot in PLOTS if order and plot.applies(measured)]
    with mpl.rc_context(canvas.style()):
        parts = [_part(p, measured, order, folder / "figures" / f"{prefix}{p.draw.__name__}.png") for p in drawn]
    if order:
        ranking = page.table(findings.ranking_table(cells[0], measured.runs, order))
        if not parts or parts[0]["title"] != "Ranking":
            parts.insert(0, {"read": "", "shows": "", "figure": ""})
        parts[0] |= {"title": "Ranking" if len(order) > 1 else "Result", "table": ranking}
    if order and len(measured.layers):
        table = page.table(findings.diagnosis_table(cells[1], measured.runs, order))
        when = "at the end of training" if measured.layers["step"].any() else "at initialisation"
        read = (
            f"Saturation, dead units (no slope on any probed image) and drift of the first and the last layer {when}, "
            "and how gradients fade."
        )
        parts.insert(
            1, {"title": "Why: the layers in numbers", "read": read, "shows": "", "table": table, "figure": ""}
        )
    if against:
        with mpl.rc_context(canvas.style()):
            save = comparison_parts.saver(folder / "figures", prefix)
            parts[1:1] = comparison_parts.parts(work, against, order=order, save=save)
    title, level = (work.title, Markdown("###")) if prefix else ("", Markdown("##"))
    return {"title": title, "level": level, "parts": parts}


def _part(plot: Plot, tables: Tables, order: list[str], path: Path) -> dict:
    """Draw one figure; what the template needs of it."""
    frame = getattr(tables, plot.table)
    canvas.save(plot.draw(frame, plots.labels(tables.runs, order)), path)
    figure = Markdown(f"figures/{path.name}")
    read = plot.alone if len(order) == 1 and plot.alone else plot.read
    return {"title": plot.title, "read": read, "shows": plot.shows(frame), "table": "", "figure": figure}


if __name__ == "__main__":
    sys.exit(main())
