"""The claims with their verdicts and pages, from the ledger's table of claims."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from actbench.tables.text import one_line


@dataclass(frozen=True)
class Claim:
    """A claim: what is said, its verdict with its mark, its page below the results, the activations that it names."""

    id: str
    says: str
    verdict: str
    mark: str
    page: str
    activations: frozenset[str]


def read(results: Path) -> list[Claim]:
    """The claims of a results root, none where there is no ledger."""
    file = results / "ledger" / "claims.csv"
    table = pd.read_csv(file, keep_default_na=False, dtype=str) if file.is_file() else pd.DataFrame()
    return [
        Claim(
            id=row["claim"],
            says=one_line(row["says"]),
            verdict=one_line(row["verdict"]),
            mark=one_line(row["mark"]),
            page=f"ledger/{row['claim']}.md",
            activations=frozenset(row["activations"].split()),
        )
        for row in table.to_dict("records")
    ]
