"""The activations of conf/act/ as functions in float64, and the command line's words for one of them."""

import contextlib
import difflib
import functools
import importlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from actbench.properties import Function

CUSTOM = "custom"  # the user's own: everything about it comes from the command line


@dataclass(frozen=True)
class NamedFunction:
    """An activation with the parameters it was built with; `formula` is the first line of its YAML."""

    name: str
    formula: str
    parameters: dict[str, Any]
    f: Function


def names() -> list[str]:
    """The activations of conf/act/ that stand on their own."""
    return [path.stem for path in sorted(_folder().glob("*.yaml")) if "_target_" in OmegaConf.load(path)]


def load(name: str, parameters: Mapping[str, Any] | None = None) -> NamedFunction:
    """The activation of conf/act/<name>.yaml, some of its parameters replaced; float64, in evaluation mode.

    Raises:
        ValueError: If there is no such activation, its target cannot be imported, or it refuses the parameters.
    """
    path = _folder() / f"{name}.yaml"
    if not path.is_file() and name != CUSTOM:
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Give one of {', '.join(names())}, or custom."
        raise ValueError(f"There is no activation {name!r} in conf/act/. {hint}")
    config: dict[str, Any] = OmegaConf.to_container(OmegaConf.load(path)) if path.is_file() else {}  # type: ignore[assignment]
    given = {**config, **(parameters or {})}
    target = given.pop("_target_", None)
    if not isinstance(target, str) or target == "???":
        raise ValueError("A custom activation needs its dotted path: give act._target_=<package>.<function or class>.")
    formula = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ") if path.is_file() else target
    return NamedFunction(name, formula, given, _built(target, given))


def parse(arguments: list[str]) -> tuple[str, dict[str, Any]]:
    """Name and parameters from `+act=elu act.alpha=0.5`, as the rest of actbench understands it.

    Raises:
        ValueError: If an argument is not of that form, or names a parameter that the activation does not have.
    """
    try:
        pairs = [(word, OmegaConf.to_container(OmegaConf.from_dotlist([word.lstrip("+")]))) for word in arguments]
    except OmegaConfBaseException as error:
        raise ValueError(f"{' '.join(arguments)} cannot be read: {error}.") from error
    name, parameters = None, {}
    for word, tree in pairs:
        value = tree.get("act") if isinstance(tree, dict) and set(tree) == {"act"} else None
        if isinstance(value, str) and "=" in word:
            name = value
        elif isinstance(value, dict):
            parameters.update({key: (word.startswith("+"), entry) for key, entry in value.items()})
        else:
            raise ValueError(
                f"{word!r} is not understood: give +act=<name> and act.<parameter>=<value>, for instance "
                "+act=elu act.alpha=0.5."
            )
    if name is None:
        raise ValueError("No activation is named: give +act=<name>, for instance +act=elu act.alpha=0.5.")
    known = load(name).parameters if name != CUSTOM else None
    for key, (added, _) in parameters.items():
        if known is not None and not added and key not in {*known, "_target_"}:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise ValueError(f"{name} has no parameter {key!r}: {has}. Write +act.{key}=… to add one all the same.")
    return name, {key: entry for key, (_, entry) in parameters.items()}


def _folder() -> Path:
    """conf/act/ beside the package (a checkout), else inside it (a wheel)."""
    package = Path(__file__).parent
    beside = package.parent / "conf" / "act"
    return beside if beside.is_dir() else package / "conf" / "act"


def _built(target: str, parameters: dict[str, Any]) -> Function:
    try:
        made = _imported(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{target!r} cannot be imported: {error}. "
            "Give the dotted path of a function or class that Python finds from here."
        ) from error
    is_module = isinstance(made, type) and issubclass(made, nn.Module)
    _accepts(made, target, parameters, takes_z=not is_module)
    if not is_module:
        return functools.partial(made, **parameters)
    with _float64():
        return made(**parameters).eval()


def _imported(target: str) -> Any:
    """What a dotted path names: the longest importable module in it, then attributes."""
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        try:
            return functools.reduce(getattr, parts[cut:], importlib.import_module(module))
        except ModuleNotFoundError as error:
            if cut == 1 or not module.startswith(str(error.name)):  # the module is there and needs one that is not
                raise
    raise ValueError("it has no dot")


def _accepts(made: Any, target: str, parameters: dict[str, Any], *, takes_z: bool) -> None:
    try:
        signature = inspect.signature(made)
    except (TypeError, ValueError):  # torch's built-in functions have none: they speak up when they are called
        return
    try:
        signature.bind(*([None] if takes_z else []), **parameters)
    except TypeError as error:
        raise ValueError(
            f"{target}{signature} does not take {parameters}: {error}. Give parameters of its signature."
        ) from error


@contextlib.contextmanager
def _float64() -> Iterator[None]:
    """Modules made inside hold their parameters in float64: 0.1 stays 0.1."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
