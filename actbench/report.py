"""Tables -> figures -> report.md and report.html. `python -m actbench.report PATH` makes a report from tables alone."""

import argparse
import re
import sys
from collections.abc import Collection
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from actbench import canvas, comparison, comparison_parts, findings, page, plots, sentences, settings
from actbench.comparison import Comparison
from actbench.page import Markdown
from actbench.report_figures import PLOTS, Plot
from actbench.tables import Tables, collect
from actbench.variants import NothingToReportError, Workload, workloads

render = page.render


def write(folder: str | Path, *, run_ids: Collection[str] | None = None) -> Path:
    """Make report.md, report.html and figures/ in a results folder from its tables; the path of report.html.

    With `run_ids` the report is of the workloads that these runs belong to, and of all runs in the folder that share
    one with them.

    Raises:
        FileNotFoundError: If there are no results in the folder.
        NothingToReportError: If the tables cannot be read, or hold no run to report.
    """
    folder = Path(folder)
    works = workloads(_collected(folder), run_ids=run_ids)
    compared = [comparison.of(work) for work in works]
    _clear(folder / "figures")
    names = pd.concat([work.tables.runs["variant"] for work in works]).unique()
    title = f"{folder.resolve().name}: {'activation functions compared' if len(names) > 1 else names[0]}"
    sections = [
        _section(work, against, folder, prefix=f"w{i}-" if len(works) > 1 else "")
        for i, (work, against) in enumerate(zip(works, compared, strict=True), 1)
    ]
    with mpl.rc_context(canvas.style()):
        both = comparison_parts.on_both_tracks(works, figures=folder / "figures")
    title_of_both = "Does the ranking survive tuning?" if both else ""
    sections.append({"title": title_of_both, "level": Markdown("###"), "in_short": [], "parts": both})
    markdown = page.template("report.md.j2").render(
        title=title,
        opening=settings.opening(works),
        in_short=_in_short(works, compared, both),
        settings=page.table(settings.rows(works)),
        lost=page.table(settings.lost(works)),
        sections=sections,
    )
    markdown = re.sub(r"\n{3,}", "\n\n", markdown)
    (folder / "report.md").write_text(markdown, encoding="utf-8")
    (folder / "report.html").write_text(render(markdown, title=title, folder=folder), encoding="utf-8")
    return folder / "report.html"


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0, or 2 after a sentence that says what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m actbench.report", description="Make a report from tables alone.")
    parser.add_argument("path", help="a results folder, for instance results/adhoc")
    given = parser.parse_args(arguments)
    try:
        print(write(given.path))
    except (OSError, NothingToReportError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    return 0


def _collected(folder: Path) -> Tables:
    """The tables of a folder; whatever is wrong with a stranger's files is told in one sentence."""
    try:
        return collect(folder)
    except (OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, FileNotFoundError) and not str(error).endswith(".parquet"):
            raise  # collect says all in its own words
        if isinstance(error, FileNotFoundError):
            raise NothingToReportError(f"{error} is missing: a run has the tables runs, epochs, layers.") from error
        told = " ".join(str(error).split())[:200]
        raise NothingToReportError(f"The tables in {folder} cannot be read: {told}") from error


def _clear(figures: Path) -> None:
    """Take away the figures of an earlier report, and nothing else."""
    figures.mkdir(exist_ok=True)
    names = "|".join([*(plot.draw.__name__ for plot in PLOTS), *comparison_parts.FIGURES])
    for old in figures.glob("*.png"):
        if re.fullmatch(rf"(w\d+-)?({names})\.png", old.name):
            old.unlink()


def _in_short(works: list[Workload], compared: list[Comparison | None], both: list[dict]) -> list[str]:
    """The results in a few sentences: all that there is to say of one workload, one or two sentences of several."""
    if len(works) == 1:
        return _results(works[0], compared[0])
    said = [f"{part['title']}, shared against tuned track: {part['shows']}" for part in both]
    for work, against in zip(works, compared, strict=True):
        result = _results(work, against)[:1] + (comparison.sentences(against)[:1] if against else [])
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


def _section(work: Workload, against: Comparison | None, folder: Path, *, prefix: str) -> dict:
    """What the template needs of one workload: a part for each figure that applies, and the tables in between."""
    runs = work.tables.runs
    measured = work.tables._replace(runs=runs[runs["status"] != "failed"])
    order = findings.ranked(runs)
    drawn = [plot for plot in PLOTS if order and plot.applies(measured)]
    with mpl.rc_context(canvas.style()):
        parts = [_part(p, measured, order, folder / "figures" / f"{prefix}{p.draw.__name__}.png") for p in drawn]
    if order:
        ranking = page.table(findings.ranking_table(measured.runs, order))
        if not parts or parts[0]["title"] != "Ranking":
            parts.insert(0, {"read": "", "shows": "", "figure": ""})
        parts[0] |= {"title": "Ranking" if len(order) > 1 else "Result", "table": ranking}
    if order and len(measured.layers):
        table = page.table(findings.diagnosis_table(measured.layers, measured.runs, order))
        read = "Saturation and drift of the first and the last layer at the end of training, and how gradients fade."
        parts.insert(
            1, {"title": "Why: the layers in numbers", "read": read, "shows": "", "table": table, "figure": ""}
        )
    if against:
        with mpl.rc_context(canvas.style()):
            save = comparison_parts.saver(folder / "figures", prefix)
            parts[1:1] = comparison_parts.parts(work, against, order=order, save=save)
    level = Markdown("###" if prefix else "##")
    said = _results(work, against)[1:]
    return {"title": work.title if prefix else "", "level": level, "in_short": said, "parts": parts}


def _part(plot: Plot, tables: Tables, order: list[str], path: Path) -> dict:
    """Draw one figure; what the template needs of it."""
    frame = getattr(tables, plot.table)
    canvas.save(plot.draw(frame, plots.labels(tables.runs, order)), path)
    figure = Markdown(f"figures/{path.name}")
    read = plot.alone if len(order) == 1 and plot.alone else plot.read
    return {"title": plot.title, "read": read, "shows": plot.shows(frame), "table": "", "figure": figure}


if __name__ == "__main__":
    sys.exit(main())
