"""Where a page leads: the claims that it helps to decide, the functions in it, what is beside it, the command."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from actbench.compare.workloads import Workload
from actbench.report import page, question
from actbench.report.numbers import enumeration
from actbench.report.page import Markdown
from actbench.report.sections.choice import link

_NAMED = 12  # the most functions that a line names; more have their links in the table above it
_BESIDE = {"_tuning": "how rate and initialisation were chosen", "_doubled": "whether it has converged"}


def lines(works: list[Workload], atoms: pd.DataFrame, *, known: Collection[str], folder: Path) -> list[Markdown]:
    """The lines that a page of an experiment has below its box."""
    claims = [f"[{claim}](../ledger/{claim}.md)" for claim in dict.fromkeys(atoms["claim"])]
    acts = list(dict.fromkeys(str(act) for work in works for act in work.tables.runs["act"]))
    functions = [link(act, known=known) for act in acts if act in known]
    said = [
        f"Helps to decide {enumeration(claims)}." if claims else "",
        f"The functions: {enumeration(functions)}." if 0 < len(functions) <= _NAMED else "",
    ]
    return [*(Markdown(line) for line in said if line), *beside(folder)]


def beside(folder: Path) -> list[Markdown]:
    """The pages beside a folder that belong to its experiment, and the command that repeats it."""
    folder = folder.resolve()
    name = folder.name
    base = next((name.removesuffix(end) for end in _BESIDE if name.endswith(end)), name)
    words = {base: "the comparison itself"} | {f"{base}{end}": word for end, word in _BESIDE.items()}
    there = {other: (folder.parent / other / "report.md").is_file() for other in words if other != name}
    pages = [f"[{words[other]}](../{other}/report.md)" for other, is_there in there.items() if is_there]
    said = [
        f"See also {enumeration(pages)}." if pages else "",
        f"To repeat: `{page.escape(command)}`" if (command := question.command(name)) else "",
    ]
    return [Markdown(line) for line in said if line]
