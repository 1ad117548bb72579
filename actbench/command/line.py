"""What Hydra is given for a command line, rewritten in the two places where it could not follow."""

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException
from omegaconf import OmegaConf

from actbench.command.options import GROUPS, options
from actbench.command.schema import experiment


def hydra_arguments(argv: list[str]) -> list[str]:
    """The arguments with -m for an experiment that sweeps, and each fixed key of a swept group as an axis of one value.

    Hydra composes the sweep's own config without the axes; there such a key is unknown (act.alpha=1 for +act=elu,celu).
    """
    try:
        overrides = OverridesParser.create().parse_overrides(assignments(argv))
    except OverrideParseException:  # Hydra finds it too
        return argv
    named = [str(override.value()) for override in overrides if override.key_or_group == "experiment"]
    params = [axis for name in named if name in options("experiment") for axis in _params(name)]
    swept = {override.key_or_group for override in overrides if override.is_sweep_override()} | set(params)
    fixed = {str(o.input_line): _axis(o) for o in overrides if not o.is_sweep_override() and _group(o) in swept}
    multirun = ["-m"] if params and not any(text.startswith("-") for text in argv) else []
    return [*multirun, *(fixed.get(text, text) if multirun or _is_multirun(argv) else text for text in argv)]


def assignments(argv: list[str]) -> list[str]:
    """The arguments KEY=VALUE, without flags and what stands behind one."""
    return [text for text in argv if "=" in text and not text.startswith("-")]


def _params(name: str) -> list[str]:
    """The keys that an experiment sweeps."""
    params = OmegaConf.select(experiment(name), "hydra.sweeper.params") or {}
    return [str(key).lstrip("+") for key in params]


def _is_multirun(argv: list[str]) -> bool:
    return bool({"-m", "--multirun"} & set(argv))


def _group(override: Override) -> str | None:
    """The group of a key inside one, as act.alpha is inside act."""
    group = override.key_or_group.split(".")[0]
    return group if group in GROUPS and group != override.key_or_group else None


def _axis(override: Override) -> str:
    return f"{str(override.input_line).split('=', 1)[0]}=choice({override.get_value_string()})"
