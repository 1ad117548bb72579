"""Data files of torchvision's data sets: intact, damaged, missing; and the real files where they exist."""

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
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist_folder(tmp_path):
    """A data set in MNIST's format: 40 + 10 images whose pixels all equal the label."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, n in (("train", 40), ("t10k", 10)):
        labels = np.arange(n) % 10
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(_idx(labels))
        (raw / f"{split}-images-idx3-ubyte").write_bytes(_idx(np.repeat(labels, 28 * 28).reshape(n, 28, 28)))
    return tmp_path / "data"


def test_images_and_labels_are_read_in_order(mnist_folder):
    source = mnist.load(str(mnist_folder))
    assert source.images.shape == (50, 1, 28, 28)
    assert source.images.dtype == torch.uint8
    assert (source.num_test, source.white) == (10, 255)
    assert torch.equal(source.labels, torch.cat([torch.arange(40), torch.arange(10)]) % 10)
    assert torch.equal(source.images[:, 0, 5, 7].long(), source.labels)


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("damage", ["truncated", "longer", "header", "empty"])
def test_a_damaged_file_is_named(stem, damage, mnist_folder):
    path = mnist_folder / "MNIST" / "raw" / stem
    intact = path.read_bytes()
    damaged = {"truncated": intact[:-1], "longer": intact + b"\0", "header": b"x" + intact[1:], "empty": b""}
    path.write_bytes(damaged[damage])
    with pytest.raises(ValueError, match="truncated or corrupt") as caught:
        mnist.load(str(mnist_folder))
    assert str(caught.value) == (
        f"The data file {path} is truncated or corrupt. Delete it to have it downloaded again, or put an intact copy "
        "in its place."
    )


def test_a_damaged_file_is_a_config_error(mnist_folder, job_of):
    path = mnist_folder / "MNIST" / "raw" / STEMS[0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"^data=mnist: The data file .* is truncated or corrupt"):
        job_of("+act=relu", "data=mnist", f"data.root={mnist_folder}")


def _offline(self):
    raise RuntimeError("Error downloading train-images-idx3-ubyte.gz:\nno network")


def test_missing_files_that_cannot_be_downloaded_are_named(tmp_path, monkeypatch, job_of):
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
def archives(tmp_path, mnist_folder, monkeypatch):
    """A folder with the archives of the data set and their MD5 sums in torchvision's list."""
    folder = tmp_path / "served"
    folder.mkdir()
    for stem in STEMS:
        (folder / f"{stem}.gz").write_bytes(gzip.compress((mnist_folder / "MNIST" / "raw" / stem).read_bytes()))
    sums = [(f"{stem}.gz", hashlib.md5((folder / f"{stem}.gz").read_bytes()).hexdigest()) for stem in STEMS]
    monkeypatch.setattr(datasets.MNIST, "resources", sums)
    return folder


def test_missing_files_are_downloaded_by_torchvision(tmp_path, archives, mnist_folder, monkeypatch):
    """With torchvision's own download from a server on this machine instead of its mirrors."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=archives)) as server:
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = mnist.load(str(tmp_path / "fresh"))
        server.shutdown()
    assert torch.equal(source.images, mnist.load(str(mnist_folder)).images)
    assert sorted(path.name for path in (tmp_path / "fresh").rglob("*")) == sorted(["MNIST", "raw", *STEMS])


def test_archives_in_the_folder_are_not_downloaded(tmp_path, archives, mnist_folder, monkeypatch):
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    raw = tmp_path / "fresh" / "MNIST" / "raw"
    shutil.copytree(archives, raw)
    source = mnist.load(str(tmp_path / "fresh"))
    assert torch.equal(source.images, mnist.load(str(mnist_folder)).images)
    assert sorted(path.name for path in raw.iterdir()) == sorted([*STEMS, *(f"{stem}.gz" for stem in STEMS)])


def test_two_processes_can_download_at_the_same_time(tmp_path, mnist_folder, monkeypatch):
    """Neither sees an incomplete file of the other; here the other process is the first to end."""
    raw = tmp_path / "fresh" / "MNIST" / "raw"

    def download(dataset):
        hidden = Path(dataset.raw_folder)
        shutil.copytree(mnist_folder / "MNIST" / "raw", hidden)
        assert not raw.exists()
        (hidden / STEMS[0]).write_bytes(b"half")
        shutil.copytree(mnist_folder / "MNIST" / "raw", raw)
        assert torch.equal(mnist.load(str(tmp_path / "fresh")).images, expected)
        shutil.copyfile(raw / STEMS[0], hidden / STEMS[0])

    expected = mnist.load(str(mnist_folder)).images
    monkeypatch.setattr(datasets.MNIST, "download", download)
    assert torch.equal(mnist.load(str(tmp_path / "fresh")).images, expected)


def test_the_environment_names_the_folder(mnist_folder, monkeypatch, job_of):
    monkeypatch.setenv("ACTBENCH_DATA", str(mnist_folder))
    job = job_of("+act=relu", "data=mnist", "data.num_val=10", "train.batch_size=10")
    assert job.config.data.root == str(mnist_folder)


@pytest.fixture
def cifar_folder(tmp_path, monkeypatch):
    """A data set in CIFAR-10's format with 20 images per file; its MD5 sums replace the published ones."""
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
        md5_sums = [
            [n, hashlib.md5((folder / n).read_bytes()).hexdigest()] for n, _ in getattr(datasets.CIFAR10, attribute)
        ]
        monkeypatch.setattr(datasets.CIFAR10, attribute, md5_sums)
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
