"""Invented results folders for the ledger, and claims about them."""

from pathlib import Path

import numpy as np

from actbench.ledger.parse import parse
from actbench.tables import schema, store
from actbench.tables.bits import pack

SENTENCES = {"if_true": "{mean:.2f}", "if_false": "{mean:.2f}"}


def folder(
    root: Path, name: str, columns: dict[str, dict], *, first_seed: int = 0, protocol: int = 3, layers=()
) -> Path:
    """Runs: for each label its columns, a number or one number per seed; `act` is the label unless it is given."""
    runs = []
    for label, values in columns.items():
        numbers = {key: value for key, value in values.items() if isinstance(value, list | np.ndarray)}
        fixed = {"act": label, "status": "done", "epoch": 1, "step": 5, "protocol": protocol, "commit": "abc"}
        fixed |= {"train_seconds": 36.0} | {key: value for key, value in values.items() if key not in numbers}
        size = max(map(len, numbers.values()))
        runs += [
            {"run_id": f"{label}-{first_seed}", "seed": first_seed + seed} | fixed
            | {key: value[seed] for key, value in numbers.items()}
            for seed in range(size)
        ]  # fmt: skip
    target = root / name / "runs" / f"{first_seed}-{protocol}-{'-'.join(columns).replace('/', '')}"
    target.parent.mkdir(parents=True, exist_ok=True)
    store.land(schema.from_rows(runs=runs, layers=layers), target)
    return root / name


def right(errors: int, images: int = 1000, *, first: int = 0) -> dict:
    """The columns of a run that has `errors` test images wrong, from image `first` on."""
    wrong = np.zeros(images, dtype=bool)
    wrong[first : first + errors] = True
    return {"test_accuracy": 1 - errors / images, "num_test_images": images, "test_right": pack(~wrong)}


def claim(finding=None, **atoms: dict):
    """A claim with these atoms; each has sentences, and is claimed by default."""
    entries = {
        name: {"kind": "claimed", "states": "So.", **({} if keys["rule"] == "cited" else SENTENCES), **keys}
        for name, keys in atoms.items()
    }
    keys = finding or ("true", "false", "undecided")
    findings = keys if isinstance(keys, dict) else {key: f"It is {key}." for key in keys}
    return parse("C99", {"says": "So.", "source": "a test", "finding": findings, "atoms": entries})
