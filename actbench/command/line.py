"""What Hydra is given for a command line, and told beside conf/: experiments and act=custom."""

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from omegaconf import MISSING, DictConfig, OmegaConf

from actbench.command.options import GROUPS, options


def hydra_arguments(argv: list[str]) -> list[str]:
    """The arguments, with -m where an experiment sweeps, and fixed keys of swept groups as axes.

    Hydra composes the sweep's own config without its axes; there act.alpha=1 is unknown where
    +act=elu,celu is swept, and act.alpha=choice(1) is asked of the jobs.
    """
    try:
        overrides = OverridesParser.create().parse_overrides(assignments(argv))
    except OverrideParseException:  # Hydra finds it too
        return argv
    named = {str(o.value()) for o in overrides if o.key_or_group == "experiment"}
    swept = {key for name in named & set(options("experiment")) for key in _swept_by(name)}
    if swept and not any(text.startswith("-") for text in argv):
        argv = ["-m", *argv]
    if not {"-m", "--multirun"} & set(argv):
        return argv
    swept |= {override.key_or_group for override in overrides if override.is_sweep_override()}
    axes = {}
    for override in overrides:
        text, (group, _, inside) = str(override.input_line), override.key_or_group.partition(".")
        if inside and group in swept & set(GROUPS) and not override.is_sweep_override():
            axes[text] = f"{text.split('=', 1)[0]}=choice({override.get_value_string()})"
    return [axes.get(text, text) for text in argv]


def assignments(argv: Sequence[str]) -> list[str]:
    """The arguments KEY=VALUE, without flags and what stands behind one."""
    return [text for text in argv if "=" in text and not text.startswith("-")]


def register(argv: Sequence[str]) -> None:
    """Store the experiments that the arguments name, and act=custom where they name it.

    To read all experiments takes time; `custom`, the user's own activation, must not be met by
    act=glob(*).
    """
    store, given = ConfigStore.instance(), [text.lstrip("+") for text in argv]
    wanted = [text for text in given if text.startswith("experiment=")]
    named = [n for n in options("experiment") if any(n in w or "glob" in w for w in wanted)]
    for name in (named or options("experiment")) if wanted else ():  # of none, Hydra lists all
        store.store(group="experiment", name=name, package="_global_", node=_experiment(name))
    store.repo.get("act", {}).pop("custom.yaml", None)
    if any(text.startswith("act=") and "custom" in text for text in given):
        store.store(group="act", name="custom", node={"_target_": MISSING})


def _experiment(name: str) -> DictConfig:
    """The config of an experiment, without the claims that the ledger decides from its results."""
    node = OmegaConf.load(options("experiment")[name])
    return OmegaConf.masked_copy(node, [str(k) for k in node if k != "claims"])  # type: ignore[arg-type]


def _swept_by(experiment: str) -> list[str]:
    params = OmegaConf.select(_experiment(experiment), "hydra.sweeper.params") or {}
    return [str(key).lstrip("+") for key in params]
