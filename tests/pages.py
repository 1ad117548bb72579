"""Reports made of invented tables, and their headings."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import synthetic

from actbench.report import workloads
from actbench.tables.schema import Tables


def made(tmp_path: Path, tables: Tables, **given) -> tuple[str, str]:
    """The report's markdown and HTML."""
    page = workloads.write(synthetic.landed(tmp_path / "here", tables), **given)
    return (page.parent / "report.md").read_text("utf-8"), page.read_text("utf-8")


def headings(markdown: str, level: str = "##") -> list[str]:
    return re.findall(rf"^{level} (.*)$", markdown, flags=re.M)


def joined(*parts: Tables) -> Tables:
    return Tables(*(pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True)))


LOSS = {"relu": 0.2, "elu": 0.1, "mish": 0.4}


def both_tracks(folder: Path, *, scale: float, tracks: tuple[str, ...] = ("shared", "tuned"), seeds: int = 6) -> Path:
    """A folder with both tracks; the loss of an activation, a half more on the shared one, times `scale`."""
    parts = []
    for track in tracks:
        for i, (name, loss) in enumerate(LOSS.items()):
            own = {"track": track, "data": folder.name, "init": "matched" if track == "tuned" else "torch"}
            made = synthetic.tables([name], seeds=seeds, depth=1, epochs=1, **own)
            noise = 1 + 0.01 * np.random.default_rng(i).uniform(size=seeds)
            losses = scale * loss * noise * (1.5 if track == "shared" else 1)
            parts.append(made._replace(runs=made.runs.assign(test_loss=losses, steps_to_target=100.0 * (i + 1))))
    whole = joined(*parts)
    return synthetic.landed(folder, whole._replace(epochs=whole.epochs[:0], layers=whole.layers[:0]))
