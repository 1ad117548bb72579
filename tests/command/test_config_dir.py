"""--config-dir: the user's own options are found by every command, and an edited one is another run."""

import re
from pathlib import Path

import pandas as pd
import pytest

from actbench.__main__ import main
from actbench.catalogue import cost
from actbench.catalogue.__main__ import main as catalogue
from actbench.command import compose
from actbench.command.options import ConfigError, options, use_config_dir
from actbench.measure import identity, run
from actbench.tables import store

FUNCTIONS = """
import torch
from actbench.measure.data.splits import Source

def pair(shift):
    return torch.zeros(8, 1, 3, 3), torch.arange(8)

def shaped(shape):
    return blobs(0.0)._replace(images=torch.zeros(200, 1, *shape))

def absent(shift):
    return {}["images"]

def bad(images, *, generator):
    raise RuntimeError("no such augmentation")

class Plain(torch.nn.Module):
    def __init__(self, *, input_shape, num_outputs, **others):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(input_shape.numel(), num_outputs))

    def forward(self, images):
        return self.layers(images)

class Layers(torch.nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), *layers)

    def forward(self, images):
        return self.layers(images)

class Unbiased(Layers):
    def __init__(self, *, input_shape, num_outputs, act):
        inner = [torch.nn.Linear(input_shape.numel(), 8, bias=False), torch.nn.BatchNorm1d(8), act(8)]
        super().__init__(*inner, torch.nn.Linear(8, num_outputs, bias=False))

class First(Layers):
    def __init__(self, *, input_shape, num_outputs, act):
        super().__init__(act(input_shape.numel()), torch.nn.Linear(input_shape.numel(), num_outputs))

class Reads(torch.nn.Module):
    def __init__(self, *, num_outputs, act, **others):
        super().__init__()
        self.width = int(open("width.txt").read())

class Wrapped(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner
    def forward(self, z):
        return self.inner(z)

class Soft(torch.nn.Module):
    def __init__(self, slope):
        super().__init__()
        self.slope = slope
    def forward(self, z):
        return torch.where(z > 0, z, self.slope * torch.tanh(z))

def blobs(shift):
    labels = torch.arange(200) % 4
    images = torch.randn(200, 1, 3, 3, generator=torch.Generator().manual_seed(0)) + labels[:, None, None, None] + shift
    return Source(images, labels, num_test=0, white=1)
"""
SHORT = ["num_seeds=1", "train.epochs=1", "data.num_train=128"]
OPTIONS = {
    "act/soft.yaml": "# Soft: z for z > 0, else slope tanh z.\n_target_: my_functions.Soft\nslope: 0.5\n",
    "model/slim.yaml": "# A narrow MLP.\n_target_: actbench.measure.models.mlp.MLP\ndepth: 1\nwidth: 7\n"
    "gate: false\ndropout: 0.0\n",
    "data/blobs.yaml": "# Four blobs.\nload:\n  _target_: my_functions.blobs\n  shift: 0.0\nnum_classes: 4\n"
    "num_val: 40\nnum_test: 40\nnum_train: null\nstandardize: true\ntarget_loss: 0.2\n",
    "experiments/which.yaml": "# Which of two?\n# python -m actbench +experiment=which\nnum_seeds: 1\n"
    "train: {epochs: 1}\nhydra:\n  sweeper:\n    params:\n      +act: soft,relu\n",
}


@pytest.fixture
def mine(tmp_path):
    """A folder of the user's options, and a module that they name."""
    Path("my_functions.py").write_text(FUNCTIONS)
    for name, text in OPTIONS.items():
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    yield tmp_path / "mine"
    use_config_dir(None)


def _job(*words: str):
    return compose.job_from(["--config-dir", "mine", *words])


def test_help_lists_the_users_options(mine, capsys):
    assert main(["--help", "--config-dir=mine"]) == 0
    text = capsys.readouterr().out
    for line in OPTIONS.values():
        assert line.split("\n")[0].removeprefix("# ") in text
    assert main(["--help"]) == 0
    assert "Soft: z" not in capsys.readouterr().out


@pytest.mark.xdist_group("workers")
def test_an_experiment_of_the_users_own_sweeps_his_function_on_his_data_and_model(workers, mine, undrawn, capsys):
    """glob(*) and axes find it, the workers of joblib too."""
    assert main(["--config-dir", str(mine), "+experiment=which", "data=blobs", "model=slim"]) == 0
    runs = store.collect(Path("results/which")).runs
    assert sorted(runs["act"]) == ["relu", "soft"]
    assert set(runs["status"]) == {"done"}
    assert set(runs["model.width"]) == {7}
    assert "soft" in capsys.readouterr().out


def test_glob_matches_the_users_options(mine, monkeypatch, capsys):
    """In a sweep of the command, whose runs are not trained here."""
    acts = []
    monkeypatch.setattr(run, "run", lambda job, **options: acts.append(job.choices["act"]))
    assert main(["--config-dir", "mine", "-m", "+act=glob(sof*)", "hydra/launcher=basic"]) == 1
    assert "4 of 4 runs are not in results/adhoc" in capsys.readouterr().err
    assert sorted(acts) == ["soft", "softplus", "softshrink", "softsign"]


def test_the_catalogue_computes_the_properties_of_the_users_function(mine, capsys):
    assert catalogue(["--config-dir", "mine", "+act=soft", "act.slope=0.25"]) == 0
    assert re.search(r"\binf\b.*-0\.25", capsys.readouterr().out, re.DOTALL)


def test_the_catalogue_times_the_users_function(mine, monkeypatch, capsys):
    timed = []
    monkeypatch.setattr(cost, "costs", lambda functions, **_: timed.extend(functions) or pd.DataFrame())
    with pytest.raises(KeyError):  # nothing was timed
        catalogue(["--cost", "soft", "--config-dir", "mine"])
    assert [function.name for function in timed] == ["soft"]


def test_the_identity_covers_what_the_users_options_depend_on(mine):
    words = ["+act=soft", "model=slim", "data=blobs"]
    first = identity.run_id(_job(*words))
    assert first == identity.run_id(_job(*words)) != identity.run_id(_job(*words, "act.slope=0.25"))
    assert first != identity.run_id(_job(*words, "data.load.shift=1.0"))
    columns = identity.columns(_job(*words))
    assert columns["act.source"]
    assert columns["model.source"]
    assert columns["data.source"] != identity.columns(_job(*words, "data.load.shift=1.0"))["data.source"]
    assert not [name for name in identity.columns(compose.job_from(["+act=relu"])) if name.endswith(".source")]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("act/relu.yaml", "has a name that is taken: actbench has an option or a word relu."),
        ("act/custom.yaml", "has a name that is taken: actbench has an option or a word custom."),
        ("model/True.yaml", "has a name that is taken: actbench has an option or a word True."),
        (
            "experiments/digits_mlp.yaml",
            "has a name that is taken: actbench has an option or a word digits_mlp.",
        ),
        ("act/2soft.yaml", "needs a name of letters, digits and _, with no digit first."),
        ("act/a.b.yaml", "needs a name of letters, digits and _, with no digit first."),
    ],
)
def test_a_name_that_cannot_be_told_is_refused(name, sentence, mine, capsys):
    (mine / name).write_text("_target_: torch.nn.ReLU\n")
    assert main(["--config-dir", "mine", "+act=soft"]) == 2
    assert capsys.readouterr().err == f"actbench: {mine / name} {sentence}\n"


@pytest.mark.parametrize("folder", ["nowhere", "empty"])
def test_a_folder_without_options_is_refused(folder, capsys):
    Path("empty").mkdir()
    assert main(["--config-dir", folder, "+act=relu"]) == 2
    assert capsys.readouterr().err == (
        f"actbench: --config-dir={folder} holds no options: it needs NAME.yaml in a folder such as act, model, data or "
        "experiments.\n"
    )


def test_another_search_path_is_refused(capsys):
    assert main(["+act=relu", "hydra.searchpath=[file://mine]"]) == 2
    assert capsys.readouterr().err == (
        "actbench: hydra.searchpath: give --config-dir FOLDER, which every command finds.\n"
    )


def test_a_file_without_a_target_and_one_without_keys_are_named(mine, job_of):
    (mine / "act" / "bare.yaml").write_text("slope: 1.0\n")
    with pytest.raises(ConfigError, match=r"act=bare needs the dotted path .*: _target_: mymodule\.MyActivation"):
        job_of("--config-dir=mine", "+act=bare")
    (mine / "data" / "bare.yaml").write_text("load:\n  _target_: my_functions.blobs\n  shift: 0.0\nnum_classes: 4\n")
    with pytest.raises(ConfigError, match=r"data=bare lacks num_val, num_train, standardize, target_loss"):
        job_of("--config-dir=mine", "+act=soft", "data=bare")


def test_a_data_set_has_a_test_set_folds_or_a_number_of_test_images(mine, measure, job_of):
    path = mine / "data" / "blobs.yaml"
    text = path.read_text()
    path.write_text(text.replace("num_test: 40", "num_folds: 4"))
    runs = measure("--config-dir=mine", "+act=soft", "data=blobs", "train.batch_size=16", "data.num_train=64").runs
    assert runs["num_test_images"].item() == 50
    path.write_text(text.replace("num_test: 40\n", ""))
    with pytest.raises(
        ConfigError, match=r"^data=blobs has no test set: give data\.num_test or data\.num_folds in its"
    ):
        job_of("--config-dir=mine", "+act=soft", "data=blobs")


def test_a_file_that_is_edited_is_read_again(mine):
    _job("+act=soft")
    path = mine / "act" / "soft.yaml"
    path.write_text(path.read_text() + "bend: 1.0\n")
    assert _job("+act=soft", "act.bend=2.0").config.act.bend == 2


def test_the_catalogues_tables_are_of_our_functions_alone(mine, monkeypatch):
    timed = []
    monkeypatch.setattr(cost, "costs", lambda functions, **_: timed.extend(functions) or pd.DataFrame())
    with pytest.raises(KeyError):  # nothing was timed
        catalogue(["--cost", "--config-dir", "mine"])
    assert "soft" in options("act")
    assert {function.name for function in timed} == {*options("act")} - {"soft"}


def test_a_model_may_leave_out_biases(mine, measure):
    (mine / "model" / "unbiased.yaml").write_text("_target_: my_functions.Unbiased\n")
    tables = measure("--config-dir=mine", "+act=soft", "model=unbiased", *SHORT, tiny=False)
    assert tables.runs["status"].item() == "done"
    assert tables.layers["bias_shift"].notna().all()


def test_where_nothing_is_probed_an_activation_may_be_the_first_layer(mine, job_of):
    (mine / "model" / "first.yaml").write_text("_target_: my_functions.First\n")
    job_of("--config-dir=mine", "+act=soft", "model=first", "probes=none")


def test_the_identity_covers_a_nested_target_and_the_shape_of_the_data(mine):
    words = ["+act=wrapped", "data=shaped"]
    ids = set()
    for inner in ("Tanh", "ReLU"):
        (mine / "act" / "wrapped.yaml").write_text(
            f"_target_: my_functions.Wrapped\ninner:\n  _target_: torch.nn.{inner}\n"
        )
        for shape in ("[2,8]", "[8,2]"):
            text = OPTIONS["data/blobs.yaml"].replace("blobs", "shaped").replace("shift: 0.0", f"shape: {shape}")
            (mine / "data" / "shaped.yaml").write_text(text)
            ids.add(identity.run_id(_job(*words)))
    assert len(ids) == 4


def test_what_a_model_reads_is_doubted_and_its_runs_are_measured_anew(mine):
    (mine / "model" / "reads.yaml").write_text("_target_: my_functions.Reads\ndropout: 0.0\n")
    (sentence,) = run.renew([_job("+act=relu", "model=reads")])
    assert sentence.startswith("my_functions.Reads is measured anew each time")


@pytest.mark.parametrize(
    ("name", "text", "words", "sentence"),
    [
        ("act/tabs.yaml", "_target_: torch.nn.ReLU\n\tslope: 1\n", "+act=tabs", "tabs.yaml cannot be read: "),
        ("act/listed.yaml", "- torch.nn.ReLU\n", "+act=listed", "listed.yaml is no mapping: it needs keys and values"),
        ("act/based.yaml", "defaults: [elu]\n", "+act=based", "based.yaml has defaults, which an option of act"),
        (
            "model/absent.yaml",
            "_target_: absent.Net\n",
            "+act=relu model=absent",
            "model=absent: absent.Net cannot",
        ),
        ("model/plain.yaml", "_target_: my_functions.Plain\n", "+act=relu model=plain", "has no activation layer"),
        (
            "model/first.yaml",
            "_target_: my_functions.First\n",
            "+act=relu model=first",
            "each activation needs a weight",
        ),
        ("data/pair.yaml", "PAIR", "+act=relu data=pair", "data=pair returns tuple: return an actbench.measure.data."),
        ("data/absent.yaml", "ABSENT", "+act=relu data=absent", "data=absent cannot be loaded: 'images'."),
        ("augment/bad.yaml", "_target_: my_functions.bad\n", "+act=relu augment=bad", "no such augmentation."),
    ],
)
def test_an_option_that_cannot_be_used_is_one_sentence_before_training(name, text, words, sentence, mine, capsys):
    path = mine / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(OPTIONS["data/blobs.yaml"].replace("blobs", text.lower()) if text.isupper() else text)
    assert main(["--config-dir", "mine", *words.split()]) == 2
    printed = capsys.readouterr().err
    assert sentence in printed
    assert printed.count("\n") == 1
    assert not Path("results").exists()


def test_the_flag_may_stand_anywhere_and_its_folder_be_named_anyhow(mine, capsys):
    mine.rename(mine.parent / "my = own")
    assert main(["+act=soft", "--config-dir", "my = own", "act.slope=0.25", "--cfg", "job", "--package", "act"]) == 0
    assert "slope: 0.25" in capsys.readouterr().out


def test_without_the_flag_the_options_are_ours(mine):
    assert "soft" in _job("+act=soft").choices.values()
    with pytest.raises(ConfigError, match="There is no act=soft"):
        compose.job_from(["+act=soft"])
    assert "soft" not in options("act")
