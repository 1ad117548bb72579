"""A run's identity: two runs are the same if no number can differ between them."""

import hashlib
import json
from typing import Any

from actbench.command.job import Job, defaults, flatten
from actbench.command.options import GROUPS
from actbench.measure import build
from actbench.measure.environment import device

# Results of equal PROTOCOL may be compared. Every change that changes a number raises it (CHANGELOG, "Numbers").
PROTOCOL = 2
_FLOATS = ("train.clip_grad_norm",)  # its default, null, does not show its type
# Keys that are newer than PROTOCOL, each with the value that means what was measured without it. Such a value stays
# out of a run's identity and columns, so that a published run keeps its name.
_NEWER = {"model.gate": False}
# These keys change no number, so they are part neither of a run's identity nor of the tables' config columns.
_WITHOUT_EFFECT = ("output", "tuning", "data.root", "data.load")


def run_id(job: Job) -> str:
    """The activation and a hash of PROTOCOL and of every value that can change a number."""
    values = columns(job) | {"protocol": PROTOCOL}
    text = json.dumps(values, sort_keys=True)
    return f"{values['act']}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def act_name(job: Job) -> str:
    """The activation's name: its option's, or the last part of a custom one's dotted path."""
    choice = job.choices["act"]
    return job.config.act["_target_"].rsplit(".", 1)[-1] if choice == "custom" else choice


def columns(job: Job) -> dict[str, Any]:
    """The config as columns of the tables: each group's choice under its name, every value under its dotted key.

    A value takes its type from its option's file, so that act.alpha=1 and act.alpha=1.0 are the same run. A user's
    activation is identified by its dotted path and a hash of its file's text, so that an edited function is another
    run and another row of the report.
    """
    values = {name: job.choices[name] for name in (*GROUPS, "track")}
    default_values = defaults(job.choices)
    for key, value in flatten(job.config).items():
        if not (_is_without_effect(key) or (key in _NEWER and value == _NEWER[key])):
            values[key] = _cell(value, as_float=isinstance(default_values.get(key), float) or key in _FLOATS)
    values |= {"act": act_name(job), "device": device(job.config.device).type}
    if job.choices["act"] == "custom":
        code = build.source_text(job.config.act).encode()
        values |= {"act.target": job.config.act["_target_"], "act.source": hashlib.sha256(code).hexdigest()[:8]}
    return values


def _cell(value: Any, *, as_float: bool) -> Any:
    """A value as a table's cell; a list becomes its JSON text."""
    if isinstance(value, list):
        return json.dumps(value)
    return float(value) if as_float and value is not None else value


def _is_without_effect(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in _WITHOUT_EFFECT)
