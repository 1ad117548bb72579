"""A command line as Hydra can follow it, and what Hydra needs beside conf/: experiments, act=custom."""

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import MISSING, DictConfig, OmegaConf

from actbench.command.check import check_overrides
from actbench.command.errors import translated_errors
from actbench.command.options import GROUPS, ConfigError, options

_SHOW = {"--cfg", "-c", "--info", "-i", "--run", "-r", "--shell-completion", "--hydra-help"}


def hydra_arguments(argv: list[str]) -> list[str]:
    """The arguments, checked, and rewritten in the two ways that Hydra needs.

    +experiment=elu_alpha, which sweeps, becomes -m +experiment=elu_alpha. In -m +act=elu,celu
    act.alpha=1 the last becomes act.alpha=choice(1): Hydra composes the sweep's own config without
    act, where it does not know act.alpha, but passes such an axis on to the jobs.
    """
    assignments = [text for text in argv if text[:1] == "~" or ("=" in text and text[0] != "-")]
    with translated_errors(argv):
        overrides = OverridesParser.create().parse_overrides(assignments)
    check_overrides(overrides)
    names = {str(o.value()) for o in overrides if o.key_or_group == "experiment"}
    swept = {key for name in names & set(options("experiment")) for key in _axes_of(name)}
    flags = {argument.split("=", 1)[0] for argument in argv if argument.startswith("-")}
    if {"-m", "--multirun"} & flags and _SHOW & flags:
        raise ConfigError("-m runs a sweep, --cfg and --info only show: give one of them.")
    if swept and not flags & {"-m", "--multirun", *_SHOW}:
        argv = ["-m", *argv]
    if not {"-m", "--multirun"} & set(argv):
        return argv
    swept |= {override.key_or_group for override in overrides if override.is_sweep_override()}
    axes = {}
    for override in overrides:
        line, (group, _, key) = str(override.input_line), override.key_or_group.partition(".")
        if key and group in swept & set(GROUPS) and not override.is_sweep_override():
            if override.value() in (None, ""):
                raise ConfigError(f"{line} gives {override.key_or_group} no value.")
            axes[line] = f"{line.split('=', 1)[0]}=choice({override.get_value_string()})"
    return [axes.get(argument, argument) for argument in argv]


def register(argv: Sequence[str]) -> None:
    """Store the experiments that the arguments name, and act=custom if they name it.

    Reading all experiments would take time. `custom` stands for the user's own activation;
    act=glob(*) must not match it.
    """
    store, arguments = ConfigStore.instance(), [argument.lstrip("+") for argument in argv]
    patterns = [argument for argument in arguments if argument.startswith("experiment=")]
    named = [n for n in options("experiment") if any(n in p or "glob" in p for p in patterns)]
    for name in (named or options("experiment")) if patterns else ():
        store.store(group="experiment", name=name, package="_global_", node=_experiment(name))
    store.repo.get("act", {}).pop("custom.yaml", None)
    if any(argument.startswith("act=") and "custom" in argument for argument in arguments):
        store.store(group="act", name="custom", node={"_target_": MISSING})


def _experiment(name: str) -> DictConfig:
    """The config of an experiment, without its claims, which only the ledger reads."""
    node = OmegaConf.load(options("experiment")[name])
    return OmegaConf.masked_copy(node, [str(k) for k in node if k != "claims"])  # type: ignore[arg-type]


def _axes_of(experiment: str) -> list[str]:
    params = OmegaConf.select(_experiment(experiment), "hydra.sweeper.params") or {}
    return [str(key).lstrip("+") for key in params]
