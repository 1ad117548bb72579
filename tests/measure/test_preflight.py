"""Messages of the checks before a run: activation, data, device, results folder, batch size."""

from pathlib import Path

import pytest

from actbench.command.options import ConfigError

MODULE = """
import torch

def squash(z, alpha): return torch.tanh(alpha * z)
def total(z): return z.sum(0)
def broken(z): return z / z
def word(z): return "a"
def raising(z): raise RuntimeError("no luck")
def leaving(z): raise SystemExit("no use")
def doubled(z): return z.double()
def in_place(z): return z.relu_()
def detached(z): return (z > 0).float()
def mixing(z): return z.softmax(-1)
def zero(z): return 0 * z
NUMBER = 3

class Squash:
    def __init__(self, alpha): self.alpha = alpha
    def __call__(self, z): return torch.tanh(self.alpha * z)
"""


@pytest.fixture(autouse=True)
def _my_activations(tmp_path):
    Path("my_activations.py").write_text(MODULE)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "act._target_=my_activations.NUMBER",
            "act=custom: my_activations.NUMBER is not callable: name a function f(z) or a class whose instances are "
            "called with z.",
        ),
        (
            "act._target_=my_activations.total",
            "act=custom turns a tensor of shape (8, 12) into (12,): an activation keeps the shape.",
        ),
        ("act._target_=my_activations.broken", "act=custom returns nan at 0: it must be finite on [-3, 3]."),
        (
            "act._target_=my_activations.word",
            "act=custom returns str: an activation takes a tensor and returns a tensor.",
        ),
        (
            "act._target_=my_activations.doubled",
            "act=custom turns torch.float32 into torch.float64: an activation keeps the dtype.",
        ),
        (
            "act._target_=my_activations.in_place",
            "act=custom changes its argument in place: return a new tensor.",
        ),
        (
            "act._target_=my_activations.detached",
            "act=custom returns a tensor that autograd cannot follow back to z: add 0 * z, for a gradient of 0.",
        ),
        (
            "act._target_=my_activations.mixing",
            "act=custom mixes entries of a tensor: an activation maps each entry by itself.",
        ),
        (
            "act._target_=my_activations.zero init=matched",
            "init=matched needs E f(z)^2 under N(0, 1), finite and above 0, but it is 0.0: give another init.",
        ),
        ("act._target_=my_activations.raising", "act=custom fails on a tensor of shape (8, 12): no luck."),
        ("act._target_=my_activations.leaving", "act=custom fails on a tensor of shape (8, 12): no use."),
        (
            "act._target_=my_activations.Squash",
            "act=custom: my_activations.Squash cannot be made with no parameters: Squash.__init__() missing 1 required "
            "positional argument: 'alpha'. A parameter of the activation is given by +act.alpha=VALUE.",
        ),
        (
            "act._target_=my_activations.squash",
            "act=custom fails on a tensor of shape (8, 12): squash() missing 1 required positional argument: 'alpha'. "
            "A parameter of the activation is given by +act.alpha=VALUE.",
        ),
        (
            "act._target_=my_activations.squash +act.beta=2",
            "act=custom fails on a tensor of shape (8, 12): squash() got an unexpected keyword argument 'beta'.",
        ),
    ],
)
def test_a_custom_activation_that_cannot_be_used_is_refused(line, message, job_of):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", *line.split())
    assert str(caught.value) == message


@pytest.mark.parametrize("target", ["no_such_module.F", "my_activations.Nothing"])
def test_a_custom_activation_that_cannot_be_imported_is_refused(target, job_of, tmp_path):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=custom", f"act._target_={target}")
    message = str(caught.value)
    assert message.startswith(f"act=custom: {target} cannot be imported (Error loading '{target}':")
    assert message.endswith(
        f"Name it by its dotted path, in an importable module or a file in the working folder {tmp_path}."
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("device=mps", "device=mps, but torch finds no such device here: give device=cpu or device=auto."),
        ("device=CUDA:1", "device=CUDA:1, but torch finds no such device here: give device=cpu or device=auto."),
        ("device=cuda", "device=cuda, but torch finds no such device here: give device=cpu or device=auto."),
        (
            "train.batch_size=2000",
            "train.batch_size=2000 is larger than the training set of 1,077 examples: give a smaller one.",
        ),
        (
            "data.num_train=100 train.batch_size=101",
            "train.batch_size=101 is larger than the training set of 100 examples: give a smaller one.",
        ),
        (
            "data.num_train=2000",
            "data=digits has 1,797 examples, of which 720 are held out for validation and test: 1,077 are left for "
            "training. Lower data.num_train or data.num_val.",
        ),
        (
            "data.num_classes=100",
            "data.num_classes=100, but data=digits has labels of 10 classes: leave data.num_classes out, or replace "
            "the label files by complete ones.",
        ),
        (
            "data.num_val=3",
            "data=digits cannot be split this way: 1434 and 3 of 1437 examples cannot both hold all 10 classes.",
        ),
        (
            "data.num_folds=175 data.num_val=10",
            "data=digits cannot be split this way: a class has fewer than 175 examples, one for each fold.",
        ),
        (
            "norm=batch train.batch_size=1",
            "Expected more than 1 value per channel when training, got input size torch.Size([1, 128]).",
        ),
        (
            "model=cnn model.widths=[4,4,4,4]",
            "model.widths has 4 entries, each of which halves the image, but the images are only 8×8: give at most 3 "
            "widths.",
        ),
        (
            "output.root=my_activations.py",
            "Results cannot be written to my_activations.py/adhoc: my_activations.py is a file. Give "
            "output.root=FOLDER.",
        ),
        (
            "output.root=/proc/results",
            "Results cannot be written to /proc/results/adhoc: /proc is not writable (No such file or directory). Give "
            "output.root=FOLDER.",
        ),
    ],
)
def test_a_run_that_cannot_start_is_refused(line, message, job_of, tmp_path):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=relu", *line.split())
    assert str(caught.value) == message
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == {"my_activations.py"}


def test_a_snake_with_a_of_zero_is_refused(job_of):
    with pytest.raises(ConfigError) as caught:
        job_of("+act=snake", "act.a=0")
    assert str(caught.value) == "act=snake returns nan at -3: it must be finite on [-3, 3]."


@pytest.mark.parametrize("target", ["torch.tanh", "torch.nn.functional.gelu", "my_activations.zero"])
def test_functions_without_a_source_file_or_a_gain_can_be_used(target, measure):
    """A C++ function has no file to hash; f = 0 has no gain, which only init=matched needs."""
    assert measure("+act=custom", f"act._target_={target}").runs["status"].item() == "done"


@pytest.mark.parametrize("target", ["squash", "Squash"])
def test_a_users_function_or_class_runs_under_its_name(target, measure):
    runs = measure("+act=custom", f"act._target_=my_activations.{target}", "+act.alpha=2").runs
    assert runs["act"].item() == target
    assert runs["act.alpha"].item() == 2
    assert runs["act.target"].item() == f"my_activations.{target}"
    assert runs["status"].item() == "done"
