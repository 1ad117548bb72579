"""The claims that speak of an activation, from experiments/claims/*.yaml, with their verdicts from the ledger."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from actbench.site import relatives
from actbench.tables.text import one_line

_ROWS = ("where", "against", "than", "cases")  # the keys of an atom that choose rows
_NAMES = ("act", "function", "variant", "identity", "pair")  # the columns in which an activation is named
_VERDICTS = ("verdict_on_claim", "claim_verdict")  # the column of ledger.csv, as it is and as it was called


@dataclass(frozen=True)
class Claim:
    """A claim with its verdict, "" where the ledger has none, its page, and the activations that its atoms name."""

    id: str
    says: str
    verdict: str
    page: str
    activations: frozenset[str]


def read(folder: Path, results: Path, *, titles: Mapping[str, str]) -> list[Claim]:
    """The claims of a folder of YAML files, none where there is no such folder; pages are paths below `results`."""
    verdicts = _verdicts(results / "ledger" / "ledger.csv")
    claims = []
    for file in sorted(folder.glob("*.yaml")):
        claim = OmegaConf.to_container(OmegaConf.load(file))
        if not isinstance(claim, dict):
            continue
        names = {
            name
            for atom in (claim.get("atoms") or {}).values()
            for key in _ROWS
            for text in _texts(atom.get(key))
            for name in relatives.named(text, titles=titles)
        }
        own = f"ledger/{file.stem}.md"
        page = own if (results / own).is_file() else "ledger/report.md"
        says = one_line(claim.get("says", ""))
        claims.append(Claim(file.stem, says, verdicts.get(file.stem, ""), page, frozenset(names)))
    return claims


def _texts(node: Any) -> Iterator[str]:
    """The values of the columns that name activations, anywhere in a tree of mappings and lists."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if key in _NAMES:
            yield from map(str, value if isinstance(value, list) else [value])
        else:
            yield from _texts(value)
    for item in node if isinstance(node, list) else ():
        yield from _texts(item)


def _verdicts(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    table = pd.read_csv(file)
    column = next((name for name in _VERDICTS if name in table), None)
    if column is None or "claim" not in table:
        return {}
    rows = table.dropna(subset=[column]).drop_duplicates("claim")
    return {str(claim): one_line(verdict) for claim, verdict in zip(rows["claim"], rows[column], strict=True)}
