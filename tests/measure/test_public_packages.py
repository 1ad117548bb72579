"""Every activation class of the public packages that are installed is measured, or refused by one sentence."""

import importlib
import inspect
import warnings

import pytest
from torch import nn

from actbench.catalogue import entries
from actbench.command.options import ConfigError
from actbench.functions.facts import facts_of

PACKAGES = {
    "timm": ["timm.layers.activations", "timm.layers.activations_me"],
    "torch_activation": ["torch_activation"],
    "activations_plus": ["activations_plus"],
    "nonlinear": ["nonlinear"],
}
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore"), pytest.mark.parametrize("package", PACKAGES)]


def _lines(package: str) -> list[list[str]]:
    """The overrides for each class of nn.Module that the package's modules name."""
    pytest.importorskip(package)
    with warnings.catch_warnings(action="ignore"):
        modules = [importlib.import_module(name) for name in PACKAGES[package]]
    return [
        ["+act=custom", f"act._target_={module.__name__}.{name}"]
        for module in modules
        for name, item in sorted(vars(module).items())
        if inspect.isclass(item) and issubclass(item, nn.Module)
    ]


def _outcome(attempt) -> str:
    """What the attempt returns, a sentence's text, or the traceback's last line of any other error."""
    try:
        return attempt()
    except ConfigError as error:
        return "refused" if _is_a_sentence(str(error)) else f"no sentence: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _is_a_sentence(text: str) -> bool:
    return text.startswith("act=custom") and text.endswith(".") and "\n" not in text and "Traceback" not in text


def test_every_class_is_measured_or_refused(package, measure):
    lines = _lines(package)
    outcomes = {
        line[1]: _outcome(lambda line=line: measure(*line, "train.epochs=1").runs["status"].item()) for line in lines
    }
    assert {line: text for line, text in outcomes.items() if text not in ("done", "diverged", "refused")} == {}
    assert "done" in outcomes.values()


def test_every_class_has_properties_or_is_refused(package):
    lines = _lines(package)
    outcomes = {line[1]: _outcome(lambda line=line: facts_of(entries.read(line).f)[0].property) for line in lines}
    assert {line: text for line, text in outcomes.items() if text not in ("learnable", "refused")} == {}
    assert "learnable" in outcomes.values()
