"""A run's identity: what tells two runs apart is whatever can change a number."""

import hashlib
import json
from typing import Any

from actbench.command.job import Job, defaults, flatten
from actbench.command.options import GROUPS
from actbench.measure import build
from actbench.measure.environment import device

# The integer that says which results may be compared: raised whenever a change moves a number (CHANGELOG, "Numbers").
PROTOCOL = 2
# What cannot change a run's numbers is left out of its identity and of the tables' config columns.
_FLOATS = ("train.clip_grad_norm",)  # which is null in its file
_WITHOUT_EFFECT = ("output", "tuning", "data.root", "data.load")


def run_id(job: Job) -> str:
    """The activation and a hash of PROTOCOL and of every value that can change a number."""
    values = columns(job) | {"protocol": PROTOCOL}
    text = json.dumps(values, sort_keys=True)
    return f"{values['act']}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def columns(job: Job) -> dict[str, Any]:
    """The config as columns of the tables: each group's choice under its name, every scalar under its dotted key.

    A value has the type that it has in its option's file, so that act.alpha=1 and act.alpha=1.0 are the same run. The
    user's own activation is told by its dotted path and a hash of its file's text, so that an edited function is
    another run and another row of the report.
    """
    values = {name: job.choices[name] for name in (*GROUPS, "track")}
    known = defaults(job.choices)
    for key, value in flatten(job.config).items():
        if not _is_without_effect(key):
            values[key] = _stored(value, as_float=isinstance(known.get(key), float) or key in _FLOATS)
    values |= {"act": job.act, "device": device(job.config.device).type}
    if job.choices["act"] == "custom":
        code = build.source_text(job.config.act).encode()
        values |= {"act.target": job.config.act["_target_"], "act.source": hashlib.sha256(code).hexdigest()[:8]}
    return values


def _stored(value: Any, *, as_float: bool) -> Any:
    """A value as a table holds it: a list as its JSON text."""
    if isinstance(value, list):
        return json.dumps(value)
    return float(value) if as_float and value is not None else value


def _is_without_effect(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in _WITHOUT_EFFECT)
