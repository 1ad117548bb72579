"""The score network: trained once by a fixed recipe, cached, and bitwise the same when it is trained again."""

import pytest
import torch

from actbench.measure.data import digits
from actbench.measure.sample_quality import score
from actbench.measure.sample_quality.score import LeNet, score_network

CPU = torch.device("cpu")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(score, "FOLDER", tmp_path / "score")
    score._cache_key.cache_clear()
    yield tmp_path / "score"
    score._cache_key.cache_clear()


def _features(network) -> torch.Tensor:
    return network(torch.linspace(-1, 1, 4 * 64).reshape(4, 1, 8, 8)).features


def test_it_is_trained_once_and_prints_its_accuracy(cache, capsys, monkeypatch):
    monkeypatch.setitem(score.RECIPE, "steps", 300)
    first = score_network(digits.load(), device=CPU)
    (path,) = cache.iterdir()
    assert first.accuracy > 0.9
    line = f"Score network: LeNet, accuracy {first.accuracy:.4f} on held-out images, kept in {path}\n"
    assert capsys.readouterr().out == line
    monkeypatch.setattr(score, "_train", lambda *_: pytest.fail("trained again"))
    second = score_network(digits.load(), device=CPU)
    assert capsys.readouterr().out == ""
    assert second.accuracy == first.accuracy
    assert torch.equal(_features(first), _features(second))


@pytest.mark.parametrize("damage", ["removed", "truncated", "emptied"])
def test_it_is_trained_again_the_same_if_its_file_is_damaged(cache, damage):
    first = score_network(digits.load(), device=CPU)
    (path,) = cache.iterdir()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:1000] if damage == "truncated" else b"")
    assert torch.equal(_features(first), _features(score_network(digits.load(), device=CPU)))
    assert [file.name for file in cache.iterdir()] == [path.name]


def test_another_recipe_protocol_or_other_data_have_another_cache_key(cache, monkeypatch):
    source = digits.load()
    keys = {score._cache_key(source), score._cache_key(source._replace(labels=source.labels.flip(0)))}
    score._cache_key.cache_clear()
    monkeypatch.setitem(score.RECIPE, "lr", 1e-2)
    keys.add(score._cache_key(source))
    score._cache_key.cache_clear()
    monkeypatch.setattr(score, "PROTOCOL", score.PROTOCOL + 1)  # other draws
    assert len(keys | {score._cache_key(source)}) == 4


def test_the_number_of_threads_does_not_change_it(cache):
    first = _features(score_network(digits.load(), device=CPU))
    next(cache.iterdir()).unlink()
    torch.set_num_threads(2)
    assert torch.equal(first, _features(score_network(digits.load(), device=CPU)))
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32)])
def test_the_network_fits_every_data_set(shape):
    logits, features = LeNet(input_shape=torch.Size(shape), num_classes=7)(torch.zeros(2, *shape))
    assert logits.shape == (2, 7)
    assert features.shape == (2, 84)


def test_a_process_killed_while_writing_leaves_no_network(cache, monkeypatch):
    monkeypatch.setattr(score.os, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        score_network(digits.load(), device=CPU)
    assert not list(cache.glob("*.npz"))
