"""The identity of a run and of the user's activation: it changes with everything that a number depends on, no more."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import commands
import numpy as np
import pytest

from actbench.__main__ import main
from actbench.command.options import options
from actbench.measure import identity, run
from actbench.tables import store

TINY = ["num_seeds=1", "train.epochs=2", "data.num_train=128", "model.width=16", "model.depth=2", "probes=none"]
# A line for each edit {file: text}: what a process says that has loaded nothing of the user's; then it is undone.
IDENTITIES = """
import json, os, sys
from pathlib import Path
from actbench.measure import identity
for edit in json.loads(sys.argv[1]):
    before = {path: Path(path).read_text() if Path(path).exists() else "" for path in edit}
    for path in edit:
        Path(path).write_text(edit[path])
    if os.fork() == 0:
        print(json.dumps([identity.source(target) for target in sys.argv[2:]]), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
    for path in before:
        Path(path).write_text(before[path])
"""


def sources(*targets: str, edits: Sequence[dict[str, str]] = ({},), **settings: str) -> list[list[identity.Source]]:
    """After each edit, what a fresh process says of each target, as a worker of a sweep does."""
    paths = os.pathsep.join([".", str(Path(identity.__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"} | settings
    command = [sys.executable, "-W", "ignore", "-c", IDENTITIES, json.dumps(edits), *targets]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return [[identity.Source(*entry) for entry in json.loads(line)] for line in out.splitlines()]


MINE = """
import functools
import numpy as np
import torch
import helper
import pkg.inner
from pkg import other
from dataclasses import dataclass
from helper import WEIGHTS
import installed

SLOPES = np.load("slopes.npy")

def imports(z): return helper.g(z)
def imports_a_value(z): return z * WEIGHTS["a"]
def imports_relatively(z): return pkg.inner.f(z)
def imports_when_called(z):
    import lazy
    return z * lazy.SCALE
def imports_installed(z): return installed.f(z)
def reads_a_global(z): return z * SLOPES[0]
def default(z, by=torch.tensor(float(open("number.txt").read()))): return z * by

def scaled(by):
    def f(z): return z * by
    return f
closure = scaled(float(open("number.txt").read()))
partial = functools.partial(torch.mul, other=float(open("number.txt").read()))
made = eval("lambda z: z * " + open("number.txt").read())

@dataclass
class Scale:
    by: float = 1.0
    def __call__(self, z): return z * self.by
class Named(Scale):
    table = torch.tensor([float(open("number.txt").read())])
instance = Scale(float(open("number.txt").read()))
method = instance.__call__
def alone(z): return z.relu()
def logs(z):
    with open("log.txt", "a") as file: file.write("called")
    return z.relu()
"""
FILES = {
    "mine.py": MINE,
    "helper.py": "import deeper\nimport numpy as np\nWEIGHTS = {'a': 1.0}\ndef g(z): return deeper.h(z)\n",
    "deeper.py": "def h(z): return z.relu()\n",
    "lazy.py": "SCALE = float(open('number.txt').read())\n",
    "pkg/__init__.py": "",
    "pkg/inner.py": "from . import other\ndef f(z): return other.f(z)\n",
    "pkg/other.py": "def f(z): return z.relu()\n",
    "number.txt": "0.5",
    "site-packages/installed/__init__.py": "def f(z): return z.relu()\n",
    "site-packages/installed-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: installed\nVersion: 1.0\n",
}
OF_THE_NUMBER = ["imports_when_called", "default", "closure", "partial", "made", "Named", "instance", "method"]
OTHERS = ["imports", "imports_a_value", "imports_relatively", "imports_installed", "reads_a_global", "alone", "logs"]
ALL = [f"mine.{name}" for name in (*OF_THE_NUMBER, *OTHERS, "Scale")]


@pytest.fixture(scope="module")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    np.save(folder / "slopes.npy", np.array([1.0, 2.0]))
    return folder


@pytest.fixture
def _files(_folder, monkeypatch):
    monkeypatch.chdir(_folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(_folder / "site-packages"), os.environ["PYTHONPATH"]]))


@pytest.fixture(autouse=True)
def _python_path(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))


EDITS = [
    ("deeper.py", "def h(z): return z.tanh()\n", ALL),  # mine.py imports helper.py, which imports it
    ("pkg/other.py", "def f(z): return z.tanh()\n", ALL),
    ("site-packages/installed-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: installed\nVersion: 2\n", ALL),
    ("number.txt", "0.7", [f"mine.{name}" for name in OF_THE_NUMBER]),  # the values that were read, no more
    ("unrelated.py", "x = 1\n", []),
]


@functools.cache  # one process for two tests, since it imports torch
def before_and_after_each_edit() -> list[list[identity.Source]]:
    return sources(*ALL, edits=[{}, *({file: text} for file, text, _ in EDITS)], PYTHONHASHSEED="1")


@pytest.mark.xdist_group("identity")
@pytest.mark.usefixtures("_files")
def test_every_process_computes_the_same_identity():
    """Also where names hash otherwise, what was asked before differs, and the code comes from a cache."""
    first, *_ = before_and_after_each_edit()
    assert [source.doubt for source in first] == [""] * len(ALL)
    assert len({source.digest for source in first}) == len(ALL)
    backwards = sources(*ALL[::-1], edits=[{}, {}], PYTHONHASHSEED="2", PYTHONDONTWRITEBYTECODE="")
    assert [told[::-1] for told in backwards] == [first, first]
    assert list(Path().rglob("mine.*.pyc"))


@pytest.mark.xdist_group("identity")
@pytest.mark.usefixtures("_files")
def test_the_identity_changes_with_what_the_code_depends_on():
    before, *edited = before_and_after_each_edit()
    for (file, _, changed), after in zip(EDITS, edited, strict=True):
        assert [name for name, old, new in zip(ALL, before, after, strict=True) if old != new] == changed, file


UNSEEN = """
import importlib, random, threading
from pathlib import Path
def reads(z): return z * float(open("slope.txt").read())
def reads_by_a_helper(z): return z * number()
def number(): return float(Path("slope.txt").read_text())
def runs_text(z): return eval("z.relu()")
def imports_by_name(z, module="math"): return z * importlib.import_module(module).pi
GENERATOR, LOCK = random.Random(0), threading.Lock()
def draws(z): return z * GENERATOR.random()
def locked(z):
    with LOCK: return z.relu()
def fine(z): return z.relu()
"""


@pytest.mark.parametrize(
    ("name", "doubt"),
    [
        ("reads", "unseen.reads uses open"),
        ("reads_by_a_helper", "unseen.number uses read_text"),
        ("runs_text", "unseen.runs_text uses eval"),
        ("imports_by_name", "unseen.imports_by_name uses import_module"),
        ("draws", "what its Random holds cannot be read"),
        ("locked", "what its lock holds cannot be read"),
        ("fine", ""),
    ],
)
def test_what_cannot_be_established_is_said(name, doubt):
    Path("unseen.py").write_text(UNSEEN)
    sys.modules.pop("unseen", None)
    assert identity.source(f"unseen.{name}").doubt == doubt


def test_code_that_a_process_has_loaded_keeps_its_identity(job_of):
    """An edited file changes nothing in a process that goes on with the code it has loaded."""
    line = ["+act=custom", "act._target_=changing.f"]
    Path("changing.py").write_text("def f(z): return z.tanh()\n")
    before = identity.run_id(job_of(*line))
    assert before.startswith("f-")
    Path("changing.py").write_text("def f(z): return z.sigmoid() + 1\n")
    assert identity.run_id(job_of(*line)) == before
    del sys.modules["changing"]
    assert identity.run_id(job_of(*line)) != before


def test_an_edited_helper_is_measured(job_of):
    """The same command, after a module that the activation's module imports was edited."""
    arguments = ["+act=custom", "act._target_=uses_helper.f", *TINY]
    Path("uses_helper.py").write_text("import my_helper\ndef f(z): return my_helper.g(z)\n")
    Path("my_helper.py").write_text("import torch\ndef g(z): return torch.relu(z)\n")
    run.run(job_of(*arguments), show_progress=False)
    Path("my_helper.py").write_text("import torch\ndef g(z): return torch.tanh(z) + 0 * z\n")
    for name in ("uses_helper", "my_helper"):
        del sys.modules[name]
    run.run(job_of(*arguments), show_progress=False)
    runs = store.collect("results/adhoc").runs
    assert runs["run_id"].nunique() == 2
    assert runs["test_loss"].nunique() == 2


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("flags", [[], ["-m", "hydra/launcher=basic"]], ids=["run", "sweep"])
def test_what_cannot_be_established_is_measured_anew_and_replaces_the_older(flags, capsys):
    arguments = [*flags, "+act=custom", "act._target_=from_file.f", *TINY]
    Path("from_file.py").write_text(
        "from pathlib import Path\ndef f(z): return z.relu() * float(Path('slope.txt').read_text())\n"
    )
    sentence = "from_file.f is measured anew each time, since an edit could go unseen: from_file.f uses read_text.\n"
    losses = []
    for slope in (1.0, 3.0):
        Path("slope.txt").write_text(str(slope))
        assert main(arguments) == 0
        assert capsys.readouterr().out.count(sentence) == 1
        runs = store.collect("results/adhoc").runs
        assert len(runs) == 1
        losses.append(runs["test_loss"].item())
    assert losses[0] != losses[1]
    assert len(store.collect("results/adhoc").epochs["run_id"].unique()) == 1


def test_no_option_has_the_name_of_a_users_activation(job_of):
    """Whatever the option: the user's function goes by its dotted path."""
    names = list(options("act"))
    Path("named.py").write_text("".join(f"def {name}(z): return z.tanh()\n" for name in names))
    for name in names[:3]:
        job = job_of("+act=custom", f"act._target_=named.{name}")
        assert identity.act_name(job) == f"named.{name}"


def test_a_key_that_is_newer_than_the_protocol_leaves_published_runs_their_names(monkeypatch):
    """At the value that means what was measured without it, it is part neither of the identity nor of the columns."""
    lines = (["+act=silu", *words] for words in ([], ["model.gate=false"], ["model.gate=true"]))
    plain, stated, gated = (commands.jobs(*line)[0] for line in lines)
    known = identity.run_id(plain)
    assert identity.columns(plain)["model.gate"] is False
    monkeypatch.setitem(identity._NEWER, "model.gate", False)
    assert known != identity.run_id(plain) == identity.run_id(stated) != identity.run_id(gated)
    assert identity.columns(plain) == identity.columns(stated)
    assert "model.gate" not in identity.columns(plain)
    assert identity.columns(gated)["model.gate"] is True


def test_a_run_is_named_anew_by_each_protocol(monkeypatch):
    (job,) = commands.jobs("+act=relu")
    name = identity.run_id(job)
    monkeypatch.setattr(identity, "PROTOCOL", identity.PROTOCOL + 1)
    assert identity.run_id(job) != name
