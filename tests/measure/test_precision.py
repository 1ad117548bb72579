"""precision=bfloat16: what computes in it, what stays in float32, and what is refused."""

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from actbench.command.options import ConfigError, options
from actbench.measure import build, identity, trial
from actbench.measure.data.splits import Batch
from actbench.measure.precision import computing, is_emulated
from actbench.measure.trace import Activation
from actbench.sweep import progress

MODULE = """
import torch
from torch import nn

SLOPES = torch.tensor([0.25])
def sharp(z): return z.relu() * SLOPES
def cast(z): return z.relu() * SLOPES.to(z)

class ScaledInTraining(nn.Module):
    def forward(self, z): return z * SLOPES if self.training else z / 4
"""


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch(torch.randn(32, 1, 4, 4, generator=generator), torch.randint(0, 4, (32,), generator=generator))


class _Net(nn.Module):
    """Two layers; the dtypes of z are noted."""

    def __init__(self) -> None:
        super().__init__()
        self.dtypes = []
        self.first, self.act, self.last = nn.Linear(16, 8), Activation(self._tanh), nn.Linear(8, 4)

    def _tanh(self, z):
        self.dtypes.append(z.dtype)
        return z.tanh()

    def forward(self, images):
        return self.last(self.act(self.first(images.flatten(1))))


def _task(job_of, precision: str):
    torch.manual_seed(0)
    config = job_of("+act=tanh", f"precision={precision}", "optim=sgd").config
    model = _Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    return build._partial(config.task)(
        model=model, optimizer=optimizer, clip_grad_norm=None, num_classes=4, precision=config.precision
    )


def test_steps_compute_in_the_precision_and_weights_and_probes_stay_in_float32(job_of, batch):
    half, full = _task(job_of, "bfloat16"), _task(job_of, "float32")
    losses = half.step(batch)["loss"], full.step(batch)["loss"]
    assert half.model.dtypes == [torch.bfloat16]
    assert full.model.dtypes == [torch.float32]
    assert losses[0].dtype == torch.float32
    assert 0 < abs(losses[0] - losses[1]) < 0.01 * losses[1]  # 8 bits of a mantissa
    buffers = [state["momentum_buffer"] for state in half.optimizers[0].state.values()]
    tensors = [*half.model.parameters(), *(p.grad for p in half.model.parameters()), *buffers]
    assert {tensor.dtype for tensor in tensors} == {torch.float32}
    (traced,) = half.trace(batch, weights_before=None)
    assert {traced.z.dtype, traced.a.dtype, traced.dz.dtype} == {torch.float32}
    torch.testing.assert_close(traced.a[..., 0], half.model.first(batch.images.flatten(1)).tanh(), rtol=0, atol=0)


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_a_network_trains_in_bfloat16(norm, measure):
    """Evaluation is in the run's precision, too: its loss is another, but near."""
    line = ["+act=prelu", "model=cnn", f"norm={norm}", "model.dropout=0.2", "num_seeds=1", "train.epochs=1"]
    (half, _, layers), (full, _, _) = (
        measure(*line, "data.num_train=128", f"precision={name}", tiny=False) for name in ("bfloat16", "float32")
    )
    assert half["status"].item() == "done"
    assert 0 < abs(half["test_loss"].item() - full["test_loss"].item()) < 0.05
    assert layers.loc[layers["step"] > 0, "update_ratio"].gt(0).all()


def test_the_precision_belongs_to_the_identity(job_of):
    jobs = [job_of("+act=relu", *line) for line in ([], ["precision=float32"], ["precision=bfloat16"])]
    default, full, half = map(identity.run_id, jobs)
    assert default == full != half


@pytest.mark.parametrize("act", list(options("act")))
def test_every_activation_works_in_bfloat16(act):
    """With finite values and gradients, and near its values in float32."""
    layer = build.act_factory(OmegaConf.load(options("act")[act]))(1).eval()
    trial.try_bfloat16(layer, act)
    z = torch.linspace(-3, 3, 61).bfloat16()
    with computing("bfloat16", torch.device("cpu")):
        a = layer.eval()(z)
    torch.testing.assert_close(a.float(), layer(z.float()), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", ["sharp", "ScaledInTraining"])
def test_a_function_that_leaves_bfloat16_is_refused_there_alone(name, job_of):
    Path("half_precise.py").write_text(MODULE)
    line = ["+act=custom", f"act._target_=half_precise.{name}"]
    job_of(*line)
    with pytest.raises(ConfigError) as caught:
        job_of(*line, "precision=bfloat16")
    assert str(caught.value) == (
        "act=custom, with precision=bfloat16, turns torch.bfloat16 into torch.float32: an activation keeps the dtype: "
        "cast the tensors that it holds by c.to(z)."
    )


def test_a_function_that_casts_its_constants_is_accepted(job_of):
    Path("half_precise.py").write_text(MODULE)
    job_of("+act=custom", "act._target_=half_precise.cast", "precision=bfloat16")


@pytest.mark.parametrize("task", ["gan", "propagation"])
def test_a_task_that_computes_in_its_own_precision_refuses_another(task, job_of):
    job_of("+act=tanh", f"task={task}")
    with pytest.raises(ConfigError, match=f"^precision=bfloat16, but task={task} computes in one of its own"):
        job_of("+act=tanh", f"task={task}", "precision=bfloat16")


def test_another_precision_is_refused(job_of):
    with pytest.raises(ConfigError, match=r"^precision=float16 is out of range: it must be float32 or bfloat16\.$"):
        job_of("+act=tanh", "precision=float16")


@pytest.mark.parametrize(
    ("has", "emulated"),
    [
        ({"architecture": "x86_64", "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, True),
        ({"architecture": "x86_64", "avx512_bf16": True}, False),
        ({"architecture": "aarch64", "neon": True, "bf16": True}, False),
        ({"architecture": "aarch64", "neon": True, "bf16": False}, True),
    ],
)
def test_a_processor_without_bfloat16_emulates_it(monkeypatch, capsys, job_of, has, emulated):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    assert is_emulated("bfloat16", torch.device("cpu")) == emulated
    assert not is_emulated("bfloat16", torch.device("cuda"))
    assert not is_emulated("float32", torch.device("cpu"))
    progress.say_notes([job_of("+act=relu", "precision=bfloat16"), job_of("+act=relu")])
    assert ("bfloat16" in capsys.readouterr().out) == emulated
