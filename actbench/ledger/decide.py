"""The ledger: every claim in experiments/*.yaml decided from what is published.

It writes results/ledger/: ledger.csv, a figure for each claim, report.md and report.html.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

from actbench.command import options
from actbench.compare.layers import vanishing
from actbench.ledger import page
from actbench.ledger.claims import Claim, ClaimError, parse
from actbench.ledger.verdicts import Decision, decide, judged, overall
from actbench.tables.schema import config_columns
from actbench.tables.store import collect


class Evidence:
    """The published tables of a results root, each read once.

    A parameter that an activation learns, `act.beta` in the table `layers`, is `learned.beta` here.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)
        self._frames: dict[tuple[str, str], pd.DataFrame | None] = {}

    def frame(self, results: str, table: str) -> pd.DataFrame | None:
        """A table with the config of each row's run beside it; None where it is not published."""
        if (results, table) not in self._frames:
            self._frames[results, table] = self._read(results, table)
        return self._frames[results, table]

    def source(self, results: str) -> str:
        """`PROTOCOL 2, commit abc`: where the runs of a results folder come from, or the times of functions; empty of
        computed facts.
        """
        runs, cost = (self.frame(results, table) for table in ("runs", "cost"))
        if runs is None and cost is not None:
            return ", ".join(f"cost: {device}, commit {commit}" for device, commit in _told(cost, ["device", "commit"]))
        if runs is None:
            return ""
        return ", ".join(
            f"PROTOCOL {protocol}, commit {commit}" for protocol, commit in _told(runs, ["protocol", "commit"])
        )

    def _read(self, results: str, table: str) -> pd.DataFrame | None:
        folder = self._root / results
        if table not in ("runs", "epochs", "layers", "vanishing"):
            place, _, name = table.rpartition("/")
            path = folder / place / f"{name}.csv" if place else folder / "tables" / f"{name}.parquet"
            if not path.is_file():
                return None
            return pd.read_csv(path, keep_default_na=False, na_values=[""]) if place else pd.read_parquet(path)
        if not (folder / "tables" / "runs.parquet").is_file():
            return None
        tables = collect(folder)
        runs = tables.runs[tables.runs["status"] != "failed"]
        if table == "runs":
            return runs
        frame = vanishing(tables.layers) if table == "vanishing" else getattr(tables, table)
        frame = frame.rename(columns=lambda name: f"learned.{name[4:]}" if name.startswith("act.") else name)
        known = ["run_id", "seed", *(name for name in config_columns(runs) if name not in frame)]
        return frame.merge(runs[known], on=["run_id", "seed"])


def _told(frame: pd.DataFrame, columns: list[str]) -> list[tuple]:
    """The different rows of these columns; of a table from before there was one of them, without it."""
    return list(frame.reindex(columns=columns).fillna("unknown").drop_duplicates().itertuples(index=False))


def claims() -> list[Claim]:
    """Every claim of experiments/, by id.

    Raises:
        ClaimError: If one cannot be decided as it is written, or two have one id.
    """
    found: dict[str, Claim] = {}
    for experiment, path in options.options("experiment").items():
        entries = OmegaConf.select(OmegaConf.load(path), "claims")
        for claim in parse(experiment, OmegaConf.to_container(entries) if entries else []):  # type: ignore[arg-type]
            if claim.id in found:
                both = f"{found[claim.id].experiment}.yaml and {experiment}.yaml"
                raise ClaimError(f"The claim {claim.id} stands twice, in {both}: give one of them another id.")
            found[claim.id] = claim
    return [found[name] for name in sorted(found)]


def decisions(claim: Claim, evidence: Evidence) -> list[Decision]:
    """The decision of each regime of a claim, in their order, Holm-adjusted within each family."""
    found = []
    for regime in claim.regimes:
        try:
            frame = evidence.frame(regime.results, regime.table)
            found.append(decide(regime, frame, rng=np.random.default_rng(0)))
        except ClaimError as error:
            raise ClaimError(f"{claim.id}, regime {regime.regime!r}: {error}") from error
    settled: dict[int, Decision] = {}
    for family in dict.fromkeys(decision.regime.family for decision in found):
        own = [i for i, decision in enumerate(found) if decision.regime.family == family]
        settled |= dict(zip(own, judged([found[i] for i in own]), strict=True))
    return [settled[i] for i in range(len(found))]


def table(decided: Iterable[tuple[Claim, list[Decision]]], evidence: Evidence) -> pd.DataFrame:
    """One row a regime: what was claimed, what was found, and where it comes from."""
    return pd.DataFrame([
        {
            "claim": claim.id,
            "verdict_on_claim": overall(own),
            "statement": claim.statement,
            "regime": d.regime.regime,
            "explains": d.regime.explains,
            "family": d.regime.family,
            "verdict": d.verdict,
            "rule": page.rule(d.regime),
            "mean": d.mean,
            "low": d.low,
            "high": d.high,
            "n": len(d.values),
            "n_declared": d.regime.n,
            "p_supported": d.p_supported,
            "p_refuted": d.p_refuted,
            "note": d.note,
            "results": d.regime.results,
            "measured": evidence.source(d.regime.results),
        }
        for claim, own in decided
        for d in own
    ])  # fmt: skip


def sources(decided: Iterable[tuple[Claim, list[Decision]]], evidence: Evidence) -> dict[str, str]:
    """What measured each results folder that a claim rests on."""
    folders = {decision.regime.results for _, own in decided for decision in own}
    return {name: evidence.source(name) for name in sorted(folders)}


def write(root: str | Path) -> Path:
    """Decide every claim from the tables under `root` and write `root`/ledger/; the path of report.html."""
    evidence, folder = Evidence(root), Path(root) / "ledger"
    decided = [(claim, decisions(claim, evidence)) for claim in claims()]
    folder.mkdir(parents=True, exist_ok=True)
    table(decided, evidence).to_csv(folder / "ledger.csv", index=False)
    return page.write(folder, decided, sources=sources(decided, evidence))
