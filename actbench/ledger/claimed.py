"""The claimed set of an atom, in the unit of what is shown."""

import numpy as np

from actbench.compare import errors
from actbench.ledger.cases import Case
from actbench.ledger.claims import Atom


def is_relative(atom: Atom) -> bool:
    """Whether its numbers are changes against the reference."""
    return atom.rule == "log_ratio" or atom.rule in errors.RULES


def is_outside(atom: Atom) -> bool:
    """Whether the mean is claimed not to lie in `ends`."""
    return atom.outside or atom.rule == "differs"


def ends(atom: Atom, case: Case) -> tuple[float, float]:
    """The ends of the claimed set, in the unit of what is shown."""
    if atom.rule == "log_ratio":
        return case.low - 1, case.high - 1
    if atom.rule == "sooner":
        return 0.5, np.inf
    margin = (1.0 if atom.rule == "lower" else errors.MARGIN) if atom.margin is None else atom.margin
    change = margin - 1
    return {
        "no_worse": (-np.inf, change),
        "worse": (change, np.inf),
        "equivalent": (-change, change),
        "differs": (-change, change),
        "better": (-np.inf, -change),
        "lower": (-np.inf, change),
        "at_least": (change, np.inf),
    }.get(atom.rule, (case.low, case.high))
