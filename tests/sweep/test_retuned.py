"""One sweep over the choices of several tunings: each setting is measured once, and a second command adds nothing."""

from pathlib import Path

import pandas as pd
import pytest

from actbench.__main__ import main
from actbench.measure import run
from actbench.measure.train import History
from actbench.tables import store, tuning
from actbench.tables.tuning import Setting, Tuning

FOLDER = Path("results/mine_retuned")
LINE = (
    "-m +act=relu,tanh track=tuned tuning=mine_tuning,mine_tuning_2 num_seeds=3 looks=[3] output.name=mine_retuned "
    "train.epochs=1 probes=none device=cpu hydra/launcher=basic"
)
# What the two tunings chose; relu has one setting in both.
CHOICES = {
    ("mine_tuning", 1000): {"relu": (0.01, "lsuv"), "tanh": (0.003, "torch")},
    ("mine_tuning_2", 1010): {"relu": (0.01, "lsuv"), "tanh": (0.03, "torch")},
}
ERRORS = {("relu", 0.01): [0.1, 0.102, 0.104], ("tanh", 0.003): [0.05, 0.052, 0.053], ("tanh", 0.03): [0.3, 0.31, 0.3]}


@pytest.fixture(autouse=True)
def _tunings():
    for (name, first), chosen in CHOICES.items():
        folder = Path("results", name)
        tuning.write(
            Tuning(first, (2,), (), (0.003, 0.01, 0.03), ("torch", "lsuv"), Setting(0.003, "torch"), {}), folder
        )
        rows = [{"act": act, "parameters": "{}", "lr": lr, "init": init, "num_seeds": 2}
                for act, (lr, init) in chosen.items()]  # fmt: skip
        (folder / "statistics").mkdir()
        pd.DataFrame(rows).to_csv(folder / "statistics" / "tuning.csv", index=False)


@pytest.mark.usefixtures("undrawn")
def test_a_setting_that_two_tunings_chose_is_measured_once(monkeypatch, capsys):
    calls, run_it = [], run.run

    def measure_seed(job, seed, *_):
        error = ERRORS[job.choices["act"], job.config.optim.lr][seed]
        numbers = {"val_loss": error, "test_loss": error, "val_accuracy": 1 - error, "test_accuracy": 1 - error}
        return {"status": "done", "train_seconds": 1.0, **numbers}, History()

    def counted(job, **options):
        calls.append((job.choices["act"], job.config.optim.lr))
        run_it(job, **options, measure_seed=measure_seed)

    monkeypatch.setattr(run, "run", counted)
    assert main(LINE.split()) == 0
    assert sorted(calls) == sorted(ERRORS)
    out = capsys.readouterr().out
    assert "Sweep: 3 runs" in out
    assert "1 of 1 verdicts against relu" in " ".join(out.split())

    assert main(LINE.split()) == 0
    assert len(calls) == len(ERRORS)
    assert len(store.collect(FOLDER).runs) == 9
    table = pd.read_csv(FOLDER / "statistics" / "draws.csv").set_index(["draw", "variant"])
    assert table["lr"].to_dict() == {(1, "relu"): 0.01, (1, "tanh"): 0.003, (2, "relu"): 0.01, (2, "tanh"): 0.03}
    assert table["verdict"].dropna().to_dict() == {(1, "tanh"): "better", (2, "tanh"): "worse"}
