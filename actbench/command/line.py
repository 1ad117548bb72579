"""What Hydra is given for a command line, and what it is told beside conf/: experiments and act=custom."""

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import OverrideParseException
from omegaconf import MISSING, DictConfig, OmegaConf

from actbench.command.options import GROUPS, options


def hydra_arguments(argv: list[str]) -> list[str]:
    """The arguments, with -m where an experiment sweeps, and each fixed key of a swept group as an axis of one value.

    Hydra composes the sweep's own config without the axes; there such a key is unknown (act.alpha=1 for +act=elu,celu).
    """
    try:
        overrides = OverridesParser.create().parse_overrides(assignments(argv))
    except OverrideParseException:  # Hydra finds it too
        return argv
    named = [str(override.value()) for override in overrides if override.key_or_group == "experiment"]
    params = [axis for name in named if name in options("experiment") for axis in _swept_by(name)]
    has_flags = any(text.startswith("-") for text in argv)
    argv = ["-m", *argv] if params and not has_flags else argv
    if not is_multirun(argv):
        return argv
    swept = {*params, *(override.key_or_group for override in overrides if override.is_sweep_override())}
    axes = {str(o.input_line): _axis(o) for o in overrides if _group(o) in swept and not o.is_sweep_override()}
    return [axes.get(text, text) for text in argv]


def assignments(argv: Sequence[str]) -> list[str]:
    """The arguments KEY=VALUE, without flags and what stands behind one."""
    return [text for text in argv if "=" in text and not text.startswith("-")]


def is_multirun(argv: Sequence[str]) -> bool:
    """Whether a sweep is asked for."""
    return bool({"-m", "--multirun"} & set(argv))


def register(argv: Sequence[str]) -> None:
    """Store the experiments that the arguments name, as to read all takes time, and act=custom where they name it.

    `custom` is the user's own activation; it is no entry of conf/act/, so that act=glob(*) does not meet it.
    """
    store, given = ConfigStore.instance(), [text.lstrip("+") for text in argv]
    wanted = [text for text in given if text.startswith("experiment=")]
    named = [name for name in options("experiment") if any(name in text or "glob" in text for text in wanted)]
    for name in (named or options("experiment")) if wanted else ():  # where none is meant, Hydra lists all
        store.store(group="experiment", name=name, package="_global_", node=_experiment(name))
    store.repo.get("act", {}).pop("custom.yaml", None)
    if any(text.startswith("act=") and "custom" in text for text in given):
        store.store(group="act", name="custom", node={"_target_": MISSING})


def _experiment(name: str) -> DictConfig:
    """The config of an experiment, without the claims that the ledger decides from its results."""
    node = OmegaConf.load(options("experiment")[name])
    return OmegaConf.masked_copy(node, [str(key) for key in node if key != "claims"])  # type: ignore[arg-type]


def _swept_by(experiment: str) -> list[str]:
    params = OmegaConf.select(_experiment(experiment), "hydra.sweeper.params") or {}
    return [str(key).lstrip("+") for key in params]


def _group(override: Override) -> str | None:
    """The group of a key inside one, as act.alpha is inside act."""
    group = override.key_or_group.split(".")[0]
    return group if group in GROUPS and group != override.key_or_group else None


def _axis(override: Override) -> str:
    return f"{str(override.input_line).split('=', 1)[0]}=choice({override.get_value_string()})"
