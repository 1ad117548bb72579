"""The one figure above the folds: what is judged against the reference, or the measure that answers the question."""

import pandas as pd

from actbench.compare.comparison import Comparison
from actbench.compare.workloads import Workload
from actbench.figures import training
from actbench.report import answer, folds, measures
from actbench.report import atoms as of_ledger
from actbench.report.page import Part
from actbench.report.sections import comparison as comparison_section
from actbench.report.sections.training import PLOTS
from actbench.report.writer import Save


def figure(works: list[Workload], named: dict[str, Comparison], atoms: pd.DataFrame, *, save: Save) -> Part:
    """The figure with its title and how to read it; an empty part where there is nothing to draw.

    `named` holds the comparisons by their setting.
    """
    if any(map(answer.is_choice, named.values())):
        return comparison_section.differences(named, save=save)
    tables, order = folds.together(works)
    labels = training.labels(tables.runs, order)
    columns = of_ledger.measured(atoms)["column"].dropna()
    if len(columns) and order and (measure := measures.of(columns.iloc[0], tables)):
        return Part(measure.says, figure=save(measure.draw(tables, labels), measure.figure))
    if named:
        return comparison_section.differences(named, save=save)
    tables = tables._replace(runs=tables.runs[tables.runs["status"] != "failed"])
    for plot in PLOTS:
        if order and plot.applies(tables):
            drawn = plot.draw(getattr(tables, plot.table), labels)
            return Part(plot.title, plot.alone if len(order) == 1 and plot.alone else plot.read,
                        figure=save(drawn, plot.draw.__name__))  # fmt: skip
    return Part("")
