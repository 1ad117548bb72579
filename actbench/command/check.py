"""Checks of one composed config: an error says what was given, what is allowed, what to do.

`measure.preflight` checks what needs torch: the activation itself, the data, the device.
"""

import difflib
import json
import math
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Glob, Override, Quote, QuotedString
from hydra.errors import HydraException

from actbench.command.job import Job, defaults, flatten
from actbench.command.options import GROUPS, PRESETS, ConfigError, nearest, options


def _whole(least: int, most: float = math.inf) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _number(is_allowed: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and is_allowed(value)


def _ascending(values: Sequence[int]) -> bool:
    return all(low < high for low, high in zip([1, *values], values, strict=False))


_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?|mps", re.IGNORECASE)
_GATES = {"glu": "sigmoid", "geglu": "gelu", "reglu": "relu", "swiglu": "silu"}
_POSITIVE = _number(lambda v: 0 < v < math.inf)
# Last part of a key -> the values allowed, in words and as a test.
_RULES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("seed", "a whole number from 0 to 2,147,483,647", _whole(0, 2**31 - 1)),
    ("num_seeds threads epochs batch_size width", "a whole number, 1 or more", _whole(1)),
    ("num_images num_val num_test num_train", "a whole number, 1 or more", _whole(1)),
    ("num_folds", "a whole number, 2 or more", _whole(2)),
    ("num_classes num_examples per_decade latent_size", "a whole number, 1 or more", _whole(1)),
    ("depth", "a whole number, 0 or more", _whole(0)),
    ("looks", "one to four ascending whole numbers from 2 on", lambda v: 1 <= len(v) <= 4 and _ascending(v)),
    ("widths", "a list of whole numbers, 1 or more", lambda v: min(v, default=0) >= 1),
    ("lr eps std target_loss clip_grad_norm", "a finite number above 0", _POSITIVE),
    ("epsilon start peak", "a number between 0 and 1", _number(lambda v: 0 < v < 1)),
    ("weight_decay momentum", "a finite number, 0 or more", _number(lambda v: 0 <= v < math.inf)),
    ("dropout label_smoothing", "a number, 0 or more, below 1", _number(lambda v: 0 <= v < 1)),
    ("precision", "float32 or bfloat16", lambda v: v in ("float32", "bfloat16")),
    ("name tuning", "a word", lambda v: type(v) in (str, int, float)),
    ("root", "a folder", lambda v: type(v) is str),
    ("device", "auto, cpu, cuda, cuda:1 or mps", lambda v: bool(_DEVICE.fullmatch(str(v)))),
)
_ALLOWED = {name: (words, allowed) for names, words, allowed in _RULES for name in names.split()}
# Keys whose value may be any text.
_TEXTS = ("reference", "output.root", "output.name", "data.root", "tuning", "act._target_")
_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def check(job: Job) -> None:
    """Raise a ConfigError unless every key of the job exists and has a valid value."""
    reference, values = defaults(job.choices), flatten(job.config)
    for key, value in values.items():
        is_custom = key.startswith("act.") and job.choices.get("act") in ("custom", "by_layer")
        if key not in reference and key.startswith("act.num_") and not (is_custom or value == "channel"):
            raise ConfigError(f"{key}={value} must be channel: the number of units of each layer.")
        if key not in reference and not (is_custom or _is_per_unit(key, value)):
            raise ConfigError(no_such_key(key, reference, job.choices))
    if "act" not in job.choices:
        example, names = "for instance: python -m actbench +act=mish", ", ".join(options("act"))
        raise ConfigError(f"No activation is given. Name one, {example}. There are: {names}.")
    for key, value in sorted(values.items(), key=lambda item: len(item[0])):  # data.root first
        if _is_per_unit(key, value):
            continue
        if not _is_alike(value, reference.get(key)):
            default = reference[key]
            wanted = f"{_TYPES.get(type(default), 'a list of this kind')}, as {_text(default)} is"
            raise ConfigError(f"{key}={_text(value)} is of the wrong type: it must be {wanted}.")
        words, allowed = _ALLOWED.get(key.rsplit(".", 1)[-1], ("", lambda value: True))
        is_null = value is None and reference.get(key, 0) is None
        if not (key.startswith("act.") or is_null or allowed(value)):
            raise ConfigError(f"{key}={_text(value)} is out of range: it must be {words}.")
        followed = key.replace("data.load.", "data.")
        if key != followed and reference.get(key) == f"${{{followed}}}" and value != values[followed]:
            raise ConfigError(f"{key} follows {followed}: set that.")
    if values.get("optim.nesterov") and not values["optim.momentum"]:
        raise ConfigError("optim.nesterov=true needs an optim.momentum above 0, for instance 0.9.")


def check_overrides(overrides: Sequence[Override]) -> None:
    """Raise a ConfigError for what Hydra accepts and no run can use, such as a key given twice."""
    keys = [override.key_or_group for override in overrides]
    is_custom = any(o.key_or_group == "act" and o.value() == "custom" for o in overrides)
    for override in overrides:
        key = override.key_or_group
        is_choice = key in (*GROUPS, *PRESETS, "hydra/sweeper")  # Hydra's own sweeper would check nothing
        if key == "hydra.searchpath":
            raise ConfigError("hydra.searchpath: give --config-dir FOLDER, which every command finds.")
        if not key or override.package is not None or (is_choice and override.is_force_add()):
            raise ConfigError(unreadable(str(override.input_line)))
        if override.is_delete():
            raise ConfigError(f"~{key} deletes a key, but each is needed: set it to another value.")
        if keys.count(key) > 1:
            once = f"give it once, or several values of it with -m {key}=A,B"
            raise ConfigError(f"{key} is given more than once: {once}.")
        _check_values(override, [*options(key), *["custom"] * (key == "act")] if is_choice else [])
        group, _, name = key.rpartition(".")
        if name in ("_target_", "_partial_") and not (is_custom and key == "act._target_"):
            alone = " but with act=custom alone, in a command of its own."
            other = f": choose another option of {group.split('.')[0]} instead."
            raise ConfigError(f"{key} cannot be set{alone if group == 'act' else other}")


def _check_values(override: Override, names: Sequence[str]) -> None:
    """Raise a ConfigError unless an override has values and each is one of a group's options."""
    key, value, typed = override.key_or_group, override.value(), override.get_value_string()
    try:
        listed = list(override.sweep_string_iterator()) if override.is_sweep_override() else [typed]
    except (HydraException, ValueError):  # an interval, a glob, a range with steps of 0
        listed = value.filter(list(names)) if isinstance(value, Glob) else []
    if not listed:
        known = nearest(typed, names) if names else f"name them, as in {key}=A,B."
        raise ConfigError(f"{key}={typed} lists no values: {known}")
    if key == "experiment" and override.is_sweep_override():
        raise ConfigError("An experiment brings its own sweep: give one experiment a command.")
    if names and isinstance(value, list):
        axis = f"{key}={typed.strip('[]')}"
        raise ConfigError(f"{key}={typed} is a list: to run one after another, give -m {axis}.")
    for name in (text.strip("\"'") for text in listed):
        if names and name not in names:
            gate = f"give model.gate=true +act={_GATES[name]}." if name in _GATES else ""
            raise ConfigError(f"There is no {key}={name}: {gate or nearest(name, names)}")


def unreadable(argument: str) -> str:
    """The sentence for an argument that Hydra cannot parse."""
    hint = in_quotes(argument) or "an argument is KEY=VALUE, as in train.epochs=5"
    return f"{argument!r} cannot be read: {hint}."


def in_quotes(argument: str) -> str:
    """How to type an argument whose value is one text; empty where its key takes none."""
    key, _, value = argument.partition("=")
    if key_of(key) not in _TEXTS or "${" in value:  # of an interpolation
        return ""
    quoted = QuotedString(value, Quote.double).with_quotes()
    return f"give it in quotes of both kinds, {shlex.quote(f'{key}={quoted}')}"


def key_of(override: str) -> str:
    """The key of an argument [+~]KEY=VALUE."""
    return override.lstrip("+~").split("=", 1)[0]


def no_such_key(key: str, keys: Collection[str], choices: Mapping[str, str]) -> str:
    """The sentence for an unknown key; `keys` are the valid ones."""
    group = key.split(".")[0]
    inside = [name for name in keys if name.startswith(f"{group}.")]
    if group not in GROUPS:
        near = inside or difflib.get_close_matches(key, keys, n=1, cutoff=0.8)
        tops = {*(name.split(".")[0] for name in keys), *GROUPS, *PRESETS, "hydra"}
        return f"There is no key {key}: {nearest(key, near) if near else nearest(group, tops)}"
    if group not in choices:
        return f"{key} needs an activation that has it: add +act=NAME."
    choice = f"{group}={choices[group]}"
    if not inside:
        return f"There is no key {key}: {choice} has no parameters. Leave it out."
    return f"There is no key {key} with {choice}: {nearest(key, inside)}"


def _is_per_unit(key: str, value: Any) -> bool:
    """Whether a key asks for the number of units of each layer, as act.num_parameters=channel does."""
    return value == "channel" and key.startswith("act.num_")


def _is_alike(value: Any, reference: Any) -> bool:
    """Whether a value has the type of its default; null or an interpolation allows any."""
    if reference is None or (isinstance(reference, str) and reference.startswith("${")):
        return True
    if isinstance(reference, list):
        entries = value if isinstance(value, list) else []
        return entries != [] and all(_is_alike(entry, reference[0]) for entry in entries)
    return type(value) is type(reference) or (type(reference) is float and type(value) is int)


def _text(value: Any) -> str:
    """A value as it is typed."""
    return json.dumps(value) if value is None or isinstance(value, bool | list) else str(value)
