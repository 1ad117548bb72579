"""Classification: its update, its measures by hand, and its calibration error."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from actbench.measure.data.splits import Batch, Scale, Split
from actbench.measure.tasks.classification import Classification, expected_calibration_error


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(32, 1, 2, 3, generator=generator), torch.randint(0, 4, (32,), generator=generator))


def _task(*, lr: float = 0.5, clip: float | None = None, label_smoothing: float = 0.0) -> Classification:
    torch.manual_seed(0)
    return _classification(nn.Sequential(nn.Flatten(), nn.Linear(6, 4)), lr, clip, label_smoothing, num_classes=4)


def _classification(
    model: nn.Module, lr: float, clip: float | None, label_smoothing: float, *, num_classes: int
) -> Classification:
    return Classification(
        model=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=lr),
        clip_grad_norm=clip,
        num_classes=num_classes,
        label_smoothing=label_smoothing,
        precision="float32",
    )


def _split(images: torch.Tensor, labels: torch.Tensor) -> Split:
    return Split(images, torch.arange(len(labels)), labels, Scale(1, None))


def test_a_step_is_gradient_descent_on_the_mean_loss(batch):
    """Softmax regression: ∂L/∂W = (p − y)^T x / N, in closed form."""
    task = _task()
    linear, x = task.model[1], batch.images.flatten(1)
    before = linear.weight.detach().clone()
    error = (task.model(batch.images).softmax(1) - F.one_hot(batch.labels, 4)).detach()
    loss = task.step(batch)["loss"]
    torch.testing.assert_close(linear.weight, before - 0.5 * error.T @ x / 32)
    assert not loss.requires_grad


def test_with_label_smoothing_a_step_descends_to_smoothed_labels(batch):
    """The target is 0.8 of the label and 0.2 / 4 for each class; the loss that is recorded is the NLL."""
    task = _task(label_smoothing=0.2)
    linear, x = task.model[1], batch.images.flatten(1)
    before, p = linear.weight.detach().clone(), task.model(batch.images).softmax(1).detach()
    loss = task.step(batch)["loss"]
    target = 0.8 * F.one_hot(batch.labels, 4) + 0.05
    torch.testing.assert_close(linear.weight, before - 0.5 * (p - target).T @ x / 32)
    assert loss.item() == pytest.approx(-p.log()[torch.arange(32), batch.labels].mean().item())
    assert not loss.requires_grad


def test_clipping_bounds_the_norm_of_the_update(batch):
    task = _task(lr=1.0, clip=0.01)
    before = torch.cat([p.detach().flatten() for p in task.model.parameters()])
    task.step(batch)
    after = torch.cat([p.detach().flatten() for p in task.model.parameters()])
    assert (after - before).norm().item() == pytest.approx(0.01, rel=1e-3)


def test_the_evaluation_equals_one_by_hand():
    """Logits (ln 3, 0): the first class has probability 3/4."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2))
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].bias.copy_(torch.tensor([math.log(3), 0.0]))
    task = _classification(model, 0.1, None, 0.0, num_classes=2)
    split = _split(torch.zeros(4, 1, 1, 1), torch.tensor([0, 0, 0, 1]))
    measures = task.evaluate(split)
    assert measures["accuracy"] == 0.75
    assert measures["loss"] == pytest.approx(-(3 * math.log(0.75) + math.log(0.25)) / 4)
    assert measures["ece"] == pytest.approx(0, abs=1e-6)  # confidence 3/4, and three of four are right
    tested, right = task.test(split)
    assert tested == measures
    assert right.tolist() == [True, True, True, False]
    assert task.chance(split) == {"loss": math.log(2), "accuracy": 0.5, "ece": 0.0}


def test_evaluation_does_not_depend_on_the_chunk_size(batch, monkeypatch):
    task, split = _task(), _split(*batch)
    expected = task.evaluate(split)
    monkeypatch.setattr("actbench.measure.tasks.classification._CHUNK", 5)
    assert task.evaluate(split) == pytest.approx(expected)
    assert task.model.training


def test_the_calibration_error_equals_one_by_hand():
    """Two of three right at confidence 0.9, one of two right at 0.6: 3/5 |2/3 − 0.9| + 2/5 |1/2 − 0.6|."""
    confidence = torch.tensor([0.9, 0.9, 0.9, 0.6, 0.6])
    logits = torch.stack([confidence, 1 - confidence], dim=1).log()
    labels = torch.tensor([0, 0, 1, 0, 1])
    assert expected_calibration_error(logits, labels) == pytest.approx(0.6 * (0.9 - 2 / 3) + 0.4 * 0.1, abs=1e-6)
