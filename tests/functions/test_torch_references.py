"""The activations of conf/act/ against the references that torch's own test suite has for its modules and operators."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from actbench.catalogue import entries

pytest.importorskip("expecttest")  # torch's test suite imports it
modules = pytest.importorskip("torch.testing._internal.common_modules")
operators = pytest.importorskip("torch.testing._internal.common_methods_invocations")
pytestmark = pytest.mark.slow

OPTIONS = {name.replace("_", ""): name for name in entries.names()}
# What conf/act/ calls the positional arguments of a module or an operator.
ARGUMENTS = {"gelu": ["approximate"], "softplus": ["beta", "threshold"], "threshold": ["threshold", "value"]}
FLOAT64: dict[str, Any] = {"device": "cpu", "dtype": torch.float64, "requires_grad": False}


def option_of(name: str) -> str | None:
    """conf/act/'s name of LeakyReLU, or of nn.functional.leaky_relu."""
    return OPTIONS.get(name.removeprefix("nn.functional.").replace("_", "").lower())


def parameters_of(option: str, arguments: tuple, keywords: dict) -> dict[str, Any]:
    names = ARGUMENTS.get(option, [])[: len(arguments)]
    return {**dict(zip(names, arguments, strict=True)), **keywords}


def module_cases() -> Iterator[tuple[str, Any, Any]]:
    """The option, the entry and the input of each module that has a reference other than itself (no_batch_dim)."""
    for info in modules.module_db:
        if info.module_cls.__module__ == "torch.nn.modules.activation" and (
            option := option_of(info.name.split(".")[-1])
        ):
            for case in info.module_inputs_func(info, training=False, **FLOAT64):
                one_slope = option != "prelu" or not case.constructor_input.args
                if case.reference_fn is not None and case.desc != "no_batch_dim" and one_slope:
                    yield option, info, case


def operator_cases() -> Iterator[tuple[str, Any]]:
    """The option and the entry of each operator that has a reference in numpy."""
    for info in operators.op_db:
        option = option_of(info.name)
        if option and getattr(info, "ref", None) is not None and info.variant_test_name != "complex":
            yield option, info


MODULES, OPERATORS = list(module_cases()), list(operator_cases())


def test_the_references_are_those_of_most_activations():
    judged = {option for option, *_ in (*MODULES, *OPERATORS)}
    assert judged >= {"celu", "elu", "gelu", "hardsigmoid", "hardtanh", "logsigmoid", "mish", "prelu", "relu", "selu"}
    assert judged >= {"sigmoid", "silu", "softplus", "softsign", "tanh", "tanhshrink", "threshold"}


@pytest.mark.parametrize(("option", "info", "case"), MODULES, ids=[f"{case[0]} {case[2].desc}" for case in MODULES])
def test_an_activation_agrees_with_the_reference_of_torchs_module(option, info, case):
    made, (z,) = case.constructor_input, case.forward_input.args
    module = info.module_cls(*made.args, **made.kwargs).double()
    expected = case.reference_fn(module, z)
    value = entries.load(option, parameters_of(option, made.args, made.kwargs)).f(z)
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize(("option", "info"), OPERATORS, ids=[option for option, _ in OPERATORS])
def test_an_activation_agrees_with_the_reference_of_torchs_operator(option, info):
    judged = 0
    for sample in info.reference_inputs(**FLOAT64):
        arguments, keywords = sample.args, sample.kwargs
        if option == "prelu":
            weight = (*arguments, *keywords.values())[0]
            if weight.numel() > 1:  # a slope for each channel
                continue
            arguments, keywords = (), {"init": weight.item()}
        value = entries.load(option, parameters_of(option, arguments, keywords)).f(sample.input)
        rest = [numpy_of(argument) for argument in sample.args]
        with np.errstate(all="ignore"):  # the references overflow where the activations do not
            expected = info.ref(sample.input.numpy(), *rest, **{k: numpy_of(v) for k, v in sample.kwargs.items()})
        torch.testing.assert_close(value.detach(), torch.as_tensor(np.asarray(expected)), equal_nan=True)
        judged += 1
    assert judged >= 8


def numpy_of(value: Any) -> Any:
    return value.numpy() if isinstance(value, Tensor) else value
