"""The list of what a results root holds: results/README.md.

A line for each folder with a report: what was asked, the claims that it decides with their verdicts, and the report's
first sentence.
"""

import re
from pathlib import Path

import pandas as pd

from actbench.command import options
from actbench.report import page
from actbench.report.page import Markdown

_OVERVIEWS = ("ledger", "across", "functions", "speed")  # of the whole, so they lead


def listed(root: Path) -> str:
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
        told = ", ".join(f"{claim} {verdict}" for claim, verdict in verdicts.get(name, {}).items())
        rows.append([Markdown(f"[{name}]({name}/report.md)"), _question(name, markdown), told, _finding(markdown)])
    return page.template(Path(__file__).with_name("index.md.j2")).render(table=page.table(rows))


def _verdicts(root: Path) -> dict[str, dict[str, str]]:
    """The claims that each folder takes part in, with their verdicts."""
    path = root / "ledger" / "ledger.csv"
    if not path.is_file():
        raise FileNotFoundError(f"There is no ledger in {root}: make it with python -m actbench.ledger {root}.")
    regimes = pd.read_csv(path)
    found: dict[str, dict[str, str]] = {}
    for row in regimes[["results", "claim", "verdict_on_claim"]].drop_duplicates().itertuples(index=False):
        found.setdefault(str(row.results), {})[str(row.claim)] = str(row.verdict_on_claim)
    return found


def _question(name: str, markdown: str) -> str:
    """An experiment's first line; of what is none, the report's title behind its name."""
    experiments = options.options("experiment")
    if name in experiments:
        return options.describe(experiments[name])
    return markdown.partition("\n")[0].removeprefix("# ").partition(": ")[2]


def _finding(markdown: str) -> Markdown:
    """The first point of a report, as it stands there."""
    found = re.search(r"^- (.+)$", markdown, flags=re.MULTILINE)
    return Markdown(found[1] if found else "")


def write(root: Path) -> Path:
    """Write `root`/README.md; its path."""
    path = root / "README.md"
    path.write_text(listed(root), encoding="utf-8")
    return path
