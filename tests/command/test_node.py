"""The file of an option as a config node."""

import pytest
from omegaconf import OmegaConf

from actbench.command.node import node


def test_a_file_is_parsed_once_until_it_is_edited_and_each_node_is_its_own(tmp_path, monkeypatch):
    path, load = tmp_path / "elu.yaml", OmegaConf.load
    path.write_text("alpha: 1.0\n")
    first = node(path)
    with monkeypatch.context() as patched:
        patched.setattr(OmegaConf, "load", lambda path: pytest.fail("It was parsed again."))
        first.alpha = 2.0
        assert node(path) == {"alpha": 1.0}
    path.write_text("alpha: 0.25\n")
    assert node(path) == load(path) == {"alpha": 0.25}
