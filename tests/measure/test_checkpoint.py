"""A run that is interrupted and goes on gives the bytes of one that was not."""

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
    """Stands for the end of the process: nothing in the package catches it."""


@pytest.fixture
def _at_every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoint, "INTERVAL", 0)


def _interrupt(monkeypatch, *, at: int):
    """The run is cut off in the middle of its `at`-th epoch, counted over seeds."""
    begun, batches = [], train.batches

    def cut(*given, **named):
        begun.append(1)
        for number, batch in enumerate(batches(*given, **named)):
            if len(begun) == at and number == 1:
                raise Killed
            yield batch

    monkeypatch.setattr(train, "batches", cut)


@pytest.mark.usefixtures("_at_every_epoch")
@pytest.mark.parametrize(
    ("more", "at"),
    [
        (["+act=rrelu"], 3),
        (["+act=rrelu"], 5),
        (["+act=prelu"], 7),
        (["+act=relu", "augment=crop_flip"], 3),
        (["+act=relu", "model=cnn", "augment=crop_flip"], 6),
        (["+act=relu", "task=gan"], 3),
        pytest.param(["+act=relu", "task=gan_conv"], 7, marks=pytest.mark.slow),
    ],
    ids=lambda told: " ".join(told) if isinstance(told, list) else told,
)
def test_an_interrupted_run_goes_on_bitwise(more, at, measure, monkeypatch):
    """Weights, BatchNorm, Adam, schedule; the order, dropout masks and random slopes; epochs and probes so far; crops
    and flips; both networks of a GAN.
    """
    given, tiny = [*more, *STATEFUL], "model=cnn" not in more
    given += [] if tiny else ["data.num_train=128"]  # the keys that make other models tiny are not this one's
    whole = measure(*given, "output.name=whole", tiny=tiny)
    with monkeypatch.context() as patched:
        _interrupt(patched, at=at)
        with pytest.raises(Killed):
            measure(*given, tiny=tiny)
    (kept,) = Path("results/adhoc/runs").glob(".*/state.pt")
    saved = torch.load(kept, weights_only=True)
    assert len(saved["rows"]["runs"]) == (at - 1) // 4
    assert (saved["states"] is None) == ((at - 1) % 4 == 0)  # between two seeds there is no state

    begun, batches = [], train.batches
    monkeypatch.setattr(train, "batches", lambda *given, **named: begun.append(1) or batches(*given, **named))
    resumed = measure(*given, tiny=tiny)
    assert len(begun) == 8 - (at - 1)
    for one, two in zip(whole, resumed, strict=True):
        numbers = [name for name in one if name not in CLOCK]
        pd.testing.assert_frame_equal(one[numbers], two[numbers], check_exact=True)
    assert [path.name for path in Path("results/adhoc/runs").iterdir()] == [whole.runs["run_id"].iloc[0]]


@pytest.mark.usefixtures("_at_every_epoch")
def test_seeds_measured_in_another_way_go_on_with_the_one_that_was_cut_off(job_of):
    """As the rounds of a comparison of speed."""
    begun: list[int] = []

    def measure_seed(job, seed, checkpoint, epochs):
        begun.append(seed)
        if begun == [0, 1]:
            raise Killed
        return {"status": "done"}, History(epochs=[{"epoch": 0, "step": 0, "work": float(seed)}])

    job = job_of("+act=relu", "num_seeds=3")
    with pytest.raises(Killed):
        run.run(job, show_progress=False, measure_seed=measure_seed)
    run.run(job, show_progress=False, measure_seed=measure_seed)
    assert list(store.collect(job.folder).epochs["work"]) == [0, 1, 2]
    assert begun == [0, 1, 1, 2]


def test_a_run_of_less_than_a_minute_writes_no_checkpoint(measure, monkeypatch):
    monkeypatch.setattr(torch, "save", lambda *_: pytest.fail("a checkpoint"))
    assert measure("+act=tanh").runs["status"].item() == "done"


@pytest.mark.parametrize(("seconds", "saves"), [(59.9, 0), (60.0, 1), (119.9, 1), (120.0, 2)])
def test_a_checkpoint_is_written_once_a_minute(seconds, saves, monkeypatch):
    """A tenth of a second is between two epochs."""
    clock, written, save = [0.0], [], torch.save
    monkeypatch.setattr(checkpoint, "monotonic", lambda: clock[0])
    monkeypatch.setattr(torch, "save", lambda *given: (written.append(clock[0]), save(*given)))
    made = checkpoint.Checkpoint(Path("c"), environment={}, device=torch.device("cpu"))
    for tenth in range(round(10 * seconds) + 1):
        clock[0] = tenth / 10
        made.save({"order": torch.Generator()})
    assert written == [60.0, 120.0][:saves]


@pytest.mark.usefixtures("_at_every_epoch")
def test_a_run_that_is_killed_while_it_writes_keeps_the_checkpoint_before(monkeypatch):
    path = Path("c/state.pt")
    made = checkpoint.Checkpoint(path.parent, environment={}, device=torch.device("cpu"))
    made.save({"order": torch.Generator()})
    before = path.read_bytes()

    def cut_off(state, file):
        Path(file).write_bytes(before[: len(before) // 2])
        raise Killed

    monkeypatch.setattr(torch, "save", cut_off)
    with pytest.raises(Killed):
        made.save({"order": torch.Generator().manual_seed(1)})
    assert path.read_bytes() == before


class _Evil:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\3\4 cut off", {"environment": {"torch": "0.1"}, "rows": {}, "states": {}}, [1, 2], _Evil()],
    ids=["empty", "cut off", "of another version", "alien", "code"],
)
def test_a_checkpoint_that_cannot_be_used_is_not(content, measure, job_of):
    """The run starts anew; nothing that the file holds is executed."""
    name = identity.run_id(job_of("+act=tanh", "num_seeds=1", "train.epochs=2", "data.num_train=128", "model.width=16",
                             "model.depth=2"))  # fmt: skip
    path = Path(f"results/adhoc/runs/.{name}/state.pt")
    path.parent.mkdir(parents=True)
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    runs, epochs, _ = measure("+act=tanh")
    assert (runs["run_id"].item(), runs["status"].item(), len(epochs)) == (name, "done", 3)
    assert not path.parent.exists()
    assert not Path("executed").exists()


@pytest.mark.usefixtures("_at_every_epoch")
def test_a_checkpoint_with_a_flipped_bit_is_not_used():
    """Of every kind of byte in the file: its numbers, its words, its index."""
    folder = Path("c")
    given = {"environment": {"torch": "2"}, "device": torch.device("cpu")}
    generator = torch.Generator().manual_seed(3)
    checkpoint.Checkpoint(folder, **given).save({"order": generator})
    good = (folder / "state.pt").read_bytes()
    other = torch.Generator()
    assert checkpoint.Checkpoint(folder, **given).restore({"order": other})
    assert torch.equal(other.get_state(), generator.get_state())
    for place in range(0, len(good), 211):
        (folder / "state.pt").write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
        other = torch.Generator()
        if checkpoint.Checkpoint(folder, **given).restore({"order": other}):  # a byte that holds nothing
            assert torch.equal(other.get_state(), generator.get_state())


@pytest.mark.usefixtures("_at_every_epoch")
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("PytorchStreamWriter failed")])
def test_a_checkpoint_that_cannot_be_written_ends_no_run(error, measure, monkeypatch):
    def full(*_):
        raise error

    monkeypatch.setattr(torch, "save", full)
    assert measure("+act=tanh").runs["status"].item() == "done"
    assert len(list(Path("results/adhoc/runs").iterdir())) == 1


@pytest.mark.usefixtures("_at_every_epoch")
def test_a_failed_run_leaves_no_checkpoint(measure, monkeypatch):
    monkeypatch.setattr(run, "_outcome", lambda *_, **__: 1 / 0)
    assert measure("+act=tanh").runs["status"].item() == "failed"
    (folder,) = Path("results/adhoc/runs").iterdir()
    assert folder.name.endswith(".failed")


def test_a_checkpoint_goes_on_where_other_gpus_are_seen(monkeypatch):
    """The run's own generators are kept, and those of GPUs that it does not use are not looked for."""
    folder, order = Path("c"), torch.Generator()
    given = {"environment": {"torch": "2"}, "device": torch.device("cuda")}
    here, there = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "default_generators", (here,))
    checkpoint.Checkpoint(folder, **given).save({"order": order})
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "default_generators", (torch.Generator(), there))
    assert checkpoint.Checkpoint(folder, **given).restore({"order": order})
    assert torch.equal(there.get_state(), here.get_state())
