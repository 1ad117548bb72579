"""Which activations an identity or a pair of the catalogue names."""

import pytest

from actbench.tables.functions import named

TITLES = {"relu": "ReLU", "sigmoid": "Sigmoid", "elu": "ELU", "celu": "CELU", "silu": "SiLU"}
TITLES |= {"hardsigmoid": "Hard sigmoid", "gelu_sigmoid": "GELU's sigmoid form"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("celu(1) = elu(1)", {"celu", "elu"}),
        ("ELU → ReLU", {"elu", "relu"}),
        ("Hard sigmoid ~ σ(scale z)", {"hardsigmoid"}),
        ("swish(1) = silu", {"silu"}),
        ("GELU's sigmoid form ~ GELU", {"gelu_sigmoid"}),
    ],
)
def test_the_sides_of_an_identity_name_functions(text, names):
    assert named(text, titles=TITLES) == names
