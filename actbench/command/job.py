"""A job: one run as it was asked for."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from actbench.command.options import CONF, GROUPS, PRESETS, options


@dataclass(frozen=True)
class Job:
    """One run: its config, resolved but for `device`, and the option chosen in each group."""

    config: DictConfig
    choices: dict[str, str]

    @classmethod
    def of(cls, config: DictConfig, choices: Mapping[str, str]) -> "Job":
        """The job of a composed config, which is resolved in place; `choices` are Hydra's."""
        OmegaConf.resolve(config)
        return cls(config, {group: choices[group] for group in (*GROUPS, *PRESETS) if group in choices})

    @property
    def folder(self) -> Path:
        """Its results folder."""
        output = self.config.output
        return Path(output.root) / (output.name or self.choices.get("experiment") or "adhoc")

    @property
    def target(self) -> str:
        """The dotted path of the activation's code, ??? where none is given."""
        return str(OmegaConf.to_container(self.config.act)["_target_"])  # type: ignore[index, call-overload]

    @property
    def act(self) -> str:
        """The activation's name: its option's, or for the user's own the last part of its dotted path."""
        return self.target.rsplit(".", 1)[-1] if self.choices["act"] == "custom" else self.choices["act"]


def defaults(choices: Mapping[str, str]) -> dict[str, Any]:
    """Every key of a job, dotted, with its value in conf/config.yaml or in the file of the option chosen.

    What has no file, as act=custom, has no keys here.
    """
    keys = dict(_of_file(None, CONF / "config.yaml"))
    for group in GROUPS:
        path = options(group).get(choices.get(group, ""))
        keys |= _of_file(group, path) if path else {}
    return keys


@functools.cache  # a sweep asks for it in every job
def _of_file(group: str | None, path: Path) -> dict[str, Any]:
    loaded = OmegaConf.load(path)
    assert isinstance(loaded, DictConfig)
    if group is None:
        return flatten(OmegaConf.masked_copy(loaded, [str(k) for k in loaded if k not in ("defaults", "hydra")]))
    own = loaded.get(group, loaded)  # a file that sets keys of other groups too has its own below its name
    return {f"{group}.{key}": value for key, value in flatten(own).items()}


def flatten(config: DictConfig | dict) -> dict[str, Any]:
    """Dotted keys -> values; what only Hydra reads is left out."""
    flat: dict[str, Any] = {}
    for key, value in (OmegaConf.to_container(config) if isinstance(config, DictConfig) else config).items():  # type: ignore[union-attr]
        if isinstance(value, dict):
            flat |= {f"{key!s}.{name}": inner for name, inner in flatten(value).items()}
        elif key not in ("_target_", "_partial_"):
            flat[str(key)] = value
    return flat
