"""The columns of the three tables: dtype, label with unit, and which direction is better.

Columns that are not listed here hold the resolved config under its own keys: `act`, `act.alpha`, `optim.lr`, ….
In `layers` a column `act.<parameter>` holds the learned value in that layer at that step; one entry of a vector
is `act.<parameter>[i]`. A new column here requires a higher `parquet.FORMAT`: older code would take it for config.
"""

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple

import pandas as pd
from pandas.api.types import pandas_dtype

REFERENCE = "relu"


@dataclass(frozen=True)
class Column:
    """A column: its pandas dtype, its axis label with unit, and which direction is better."""

    name: str
    dtype: str
    label: str
    better: Literal["higher", "lower", None] = None
    ranks: bool = False  # whether variants are ranked by it, lowest mean first, if it was measured


_RUN = (Column("run_id", "string", "run"), Column("seed", "int64", "seed"))
_TIME = (Column("epoch", "int64", "epoch"), Column("step", "int64", "step (updates)"))
_HELD_OUT = tuple(
    Column(f"{split}_{name}", "float64", f"{words} {label}", better, ranks=name in ("loss", "fld"))  # type: ignore[arg-type]
    for split, words in (("val", "validation"), ("test", "test"))
    for name, label, better in (
        ("loss", "NLL (nats)", "lower"),
        ("accuracy", "accuracy (fraction)", "higher"),
        ("ece", "expected calibration error", "lower"),
        ("midpoint_gap", "midpoint gap (output standard deviations)", None),
        ("fld", "Fréchet distance (LeNet features)", "lower"),
        ("fld_floor", "Fréchet distance, real against real", None),
        ("kid", "kernel distance, KID (LeNet features)", "lower"),
        ("modes", "modes (classes with 1 % and more)", "higher"),
        ("class_kl", "KL of classes to uniform (nats)", "lower"),
        ("ndb", "bins that differ, NDB/K (share)", "lower"),
    )
)
_LOSSES = (
    Column("train_loss", "float64", "training NLL (nats)", "lower"),
    Column("train_discriminator_loss", "float64", "discriminator's loss (nats)"),
    Column("train_generator_loss", "float64", "generator's loss (nats)"),
)
_OBSERVED = (
    Column("input_grad_zero", "float64", "∂D/∂x: exact zeros (share)"),
    Column("input_grad_hoyer", "float64", "∂D/∂x: sparsity (Hoyer)"),
    Column("generator_grad_zero", "float64", "∂L/∂θ of the generator: exact zeros (share)"),
    Column("generator_grad_hoyer", "float64", "∂L/∂θ of the generator: sparsity (Hoyer)"),
    Column("score_accuracy", "float64", "score network's accuracy (fraction)"),
)
RUNS = (
    *_RUN,
    Column("status", "string", "status"),  # done, diverged or failed
    Column("message", "string", "why the run failed"),
    *_TIME,
    *_LOSSES,
    *_HELD_OUT,
    *_OBSERVED,
    Column("num_test_images", "float64", "test images"),
    Column("test_right", "object", "test images classified rightly"),  # one bit each, see tables.bits
    Column("picture", "object", "samples"),  # a PNG file, for the first seed of a pack that generates images
    Column("epochs_to_target", "float64", "epochs to the target validation loss", "lower"),
    Column("steps_to_target", "float64", "steps to the target validation loss", "lower"),
    Column("train_seconds", "float64", "training time (s)", "lower"),
    Column("probe_seconds", "float64", "probing time (s)", "lower"),
    Column("samples_per_second", "float64", "training samples per second", "higher"),
    Column("peak_mib", "float64", "peak memory (MiB)", "lower"),  # defined in measure.memory.peak_mib
    Column("num_parameters", "float64", "parameters"),
    Column("protocol", "int64", "PROTOCOL"),
    Column("commit", "string", "commit"),
    Column("actbench", "string", "actbench version"),
    Column("torch", "string", "torch version"),
    Column("python", "string", "Python version"),
    Column("device_name", "string", "device"),
)
EPOCHS = (
    *_RUN,
    *_TIME,
    Column("lr", "float64", "learning rate"),
    *_LOSSES,
    *(column for column in _HELD_OUT if column.name.startswith("val_")),
    *_OBSERVED,
    Column("train_seconds", "float64", "training time (s)", "lower"),
)
LAYERS = (
    *_RUN,
    *_TIME,
    Column("layer_index", "int64", "layer (from the input)"),
    Column("layer", "string", "layer"),
    Column("layer_act", "string", "activation of the layer"),
    Column("saturation_low", "float64", "saturation, low side (share)"),
    Column("saturation_high", "float64", "saturation, high side (share)"),
    Column("saturated_units", "float64", "saturated units (share)"),
    Column("dead", "float64", "dead units (share)"),
    Column("constant", "float64", "constant units (share)"),
    Column("phi", "float64", "φ, closeness to the asymptotes"),
    Column("out_mean", "float64", "output mean"),
    Column("out_bias", "float64", "output bias (RMS of unit means)"),
    Column("out_std", "float64", "output standard deviation"),
    Column("out_ratio", "float64", "output bias / standard deviation"),
    Column("bias_shift", "float64", "bias shift (share of the next pre-activation)"),
    Column("grad_rms", "float64", "gradient RMS, ∂L/∂z"),
    Column("grad_zero", "float64", "exactly zero gradients (share)"),
    Column("grad_hoyer", "float64", "gradient sparsity (Hoyer)"),
    Column("update_ratio", "float64", "update ratio ‖ΔW‖/‖W‖"),
    Column("rank", "float64", "effective rank / width"),
    Column("w2_normal", "float64", "distance to N(0, 1)"),
)
# Computed from the columns of `runs` where runs are compared, and stored nowhere.
DERIVED = tuple(
    Column(f"{split}_error", "float64", f"{words} error (fraction)", "lower", ranks=True)
    for split, words in (("val", "validation"), ("test", "test"))
)
# Computed of several layers together.
COMPUTED = (
    Column("gain", "float64", "gradient gain λ (log, per layer)"),
    Column("saturation", "float64", "saturation, both sides (share)"),
)
SCHEMA = {"runs": RUNS, "epochs": EPOCHS, "layers": LAYERS}


class Tables(NamedTuple):
    """`runs` has a row per run and seed, `epochs` per epoch of these, `layers` per probed step and layer of these."""

    runs: pd.DataFrame
    epochs: pd.DataFrame
    layers: pd.DataFrame


def label(name: str) -> str:
    """The axis label of a column; of a parameter, or of another config key, its name in words."""
    return next((column.label for column in _all() if column.name == name), _in_words(name))


def _in_words(name: str) -> str:
    """`learned beta` of `learned.beta`, `negative slope` of `act.negative_slope`."""
    return name.removeprefix("act.").replace("_", " ").replace(".", " ")


def better(name: str) -> Literal["higher", "lower", None]:
    """The direction in which a column is better, or None if neither is."""
    return next((column.better for column in _all() if column.name == name), None)


def _all() -> Iterator[Column]:
    return chain(*SCHEMA.values(), DERIVED, COMPUTED)


def config_columns(runs: pd.DataFrame) -> list[str]:
    """The columns of `runs` that hold the resolved config, in their order there."""
    documented = {column.name for column in (*RUNS, *DERIVED)}
    return [name for name in runs.columns if name not in documented]


def from_rows(*, runs: Iterable[dict], epochs: Iterable[dict] = (), layers: Iterable[dict] = ()) -> Tables:
    """Tables from rows given as dicts; every documented column is present and has its documented dtype."""
    rows = {"runs": runs, "epochs": epochs, "layers": layers}
    return Tables(**{name: conform(pd.DataFrame(list(rows[name])), SCHEMA[name]) for name in Tables._fields})


def conform(frame: pd.DataFrame, columns: tuple[Column, ...]) -> pd.DataFrame:
    """A frame with all documented columns first, each of its dtype, then the config columns in their order."""
    dtypes = _dtypes(columns)
    config = [name for name in frame.columns if name not in dtypes]
    frame = frame.reindex(columns=[*dtypes, *config])
    present = frame.dtypes.to_dict()  # to convert them all takes a large part of the time of reading a run
    return frame.assign(**{n: frame[n].astype(dtype) for n, dtype in dtypes.items() if present[n] != dtype})


@functools.cache
def _dtypes(columns: tuple[Column, ...]) -> dict[str, Any]:
    return {column.name: pandas_dtype(column.dtype) for column in columns}
