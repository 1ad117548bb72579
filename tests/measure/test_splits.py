"""Splits, standardisation, batches and augmentation."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from actbench.measure import streams
from actbench.measure.data import augment, digits
from actbench.measure.data.splits import Batch, Scale, Source, Split, Splits, batches, folds, split
from actbench.measure.streams import stream

SIZES = {"num_val": 360, "num_test": 360, "num_train": None, "standardize": False, "device": torch.device("cpu")}


def _numbered(n: int, *, num_test: int = 0) -> Source:
    """n images (1, 1, 2), each of which encodes its own index; labels alternate between 0 and 1."""
    index = torch.arange(n)
    images = torch.stack([index // 256, index % 256], dim=-1).to(torch.uint8).view(n, 1, 1, 2)
    return Source(images, index % 2, num_test=num_test, white=1)


def _examples(splits: Splits) -> list[Batch]:
    return [each.examples() for each in splits]


def _split(images: torch.Tensor) -> Split:
    """All images, each labelled by its index."""
    index = torch.arange(len(images))
    return Split(images, index, index, Scale(1, None))


def _indices(batch: Batch) -> set[int]:
    return set((batch.images.view(-1, 2) @ torch.tensor([256.0, 1.0])).long().tolist())


def test_splits_are_disjoint_and_complete():
    indices = [_indices(batch) for batch in _examples(split(_numbered(1000), **SIZES, seed=0))]
    assert [len(each) for each in indices] == [280, 360, 360]
    assert set.union(*indices) == set(range(1000))


def test_a_published_test_set_is_the_test_split():
    splits = split(_numbered(1000, num_test=100), **SIZES | {"num_test": None}, seed=0)
    assert _indices(splits.test.examples()) == set(range(900, 1000))
    assert len(_indices(splits.train.examples())) == 540


def test_a_smaller_training_split_leaves_validation_and_test_unchanged():
    full = split(_numbered(1000), **SIZES, seed=3)
    small = split(_numbered(1000), **SIZES | {"num_train": 50}, seed=3)
    assert _indices(small.train.examples()) < _indices(full.train.examples())
    assert len(_indices(small.train.examples())) == 50
    assert torch.equal(small.val.examples().images, full.val.examples().images)
    assert torch.equal(small.test.examples().images, full.test.examples().images)


def test_splits_are_stratified():
    source = digits.load()
    expected = torch.bincount(source.labels) / len(source.labels)
    for batch in _examples(split(source, **SIZES, seed=1)):
        shares = torch.bincount(batch.labels) / len(batch.labels)
        assert (shares - expected).abs().max() < 0.003


FOLDS = SIZES | {"num_test": None, "num_folds": 5}


def test_each_image_is_tested_in_exactly_one_of_five_folds_of_its_class():
    """Counted by hand: in any five successive seeds; sizes, and those of each class, are as equal as can be."""
    source = digits.load()
    tested = [split(source, **FOLDS, seed=seed).test for seed in range(7, 12)]
    times = torch.zeros(len(source.labels), dtype=torch.long)
    for test in tested:
        times[test.rows] += 1
    assert (times == 1).all()
    assert sorted(len(test.labels) for test in tested) == [359, 359, 359, 360, 360]
    of_class = torch.stack([torch.bincount(test.labels) for test in tested])
    assert (of_class.max(0).values - of_class.min(0).values <= 1).all()
    assert torch.equal(of_class.sum(0), torch.bincount(source.labels))


def test_a_seed_draws_validation_and_training_from_the_other_folds_and_not_the_fold():
    source = digits.load()
    first, again, fifth, next_fold = (split(source, **FOLDS, seed=seed) for seed in (3, 3, 8, 4))
    for one in (first, fifth):
        rows = torch.cat([each.rows for each in one])
        assert torch.equal(rows.sort().values, torch.arange(1797))
        assert len(one.val.labels) == 360
        shares = torch.bincount(one.val.labels) / 360 - torch.bincount(source.labels) / 1797
        assert shares.abs().max() < 0.003
    assert torch.equal(first.test.rows, fifth.test.rows)  # in the same order too
    assert torch.equal(first.val.rows, again.val.rows)
    assert not torch.equal(first.val.rows.sort().values, fifth.val.rows.sort().values)
    assert not set(first.test.rows.tolist()) & set(next_fold.test.rows.tolist())


@given(counts=st.lists(st.integers(4, 40), min_size=2, max_size=6), count=st.integers(2, 4))
def test_folds_share_out_every_class(counts, count):
    labels = np.repeat(np.arange(len(counts)), counts)
    parts = folds(labels, count)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    assert {len(part) for part in parts} <= {len(labels) // count, -(-len(labels) // count)}
    for label, total in enumerate(counts):
        assert {int((labels[part] == label).sum()) for part in parts} <= {total // count, -(-total // count)}


def test_folds_are_those_of_the_protocol(monkeypatch):
    """Another edition has others; images of one class are not taken in the order in which they are stored."""
    labels = digits.load().labels.numpy()
    first = folds(labels, 5)[0]
    assert not np.array_equal(first, np.sort(labels.argsort(kind="stable")[::5]))
    monkeypatch.setattr(streams, "PROTOCOL", streams.PROTOCOL + 1)
    assert not np.array_equal(first, folds(labels, 5)[0])


def test_the_seed_fixes_the_split():
    first, repeated, other = (split(digits.load(), **SIZES, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first.train.rows, repeated.train.rows)
    assert not torch.equal(first.train.rows, other.train.rows)


def test_images_are_pixels_divided_by_white():
    source = digits.load()
    train = split(source, **SIZES, seed=0).train.examples().images
    assert (train.min(), train.max()) == (0, 1)
    assert source.images.max() == source.white == 16


def _three_channels():
    images = torch.randint(0, 256, (700, 3, 5, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[:, 1] //= 4
    images[:, 2] = 7
    images[0, 2] = 8
    return Source(images, torch.arange(700) % 2, num_test=0, white=255)


@pytest.mark.parametrize("source", [digits.load(), _three_channels()], ids=["digits", "three channels"])
def test_each_channel_is_standardized_by_the_training_pixels_alone(source):
    """Bitwise as by torch.std_mean, whose recurrence takes nine times as long."""
    sizes = SIZES | {"num_val": 40, "num_test": 40}
    plain, standardized = (_examples(split(source, **sizes | {"standardize": s}, seed=0)) for s in (False, True))
    std, mean = torch.std_mean(plain[0].images, dim=(0, 2, 3), keepdim=True, correction=0)
    for before, after in zip(plain, standardized, strict=True):
        assert torch.equal(after.images, (before.images - mean) / std)


def test_splits_share_the_stored_pixels_and_batches_are_taken_from_all_images():
    source = _three_channels()
    splits = split(source, **SIZES | {"num_val": 40, "num_test": 40, "standardize": True}, seed=0)
    assert all(each.pixels is source.images for each in splits)
    assert source.images.dtype == torch.uint8
    index = torch.tensor([5, 0, 619, 5])
    batch, everything = splits.train.take(index), splits.train.examples()
    assert torch.equal(batch.images, everything.images[index])
    assert torch.equal(batch.labels, everything.labels[index])
    assert torch.equal(splits.train.first(7).images, everything.images[:7])
    in_turn = list(splits.train.in_turn(200))
    assert [len(batch.labels) for batch in in_turn] == [200, 200, 200, 20]
    for tensor, chunks in zip(everything, zip(*in_turn, strict=True), strict=True):
        assert torch.equal(torch.cat(chunks), tensor)


def test_reading_images_leaves_the_stored_pixels_unchanged():
    """Also pixels that are floats already."""
    pixels = torch.rand(4, 1, 2, 2)
    before, scale = pixels.clone(), Scale(1, (torch.full((1, 1, 1, 1), 0.5), torch.full((1, 1, 1, 1), 2.0)))
    for images in (scale(pixels), Split(pixels, torch.arange(4), torch.zeros(4).long(), scale).examples().images):
        assert torch.equal(pixels, before)
        torch.testing.assert_close(images, (before - 0.5) / 2)


def test_an_epoch_has_each_example_once_except_those_of_an_incomplete_batch():
    train = _split(torch.arange(10.0).view(10, 1, 1, 1))
    epoch = list(batches(train, batch_size=3, order=stream(0, "order")))
    assert [len(batch.labels) for batch in epoch] == [3, 3, 3]
    labels = torch.cat([batch.labels for batch in epoch])
    assert len(labels.unique()) == 9
    assert torch.equal(torch.cat([batch.images for batch in epoch]).flatten().long(), labels)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_a_batch_has_the_bits_and_strides_of_an_indexed_tensor(shape):
    """So that training is bitwise the same as with indexing."""
    train = _split(torch.randn(40, *shape, generator=stream(1, "images")))
    permutation = torch.randperm(40, generator=stream(0, "order"))
    for number, batch in enumerate(batches(train, batch_size=16, order=stream(0, "order"))):
        expected = train.pixels[permutation[16 * number : 16 * number + 16]]
        assert torch.equal(batch.images, expected)
        assert batch.images.stride() == expected.stride()
        assert torch.equal(batch.images.flatten(1)[:, 0], train.pixels[batch.labels].flatten(1)[:, 0])


def test_two_epochs_have_different_orders():
    train, order = _split(torch.zeros(50, 1, 1, 1)), stream(0, "order")
    first, second = (torch.cat([b.labels for b in batches(train, batch_size=50, order=order)]) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("padding", [0, 1, 4])
@pytest.mark.parametrize(
    ("crop_flip", "outside"), [(augment.crop_flip, "constant"), (augment.reflect_crop_flip, "reflect")]
)
def test_crop_and_flip_shifts_and_mirrors_images(crop_flip, outside, padding):
    """Every augmented image is one of the shifts of its original, mirrored or not, as made by slicing."""
    images = torch.rand(64, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    augmented = crop_flip(images, padding=padding, generator=stream(0, "augment"))
    assert augmented.shape == images.shape
    num_mirrored, shifts = 0, set()
    for before, after in zip(images, augmented, strict=True):
        padded = torch.from_numpy(np.pad(before.numpy(), ((0, 0), (padding,) * 2, (padding,) * 2), mode=outside))
        matches = [
            (top, left, flip)
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
            for flip in (False, True)
            if torch.equal(after.flip(-1) if flip else after, padded[:, top : top + 6, left : left + 5])
        ]
        assert matches
        num_mirrored += matches[0][2]
        shifts.add(matches[0][:2])
    assert 16 <= num_mirrored <= 48
    assert len(shifts) > 1 or padding == 0


def test_without_augmentation_images_stay_the_same():
    images = torch.rand(2, 1, 3, 3)
    assert augment.none(images, generator=stream(0, "augment")) is images
