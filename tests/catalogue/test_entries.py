"""Arguments of the command line become functions, and wrong ones an error message of one sentence."""

import re
import runpy
import sys

import pytest
import torch
from torch import nn

from actbench.catalogue import entries
from actbench.catalogue.__main__ import HELP, main


def test_given_parameters_replace_those_of_the_yaml_file():
    for activation in (entries.read(["+act=elu", "act.alpha=0.5"]), entries.load("elu", {"alpha": 0.5})):
        assert activation.parameters == {"alpha": 0.5}
        assert activation.formula.startswith("ELU: f(z) = z for z > 0")
        assert activation.f(torch.tensor([-1000.0], dtype=torch.float64)).item() == -0.5


def test_parameters_are_float64_and_the_default_dtype_is_unchanged():
    module = entries.load("star_relu").f
    assert isinstance(module, nn.Module)
    assert module.scale.item() == 0.8944271909999159
    assert not module.training
    assert torch.get_default_dtype() == torch.float32


def test_a_users_function_or_class_is_an_activation():
    activation = entries.read(["+act=custom", "act._target_=torch.nn.functional.elu", "+act.alpha=2"])
    assert activation.f(torch.tensor([-1000.0])).item() == -2
    assert (activation.name, activation.formula) == ("torch.nn.functional.elu", "torch.nn.functional.elu")
    assert isinstance(entries.read(["+act=custom", "act._target_=torch.nn.Tanh"]).f, nn.Tanh)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["+act=mishh"], "There is no act=mishh: did you mean mish?"),
        (["+act=elu", "act.alhpa=1"], "There is no key act.alhpa with act=elu: did you mean act.alpha?"),
        (
            ["+act=custom", "act._target_=builtins.len"],
            "act=custom returns int: an activation takes a tensor and returns a tensor.",
        ),
        (["+act=relu,elu", "-m"], "Several activations are named: give one, or none for all of them."),
    ],
)
def test_wrong_arguments_are_explained_in_one_sentence_with_exit_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", f"actbench.catalogue: {message}\n")


def test_the_facts_of_one_function_are_printed(capsys):
    assert main(["+act=elu", "act.alpha=0.5"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^kink_jump +0\.500000 ", out, re.MULTILINE)
    assert re.search(r"^parameters: alpha=0\.5", out, re.MULTILINE)


def test_the_table_of_a_function_that_overflows_says_where_it_is_read(capsys, tmp_path):
    (tmp_path / "written.py").write_text("def f(z):\n    return (z.exp() - (-z).exp()) / (z.exp() + (-z).exp())\n")
    assert main(["+act=custom", "act._target_=written.f"]) == 0
    out = capsys.readouterr().out
    (how,) = re.findall(r"^read_high +709\.000 +(\d+)$", out, re.MULTILINE)
    assert f"\n{how}: read on [-709, 709]: " in out
    assert re.search(r"^asymptote_left_intercept +-1\.00000 ", out, re.MULTILINE)


def test_help_is_printed(capsys):
    assert main(["--help"]) == 0
    assert capsys.readouterr().out == HELP


def test_the_module_is_a_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["catalogue", "+act=mishh"])
    monkeypatch.delitem(sys.modules, "actbench.catalogue.__main__")
    with pytest.raises(SystemExit) as exit_:
        runpy.run_module("actbench.catalogue", run_name="__main__")
    assert exit_.value.code == 2
    assert capsys.readouterr().err == "actbench.catalogue: There is no act=mishh: did you mean mish?\n"
