"""From a command line to the jobs that it stands for, each composed and checked before any of them starts."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Glob, Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationResolutionError,
)

from actbench import config as cfg
from actbench.checks import check
from actbench.composition import apart, composed, composing, each_composed, is_group, no_such_key, parse
from actbench.config import GROUPS, PRESETS, ConfigError, nearest, options


def _tuned_lr(root: str, tuning: str | None, act: str) -> float:
    from actbench.tuning import tuned_lr  # needs pandas, which no other config needs

    return tuned_lr(root, tuning, act)


# Here and not in `read`: a worker, which is handed its config, resolves it too.
OmegaConf.register_new_resolver("tuned_lr", _tuned_lr, replace=True)
# The launchers that are extras of ours: what each needs, the extra being called as the package is.
_EXTRAS = {"ray": "ray", "slurm": "submitit", "submitit_local": "submitit", "submitit_slurm": "submitit"}
_RESOLVING = "ValueError raised while resolving interpolation: "  # OmegaConf's words before our sentence


@dataclass(frozen=True)
class Job:
    """One run as it was asked for: its config, resolved but for `device`, and the option chosen in each group."""

    config: DictConfig
    choices: dict[str, str]

    @property
    def folder(self) -> Path:
        """Its results folder."""
        return cfg.results_folder(self.config, self.choices)


@dataclass(frozen=True)
class Command:
    """A command line: Hydra's arguments, whether it is a sweep, and its jobs."""

    argv: list[str]
    sweep: bool
    jobs: list[Job]


def read(argv: list[str]) -> Command:
    """Read a command line.

    Raises:
        ConfigError: If anything in it cannot be meant.
    """
    arguments = get_args_parser().parse_args(argv)
    cfg.register(
        custom=any(text.lstrip("+").startswith("act=") and "custom" in text for text in arguments.overrides),
        experiments=_experiments(arguments.overrides),
    )
    with composing():
        overrides = parse(arguments.overrides)
        _check_groups(overrides)
        params = _sweeper_params(overrides)
        sweep = arguments.multirun or bool(params)
        _check_keys(overrides, sweep=sweep)
        if not sweep:
            return Command(argv, sweep=False, jobs=[_job(*apart(composed(arguments.overrides)))])
        given = {override.key_or_group for override in overrides}
        axes = [f"{key}={value}" for key, value in params.items() if key.lstrip("+") not in given]
        jobs = [_job(*parts) for parts in each_composed(_expand(axes + arguments.overrides))]
        argv = _for_the_sweeper(argv, parse(axes + arguments.overrides))
    # In front, since argparse takes the overrides in one stretch, and more of them may be put behind.
    multirun = [] if arguments.multirun else ["-m"]
    return Command([*multirun, *argv, *axes, "hydra.sweeper.params=null"], sweep=True, jobs=jobs)


def _experiments(arguments: list[str]) -> list[str]:
    """Those whose name stands in an argument experiment=…, all for a glob: to read one takes time."""
    named = [text.split("=", 1)[1] for text in arguments if text.lstrip("+").startswith("experiment=")]
    return [name for name in options("experiment") if any(name in text or "glob" in text for text in named)]


def _for_the_sweeper(argv: list[str], overrides: list[Override]) -> list[str]:
    """The arguments with each fixed key of a swept group as an axis of one value.

    Hydra composes the sweep's own config without the axes; there such a key is unknown (act.alpha=1 for +act=elu,celu).
    """
    swept = {override.key_or_group for override in overrides if override.is_sweep_override()} & set(GROUPS)
    fixed = {
        str(override.input_line): f"{str(override.input_line).split('=', 1)[0]}=choice({override.get_value_string()})"
        for override in overrides
        if override.key_or_group.split(".")[0] in swept - {override.key_or_group} and not override.is_sweep_override()
    }
    return [fixed.get(argument, argument) for argument in argv]


def asks_only(argv: list[str]) -> bool:
    """Whether the command asks Hydra to show something (`--cfg job`, `--info`) and runs nothing."""
    arguments = get_args_parser().parse_args(argv)
    return bool(arguments.cfg or arguments.info or arguments.hydra_help)


def job_of(config: DictConfig, choices: dict[str, str]) -> Job:
    """The job that Hydra hands to a worker."""
    OmegaConf.resolve(config)
    return Job(config, {group: choices[group] for group in (*GROUPS, *PRESETS) if group in choices})


def _sweeper_params(overrides: list[Override]) -> dict[str, str]:
    """The sweep that the named experiment brings; what the command line sets replaces its axis."""
    named = [str(override.input_line) for override in overrides if override.key_or_group == "experiment"]
    if not named:
        return {}
    return dict(composed(named).hydra.sweeper.params or {})


def _expand(overrides: list[str]) -> list[list[str]]:
    """The jobs of a sweep, in the sweeper's order."""
    (batch,) = BasicSweeper.split_arguments(parse(overrides), max_batch_size=None)
    return batch


def _check_groups(overrides: list[Override]) -> None:
    """Groups take known options, one each, once; nothing is deleted."""
    seen: set[str] = set()
    for override in overrides:
        key = override.key_or_group
        if override.is_delete():
            raise ConfigError(f"~{key} deletes a key, but every key is needed: set it to another value instead.")
        if key in seen:
            raise ConfigError(
                f"{key} is given more than once: give it once, or several values of it with -m {key}=A,B."
            )
        seen.add(key)
        if key in (*GROUPS, *PRESETS):
            _check_choices(override)
        if key == "hydra/launcher":
            _check_installed(str(override.value()))


def _check_installed(launcher: str) -> None:
    """What a launcher needs is there."""
    package = _EXTRAS.get(launcher)
    if package and not importlib.util.find_spec(package):
        raise ConfigError(
            f"hydra/launcher={launcher} needs the package {package}, which is not installed: "
            f"pip install -e '.[{package}]'."
        )


def _check_choices(override: Override) -> None:
    """The option or options that an override chooses exist."""
    key = override.key_or_group
    value = override.value()
    if isinstance(value, list):
        names = ",".join(map(str, value))
        raise ConfigError(f"{key}=[{names}] is a list: to run one after another, give -m {key}={names}.")
    known = list(options(key))
    if isinstance(value, Glob):
        if not value.filter(known):
            pattern = str(override.input_line).split("=", 1)[1]
            raise ConfigError(f"{key}={pattern} matches nothing: known are: {', '.join(known)}.")
        return
    known += ["custom"] if key == "act" else []
    chosen = override.sweep_string_iterator() if override.is_sweep_override() else [value]
    for choice in map(str, chosen):
        if choice not in known:
            raise ConfigError(f"There is no {key}={choice}: {nearest(choice, known)}")


def _check_keys(overrides: list[Override], *, sweep: bool) -> None:
    """Top-level keys are known, nothing is added, and several values come with -m."""
    top = {*cfg.Config.__dataclass_fields__, *PRESETS, "hydra"}
    custom = any(override.key_or_group == "act" and override.value() == "custom" for override in overrides)
    for override in overrides:
        key = override.key_or_group
        first = key.replace("/", ".").split(".")[0]
        if first not in top:
            raise ConfigError(f"There is no key {key}: {nearest(first, top)}")
        if key.endswith(("_target_", "_partial_")) and not (custom and key == "act._target_"):
            raise ConfigError(f"{key} cannot be set{_instead(first)}.")
        may_add = key in (*GROUPS, *PRESETS) or key.startswith("hydra") or (custom and key.startswith("act."))
        if override.is_add() and not may_add:
            _refuse_added(key, overrides)
        if override.is_sweep_override() and not sweep:
            raise ConfigError(f"{key} has several values: add -m to run them as a sweep.")


def _instead(group: str) -> str:
    if group == "act":
        return " but with act=custom alone, in a command of its own"
    return f": choose another option of {group} instead" if group in GROUPS else ""


def _refuse_added(key: str, overrides: list[Override]) -> None:
    """Only act=custom takes new keys; the rest is set without a plus sign."""
    lines = [str(override.input_line) for override in overrides]
    config = composed([line for line in lines if is_group(line)])
    if OmegaConf.select(config, key, default=config) is config:
        raise ConfigError(no_such_key(key, config))
    raise ConfigError(f"+{key} adds a key that is there already: give it without the plus sign.")


def _job(config: DictConfig, hydra: DictConfig) -> Job:
    """Resolve and check one job."""
    HydraConfig.instance().set_config(hydra)  # a tuned track asks for the chosen activation
    try:
        job = job_of(config, dict(hydra.hydra.runtime.choices))
    except InterpolationResolutionError as error:
        raise ConfigError(str(error).split("\n")[0].removeprefix(_RESOLVING)) from error
    check(job.config, job.choices)
    return job
