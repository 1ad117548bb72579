"""A command line as Hydra can follow it, and what Hydra needs beside conf/: experiments, act=custom."""

from collections.abc import Sequence

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import MISSING, DictConfig, OmegaConf
from yaml import YAMLError

from actbench.command.check import check_overrides, in_quotes
from actbench.command.errors import translated_errors
from actbench.command.options import GROUPS, PRESETS, ConfigError, options, split_config_dir, use_config_dir, user_files

_SHOW = {"--cfg", "-c", "--info", "-i", "--run", "-r", "--shell-completion", "--hydra-help"}


def hydra_arguments(argv: list[str]) -> list[str]:
    """The arguments, checked, as Hydra needs them.

    +experiment=elu_alpha, which sweeps, becomes -m +experiment=elu_alpha. train.epochs=5 becomes
    ++train.epochs=5, which sets a key whether or not it is there: a sweep's own config lacks
    act.alpha, since no activation is chosen in it. `check` says which keys a job has.
    """
    folder, argv = split_config_dir(argv)
    assignments = [text for text in argv if text[:1] == "~" or ("=" in text and text[0] != "-")]
    with translated_errors(argv):
        overrides = OverridesParser.create().parse_overrides(assignments)
    check_overrides(overrides)
    flags = {argument.split("=", 1)[0] for argument in argv if argument.startswith("-")}
    if {"-m", "--multirun"} & flags and _SHOW & flags:
        raise ConfigError("-m runs a sweep, --cfg and --info only show: give one of them.")
    names = [str(o.value()) for o in overrides if o.key_or_group == "experiment"]
    named = [_experiment(extended) for name in names for extended in (name, *_bases(name))]
    sweeps = any(OmegaConf.select(node, "hydra.sweeper.params") for node in named)
    if sweeps and not flags & {"-m", "--multirun", *_SHOW}:
        argv = ["-m", *argv]
    if (sweeper := _sweeper(named)) and not any(o.key_or_group == "hydra/sweeper" for o in overrides):
        place = argv.index(assignments[0])  # all overrides must stand together
        argv = [*argv[:place], f"hydra/sweeper={sweeper}", *argv[place:]]
    forced = {}
    for override in overrides:
        key, line = override.key_or_group, str(override.input_line)
        if override.is_sweep_override() and not {"-m", "--multirun"} & set(argv):
            hint = in_quotes(line)
            sweep = "add -m to run them as a sweep" + (hint and f", or {hint}")
            raise ConfigError(f"{key} has several values: {sweep}.")
        if key not in (*GROUPS, *PRESETS) and not override.is_hydra_override():
            forced[line] = f"++{line.lstrip('+')}"
    flag = [] if folder is None else [f"--config-dir={folder}"]
    return [*flag, *(forced.get(argument, argument) for argument in argv)]


def register(argv: Sequence[str]) -> None:
    """Find the options of --config-dir; store the experiments and act=custom if they are named.

    Reading all experiments would take time, and Hydra copies the store for each job. `custom` stands
    for the user's own activation; act=glob(*) must not match it.
    """
    use_config_dir(split_config_dir(argv)[0])
    check_files()
    store, arguments = ConfigStore.instance(), [argument.lstrip("+") for argument in argv]
    patterns = [argument for argument in arguments if argument.startswith("experiment=")]
    named = [n for n in options("experiment") if any(n in p or "glob" in p for p in patterns)]
    store.repo.pop("experiment", None)
    bases = [base for name in named for base in _bases(name)]
    for name in ({*named, *bases} or options("experiment")) if patterns else ():
        store.store(group="experiment", name=name, package="_global_", node=_experiment(name))
    store.repo.get("act", {}).pop("custom.yaml", None)
    if any(argument.startswith("act=") and "custom" in argument for argument in arguments):
        store.store(group="act", name="custom", node={"_target_": MISSING})


def check_files() -> None:
    """Raise a ConfigError if a file of --config-dir is no YAML, no mapping, or leans on other files."""
    for group, file in user_files():
        try:
            node = OmegaConf.load(file)
        except (YAMLError, OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} cannot be read: {' '.join(str(error).split())}.") from None
        if not isinstance(node, DictConfig):
            raise ConfigError(f"{file} is no mapping: it needs keys and values, as in alpha: 1.0.")
        if "defaults" in node and group not in PRESETS:
            raise ConfigError(f"{file} has defaults, which an option of {group} cannot have: write its keys out.")


def _sweeper(experiments: Sequence[DictConfig]) -> str | None:
    """The sweeper that an experiment overrides; Hydra would keep the one of conf/config.yaml."""
    entries = [entry for node in experiments for entry in node.get("defaults", ()) if isinstance(entry, DictConfig)]
    return next((entry[key] for entry in entries if (key := "override /hydra/sweeper") in entry), None)


def _bases(name: str) -> list[str]:
    """The experiments that an experiment extends, by its defaults or by theirs, the nearest first."""
    defaults = _experiment(name).get("defaults") or []
    extended = [entry for entry in defaults if entry in options("experiment")]
    return [*extended, *(base for entry in extended for base in _bases(entry))]


def _experiment(name: str) -> DictConfig:
    return OmegaConf.load(options("experiment")[name])  # type: ignore[return-value]
