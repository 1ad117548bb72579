"""The one figure above the folds: what is judged against the reference, or the measure that answers the question."""

from collections.abc import Sequence

import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.compare.workloads import Workload
from actbench.report import answer, asked, means, measures, settings
from actbench.report import atoms as of_ledger
from actbench.report.page import Part
from actbench.report.sections import comparison as comparison_section
from actbench.report.sections import training as training_section
from actbench.report.writer import Save


def figure(
    works: list[Workload], named: dict[str, Comparison], atoms: pd.DataFrame, *, asked_for: Sequence[str], save: Save
) -> Part:
    """The figure with its title and how to read it; an empty part where there is nothing to draw.

    `named` holds the comparisons by their setting, `asked_for` is what the experiment is answered by.
    """
    if any(map(answer.is_choice, named.values())):
        return comparison_section.differences(named, save=save)
    columns = [*map(asked.column, asked_for), *of_ledger.measured(atoms)["column"].dropna()]
    measure = measures.of(columns[0], works) if columns else None
    if measure and (drawn := measure.draw(works)):
        return Part(means.title(measure, columns[0], works), figure=save(drawn, measure.figure))
    if named:
        return comparison_section.differences(named, save=save)
    tables = {name: work.tables for name, work in zip(settings.named(works), works, strict=True)}
    return next(iter(training_section.first(tables, save=save)), Part(""))
