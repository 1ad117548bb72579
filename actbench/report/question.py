"""What a results folder asks, and the command that answers it again: the first two lines of its experiment."""

import fnmatch
import re

import pandas as pd
import yaml

from actbench.command import options
from actbench.report.numbers import enumeration, fixed

_ANSWERED = "# answered by: "
_NAMED = 4  # the most activations that a title names


def question(name: str, runs: pd.DataFrame) -> str:
    """The question of the experiment `name`; of a folder that is no experiment's, what its runs can say."""
    file = options.file_of("experiment", name)
    if file is not None:
        return options.describe(file)
    variants = list(runs["variant"].unique())
    data = enumeration(runs["data"].unique()) if "data" in runs else "these data"
    if len(variants) == 1:
        return f"What does {variants[0]} reach on {data}?"
    if len(variants) <= _NAMED:
        return f"How do {enumeration(variants)} compare on {data}?"
    return f"Which of {len(variants)} activation functions suits {data}?"


def is_yes_or_no(text: str) -> bool:
    """Whether a question can be answered by yes or no."""
    return text.partition(" ")[0] in ("Are", "Can", "Do", "Does", "Has", "Have", "Is")


def command(name: str) -> str:
    """The command that repeats the experiment `name`; "" for a folder that is no experiment's."""
    file = options.file_of("experiment", name)
    lines = file.read_text(encoding="utf-8").splitlines() if file is not None else []
    return next((line.removeprefix("# ") for line in lines if line.startswith("# python ")), "")


def answered_by(name: str) -> list[str]:
    """What the experiment `name` is answered by, `lowest test_error` or `learned.beta`; empty where it does not say.

    It is read from the line `# answered by: …, …` at the head of its file, see `asked.py`.
    """
    file = options.file_of("experiment", name)
    lines = file.read_text(encoding="utf-8").splitlines() if file is not None else []
    return [entry for line in lines if line.startswith(_ANSWERED) for entry in line[len(_ANSWERED) :].split(", ")]


def unmeasured(name: str, runs: pd.DataFrame) -> list[str]:
    """A sentence for each track of the experiment `name` that is not measured, or not for all its functions."""
    asked = functions(name)
    there = dict(runs.groupby("track")["act"].agg(lambda acts: len(set(acts) & asked))) if "track" in runs else {}
    return [
        f"The {track} track is measured for {fixed(there[track])} of {fixed(len(asked))} functions."
        if track in there
        else f"The {track} track is not measured yet."
        for track in str(_swept(name).get("track", "")).split(",")
        if track and (track not in there or there[track] < len(asked))
    ]


def functions(name: str) -> set[str]:
    """The activations that the experiment `name` sweeps; none of a folder that is no experiment's.

    Read without Hydra, which reports never import: a list, `glob(*)` or `glob(*,exclude=[rrelu,binary_step*])`.
    """
    included, _, excluded = str(_swept(name).get("+act", "")).partition("exclude")
    return {act for act in options.options("act") if _matches(act, included) and not _matches(act, excluded)}


def _matches(act: str, patterns: str) -> bool:
    return any(fnmatch.fnmatchcase(act, pattern) for pattern in re.findall(r"[\w*?]+", patterns))


def _swept(name: str) -> dict[str, object]:
    """The axes of the experiment `name`, with those of the experiment that it starts from."""
    file = options.file_of("experiment", name)
    if file is None:
        return {}
    node = yaml.safe_load(file.read_text(encoding="utf-8"))
    bases = [entry for entry in node.get("defaults", []) if isinstance(entry, str)]
    own = node.get("hydra", {}).get("sweeper", {}).get("params", {})
    return {key: value for axes in (*map(_swept, bases), own) for key, value in axes.items()}
