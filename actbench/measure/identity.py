"""A run's identity: two runs are the same if no number can differ between them."""

import functools
import hashlib
import json
import sys
from itertools import accumulate
from types import ModuleType
from typing import Any, NamedTuple

from hydra.utils import get_object

from actbench.command.job import Job, defaults, flatten
from actbench.command.options import GROUPS, options
from actbench.measure import global_state
from actbench.measure.environment import device
from actbench.measure.state import State

# Results of equal PROTOCOL may be compared. Every change that changes a number raises it (CHANGELOG, "Numbers").
PROTOCOL = 2
_FLOATS = ("train.clip_grad_norm",)  # its default, null, does not show its type
# Keys that are newer than PROTOCOL, each with the value that means what was measured without it. Such a value stays
# out of a run's identity and columns, so that a published run keeps its name.
_NEWER = {"model.gate": False, "precision": "float32", "task.label_smoothing": 0.0}
# These keys change no number, so they are part neither of a run's identity nor of the tables' config columns.
_WITHOUT_EFFECT = ("output", "tuning", "data.root", "data.load")


def run_id(job: Job) -> str:
    """The activation and a hash of PROTOCOL and of every value that can change a number."""
    values = columns(job) | {"protocol": PROTOCOL}
    text = json.dumps(values, sort_keys=True)
    return f"{values['act']}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def act_name(job: Job) -> str:
    """The activation's name: its option's, or the last part of a custom one's dotted path.

    A custom one with the name of an option goes by its whole path: `mine.relu` is not relu.
    """
    choice = job.choices["act"]
    if choice != "custom":
        return choice
    target = str(job.config.act["_target_"])
    name = target.rpartition(".")[2]
    return target if name in options("act") else name


def columns(job: Job) -> dict[str, Any]:
    """The config as columns of the tables: each group's choice under its name, every value under its dotted key.

    A value takes its type from its option's file, so that act.alpha=1 and act.alpha=1.0 are the same run. A user's
    activation is identified by its dotted path and a hash of what it depends on, so that an edited function is another
    run and another row of the report.
    """
    values = {name: job.choices[name] for name in (*GROUPS, "track")}
    default_values = defaults(job.choices)
    for key, value in flatten(job.config).items():
        if not (_is_without_effect(key) or (key in _NEWER and value == _NEWER[key])):
            values[key] = _cell(value, as_float=isinstance(default_values.get(key), float) or key in _FLOATS)
    values |= {"act": act_name(job), "device": device(job.config.device).type}
    if job.choices["act"] == "custom":
        target = str(job.config.act["_target_"])
        values |= {"act.target": target, "act.source": source(target).digest[:8]}
    return values


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
