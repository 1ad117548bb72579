"""The facts of every function against closed forms, and the edge cases of their definitions."""

import copy
import functools
import math
import re
import time

import pytest
import torch
from closed_forms import FACTS
from torch import nn
from torch.nn import functional as F

from actbench.catalogue import entries
from actbench.functions.facts import NOT_DETERMINED, Fact, facts_of
from actbench.functions.kinks import find_kinks
from actbench.functions.moments import gaussian_mean
from actbench.functions.properties import derivative, grid, prepare, second_moment, value_range
from actbench.functions.saturation import saturation_thresholds

INF = math.inf
UNDETERMINED = {"hardsigmoid": ["num_derivative_kinks"], "snake": ["sup_derivative_low"]}


@functools.cache
def computed(name: str) -> dict[tuple[str, int], Fact]:
    words = name.split()
    parameters = {key: float(value) for key, value in (word.split("=") for word in words[1:])}
    torch.set_num_threads(1)
    return {(fact.property, fact.index): fact for fact in facts_of(entries.load(words[0], parameters).f)}


def test_there_are_at_least_two_hundred_facts_about_every_activation():
    assert sum(map(len, FACTS.values())) >= 200
    assert {name.split()[0] for name in FACTS} >= set(entries.names()) - {"celu", "swish"}


@pytest.mark.parametrize("name", sorted({*FACTS, *entries.names()}))
def test_the_facts_of_a_function_are_their_closed_forms_within_their_error_bounds(name):
    """And all of them but the known ones are determined."""
    facts = computed(name)
    wrong = {key: expected for key, expected in FACTS.get(name, {}).items() if not _agrees(facts, key, expected)}
    assert wrong == {}, facts
    if name in entries.names():
        undetermined = [fact.property for fact in facts.values() if fact.text == NOT_DETERMINED]
        assert undetermined == UNDETERMINED.get(name, [])


def _agrees(facts: dict[tuple[str, int], Fact], key: str, expected: float | str) -> bool:
    """Whether the fact under a key of FACTS is the expected text, or number within its error bound."""
    name, _, attribute = key.partition(":")
    fact = facts[name, int(attribute) if attribute.isdigit() else 0]
    if isinstance(expected, str):
        return fact.text == expected
    if math.isinf(expected):
        return fact.value == expected
    return abs(fact.value - expected) <= fact.error + 2e-12 * max(1, abs(expected))


def test_every_fact_has_a_method_and_every_number_an_error_bound():
    for fact in computed("gelu").values():
        assert fact.method
        assert math.isnan(fact.value) or fact.error >= 0


# Functions that a user may bring: (f, property, expected).
USER_FUNCTIONS = [
    # torch.where passes 0 * inf = nan to the branch that was not taken once e^z overflows.
    (lambda z: torch.where(z > 0, z, z.exp() - 1), ("saturation_low_0.01", 0), math.log(0.01)),
    (lambda z: torch.where(z > 0, z, z.exp() - 1), ("range_inf", 0), -1),
    (torch.exp, ("range_sup", 0), INF),
    (torch.exp, ("range_inf", 0), 0),
    (torch.asinh, ("range_sup", 0), INF),  # as slow as a logarithm
    (torch.atan, ("range_sup", 0), math.pi / 2),
    (torch.atan, ("saturation_high_0.01", 0), math.sqrt(99)),  # 1 / (1 + z^2) = 1 / 100
    (torch.abs, ("kink_jump", 0), 2),
    (torch.abs, ("range_inf", 0), 0),
    (lambda z: torch.relu(z) ** 3, ("continuity", 0), 2),
    (lambda z: torch.relu(z - 7.3), ("kink_place", 0), 7.3),
    (lambda z: torch.relu(z - 1000.3), ("kink_place", 0), 1000.3),
    (lambda z: z.clamp(-1e-3, 1e-3), ("saturation_high_0.01", 0), 1e-3),
    (lambda z: (1 + 1e-6) * torch.relu(z) - torch.relu(-z), ("kink_jump", 0), 1e-6),
    (lambda z: torch.nn.functional.softplus(z, 1, 5), ("seam_jump", 0), None),  # float32 resolves 0.0067: not a seam
    (lambda z: torch.relu(z) - torch.relu(z - 1) * 2 + torch.relu(z - 2), ("extremum_low", 0), 1),
    (torch.zeros_like, ("sup_derivative", 0), 0),
    (lambda z: 3 * torch.ones_like(z), ("range_sup", 0), 3),
    (lambda z: 1 / (1 + z * z), ("extremum_low", 0), 0),
    (torch.sign, ("kink_jump", 0), 2),
    (lambda z: z.clamp(0.501, 0.505), ("num_kinks", 0), 2),  # both within one cell of the grid
    (lambda z: z.clamp(0.501, 0.505), ("kink_place", 1), 0.505),
    (lambda z: 5 * torch.relu(z) - 3 * torch.relu(z - 2**-9) + torch.relu(z - 2**-8), ("num_kinks", 0), 3),
    (lambda z: torch.relu(z) ** 4, ("zero_high", 0), 0),  # its kink has an order that is not searched
    (lambda z: torch.relu(z - 0.1) ** 4, ("zero_high", 0), 0.1),
    (lambda z: torch.relu(z).sqrt(), ("zero_high", 0), 0),  # its slope is unbounded at the kink
    (lambda z: z.clamp(-1e6, 1e6), ("asymptote_right_intercept", 0), 1e6),
    (lambda z: z.clamp(-1e6, 1e6), ("asymptote_right_slope", 0), 0),
    (lambda z: z.sign() * torch.log1p(z.abs()), ("sup_derivative_low", 0), 0),  # autograd says f'(0) = 0
    (lambda z: (z * z - 1) ** 2, ("zero_low", 1), 1),  # touches
    (lambda z: torch.relu(1 - z.abs()), ("zero_high", 0), -1),
    (lambda z: torch.where(z >= 0, z, z / (1 - z)), ("num_derivative_kinks", 0), 1),  # nan at 1, from the other branch
    (lambda z: z.clamp(max=88).exp(), ("saturation_low_0.1", 0), 88 + math.log(0.1)),  # steepest between two nodes
    (lambda z: torch.logaddexp(z, -z) - math.log(2), ("asymptote_left_intercept", 0), -math.log(2)),
    (nn.ReLU(inplace=True), ("saturation_low_0.01", 0), 0),
    (nn.Sequential(nn.Identity(), nn.ELU(alpha=0.5, inplace=True)), ("kink_left", 0), 0.5),
]


@pytest.mark.parametrize(("f", "key", "expected"), USER_FUNCTIONS)
def test_the_facts_of_a_users_function(f, key, expected):
    facts = {(fact.property, fact.index): fact for fact in facts_of(f)}
    if expected is None:
        assert key not in facts
    else:
        assert facts[key].value == pytest.approx(expected, abs=1e-9)


# Formulas as they are written by hand, which overflow or lose digits, and a function that computes the same everywhere.
HAND_WRITTEN = {
    "log(1 + e^z)": (lambda z: (1 + z.exp()).log(), lambda z: torch.logaddexp(z, 0 * z), (-1e8, 709)),
    "log(1 + e^100z) / 100": (
        lambda z: (1 + (100 * z).exp()).log() / 100,
        lambda z: torch.logaddexp(100 * z, 0 * z) / 100,
        (-1e8, 7.09),
    ),
    "quotient of e^z and e^-z": (lambda z: (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()), torch.tanh, (-709, 709)),
    "quotient of e^2z": (lambda z: ((2 * z).exp() - 1) / ((2 * z).exp() + 1), torch.tanh, (-1e8, 354)),
    "quotient of sinh and cosh": (lambda z: z.sinh() / z.cosh(), torch.tanh, (-709, 709)),
    "quotient of e^(z^2)": (
        lambda z: ((z * z).exp() - 1) / ((z * z).exp() + 1),
        lambda z: (z * z / 2).tanh(),
        (-26.6, 26.6),
    ),
    "e^z / (1 + e^z)": (lambda z: z.exp() / (1 + z.exp()), torch.sigmoid, (-1e8, 709)),
    "z / (1 + e^-z)": (lambda z: z / (1 + (-z).exp()), F.silu, (-709, 1e8)),
    "log(e^z / (1 + e^z))": (lambda z: (z.exp() / (1 + z.exp())).log(), F.logsigmoid, (-709, 709)),
    "z tanh(log(1 + e^z))": (lambda z: z * (1 + z.exp()).log().tanh(), F.mish, (-1e8, 709)),
    "mish as a quotient": (
        lambda z: z * ((1 + z.exp()) ** 2 - 1) / ((1 + z.exp()) ** 2 + 1),
        F.mish,
        (-1e8, 351),
    ),
    "log cosh z": (lambda z: z.cosh().log(), lambda z: torch.logaddexp(z, -z) - math.log(2), (-709, 709)),
    "difference of softplus": (
        lambda z: ((1 + (5 * z).exp()) / (1 + (5 * z - 5).exp())).log() / 5,
        lambda z: (torch.logaddexp(5 * z, 0 * z) - torch.logaddexp(5 * z - 5, 0 * z)) / 5,
        (-1e8, 141),
    ),
    "2 / (e^z + e^-z)": (
        lambda z: 2 / (z.exp() + (-z).exp()),
        lambda z: 2 * (-z.abs()).exp() / (1 + (-2 * z.abs()).exp()),
        (-709, 709),
    ),
    "torch.where": (lambda z: torch.where(z > 0, z, z.exp() - 1), F.elu, (-1e8, 709)),
}


@pytest.mark.parametrize(("written", "stable", "reading"), HAND_WRITTEN.values(), ids=HAND_WRITTEN)
def test_a_formula_that_overflows_has_the_facts_of_its_function(written, stable, reading):
    facts, expected = ({(fact.property, fact.index): fact for fact in facts_of(f)} for f in (written, stable))
    ends = facts.pop(("read_low", 0)), facts.pop(("read_high", 0))
    assert (ends[0].value, ends[1].value) == pytest.approx(reading)
    assert ends[0].method == f"read on [{reading[0]:g}, {reading[1]:g}]: beyond it f or f' is not finite"
    for group in (facts, expected):  # where torch's own softplus turns into z
        for key in [key for key in group if key[0].startswith("seam")]:
            del group[key]
    assert facts.keys() == expected.keys()
    for key, fact in facts.items():
        error = fact.error + expected[key].error + 1e-12 if math.isfinite(fact.error) else 0.0
        assert fact.text == expected[key].text, key
        assert fact.value == pytest.approx(expected[key].value, abs=error, rel=1e-12, nan_ok=True), key


def test_a_line_is_concluded_only_from_what_is_read():
    facts = {fact.property: fact for fact in facts_of(lambda z: torch.tanh(z / 300) + 0 * z.exp())}
    assert facts["read_high"].value == 709
    assert facts["asymptote_right"].text == NOT_DETERMINED  # tanh(709 / 300) is still 0.018 from 1
    assert facts["asymptote_right"].method.endswith(
        "as far as f is read, to z = 709, extrapolated (Aitken): too near to tell"
    )
    assert facts["asymptote_left_intercept"].value == -1
    assert {fact.property: fact for fact in facts_of(torch.exp)}["asymptote_right"].text == "none"


def test_a_mean_over_what_is_not_read_is_not_determined():
    facts = {fact.property: fact for fact in facts_of(lambda z: (1 + (300 * z).exp()).log() / 300)}
    assert facts["mean"].text == NOT_DETERMINED
    assert facts["mean"].method == "f is read on [-1e+08, 2.36] only"


SMOOTH = {
    "sqrt(z^2 + 1) - 1": lambda z: (z * z + 1).sqrt() - 1,
    "bent identity": lambda z: ((z * z + 1).sqrt() - 1) / 2 + z,
    "z / sqrt(1 + z^2), scaled": lambda z: z * 0.5 * (1 + z / (1 + z.pow(2)).sqrt()),
    "log(z + sqrt(z^2 + 1))": lambda z: (z + (z * z + 1).sqrt()).log(),  # cancels on the left
    "gelu by erf": lambda z: 0.5 * z * (1 + torch.erf(z / math.sqrt(2))),
    "gelu by tanh, float32 constants": lambda z: (
        0.5 * z * (1 + torch.tanh(torch.tensor(0.7978846) * (z + torch.tensor(0.044715) * z**3)))
    ),
    "softplus of softplus": lambda z: (1 + (1 + z.exp()).log().exp()).log(),
    "softplus, stretched": lambda z: (1 + (0.1 * z).exp()).log() / 0.1,
    "z - softplus": lambda z: z - (1 + z.exp()).log(),
    "root of softplus": lambda z: ((1 + z.exp()).log() / 2).exp(),
    "sine over z": torch.sinc,
    "z sigmoid(e^-z)": lambda z: z * torch.sigmoid((-z).exp()),
    "tanh of silu": lambda z: (  # TSiLU, TBSReLU of the package nonlinear 0.0.17
        ((z / (1 + (-z).exp())).exp() - (-z / (1 + (-z).exp())).exp()) / (2 * (z / (1 + (-z).exp())).exp())
    ),
    "z tanh of a bipolar sigmoid": lambda z: z * torch.tanh((1 - (-z).exp()) / (1 + (-z).exp())),
    **{
        name: written
        for name, (written, _, _) in HAND_WRITTEN.items()
        if name not in ("torch.where", "2 / (e^z + e^-z)")
    },
}


@pytest.mark.parametrize("f", SMOOTH.values(), ids=SMOOTH)
def test_rounding_is_no_kink(f):
    kinks = find_kinks(prepare(f))
    assert kinks.real == ()
    assert kinks.searched_order == 3


@pytest.mark.parametrize("stretch", [1 + 3e-16 * k for k in range(1, 6)])
def test_rounding_is_no_kink_wherever_it_is_met(stretch):
    assert find_kinks(prepare(lambda z: SMOOTH["log(z + sqrt(z^2 + 1))"](z * stretch))).real == ()


@pytest.mark.parametrize(
    ("smooth", "place"),
    [("log(1 + e^z)", -2.0), ("quotient of e^z and e^-z", 0.0), ("bent identity", 50.3), ("gelu by erf", 200.7)],
)
@pytest.mark.parametrize("size", [1.0, 1e-5])
@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_a_true_kink_is_found_on_top_of_any_smooth_function(smooth, place, size, order):
    def f(z):
        bend = (z > place).double() if order == 0 else torch.relu(z - place) ** order / math.factorial(order)
        return SMOOTH[smooth](z) + size * bend

    kinks = [kink for kink in find_kinks(prepare(f)).all if kink.order == order]
    assert [kink.place for kink in kinks] == pytest.approx([place], abs=1e-9)
    assert kinks[0].jump == pytest.approx(size, rel=1e-4)


@pytest.mark.parametrize(
    "f", [lambda z: torch.relu(z) ** 4, lambda z: torch.relu(z).sqrt(), lambda z: (z > 2).double()]
)
def test_a_level_tail_is_attained(f):
    facts = {fact.property: fact for fact in facts_of(f)}
    assert (facts["range_inf"].value, facts["range_inf"].text) == (0, "closed")


def test_a_fact_that_cannot_be_determined_says_so_and_why():
    facts = {fact.property: fact for fact in facts_of(lambda z: z.sign() * z.abs().sqrt())}
    assert facts["saturation_low_0.01"].text == NOT_DETERMINED
    assert facts["saturation_low_0.01"].method == "sup|f'| and E f'^2 are infinite"
    assert facts["derivative_second_moment"].method == "the integral does not converge"
    assert facts["continuity"].text == "at least"
    assert facts["continuity"].value == 0
    facts = {fact.property: fact for fact in facts_of(torch.zeros_like)}
    assert facts["gain"].method == "E f^2 is 0"
    facts = {fact.property: fact for fact in facts_of(torch.sin)}
    assert facts["num_zeros"].text == NOT_DETERMINED
    assert facts["num_zeros"].method == "more than 32 on the grid"
    assert facts["monotonic"].text == "no"
    facts = {fact.property: fact for fact in facts_of(torch.round)}
    assert facts["num_jumps"].text == facts["kink_place"].text == NOT_DETERMINED
    assert facts["num_jumps"].method == "more than 32 found"
    assert facts["continuity"].value == -1


def test_a_function_that_is_random_in_evaluation_has_no_facts():
    facts = {fact.property: fact for fact in facts_of(lambda z: z + torch.rand_like(z))}
    assert facts["all"].text == NOT_DETERMINED
    assert facts["all"].method == "two evaluations at the same z differ"


def test_a_function_that_turns_within_cells_of_the_grid_has_moments_only():
    facts = {fact.property: fact for fact in facts_of(entries.load("snake", {"a": 1000.0}).f)}
    assert facts["shape"].text == NOT_DETERMINED
    assert facts["shape"].method == "f turns within a cell of the grid, so its shape cannot be read; its moments can"
    # (1 - e^(-2 a^2)) / (2 a), and 1 + 1/2 from the sine's square.
    assert facts["mean"].value == pytest.approx(1 / 2000, abs=1e-12)
    assert facts["derivative_second_moment"].value == pytest.approx(1.5, abs=1e-9)
    assert "monotonic" not in facts


@pytest.mark.parametrize("f", [lambda z: 1 / z, lambda z: z.sin() / z])
def test_a_function_with_a_pole_or_a_gap_has_no_shape(f):
    facts = {fact.property: fact for fact in facts_of(f)}
    assert facts["shape"].text == NOT_DETERMINED
    assert facts["shape"].method == "f is not finite at z = 0"
    assert value_range(lambda z: 1 / z) == (-INF, INF)


def test_a_function_that_does_not_work_element_by_element_is_rejected():
    message = (
        "This function's value at one element depends on the others, so it has no graph over z. "
        "Give a function that works element by element."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        facts_of(lambda z: torch.softmax(z, 0))
    message = (
        "An activation maps a tensor to one of the same shape, but this one returned shape () for shape (7,). "
        "Give a function that works element by element."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        facts_of(lambda z: z.sum())
    message = (
        "An activation keeps the dtype of its argument, but this one returned torch.float32 for torch.float64. "
        "Give a function that computes in the dtype that it is given."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        facts_of(lambda z: z.float().relu())


@pytest.mark.parametrize("epsilon", [0, 1, -0.1])
def test_epsilon_must_be_a_share(epsilon):
    message = f"epsilon is {epsilon}, but it is a share of sup|f'|: give a number between 0 and 1."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        saturation_thresholds(torch.tanh, epsilon=epsilon)


def test_a_function_that_is_finite_nowhere_is_rejected():
    with pytest.raises(
        ValueError, match=r"^The function is finite nowhere on the grid: give one whose values are numbers\.$"
    ):
        value_range(lambda z: z * math.nan)


def test_neither_the_module_nor_the_global_generator_nor_gradients_change():
    module = nn.Sequential(nn.PReLU(init=0.25), nn.RReLU()).train()
    state, generator = copy.deepcopy(module.state_dict()), torch.get_rng_state()
    with torch.no_grad():
        thresholds = saturation_thresholds(module)
    value_range(module), second_moment(module), facts_of(module)
    assert thresholds == (-INF, INF)
    assert torch.equal(torch.get_rng_state(), generator)
    assert module.training
    assert module[0].weight.dtype == torch.float32
    assert module[0].weight.grad is None
    assert all(torch.equal(state[name], value) for name, value in module.state_dict().items())


def test_a_learned_parameter_counts_with_its_present_value():
    module = nn.PReLU(init=0.25)
    with torch.no_grad():
        module.weight.fill_(0.0)
    assert saturation_thresholds(module) == (0, INF)
    assert second_moment(module) == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize("module", [nn.Tanh(), nn.ELU(), nn.PReLU(), nn.Softplus()], ids=str)
@pytest.mark.parametrize("compute", [saturation_thresholds, value_range])
def test_a_property_is_fast_enough_for_a_training_probe(module, compute):
    """It takes as long as 40 to 85 slopes on the grid, on whatever machine."""
    torch.set_num_threads(1)
    f, z = prepare(module), grid()
    assert _seconds(lambda: compute(module)) < 250 * _seconds(lambda: derivative(f, z))


def _seconds(work) -> float:
    """The least of seven times, in which other processes do not count."""
    seconds = []
    for _ in range(7):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return min(seconds)


def test_a_mean_that_does_not_exist_is_nan():
    assert math.isnan(second_moment(lambda z: torch.exp(z * z)))
    mean, error = gaussian_mean(lambda z: torch.where(z > 0.3, 1.0, 0.0).double())
    assert mean == pytest.approx(0.5 * math.erfc(0.3 / math.sqrt(2)), abs=error)
    assert error < 1e-12
