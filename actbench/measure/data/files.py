"""The files of a data set: found, or downloaded by torchvision; recognised by their MD5 sums; read as tensors."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torchvision.datasets import CIFAR10, CIFAR100, VisionDataset

from actbench.measure.data.splits import Source
from actbench.tables import atomic

IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
# Data set -> file -> its MD5 sum. torchvision has the sums of MNIST's and Fashion-MNIST's archives; these are of the
# unpacked files: MNIST's computed, Fashion-MNIST's from three public readers, one of which gives torchvision's too.
MD5_SUMS: dict[str, dict[str, str]] = {
    "MNIST": {
        f"train-{IMAGES}": "6bbc9ace898e44ae57da46a324031adb",
        f"train-{LABELS}": "a25bea736e30d166cdddb491f175f624",
        f"t10k-{IMAGES}": "2646ac647ad5339dbf082846283269ea",
        f"t10k-{LABELS}": "27ae3e4e09519cfbb04c329615203637",
    },
    "Fashion-MNIST": {
        f"train-{IMAGES}": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        f"train-{LABELS}": "9018921c3c673c538a1fc5bad174d6f9",
        f"t10k-{IMAGES}": "8181f5470baa50b63fa0f6fddb340f0a",
        f"t10k-{LABELS}": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    "CIFAR-10": dict([*CIFAR10.train_list, *CIFAR10.test_list]),
    "CIFAR-100": dict([*CIFAR100.train_list, *CIFAR100.test_list]),
}
# Data set -> file -> the number of its labels 0, 1, …: what labels in another order still have.
LABEL_COUNTS: dict[str, dict[str, list[int]]] = {
    "MNIST": {
        f"train-{LABELS}": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        f"t10k-{LABELS}": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    },
    "Fashion-MNIST": {f"train-{LABELS}": [6000] * 10, f"t10k-{LABELS}": [1000] * 10},
}


class Part(NamedTuple):
    """The content of one file, or of two: images (N, C, H, W) uint8, labels (N,), None where it holds none."""

    images: np.ndarray | None
    labels: np.ndarray | None


def read(
    name: str,
    dataset: type[VisionDataset],
    root: str,
    *,
    folder: str,
    parse: Callable[[bytes], Part],
) -> Source:
    """Read a data set's files, which torchvision downloads if they are missing.

    Args:
        name: Its name in `MD5_SUMS`, which lists its files in the order of their examples, the test set last.
        dataset: torchvision's class, which can download it.
        root: torchvision's folder of data sets.
        folder: The data set's own folder in it.
        parse: Returns the content of a file.

    Raises:
        FileNotFoundError: If files are missing and cannot be downloaded.
        ValueError: If a file is not the data set's.
    """
    base = Path(os.path.expanduser(root))
    wanted = [Path(folder, file) for file in MD5_SUMS[name]]
    missing = [file for file in wanted if not _stored(base / file).is_file()]
    if missing:
        _download(dataset, base, missing)
    parts = [parse(_content(_stored(base / file), name, file.name)) for file in wanted]
    images = [part.images for part in parts if part.images is not None]
    labels = [part.labels for part in parts if part.labels is not None]
    return Source(
        images=torch.from_numpy(np.concatenate(images)),
        labels=torch.from_numpy(np.concatenate(labels)).long(),
        num_test=len(labels[-1]),
        white=255,
    )


def _stored(path: Path) -> Path:
    """The path, or its older spelling train-images.idx3-ubyte where that exists."""
    dotted = path.with_name(path.name.replace("-idx", ".idx"))
    return dotted if dotted.is_file() and not path.is_file() else path


def _content(path: Path, name: str, file: str) -> bytes:
    """The bytes of a file, if they are those of the data set `name`."""
    content = path.read_bytes()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if md5 != MD5_SUMS[name][file]:
        raise ValueError(
            f"The data file {path} is not {name}'s: {_what_it_is(content, md5)}. Move it away to have it downloaded "
            "again, or put an intact copy in its place."
        )
    return content


def _what_it_is(content: bytes, md5: str) -> str:
    """A clause that says what a file of another MD5 sum is, as far as that can be told."""
    for name, sums in MD5_SUMS.items():
        for file, known in sums.items():
            if md5 == known:
                return f"it is the file {file} of {name}"
    if content[:4] == b"\0\0\x08\x01":  # an IDX file of labels
        counts = np.bincount(np.frombuffer(content[8:], np.uint8)).tolist()
        for name, counts_of in LABEL_COUNTS.items():
            if counts in counts_of.values():
                return f"it holds {name}'s labels in another order"
    return f"it is truncated, corrupt or made of other data (its MD5 sum is {md5})"


def parse_idx(content: bytes) -> Part:
    """An IDX file: 0, 0, 8 (bytes), number of axes, the size of each (big-endian), then the values."""
    axes = content[3]
    sizes = np.frombuffer(content, ">u4", count=axes, offset=4)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(sizes)
    return Part(None, values) if axes == 1 else Part(values[:, None], None)


def _download(dataset: type[VisionDataset], folder: Path, missing: list[Path]) -> None:
    """Let torchvision download the data set, or unpack the archives that the user has put there.

    It works in a hidden folder first, since another process may download the same data set.
    """
    data_folder = folder / missing[0].parts[0]
    archives = [folder / getattr(dataset, "filename", "-"), *data_folder.rglob("*.gz")]  # one for all files or for each
    try:
        atomic.remove_abandoned(folder)
        with atomic.temporary(data_folder) as hidden:
            for archive in filter(Path.is_file, archives):
                copy = (hidden / archive.relative_to(folder)).with_name(archive.name.replace(".idx", "-idx"))
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(archive, copy)
            dataset(root=str(hidden), train=True, download=True)  # type: ignore[call-arg]
            for file in missing:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(hidden / file, folder / file)
    except (OSError, RuntimeError) as error:  # mirrors and urllib raise errors of many types
        with suppress(OSError):  # a folder with files stays
            folder.rmdir()
        names = ", ".join(sorted({str(file.name) for file in missing}))
        reason = str(error).strip().splitlines()[0].rstrip(":.")
        raise FileNotFoundError(
            f"The data files {names} are not in {folder / missing[0].parent} and could not be downloaded ({reason}). "
            f"Put them there, or name the folder that holds {missing[0].parts[0]}/ with data.root=FOLDER "
            "or the environment variable ACTBENCH_DATA."
        ) from error
