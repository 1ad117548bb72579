"""The share of the machine's peak that training reaches, and where the rest of its time goes.

For the MLP the peak is torch.mm's on large squares, for the CNN conv2d's with many channels, stored last. Each is the
best of a few sizes, in float32, on the run's number of threads. A multiplication and an addition are two operations.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from time import perf_counter

import torch
import torch.nn.functional as F
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from actbench.command.job import Job
from actbench.measure import build, environment
from actbench.measure.trace import activations, weight_layers
from benchmarks.speed import stacked
from benchmarks.speed.cases import batches_of, model_of, one_of_each_net, splits_of
from benchmarks.speed.harness import Arm, LeftOutError, Sample, Train
from benchmarks.speed.onednn import use_onednn

AIMS = {"mlp": 0.45, "cnn": 0.5}
SQUARES = (512, 1024, 2048)
CONVOLUTIONS = ((32, 28), (64, 14), (128, 14))  # channels in and out, height and width
PEAK_SECONDS = 0.3  # for each size
PACK = 10
# A wider network keeps the processor busier: what the loop reaches where the shapes let it.
WIDER = {"mlp": ["model.width=512", "train.batch_size=512"], "cnn": ["model.widths=[32, 64, 128]"]}


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """Training alone, and each of its parts alone, reported as its share of training's time."""
    for case, case_job in one_of_each_net(job):
        is_cnn = case_job.choices["model"] == "cnn"
        peak = "conv2d, the best" if is_cnn else "torch.mm, the best"
        training, share = "training, one seed", {"training, one seed": None}
        yield Arm(case, peak, "GFLOP", partial(_peak, case_job, _convolutions if is_cnn else _squares))
        yield Arm(case, training, "GFLOP", partial(_training, case_job, seed), {peak: AIMS["cnn" if is_cnn else "mlp"]})
        yield Arm(case, _wider_name(case_job), "GFLOP", partial(_training, _wider(case_job), seed), {peak: None})
        yield Arm(case, f"training, {PACK} seeds stacked", "GFLOP", partial(_stacked, case_job, seed), {peak: None})
        if not is_cnn:
            onednn = partial(_training, case_job, seed, use_onednn)
            yield Arm(case, "training, products by oneDNN", "GFLOP", onednn, share)
        for name, part in _PARTS.items():
            yield Arm(case, name, "part", partial(_part, case_job, seed, part), share)


def _wider_name(job: Job) -> str:
    return ", ".join(["training", *WIDER[job.choices["model"]]])


def _wider(job: Job) -> Job:
    config = OmegaConf.merge(job.config, OmegaConf.from_dotlist(WIDER[job.choices["model"]]))
    return replace(job, config=DictConfig(config))


def flop_per_step(model: nn.Module, batch: tuple[Tensor, Tensor]) -> int:
    """Operations in the matrix products and convolutions of forward and backward; the images need no gradient."""
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(model(batch[0]), batch[1]).backward()
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops()


def _peak(job: Job, operations: Callable[[torch.device], Iterator[tuple[int, Callable]]]) -> Callable[[], Sample]:
    device = environment.device(job.config.device)

    def work() -> Sample:
        best = Sample(0.0, 1.0)
        for flop, call in operations(device):
            call()
            end = perf_counter() + PEAK_SECONDS
            while perf_counter() < end:
                start = perf_counter()
                call()
                if device.type == "cuda":
                    torch.cuda.synchronize()
                seconds = perf_counter() - start
                if flop / seconds > 1e9 * best.work / (best.seconds or 1.0):
                    best = Sample(flop / 1e9, seconds)
        return best

    return work


def _squares(device: torch.device) -> Iterator[tuple[int, Callable]]:
    for n in SQUARES:
        a, b, out = torch.randn(n, n, device=device), torch.randn(n, n, device=device), torch.empty(n, n, device=device)
        yield 2 * n**3, partial(torch.mm, a, b, out=out)


def _convolutions(device: torch.device) -> Iterator[tuple[int, Callable]]:
    for channels, side in CONVOLUTIONS:
        x = torch.randn(64, channels, side, side, device=device)
        w = torch.randn(channels, channels, 3, 3, device=device)
        x, w = x.to(memory_format=torch.channels_last), w.to(memory_format=torch.channels_last)
        yield 2 * 64 * 9 * channels**2 * side**2, torch.no_grad()(partial(F.conv2d, x, w, padding=1))


def _prepare_training(job: Job, seed: int) -> tuple[nn.Module, torch.optim.Optimizer, list, float]:
    """A model, its optimizer, the batches of the run, and the GFLOP of all of them."""
    splits = splits_of(job, seed)
    model = model_of(job, seed, splits)
    batches = list(batches_of(job, seed, splits.train))
    return model, build.optimizer(job.config, model), batches, flop_per_step(model, batches[0]) * len(batches) / 1e9


def _training(job: Job, seed: int, change: Callable[[nn.Module], None] = lambda model: None) -> Callable[[], Sample]:
    """The steps of a run and the making of its batches, as `train_seconds` counts them; `change` alters the model."""
    splits = splits_of(job, seed)
    model = model_of(job, seed, splits)
    task = build.task(job.config, model, splits=splits, seed=seed)
    first = next(batches_of(job, seed, splits.train), None)
    if first is None:
        raise LeftOutError(f"A batch of {job.config.train.batch_size} needs as many training examples.")
    flop = flop_per_step(model, first)
    change(model)
    task.step(first)

    def work() -> Sample:
        steps = 0
        for batch in batches_of(job, seed, splits.train):
            task.step(batch)
            steps += 1
        return Sample(flop * steps / 1e9)

    return work


def _stacked(job: Job, seed: int) -> Callable[[], Sample]:
    splits = splits_of(job, seed)
    flop = flop_per_step(model_of(job, seed, splits), next(batches_of(job, seed, splits.train)))
    steps = len(splits.train.labels) // job.config.train.batch_size // PACK or 1
    run = stacked.training(job, splits, seeds=range(seed, seed + PACK), steps=steps)

    def work() -> Sample:
        run()
        return Sample(flop * steps * PACK / 1e9)

    return work


def _part(job: Job, seed: int, part: Callable[..., Callable[[], object]]) -> Callable[[], Sample]:
    model, optimizer, batches, flop = _prepare_training(job, seed)
    once = part(job, seed, model, optimizer, batches[0])
    once()

    def work() -> Sample:
        for _ in batches:
            once()
        return Sample(flop)

    return work


def _batches(job: Job, seed: int, model: nn.Module, optimizer: object, batch: object) -> Callable[[], object]:
    batches = batches_of(job, seed, splits_of(job, seed).train)
    return lambda: next(batches, None)


def _forward_hooked(model: nn.Module, images: Tensor, layers: Iterable[nn.Module], hook: Callable[..., None]) -> None:
    """One forward pass with a forward hook on each of the layers."""
    handles = [layer.register_forward_hook(hook) for layer in layers]
    model(images)
    for handle in handles:
        handle.remove()


def _products(
    job: Job, seed: int, model: nn.Module, optimizer: object, batch: tuple[Tensor, Tensor]
) -> Callable[[], object]:
    """Every product of forward and backward, with its shapes, without the operations between them."""
    calls: list[Callable] = []

    def record(layer: nn.Linear | nn.Conv2d, inputs: tuple[Tensor], y: Tensor) -> None:
        x, gradient, first = inputs[0].detach(), torch.randn_like(y), not calls
        calls.append(partial(layer.forward, x))
        if isinstance(layer, nn.Conv2d):
            args = (gradient, x, layer.weight, [y.shape[1]], layer.stride, layer.padding, layer.dilation, False, [0, 0])
            calls.append(partial(torch.ops.aten.convolution_backward, *args, 1, [not first, True, True]))
            return
        calls.append(partial(torch.mm, gradient.t(), x))
        if not first:
            calls.append(partial(torch.mm, gradient, layer.weight))

    _forward_hooked(model, batch[0], weight_layers(model).values(), record)

    @torch.no_grad()
    def once() -> None:
        for call in calls:
            call()

    return once


def _activations_and_pooling(
    job: Job, seed: int, model: nn.Module, optimizer: object, batch: tuple[Tensor, Tensor]
) -> Callable[[], object]:
    """Every activation and pooling, forward and backward, on its input in the model."""
    calls: list[Callable] = []

    def record(layer: nn.Module, inputs: tuple[Tensor], y: Tensor) -> None:
        x, gradient = inputs[0].detach().requires_grad_(), torch.randn_like(y)
        calls.append(lambda: torch.autograd.grad(layer.forward(x), x, gradient))

    pools = [layer for layer in model.modules() if isinstance(layer, nn.MaxPool2d)]
    _forward_hooked(model, batch[0], (*activations(model).values(), *pools), record)

    def once() -> None:
        for call in calls:
            call()

    return once


def _forward(
    job: Job, seed: int, model: nn.Module, optimizer: object, batch: tuple[Tensor, Tensor]
) -> Callable[[], Tensor]:
    return lambda: F.cross_entropy(model(batch[0]), batch[1])


def _forward_backward(
    job: Job, seed: int, model: nn.Module, optimizer: object, batch: tuple[Tensor, Tensor]
) -> Callable[[], object]:
    def once() -> None:
        model.zero_grad(set_to_none=True)
        F.cross_entropy(model(batch[0]), batch[1]).backward()

    return once


def _optimizer_step(
    job: Job, seed: int, model: nn.Module, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, Tensor]
) -> Callable[[], object]:
    F.cross_entropy(model(batch[0]), batch[1]).backward()
    return optimizer.step


_PARTS: dict[str, Callable[..., Callable[[], object]]] = {
    "batches alone": _batches,
    "its products alone, forward and backward": _products,
    "activations and pooling alone, forward and backward": _activations_and_pooling,
    "forward alone": _forward,
    "forward and backward alone": _forward_backward,
    "the optimizer alone": _optimizer_step,
}
