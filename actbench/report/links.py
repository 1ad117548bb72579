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
    said = [
        f"Helps to decide {enumeration(claims)}." if claims else "",
        f"The functions: {enumeration(functions)}." if 0 < len(functions) <= _NAMED else "",
    ]
    return [*(Markdown(line) for line in said if line), *beside(name)]


def beside(name: str) -> list[Markdown]:
    """The pages that belong to an experiment, and the command that repeats it."""
    base = next((name.removesuffix(end) for end in _BESIDE if name.endswith(end)), name)
    words = {base: "what was found with it"} | {f"{base}{end}": word for end, word in _BESIDE.items()}
    pages = [f"[{word}](../{other}/report.md)" for other, word in words.items() if other != name and _exists(other)]
    said = [
        f"See also {enumeration(pages)}." if pages and _exists(name) else "",
        f"To repeat: `{page.escape(command)}`" if (command := question.command(name)) else "",
    ]
    return [Markdown(line) for line in said if line]


def _exists(experiment: str) -> bool:
    return options.file_of("experiment", experiment) is not None
