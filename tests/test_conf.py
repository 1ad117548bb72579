"""Contracts for every file of conf/ and experiments/; a new file is tested without a new test."""

import math

import commands
import pandas as pd
import pytest
import torch
from audit import CLAIMS
from omegaconf import OmegaConf

from actbench.command import tuned
from actbench.command.job import Job, defaults, flatten
from actbench.command.line import hydra_arguments
from actbench.command.options import CONF, EXPERIMENTS, GROUPS, describe, options
from actbench.compare.workloads import TRACKS
from actbench.ledger.evidence import MEASURED, OF_RUNS, select
from actbench.ledger.plan import choices, sides
from actbench.measure import build, preflight
from actbench.measure.identity import columns
from actbench.report import asked, measures, question
from actbench.tables.tuning import FIRST_SEED

ALL = [(group, name) for group in (*GROUPS, "track") for name in options(group)]
ACTS = list(options("act"))
EXPERIMENT_NAMES = list(options("experiment"))
NEEDS_FILES = {"mnist", "fashion_mnist", "cifar10", "cifar100"}


def test_every_option_describes_itself_under_a_name_that_is_a_word():
    for group in (*GROUPS, "track", "hydra/launcher"):
        for name, path in options(group).items():
            assert path.read_text(encoding="utf-8").startswith("# "), path
            assert describe(path).endswith("."), path
            assert len(describe(path)) > 10, path
            assert name not in {"null", "true", "false", "nan"}
            assert not name.isdigit()


def test_every_experiment_asks_a_question_and_names_its_command():
    for name in EXPERIMENT_NAMES:
        question, command, *_ = (EXPERIMENTS / f"{name}.yaml").read_text(encoding="utf-8").split("\n")
        assert question.endswith("?"), name
        assert command == f"# python -m actbench +experiment={name}"


@pytest.mark.parametrize("name", [name for name in EXPERIMENT_NAMES if question.answered_by(name)])
def test_an_experiment_is_answered_by_a_measure(name):
    for entry in question.answered_by(name):
        assert measures.of(asked.column(entry), []) is not None, entry
        assert asked.activations(entry) <= question.functions(name), entry


def test_no_other_file_sets_keys_of_an_activation():
    """A sweep composes the rest of a job once for all activations."""
    for group in (*GROUPS, "track", "experiment"):
        for name, path in options(group).items():
            text, config = path.read_text(encoding="utf-8"), OmegaConf.load(path)
            if group == "act":
                assert "@package" not in text, name
                assert "defaults" not in config, name
            else:
                assert "act" not in config, path
                assert "/act" not in str(config.get("defaults", "")), path


@pytest.mark.parametrize("name", EXPERIMENT_NAMES)
def test_an_experiment_is_a_sweep_of_valid_jobs(name, monkeypatch):
    """Whatever its tuning chooses: the test does not wait for it."""
    monkeypatch.setattr(tuned, "_choice", lambda config, choices: {"lr": "0.01", "init": "lsuv"})
    jobs = _jobs(name)
    assert hydra_arguments([f"+experiment={name}"])[0] == "-m", "the page names this command, which must sweep"
    assert len(jobs) > 1
    assert {job.folder.name for job in jobs} == {name}
    assert question.functions(name) == {job.choices["act"] for job in jobs}, "pages say how many are measured"
    planned = pd.DataFrame([columns(job) for job in jobs])
    if name.endswith(("_tuning", "_choice", "_doubled")):  # other seeds than those that are compared
        assert planned["seed"].min() >= 1000
    else:
        assert (planned["seed"] + planned["num_seeds"]).max() <= 1000
    for claim in CLAIMS:
        for atom in claim.atoms:
            for results, where, first_seed, n in _needs(atom):
                if results == name:
                    _assert_will_be_measured(atom, planned, where, first_seed=first_seed, n=n)


def _jobs(name: str) -> list[Job]:
    """The jobs of an experiment.

    Of a tuning all activations with one rate and init, and all of one activation; of several tunings those of one,
    which are the same here.
    """
    if name.endswith("_tuning"):
        parts = [["optim.lr=0.003", "init=torch"], ["+act=relu"]]
    else:
        parts = [["tuning=digits_mlp_tuning"] if name == "digits_mlp_retuned" else []]
    return [job for part in parts for job in commands.jobs(f"+experiment={name}", *part)]


def _needs(atom):
    """The settings of sweeps that an atom reads, each with its first seed and the number that it needs at least."""
    for case in atom.cases if atom.table in OF_RUNS else ():
        n = min(atom.looks.sizes[0], case.seeds or atom.looks.sizes[0]) if atom.has_seeds else 1
        yield from ((results, where, 0, n) for results, where in sides(case))
        yield from ((results, where, FIRST_SEED, 1) for results, where in choices(case))


def _assert_will_be_measured(atom, planned, where, *, first_seed, n):
    """The column of an atom exists, and the sweep has the runs of a setting, with enough seeds."""
    assert atom.column.startswith("learned.") or atom.column in MEASURED | set(planned)
    assert {key for key, value in where.items() if value is not None} <= set(planned), where
    rows = select(planned, where)
    seeds = rows.loc[(rows["seed"] >= FIRST_SEED) == (first_seed > 0), "num_seeds"]
    assert seeds.sum() >= n, (atom.name, where)


def test_every_claim_rests_on_a_sweep_or_on_what_is_computed():
    for claim in CLAIMS:
        for atom in claim.atoms:
            assert {results for results, *_ in _needs(atom)} <= set(EXPERIMENT_NAMES), (claim.id, atom.name)
            assert all(case.results in ("functions", "gelu_cost", *EXPERIMENT_NAMES) for case in atom.cases)


def test_reports_take_from_a_track_what_its_file_sets():
    """Whether a track has an init and a learning rate for each activation, read from the text of its file."""
    marks = {"init": "override /init: tuned", "optim.lr": "lr: tuned"}
    files = {name: path.read_text(encoding="utf-8") for name, path in options("track").items()}
    assert {name: tuple(key for key, mark in marks.items() if mark in text) for name, text in files.items()} == TRACKS


def test_nothing_in_conf_sweeps():
    configs = {path: OmegaConf.load(path) for path in CONF.rglob("*.yaml")}
    assert not [path for path, config in configs.items() if OmegaConf.select(config, "hydra.sweeper")]


def _layer(act: str, **changes: float):
    return build.act_factory(OmegaConf.merge(OmegaConf.load(options("act")[act]), changes))(1).eval()


@pytest.mark.parametrize("act", ACTS)
def test_an_activation_is_a_finite_function_of_each_element(act):
    """Shape and dtype stay, the slope is finite too, and layers share no parameters."""
    layer = _layer(act)
    for shape in ((5,), (2, 3), (2, 3, 4, 4)):
        z = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        assert (layer(z).shape, layer(z).dtype) == (z.shape, z.dtype)
    z = torch.linspace(-4, 4, 33)
    elementwise = torch.stack([layer(element[None])[0] for element in z])
    torch.testing.assert_close(layer(z), elementwise, rtol=1e-6, atol=1e-6)
    z = torch.linspace(-100, 100, 401, requires_grad=True)
    (slope,) = torch.autograd.grad(layer(z).sum(), z)
    assert layer(z).isfinite().all()
    assert slope.isfinite().all()
    factory = build.act_factory(OmegaConf.load(options("act")[act]))
    first, second = factory(1), factory(1)
    assert not {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}


def test_every_number_of_an_activation_reaches_it():
    """Every parameter that can be swept changes the function."""
    z = torch.linspace(-30, 30, 601)
    for act in ACTS:
        for key, value in OmegaConf.load(options("act")[act]).items():
            if isinstance(value, float):
                changed = _layer(act, **{key: 0.65 * value + 0.05})
                assert not torch.equal(_layer(act)(z), changed(z)), f"{key} of {act} has no effect"


@pytest.fixture(scope="module")
def job_of_act():
    """A tiny job of each activation, all composed at once."""
    tiny = ["num_seeds=1", "train.epochs=2", "data.num_train=128", "model.width=16", "model.depth=2"]
    return {job.choices["act"]: job for job in commands.jobs("+act=glob(*)", *tiny)}


@pytest.mark.parametrize("act", ACTS)
def test_an_activation_trains(act, job_of_act, measured):
    preflight.check([job_of_act[act]])
    runs, _, layers = measured(job_of_act[act])
    assert list(runs["status"]) == ["done"]
    assert list(runs["act"]) == [act]
    assert set(layers["layer_index"]) == {1, 2}
    assert math.isfinite(runs["test_loss"].item())


@pytest.mark.parametrize(
    ("group", "name"),
    [(g, n) for g, n in ALL if g not in ("act", "model", "norm", "track") and n not in {*NEEDS_FILES, "tuned"}],
)
def test_every_other_option_trains(group, name, measure):
    runs, epochs, layers = measure("+act=tanh", f"{group}={name}")
    assert list(runs["status"]) == ["done"]
    assert runs[group].item() == name
    assert len(epochs) == {"propagation": 1}.get(name, 3)
    assert (len(layers) == 0) == ((group, name) == ("probes", "none"))


@pytest.mark.parametrize("norm", list(options("norm")))
@pytest.mark.parametrize("model", list(options("model")))
def test_every_model_trains_with_every_norm_and_dropout(model, norm, measure):
    overrides = ["+act=relu", f"model={model}", f"norm={norm}", "model.dropout=0.2", "num_seeds=1", "train.epochs=1"]
    runs, _, layers = measure(*overrides, "data.num_train=128", tiny=False)
    assert (list(runs["status"]), runs["norm"].item()) == (["done"], norm)
    assert set(layers["layer_index"]) == set(range(1, 1 + layers["layer"].nunique()))
    assert len(set(layers["layer"].str.partition(".")[0])) == 1  # reports tell networks apart by this prefix
    assert layers.loc[layers["step"] > 0, "update_ratio"].gt(0).all()


def test_a_data_set_of_files_has_the_published_classes_and_splits():
    for name in NEEDS_FILES:
        config = OmegaConf.load(options("data")[name])
        assert config["num_classes"] == (100 if name == "cifar100" else 10)
        assert config["num_test"] is None
        assert config["num_val"] in (5000, 10000)


def test_every_key_of_a_job_has_a_default(job_of):
    job = job_of("+act=elu")
    values = defaults(job.choices)
    assert set(flatten(job.config)) == set(values) - {"act"}
    assert (values["train.epochs"], values["act.alpha"], values["model.depth"]) == (25, 1.0, 3)
