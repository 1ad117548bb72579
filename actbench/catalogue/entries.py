"""The activations of conf/act/ as functions in float64, and the one that a command names."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from actbench.command import compose
from actbench.command.job import flatten
from actbench.command.options import ConfigError, describe, is_ours, options
from actbench.functions.properties import Function
from actbench.measure import build, preflight
from actbench.measure.identity import act_name


@dataclass(frozen=True)
class NamedFunction:
    """An activation and the parameters that it was built with; `formula` is the first line of its YAML file."""

    name: str
    formula: str
    parameters: dict[str, Any]
    f: Function


def names() -> list[str]:
    """The names of the activations of conf/act/."""
    return [name for name in options("act") if is_ours("act", name)]


def load(name: str, parameters: Mapping[str, Any] | None = None) -> NamedFunction:
    """The activation of an option of act, with these parameters in place of its own."""
    path = options("act")[name]
    node = OmegaConf.merge(OmegaConf.load(path), dict(parameters or {}))
    assert isinstance(node, DictConfig)
    return _build(name, describe(path), node)


def read(argv: list[str]) -> NamedFunction:
    """The activation that `+act=elu act.alpha=0.5` names, as the main command reads it.

    Raises:
        ConfigError: If the arguments are wrong, or the activation is not a function of one tensor.
    """
    if {"-m", "--multirun"} & set(argv):
        raise ConfigError("Several activations are named: give one, or none for all of them.")
    job = compose.job_from(argv)
    if job.choices["act"] == "by_layer":
        raise ConfigError("act_by_layer names several functions: give one, by +act=NAME.")
    preflight.check_act(job)
    choice, node = job.choices["act"], job.config.act
    formula = describe(options("act")[choice]) if choice in options("act") else str(node["_target_"])
    return _build(act_name(job), formula, node)


def _build(name: str, formula: str, node: DictConfig) -> NamedFunction:
    with _float64():
        layer = build.act_factory(node)(1).eval()
    (f,) = layer.functions()
    return NamedFunction(name, formula, flatten(node), layer.f if f is layer else f)


@contextlib.contextmanager
def _float64() -> Iterator[None]:
    """Modules built inside hold their parameters in float64, so that 0.1 stays 0.1."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
