"""The index of a results root: results/README.md.

It has a row for each folder with a report: its question, the first sentence of its answer, the claims it helps to
decide.
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
    claims = _claims(root)
    names = sorted(path.parent.name for path in root.glob("*/report.md"))
    leading = [name for name in _OVERVIEWS if name in names]
    rows: list[list[object]] = [["question", "answer", "helps to decide"]]
    for name in [*leading, *(name for name in names if name not in leading)]:
        markdown = (root / name / "report.md").read_text(encoding="utf-8")
        question = Markdown(f"[{_question(name, markdown)}]({name}/report.md)")
        links = Markdown(", ".join(f"[{claim}](ledger/{claim}.md)" for claim in claims.get(name, [])))
        rows.append([question, _answer(markdown), links])
    return page.template(Path(__file__).with_name("index.md.j2")).render(table=page.table(rows))


def _claims(root: Path) -> dict[str, list[str]]:
    """The claims that each folder helps to decide."""
    path = root / "ledger" / "ledger.csv"
    if not path.is_file():
        raise FileNotFoundError(f"There is no ledger in {root}: make it with python -m actbench.ledger {root}.")
    atoms = pd.read_csv(path, keep_default_na=False)
    claims: dict[str, list[str]] = {}
    for results, claim in atoms[["results", "claim"]].drop_duplicates().itertuples(index=False, name=None):
        for folder in filter(None, results.split(", ")):
            claims[folder] = [*(name for name in claims.get(folder, []) if name != claim), claim]
    return claims


def _question(name: str, markdown: str) -> Markdown:
    """The question of an experiment; for other folders the title of their report."""
    file = options.file_of("experiment", name)
    return page.escape(options.describe(file)) if file else Markdown(markdown.partition("\n")[0].removeprefix("# "))


def _answer(markdown: str) -> Markdown:
    """The answer in bold that a report opens with, or its first point."""
    match = re.search(r"^(?:\*\*(.+?)\*\*|- (.+))$", markdown, flags=re.MULTILINE)
    return Markdown((match[1] or match[2]) if match else "")


def write(root: Path) -> Path:
    """Write `root`/README.md and return its path."""
    path = root / "README.md"
    atomic.write_text(path, render(root))
    return path
