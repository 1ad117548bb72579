"""How many seeds a comparison needs: two one-sided t tests that show a difference of nothing to be within a margin."""

from collections.abc import Sequence

import numpy as np
from scipy.special import nctdtr, stdtrit

ALPHA, POWER = 0.05, 0.9
_MOST = 100_000


def power(distances: Sequence[float], *, n: int, groups: int, alpha: float = ALPHA) -> float:
    """The probability that both tests reject: 1 − β₁ − β₂, from below, and exact where both errors cannot meet.

    Args:
        distances: Of each end of the margin from the truth, in standard deviations of what is averaged over seeds.
        n: Number of seeds, of each group.
        groups: 1 where differences by seed are averaged, 2 where each function has seeds of its own.
        alpha: Of each test.
    """
    df = groups * (n - 1)
    missed = nctdtr(df, np.asarray(distances) * np.sqrt(n), stdtrit(df, 1 - alpha))
    return max(0.0, 1 - float(missed.sum()))


def num_seeds(distances: Sequence[float], *, groups: int, alpha: float = ALPHA, least_power: float = POWER) -> int:
    """The smallest number of seeds, of each group, with that power.

    Raises:
        ValueError: If more than 100,000 would be needed.
    """
    low, high = 1, 2
    while power(distances, n=high, groups=groups, alpha=alpha) < least_power:
        low, high = high, 2 * high
        if high > 2 * _MOST:
            raise ValueError(
                f"Ends at {[round(d, 4) for d in distances]} standard deviations need over {_MOST:,} seeds."
            )
    while high - low > 1:
        middle = (low + high) // 2
        enough = power(distances, n=middle, groups=groups, alpha=alpha) >= least_power
        low, high = (low, middle) if enough else (middle, high)
    return high


def paired_and_unpaired(errors: np.ndarray, *, margin: float) -> tuple[int, int]:
    """The seeds that each function needs where both share them, and where neither shares any; in truth they are equal.

    Tested is as in verdicts that e_A − (1 ± m) e_B lies below and above 0.

    Args:
        errors: By seed, (2, seeds): A's, and those of the reference B.
        margin: m, relative to the reference.
    """
    factors = np.array([1 + margin, 1 - margin])
    ends = margin * errors[1].mean()
    paired = np.array([(errors[0] - factor * errors[1]).std(ddof=1) for factor in factors])
    unpaired = np.sqrt(errors[0].var(ddof=1) + factors**2 * errors[1].var(ddof=1))
    return num_seeds(ends / paired, groups=1), num_seeds(ends / unpaired, groups=2)
