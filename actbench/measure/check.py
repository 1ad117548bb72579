"""Whether a job can be measured: its activation is a function, its data are there, its model can be built."""

from pathlib import Path

import torch
from hydra.errors import InstantiationException
from omegaconf import DictConfig
from torch import Tensor

from actbench.command.job import Job
from actbench.command.options import ConfigError
from actbench.measure import build
from actbench.measure.data.splits import indices


def check_act(job: Job) -> None:
    """The activation can be made, and is a function that keeps a tensor's shape and is finite on [-3, 3]."""
    name = f"act={job.choices['act']}"
    f = _imported(job.config.act, name).eval()
    z = torch.arange(-10, 11).mul(0.3).reshape(3, 7)  # 0 is among them, exactly
    given = z.clone().requires_grad_()
    try:
        with torch.random.fork_rng(devices=[]):
            a = f(given * 1)  # not a leaf, as in a network
            turned = f(z.T.contiguous())
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{name} fails on a tensor of shape (3, 7): {_told(error)}.") from error
    if not isinstance(a, Tensor):
        raise ConfigError(f"{name} returns {type(a).__name__}: an activation takes a tensor and returns a tensor.")
    if a.shape != z.shape:
        raise ConfigError(
            f"{name} turns a tensor of shape {tuple(z.shape)} into {tuple(a.shape)}: an activation keeps the shape."
        )
    if a.dtype != z.dtype:
        raise ConfigError(f"{name} turns {z.dtype} into {a.dtype}: an activation keeps the dtype.")
    if not a.requires_grad:
        raise ConfigError(
            f"{name} returns a tensor that autograd cannot follow back to z: add 0 * z, for a gradient of 0."
        )
    a, turned = a.detach(), turned.detach()
    if not a.isfinite().all():
        at = float(z[~a.isfinite()][0])
        raise ConfigError(f"{name} returns {float(a[~a.isfinite()][0])} at {at:g}: it must be finite on [-3, 3].")

    if not torch.allclose(turned.T, a, rtol=1e-4, atol=1e-6):
        raise ConfigError(f"{name} mixes entries of a tensor: an activation maps each entry by itself.")
    _check_untouched(f, z, name)


def _check_untouched(f: build.Activation, z: Tensor, name: str) -> None:
    """f does not write into its argument, which a trace still needs."""
    given = z.clone()
    with torch.no_grad():
        f(given)
    if not torch.equal(given, z):
        raise ConfigError(f"{name} changes its argument in place: return a new tensor.")


def _imported(node: DictConfig, name: str) -> build.Activation:
    """One layer of the activation."""
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
            f"{name}: {target} cannot be imported ({_told(cause)}). Name it by its dotted path, in an importable "
            f"module or a file in the working folder {Path.cwd()}."
        ) from None
    try:
        return factory()
    except Exception as error:
        given = ", ".join(f"{key!s}={value}" for key, value in node.items() if key != "_target_") or "no parameters"
        raise ConfigError(f"{name}: {target} cannot be made with {given}: {_told(error)}.") from error


def _told(error: BaseException) -> str:
    """What an error says, on one line, without the full stop."""
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")


def check_data(job: Job) -> None:
    """The data set can be read and leaves enough to train on."""
    data, batch_size = job.config.data, job.config.train.batch_size
    try:
        stored = build.source(data)
    except (FileNotFoundError, ValueError) as error:
        raise ConfigError(f"data={job.choices['data']}: {error}") from None
    num_classes = int(stored.labels.max()) + 1
    if num_classes != data.num_classes:
        raise ConfigError(
            f"data.num_classes={data.num_classes}, but the labels of data={job.choices['data']} are of {num_classes} "
            "classes: leave the number out, or put whole label files in place."
        )
    num_held_out = data.num_val + (data.num_test or stored.num_test)
    num_left = len(stored.labels) - num_held_out
    if num_left < (data.num_train or 1):
        raise ConfigError(
            f"data={job.choices['data']} has {len(stored.labels):,} examples, of which {num_held_out:,} are held out "
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
        indices(stored, num_val=data.num_val, num_test=data.num_test, num_train=data.num_train, seed=job.config.seed)
    except ValueError as error:
        raise ConfigError(f"data={job.choices['data']} cannot be split so: {_told(error)}.") from error


def check_model(job: Job) -> None:
    """Model and optimizer can be built with their parameters, and a batch of two passes through."""
    shape = build.source(job.config.data).images.shape[1:]
    try:
        built = build.model(job.config, input_shape=shape, seed=job.config.seed, on=torch.device("cpu"))
        build.optimizer(job.config, built)
        with torch.random.fork_rng(devices=[]):
            built(torch.zeros(min(2, job.config.train.batch_size), *shape)).sum().backward()
    except (ValueError, TypeError, IndexError, RuntimeError) as error:
        raise ConfigError(f"{_told(error)}.") from error
