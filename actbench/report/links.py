"""Where a page leads: the claims that it helps to decide, the functions in it, what is beside it, the command."""

from collections.abc import Collection

import pandas as pd

from actbench.command import options
from actbench.compare.workloads import Workload
from actbench.report import page, question
from actbench.report.numbers import enumeration
from actbench.report.page import Markdown
from actbench.report.sections.choice import link

_NAMED = 12  # the most functions that a line names; more have their links in the table above it
_BESIDE = {"_tuning": "how rate and initialisation were chosen", "_doubled": "whether it has converged"}


def lines(works: list[Workload], atoms: pd.DataFrame, *, known: Collection[str], name: str) -> list[Markdown]:
    """The lines that a page of an experiment has below its box."""
    claims = [f"[{claim}](../ledger/{claim}.md)" for claim in dict.fromkeys(atoms["claim"])]
    acts = list(dict.fromkeys(str(act) for work in works for act in work.tables.runs["act"]))
    functions = [link(act, known=known) for act in acts if act in known]
    beside = [f"[{word}](../{name}{end}/report.md)" for end, word in _BESIDE.items() if _exists(f"{name}{end}")]
    said = [
        f"Helps to decide {enumeration(claims)}." if claims else "",
        f"The functions: {enumeration(functions)}." if 0 < len(functions) <= _NAMED else "",
        f"See also {enumeration(beside)}." if beside else "",
        f"To repeat: `{page.escape(command)}`" if (command := question.command(name)) else "",
    ]
    return [Markdown("  \n".join(line for line in said if line))] if any(said) else []


def _exists(experiment: str) -> bool:
    return options.file_of("experiment", experiment) is not None
