"""A run's identity: two runs are the same if no number can differ between them."""

import functools
import hashlib
import json
import sys
from collections.abc import Iterator
from itertools import accumulate, repeat
from types import ModuleType
from typing import Any, NamedTuple

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from actbench.command.job import Job, defaults, flatten
from actbench.command.options import GROUPS, is_ours, options
from actbench.measure import build, global_state
from actbench.measure.environment import device
from actbench.measure.state import State
from actbench.measure.streams import PROTOCOL
from actbench.tables.schema import REFERENCE

_LENGTH = 80  # of the activation's name in a file's
_FLOATS = ("train.clip_grad_norm",)  # its default, null, does not show its type
# Keys that are newer than PROTOCOL, each with the value that means what was measured without it. Such a value stays
# out of a run's identity and columns, so that a published run keeps its name.
_NEWER: dict[str, Any] = {"reference": REFERENCE}
# These keys change no number, or what they say stands elsewhere: they are part neither of a run's identity nor of the
# tables' config columns.
_RECORDED = ("looks", "reference")  # columns that change no number either
_WITHOUT_EFFECT = ("output", "tuning", "data.root", "data.load", "act_by_layer")


def run_id(job: Job) -> str:
    """The activation and a hash of PROTOCOL and of every value that can change a number."""
    values = {k: v for k, v in columns(job).items() if k not in _RECORDED} | {"protocol": PROTOCOL}
    text = json.dumps(values, sort_keys=True)
    return f"{values['act'][:_LENGTH]}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def acts(job: Job) -> list[tuple[str, DictConfig]]:
    """The activations of a job, one or with act_by_layer one for each layer: their option, and their config."""
    if job.choices["act"] == "by_layer":
        return list(zip(job.config.act_by_layer, job.config.act.by_layer, strict=True))
    return [(job.choices["act"], job.config.act)]


def act_name(job: Job) -> str:
    """The activation's name: its option's, or the last part of the dotted path of one without a file.

    One with the name of an option goes by its whole path: `mine.relu` is not relu. Names by layer are joined by +.
    """
    return "+".join(_name(option, node) for option, node in acts(job))


def layer_names(job: Job) -> Iterator[str]:
    """The name of each layer's activation, from the input on: of one for all, without end."""
    names = [_name(option, node) for option, node in acts(job)]
    return iter(names) if job.choices["act"] == "by_layer" else repeat(names[0])


def _name(option: str, node: DictConfig) -> str:
    if option in options("act"):
        return option
    target = str(node["_target_"])
    name = target.rpartition(".")[2]
    return target if name in options("act") else name


def user_targets(job: Job, group: str) -> list[str]:
    """The dotted paths in the user's own options of a group, nested ones too; none in ours."""
    nodes = acts(job) if group == "act" else [(job.choices[group], job.config[group])]
    return [target for option, node in nodes if not is_ours(group, option) for target in _targets(node)]


def columns(job: Job) -> dict[str, Any]:
    """The config as columns of the tables: each group's choice under its name, every value under its dotted key.

    A value takes its type from its option's file, so that act.alpha=1 and act.alpha=1.0 are the same run. An option of
    the user's is identified by a hash of what it depends on too, so that an edited function is another run and another
    row of the report.
    """
    values = {name: job.choices[name] for name in (*GROUPS, "track")}
    default_values = defaults(job.choices)
    for key, value in flatten(job.config).items():
        is_new = key in _NEWER and value == _NEWER[key] and key in default_values
        if not (_is_without_effect(key) or is_new):
            values[key] = _cell(value, as_float=isinstance(default_values.get(key), float) or key in _FLOATS)
    values |= {"act": act_name(job), "device": device(job.config.device).type}
    if job.choices["act"] == "by_layer":
        nodes = OmegaConf.to_container(job.config.act.by_layer)
        values["act.by_layer"] = json.dumps([option for option, _ in acts(job)])
        values["act.source"] = _digest([nodes, [source(target).digest for target in user_targets(job, "act")]])
    elif targets := user_targets(job, "act"):
        values |= {"act.target": targets[0], "act.source": _digest([[t, source(t).digest] for t in targets])}
    for group in sorted({*GROUPS} - {"act"}):
        if targets := user_targets(job, group):
            loaded = group == "data"  # what a data set holds counts, not what it is loaded by
            by_code = _digest([[target, source(target).digest] for target in targets])
            values[f"{group}.source"] = data_digest(OmegaConf.to_yaml(job.config.data.load)) if loaded else by_code
    return values


def _targets(node: Any) -> list[str]:
    """Every dotted path in the config of an option."""
    if not isinstance(node, DictConfig):
        return []
    own = [str(node["_target_"])] if "_target_" in node else []
    return own + [target for value in node.values() for target in _targets(value)]


@functools.cache
def data_digest(load: str) -> str:
    """A hash of a data set's images, labels and number of test images, by the YAML of its `load`."""
    data = build.source(OmegaConf.create({"load": OmegaConf.create(load)}))
    arrays = [
        [str(tensor.dtype), list(tensor.shape), hashlib.sha256(tensor.numpy().tobytes()).hexdigest()]
        for tensor in (data.images, data.labels)
    ]
    return _digest([arrays, data.num_test, data.white])


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


class Source(NamedTuple):
    """What the callable at a dotted path depends on: one hash, and why it may not cover everything; "" if it does."""

    digest: str
    doubt: str


def source(target: str) -> Source:
    """What the user's callable depends on.

    These are the files that its code imports, directly or not, the versions of the installed packages among them, and
    the values that it holds: closures, defaults, globals, attributes. They are read once in a process, when it is first
    asked for, which must be before the callable is first called: a call may change its values, and a file may be edited
    while the process goes on with the code that it has loaded.
    """
    with global_state.kept():
        get_object(target)  # imports it
    prefixes = [name for name in accumulate(target.split("."), "{}.{}".format) if name in sys.modules]
    return _source(target, sys.modules[prefixes[-1]])


@functools.cache
def _source(target: str, module: ModuleType) -> Source:
    state = State()
    try:
        state.dependencies.add(module.__name__)
        state.add(get_object(target))
    except Exception as error:  # of the user's own methods, or a file that changes meanwhile
        state.doubts.append(f"what it holds cannot be read ({type(error).__name__}: {error})")
    files = state.dependencies
    text = json.dumps([state.digest(), files.files, files.versions], sort_keys=True)
    return Source(hashlib.sha256(text.encode()).hexdigest(), min(state.doubts, default=""))


def _cell(value: Any, *, as_float: bool) -> Any:
    """A value as a table's cell; a list becomes its JSON text."""
    if isinstance(value, list):
        return json.dumps(value)
    return float(value) if as_float and value is not None else value


def _is_without_effect(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in _WITHOUT_EFFECT)
