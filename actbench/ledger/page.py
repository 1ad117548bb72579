"""Writes results/ledger/: the tables, the overview of all claims in report.md, a page for each claim."""

from collections.abc import Sequence
from pathlib import Path

from actbench.ledger import claim_page, decide, overview, tables
from actbench.ledger.claims import Claim
from actbench.ledger.evidence import Evidence
from actbench.report import writer


def write(root: str | Path, claims: Sequence[Claim], *, draws: int = 2000) -> Path:
    """Decide the claims from the tables under `root`, write `root`/ledger/, and return the path of report.html.

    `draws` is the number of families that each self-test draws.

    Raises:
        ClaimError: If one cannot be decided as it is written.
    """
    evidence, folder = Evidence(root), Path(root) / "ledger"
    ledger = [(claim, decide.decide_claim(claim, evidence)) for claim in claims]
    with writer.replacing(folder) as new:
        made = {
            "claims": tables.claims(ledger),
            "ledger": tables.atoms(ledger, evidence),
            "cases": tables.cases(ledger),
            "sentences": tables.sentences(ledger),
        }
        for name, table in made.items():
            table.to_csv(new / f"{name}.csv", index=False)
        save = writer.saver(new)
        for claim, decided in ledger:
            claim_page.write(new, claim, decided, evidence, save=save)
        overview.write(new, ledger, evidence, draws=draws)
    return folder / "report.html"
