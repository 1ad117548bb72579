"""A trial of an activation: what a run does with it is done once, on a few entries, and a ConfigError says what fails.

Training takes f in float32 with a backward pass, evaluation without gradients. Probes take f', and from a copy of f in
float64 its bounds. Checkpoints save its state.
"""

import copy
import io
import re
from itertools import chain

import torch
from torch import Tensor, nn

from actbench.command.options import ConfigError
from actbench.measure.per_unit import PerUnit
from actbench.measure.precision import computing
from actbench.measure.trace import Activation

NUM_UNITS = 12
_MISSING = re.compile(r"missing \d+ required .*?argument.*?'(\w+)'")  # as Python says of a call
_SHAPE = (8, NUM_UNITS)
_POINTS = (torch.arange(-48, 48) / 16).reshape(_SHAPE)  # of [-3, 3), one of them exactly 0
_SLOPE_POINTS = _POINTS + 0.0131  # gradients must be finite here, where no formula changes
_KEPT = (torch.arange(8)[:, None] + torch.arange(12)) % 2 == 0  # half of each row and of each column


def try_activation(layer: Activation, name: str) -> None:
    """Raise a ConfigError unless f is an elementwise, differentiable function, finite on [-3, 3], that a run can use.

    Args:
        layer: A layer of NUM_UNITS units that nothing else uses.
        name: What the sentence calls it.
    """
    with torch.random.fork_rng(devices=[]):
        parameters = list(layer.parameters())
        _try_evaluation(layer.eval(), name)
        in_evaluation, in_training = (
            f"{name}, in {mode} mode," if isinstance(layer.f, nn.Module) else name
            for mode in ("evaluation", "training")
        )
        _check_gradients(layer, _SLOPE_POINTS.clone().requires_grad_(), in_evaluation, parameters={})
        z = _SLOPE_POINTS.clone().requires_grad_() * 1  # not a leaf, as in a network
        _check_gradients(layer.train(), z, in_training, parameters=_learned(layer))
        if list(map(id, layer.parameters())) != list(map(id, parameters)):
            raise ConfigError(
                f"{name} makes parameters when it is called, which the optimizer does not hold: make them in __init__."
            )
        _try_float64(_saved_and_copied(layer, name).eval().double(), name)


def try_bfloat16(layer: Activation, name: str) -> None:
    """Raise a ConfigError unless a layer that passed `try_activation` works in a run with precision=bfloat16."""
    with torch.random.fork_rng(devices=[]), computing("bfloat16", torch.device("cpu")):
        for f in (layer.eval(), layer.train()):
            z = _SLOPE_POINTS.to(torch.bfloat16).requires_grad_() * 1  # not a leaf, as in a network
            subject = f"{name}, with precision=bfloat16,"
            if not _call(f, z, subject).isfinite().all():
                raise ConfigError(f"{subject} is not finite on [-3, 3].")
            _check_gradients(f, z, subject, parameters=_learned(f))


def try_in_shape(layer: Activation, z: Tensor, name: str) -> None:
    """Raise a ConfigError unless a layer that passed `try_activation` maps each entry of z, of a network's shape."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        a = _call(layer.eval(), z, name)
        _check_functions(layer, z, a, name)
        _call(layer.train(), z, f"{name}, in training mode,")


def reason(error: BaseException) -> str:
    """The message of an error on one line, without the full stop; of a traceback inside it, the last line."""
    text = str(error).strip()
    if "Traceback" in text:
        text = text.splitlines()[-1]
    return (" ".join(text.split()) or type(error).__name__).rstrip(".")


def missing_parameter(error: BaseException) -> str:
    """How the parameter is given that a call lacked; "" of any other error."""
    missing = _MISSING.search(str(error))
    return f". A parameter of the activation is given by +act.{missing[1]}=VALUE" if missing else ""


def _try_evaluation(f: Activation, name: str) -> None:
    z = _POINTS
    a = _call(f, z.clone().requires_grad_() * 1, name).detach()
    if not a.isfinite().all():
        point = float(z[~a.isfinite()][0])
        raise ConfigError(f"{name} returns {float(a[~a.isfinite()][0])} at {point:g}: it must be finite on [-3, 3].")
    with torch.no_grad():
        first = _call(f, z, f"{name}, under torch.no_grad as in evaluation,")
        if not torch.equal(first, _call(f, z, name)):
            raise ConfigError(_why_unrepeatable(f, name))
        for other in (3.0, -3.0):
            changed = _call(f, torch.where(_KEPT, z, other), name)
            if not _are_close(changed[_KEPT], a[_KEPT]):
                raise ConfigError(f"{name} mixes entries of a tensor: an activation maps each entry by itself.")


def _why_unrepeatable(f: Activation, name: str) -> str:
    if torch.equal(_with_seed(f, _POINTS, name), _with_seed(f, _POINTS, name)):
        return (
            f"{name} is random in evaluation, where two calls with the same z must agree: draw random numbers in "
            "training alone, in a class that asks self.training."
        )
    return (
        f"{name} returns other values at the next call with the same z, in evaluation, where they must depend on z "
        "alone: not on earlier calls, nor on random numbers."
    )


def _learned(f: Activation) -> dict[str, nn.Parameter]:
    return {name.removeprefix("f."): p for name, p in f.named_parameters() if p.requires_grad}


def _check_gradients(f: Activation, z: Tensor, subject: str, *, parameters: dict[str, nn.Parameter]) -> None:
    """Raise a ConfigError unless autograd gives finite gradients of f at z and at its parameters."""
    a = _call(f, z, subject)
    try:
        inputs = [z, *parameters.values()] if a.requires_grad else []
        slope, *gradients = torch.autograd.grad(a.sum(), inputs, allow_unused=True) if inputs else [None]
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{subject} fails in the backward pass: {reason(error)}.") from error
    if (slope is None or not slope.any()) and _varies(f, z.detach(), subject):
        raise ConfigError(
            f"{subject} varies with z, but autograd finds no gradient, as behind torch.no_grad, detach or numpy: "
            "compute it with torch's operations."
        )
    if slope is None:
        raise ConfigError(
            f"{subject} returns a tensor that autograd cannot follow back to z: add 0 * z, for a gradient of 0."
        )
    if not slope.isfinite().all():
        at = float(z.detach()[~slope.isfinite()][0])
        raise ConfigError(
            f"{subject} has the gradient {float(slope[~slope.isfinite()][0])} at {at:g}: it must be finite on [-3, 3] "
            "(torch.where differentiates both of its branches: clamp z in each)."
        )
    for parameter, gradient in zip(parameters, gradients, strict=True):
        if gradient is not None and not gradient.isfinite().all():
            raise ConfigError(
                f"{subject} has the gradient {float(gradient[~gradient.isfinite()][0])} at its parameter {parameter} "
                "for z in [-3, 3]: it must be finite."
            )


def _varies(f: Activation, z: Tensor, subject: str) -> bool:
    """Whether f changes at over a tenth of the points as they move by 2^-13, at which a step function does not."""
    with torch.no_grad():
        moved = _with_seed(f, z + 2**-13, subject) != _with_seed(f, z, subject)
    return bool(moved.float().mean() > 0.1)


def _with_seed(f: Activation, z: Tensor, subject: str) -> Tensor:
    torch.manual_seed(0)
    return _call(f, z, subject)


def _saved_and_copied(f: Activation, name: str) -> Activation:
    """A copy of f, after its state is saved as in a checkpoint."""
    try:
        if state := f.state_dict():
            torch.save(state, io.BytesIO())
    except Exception as error:
        raise ConfigError(f"{name} has a state that a checkpoint cannot save: {reason(error)}.") from error
    try:
        return copy.deepcopy(f)
    except Exception as error:
        if computed := [key for module in f.modules() for key, value in vars(module).items() if _has_graph(value)]:
            raise ConfigError(
                f"{name} holds a tensor that it computed, with its graph ({', '.join(computed)}), so that probes "
                "cannot copy it: detach that tensor."
            ) from error
        raise ConfigError(
            f"{name} cannot be copied, as probes copy it to compute its bounds: {reason(error)}."
        ) from error


def _has_graph(value: object) -> bool:
    return isinstance(value, Tensor) and not value.is_leaf


def _try_float64(f: Activation, name: str) -> None:
    z = _POINTS.double()
    with torch.no_grad():
        _check_functions(f, z, _call(f, z, name), name)


def _check_functions(layer: Activation, z: Tensor, a: Tensor, name: str) -> None:
    """Raise a ConfigError unless the functions of one number that probes use give a = f(z), for z in any order."""
    functions = layer.functions()
    for z_of_one, a_of_one, f in zip(*(_parts(t, len(functions)) for t in (z, a)), functions, strict=True):
        if not _are_close(_call(f, z_of_one.flip(0), name).flip(0), a_of_one):
            raise ConfigError(
                f"{name} maps an entry to other values in a tensor of shape {tuple(z.shape)} than in one of shape "
                f"{tuple(z_of_one.shape)}: an activation maps each entry by itself, wherever it is."
            )


def _parts(t: Tensor, count: int) -> list[Tensor]:
    """The entries of each unit, or of all, as vectors."""
    return [t.flatten()] if count == 1 else [unit.flatten() for unit in t.unbind(1)]


def _are_close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True)


def _call(f: Activation, z: Tensor, subject: str) -> Tensor:
    """f(z), or a ConfigError unless that is a tensor like z and z stays as it is, for a trace."""
    before = z.detach().clone()
    try:
        a = f(z)
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{_failure(f, before, subject, error)}.") from error
    if not isinstance(a, Tensor):
        raise ConfigError(f"{subject} returns {type(a).__name__}: an activation takes a tensor and returns a tensor.")
    if not torch.equal(z.detach(), before):
        raise ConfigError(f"{subject} changes its argument in place: return a new tensor.")
    if a.shape != z.shape:
        gate = ", as a gate does" if 2 * a.numel() == z.numel() else ""
        raise ConfigError(
            f"{subject} turns a tensor of shape {tuple(z.shape)} into {tuple(a.shape)}{gate}: an activation keeps the "
            "shape."
        )
    if a.dtype != z.dtype:
        how = ": cast the tensors that it holds by c.to(z)" if z.dtype == torch.bfloat16 else ""
        raise ConfigError(f"{subject} turns {z.dtype} into {a.dtype}: an activation keeps the dtype{how}.")
    return a


def _failure(f: Activation, z: Tensor, subject: str, error: BaseException) -> str:
    """What is said of the error that f raised at z, without the full stop."""
    for name, parameter in chain(f.named_parameters(), f.named_buffers()):
        num_channels = 1 if isinstance(f, PerUnit) else max(parameter.shape, default=1)
        if num_channels > 1 and _works(f, num_channels) and not _works(f, num_channels + 1):
            return (
                f"{subject} has parameters for {num_channels} channels ({name.removeprefix('f.')}), and fails on a "
                f"tensor of shape {tuple(z.shape)}: where its argument takes a number of channels, give the word "
                "channel, which is the number of each layer, as in act.num_parameters=channel"
            )
    if "Can't call numpy()" in str(error):
        return f"{subject} computes with numpy, which autograd cannot follow: compute it with torch's operations"
    if z.dtype == torch.float64 and z.shape == _SHAPE:  # in float32 this shape has passed
        return (
            f"{subject} fails in float64, in which probes compute its bounds ({reason(error)}): where it holds "
            "tensors, cast them by c.to(z)"
        )
    return f"{subject} fails on a tensor of shape {tuple(z.shape)}: {reason(error)}{missing_parameter(error)}"


def _works(f: Activation, num_channels: int) -> bool:
    """Whether f maps a tensor of two examples with so many channels."""
    z = torch.linspace(-3, 3, 2 * num_channels).reshape(2, num_channels)
    try:
        with torch.no_grad():
            return f(z).shape == z.shape
    except (Exception, SystemExit):
        return False
