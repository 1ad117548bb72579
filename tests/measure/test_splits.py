"""TODO."""

import pytest
import torch

from actbench.measure.data import augment, digits
from actbench.measure.data.splits import Batch, Scale, Source, Split, Splits, batches, split
from actbench.measure.streams import stream

SIZES = {"num_val": 360, "num_test": 360, "num_train": None, "standardize": False, "device": torch.device("cpu")}


def _numbered(n: int, *, num_test: int = 0) -> Source:
    """n images (1, 1, 2) of which each holds its own index; labels 0 and 1 in turn."""
    index = torch.arange(n)
    images = torch.stack([index // 256, index % 256], dim=-1).to(torch.uint8).view(n, 1, 1, 2)
    return Source(images, index % 2, num_test=num_test, white=1)


def _whole(splits: Splits) -> list[Batch]:
    return [part.whole() for part in splits]


def _split(images: torch.Tensor) -> Split:
    """All images, each labelled by its number."""
    numbers = torch.arange(len(images))
    return Split(images, numbers, numbers, Scale(1, None))


def _index(part: Batch) -> set[int]:
    return set((part.images.view(-1, 2) @ torch.tensor([256.0, 1.0])).long().tolist())


def test_splits_are_disjoint_and_complete():
    parts = [_index(part) for part in _whole(split(_numbered(1000), **SIZES, seed=0))]
    assert [len(part) for part in parts] == [280, 360, 360]
    assert set.union(*parts) == set(range(1000))


def test_the_published_test_set_is_kept():
    splits = split(_numbered(1000, num_test=100), **SIZES | {"num_test": None}, seed=0)
    assert _index(splits.test.whole()) == set(range(900, 1000))
    assert len(_index(splits.train.whole())) == 540


def test_a_subset_of_the_training_examples_leaves_the_rest_alone():
    whole = split(_numbered(1000), **SIZES, seed=3)
    small = split(_numbered(1000), **SIZES | {"num_train": 50}, seed=3)
    assert _index(small.train.whole()) < _index(whole.train.whole())
    assert len(_index(small.train.whole())) == 50
    assert torch.equal(small.val.whole().images, whole.val.whole().images)
    assert torch.equal(small.test.whole().images, whole.test.whole().images)


def test_classes_keep_their_shares():
    source = digits.load()
    for part in _whole(split(source, **SIZES, seed=1)):
        share = torch.bincount(part.labels) / len(part.labels)
        stored = torch.bincount(source.labels) / len(source.labels)
        assert (share - stored).abs().max() < 0.003


def test_the_seed_fixes_the_split():
    first, again, other = (split(digits.load(), **SIZES, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(first.train.rows, again.train.rows)
    assert not torch.equal(first.train.rows, other.train.rows)


def test_pixels_are_shares_of_white():
    source = digits.load()
    train = split(source, **SIZES, seed=0).train.whole().images
    assert (train.min(), train.max()) == (0, 1)
    assert source.images.max() == source.white == 16


def _three_channels():
    images = torch.randint(0, 256, (700, 3, 5, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[:, 1] //= 4
    images[:, 2] = 7
    images[0, 2] = 8
    return Source(images, torch.arange(700) % 2, num_test=0, white=255)


@pytest.mark.parametrize("source", [digits.load(), _three_channels()], ids=["digits", "three channels"])
def test_standardized_by_the_training_pixels_alone_each_channel_apart(source):
    """To the bit as by torch.std_mean, whose recurrence takes nine times as long."""
    sizes = SIZES | {"num_val": 40, "num_test": 40}
    plain, done = (_whole(split(source, **sizes | {"standardize": own}, seed=0)) for own in (False, True))
    std, mean = torch.std_mean(plain[0].images, dim=(0, 2, 3), keepdim=True, correction=0)
    for before, after in zip(plain, done, strict=True):
        assert torch.equal(after.images, (before.images - mean) / std)


def test_splits_share_the_stored_pixels_and_a_batch_is_that_of_all_made_images():
    source = _three_channels()
    splits = split(source, **SIZES | {"num_val": 40, "num_test": 40, "standardize": True}, seed=0)
    assert all(part.pixels is source.images for part in splits)
    assert source.images.dtype == torch.uint8
    which = torch.tensor([5, 0, 619, 5])
    taken, whole = splits.train.take(which), splits.train.whole()
    assert torch.equal(taken.images, whole.images[which])
    assert torch.equal(taken.labels, whole.labels[which])
    assert torch.equal(splits.train.first(7).images, whole.images[:7])
    in_turn = list(splits.train.in_turn(200))
    assert [len(batch.labels) for batch in in_turn] == [200, 200, 200, 20]
    for kept, parts in zip(whole, zip(*in_turn, strict=True), strict=True):
        assert torch.equal(torch.cat(parts), kept)


def test_making_images_leaves_what_is_stored_as_it_is():
    """Float pixels too, which need no other type."""
    pixels = torch.rand(4, 1, 2, 2)
    kept, scale = pixels.clone(), Scale(1, (torch.full((1, 1, 1, 1), 0.5), torch.full((1, 1, 1, 1), 2.0)))
    for made in (scale(pixels), Split(pixels, torch.arange(4), torch.zeros(4).long(), scale).whole().images):
        assert torch.equal(pixels, kept)
        torch.testing.assert_close(made, (kept - 0.5) / 2)


def test_an_epoch_shows_each_example_once_but_for_an_incomplete_batch():
    train = _split(torch.arange(10.0).view(10, 1, 1, 1))
    shown = list(batches(train, batch_size=3, order=stream(0, "order")))
    assert [len(batch.labels) for batch in shown] == [3, 3, 3]
    labels = torch.cat([batch.labels for batch in shown])
    assert len(labels.unique()) == 9
    assert torch.equal(torch.cat([batch.images for batch in shown]).flatten().long(), labels)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_a_batch_is_the_bits_that_its_index_names(shape):
    """Gathered row by row; the same memory as by indexing, so training is the same to the bit."""
    train = _split(torch.randn(40, *shape, generator=stream(1, "images")))
    permutation = torch.randperm(40, generator=stream(0, "order"))
    for number, batch in enumerate(batches(train, batch_size=16, order=stream(0, "order"))):
        expected = train.pixels[permutation[16 * number : 16 * number + 16]]
        assert torch.equal(batch.images, expected)
        assert batch.images.stride() == expected.stride()
        assert torch.equal(batch.images.flatten(1)[:, 0], train.pixels[batch.labels].flatten(1)[:, 0])


def test_epochs_have_their_own_order():
    train, order = _split(torch.zeros(50, 1, 1, 1)), stream(0, "order")
    first, second = (torch.cat([b.labels for b in batches(train, batch_size=50, order=order)]) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_crop_and_flip_moves_whole_images(padding):
    """Every augmented image is one of the shifts of its original, mirrored or not, found by plain slicing."""
    images = torch.rand(64, 3, 6, 5, generator=torch.Generator().manual_seed(0))
    moved = augment.crop_flip(images, padding=padding, generator=stream(0, "augment"))
    assert moved.shape == images.shape
    mirrored, shifts = 0, set()
    for before, after in zip(images, moved, strict=True):
        padded = torch.nn.functional.pad(before, (padding,) * 4)
        found = [
            (top, left, flip)
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
            for flip in (False, True)
            if torch.equal(after.flip(-1) if flip else after, padded[:, top : top + 6, left : left + 5])
        ]
        assert found
        mirrored += found[0][2]
        shifts.add(found[0][:2])
    assert 16 <= mirrored <= 48
    assert len(shifts) > 1 or padding == 0


def test_no_augmentation_is_none():
    images = torch.rand(2, 1, 3, 3)
    assert augment.none(images, generator=stream(0, "augment")) is images
