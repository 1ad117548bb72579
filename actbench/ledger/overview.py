"""The overview of all claims: results/ledger/report.md, one row a claim, everything else folded."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.command import options
from actbench.compare import selftest
from actbench.ledger import decide, parse, plan, tables, words
from actbench.ledger.claims import FINDINGS, NOT_MEASURED
from actbench.ledger.evidence import Evidence
from actbench.ledger.tables import Ledger
from actbench.report import page, writer
from actbench.report.numbers import MISSING, enumeration, fixed
from actbench.report.page import Markdown

_TITLE = "What is true of what activation functions are said to do?"
_NAME = re.compile(r"[,:(.]| \(")  # what a name ends before


def write(new: Path, ledger: Ledger, evidence: Evidence, *, draws: int) -> None:
    """Write report.md and report.html in the folder `new`."""
    verdicts = {claim.id: decide.worded(decide.verdict(decided)) for claim, decided in ledger}
    counts = Counter(verdicts.values())
    folders = sorted({name for claim, _ in ledger for name in tables.folders(claim)})
    writer.write_page(
        new,
        Path(__file__).with_name("overview.md.j2"),
        title=_TITLE,
        num=len(ledger),
        counts=", ".join(f"{counts[name]} {name}" for name in (*FINDINGS.values(), NOT_MEASURED) if counts[name]),
        summary=page.table(_rows(ledger)),
        tests=page.table(_self_tests(ledger, draws=draws)),
        first=page.table(first_edition(verdicts, parse.FOLDER)),
        missing=page.table(_missing(ledger, evidence)),
        data=_data(folders, evidence),
        sources=page.table([["results", "measured"], *([name, evidence.origin(name)] for name in folders)]),
    )


def first_edition(verdicts: Mapping[str, str], folder: Path) -> list[list[object]]:
    """Heading and rows: each claim's verdict in the first edition and now, and why it changed; empty without a file."""
    path = folder / "first_edition.csv"
    if not path.is_file():
        return []
    before = pd.read_csv(path, keep_default_na=False)
    heading: list[object] = ["claim", "first edition", "now", "why it changed", "the claim as it was put"]
    return [heading] + [
        [_link(row["id"]), row["verdict"], verdicts.get(row["id"], MISSING), row["why_changed"], row["statement"]]
        for row in before.to_dict("records")
    ]


def _rows(ledger: Ledger) -> list[list[object]]:
    rows: list[list[object]] = [["claim", "verdict", "what we find", "statements"]]
    for claim, decided in ledger:
        name = Markdown(f"{_link(claim.id)} {page.escape(words.short(claim.says))}")
        rows.append([name, words.verdict(decided), words.finding(claim, decided), words.strip(decided)])
    return rows


def _link(claim: str) -> Markdown:
    return Markdown(f"[{claim}]({claim}.md)")


def _data(folders: Sequence[str], evidence: Evidence) -> str:
    """The data of all runs, each by the name with which its option begins; "" without a run."""
    runs = [frame for folder in folders if (frame := evidence.frame(folder, "runs")) is not None]
    names = sorted({str(name) for frame in runs if "data" in frame for name in frame["data"].unique()})
    titles = [_NAME.split(options.describe(file))[0] if (file := options.file_of("data", name)) else name
              for name in names]  # fmt: skip
    return enumeration(titles) if titles else ""


def _missing(ledger: Ledger, evidence: Evidence) -> list[list[object]]:
    """Heading and a row for each results folder that lacks something: which claims wait for it, and its price."""
    waiting: dict[str, list[str]] = {}
    for claim, decided in ledger:
        for name in plan.missing(decided, evidence):
            waiting.setdefault(name, []).append(claim.id)
    runs = plan.missing([one for _, decided in ledger for one in decided], evidence)
    rows: list[list[object]] = [
        [name, Markdown(", ".join(map(_link, claims))), plan.price(runs[name], name, evidence) or "a table"]
        for name, claims in sorted(waiting.items())
    ]
    return [["results", "claims that wait for it", "price"], *rows] if rows else []


def _self_tests(ledger: Ledger, *, draws: int) -> list[list[str]]:
    """Heading and rows: how often the procedure errs and decides, on drawn numbers and on those of the claims."""
    families = [tables.numbers(decided) for _, decided in ledger]
    table = selftest.table(rng=np.random.default_rng(0), draws=draws, contrasts=[one for one in families if len(one)])
    rows = [[str(cell) if isinstance(cell, str) else fixed(cell, 3) for cell in row] for row in table.to_numpy()]
    return [list(table.columns), *rows]
