"""Layers measured at every epoch by actbench and by other tools, each against its own loop without measuring."""

import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from actbench.command.job import Job
from actbench.measure.data.splits import Batch, Split
from actbench.measure.trace import activations
from benchmarks.speed import lightning_loop, loops
from benchmarks.speed.cases import batches_of, job_of, model_of, one_of_each_net, splits_of
from benchmarks.speed.harness import Arm, LeftOutError, Sample, Train
from benchmarks.speed.tutorial import num_samples


def arms(job: Job, seed: int, *, train: Train) -> Iterator[Arm]:
    """The same network and schedule. Each tool sees actbench's batches, in memory, so that no loader hides its cost."""
    for case, case_job in one_of_each_net(job):
        probed = job_of(job, "/".join(case_job.choices[group] for group in ("data", "model")), probes="every_epoch")
        yield Arm(case, "actbench", "samples", partial(_actbench, case_job, seed, train))
        yield Arm(case, "actbench, every probe", "samples", partial(_actbench, probed, seed, train), {"actbench": None})
        yield Arm(case, "a loop", "samples", partial(_loop, case_job, seed, _no_tool))
        delve = partial(_loop, case_job, seed, _delve)
        yield Arm(case, "a loop, delve's saturation", "samples", delve, {"a loop": None})
        yield Arm(case, "Lightning", "samples", partial(_lightning, case_job, seed, hooked=False))
        hooked = partial(_lightning, case_job, seed, hooked=True)
        yield Arm(case, "Lightning, hooks", "samples", hooked, {"Lightning": None})


def _actbench(job: Job, seed: int, train: Train) -> Callable[[], Sample]:
    def work() -> Sample:
        _, history = train(job, seed)
        return Sample(num_samples(job, history.step), history.train_seconds + history.probe_seconds)

    return work


def _loop(
    job: Job, seed: int, tool: Callable[[nn.Module], AbstractContextManager[Callable[[], object]]]
) -> Callable[[], Sample]:
    splits = splits_of(job, seed)
    model = model_of(job, seed, splits)
    epochs = _epochs(job, seed, splits.train)
    tracking = ExitStack()
    after_epoch = tracking.enter_context(tool(model))

    def work() -> Sample:
        steps = 0
        with tracking:
            for epoch in epochs:
                loops.tutorial_train(model, epoch, epochs=1, lr=job.config.optim.lr)  # type: ignore[arg-type]
                after_epoch()
                steps += len(epoch)
        return Sample(num_samples(job, steps))

    return work


def _epochs(job: Job, seed: int, train: Split) -> list[list[Batch]]:
    """The batches of each epoch."""
    batches = list(batches_of(job, seed, train))
    num_steps = len(batches) // job.config.train.epochs
    return [batches[start : start + num_steps] for start in range(0, len(batches), num_steps)]


@contextmanager
def _no_tool(model: nn.Module) -> Iterator[Callable[[], object]]:
    yield lambda: None


@contextmanager
def _delve(model: nn.Module) -> Iterator[Callable[[], object]]:
    """delve's tracker: it gathers the covariances of every layer's outputs in training; each epoch gives saturation."""
    try:
        from delve import SaturationTracker
    except ImportError:
        raise LeftOutError("delve is not installed: pip install 'actbench[speed]'.") from None
    logging.getLogger("delve.logger").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/saturation"  # it appends .csv to the path
        tracker = SaturationTracker(path, save_to="csv", modules=model, device=next(model.parameters()).device)
        yield tracker.add_saturations


def _lightning(job: Job, seed: int, *, hooked: bool) -> Callable[[], Sample]:
    splits = splits_of(job, seed)
    model = model_of(job, seed, splits)
    batch = splits.val.first(job.config.probes.num_examples)
    epochs = _epochs(job, seed, splits.train)
    callbacks = (_hooks(model, batch),) if hooked else ()
    fit = lightning_loop.lightning_fit(model, epochs=len(epochs), lr=job.config.optim.lr, callbacks=callbacks)

    def work() -> Sample:
        fit(DataLoader(epochs[0], batch_size=None))  # type: ignore[arg-type]
        return Sample(num_samples(job, len(epochs[0]) * len(epochs)))

    return work


def _hooks(model: nn.Module, batch: Batch):
    """A callback: after each epoch, mean, spread, zero gradients and effective rank of each layer on a fixed batch."""
    L, _ = lightning_loop.import_lightning()  # noqa: N806

    class Hooks(L.Callback):  # type: ignore[name-defined]
        def on_train_epoch_end(self, trainer, module) -> None:
            outputs: list[Tensor] = []
            handles = [
                layer.register_forward_hook(lambda layer, inputs, a: outputs.append(a))
                for layer in activations(model).values()
            ]
            loss = F.cross_entropy(model(batch.images), batch.labels)
            gradients = torch.autograd.grad(loss, outputs)
            for handle in handles:
                handle.remove()
            for a, gradient in zip(outputs, gradients, strict=True):
                units = a.detach().flatten(2).mean(2) if a.ndim == 4 else a.detach()
                share = torch.linalg.svdvals(units - units.mean(0))
                share = share / share.sum()
                for value in (a.mean(), a.std(), (gradient == 0).float().mean(), -(share * share.log()).nansum().exp()):
                    value.item()

    return Hooks()
