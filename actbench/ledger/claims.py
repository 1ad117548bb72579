"""Claims as data: `claims:` in experiments/*.yaml. Nothing here knows any single claim.

A regime of a claim names a table, a column and rows of it. Its rule makes one number per seed of them; `claimed` is the
set of values [low, high] in which the mean of that number lies if the claim is true.

    bound        the column itself
    difference   the column, less the same column of the rows that `against` selects, seed by seed
    equivalence  the same, claimed to lie within a margin around 0
    trend        the Theil–Sen slope of the column along the column `over`; less that of `against`, where given
    order        1 where the column is higher than that of `against`, 0 where it is lower, 1/2 where they are equal
    identity     the column of a table without seeds: a computed fact with a bound on its error, or a statistic with its
                 interval
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

CONTRASTS = ("difference", "equivalence", "order")
RULES = ("bound", *CONTRASTS, "trend", "identity")
REDUCTIONS = ("mean", "min", "max")


class ClaimError(ValueError):
    """A claim that cannot be decided as it is written; its text is one sentence."""


@dataclass(frozen=True)
class Regime:
    """One decision: under these conditions, this number is claimed to lie in that set.

    Attributes:
        regime: The conditions in words.
        rule: One of RULES.
        table: runs, epochs, layers, vanishing (of `stats.vanishing`), one of computed facts, or `statistics/<name>`.
        column: What is measured; a learned parameter by layer is `learned.<parameter>`.
        where: Rows: column -> value, list of values, or `first` or `last` of that column in each run and seed.
        against: What differs from `where` in the rows that are compared with.
        over: The column along which a trend is taken.
        reduce: How the rows of one seed become one number.
        claimed: [low, high] of the claimed set; None is no bound on that side.
        n: Seeds, fixed beforehand.
        results: The results folder; by default the experiment's own.
        family: Regimes of a claim that share an error rate of 5 %.
        explains: It was added after the results were read, to show what is true instead, and takes no part in the
            verdict on the claim.
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
    """A statement of the article, in our words, with the regimes in which it is decided and why it came out so."""

    id: str
    statement: str
    source: str
    experiment: str
    regimes: tuple[Regime, ...]
    why: str = ""


def parse(experiment: str, entries: Sequence[Mapping[str, Any]]) -> list[Claim]:
    """The claims of one experiment's YAML.

    Raises:
        ClaimError: If an entry is not a claim that can be decided.
    """
    return [_claim(experiment, entry) for entry in entries]


def _claim(experiment: str, entry: Mapping[str, Any]) -> Claim:
    name = f"The claim {entry.get('id', '?')} of experiments/{experiment}.yaml"
    needed = {"id", "statement", "source", "regimes"}
    if missing := needed - set(entry):
        raise ClaimError(f"{name} lacks {', '.join(sorted(missing))}: a claim has {', '.join(sorted(needed))}.")
    regimes = tuple(_regime(experiment, dict(one), str(entry["id"]), name) for one in entry["regimes"])
    why = " ".join(str(entry.get("why", "")).split())
    return Claim(str(entry["id"]), str(entry["statement"]), str(entry["source"]), experiment, regimes, why)


def _regime(experiment: str, given: dict[str, Any], claim: str, name: str) -> Regime:
    known = [f.name for f in fields(Regime)]
    if unknown := set(given) - set(known):
        raise ClaimError(f"{name} has a regime with {', '.join(sorted(unknown))}: a regime has {', '.join(known)}.")
    family = f"{claim}, explained" if given.get("explains") else claim
    try:
        regime = Regime(**{"results": experiment, "family": family} | given)
    except TypeError as error:
        raise ClaimError(f"{name} has a regime that lacks {str(error).split(': ')[-1]}.") from error
    for key, allowed in (("rule", RULES), ("reduce", REDUCTIONS)):
        if getattr(regime, key) not in allowed:
            raise ClaimError(f"{name} has {key}={getattr(regime, key)}: known are {', '.join(allowed)}.")
    if (regime.rule in CONTRASTS) > bool(regime.against) or (regime.rule in ("bound", "identity") and regime.against):
        raise ClaimError(f"{name} has a {regime.rule} {'with' if regime.against else 'without'} `against`.")
    if (regime.rule == "trend") != (regime.over is not None):
        raise ClaimError(f"{name} has a {regime.rule} {'with' if regime.over else 'without'} `over`.")
    if len(regime.claimed) != 2 or regime.low > regime.high or regime.claimed == [None, None]:
        raise ClaimError(f"{name} has claimed={list(regime.claimed)}: give [low, high], null for no bound on a side.")
    return regime
