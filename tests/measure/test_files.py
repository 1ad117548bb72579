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
from actbench.measure.data import cifar, fashion_mnist, files, mnist

STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def _idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.astype(np.uint8).tobytes()


def _md5_sums(folder: Path, names) -> dict[str, str]:
    return {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in names}


@pytest.fixture
def mnist_folder(tmp_path, monkeypatch):
    """A data set in MNIST's format: 40 + 10 images whose pixels all equal the label; its MD5 sums replace MNIST's."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, n in (("train", 40), ("t10k", 10)):
        labels = np.arange(n) % 10
        (raw / f"{split}-labels-idx1-ubyte").write_bytes(_idx(labels))
        (raw / f"{split}-images-idx3-ubyte").write_bytes(_idx(np.repeat(labels, 28 * 28).reshape(n, 28, 28)))
    monkeypatch.setitem(files.MD5_SUMS, "MNIST", _md5_sums(raw, STEMS))
    monkeypatch.setitem(files.LABEL_COUNTS, "MNIST", {STEMS[1]: [4] * 10, STEMS[3]: [1] * 10})
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
    with pytest.raises(ValueError, match="truncated, corrupt") as caught:
        mnist.load(str(mnist_folder))
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    assert str(caught.value) == (
        f"The data file {path} is not MNIST's: it is truncated, corrupt or made of other data (its MD5 sum is {md5}). "
        "Move it away to have it downloaded again, or put an intact copy in its place."
    )


def _refusal(folder: Path) -> str:
    with pytest.raises(ValueError, match="Move it away") as caught:
        mnist.load(str(folder))
    return str(caught.value).split(". Move")[0]


@pytest.mark.parametrize("split", ["train", "t10k"])
def test_labels_in_another_order_are_told(mnist_folder, split):
    path = mnist_folder / "MNIST" / "raw" / f"{split}-labels-idx1-ubyte"
    content = path.read_bytes()
    path.write_bytes(content[:8] + content[:7:-1])
    assert _refusal(mnist_folder) == f"The data file {path} is not MNIST's: it holds MNIST's labels in another order"


def test_the_files_of_another_data_set_are_told(mnist_folder, monkeypatch):
    raw = mnist_folder / "MNIST" / "raw"
    other = _idx(np.arange(40) % 3)
    (raw / STEMS[1]).write_bytes(other)
    clothes = files.MD5_SUMS["Fashion-MNIST"] | {STEMS[1]: hashlib.md5(other).hexdigest()}
    monkeypatch.setitem(files.MD5_SUMS, "Fashion-MNIST", clothes)
    told = f"The data file {raw / STEMS[1]} is not MNIST's: it is the file {STEMS[1]} of Fashion-MNIST"
    assert _refusal(mnist_folder) == told


def test_two_files_in_each_others_place_are_told(mnist_folder):
    raw = mnist_folder / "MNIST" / "raw"
    (raw / STEMS[1]).write_bytes((raw / STEMS[3]).read_bytes())
    assert _refusal(mnist_folder).endswith(f"is not MNIST's: it is the file {STEMS[3]} of MNIST")


def test_images_with_one_other_pixel_are_refused(mnist_folder):
    path = mnist_folder / "MNIST" / "raw" / STEMS[0]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "made of other data" in _refusal(mnist_folder)


def test_torchvisions_old_tensors_are_not_read(mnist_folder):
    """torchvision prefers MNIST/processed/*.pt, which nobody has checked, to the files in MNIST/raw."""
    expected = mnist.load(str(mnist_folder))
    (mnist_folder / "MNIST" / "processed").mkdir()
    for name in ("training.pt", "test.pt"):
        tensors = (torch.zeros(4, 28, 28, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))
        torch.save(tensors, mnist_folder / "MNIST" / "processed" / name)
    assert torch.equal(mnist.load(str(mnist_folder)).labels, expected.labels)


@pytest.mark.parametrize("dotted", [STEMS, STEMS[:1]])
def test_names_with_a_dot_are_found(mnist_folder, dotted):
    expected = mnist.load(str(mnist_folder))
    raw = mnist_folder / "MNIST" / "raw"
    for stem in dotted:
        (raw / stem).rename(raw / stem.replace("-idx", ".idx"))
    source = mnist.load(str(mnist_folder))
    assert torch.equal(source.images, expected.images)
    assert torch.equal(source.labels, expected.labels)


def test_every_data_set_has_the_sums_of_its_files():
    for sums in files.MD5_SUMS.values():
        assert all(len(md5) == 32 and int(md5, 16) for md5 in sums.values())
    every = [md5 for sums in files.MD5_SUMS.values() for md5 in sums.values()]
    assert len(set(every)) == len(every) == 4 + 4 + 6 + 2
    archives = [md5 for dataset in (datasets.MNIST, datasets.FashionMNIST) for _, md5 in dataset.resources]
    assert not set(archives) & set(every)  # of the unpacked files, not of the archives


def test_a_damaged_file_is_a_config_error(mnist_folder, job_of):
    path = mnist_folder / "MNIST" / "raw" / STEMS[0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"^data=mnist: The data file .* is not MNIST's: it is truncated, corrupt"):
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


@pytest.mark.parametrize("separator", ["-idx", ".idx"])
def test_archives_in_the_folder_are_not_downloaded(tmp_path, archives, mnist_folder, monkeypatch, separator):
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    raw = tmp_path / "fresh" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in archives.iterdir():
        shutil.copy(archive, raw / archive.name.replace("-idx", separator))
    source = mnist.load(str(tmp_path / "fresh"))
    assert torch.equal(source.images, mnist.load(str(mnist_folder)).images)
    kept = [f"{stem}.gz".replace("-idx", separator) for stem in STEMS]
    assert sorted(path.name for path in raw.iterdir()) == sorted([*STEMS, *kept])


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
        for name in files.MD5_SUMS["CIFAR-10"]
    }
    for name, content in contents.items():
        (folder / name).write_bytes(pickle.dumps(content))
    monkeypatch.setitem(files.MD5_SUMS, "CIFAR-10", _md5_sums(folder, contents))
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
    with pytest.raises(ValueError, match=f"^The data file {path} is not CIFAR-10's: it is truncated, corrupt"):
        cifar.load_cifar10(str(folder))


def test_cifar100_has_its_fine_labels(tmp_path, monkeypatch):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name, n in (("train", 5), ("test", 2)):
        entries = {"data": np.full((n, 3072), n, np.uint8), "fine_labels": [99 - i for i in range(n)]}
        (folder / name).write_bytes(pickle.dumps(entries | {"coarse_labels": [0] * n}))
    monkeypatch.setitem(files.MD5_SUMS, "CIFAR-100", _md5_sums(folder, ("train", "test")))
    source = cifar.load_cifar100(str(tmp_path))
    assert source.labels.tolist() == [99, 98, 97, 96, 95, 99, 98]
    assert source.images[:, 2, 31, 31].tolist() == [5] * 5 + [2] * 2


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("load", "dataset"),
    [(mnist.load, datasets.MNIST), (cifar.load_cifar10, datasets.CIFAR10)],
    ids=["mnist", "cifar10"],
)
def test_real_files_are_read_as_torchvision_reads_them(real_data, load, dataset):
    source = load(str(real_data))
    subsets = [dataset(str(real_data), train=is_train) for is_train in (True, False)]
    images = torch.cat([torch.as_tensor(subset.data) for subset in subsets])
    assert torch.equal(source.images, images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2))
    assert source.labels.tolist() == [label for subset in subsets for label in subset.targets]


@pytest.mark.real_data
def test_shuffled_labels_of_the_real_mnist_are_told(real_data, tmp_path, job_of):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in STEMS:
        (raw / stem).symlink_to(real_data / "MNIST" / "raw" / stem)
    labels = np.frombuffer((raw / STEMS[1]).read_bytes(), np.uint8)[8:]
    (raw / STEMS[1]).unlink()
    (raw / STEMS[1]).write_bytes(_idx(np.random.default_rng(0).permutation(labels)))
    with pytest.raises(ConfigError, match=r"is not MNIST's: it holds MNIST's labels in another order\."):
        job_of("+act=relu", "data=mnist", f"data.root={tmp_path}")


@pytest.mark.real_data
def test_digits_are_no_clothes(real_data, tmp_path):
    (tmp_path / "FashionMNIST").mkdir()
    (tmp_path / "FashionMNIST" / "raw").symlink_to(real_data / "MNIST" / "raw")
    with pytest.raises(ValueError, match=f"is not Fashion-MNIST's: it is the file {STEMS[0]} of MNIST"):
        fashion_mnist.load(str(tmp_path))


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
