"""A user's file that changes global state when it is imported changes no number and nothing else of the process."""

import sys

import pytest
import torch
from loud import CHANGES, IMPORTS

from actbench.measure import build, global_state


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
    """In this process; tests/test_cli.py does it in the workers of a sweep."""
    statements = [text for text in CHANGES if text not in ("torch.rand(3)", "os.chdir('/')")]
    losses = []
    for lines in ([], statements):
        _write(tmp_path, "leaky", *lines)
        losses.append(measure("act=custom", "act._target_=leaky.f").runs["test_loss"].tolist())
    assert losses[0] == losses[1]
