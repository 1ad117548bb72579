"""The words of the command line become functions, and what cannot be is told in a sentence."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from actbench import describe, functions

ROOT = Path(__file__).parents[1]


def test_parameters_replace_those_of_the_yaml():
    name, parameters = functions.parse(["+act=elu", "act.alpha=0.5"])
    one = functions.load(name, parameters)
    assert one.parameters == {"alpha": 0.5}
    assert one.formula.startswith("ELU: f(z) = z for z > 0")
    assert one.f(torch.tensor([-1000.0], dtype=torch.float64)).item() == -0.5


def test_act_works_with_and_without_a_plus():
    assert functions.parse(["act=elu"]) == functions.parse(["+act=elu"]) == ("elu", {})


def test_parameters_are_float64_and_the_default_dtype_is_as_before():
    module = functions.load("star_relu").f
    assert isinstance(module, nn.Module)
    assert module.scale.item() == 0.8944271909999159
    assert not module.training
    assert torch.get_default_dtype() == torch.float32


def test_a_users_function_and_class():
    name, parameters = functions.parse(["+act=custom", "act._target_=torch.nn.functional.elu", "+act.alpha=2"])
    one = functions.load(name, parameters)
    assert one.f(torch.tensor([-1000.0])).item() == -2
    assert one.formula == "torch.nn.functional.elu"
    assert isinstance(functions.load("custom", {"_target_": "torch.nn.Tanh"}).f, nn.Tanh)


WRONG = [
    (["+act=mishh"], "There is no activation 'mishh' in conf/act/. Did you mean mish?"),
    (
        ["+act=elu", "act.alhpa=1"],
        "elu has no parameter 'alhpa': it has alpha. Write +act.alhpa=… to add one all the same.",
    ),
    (
        ["+act=relu", "act.alpha=1"],
        "relu has no parameter 'alpha': it has none. Write +act.alpha=… to add one all the same.",
    ),
    (
        ["+act=elu", "+act.beta=1"],
        "torch.nn.ELU(alpha: float = 1.0, inplace: bool = False) -> None does not take {'alpha': 1.0, 'beta': 1}: got "
        "an unexpected keyword argument 'beta'. Give parameters of its signature.",
    ),
    (["+act=custom"], "A custom activation needs its dotted path: give act._target_=<package>.<function or class>."),
    (
        ["+act=custom", "act._target_=torch.tanhh"],
        "'torch.tanhh' cannot be imported: module 'torch' has no attribute 'tanhh'. Give the dotted path of a function "
        "or class that Python finds from here.",
    ),
    (
        ["+act=custom", "act._target_=nowhere.f"],
        "'nowhere.f' cannot be imported: No module named 'nowhere'. Give the dotted path of a function or class that "
        "Python finds from here.",
    ),
    (
        ["+act=custom", "act._target_=f"],
        "'f' cannot be imported: it has no dot. Give the dotted path of a function or class that Python finds from "
        "here.",
    ),
    (
        ["epochs=3"],
        "'epochs=3' is not understood: give +act=<name> and act.<parameter>=<value>, for instance +act=elu "
        "act.alpha=0.5.",
    ),
    (["act.alpha=3"], "No activation is named: give +act=<name>, for instance +act=elu act.alpha=0.5."),
    (
        ["+act=custom", "act._target_=torch.matmul"],
        'custom with none raised TypeError (matmul() missing 1 required positional arguments: "other") for a float64 '
        "tensor. Give a function of one tensor that works for any shape.",
    ),
]


@pytest.mark.parametrize(("arguments", "told"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_what_is_wrong_is_told_in_one_sentence_with_exit_code_2(arguments, told, capsys):
    assert describe.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err == f"actbench.properties: {told}\n"
    assert captured.out == ""


def test_a_name_unlike_all_others_lists_them():
    with pytest.raises(ValueError, match=re.escape(f"Give one of {', '.join(functions.names())}, or custom.")):
        functions.load("xyzzy")


def test_one_function_is_printed_fact_by_fact(capsys):
    assert describe.main(["+act=elu", "act.alpha=0.5"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^ *kink_jump +0 +0\.500000 ", out, re.MULTILINE)
    assert re.search(r"^ *parameters +0 +alpha=0\.5", out, re.MULTILINE)


def test_help(capsys):
    assert describe.main(["--help"]) == 0
    assert capsys.readouterr().out == describe.HELP


def test_the_module_is_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "actbench.properties", "+act=mishh"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "actbench.properties: There is no activation 'mishh' in conf/act/. Did you mean mish?\n"
