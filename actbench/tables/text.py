"""Values as text on one line."""

import numpy as np
import pandas as pd

NARROW = "\u202f"  # the no-break space between a number and its unit


def one_line(value: object) -> str:
    """A value as one line of printable characters, so that a stranger's file cannot control the terminal."""
    line = str(value)
    if line.isprintable() and "  " not in line and line == line.strip():  # as most are: this takes a tenth of the time
        return line
    characters = (c if c.isprintable() or c == NARROW else " " for c in line)
    return " ".join(word for word in "".join(characters).split(" ") if word)


def text(value: object) -> str:
    """A config value as it is typed on the command line; "" if it is missing."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return "[" + ",".join(text(item) for item in value) + "]"
    if value is None or value is pd.NA or value != value:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value)).lower()
    if isinstance(value, (float, np.floating)):
        # An integer column with gaps comes back as float: depth 3.0 is depth 3.
        return repr(float(value)).removesuffix(".0")
    return one_line(value)
