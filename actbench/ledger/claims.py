"""Claims as data: the key `claims:` of experiments/*.yaml. No single claim is mentioned here.

A regime of a claim names a table, one of its columns and some of its rows. The rule reduces them to one number per
seed. `claimed` is the set [low, high] in which the mean of that number lies if the claim is true.

    bound        the column itself
    difference   the column minus the same column in the rows selected by `against`, seed by seed
    equivalence  the same difference, claimed to lie within a margin around 0
    trend        the Theil–Sen slope of the column along the column `over`, minus that of the rows of `against`, if any
    order        1 where the column is higher than in the rows of `against`, 0 where lower, 1/2 where equal
    identity     the column of a table without seeds: a fact with an error bound, or a statistic with its interval
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

CONTRASTS = ("difference", "equivalence", "order")
RULES = ("bound", *CONTRASTS, "trend", "identity")
REDUCTIONS = ("mean", "min", "max")


class ClaimError(ValueError):
    """A claim that cannot be decided as it is written. The message is one sentence."""


@dataclass(frozen=True)
class Regime:
    """One condition of a claim: in these rows, this number is claimed to lie in that set.

    Attributes:
        regime: The conditions in words.
        rule: One of RULES.
        table: runs, epochs, layers, vanishing (from `compare.layers.vanishing`), a table of computed facts, or
            `statistics/<name>`.
        column: The measured quantity; the learned parameter of a layer is `learned.<parameter>`.
        where: The rows: column -> a value, a list of values, or `first` or `last` of the column per run and seed.
        against: What differs from `where` in the reference rows.
        over: The column along which the trend is computed.
        reduce: How the rows of one seed are reduced to one number.
        claimed: [low, high] of the claimed set; None is no bound on that side.
        n: The number of seeds, fixed before the runs.
        results: The results folder; by default that of the experiment.
        family: The name of the family of regimes that share an error rate of 5 %.
        explains: Whether the regime was added after the results were read, to show what is true instead. Such a regime
            does not count in the verdict on the claim.
    """

    regime: str
    rule: str
    column: str
    claimed: tuple[float | None, float | None]
    n: int
    table: str = "runs"
    where: Mapping[str, Any] = field(default_factory=dict)
    against: Mapping[str, Any] = field(default_factory=dict)
    over: str | None = None
    reduce: str = "mean"
    results: str = ""
    family: str = ""
    explains: bool = False

    @property
    def low(self) -> float:
        """The lower end of the claimed set."""
        return -np.inf if self.claimed[0] is None else self.claimed[0]

    @property
    def high(self) -> float:
        """The upper end of the claimed set."""
        return np.inf if self.claimed[1] is None else self.claimed[1]


@dataclass(frozen=True)
class Claim:
    """A statement of the article, paraphrased, with the regimes that decide it and the reason for its verdict."""

    id: str
    statement: str
    source: str
    experiment: str
    regimes: tuple[Regime, ...]
    why: str = ""


def parse(experiment: str, entries: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """The claims in the YAML file of an experiment.

    Raises:
        ClaimError: If an entry cannot be decided as it is written.
    """
    return [_claim(experiment, entry) for entry in entries]


def _claim(experiment: str, entry: Mapping[str, Any]) -> Claim:
    name = f"The claim {entry.get('id', '?')} of experiments/{experiment}.yaml"
    required = {"id", "statement", "source", "regimes"}
    if missing := required - set(entry):
        raise ClaimError(f"{name} lacks {', '.join(sorted(missing))}: a claim has {', '.join(sorted(required))}.")
    regimes = tuple(_regime(experiment, dict(regime), str(entry["id"]), name) for regime in entry["regimes"])
    why = " ".join(str(entry.get("why", "")).split())
    return Claim(str(entry["id"]), str(entry["statement"]), str(entry["source"]), experiment, regimes, why)


def _regime(experiment: str, entry: dict[str, Any], claim: str, name: str) -> Regime:
    keys = [f.name for f in fields(Regime)]
    if unknown := set(entry) - set(keys):
        raise ClaimError(f"{name} has a regime with {', '.join(sorted(unknown))}: a regime has {', '.join(keys)}.")
    family = f"{claim}, explained" if entry.get("explains") else claim
    try:
        regime = Regime(**{"results": experiment, "family": family} | entry)
    except TypeError as error:
        raise ClaimError(f"{name} has a regime that lacks {str(error).split(': ')[-1]}.") from error
    for key, allowed in (("rule", RULES), ("reduce", REDUCTIONS)):
        if getattr(regime, key) not in allowed:
            raise ClaimError(f"{name} has {key}={getattr(regime, key)}: use one of {', '.join(allowed)}.")
    if (regime.rule in CONTRASTS) > bool(regime.against) or (regime.rule in ("bound", "identity") and regime.against):
        raise ClaimError(f"{name} has a {regime.rule} {'with' if regime.against else 'without'} `against`.")
    if (regime.rule == "trend") != (regime.over is not None):
        raise ClaimError(f"{name} has a {regime.rule} {'with' if regime.over else 'without'} `over`.")
    if len(regime.claimed) != 2 or regime.low > regime.high or regime.claimed == [None, None]:
        raise ClaimError(f"{name} has claimed={list(regime.claimed)}: give [low, high], null for no bound on a side.")
    return regime
