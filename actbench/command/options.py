"""The options in conf/ and experiments/, their descriptions, and the nearest one to a mistyped name."""

import difflib
from collections.abc import Iterable
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def _folder(name: str) -> Path:
    """conf/ or experiments/: beside the package in a checkout, inside it in a wheel."""
    beside = _PACKAGE.parent / name
    is_checkout = (_PACKAGE.parent / "pyproject.toml").is_file() and beside.is_dir()
    return beside if is_checkout else _PACKAGE / name


CONF, EXPERIMENTS = _folder("conf"), _folder("experiments")
# Options of a preset set keys all over the config; options of a group are the group's own keys.
PRESETS = ("experiment", "track")
# conf/hydra/ holds launchers and the sweeper: Hydra's own groups, no part of a run.
GROUPS = tuple(sorted({path.name for path in CONF.glob("*/")} - {*PRESETS, "hydra"}))


class ConfigError(ValueError):
    """A mistake in a command; its text is one sentence for the user."""


def options(group: str) -> dict[str, Path]:
    """The options of a group by name, each with its file."""
    folder = EXPERIMENTS if group == "experiment" else CONF / group
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def describe(path: Path) -> str:
    """What an option is: the first line of its file, behind Hydra's own header where it has one."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return next(line for line in lines if not line.startswith("# @")).removeprefix("# ")


def nearest(name: str, names: Iterable[str]) -> str:
    """A clause that gives the nearest of the names, or all of them where none is near."""
    allowed = sorted(names)
    near = difflib.get_close_matches(name.lower(), allowed, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known are: {', '.join(allowed)}."
