"""Checks of one composed config: an error says what was given, what is allowed, what to do.

`measure.preflight` checks what needs torch: the activation itself, the data, the device.
"""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from actbench.command.job import Job, defaults, flatten
from actbench.command.options import GROUPS, PRESETS, ConfigError, nearest, options


def _whole(least: int, most: float = math.inf) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _number(is_allowed: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and is_allowed(value)


_POSITIVE = _number(lambda v: 0 < v < math.inf)
# Last part of a key -> the values allowed, in words and as a test.
_RULES: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("seed", "a whole number from 0 to 2,147,483,647", _whole(0, 2**31 - 1)),
    (
        "num_seeds threads epochs batch_size width num_images num_val num_test num_train num_classes "
        "num_examples per_decade latent_size",
        "a whole number, 1 or more",
        _whole(1),
    ),
    ("depth", "a whole number, 0 or more", _whole(0)),
    ("widths", "a list of whole numbers, 1 or more", lambda v: min(v, default=0) >= 1),
    ("lr eps std target_loss clip_grad_norm", "a finite number above 0", _POSITIVE),
    ("epsilon", "a number between 0 and 1", _number(lambda v: 0 < v < 1)),
    ("weight_decay momentum", "a finite number, 0 or more", _number(lambda v: 0 <= v < math.inf)),
    ("dropout", "a number from 0 up to, not including, 1", _number(lambda v: 0 <= v < 1)),
    ("name tuning", "a word", lambda v: type(v) in (str, int, float)),
    ("device", "auto, cpu or cuda", lambda v: str(v).split(":")[0] in ("auto", "cpu", "cuda")),
)
_ALLOWED = {name: (words, allowed) for names, words, allowed in _RULES for name in names.split()}
_MAY_BE_NULL = ("clip_grad_norm", "name", "num_test", "num_train", "tuning")
_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}


def check(job: Job) -> None:
    """Raise a ConfigError unless every key of the job exists and has a valid value."""
    reference, values = defaults(job.choices), flatten(job.config)
    for key in values:
        if key not in reference and not (key.startswith("act.") and job.choices["act"] == "custom"):
            raise ConfigError(no_such_key(key, reference, job.choices))
    if "act" not in job.choices:
        example, names = "for instance: python -m actbench +act=mish", ", ".join(options("act"))
        raise ConfigError(f"No activation is given. Name one, {example}. There are: {names}.")
    for key, value in values.items():
        if not _is_alike(value, reference.get(key)):
            default = reference[key]
            wanted = f"{_type(default)}, as {_text(default)} is"
            raise ConfigError(f"{key}={_text(value)} is of the wrong type: it must be {wanted}.")
        name = key.rsplit(".", 1)[-1]
        words, allowed = _ALLOWED.get(name, ("", lambda value: True))
        is_null = value is None and name in _MAY_BE_NULL
        if not (key.startswith("act.") or is_null or allowed(value)):
            raise ConfigError(f"{key}={_text(value)} is out of range: it must be {words}.")
    if values.get("optim.nesterov") and not values["optim.momentum"]:
        momentum = "a momentum above 0: set optim.momentum, for instance to 0.9"
        raise ConfigError(f"optim.nesterov=true needs {momentum}.")


def check_overrides(overrides: Sequence[str]) -> None:
    """Raise a ConfigError for what Hydra accepts and no run can use, such as a key given twice."""
    keys = list(map(key_of, overrides))
    acts = [text.partition("=")[2] for text in overrides if key_of(text) == "act"]
    is_custom = acts == ["custom"]
    for key, text in zip(keys, overrides, strict=True):
        group, value = key.split(".")[0], text.partition("=")[2]
        if text.startswith("~"):
            each = "but every key is needed: set it to another value instead"
            raise ConfigError(f"~{key} deletes a key, {each}.")
        if keys.count(key) > 1:
            once = f"give it once, or several values of it with -m {key}=A,B"
            raise ConfigError(f"{key} is given more than once: {once}.")
        if key in (*GROUPS, *PRESETS) and value.startswith("["):
            axis = f"{key}={value.strip('[]')}"
            raise ConfigError(f"{key}={value} is a list: to run one after another, give -m {axis}.")
        if is_custom and group == "act" and key not in ("act", "act._target_") and text[0] != "+":
            raise ConfigError(no_such_key(key, (), {"act": "custom"}))
        is_mistyped = key.startswith("act.") and "," not in acts[0] and acts[0] not in options("act") if acts else False
        if key.endswith(("_target_", "_partial_")) and not (key == "act._target_" and (is_custom or is_mistyped)):
            other = f": choose another option of {group} instead" if group in GROUPS else ""
            alone = " but with act=custom alone, in a command of its own"
            raise ConfigError(f"{key} cannot be set{alone if group == 'act' else other}.")


def key_of(override: str) -> str:
    """The key of an argument [+~]KEY=VALUE."""
    return override.lstrip("+~").split("=", 1)[0]


def no_such_key(key: str, keys: Collection[str], choices: Mapping[str, str]) -> str:
    """The sentence for an unknown key; `keys` are the valid ones."""
    group = key.split(".")[0]
    inside = [name for name in keys if name.startswith(f"{group}.")]
    if group not in GROUPS:
        tops = {*(name.split(".")[0] for name in keys), *GROUPS, *PRESETS, "hydra"}
        return f"There is no key {key}: {nearest(key, inside) if inside else nearest(group, tops)}"
    choice = f"{group}={choices[group]}"
    if choice == "act=custom":
        return f"{key} is new to act=custom: give it with a plus sign, +{key}=VALUE."
    if not inside:
        return f"There is no key {key}: {choice} has no parameters. Leave it out."
    return f"There is no key {key} with {choice}: {nearest(key, inside)}"


def _is_alike(value: Any, reference: Any) -> bool:
    """Whether a value has the type of its default; null or an interpolation allows any."""
    if reference is None or (isinstance(reference, str) and reference.startswith("${")):
        return True
    if isinstance(reference, list):
        entries = value if isinstance(value, list) else []
        return entries != [] and all(_is_alike(entry, reference[0]) for entry in entries)
    return type(value) is type(reference) or (type(reference) is float and type(value) is int)


def _type(reference: Any) -> str:
    """The type of a default in words."""
    if isinstance(reference, list):
        return f"a list of {_TYPES[type(reference[0])].removeprefix('a ')}s"
    return _TYPES[type(reference)]


def _text(value: Any) -> str:
    """A value as it is typed."""
    return json.dumps(value) if value is None or isinstance(value, bool | list) else str(value)
