"""Decides every claim in experiments/*.yaml from the published tables.

`write` makes results/ledger/: ledger.csv, a figure for each claim, report.md and report.html.
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
from actbench.ledger.verdicts import Decision, decide, judge, overall
from actbench.report import writer
from actbench.report.settings import origin
from actbench.tables.schema import config_columns
from actbench.tables.store import collect


class Evidence:
    """The published tables under a results root, each read once.

    Runs of an older PROTOCOL than the latest in their folder have no part: they are not compared with those.

    A learned parameter of an activation, `act.beta` in the table `layers`, is named `learned.beta` here.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root)
        self._frames: dict[tuple[str, str], pd.DataFrame | None] = {}

    def frame(self, results: str, table: str) -> pd.DataFrame | None:
        """A table, with the config of the run in each row; None if it is not published."""
        if (results, table) not in self._frames:
            self._frames[results, table] = self._read(results, table)
        return self._frames[results, table]

    def source(self, results: str) -> str:
        """Where the runs of a results folder, or the times of functions, come from: `PROTOCOL 2, commit abc`.

        Empty for computed facts.
        """
        runs, cost = (self.frame(results, table) for table in ("runs", "cost"))
        if runs is not None:
            return origin(runs)
        if cost is None:
            return ""
        origins = cost.reindex(columns=["device", "commit"]).fillna("unknown").drop_duplicates()
        return ", ".join(f"cost: {device}, commit {commit}" for device, commit in origins.to_numpy())

    def _read(self, results: str, table: str) -> pd.DataFrame | None:
        folder = self._root / results
        if table not in ("runs", "epochs", "layers", "vanishing"):
            subfolder, _, name = table.rpartition("/")
            path = folder / subfolder / f"{name}.csv" if subfolder else folder / "tables" / f"{name}.parquet"
            if not path.is_file():
                return None
            return pd.read_csv(path, keep_default_na=False, na_values=[""]) if subfolder else pd.read_parquet(path)
        if not (folder / "tables" / "runs.parquet").is_file():
            return None
        tables = collect(folder)
        runs = tables.runs[tables.runs["protocol"] == tables.runs["protocol"].max()]
        runs = runs[runs["status"] != "failed"]
        if table == "runs":
            return runs
        frame = vanishing(tables.layers) if table == "vanishing" else getattr(tables, table)
        frame = frame.rename(columns=lambda name: f"learned.{name[4:]}" if name.startswith("act.") else name)
        columns = ["run_id", "seed", *(name for name in config_columns(runs) if name not in frame)]
        return frame.merge(runs[columns], on=["run_id", "seed"])


def claims() -> list[Claim]:
    """Every claim in experiments/, sorted by id.

    Raises:
        ClaimError: If one cannot be decided as it is written, or two have the same id.
    """
    by_id: dict[str, Claim] = {}
    for experiment, path in options.options("experiment").items():
        entries = OmegaConf.select(OmegaConf.load(path), "claims")
        for claim in parse(experiment, OmegaConf.to_container(entries) if entries else []):  # type: ignore[arg-type]
            if claim.id in by_id:
                files = f"{by_id[claim.id].experiment}.yaml and {experiment}.yaml"
                raise ClaimError(f"Two claims have the id {claim.id}, in {files}: give one of them another id.")
            by_id[claim.id] = claim
    return [by_id[name] for name in sorted(by_id)]


def decide_claim(claim: Claim, evidence: Evidence) -> list[Decision]:
    """The decisions on the regimes of a claim, in their order, Holm-adjusted within each family."""
    unadjusted = []
    for regime in claim.regimes:
        try:
            frame = evidence.frame(regime.results, regime.table)
            unadjusted.append(decide(regime, frame, rng=np.random.default_rng(0)))
        except ClaimError as error:
            raise ClaimError(f"{claim.id}, regime {regime.regime!r}: {error}") from error
    adjusted: dict[int, Decision] = {}
    for family in dict.fromkeys(decision.regime.family for decision in unadjusted):
        members = [i for i, decision in enumerate(unadjusted) if decision.regime.family == family]
        adjusted |= dict(zip(members, judge([unadjusted[i] for i in members]), strict=True))
    return [adjusted[i] for i in range(len(unadjusted))]


def table(decided: Iterable[tuple[Claim, list[Decision]]], evidence: Evidence) -> pd.DataFrame:
    """A row per regime: the claim, the estimate with its verdict, and the origin of the data."""
    return pd.DataFrame([
        {
            "claim": claim.id,
            "verdict_on_claim": overall(decide_claim),
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
        for claim, decide_claim in decided
        for d in decide_claim
    ])  # fmt: skip


def sources(decided: Iterable[tuple[Claim, list[Decision]]], evidence: Evidence) -> dict[str, str]:
    """The origin of the data in each results folder on which a claim rests, see `Evidence.source`."""
    folders = {decision.regime.results for _, decisions in decided for decision in decisions}
    return {name: evidence.source(name) for name in sorted(folders)}


def write(root: str | Path) -> Path:
    """Decide every claim from the tables under `root`, write `root`/ledger/, and return the path of report.html."""
    evidence, folder = Evidence(root), Path(root) / "ledger"
    decided = [(claim, decide_claim(claim, evidence)) for claim in claims()]
    with writer.replacing(folder) as new:
        table(decided, evidence).to_csv(new / "ledger.csv", index=False)
        page.write(new, decided, sources=sources(decided, evidence))
    return folder / "report.html"
