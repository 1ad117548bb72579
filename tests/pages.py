"""Reports of invented tables, and what is read back from their markdown: headings, lines, numbers."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import synthetic

from actbench.report import results_folder
from actbench.tables.schema import Tables


def report_of(tmp_path: Path, tables: Tables, **options) -> tuple[str, str]:
    """The report of these tables as markdown and as HTML."""
    page = results_folder.write(synthetic.results_folder(tmp_path / "here", tables), **options)
    return (page.parent / "report.md").read_text("utf-8"), page.read_text("utf-8")


def headings(markdown: str, level: str = "##") -> list[str]:
    return re.findall(rf"^{level} (.*)$", markdown, flags=re.M)


def folds(markdown: str) -> list[str]:
    """The titles of a page's folds, also of those inside of others."""
    return re.findall(r"^<details><summary>(.*)</summary>$", markdown, flags=re.M)


def line(markdown: str, *words: str) -> str:
    """The one line of a page that has all these words."""
    (found,) = (line for line in markdown.splitlines() if all(word in line for word in words))
    return found


def numbers(text: str) -> list[float]:
    """The numbers in a text, from left to right."""
    found = re.findall(r"(?<![\w.])[−-]?\d+(?:\.\d+)?(?:e[−-]\d+)?(?!\w)", text)
    return [float(number.replace("−", "-")) for number in found]


def concatenated(*several: Tables) -> Tables:
    return Tables(*(pd.concat(frames, ignore_index=True) for frames in zip(*several, strict=True)))


LOSS = {"relu": 0.2, "elu": 0.1, "mish": 0.4}


def both_tracks(folder: Path, *, scale: float, tracks: tuple[str, ...] = ("shared", "tuned"), seeds: int = 6) -> Path:
    """A folder with both tracks: an activation's test loss is `scale` times LOSS, and half as much more when shared."""
    several = []
    for track in tracks:
        for i, (name, loss) in enumerate(LOSS.items()):
            config = {"track": track, "data": folder.name, "init": "matched" if track == "tuned" else "torch"}
            tables = synthetic.tables([name], seeds=seeds, depth=1, epochs=1, **config)
            noise = 1 + 0.01 * np.random.default_rng(i).uniform(size=seeds)
            losses = scale * loss * noise * (1.5 if track == "shared" else 1)
            measured = {"test_loss": losses, "test_accuracy": 1 - losses / 40, "test_right": None}
            runs = tables.runs.assign(**measured, steps_to_target=100.0 * (i + 1))
            several.append(tables._replace(runs=runs))
    tables = concatenated(*several)
    return synthetic.results_folder(folder, tables._replace(epochs=tables.epochs[:0], layers=tables.layers[:0]))
