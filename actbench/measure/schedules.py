"""Learning-rate schedules: the factor on the learning rate at a share `progress` of all steps, from 0 to 1."""

import math


def constant(progress: float) -> float:
    """Always 1."""
    return 1.0


def linear(progress: float) -> float:
    """1 − progress."""
    return 1 - progress


def cosine(progress: float) -> float:
    """(1 + cos(π progress)) / 2 (Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5)."""
    return (1 + math.cos(math.pi * progress)) / 2
