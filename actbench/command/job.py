"""A job: one run as it was asked for."""

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from actbench.command.options import CONF, GROUPS, file_of


@dataclass(frozen=True)
class Job:
    """One run: its config, resolved but for `device`, and the option chosen in each group."""

    config: DictConfig
    choices: dict[str, str]

    @property
    def folder(self) -> Path:
        """Its results folder."""
        output = self.config.output
        name = output.name or self.choices.get("experiment") or "adhoc"
        return Path(os.path.expanduser(output.root), str(name))


def defaults(choices: Mapping[str, str]) -> dict[str, Any]:
    """Every key of a job, dotted, with its default in conf/config.yaml or the chosen option's file.

    act=custom has no file and therefore no keys here.
    """
    keys = dict(_of_file(CONF / "config.yaml", None))
    for group in GROUPS:
        keys |= _of_file(file_of(group, choices.get(group, "")), group)
    return keys


def _of_file(path: Path | None, group: str | None) -> dict[str, Any]:
    return _read(path, group, path.stat().st_mtime_ns) if path else {}


@functools.cache  # a sweep asks for it in every job; the user may edit his files from one job to the next
def _read(path: Path, group: str | None, modified: int) -> dict[str, Any]:
    loaded = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(loaded, dict)
    if group is None:
        return flatten({k: value for k, value in loaded.items() if k not in ("defaults", "hydra")})
    return flatten({group: loaded.get(group, loaded)})  # a file may set keys of other groups too


def flatten(config: DictConfig | dict) -> dict[str, Any]:
    """Dotted keys -> values, without the keys that only Hydra reads."""
    nested = OmegaConf.to_container(config) if isinstance(config, DictConfig) else config
    flat: dict[str, Any] = {}
    for key, value in nested.items():  # type: ignore[union-attr]
        if isinstance(value, dict):
            flat |= {f"{key!s}.{name}": inner for name, inner in flatten(value).items()}
        elif key not in ("_target_", "_partial_"):
            flat[str(key)] = value
    return flat
