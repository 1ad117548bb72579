"""The activations against the ONNX backend's node vectors, which onnx 1.19.1 is the last to ship."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from actbench.catalogue import entries

onnx = pytest.importorskip("onnx")
NODES = Path(onnx.__file__).parent / "backend" / "test" / "data" / "node"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NODES.is_dir(), reason="this version of onnx ships no vectors; 1.19.1 does"),
]


def act(name: str, **parameters: float | str) -> Callable[[Tensor], Tensor]:
    f = entries.load(name, parameters).f
    return f.float() if isinstance(f, nn.Module) else f


def hard_sigmoid(z: Tensor, alpha: float, beta: float) -> Tensor:
    """ONNX's has any slope, torch's 1/6: min(max(0, y/6 + 1/2), 1) at y/6 = alpha z + beta - 1/2."""
    return act("hardsigmoid")(6 * (alpha * z + beta - 0.5))


def selu(z: Tensor, alpha: float | None = None, gamma: float | None = None) -> Tensor:
    return act("selu")(z) if alpha is None else gamma * act("elu", alpha=alpha)(z)


def prelu(z: Tensor, slope: Tensor) -> Tensor:
    """ONNX's has a slope an element."""
    slope, value = slope.expand_as(z), torch.empty_like(z)
    for s in slope.unique().tolist():
        value[slope == s] = act("prelu", init=s)(z[slope == s])
    return value


def clip(z: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    ends = torch.finfo(z.dtype)
    return act(
        "hardtanh", min_val=ends.min if low is None else float(low), max_val=ends.max if high is None else float(high)
    )(z)


def shrink(z: Tensor, lambd: float = 0.5, bias: float = 0.0) -> Tensor:
    assert bias in (0.0, lambd)
    return act("softshrink" if bias else "hardshrink", lambd=lambd)(z)


# An operator in terms of conf/act/; the names and defaults of its attributes are ONNX's.
OPERATORS: dict[str, Callable[..., Tensor]] = {
    "Celu": lambda z, alpha=1.0: act("celu", alpha=alpha)(z),
    "Clip": clip,
    "Elu": lambda z, alpha=1.0: act("elu", alpha=alpha)(z),
    "Gelu": lambda z, approximate=b"none": act("gelu", approximate=approximate.decode())(z),
    "HardSigmoid": lambda z, alpha=0.2, beta=0.5: hard_sigmoid(z, alpha, beta),
    "HardSwish": lambda z: act("hardswish")(z),
    "Identity": lambda z: act("identity")(z),
    "LeakyRelu": lambda z, alpha=0.01: act("leaky_relu", negative_slope=alpha)(z),
    "Mish": lambda z: act("mish")(z),
    "PRelu": prelu,
    "Relu": lambda z: act("relu")(z),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": lambda z: act("sigmoid")(z),
    "Softplus": lambda z: act("softplus")(z),
    "Softsign": lambda z: act("softsign")(z),
    "Swish": lambda z, alpha=1.0: act("swish", beta=alpha)(z),
    "Tanh": lambda z: act("tanh")(z),
    "ThresholdedRelu": lambda z, alpha=1.0: act("threshold", threshold=alpha, value=0.0)(z),
}
# Not a function of conf/act/: limits in the wrong order, which torch's Hardtanh rejects; integers; no tensor.
LEFT_OUT = r"test_clip_min_greater_than_max|test_clip_default_int8_\w+|test_identity_(opt|sequence)"


def node_of(folder: Path):
    """The one node of a model, or None; the models named expanded have the same vectors as the node they stand for."""
    nodes = onnx.load(folder / "model.onnx").graph.node
    return nodes[0] if len(nodes) == 1 and "_expanded" not in folder.name else None


def vectors() -> Iterator[tuple[str, Path]]:
    names = "|".join(OPERATORS).lower()
    for folder in sorted(NODES.glob("test_*")):
        if re.match(rf"test_({names})(_|$)", folder.name) and not re.fullmatch(LEFT_OUT, folder.name):
            node = node_of(folder)
            if node is not None and node.op_type in OPERATORS:
                yield from ((node.op_type, data) for data in sorted(folder.glob("test_data_set_*")))


VECTORS = list(vectors())


def tensor(path: Path) -> Tensor:
    return torch.from_numpy(onnx.numpy_helper.to_array(onnx.load_tensor(path)).copy())


def test_every_operator_is_judged():
    assert {operator for operator, _ in VECTORS} == set(OPERATORS)


@pytest.mark.parametrize(("operator", "data"), VECTORS, ids=[data.parent.name for _, data in VECTORS])
def test_an_activation_agrees_with_the_vectors_of_onnx(operator, data):
    node = node_of(data.parent)
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    files = iter(sorted(data.glob("input_*.pb")))
    inputs = [tensor(next(files)) if name else None for name in node.input]  # an input without a name is left out
    z, expected = inputs[0], tensor(data / "output_0.pb")
    assert z.dtype == expected.dtype == torch.float32
    torch.testing.assert_close(OPERATORS[operator](*inputs, **attributes).detach(), expected)
