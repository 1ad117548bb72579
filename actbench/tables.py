"""The three tables of a results folder: what their columns are, and how they are read and collected.

This is where the measuring and the reporting side meet; nothing else knows the layout of a results folder:

    results/<name>/runs/<run_id>/{runs,epochs,layers}.parquet   measured, append-only, one folder a run
    results/<name>/tables/{runs,epochs,layers}.parquet          the same, compacted; small enough to publish

Columns that are not listed here are the resolved config under its own keys: `act`, `act.alpha`, `optim.lr`, ….
In `layers` a column `act.<parameter>` holds the learned value in that layer at that step; one entry of a vector
is `act.<parameter>[i]`. A new column here raises `parts.FORMAT`: older code would take it for config.
"""

import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd
import pyarrow as pa

from actbench import parts


@dataclass(frozen=True)
class Column:
    """One column: its pandas dtype, the label (with unit) on an axis, which way is better."""

    name: str
    dtype: str
    label: str
    better: Literal["higher", "lower", None] = None
    ranks: bool = False  # whether variants are ranked by it, lowest mean first, where it was measured


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
    Column("picture", "object", "samples"),  # bytes of a PNG file, of the first seed of a pack that makes images
    Column("epochs_to_target", "float64", "epochs to the target validation loss", "lower"),
    Column("steps_to_target", "float64", "steps to the target validation loss", "lower"),
    Column("train_seconds", "float64", "training time (s)", "lower"),
    Column("probe_seconds", "float64", "probing time (s)", "lower"),
    Column("samples_per_second", "float64", "training samples per second", "higher"),
    Column("peak_mib", "float64", "peak memory (MiB)", "lower"),  # what it is a peak of: memory.peak_mib
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

SCHEMA = {"runs": RUNS, "epochs": EPOCHS, "layers": LAYERS}
_DTYPES = {name: {column.name: column.dtype for column in columns} for name, columns in SCHEMA.items()}
_ENDED = {name: _DTYPES["runs"][name] for name in ("run_id", "status")}
_AT_ONCE = 1000  # parts that become one: 100,000 fit in memory, and few blocks slow what is read after them less


class Tables(NamedTuple):
    """`runs` (a row per run and seed), `epochs` (… and epoch), `layers` (… and probed step and layer)."""

    runs: pd.DataFrame
    epochs: pd.DataFrame
    layers: pd.DataFrame


def label(name: str) -> str:
    """The axis label of a column; a config key is its own label."""
    return next((column.label for columns in SCHEMA.values() for column in columns if column.name == name), name)


def better(name: str) -> Literal["higher", "lower", None]:
    """Which way a column is better, or None where neither is."""
    return next((column.better for columns in SCHEMA.values() for column in columns if column.name == name), None)


def config_columns(runs: pd.DataFrame) -> list[str]:
    """The columns of `runs` that hold the resolved config, in the frame's order."""
    known = {column.name for column in RUNS}
    return [name for name in runs.columns if name not in known]


def from_rows(*, runs: Iterable[dict], epochs: Iterable[dict] = (), layers: Iterable[dict] = ()) -> Tables:
    """Tables from rows, one dict a row, with every documented column present and of its documented dtype."""
    rows = {"runs": runs, "epochs": epochs, "layers": layers}
    return Tables(**{name: _conform(pd.DataFrame(list(rows[name])), SCHEMA[name]) for name in Tables._fields})


def collect(folder: str | Path) -> Tables:
    """All that was measured in a results folder: the published tables and the runs beside them, each run once.

    Warns of each part that had to be left out because it is broken.

    Raises:
        FileNotFoundError: If the folder does not exist or holds neither tables/ nor runs/.
    """
    tables, left_out = read(folder)
    for sentence in left_out.values():
        warnings.warn(sentence, stacklevel=2)
    return tables


def read(folder: str | Path) -> tuple[Tables, dict[Path, str]]:
    """What `collect` gives, and a sentence for each part that was left out."""
    published, own = Path(folder) / "tables", _run_folders(Path(folder))
    has_published = (published / "runs.parquet").is_file()
    if not own and not has_published:
        raise FileNotFoundError(
            f"There are no results in {folder}: a results folder holds tables/ or runs/. "
            "Give the folder that a run printed, for instance results/adhoc."
        )
    stacks: dict[str, list[pa.Table]] = {name: [] for name in SCHEMA}
    blocks: dict[str, list[pa.Table]] = {name: [] for name in SCHEMA}
    left_out = {}
    known: set[str] = set()  # these need not be read from runs/ again
    for part in [published] * has_published + own:
        if part.name in known:
            continue
        try:
            found = parts.read(part, dtypes=_DTYPES)
        except parts.BrokenPartError as error:
            if part.is_dir():  # a failure that is tried again meanwhile is gone
                left_out[part] = parts.one_line(error)
            continue
        if part == published and found.together:
            known = _finished(found.tables["runs"])
        for name, table in found.tables.items():
            stacks[name].append(table)
            if len(stacks[name]) == _AT_ONCE:
                blocks[name].append(parts.stacked(stacks[name]).combine_chunks())
                stacks[name] = []
    frames = {name: _conform(parts.frame(blocks[name] + stacks[name]), SCHEMA[name]) for name in SCHEMA}
    return _each_run_once(Tables(**frames)), left_out


def finished(folder: str | Path, *, among: Collection[str]) -> set[str]:
    """Those of the run_ids that need no second measurement: done or diverged, not failed, and whole."""
    landed = {name for name in among if parts.whole(Path(folder, "runs", name), names=SCHEMA)}
    try:
        published = parts.read_some(Path(folder, "tables"), "runs", dtypes=_ENDED, names=SCHEMA)
    except parts.BrokenPartError:  # absent, perhaps
        return landed
    return landed | (_finished(published) & set(among))


def _finished(runs: pa.Table) -> set[str]:
    """The run_ids that are done or diverged."""
    ended = zip(runs["run_id"].to_pylist(), runs["status"].to_pylist(), strict=True)
    return {name for name, status in ended if status != "failed"}


def _run_folders(folder: Path) -> list[Path]:
    """The folder of each run, failed ones too; what is hidden is not landed."""
    return sorted(path for path in (folder / "runs").glob("[!.]*") if path.is_dir())


def _each_run_once(tables: Tables) -> Tables:
    """A finished run before a failed one, the last measured of equals; what failed has no epochs and layers."""
    runs = tables.runs.sort_values("status", key=lambda status: status != "failed", kind="stable")
    runs = runs.drop_duplicates(["run_id", "seed"], keep="last").sort_values(["run_id", "seed"], ignore_index=True)
    epochs = tables.epochs.drop_duplicates(["run_id", "seed", "epoch"], keep="last", ignore_index=True)
    layers = tables.layers.drop_duplicates(["run_id", "seed", "step", "layer_index"], keep="last", ignore_index=True)
    failed = pd.MultiIndex.from_frame(runs.loc[runs["status"] == "failed", ["run_id", "seed"]])
    return Tables(runs, *(_without(frame, failed) if len(failed) else frame for frame in (epochs, layers)))


def _without(frame: pd.DataFrame, keys: pd.MultiIndex) -> pd.DataFrame:
    return frame[~pd.MultiIndex.from_frame(frame[["run_id", "seed"]]).isin(keys)].reset_index(drop=True)


def _conform(frame: pd.DataFrame, columns: tuple[Column, ...]) -> pd.DataFrame:
    """Every documented column first and of its dtype; then the config, in the order given."""
    known = {
        column.name: frame.get(column.name, pd.Series(index=frame.index, dtype=column.dtype)) for column in columns
    }
    typed = {column.name: known[column.name].astype(pd.api.types.pandas_dtype(column.dtype)) for column in columns}
    others = {str(name): frame[name] for name in frame.columns if name not in known}
    return pd.DataFrame({**typed, **others}, index=frame.index)
