"""A run that is interrupted and resumed is bitwise the same as one that is not interrupted."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from actbench.measure import checkpoint, identity, run, train
from actbench.measure.train import History
from actbench.tables import store

CLOCK = ["train_seconds", "probe_seconds", "samples_per_second", "peak_mib"]
STATEFUL = ["num_seeds=2", "norm=batch", "model.dropout=0.3", "optim=adam", "schedule=cosine", "train.epochs=4"]


class Killed(BaseException):
    """The end of the process: nothing in the package catches it."""


@pytest.fixture
def _save_every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint, "INTERVAL", 0)


def _interrupt(monkeypatch, *, at: int):
    """Kill the run in the middle of its `at`-th epoch, counted over all seeds."""
    epochs, batches = [], train.batches

    def interrupted(*args, **kwargs):
        epochs.append(1)
        for index, batch in enumerate(batches(*args, **kwargs)):
            if len(epochs) == at and index == 1:
                raise Killed
            yield batch

    monkeypatch.setattr(train, "batches", interrupted)


@pytest.mark.usefixtures("_save_every_epoch")
@pytest.mark.parametrize(
    ("settings", "at"),
    [
        (["+act=rrelu"], 3),
        (["+act=rrelu"], 5),
        (["+act=prelu"], 7),
        (["+act=relu", "augment=crop_flip"], 3),
        (["+act=relu", "model=cnn", "augment=crop_flip"], 6),
        (["+act=relu", "task=gan"], 3),
        pytest.param(["+act=relu", "task=gan_conv"], 7, marks=pytest.mark.slow),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_an_interrupted_run_resumes_bitwise(settings, at, measure, monkeypatch):
    """Weights, BatchNorm, Adam, schedule; order, dropout masks, random slopes, crops and flips; the rows of epochs and
    layers before the interruption; both networks of a GAN.
    """
    line, tiny = [*settings, *STATEFUL], "model=cnn" not in settings
    line += [] if tiny else ["data.num_train=128"]  # the keys that make other models tiny do not exist for a CNN
    expected = measure(*line, "output.name=whole", tiny=tiny)
    with monkeypatch.context() as patched:
        _interrupt(patched, at=at)
        with pytest.raises(Killed):
            measure(*line, tiny=tiny)
    (path,) = Path("results/adhoc/runs").glob(".*/state.pt")
    saved = torch.load(path, weights_only=True)
    assert len(saved["rows"]["runs"]) == (at - 1) // 4
    assert (saved["states"] is None) == ((at - 1) % 4 == 0)  # between two seeds there is no state

    epochs, batches = [], train.batches
    monkeypatch.setattr(train, "batches", lambda *args, **kwargs: epochs.append(1) or batches(*args, **kwargs))
    resumed = measure(*line, tiny=tiny)
    assert len(epochs) == 8 - (at - 1)
    for one, two in zip(expected, resumed, strict=True):
        numbers = [name for name in one if name not in CLOCK]
        pd.testing.assert_frame_equal(one[numbers], two[numbers], check_exact=True)
    assert [path.name for path in Path("results/adhoc/runs").iterdir()] == [expected.runs["run_id"].iloc[0]]


@pytest.mark.usefixtures("_save_every_epoch")
def test_a_run_with_its_own_measure_seed_resumes_at_the_interrupted_seed(job_of):
    """As benchmarks of speed do, with a round for each seed."""
    seeds: list[int] = []

    def measure_seed(job, seed, checkpoint, epochs):
        seeds.append(seed)
        if seeds == [0, 1]:
            raise Killed
        return {"status": "done"}, History(epochs=[{"epoch": 0, "step": 0, "work": float(seed)}])

    job = job_of("+act=relu", "num_seeds=3")
    with pytest.raises(Killed):
        run.run(job, show_progress=False, measure_seed=measure_seed)
    run.run(job, show_progress=False, measure_seed=measure_seed)
    assert list(store.collect(job.folder).epochs["work"]) == [0, 1, 2]
    assert seeds == [0, 1, 1, 2]


def test_a_run_of_less_than_a_minute_writes_no_checkpoint(measure, monkeypatch):
    monkeypatch.setattr(torch, "save", lambda *_: pytest.fail("a checkpoint was written"))
    assert measure("+act=tanh").runs["status"].item() == "done"


@pytest.mark.parametrize(("seconds", "saves"), [(59.9, 0), (60.0, 1), (119.9, 1), (120.0, 2)])
def test_a_checkpoint_is_written_once_a_minute(seconds, saves, monkeypatch):
    """With an epoch every tenth of a second."""
    clock, times, save = [0.0], [], torch.save
    monkeypatch.setattr(checkpoint, "monotonic", lambda: clock[0])
    monkeypatch.setattr(torch, "save", lambda *args: (times.append(clock[0]), save(*args)))
    saved = checkpoint.Checkpoint(Path("c"), environment={}, device=torch.device("cpu"))
    for tenth in range(round(10 * seconds) + 1):
        clock[0] = tenth / 10
        saved.save({"order": torch.Generator()})
    assert times == [60.0, 120.0][:saves]


@pytest.mark.usefixtures("_save_every_epoch")
def test_a_run_killed_while_it_writes_a_checkpoint_keeps_the_one_before(monkeypatch):
    path = Path("c/state.pt")
    saved = checkpoint.Checkpoint(path.parent, environment={}, device=torch.device("cpu"))
    saved.save({"order": torch.Generator()})
    before = path.read_bytes()

    def write_half(state, file):
        Path(file).write_bytes(before[: len(before) // 2])
        raise Killed

    monkeypatch.setattr(torch, "save", write_half)
    with pytest.raises(Killed):
        saved.save({"order": torch.Generator().manual_seed(1)})
    assert path.read_bytes() == before


class _Malicious:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\3\4 cut off", {"environment": {"torch": "0.1"}, "rows": {}, "states": {}}, [1, 2], _Malicious()],
    ids=["empty", "truncated", "of another version", "no checkpoint", "code"],
)
def test_a_run_ignores_an_unusable_checkpoint(content, measure, job_of):
    """The run starts from the beginning, and no code in the file is executed."""
    name = identity.run_id(job_of("+act=tanh", "num_seeds=1", "train.epochs=2", "data.num_train=128", "model.width=16",
                             "model.depth=2"))  # fmt: skip
    path = Path(f"results/adhoc/runs/.{name}/state.pt")
    path.parent.mkdir(parents=True)
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    runs, epochs, _ = measure("+act=tanh")
    assert (runs["run_id"].item(), runs["status"].item(), len(epochs)) == (name, "done", 3)
    assert not path.parent.exists()
    assert not Path("executed").exists()


@pytest.mark.usefixtures("_save_every_epoch")
def test_a_checkpoint_with_a_flipped_bit_is_not_used():
    """In any part of the file: numbers, text, index."""
    folder = Path("c")
    options = {"environment": {"torch": "2"}, "device": torch.device("cpu")}
    generator = torch.Generator().manual_seed(3)
    checkpoint.Checkpoint(folder, **options).save({"order": generator})
    intact = (folder / "state.pt").read_bytes()
    other = torch.Generator()
    assert checkpoint.Checkpoint(folder, **options).restore({"order": other})
    assert torch.equal(other.get_state(), generator.get_state())
    for position in range(0, len(intact), 211):
        damaged = intact[:position] + bytes([intact[position] ^ 4]) + intact[position + 1 :]
        (folder / "state.pt").write_bytes(damaged)
        other = torch.Generator()
        if checkpoint.Checkpoint(folder, **options).restore({"order": other}):  # a byte without meaning
            assert torch.equal(other.get_state(), generator.get_state())


@pytest.mark.usefixtures("_save_every_epoch")
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed")])
def test_a_run_continues_if_its_checkpoint_cannot_be_written(error, measure, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(torch, "save", fail)
    assert measure("+act=tanh").runs["status"].item() == "done"
    assert len(list(Path("results/adhoc/runs").iterdir())) == 1


@pytest.mark.usefixtures("_save_every_epoch")
def test_a_failed_run_leaves_no_checkpoint(measure, monkeypatch):
    monkeypatch.setattr("actbench.measure.seed._outcome", lambda *_, **__: 1 / 0)
    assert measure("+act=tanh").runs["status"].item() == "failed"
    (folder,) = Path("results/adhoc/runs").iterdir()
    assert folder.name.endswith(".failed")


def test_a_checkpoint_can_be_used_where_the_gpu_has_another_number(monkeypatch):
    """It holds the generator of the run's GPU, and none of other GPUs."""
    folder, order = Path("c"), torch.Generator()
    options = {"environment": {"torch": "2"}, "device": torch.device("cuda")}
    first, second = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "default_generators", (first,))
    checkpoint.Checkpoint(folder, **options).save({"order": order})
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "default_generators", (torch.Generator(), second))
    assert checkpoint.Checkpoint(folder, **options).restore({"order": order})
    assert torch.equal(second.get_state(), first.get_state())
