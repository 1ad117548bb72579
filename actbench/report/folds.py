"""The folded parts of a page: what was decided, results, training, layers, what to explore, what was run."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pandas as pd

from actbench.compare import ranking
from actbench.compare.comparison import Comparison
from actbench.compare.ranking import Cells
from actbench.compare.workloads import Workload
from actbench.report import numbers, page, settings
from actbench.report.page import Fold, Part
from actbench.report.sections import comparison as comparison_section
from actbench.report.sections import training as training_section
from actbench.report.writer import Save

_ROWS = 40  # the most rows of a table with all settings

WHAT_WAS_RUN = "What was run, and how to repeat it"
Saver = Callable[[str], Save]  # prefix -> what saves a figure under that prefix

_READ_INTERVALS = (
    "Intervals are 95 % intervals of the mean over seeds: BCa bootstrap, widened for few seeds (Hesterberg 2015), "
    "10,000 resamples, a fixed generator; below ten seeds Student's t. One seed has no interval; (n = 9) behind a "
    "number says that fewer seeds than the row's n have a finite value. Where two intervals overlap, the two are not "
    "called different; the paired comparison says more."
)
_READ_LAYERS = (
    "Layers are counted from the input; all numbers are of one fixed probe batch of the validation split. Saturated is "
    "a pre-activation beyond the interval outside which the slope stays below a small share (probes.epsilon) of its "
    "maximum. Bias / std is the root mean square of the units' mean outputs over the standard deviation of all "
    "outputs; its drift is the last layer's minus the first's. λ is the mean log gain of the gradient from the last "
    "layer to the first: below 0 it vanishes towards the input. In a GAN these are of the discriminator, whose "
    "activation varies."
)
_READ_LOST = (
    "A diverged run is a result: it stays in every table and is marked ✕ in every figure. A failed run has no numbers; "
    "the same command tries it again."
)


def decided(named: dict[str, Comparison]) -> Fold:
    """The numbers of every comparison with the reference."""
    return Fold(
        "Each comparison in numbers",
        [part for name, one in named.items() for part in comparison_section.decided(name, one)],
    )


def measured(works: list[Workload], cells: list[tuple[Cells, Cells]], *, save: Save, shown: str) -> list[Fold]:
    """The folds of all figures that the tables can draw, with the tables of results and of layers.

    `shown` is the figure above the folds, which is not repeated.
    """
    named = {name: work.tables for name, work in zip(settings.named(works), works, strict=True)}
    folds = []
    for title, table in (("All results", "runs"), ("Training", "epochs"), ("Diagnosis by layer", "layers")):
        drawn = training_section.parts(named, table=table, save=save)
        tables = [of(group) for group in _groups(works, cells) if (of := _TABLES.get(table))]
        folds.append(Fold(title, [part for part in (*drawn, *tables) if part.table or part.figure not in ("", shown)]))
    return folds


def explored(works: list[Workload], comparisons: list[Comparison | None], *, saver: Saver) -> list[Fold]:
    """What suggests further tests, of every comparison; and where runs failed or loss and error disagree."""
    exploratory: list[Part] = []
    odd: list[Part] = []
    for i, (name, work, one) in enumerate(zip(settings.named(works), works, comparisons, strict=True), 1):
        if one is not None:
            save = saver(f"w{i}-" if len(works) > 1 else "")
            order = ranking.ranked(work.tables.runs)
            exploratory += comparison_section.exploratory(name, work, one, order=order, save=save)
            odd += comparison_section.oddities(name, one)
    return [Fold("Failures, and loss against error", odd), Fold("To explore, not to conclude from", exploratory)]


def run(works: list[Workload], left_out: list[str], *, command: str) -> Fold:
    """What was run, what was lost or left out, and how to repeat it."""
    lost = settings.lost(works)
    lost_parts = [Part("Runs that diverged or failed", _READ_LOST, table=page.table(lost))] if lost else []
    rows = Part("", table=page.table(settings.rows(works)))
    return Fold(WHAT_WAS_RUN, [*repeated(command), rows, *lost_parts, *left(left_out)])


def repeated(command: str) -> list[Part]:
    """The command that repeats it, where it is known."""
    return [Part("", page.Markdown(f"`{command}` repeats it."))] if command else []


def left(left_out: list[str]) -> list[Part]:
    """What was left out, a sentence each."""
    said = page.Markdown("\n".join(f"- {page.escape(sentence)}" for sentence in left_out))
    return [Part("What was left out", table=said)] if left_out else []


class _Group(NamedTuple):
    """What stands in one table: its setting, its runs, the order of its variants, and its cells."""

    name: str
    runs: pd.DataFrame
    order: list[str]
    cells: tuple[Cells, Cells]


def _groups(works: list[Workload], cells: list[tuple[Cells, Cells]]) -> Iterator[_Group]:
    """All settings in one table where they are few rows, else a table each."""
    tables, order = settings.together(works)
    if len(works) == 1:
        yield _Group("", tables.runs, order, cells[0])
    elif len(order) <= _ROWS:
        ranks, layers = ([pair[i] for pair in cells] for i in range(2))
        yield _Group("", tables.runs, order, (_joined(works, ranks), _joined(works, layers)))
    else:
        for name, work, pair in zip(settings.named(works), works, cells, strict=True):
            yield _Group(name, work.tables.runs, ranking.ranked(work.tables.runs), pair)


def _joined(works: list[Workload], cells: list[Cells]) -> Cells:
    """The cells of all settings, a variant named with its setting."""
    several = list(zip(settings.named(works), cells, strict=True))
    return {
        heading: {f"{act} · {name}": cell for name, one in several for act, cell in one.get(heading, {}).items()}
        for heading in dict.fromkeys(heading for one in cells for heading in one)
    }


def _results(group: _Group) -> Part:
    """What every variant reached."""
    rows = numbers.ranking_table(group.cells[0], group.runs, group.order) if group.cells[0] else []
    return Part(_titled("In numbers", group.name), _READ_INTERVALS, table=page.table(_varied(rows)))


def _diagnosis(group: _Group) -> Part:
    """The first and the last layer in numbers."""
    rows = numbers.diagnosis_table(group.cells[1], group.runs, group.order) if group.cells[1] else []
    return Part(_titled("In numbers", group.name), _READ_LAYERS, table=page.table(_varied(rows)))


_TABLES = {"runs": _results, "layers": _diagnosis}


def _titled(title: str, setting: str) -> str:
    return f"{title}: {setting}" if setting else title


def _varied(rows: list[list[str]]) -> list[list[str]]:
    """A table without the columns that say the same in every row."""
    if len(rows) < 3:
        return rows
    kept = [i for i, column in enumerate(zip(*rows[1:], strict=True)) if i == 0 or len(set(column)) > 1]
    return [[row[i] for i in kept] for row in rows]
