"""Learning-rate schedules: the factor on the learning rate at a share `progress` of all steps, from 0 to 1."""

import math


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def linear(progress: float) -> float:
    """1 − progress."""
    return 1 - progress


def triangular(progress: float, *, start: float, peak: float) -> float:
    """From `start` to 1 at the share `peak` of all steps, then to 0, along lines (Smith 2018, arXiv:1803.09820)."""
    if progress < peak:
        return start + (1 - start) * progress / peak
    return (1 - progress) / (1 - peak)


def cosine(progress: float) -> float:
    """(1 + cos(π progress)) / 2 (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5)."""
    return (1 + math.cos(math.pi * progress)) / 2
