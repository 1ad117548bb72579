"""The options in conf/, in experiments/ and in the user's folder, and the nearest to a mistyped name."""

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def _folder(name: str) -> Path:
    """conf/, experiments/ or docs/: beside the package in a checkout, inside it in a wheel."""
    beside = _PACKAGE.parent / name
    is_checkout = (_PACKAGE.parent / "pyproject.toml").is_file() and beside.is_dir()
    return beside if is_checkout else _PACKAGE / name


CONF, EXPERIMENTS, DOCS = _folder("conf"), _folder("experiments"), _folder("docs")
# Options of a preset set keys all over the config; options of a group are the group's own keys.
PRESETS = ("experiment", "track")
# conf/hydra/ holds launchers and the sweeper: Hydra's own groups, no part of a run.
GROUPS = tuple(sorted({path.name for path in CONF.glob("*/")} - {*PRESETS, "hydra"}))


# Names that a user's option cannot have: two stand for what has no file, the others are values.
_RESERVED = ("custom", "by_layer", "null", "true", "false", "nan", "inf")
_ESTIMATE = re.compile(r"^# estimated: (\S+) core-hours$", flags=re.MULTILINE)
_user_folders: list[Path] = []  # what --config-dir names


class ConfigError(ValueError):
    """A mistake in a command; its text is one sentence for the user."""


def split_config_dir(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """The folder that --config-dir names, and the other arguments."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-dir", "-cd")
    flags, others = parser.parse_known_args(list(argv))
    return flags.config_dir, others


def use_config_dir(folder: str | None) -> None:
    """Have `options` find the user's own in a folder laid out as conf/, with experiments/ beside.

    Raises a ConfigError if it holds none, or one with a name of ours, which Hydra would take instead.
    """
    _user_folders[:] = []
    if folder is None:
        return
    path = Path(folder).absolute()
    files = [(group, file) for group in (*GROUPS, *PRESETS) for file in _files(path, group)]
    if not files:
        needs = "it needs NAME.yaml in a folder such as act, model, data or experiments"
        raise ConfigError(f"--config-dir={folder} holds no options: {needs}.")
    for group, file in files:
        if file.stem in options(group) or file.stem.lower() in _RESERVED:
            raise ConfigError(f"{file} has a name that is taken: actbench has an option or a word {file.stem}.")
        if not re.fullmatch(r"[A-Za-z_]\w*", file.stem):
            raise ConfigError(f"{file} needs a name of letters, digits and _, with no digit first.")
    _user_folders.append(path)


def options(group: str) -> dict[str, Path]:
    """The options of a group by name, each with its file: ours, then the user's."""
    return {file.stem: file for folder in _folders(group) for file in _files(folder, group)}


def file_of(group: str, name: str) -> Path | None:
    """The file of an option, looked up alone: a sweep asks for every group of every job."""
    paths = (folder / _folder_of(group) / f"{name}.yaml" for folder in _folders(group))
    return next((path for path in paths if path.is_file()), None)


def user_files() -> list[tuple[str, Path]]:
    """The files of --config-dir, each with its group."""
    groups = (*GROUPS, *PRESETS)
    return [(group, file) for folder in _user_folders for group in groups for file in _files(folder, group)]


def is_ours(group: str, name: str) -> bool:
    """Whether an option is one of conf/, not the user's."""
    return (CONF / group / f"{name}.yaml").is_file()


def _folders(group: str) -> tuple[Path, ...]:
    return (EXPERIMENTS.parent if group == "experiment" else CONF, *_user_folders)


def _folder_of(group: str) -> str:
    return "experiments" if group == "experiment" else group


def _files(folder: Path, group: str) -> list[Path]:
    return sorted((folder / _folder_of(group)).glob("*.yaml"))


def describe(path: Path) -> str:
    """What an option is: the first line of its file, behind Hydra's own header where it has one."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return next(line for line in lines if not line.startswith("# @")).removeprefix("# ")


def estimated_hours(experiment: str) -> str:
    """What an experiment was estimated to take before it was measured, from `# estimated: 9 core-hours` in its file."""
    file = file_of("experiment", experiment)
    estimate = _ESTIMATE.search(file.read_text(encoding="utf-8")) if file else None
    return estimate[1] if estimate else ""


def nearest(name: str, names: Iterable[str]) -> str:
    """A clause that gives the nearest of the names, or all of them where none is near."""
    allowed = sorted(names)
    near = difflib.get_close_matches(name.lower(), allowed, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"known are: {', '.join(allowed)}."
