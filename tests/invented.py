"""Frames of runs with invented losses, and the generator that tests draw from."""

import numpy as np
import pandas as pd

# Differences of ten seeds, one of them negative: the signed ranks have the sums W− = 10 and W+ = 45.
STEPS = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, -10.0])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def runs(losses: dict[str, list[float] | np.ndarray], *, value: str = "test_loss", **config) -> pd.DataFrame:
    """One run for each loss of a variant, in the order of its seeds."""
    rows = [
        {"variant": name, "seed": seed, "status": "done", value: loss} | config
        for name, values in losses.items()
        for seed, loss in enumerate(values)
    ]
    return pd.DataFrame(rows)


def error_runs(errors: dict[str, list[float] | np.ndarray], **config) -> pd.DataFrame:
    """One run for each test error of a variant."""
    frame = runs(errors, value="test_error", **config)
    return frame.assign(test_accuracy=1 - frame["test_error"])
