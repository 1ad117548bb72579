"""Whether a job can run here: its device, results folder, data, activation and model.

`command.check` checks before this what needs no torch.
"""

import itertools
import json
import math
import platform
import tempfile
from pathlib import Path
from typing import cast

import torch
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from torch import nn

from actbench.command.job import Job
from actbench.command.options import GROUPS, ConfigError, is_ours
from actbench.measure import build, environment, identity, sharing, trial
from actbench.measure.data.splits import Scale, Source, Split, indices, sizes
from actbench.measure.models.block import Block
from actbench.measure.precision import computing
from actbench.measure.trace import activations, trace
from actbench.measure.trial import reason

_DATA_KEYS = ("load", "num_classes", "num_val", "num_train", "standardize", "target_loss")


def check(jobs: list[Job], *, elsewhere: bool = False) -> None:
    """Raise a ConfigError if one of the jobs cannot run; the device of jobs that run elsewhere is not checked."""
    checked: set[str] = set()
    torch.set_num_threads(1)  # the batches are small, and threads that wait for each other cost more than they give
    for job in jobs:
        whole = cast(dict, OmegaConf.to_container(job.config))
        for check_one, nodes in (
            *([] if elsewhere else [(_check_device, ["device"])]),
            (_check_output, ["output"]),
            (_check_imports, sorted({*GROUPS} - {"act"})),
            (check_data, ["data", "train"]),
            (_check_precision, ["precision", "task"]),
            (check_act, ["act", "precision"]),
            (check_model, [*sorted({*GROUPS} - {"optim", "schedule"}), "train", "device", "precision"]),
            (_check_optimizer, ["optim", "train"]),
        ):
            config = {node: whole[node] for node in nodes}
            key = json.dumps([check_one.__name__, config, job.choices["act"]], sort_keys=True)
            if key not in checked:
                checked.add(key)
                check_one(job)


def _check_device(job: Job) -> None:
    name = job.config.device
    if not _is_available(name):
        raise ConfigError(f"device={name}, but torch finds no such device here: give device=cpu or device=auto.")


def check_worker(job: Job) -> None:
    """Raise a ConfigError if this worker lacks the job's device, which the command's own machine may have."""
    if not _is_available(job.config.device):
        raise ConfigError(
            f"device={job.config.device}, but torch finds none in a worker on {platform.node()}: have the launcher "
            "give it one (hydra.launcher.gpus_per_node=1, with Ray hydra.launcher.num_gpus=1), or give device=cpu."
        )


def _is_available(device: str) -> bool:
    try:
        torch.empty(0, device=environment.device(device))
    except (RuntimeError, AssertionError):
        return False
    return True


def _check_output(job: Job) -> None:
    folder = job.folder.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        raise ConfigError(
            f"Results cannot be written to {job.folder}: {_relative(existing)} is a file. Give output.root=FOLDER."
        )
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        raise ConfigError(
            f"Results cannot be written to {job.folder}: {_relative(existing)} is not writable ({error.strerror}). "
            "Give output.root=FOLDER."
        ) from None


def _relative(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) and path != Path.cwd() else path


def _check_precision(job: Job) -> None:
    if job.config.precision != "float32" and not build.takes("precision", job.config):
        raise ConfigError(
            f"precision={job.config.precision}, but task={job.choices['task']} computes in one of its own: leave "
            "precision out."
        )


def check_act(job: Job) -> None:
    """Raise a ConfigError unless a run can use the activation, as `trial.try_activation` finds out."""
    for option, node in identity.acts(job):
        name, is_users = f"act={option}", not is_ours("act", option)
        layer = _layer(node, name)
        if is_users:
            identity.source(str(node["_target_"]))  # before the first call, which may change what it covers
            sharing.check_instance(node, name)
        trial.try_activation(layer, name)
        if job.config.precision == "bfloat16":
            trial.try_bfloat16(layer, name)
        if is_users:
            sharing.check_layers(node, name)


def _layer(node: DictConfig, name: str) -> build.Activation:
    """One layer of the activation, or a ConfigError that says why there is none."""
    if "_target_" not in node or OmegaConf.is_missing(node, "_target_"):
        key = "act._target_=mymodule.MyActivation" if name == "act=custom" else "_target_: mymodule.MyActivation"
        raise ConfigError(
            f"{name} needs the dotted path of your activation: {key}, in an importable module or a file in the working "
            "folder."
        )
    target = node["_target_"]
    try:
        factory = build.act_factory(node)
    except InstantiationException as error:
        cause = error.__cause__ or error
        if "callable" in str(error):
            raise ConfigError(
                f"{name}: {target} is not callable: name a function f(z) or a class whose instances are called with z."
            ) from None
        raise ConfigError(
            f"{name}: {target} cannot be imported ({reason(cause)}). Name it by its dotted path, in an importable "
            f"module or a file in the working folder {Path.cwd()}."
        ) from None
    except SystemExit as error:
        raise ConfigError(
            f"{name}: {target} cannot be imported, since its module calls sys.exit ({reason(error)}): do that only "
            "where __name__ is __main__."
        ) from None
    try:
        return factory(trial.NUM_UNITS)
    except (Exception, SystemExit) as error:
        parameters = ", ".join(f"{key!s}={value}" for key, value in node.items() if key != "_target_")
        raise ConfigError(
            f"{name}: {target} cannot be made with {parameters or 'no parameters'}: {reason(error)}"
            f"{trial.missing_parameter(error)}."
        ) from error


def _check_imports(job: Job) -> None:
    """Read what the user's options depend on, before the first call, which may change it; a ConfigError if it fails."""
    for group in sorted({*GROUPS} - {"act"}):
        for target in identity.user_targets(job, group):
            try:
                identity.source(target)
            except (Exception, SystemExit) as error:
                raise ConfigError(
                    f"{group}={job.choices[group]}: {target} cannot be imported ({reason(error.__cause__ or error)})."
                ) from error


def check_data(job: Job) -> None:
    """Raise a ConfigError unless the data set can be read and leaves enough examples for training."""
    data, batch_size = job.config.data, job.config.train.batch_size
    if absent := [key for key in _DATA_KEYS if key not in data]:
        raise ConfigError(f"data={job.choices['data']} lacks {', '.join(absent)}: its file needs them, null or not.")
    try:
        source = build.source(data)
    except (FileNotFoundError, ValueError) as error:
        raise ConfigError(f"data={job.choices['data']}: {error}") from None
    except Exception as error:
        if is_ours("data", job.choices["data"]):
            raise
        raise ConfigError(f"data={job.choices['data']} cannot be loaded: {reason(error)}.") from error
    if not isinstance(source, Source):
        name = type(source).__name__
        raise ConfigError(f"data={job.choices['data']} returns {name}: return an actbench.measure.data.splits.Source.")
    num_classes = int(source.labels.max()) + 1
    if num_classes != data.num_classes:
        raise ConfigError(
            f"data.num_classes={data.num_classes}, but data={job.choices['data']} has labels of {num_classes} classes: "
            "leave data.num_classes out, or replace the label files by complete ones."
        )
    num_test = data.get("num_test") or source.num_test
    if num_folds := data.get("num_folds"):
        num_test = math.ceil(len(source.labels) / num_folds)  # the largest fold
    if not num_test:
        raise ConfigError(
            f"data={job.choices['data']} has no test set: give data.num_test or data.num_folds in its file."
        )
    num_held_out = data.num_val + num_test
    num_left = len(source.labels) - num_held_out
    if num_left < (data.num_train or 1):
        raise ConfigError(
            f"data={job.choices['data']} has {len(source.labels):,} examples, of which {num_held_out:,} are held out "
            f"for validation and test: {max(num_left, 0):,} are left for training. "
            "Lower data.num_train or data.num_val."
        )
    num_train = data.num_train or num_left
    if batch_size > num_train:
        raise ConfigError(
            f"train.batch_size={batch_size} is larger than the training set of {num_train:,} examples: "
            "give a smaller one."
        )

    try:
        indices(source, **sizes(data), seed=job.config.seed)
    except ValueError as error:
        raise ConfigError(f"data={job.choices['data']} cannot be split this way: {reason(error)}.") from error


def _check_optimizer(job: Job) -> None:
    try:
        build.optimizer(job.config, nn.ParameterList([torch.zeros(1)]))
    except (ValueError, TypeError, LookupError, RuntimeError, AttributeError) as error:
        raise ConfigError(f"{reason(error)}.") from error


def check_model(job: Job) -> None:
    """Raise a ConfigError unless model and optimizer can be built, and a batch of two passes and is traced."""
    source = build.source(job.config.data)
    few = torch.arange(min(32, len(source.labels)))
    stored = Split(source.images, few, source.labels[few], Scale(source.white, None))  # in place of the training split
    try:
        model = build.model(job.config, stored, seed=job.config.seed, on=torch.device("cpu"))
        build.optimizer(job.config, model)
        if not (activations(model) or is_ours("model", job.choices["model"])):
            raise ConfigError(f"model={job.choices['model']} has no activation layer: call act(num_units) for each.")
        _check_acts_in(model, job)
        batch = stored.first(min(2, job.config.train.batch_size)).images
        build.augment(job.config)(batch, generator=torch.Generator())
        with torch.random.fork_rng(devices=[]), computing(job.config.precision, torch.device("cpu")):
            model(batch).sum().backward()
        if build.probe_steps(job.config, num_steps=job.config.train.epochs):
            trace(model, lambda: model(batch).sum())
    except ConfigError:
        raise
    except (ValueError, TypeError, LookupError, RuntimeError, AttributeError) as error:
        raise ConfigError(f"{reason(error)}.") from error


def _check_acts_in(model: nn.Module, job: Job) -> None:
    """Try each activation in each shape that the model's layers give it, with 2×2 positions after a convolution."""
    options = itertools.cycle([option for option, _ in identity.acts(job)])
    names = {layer: f"act={option}" for layer, option in zip(activations(model).values(), options, strict=False)}
    tried = set()
    for block in model.modules():
        if isinstance(block, Block):
            name, is_spatial = names[block.act], isinstance(block.weight, nn.Conv2d)
            num_units = block.weight.weight.shape[0] // block.per_unit
            if (name, is_spatial, num_units) not in tried:
                tried.add((name, is_spatial, num_units))
                z = torch.linspace(-3, 3, 8 * num_units).reshape(2, num_units, 2, 2)
                z = z.to(memory_format=torch.channels_last) if is_spatial else z[..., 0, 0]
                trial.try_in_shape(block.act, z, name)
