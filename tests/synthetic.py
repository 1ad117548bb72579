"""Tables like those of a sweep, with invented numbers, so that reports are tested without training."""

from pathlib import Path

import numpy as np

from actbench.tables.bits import pack
from actbench.tables.schema import Tables, from_rows
from actbench.tables.store import land

NAMES = sorted(path.stem for path in (Path(__file__).parents[1] / "conf" / "act").glob("*.yaml"))
STEPS = (0, 1, 3, 10, 30, 100, 300, 1000)
CONFIG = {
    "data": "digits", "data.num_train": None, "model": "mlp", "model.depth": 3, "model.width": 64, "model.dropout": 0.0,
    "init": "he", "norm": "none", "optim": "sgd", "optim.lr": 0.1, "optim.weight_decay": 0.0, "schedule": "cosine",
    "task": "classification", "probes": "default", "probes.epsilon": 0.01, "train.epochs": 12, "train.batch_size": 64,
    "train.clip_grad_norm": None, "device": "cpu", "threads": 1,
    "looks": "[6, 10]",
}  # fmt: skip
_PROVENANCE = {
    "protocol": 1, "commit": "0123abcd", "actbench": "0.1.0", "torch": "2.15.0", "python": "3.12.3",
    "device_name": "a CPU",
}  # fmt: skip


def tables(
    names: list[str],
    *,
    seeds: int = 10,
    first_seed: int = 0,
    depth: int = 3,
    epochs: int = 12,
    diverged: tuple[str, ...] = (),
    **config,
) -> Tables:
    """A run with `seeds` seeds for each name; for names in `diverged` the first seed diverges halfway."""
    runs: list[dict] = []
    curves: list[dict] = []
    layers: list[dict] = []
    for name in names:
        rng = np.random.default_rng(sum(map(ord, name)) + 2**20 * first_seed)
        quality, tail = rng.uniform(0.05, 0.3), rng.uniform(0.0, 1.0)
        for seed in range(first_seed, first_seed + seeds):
            key = {"run_id": f"{abs(hash_of(name, config)):08x}", "seed": seed}
            is_diverged = name in diverged and seed == first_seed
            loss = quality * rng.uniform(0.85, 1.15)
            settings = _PROVENANCE | CONFIG | {"num_seeds": seeds, "act": name} | config
            runs.append(key | settings | _run(loss, is_diverged=is_diverged))
            last_epoch = epochs // 2 if is_diverged else epochs
            curves += [key | _epoch(e, loss=loss, rng=rng) for e in range(1, last_epoch + 1)]
            for step in STEPS[: len(STEPS) // 2] if is_diverged else STEPS:
                layers += [
                    key | _layer(i, depth=depth, step=step, tail=tail, rng=rng) | _learned(name, i=i, step=step)
                    for i in range(1, depth + 1)
                ]
    return from_rows(runs=runs, epochs=curves, layers=layers)


def results_folder(folder: Path, tables: Tables) -> Path:
    """A results folder with these tables, one folder per run."""
    for run_id in tables.runs["run_id"].unique():
        run = Tables(*(frame[frame["run_id"] == run_id] for frame in tables))
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        land(run, folder / "runs" / run_id)
    return folder


def hash_of(name: str, config: dict) -> int:
    """A hash of a config that is the same in every process."""
    value = 0
    for character in repr((name, sorted(config.items()))):
        value = (value * 131 + ord(character)) % 2**32
    return value


def _run(loss: float, *, is_diverged: bool) -> dict:
    numbers = {
        "val_loss": loss, "val_accuracy": 1 - loss / 3, "test_loss": loss * 1.05, "test_accuracy": 1 - loss / 2.8,
        "train_loss": loss / 2, "num_test_images": 100, "test_right": pack(np.arange(100) >= 100 * loss / 2.8),
    }  # fmt: skip
    diverged = dict.fromkeys(numbers, np.nan) | {"val_accuracy": 0.1, "test_accuracy": 0.1}
    timing = {"train_seconds": 2 + loss, "samples_per_second": 40_000 / (1 + loss), "step": 1000, "epoch": 12}
    return (diverged if is_diverged else numbers) | timing | {"status": "diverged" if is_diverged else "done"}


def _epoch(epoch: int, *, loss: float, rng: np.random.Generator) -> dict:
    value = loss + 2 * np.exp(-epoch * rng.uniform(0.9, 1.1) / 2)
    numbers = {"train_loss": value * 0.8, "val_loss": value, "val_accuracy": 1 - min(0.9, value / 3)}
    return {"epoch": epoch, "step": epoch * 80, "lr": 0.1, "train_seconds": epoch * 0.2} | numbers


def _layer(index: int, *, depth: int, step: int, tail: float, rng: np.random.Generator) -> dict:
    growth = np.log10(1 + step) / 3
    noise = rng.uniform(0.95, 1.05)
    return {
        "step": step, "epoch": step // 80, "layer_index": index, "layer": f"act{index}",
        "saturation_low": 0.6 * tail * growth * noise * index / depth,
        "saturation_high": 0.3 * (1 - tail) * noise / index,
        "out_mean": (tail - 0.4) * index * noise, "out_bias": tail * index * noise,
        "out_ratio": (0.2 + tail * index * growth) * noise, "out_std": 1.0,
        "grad_rms": 0.01 * np.exp(-3 * tail * (depth - index)) * noise,
    }  # fmt: skip


def _learned(name: str, *, i: int, step: int) -> dict:
    if name == "prelu":
        return {"act.weight": 0.25 - 0.05 * i * np.log10(1 + step)}
    if name == "rational":
        return {f"act.numerator[{k}]": k + 0.01 * i * np.log10(1 + step) for k in range(6)}
    return {}
