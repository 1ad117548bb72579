"""A job: one run as it was asked for."""

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from actbench.command.options import GROUPS, PRESETS, options


@dataclass(frozen=True)
class Job:
    """One run: its config, resolved but for `device`, and the option chosen in each group."""

    config: DictConfig
    choices: dict[str, str]

    @classmethod
    def of(cls, config: DictConfig, choices: dict[str, str]) -> "Job":
        """The job of a composed config, which is resolved in place; `choices` are Hydra's."""
        OmegaConf.resolve(config)
        return cls(config, {group: choices[group] for group in (*GROUPS, *PRESETS) if group in choices})

    @property
    def folder(self) -> Path:
        """Its results folder."""
        output = self.config.output
        return Path(output.root) / (output.name or self.choices.get("experiment") or "adhoc")

    @property
    def act(self) -> str:
        """The activation's name: its option's, or for the user's own the last part of its dotted path."""
        target = str(self.config.act["_target_"])
        return target.rsplit(".", 1)[-1] if self.choices["act"] == "custom" else self.choices["act"]


@functools.cache  # a sweep asks for it in every job
def defaults(group: str, choice: str) -> dict[str, Any]:
    """The keys of an option's file, dotted, with their values there; its own only where it sets other groups' too.

    What has no file, as act=custom, has no defaults.
    """
    path = options(group).get(choice)
    loaded = OmegaConf.load(path) if path else OmegaConf.create()
    return flatten(OmegaConf.to_container(loaded.get(group, loaded)))  # type: ignore[arg-type, union-attr]


def flatten(config: DictConfig | dict, *, prefix: str = "") -> dict[str, Any]:
    """Dotted keys -> values; a list is its JSON text, what only Hydra reads is left out."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key!s}"
        if isinstance(value, dict | DictConfig):
            flat |= flatten(value, prefix=f"{name}.")
        elif key not in ("_target_", "_partial_"):
            flat[name] = json.dumps(list(value)) if isinstance(value, list | ListConfig) else value
    return flat
