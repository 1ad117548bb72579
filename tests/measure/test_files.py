"""Data files of torchvision's sets: whole, damaged, absent; and the real ones, where they are."""

import gzip
import hashlib
import pickle
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision import datasets

from actbench.command.options import ConfigError
from actbench.measure.data import cifar, mnist

STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist_folder(tmp_path):
    """A data set in MNIST's format: 40 + 10 images whose pixels all equal the label."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 40), ("t10k", 10)):
        labels = np.arange(n) % 10
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(_idx(labels))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(_idx(np.repeat(labels, 28 * 28).reshape(n, 28, 28)))
    return tmp_path / "data"


def test_images_and_labels_are_read_in_order(mnist_folder):
    source = mnist.load(str(mnist_folder))
    assert source.images.shape == (50, 1, 28, 28)
    assert source.images.dtype == torch.uint8
    assert (source.num_test, source.white) == (10, 255)
    assert torch.equal(source.labels, torch.cat([torch.arange(40), torch.arange(10)]) % 10)
    assert torch.equal(source.images[:, 0, 5, 7].long(), source.labels)


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("damage", ["cut", "longer", "head", "empty"])
def test_a_damaged_file_is_named(stem, damage, mnist_folder):
    path = mnist_folder / "MNIST" / "raw" / stem
    whole = path.read_bytes()
    damaged = {"cut": whole[:-1], "longer": whole + b"\0", "head": b"x" + whole[1:], "empty": b""}
    path.write_bytes(damaged[damage])
    with pytest.raises(ValueError, match="truncated or corrupt") as caught:
        mnist.load(str(mnist_folder))
    assert str(caught.value) == (
        f"The data file {path} is truncated or corrupt. Delete it to have it downloaded again, or put a whole copy in "
        "its place."
    )


def test_a_damaged_file_ends_a_command(mnist_folder, job_of):
    path = mnist_folder / "MNIST" / "raw" / STEMS[0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"^data=mnist: The data file .* is truncated or corrupt"):
        job_of("+act=relu", "data=mnist", f"data.root={mnist_folder}")


def _offline(self):
    raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nno network")


def test_absent_files_that_cannot_be_downloaded_are_named(tmp_path, monkeypatch, job_of):
    monkeypatch.setattr(datasets.MNIST, "download", _offline)
    with pytest.raises(ConfigError) as caught:
        job_of("+act=relu", "data=mnist", "data.root=nowhere")
    assert str(caught.value) == (
        "data=mnist: The data files t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, train-images-idx3-ubyte, "
        "train-labels-idx1-ubyte are not in nowhere/MNIST/raw and could not be downloaded (Error downloading "
        "train-images-idx3-ubyte.gz). Put them there, or name the folder that holds MNIST/ with data.root=FOLDER or "
        "the environment variable ACTBENCH_DATA."
    )
    assert not (tmp_path / "nowhere").exists()


@pytest.fixture
def served(tmp_path, mnist_folder, monkeypatch):
    """A folder with the set's archives, whose sums torchvision knows."""
    served = tmp_path / "served"
    served.mkdir()
    for stem in STEMS:
        (served / f"{stem}.gz").write_bytes(gzip.compress((mnist_folder / "MNIST" / "raw" / stem).read_bytes()))
    sums = [(f"{stem}.gz", hashlib.md5((served / f"{stem}.gz").read_bytes()).hexdigest()) for stem in STEMS]
    monkeypatch.setattr(datasets.MNIST, "resources", sums)
    return served


def test_absent_files_are_downloaded_by_torchvision(tmp_path, served, mnist_folder, monkeypatch):
    """torchvision's own download path, served from this machine instead of its mirrors."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=served)) as server:
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        fresh = mnist.load(str(tmp_path / "fresh"))
        server.shutdown()
    assert torch.equal(fresh.images, mnist.load(str(mnist_folder)).images)
    assert sorted(path.name for path in (tmp_path / "fresh").rglob("*")) == sorted(["MNIST", "raw", *STEMS])


def test_archives_that_are_there_are_not_downloaded(tmp_path, served, mnist_folder, monkeypatch):
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    raw = tmp_path / "own" / "MNIST" / "raw"
    shutil.copytree(served, raw)
    own = mnist.load(str(tmp_path / "own"))
    assert torch.equal(own.images, mnist.load(str(mnist_folder)).images)
    assert sorted(path.name for path in raw.iterdir()) == sorted([*STEMS, *(f"{stem}.gz" for stem in STEMS)])


def test_another_process_downloads_at_the_same_time(tmp_path, mnist_folder, monkeypatch):
    """What one of them has written by halves the other does not see; here the other is the first to end."""
    raw = tmp_path / "fresh" / "MNIST" / "raw"

    def download(dataset):
        mine = Path(dataset.raw_folder)
        shutil.copytree(mnist_folder / "MNIST" / "raw", mine)
        assert not raw.exists()
        (mine / STEMS[0]).write_bytes(b"half")
        shutil.copytree(mnist_folder / "MNIST" / "raw", raw)
        assert torch.equal(mnist.load(str(tmp_path / "fresh")).images, expected)
        shutil.copyfile(raw / STEMS[0], mine / STEMS[0])

    expected = mnist.load(str(mnist_folder)).images
    monkeypatch.setattr(datasets.MNIST, "download", download)
    assert torch.equal(mnist.load(str(tmp_path / "fresh")).images, expected)


def test_the_environment_names_the_folder(mnist_folder, monkeypatch, job_of):
    monkeypatch.setenv("ACTBENCH_DATA", str(mnist_folder))
    job = job_of("+act=relu", "data=mnist", "data.num_val=10", "train.batch_size=10")
    assert job.config.data.root == str(mnist_folder)


@pytest.fixture
def cifar_folder(tmp_path, monkeypatch):
    """A data set in CIFAR-10's format, 20 images a file, its MD5 sums put in place of the published ones."""
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    contents = {
        name: {"data": rng.integers(0, 256, (20, 3072), dtype=np.uint8), "labels": list(range(10)) * 2}
        for name, _ in (*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list)
    } | {"batches.meta": {"label_names": [str(i) for i in range(10)]}}
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
    for attribute in ("train_list", "test_list"):
        listed = [
            [n, hashlib.md5((folder / n).read_bytes()).hexdigest()] for n, _ in getattr(datasets.CIFAR10, attribute)
        ]
        monkeypatch.setattr(datasets.CIFAR10, attribute, listed)
    md5 = hashlib.md5((folder / "batches.meta").read_bytes()).hexdigest()
    monkeypatch.setattr(datasets.CIFAR10, "meta", datasets.CIFAR10.meta | {"md5": md5})
    return tmp_path / "data", contents


def test_cifar_images_are_channels_first(cifar_folder):
    folder, contents = cifar_folder
    source = cifar.load_cifar10(str(folder))
    assert source.images.shape == (120, 3, 32, 32)
    first = contents["data_batch_1"]["data"][3].reshape(3, 32, 32)
    assert torch.equal(source.images[3], torch.as_tensor(first))
    assert source.num_test == 20


def test_a_damaged_cifar_file_is_named(cifar_folder):
    folder, _ = cifar_folder
    path = folder / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match=f"^The data file {path} is truncated or corrupt"):
        cifar.load_cifar10(str(folder))


@pytest.mark.real_data
def test_the_real_mnist(real_data):
    source = mnist.load(str(real_data))
    assert source.images.shape == (70_000, 1, 28, 28)
    assert torch.bincount(source.labels[:60_000]).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip


@pytest.mark.real_data
def test_the_real_cifar10(real_data):
    source = cifar.load_cifar10(str(real_data))
    assert source.images.shape == (60_000, 3, 32, 32)
    assert torch.bincount(source.labels[:50_000]).tolist() == [5000] * 10
    assert torch.bincount(source.labels[50_000:]).tolist() == [1000] * 10
