"""A user's file that changes global state when it is imported changes no number and nothing else of the process."""

import os
import random
import sys
import warnings

import numpy as np
import pytest
import torch

from actbench.measure import build, global_state

# What a file may do at its top -> how the result is read.
CHANGES = {
    "torch.set_default_dtype(torch.float64)": torch.get_default_dtype,
    "torch.set_default_device('meta')": torch.get_default_device,
    "torch.set_grad_enabled(False)": torch.is_grad_enabled,
    "torch.set_num_threads(torch.get_num_threads() + 1)": torch.get_num_threads,
    "torch.use_deterministic_algorithms(True)": torch.are_deterministic_algorithms_enabled,
    "torch.use_deterministic_algorithms(True, warn_only=True)": torch.get_deterministic_debug_mode,
    "torch.set_float32_matmul_precision('medium')": torch.get_float32_matmul_precision,
    "torch.autograd.set_detect_anomaly(True)": torch.is_anomaly_enabled,
    "torch.set_flush_denormal(True)": lambda: float(torch.tensor(1e-40) * 1),
    "torch.set_autocast_enabled('cpu', True)": lambda: torch.is_autocast_enabled("cpu"),
    "torch.backends.cudnn.benchmark = True": lambda: torch.backends.cudnn.benchmark,
    "torch.backends.cudnn.deterministic = True": lambda: torch.backends.cudnn.deterministic,
    "torch.backends.cudnn.enabled = False": lambda: torch.backends.cudnn.enabled,
    "torch.manual_seed(0)": lambda: torch.get_rng_state().tolist(),
    "torch.rand(3)": lambda: torch.get_rng_state().tolist(),
    "np.random.seed(0)": lambda: np.random.get_state()[1].tolist(),  # noqa: NPY002
    "np.seterr(all='raise')": np.geterr,
    "random.seed(0)": random.getstate,
    "warnings.simplefilter('ignore')": lambda: list(warnings.filters),
    "warnings.resetwarnings()": lambda: list(warnings.filters),
    "os.chdir('/')": os.getcwd,
}
IMPORTS = "import os, random, warnings\nimport numpy as np\nimport torch\n"


def _write(tmp_path, name: str, *statements: str) -> None:
    function = "def f(z):\n    return torch.where(z > 0, z, 0.1 * z)\n"
    (tmp_path / f"{name}.py").write_text(IMPORTS + "\n".join(statements) + "\n" + function)
    sys.modules.pop(name, None)


@pytest.mark.parametrize("statement", CHANGES)
def test_what_an_import_changes_is_put_back(statement, tmp_path, job_of):
    read = CHANGES[statement]
    with global_state.kept():  # of this test, so that a change that is not put back stays in it
        before = read()
        exec(IMPORTS + statement)
        assert read() != before  # the statement does change it
    assert read() == before
    _write(tmp_path, "changing", statement)
    job_of("act=custom", "act._target_=changing.f")
    assert read() == before


def test_an_import_that_fails_changes_nothing_either(tmp_path):
    _write(tmp_path, "failing", "torch.set_default_dtype(torch.float64)", "raise ValueError('no')")
    with pytest.raises(Exception, match="failing"):
        build.act_factory(build.OmegaConf.create({"_target_": "failing.f"}))
    assert torch.get_default_dtype() == torch.float32


def test_a_file_that_changes_everything_has_the_numbers_of_one_that_changes_nothing(tmp_path, measure):
    """In this process, and in a new one, as a worker of a sweep is."""
    statements = [text for text in CHANGES if text not in ("torch.rand(3)", "os.chdir('/')")]
    losses = []
    for lines in ([], statements):
        _write(tmp_path, "leaky", *lines)
        losses.append(measure("act=custom", "act._target_=leaky.f").runs["test_loss"].tolist())
    assert losses[0] == losses[1]


@pytest.mark.usefixtures("new_workers")
def test_workers_put_it_back_too(tmp_path, measure):
    from actbench import tables
    from actbench.__main__ import main

    tiny = ["num_seeds=1", "train.epochs=1", "data.num_train=128", "model.width=8", "hydra.launcher.n_jobs=2"]
    _write(tmp_path, "calm")
    _write(tmp_path, "loud", *CHANGES)
    assert main(["-m", "act=custom", "act._target_=loud.f", "optim.lr=0.01,0.02", "output.name=loud", *tiny]) == 0
    runs = tables.collect(tmp_path / "results" / "loud")[0]
    for lr, loss in zip(runs["optim.lr"], runs["test_loss"], strict=True):
        calm = measure("act=custom", "act._target_=calm.f", f"optim.lr={lr}", *tiny[:-1], tiny=False).runs
        assert calm["test_loss"].tolist() == [loss]
