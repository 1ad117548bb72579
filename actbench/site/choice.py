"""Which activation suits a situation: a rule over verdicts, tiers and failures, which knows no activation's name."""

from dataclasses import dataclass

import pandas as pd

from actbench.site.places import EQUIVALENT_TO_BEST, FAILED, MAY_BE_BEST


@dataclass(frozen=True)
class Choice:
    """What to use in a situation.

    Attributes:
        reference: What all are compared with.
        default: Of those that are better than the reference and may be the best, the one with the largest improvement;
            the reference where there is none.
        alternatives: The others that are better and may be the best, or cannot be told from it by more than the margin;
            where the reference is the default, what is equivalent to it or to the best.
        avoid: What failed, then what is worse than the reference, the worst first.
        failed: Those of them with a seed that diverged or learned nothing.
        no_worse: What is better than the reference, or equivalent to it or to the best.
        undecided: What these seeds cannot tell from the reference.
        num: How many are compared with the reference.
    """

    reference: str
    default: str
    alternatives: list[str]
    avoid: list[str]
    failed: list[str]
    no_worse: list[str]
    undecided: list[str]
    num: int


def choose(rows: pd.DataFrame) -> Choice:
    """The choice from the `places` of one situation; there must be one."""
    rows = rows.sort_values("change", kind="stable")
    has_failed = rows["tier"] == FAILED
    sound = rows[~has_failed & (rows["verdict"] != "worse")]
    better = sound[(sound["verdict"] == "better") & sound["tier"].isin((MAY_BE_BEST, EQUIVALENT_TO_BEST, ""))]
    as_good = sound[(sound["verdict"] == "equivalent") | (sound["tier"] == EQUIVALENT_TO_BEST)]
    names = list((better if len(better) else as_good)["variant"])
    worse = rows[~has_failed & (rows["verdict"] == "worse")]["variant"]
    failed = list(rows[has_failed]["variant"])
    reference = str(rows["reference"].iloc[0])
    return Choice(
        reference=reference,
        default=names[0] if len(better) else reference,
        alternatives=names[1:] if len(better) else names,
        avoid=[*failed, *worse[::-1]],
        failed=failed,
        no_worse=[*better["variant"], *as_good["variant"]],
        undecided=[name for name in sound[sound["verdict"] == "undecided"]["variant"] if name not in names],
        num=len(rows),
    )
