"""act_by_layer: another function in each layer, by name or by dotted path."""

from pathlib import Path

import pytest
import torch
from examples import DIGITS

from actbench.__main__ import main
from actbench.catalogue import entries
from actbench.command import compose
from actbench.command.options import ConfigError
from actbench.compare.workloads import workloads
from actbench.measure import build, identity
from actbench.measure.trace import activations
from actbench.tables import store


@pytest.fixture(autouse=True)
def _layered():
    Path("layered.py").write_text("def cubed(z): return z**3\n")


def test_each_layer_has_its_function_and_says_so(measure):
    tables = measure("act_by_layer=[elu,layered.cubed]")
    assert tables.runs["act"].item() == "elu+cubed"
    assert tables.runs["act.by_layer"].item() == '["elu", "layered.cubed"]'
    by_layer = tables.layers.groupby("layer_index")["layer_act"].unique()
    assert by_layer.map(list).tolist() == [["elu"], ["cubed"]]
    first = tables.layers[tables.layers["layer_index"] == 1]
    assert first["saturation_high"].eq(0).all()  # of ELU


def test_the_same_function_in_all_layers_trains_as_one_for_all(measure):
    by_layer, one = measure("act_by_layer=[tanh,tanh]", "init=matched"), measure("+act=tanh", "init=matched")
    assert by_layer.runs["test_loss"].item() == one.runs["test_loss"].item()
    assert set(one.layers["layer_act"]) == {"tanh"}


def test_a_layer_is_scaled_by_the_gain_of_the_one_before_it():
    job = compose.job_from(["act_by_layer=[relu,tanh]", "model.depth=2", "init=matched"])
    other = compose.job_from(["+act=relu", "model.depth=2", "init=matched"])
    one, two = (build.model(j.config, DIGITS, seed=0, on=torch.device("cpu")) for j in (job, other))
    relu, tanh = (build.gain(layer, dropout=0) for layer in activations(one).values())
    assert torch.equal(one.hidden[1].weight.weight, two.hidden[1].weight.weight)
    torch.testing.assert_close(one.output.weight / tanh, two.output.weight / relu)


def test_the_identity_covers_order_and_functions(monkeypatch):
    ids = {
        identity.run_id(compose.job_from([f"act_by_layer={names}"]))
        for names in ("[relu,tanh,relu]", "[tanh,relu,relu]", "[relu,tanh,layered.cubed]")
    }
    assert len(ids) == 3
    assert all(name.startswith(("relu+tanh+", "tanh+relu+")) for name in ids)


@pytest.mark.parametrize("count", [2, 4])
def test_a_list_of_the_wrong_length_is_one_sentence(count, job_of):
    with pytest.raises(ConfigError) as caught:
        job_of(f"act_by_layer=[{','.join(['relu'] * count)}]")
    assert str(caught.value) == (
        f"act_by_layer names {count} functions, but the model has 3 activation layers: give one for each, from the "
        "input to the output."
    )


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("act_by_layer=[relu,tanhh,relu]", "There is no act=tanhh, in act_by_layer: did you mean tanh?"),
        (
            "act_by_layer=relu",
            "act_by_layer=relu is no list of functions, one for each layer: act_by_layer=[relu,relu,tanh].",
        ),
        (
            "act_by_layer=[]",
            "act_by_layer=[] is no list of functions, one for each layer: act_by_layer=[relu,relu,tanh].",
        ),
        (
            "act_by_layer=[elu,relu,tanh] act.alpha=0.3",
            "act.alpha is given with act_by_layer: set it in a file of your own, "
            "DIR/act/NAME.yaml with --config-dir DIR.",
        ),
        ("+act=relu act_by_layer=[relu,relu,tanh]", "act and act_by_layer are both given: give one of them."),
        ("act_by_layer=[relu,relu,layered.absent]", "act=layered.absent: layered.absent cannot be imported"),
    ],
)
def test_a_wrong_list_is_one_sentence(line, sentence, job_of):
    with pytest.raises(ConfigError) as caught:
        job_of(*line.split())
    assert str(caught.value).startswith(sentence)


def test_properties_are_of_one_function():
    with pytest.raises(ConfigError) as caught:
        entries.read(["act_by_layer=[relu,relu,tanh]"])
    assert str(caught.value) == "act_by_layer names several functions: give one, by +act=NAME."


def test_lists_are_swept_and_compared(undrawn, capsys):
    few = ["num_seeds=2", "train.epochs=1", "model.depth=2", "model.width=8", "probes=none"]
    assert main(["-m", "act_by_layer=[relu,tanh],[tanh,layered.cubed]", *few, "hydra/launcher=basic"]) == 0
    assert "tanh+cubed" in capsys.readouterr().out
    assert set(store.collect(Path("results/adhoc")).runs["act"]) == {"relu+tanh", "tanh+cubed"}
    assert main(["+act=relu", *few]) == 0
    (work,) = workloads(store.collect(Path("results/adhoc")))
    assert set(work.tables.runs["variant"]) == {"relu", "relu+tanh", "tanh+cubed"}
    assert "| relu+tanh |" in Path("results/adhoc/report.md").read_text()
