"""The index of a results root: results/README.md.

It has a row for each folder with a report: the question, the claims that the folder helps to decide with their
verdicts, and what the report says first.
"""

import re
from pathlib import Path

import pandas as pd

from actbench.command import options
from actbench.report import page
from actbench.report.page import Markdown
from actbench.tables import atomic

_OVERVIEWS = ("ledger", "across", "functions", "speed")  # not of one experiment, so they come first


def render(root: Path) -> str:
    """The text of `root`/README.md.

    Raises:
        FileNotFoundError: If the ledger has not been made under `root`.
    """
    verdicts = _verdicts(root)
    names = sorted(path.parent.name for path in root.glob("*/report.md"))
    leading = [name for name in _OVERVIEWS if name in names]
    rows: list[list[object]] = [["folder", "question", "claims decided", "finding"]]
    for name in [*leading, *(name for name in names if name not in leading)]:
        markdown = (root / name / "report.md").read_text(encoding="utf-8")
        decided = ", ".join(f"{claim} {verdict}" for claim, verdict in verdicts.get(name, {}).items())
        rows.append([Markdown(f"[{name}]({name}/report.md)"), _question(name, markdown), decided, _finding(markdown)])
    return page.template(Path(__file__).with_name("index.md.j2")).render(table=page.table(rows))


def _verdicts(root: Path) -> dict[str, dict[str, str]]:
    """The verdicts, folder -> claim -> verdict."""
    path = root / "ledger" / "ledger.csv"
    if not path.is_file():
        raise FileNotFoundError(f"There is no ledger in {root}: make it with python -m actbench.ledger {root}.")
    atoms = pd.read_csv(path, keep_default_na=False)
    verdicts: dict[str, dict[str, str]] = {}
    for results, claim, verdict in atoms[["results", "claim", "verdict_on_claim"]].itertuples(index=False, name=None):
        for folder in filter(None, results.split(", ")):
            verdicts.setdefault(folder, {})[claim] = verdict
    return verdicts


def _question(name: str, markdown: str) -> str:
    """The first line of an experiment's description; for other folders the report's title, without the name."""
    experiments = options.options("experiment")
    if name in experiments:
        return options.describe(experiments[name])
    return markdown.partition("\n")[0].removeprefix("# ").partition(": ")[2]


def _finding(markdown: str) -> Markdown:
    """The first point of a report, or the answer in bold that it opens with, verbatim."""
    match = re.search(r"^(?:- (?=.)|(?=\*\*))(.+)$", markdown, flags=re.MULTILINE)
    return Markdown(match[1] if match else "")


def write(root: Path) -> Path:
    """Write `root`/README.md and return its path."""
    path = root / "README.md"
    atomic.write_text(path, render(root))
    return path
