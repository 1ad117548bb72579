"""Traces against autograd, and the state of model and generators after a trace."""

import pytest
import torch
import torch.nn.functional as F
from examples import DIGITS
from torch import nn

from actbench.measure import build
from actbench.measure.data.splits import Batch
from actbench.measure.trace import Activation, evaluation_mode, trace, weights


def _model(job, seed: int = 0) -> nn.Module:
    return build.model(job.config, DIGITS, seed=seed, on=torch.device("cpu"))


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(16, 1, 8, 8, generator=generator), torch.randint(0, 10, (16,), generator=generator))


def _loss(model, batch):
    return lambda: F.cross_entropy(model(batch.images), batch.labels, reduction="sum")


def _gradients_at_a(model, loss):
    """The gradient at the output of each activation layer, (N, U, P), by torch's retain_grad."""
    outputs = []

    def retain(layer, inputs, a):
        outputs.append(a)
        a.retain_grad()

    layers = [module for module in model.modules() if isinstance(module, Activation)]
    handles = [layer.register_forward_hook(retain) for layer in layers]
    with evaluation_mode(model):
        loss().backward()
    for handle in handles:
        handle.remove()
    return [a.grad.unsqueeze(-1).flatten(2) for a in outputs]


@pytest.mark.parametrize(
    "line", ["+act=mish", "+act=tanh norm=batch", "+act=gelu model=cnn", "+act=elu model=cnn norm=layer"]
)
def test_the_chain_rule_holds_at_every_layer(line, batch, job_of):
    """dz = f'(z) da."""
    model = _model(job_of(*line.split()))
    traces = trace(model, _loss(model, batch))
    assert [t.layer_index for t in traces] == [1, 2, 3]
    for t, da in zip(traces, _gradients_at_a(model, _loss(model, batch)), strict=True):
        assert t.z.shape == t.a.shape == t.dz.shape
        torch.testing.assert_close(t.f(t.z), t.a)
        torch.testing.assert_close(t.dz, torch.cat(list(t.slopes())) * da, rtol=1e-4, atol=1e-7)


def test_the_loss_is_the_sum_over_examples(batch, job_of):
    """Against the gradient at a bias: ∂L/∂b_l is ∂L/∂z_l summed over the batch."""
    model = _model(job_of("+act=tanh")).eval()
    traces = trace(model, _loss(model, batch))
    _loss(model, batch)().backward()
    for t, block in zip(traces, model.hidden, strict=True):
        torch.testing.assert_close(t.dz.sum((0, 2)), block.weight.bias.grad)


def test_units_of_a_convolution_are_channels(batch, job_of):
    model = _model(job_of("+act=relu", "model=cnn"))
    assert [tuple(t.z.shape) for t in trace(model, _loss(model, batch))] == [(16, 16, 64), (16, 32, 16), (16, 64, 4)]


def test_next_y_and_next_bias_are_of_the_next_weight_layer(batch, job_of):
    """Against W a + b of the next layer, which is the output layer after the last hidden one."""
    model = _model(job_of("+act=tanh")).eval()
    traces = trace(model, _loss(model, batch))
    next_layers = [*[block.weight for block in model.hidden][1:], model.output]
    for t, layer in zip(traces, next_layers, strict=True):
        torch.testing.assert_close(t.next_y.squeeze(-1), layer(t.a.squeeze(-1)))
        assert torch.equal(t.next_bias, layer.bias)


def test_a_trace_leaves_the_model_as_it_was(batch, job_of):
    model = _model(job_of("+act=rrelu", "norm=batch", "model.dropout=0.5"))
    model.hidden[1].eval()
    modes = [module.training for module in model.modules()]
    state = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.random.get_rng_state()
    trace(model, _loss(model, batch))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert torch.equal(random_state, torch.random.get_rng_state())


def test_a_trace_of_a_random_function_restores_the_random_state(batch, job_of):
    model = _model(job_of("+act=relu"))
    for block in model.hidden:
        block.act = Activation(lambda z: z + torch.rand_like(z))
    before = torch.random.get_rng_state()
    for t in trace(model, _loss(model, batch)):
        for _ in t.slopes():
            break  # as `dead` does, before the last chunk
    assert torch.equal(before, torch.random.get_rng_state())


def test_hooks_are_removed_when_the_pass_fails(batch, job_of):
    model = _model(job_of("+act=relu"))
    with pytest.raises(ZeroDivisionError):
        trace(model, lambda: 1 / 0)
    assert not any(module._forward_hooks for module in model.modules())
    assert model.training


def test_the_gradient_behind_a_binary_step_is_zero(batch, job_of):
    model = _model(job_of("+act=binary_step"))
    first, _, last = trace(model, _loss(model, batch))
    assert (first.dz == 0).all()
    assert (last.dz == 0).all()
    assert (_gradients_at_a(model, _loss(model, batch))[-1] != 0).any()


def test_weights_are_copies(job_of):
    model = _model(job_of("+act=relu"))
    before = weights(model)
    with torch.no_grad():
        model.output.weight += 1
    torch.testing.assert_close(model.output.weight - before[model.output], torch.ones(10, 128))


def test_an_activation_may_be_any_callable():
    z = torch.randn(3)
    assert torch.equal(Activation(torch.tanh)(z), torch.tanh(z))
