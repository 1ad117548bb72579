"""What --help lists: every option of every group and every experiment, one line each. Imports no torch."""

import textwrap

from actbench.command.options import CONF, GROUPS, describe, options

_TITLES = {
    "act": "activations",
    "data": "data sets",
    "model": "models",
    "init": "initialisations",
    "optim": "optimizers",
    "hydra/launcher": "launchers",
}


def text() -> str:
    """The lists, activations first, then the base run's settings."""
    groups = sorted(
        GROUPS, key=lambda group: (group not in _TITLES, list(_TITLES).index(group) if group in _TITLES else 0)
    )
    listed = ("experiment", *groups, "track", "hydra/launcher")
    sections = [_section(f"{_TITLES.get(group, group)} ({group}=…)", group) for group in listed]
    base = (CONF / "config.yaml").read_text(encoding="utf-8")
    settings = base[base.index("\nseed:") : base.index("\nhydra:")].strip()
    return "\n\n".join([*sections, "settings\n" + textwrap.indent(settings, "  ")])


def _section(title: str, group: str) -> str:
    names = options(group)
    width = max(map(len, names), default=0)
    return "\n".join([title, *(f"  {name:<{width}}  {describe(path)}" for name, path in names.items())])
